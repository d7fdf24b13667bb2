"""custody court"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import court_folder, outfile, output, trust_lines
from cli.global_options import Basis, Evidence, Json

_HELP = """Leave a folder that a court can open: the item's file, its bundle, the trust root, and a
page that says in plain words how to check them. Both accesses are signed and recorded first, and
the folder is verified, as its reader will, before it is left.

\b
Example:
  custody court 3f0c1d2e-... -o for-the-court --basis "hearing of 3 May"
"""


def court(
    evidence: Evidence,
    basis: Basis,
    out: Annotated[
        Path, typer.Option("-o", "--output", help="Folder to make; nothing may lie in it.")
    ] = Path("for-the-court"),
    withhold: Annotated[
        list[str] | None,
        typer.Option(help="What to leave out: /body/place, 3:/body/place, or 3 (a whole event)."),
    ] = None,
    as_json: Json = False,
) -> None:
    from cli.arguments import basis as basis_member
    from cli.arguments import evidence_urn
    from cli.session import open_session
    from ledger.adapters import files
    from ledger.client.redaction import Withheld

    urn, why = evidence_urn(evidence), basis_member(basis)
    Withheld(withhold or [])  # a selector of another form is told before anything is signed
    outfile.require_folder(out)
    files.require_vacant(out, hint="name a folder that is to be made")
    with open_session() as session:
        left = court_folder.write(session, urn, out, why, withhold=withhold or [])
    output.result(as_json_of(left), *told(left))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(court)


def as_json_of(left: court_folder.CourtFolder) -> dict[str, object]:
    """Stable keys for scripts (docs/format.md)."""
    return {
        "path": str(left.folder),
        "file": left.file or None,
        "bundle": left.bundle,
        "verdict": str(left.report.verdict),
        "access": list(left.accesses),
        **trust_lines.as_json(left.root),
    }


def told(left: court_folder.CourtFolder) -> list[str]:
    """What was left, and what is still to be said to whoever gets it."""
    names = [left.file, left.bundle, court_folder.TRUST, court_folder.PAGE]
    return [
        f"{left.folder}: {', '.join(filter(None, names))}",
        f"checked as its reader will, without network: {left.report.verdict}",
        *trust_lines.lines(left.root),
        "read it to whoever gets the folder, by another way than the folder",
    ]
