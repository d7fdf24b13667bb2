"""custody get"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import outfile, output
from cli.state import Basis, Evidence, Json

_HELP = """Decrypt an item into a file. Your access is signed and in the log before any key is released.

\b
Example:
  custody --home ~/evidence get 3f0c1d2e-... -o photo.jpg --basis "analysis"
"""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(help=_HELP)
    def get(
        evidence: Evidence,
        out: Annotated[Path, typer.Option("-o", "--output", help="File to write; it appears only when everything checked out.")],
        basis: Basis,
        force: outfile.Force = False,
        as_json: Json = False,
    ) -> None:
        from cli.session import basis as basis_member
        from cli.session import evidence_urn, open_session
        from ledger.domain.errors import NotFoundError
        from ledger.services import retrieve

        urn, said = evidence_urn(evidence), basis_member(basis)
        with outfile.writing(out, force=force) as file, open_session() as session:
            if session.node.item(urn)["cid"] is None:
                raise NotFoundError("this item has no content", hint="see its record: custody show ID --basis WHY")
            access = retrieve.record_access(session.node, session.person, session.clock, urn, mode="copy", basis=said)
            body = session.node.details(urn, access)[0]["document"]["body"]
            with output.progress("decrypting", body.get("size", 0)) as advance:
                opened = retrieve.fetch(session.node, session.person, urn, access, file, advance)
        value = {"path": str(out), "name": opened.name, "size": opened.size, "digests": opened.digests, "access": access}
        output.result(value, f"{out}: {output.size(opened.size)}, same sha-256 as recorded: {opened.digests['sha-256']}")
