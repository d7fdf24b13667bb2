"""custody field: work without network."""

from __future__ import annotations

from typing import Any

import typer

from cli import output
from cli.state import STATE, Json

_HELP = """Work where there is no network: record and sign with --offline, send later. The order and the times of signing stay.

\b
Example:
  custody --home ~/mine field prepare
  custody --home ~/mine --offline seize "phone, black" --seal S-1
  custody --home ~/mine --offline upload photos/ --case 2026-117
  custody --home ~/mine field send
"""
_PREPARE = """Write down, while there is a network, what --offline needs to know of the node.

\b
Example:
  custody --home ~/mine field prepare
"""
_STATUS = """Show how much waits to be sent.

\b
Example:
  custody --home ~/mine field status
"""
_SEND = """Send what waits, in the order in which it was signed. May be interrupted and repeated.

\b
Example:
  custody --home ~/mine field send
"""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="field")

    @group.command(help=_PREPARE)
    def prepare(as_json: Json = False) -> None:
        from cli.session import open_session
        from ledger import wiring

        with open_session() as session:
            about = session.node.agency()
        wiring.prepare_field(STATE.home, about)
        output.result({"agency": about["agency"]}, f"ready: custody --home {STATE.home} --offline upload FILE signs for {about['agency']}")

    @group.command(help=_STATUS)
    def status(as_json: Json = False) -> None:
        from cli.session import open_field

        with open_field() as node:
            found = node.status()
        text = f"{found['queued']} statements wait, with {output.size(found['storedBytes'])} of ciphertext"
        output.result({"queued": found["queued"], "storedBytes": found["storedBytes"]}, text)

    @group.command(help=_SEND)
    def send(as_json: Json = False) -> None:
        from cli.session import open_field, open_session

        sent: list[Any] = []
        with open_field() as field, open_session() as session, output.progress("sending", len(field), unit="statements") as advance:
            for answer in field.send(session.node):
                sent.append(answer)
                advance(1)
        again = sum(bool(one["repeated"]) for one in sent)
        text = f"{len(sent)} statements are in the log now" + (f", {again} of them were there already" if again else "")
        output.result({"sent": len(sent), "repeated": again, "registered": sent}, text)
