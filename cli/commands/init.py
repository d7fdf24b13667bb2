"""custody init"""

from __future__ import annotations

from typing import Annotated

import typer

from cli import output
from cli.state import STATE, Json

_HELP = """Create a home: keys, embedded chain with both contracts, log, and the first person.

\b
Example:
  custody --home ~/evidence init --agency NL-POL --person 4711
"""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(help=_HELP)
    def init(
        agency: Annotated[str, typer.Option(help="Agency code: country and short name, such as NL-POL.")],
        person: Annotated[str, typer.Option(help="Service number of the first person; kept sealed, never in the log.")],
        role: Annotated[list[str] | None, typer.Option(help="Roles of that person; may be repeated.")] = None,
        as_json: Json = False,
    ) -> None:
        from dataclasses import asdict

        from cli.session import ask_passphrase
        from ledger.founding import found

        roles = role or ["officer", "custodian"]
        made = found(STATE.home, agency=agency, person=person, roles=roles, passphrase=ask_passphrase(confirm=True))
        value = {**asdict(made), "path": str(made.path), "roles": roles}
        text = (
            f"Home of {made.agency} created in {made.path}.\n"
            f"  you sign as   {made.pseudonym} ({', '.join(roles)})\n"
            f"  chain         {made.chain_id} (local: not tamper-evident against its owner)\n"
            f"  registry      {made.registry}\n"
            f"  ledger        {made.ledger}\n"
            "Keep the passphrase safe: without it nothing here can be opened.\n"
            f"Next: custody --home {made.path} upload FILE --case C --exhibit E"
        )
        output.result(value, text)
