"""custody anchor"""

from __future__ import annotations

import typer

from cli.invocation.global_options import Json
from cli.terminal import output

_HELP = """Anchor everything in the log now, and wait until it is final.

\b
Example:
  custody --home ~/evidence anchor
"""


def anchor(as_json: Json = False) -> None:
    from cli.commands.status import text
    from cli.node.session import open_session

    with open_session() as session:
        anchored = session.node.anchor()
    output.result(anchored, *text(anchored))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(anchor)
