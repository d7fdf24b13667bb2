"""custody correct"""

from __future__ import annotations

from typing import Annotated

import typer

from cli import labels, output
from cli.global_options import Evidence, Json

_HELP = """Correct an earlier record. Nothing is overwritten: the old value and the new one are both
shown for ever.

\b
Example:
  custody --home ~/evidence correct 3f0c1d2e-... --event 0 \\
    --field /body/name --new "IMG_0042.jpg" --reason "typing error"
"""


def correct(
    evidence: Evidence,
    event: Annotated[int, typer.Option(help="Number of the event to correct, from 0.", min=0)],
    field: Annotated[str, typer.Option(help="JSON pointer of the member to correct (RFC 6901).")],
    new: Annotated[str, typer.Option(help="The right value.")],
    reason: Annotated[str, typer.Option(help="Why it was wrong.")],
    old: Annotated[str, typer.Option(help="The wrong value, where you want it repeated.")] = "",
    as_json: Json = False,
) -> None:
    from cli.arguments import evidence_urn
    from cli.session import open_session
    from ledger.client import retrieval
    from ledger.domain.errors import UsageError

    urn = evidence_urn(evidence)
    with open_session() as session:
        events = {recorded.seq: recorded.statement for recorded in session.node.events(urn)}
        if event not in events:
            raise UsageError(f"the item has events 0 to {len(events) - 1}, not {event}")
        body = {
            "target": events[event],
            "pointer": field,
            "new": new,
            "reason": reason,
            **({"old": old} if old else {}),
        }
        parts = (session.node, session.person, session.clock, urn, "corrected", body)
        retrieval.rehearse(*parts)
        answer = retrieval.record(*parts)
    output.result(answer, labels.recorded(answer) + "; the earlier record stays as it is")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(correct)
