"""custody correct"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import decisions, items, labels, output
from cli.global_options import Evidence, Json

_HELP = """Correct an earlier record. Nothing is overwritten: the old value and the new one are both
shown for ever. Which event it is, is read in the record first, after a signed access.

\b
Example:
  custody --home ~/evidence correct 3f0c1d2e-... --event 0 \\
    --field /body/name --new "IMG_0042.jpg" --reason "typing error"
"""
_WHY = {"purpose": "correction"}


def correct(
    evidence: Evidence,
    event: Annotated[int, typer.Option(help="Number of the event to correct, from 0.", min=0)],
    field: Annotated[str, typer.Option(help="JSON pointer of the member to correct (RFC 6901).")],
    new: Annotated[str, typer.Option(help="The right value.")],
    reason: Annotated[str, typer.Option(help="Why it was wrong.")],
    old: Annotated[str, typer.Option(help="The wrong value, where you want it repeated.")] = "",
    is_json: Annotated[
        bool,
        typer.Option("--values-are-json", help="--new and --old are JSON: a number, a list ..."),
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.client import retrieval
    from ledger.domain.errors import NotFoundError, UsageError

    with open_session() as session:
        urn = items.urn_of(session, evidence)
        said = {
            "pointer": field,
            "new": _value(new, "--new") if is_json else new,
            "reason": reason,
            **({"old": _value(old, "--old") if is_json else old} if old else {}),
        }
        listed = {recorded.seq: recorded.statement for recorded in session.node.events(urn)}
        if event not in listed:
            raise UsageError(f"the item has events 0 to {len(listed) - 1}, not {event}")
        # The list is held against nothing: what is signed names the event as the record has it.
        events, _ = decisions.read(
            session, urn, "corrected", {"target": listed[event], **said}, _WHY
        )
        target = next((one.statement for one in events if one.seq == event), None)
        if target is None:
            raise NotFoundError(f"what event {event} said was destroyed")
        body = {"target": target, **said}
        parts = (session.node, session.person, session.clock, urn, "corrected", body)
        answer = retrieval.record(*parts, read=events)
    output.result(answer, labels.recorded(answer) + "; the earlier record stays as it is")


def _value(text: str, option: str) -> Any:
    from ledger.domain.codecs import strict_json
    from ledger.domain.errors import FormatError, UsageError

    try:
        return strict_json.parse(text.encode(), what=option, limit=len(text.encode()))
    except FormatError as error:
        raise UsageError(f"{option} is no JSON: {error.message}") from error


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(correct)
