"""A recorded folder that is brought back: where it goes, and what is told of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cli import beside, outfile, output
from cli.hints import runnable
from ledger.domain.codecs.text import counted
from ledger.domain.files import path_names

if TYPE_CHECKING:
    from cli.reading import Read
    from ledger.client.folder_back import BroughtBack, NotBack
    from ledger.domain.files.manifest import Manifest

_SHOWN = 20  # failures that are listed; --json has all
_HINTS = 3
_LEAST = 1 << 20  # bytes from which they are counted, and below which files are


def bring(read: Read, listed: Manifest, out: Path | None, *, force: bool) -> None:
    """Bring back a folder whose manifest was read, and tell what became of it.

    Args:
        out: the folder to fill; None for one of the recorded name in the working folder.

    Raises:
        UsageError: it would lie where keys do, or is no folder. UnwrittenError: it cannot be made.
        typer.Exit: not all of it is there (3), or what the node sent is not what was signed (1).
    """
    from ledger.adapters import files
    from ledger.client.folder_back import FolderBack, Reading
    from ledger.client.written_folder import open_top
    from ledger.domain.errors import UnwrittenError

    name = str(read.body.get("name", ""))
    target = out if out is not None else beside.free(name, f"item-{read.named.short[:8]}")
    outfile.require_folder(target)
    session = read.session
    reading = Reading(session.node, session.person, session.clock, read.said)
    total, count = sum(one.size for one in listed.members), len(listed.members)
    unit, most = ("bytes", total) if total >= _LEAST else ("files", count)
    try:
        top = open_top(target)
        files.remove_leftovers(target)
        try:
            with output.progress("bringing back", most, unit=unit) as advance:
                back = FolderBack(reading, top, force=force, progress=advance, count=unit)
                done = back.bring(listed)
        finally:
            top.close()
    except OSError as error:
        raise UnwrittenError(
            f"cannot write into {target}: {error.strerror}",
            hint=f"your access was signed ({read.access}); name another folder with --output",
        ) from error
    value = _value(read, listed, target, done)
    output.result(value, *_told(listed, target, name, done))
    if done.whole:
        return
    contradicted = any(failed.contradicts for failed in done.failed)
    raise typer.Exit(1 if contradicted else 3)


def _value(read: Read, listed: Manifest, target: Path, done: BroughtBack) -> dict[str, Any]:
    return {
        "path": str(target),
        "name": str(read.body.get("name", "")),
        "size": read.body["size"],
        "digests": read.body["digests"],
        "access": read.access,
        "manifestOf": len(listed.members),
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


def _told(listed: Manifest, target: Path, name: str, done: BroughtBack) -> list[str]:
    """What is there, what is not, and what was never recorded."""
    there, whole = done.fetched + done.kept, len(listed.members)
    size = output.size(sum(member.size for member in listed.members))
    kept = f", {done.kept} of them there before" if done.kept else ""
    if done.whole:
        lines = [
            f"{target}: the folder {name!r} with its {counted(whole, 'file')}, {size}{kept}",
            "each file has the digests of its own signed record and of the folder's manifest",
        ]
    else:
        lines = [f"{target}: NOT WHOLE: {there} of the {counted(whole, 'file')} of {name!r}{kept}"]
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
