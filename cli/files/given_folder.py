"""A folder that somebody was given, named in the place of its bundle: which bundle and which file
in it are meant. A trust root in it is never taken by itself (see cli/files/beside.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cli.files import beside
from cli.invocation.hints import elsewhere
from cli.terminal import output
from ledger.domain.codecs.text import counted
from ledger.domain.errors import UnreadableError, UsageError

_NAMED = 8


def pair(folder: Path, typed: Sequence[object]) -> tuple[Path, Path | None]:
    """The one bundle of a folder, and the file that is called as the bundle is. The file is None
    where nothing but the bundle is there to be verified, and it is called like no file: then the
    record alone is.

    Args:
        typed: further words of the command, for the ones that are told.

    Raises:
        UnreadableError: there is no bundle, or several, its file is not there, or it is not certain
            which file is meant.
    """
    there = _files(folder)
    bundles = [path for path in there if beside.is_bundle(path) and path.suffix == beside.BUNDLE]
    if not bundles:
        raise UnreadableError(
            f"{folder} is a folder, not an evidence bundle, and none is in it: it holds "
            f"{_names(there)}",
            hint="name the bundle: one file, as `custody bundle` and `custody court` write it",
        )
    if len(bundles) > 1:
        raise UnreadableError(
            f"{folder} is a folder with {len(bundles)} evidence bundles: {_names(bundles)}",
            hint=f"name one of them: {elsewhere('verify', bundles[0], *typed)}",
        )
    [bundle] = bundles
    others = _joined([path for path in there if path != bundle and not _goes_along(path)])
    named = [path for path in others if bundle in beside.bundles_of(path)]
    if len(named) != 1 and others:
        # Which one was meant is nothing to guess: a verdict on another file would be believed.
        raise UnreadableError(
            f"{bundle} is the bundle of one file, and {folder} holds {_names(others)}: neither "
            "verified nor refuted",
            hint="name the file with it: "
            + elsewhere("verify", bundle, (named or others)[0], *typed),
        )
    if not named:
        if Path(bundle.stem).suffix:  # whoever took the file away would get a verdict without it
            raise UnreadableError(
                f"{bundle} is the bundle of {bundle.stem}, which {folder} does not hold: neither "
                "verified nor refuted",
                hint="to verify the record alone: " + elsewhere("verify", bundle, *typed),
            )
        return bundle, None
    [file] = named
    output.note(f"verifying {file} by {bundle}")
    if left := [path for path in others if path != file]:
        output.say(f"compared with nothing: {_names(left)}")
    return bundle, file


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_file())
    except OSError as error:
        raise UnreadableError(
            f"cannot read {folder}: {error.strerror}", hint="check the path and your permissions"
        ) from error


def _joined(paths: list[Path]) -> list[Path]:
    """Without the later segments of disk images: the first one stands for all."""
    from ledger.client.images import disk_image

    later: set[Path] = set()
    for path in paths:
        with suppress(UsageError):  # of two that are called alike, whoever reads them tells
            later |= {*disk_image.called_as_segments(path)[1:]}
    return [path for path in paths if path not in later]


def _goes_along(path: Path) -> bool:
    """Whether a file is no evidence, but lies beside it in a folder for the court."""
    return path.name == beside.PAGE or beside.is_trust_root(path)


def _names(paths: list[Path]) -> str:
    """Names of files, the first of them where there are many."""
    if not paths:
        return "no file"
    names = ", ".join(path.name for path in paths[:_NAMED])
    more = len(paths) - _NAMED
    return f"{names} and {counted(more, 'more file')}" if more > 0 else names
