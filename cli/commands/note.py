"""custody note"""

from __future__ import annotations

from typing import Annotated

import typer

from cli import labels, output
from cli.global_options import Evidence, Json

_HELP = """Add a signed note to an item's record.

\b
Example:
  custody --home ~/evidence note 3f0c1d2e-... --text "screen is cracked"
"""


def note(
    evidence: Evidence,
    text: Annotated[str, typer.Option(help="The note; sealed like every record.")],
    as_json: Json = False,
) -> None:
    from cli.arguments import evidence_urn
    from cli.session import open_session
    from ledger.client import retrieval

    urn = evidence_urn(evidence)
    with open_session() as session:
        answer = retrieval.record(
            session.node, session.person, session.clock, urn, "note", {"text": text}
        )
    output.result(answer, labels.recorded(answer))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(note)
