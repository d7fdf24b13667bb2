"""custody bundle"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import output
from cli.state import STATE, Basis, Evidence, Json

_HELP = """Export an item's record as one file that verifies offline. Your export is signed and recorded first.

\b
Example:
  custody --home ~/evidence bundle 3f0c1d2e-... -o x.bundle --basis "court"
"""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(help=_HELP)
    def bundle(
        evidence: Evidence,
        out: Annotated[Path, typer.Option("-o", "--output", help="File to write.")],
        basis: Basis,
        as_json: Json = False,
    ) -> None:
        from cli.session import basis as basis_member
        from cli.session import evidence_urn, open_session
        from ledger.adapters import files
        from ledger.domain.bundle import parse
        from ledger.services import retrieve

        urn = evidence_urn(evidence)
        with open_session() as session:
            access = retrieve.record_access(session.node, session.person, session.clock, urn, mode="export", basis=basis_member(basis))
            data = session.node.bundle(urn, access)
        parsed = parse(data)
        files.write(out, data, mode=0o644)
        waiting = sum(one.receipt is None for one in parsed.statements)
        text = f"{out}: {len(parsed.statements)} events, {output.size(len(data))}"
        if waiting:
            text += f"\nnot anchored yet: {waiting} of them, so it verifies as incomplete:"
            text += f" custody --home {STATE.home} anchor, then export again"
        output.result({"path": str(out), "events": len(parsed.statements), "size": len(data), "waiting": waiting, "access": access}, text)
