"""custody court"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.court import court_folder, court_page, withholding
from cli.files import beside
from cli.invocation import command_line
from cli.invocation.global_options import Basis, Evidence, Json
from cli.invocation.hints import command
from cli.items import items, short_ids
from cli.terminal import outfile, output
from cli.wording import trust_lines
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.node.session import Session

_HELP = """Leave a folder that a court can open: the item's file, its bundle, the trust root, and a
page that says in plain words how to check them. Both accesses are signed and recorded first, and
the folder is verified, as its reader will, before it is left.

\b
Example:
  custody court 2026-117/A1
  custody court 3f0c1d2e -o hearing --basis "hearing of 3 May"
"""


def court(
    evidence: Evidence,
    out: Annotated[
        Path, typer.Option("-o", "--output", help="Folder to make; nothing may lie in it.")
    ] = Path("for-the-court"),
    basis: Basis = "",
    withhold: withholding.Withhold = None,
    recipient: withholding.Recipient = "",
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.adapters import files
    from ledger.client.reading.redaction import Withheld
    from ledger.domain.errors import CustodyError, UnwrittenError, UsageError

    items.require_said(basis)
    left_out = Withheld(withhold or [])  # another form is told before anything is signed
    outfile.require_folder(out)
    files.require_vacant(out, hint=f"name another: {_again(out)}")
    with open_session() as session:

        def ready(session: Session, urn: str) -> None:
            if court_folder.require_ready(session, urn):
                left_out.require_compared()

        asked = withholding.asked(session, evidence, basis, "court", recipient, withhold, ready)
        signed = [asked.access] if asked.access else []
        try:
            left = court_folder.write(
                *(session, asked.named.urn, out, asked.why),
                withhold=asked.left_out,
                signed=signed,
            )
        # Wrong usage in the end: somebody put a file of that name there meanwhile.
        except CustodyError as error:
            is_files = isinstance(error, UnwrittenError | UsageError)
            if not is_files or isinstance(error, withholding.NotThereError):
                output.say(*([_standing(signed)] if signed else []))
                raise
            if not signed:
                raise
            raise typer.Exit(_unwritten(error, signed)) from error
        listed = short_ids.shorts(session, (left.listed or ())[:1])
    output.result(as_json_of(left), *told(left, *listed.values()))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(court)


def _unwritten(error: Exception, signed: list[str]) -> int:
    """Say what was done and stays done, where the disk refused the rest; the exit code."""
    output.result(
        {"path": None, "access": signed},
        _standing(signed),
    )
    return output.tell(
        f"the work was done, and only its files could not be written: {error}",
        "make it again, with another --output",
        output.UNPRINTED,
    )


def _standing(signed: list[str]) -> str:
    """What stays in the item's history of a folder that was not left."""
    shorts = ", ".join(map(short_ids.short_digest, signed))
    return f"your accesses were signed and recorded ({shorts}); no folder was left"


def _again(out: Path) -> str:
    """The same command with the name of a folder that is free; what was to be withheld stays
    withheld.
    """
    near = out if out.name not in ("", "..") else out / "for-the-court"
    return command_line.again("-o", beside.numbered(near, ""), without=("--output",))


def as_json_of(left: court_page.CourtFolder) -> dict[str, object]:
    """Stable keys for scripts (docs/format.md)."""
    return {
        "path": str(left.folder),
        "file": left.file or None,
        "segments": list(left.segments),
        "bundle": left.bundle,
        "verdict": str(left.report.verdict),
        "access": list(left.accesses),
        "listed": None if left.listed is None else list(left.listed),
        **trust_lines.as_json(left.root),
    }


def _listed(left: court_page.CourtFolder, first: str) -> list[str]:
    """What is not in a folder whose file is the list of others, and how it comes.

    Args:
        first: short id of the first of them.
    """
    if left.listed is None:
        return [
            f"{left.file} was recorded as the list of a folder, and is none that can be read here:",
            "files that belong to it are named nowhere, and are not in here.",
        ]
    if not left.listed:
        return []
    where = left.folder.with_name(f"{left.folder.name}-1")
    count = counted(len(left.listed), "file", ("is", "are"))
    return [
        f"{left.file} is the list of a folder: {count} named in it and not in here,",
        "each an item of its own.",
        f"The first of them: {command('court', first, '-o', where)}",
    ]


def _recorded(left: court_page.CourtFolder) -> list[str]:
    """What stays in the item's history of this export; nothing of an item that was disposed of."""
    if not left.accesses:
        return []
    signed = ", ".join(map(short_ids.short_digest, left.accesses))
    return [f"signed by you and recorded in its history, for this folder: {signed}"]


def told(left: court_page.CourtFolder, first: str = "") -> list[str]:
    """What was left, and what is still to be said to whoever gets it.

    Args:
        first: short id of the first item that its file lists, where it lists some.
    """
    segments = [left.segments[0], "...", left.segments[-1]] if left.segments[2:] else left.segments
    names = [left.file, *segments, left.bundle, court_page.TRUST, beside.PAGE]
    printed = trust_lines.lines(left.root)
    # By the one that covers no pins the folder is incomplete.
    which = "the second one" if len(printed) > 1 else "it"
    return [
        f"{left.folder}: {', '.join(filter(None, names))}",
        f"checked as its reader will, without network: {left.report.verdict}",
        *_recorded(left),
        *_listed(left, first),
        *printed,
        f"read {which} to whoever gets the folder, by another way than the folder",
    ]
