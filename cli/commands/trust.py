"""custody trust"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import outfile, output
from cli.state import Json

_HELP = """Write the trust root: chain, contracts, and how the finality of a block is judged. Hand it over by another way
than the bundles, in person for example.

\b
Example:
  custody --home ~/evidence trust -o trust.json
"""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(help=_HELP)
    def trust(
        out: Annotated[Path, typer.Option("-o", "--output", help="File to write.")], force: outfile.Force = False, as_json: Json = False
    ) -> None:
        from cli.session import open_session
        from ledger.domain import trust as roots

        with outfile.writing(out, force=force, mode=outfile.PUBLIC) as file, open_session() as session:
            data = session.node.trust_root()
            root = roots.parse(data)
            file.write(data)
        output.result({"path": str(out), "chainId": root.chain_id, "label": root.label}, f"{out}: chain {root.chain_id} ({root.label})")
