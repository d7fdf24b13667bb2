"""A recorded folder that is brought back, and a selection of items: where they go, and what is told
of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cli.files import beside, segments_back
from cli.files.reading import Read, same_as_recorded
from cli.invocation.hints import runnable
from cli.items import short_ids
from cli.terminal import outfile, output
from ledger.domain.codecs.text import counted
from ledger.domain.files import path_names

if TYPE_CHECKING:
    from cli.items.short_ids import Named
    from cli.node.session import Session
    from ledger.client.files.written_folder import WrittenFolder
    from ledger.client.reading.folder_back import BroughtBack, FolderBack, NotBack
    from ledger.domain.errors import CustodyError
    from ledger.domain.files.manifest import Manifest
    from ledger.domain.files.path_globs import PathGlobs

_SHOWN = 20  # failures that are listed; --json has all
_HINTS = 3
_LEAST = 1 << 20  # bytes from which they are counted, and below which files are


@dataclass(slots=True)
class _Told:
    """What became of an item: for scripts, for people, and whether something failed."""

    value: dict[str, Any]
    lines: list[str]
    whole: bool = True
    contradicted: bool = False
    stopped: bool = False  # nothing further could come either


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of recorded folders: which files (None for all), and whether other files that
    stand there are written over.
    """

    only: PathGlobs | None = None
    force: bool = False


@dataclass(slots=True)
class _Names:
    """Names in a folder that items of one selection have already."""

    taken: set[str] = field(default_factory=set)

    def free(self, wanted: str) -> str:
        """A name that none of them has."""
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}-{number}", number + 1
        self.taken.add(name)
        return name


def bring(read: Read, out: Path | None, wish: Wish) -> None:
    """Bring back a folder whose manifest was read, and tell what became of it.

    Args:
        out: the folder to fill; None for one of the recorded name in the working folder.

    Raises:
        UsageError: it would lie where keys do, or is no folder. UnwrittenError: it cannot be made.
        typer.Exit: not all of it is there (3), or what the node sent is not what was signed (1).
    """
    name = str(read.body.get("name", ""))
    target = out if out is not None else beside.free(name, f"item-{read.named.short[:8]}")
    top = _open(target)
    try:
        told = _folder(read, top, target, wish)
    finally:
        top.close()
    output.result(told.value, *told.lines)
    _end([told])


def bring_each(
    session: Session, named: list[tuple[str, Named]], target: Path, basis: str, wish: Wish
) -> None:
    """Bring items into one folder: a file under its recorded name, a folder into one of its own,
    or into this one where it is the only item.

    Args:
        named: each item, and how it was typed.

    Raises:
        UsageError, UnwrittenError, typer.Exit: as for ``bring``.
    """
    from ledger.client.reading.folder_back import is_over
    from ledger.domain.errors import CustodyError, VerificationError

    top, names, done = _open(target), _Names(), list[_Told]()
    asked = ""  # what somebody answered at the terminal, who is not asked again
    try:
        files = _back(session, {}, top, wish)
        for typed, item in named:
            read = None
            try:
                read = Read(session, item, typed, basis or ("" if item.case else asked))
                asked = asked if item.case else read.said["purpose"]
                own = names if len(named) > 1 else None
                told = _one(read, files, top, target, own, wish)
            except (CustodyError, OSError) as error:
                # What the disk refused while content came is told with the access, which stands.
                if len(named) == 1 and isinstance(error, CustodyError):
                    raise
                told = _failed(typed, error, read.access if read is not None else "")
                told.contradicted = isinstance(error, VerificationError)
                told.stopped = is_over(error)
            done.append(told)
            if told.stopped:
                break
    finally:
        top.close()
    untried = len(named) - len(done)
    lines = [line for told in done for line in told.lines]
    if untried:
        lines.append(f"{counted(untried, 'item')} not tried any more")
    value = {"items": [told.value for told in done], "untried": untried}
    output.result(done[0].value if len(named) == 1 else value, *lines)
    _end(done, untried=untried)


def _end(done: list[_Told], *, untried: int = 0) -> None:
    if any(told.contradicted for told in done):
        raise typer.Exit(1)
    if untried or not all(told.whole for told in done):
        raise typer.Exit(3)


def _open(target: Path) -> WrittenFolder:
    from ledger.adapters import files
    from ledger.client.files.written_folder import open_top
    from ledger.domain.errors import UnwrittenError

    outfile.require_folder(target)
    try:
        top = open_top(target)
        files.remove_leftovers(target)
        top.require_writable()
    except OSError as error:
        raise UnwrittenError(
            f"cannot write into {target}: {error.strerror}",
            hint="name another folder with --output",
        ) from error
    return top


def _one(
    read: Read,
    files: FolderBack,
    top: WrittenFolder,
    target: Path,
    names: _Names | None,
    wish: Wish,
) -> _Told:
    """Bring one item of a selection.

    Args:
        names: gives a folder one of its own; None where it fills the top.
    """
    plain = beside.plain(str(read.body.get("name", "")), f"item-{read.named.short[:8]}")
    if segments := segments_back.parts(read):
        own = "" if names is None else names.free(segments_back.stem(segments))
        return _Told(*segments_back.fill(read, segments, target / own))
    if not read.is_folder:
        return _file(read, files, target, plain)
    read.content(None)
    if names is None:
        return _folder(read, top, target, wish)
    name = names.free(plain)
    below = top.folder(name.encode())
    try:
        return _folder(read, below, target / name, wish)
    finally:
        below.close()


def _file(read: Read, files: FolderBack, target: Path, plain: str) -> _Told:
    before = files.done.kept
    name = files.bring_file(read.urn, read.access, read.body, plain.encode()).decode()
    kept = files.done.kept > before
    value = {
        "path": str(target / name),
        "name": str(read.body.get("name", "")),
        "size": read.body["size"],
        "digests": read.body["digests"],
        "access": read.access,
        "kept": kept,
    }
    there = ", there before" if kept else ""
    what = f"{target / name}: {output.size(read.body['size'])}{there}"
    return _Told(value, same_as_recorded(what, read.body["digests"]))


def _failed(typed: str, error: CustodyError | OSError, access: str) -> _Told:
    from ledger.domain.errors import CustodyError

    if isinstance(error, CustodyError):
        reason, hint = error.message, error.hint
    else:
        reason = error.strerror or str(error)
        hint = "make room on that disk, or name another folder with --output"
    lines = [f"{typed}: NOT THERE: {reason}"]
    lines += [f"  what to do: {runnable(hint)}"] if hint else []
    if access:
        lines.append(f"  your access was signed and recorded ({short_ids.short_digest(access)})")
    return _Told({"item": typed, "reason": reason, "access": access or None}, lines, whole=False)


def _back(
    session: Session, basis: dict[str, Any], top: WrittenFolder, wish: Wish, **more: Any
) -> FolderBack:
    from ledger.client.reading.folder_back import FolderBack, Reading

    reading = Reading(session.node, session.person, session.clock, basis)
    return FolderBack(reading, top, force=wish.force, **more)


def _folder(read: Read, top: WrittenFolder, target: Path, wish: Wish) -> _Told:
    """Bring back a folder whose manifest was read.

    Raises:
        UsageError: the manifest is none. NotFoundError: no file of it was meant.
    """
    listed = _chosen(read, wish)
    total, count = sum(one.size for one in listed.members), len(listed.members)
    unit, most = ("bytes", total) if total >= _LEAST else ("files", count)
    with output.progress("bringing back", most, unit=unit) as advance:
        back = _back(read.session, read.said, top, wish, progress=advance, count=unit)
        done = back.bring(listed)
    contradicted = any(failed.contradicts for failed in done.failed)
    return _Told(
        _value(read, listed, target, done),
        _lines(read, listed, target, done),
        done.whole,
        contradicted,
        stopped=bool(done.untried),
    )


def _chosen(read: Read, wish: Wish) -> Manifest:
    from ledger.domain.errors import FormatError, NotFoundError
    from ledger.domain.files import path_globs

    if read.listed is None:
        raise FormatError(read.problem, hint="get it as a file: --manifest, with another --output")
    if wish.only is None:
        return read.listed
    chosen = path_globs.chosen(read.listed, wish.only)
    if not chosen.members and len(chosen.folders) < 2:
        count = counted(len(read.listed.members), "file")
        raise NotFoundError(
            f"--only means none of the {count} of this folder: {', '.join(wish.only.patterns)}",
            hint="see their paths: custody get ID --manifest; upper and lower case differ",
        )
    return chosen


def _value(read: Read, listed: Manifest, target: Path, done: BroughtBack) -> dict[str, Any]:
    assert read.listed is not None
    return {
        "path": str(target),
        "name": str(read.body.get("name", "")),
        "size": read.body["size"],
        "digests": read.body["digests"],
        "access": read.access,
        "manifestOf": len(read.listed.members),
        "fetched": done.fetched,
        "kept": done.kept,
        "untried": done.untried,
        "failed": [
            {
                "path": path_names.encode(failed.path),
                "evidence": failed.evidence or None,
                "reason": failed.reason,
                "contradicts": failed.contradicts,
            }
            for failed in done.failed
        ],
        "omitted": len(listed.omissions),
    }


def _lines(read: Read, listed: Manifest, target: Path, done: BroughtBack) -> list[str]:
    """What is there, what is not, and what was never recorded."""
    assert read.listed is not None
    name, every = read.body.get("name", ""), len(read.listed.members)
    there, wanted = done.fetched + done.kept, len(listed.members)
    size = output.size(sum(member.size for member in listed.members))
    kept = f", {done.kept} of them there before" if done.kept else ""
    files = counted(every, "file")
    part = f"{wanted} of the {files}" if wanted < every else files
    if done.whole:
        what = f"{part} of the folder {name!r}" if wanted < every else f"the folder {name!r}"
        its = "" if wanted < every else f" with its {part}"
        lines = [
            f"{target}: {what}{its}, {size}{kept}",
            "each file has the digests of its own signed record and of the folder's manifest",
        ]
    else:
        lines = [f"{target}: NOT WHOLE: {there} of the {counted(wanted, 'file')} of {name!r}{kept}"]
    if listed.omissions:
        count = counted(len(listed.omissions), "entry", ("was", "were"))
        lines.append(f"{count} not recorded then, so not here; --manifest names each with why")
    return lines + _failures(done)


def _failures(done: BroughtBack) -> list[str]:
    lines = []
    if done.failed:
        lines.append(f"{len(done.failed)} not as recorded:")
        lines += [f"  {_line(failed)}" for failed in done.failed[:_SHOWN]]
        if len(done.failed) > _SHOWN:
            lines.append(f"  and {len(done.failed) - _SHOWN} more")
    if done.untried:
        lines.append(f"{counted(done.untried, 'file')} not tried any more")
    hints = list(dict.fromkeys(failed.hint for failed in done.failed if failed.hint))
    lines += [f"what to do: {runnable(hint)}" for hint in hints[:_HINTS]]
    if not done.whole:
        lines.append("then the same command again: what is there and right is left as it is")
    return lines


def _line(failed: NotBack) -> str:
    return f"{path_names.encode(failed.path) or '.'}: {failed.reason}"
