"""custody status"""

from __future__ import annotations

from typing import Any

import typer

from cli import output
from cli.state import Json

_HELP = """How far the log is anchored, and in which block.

\b
Example:
  custody --home ~/evidence status
"""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(help=_HELP)
    def status(as_json: Json = False) -> None:
        from cli.session import open_session

        with open_session() as session:
            found = session.node.status()
        output.result(found, text(found))


def text(found: dict[str, Any]) -> str:
    """The status in words; entries are counted from 0, so that "final 5" means that entries 0 to 4 are final."""
    newest = found["newest"]
    lines = [
        f"agency      {found['agency']} (descriptor version {found['descriptorVersion']})",
        f"log         {found['log']}",
        f"entries     {found['integrated']} in the log, {found['submitted']} sent, {found['anchored']} anchored, {found['final']} final",
    ]
    if newest:
        place = f"block {newest['block']}, gas {newest['gas']}" if newest["block"] else "not mined yet"
        lines.append(f"newest      {newest['size']} entries, {newest['state']}, {place}")
    chain = found["chain"]
    lines += [
        f"chain       {chain['id']} at block {chain['head']} ({chain['label']})",
        f"contracts   registry {chain['registry']}, ledger {chain['ledger']}",
        f"stored      {output.size(found['storedBytes'])} of ciphertext",
    ]
    if found["frozen"]:
        lines.append(f"FROZEN      {found['frozen']}: run custody doctor")
    return "\n".join(lines)
