"""custody correct"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import decisions, event_members, items, labels, output
from cli.global_options import STATE, Evidence, Json
from cli.hints import command
from cli.questions import Yes

if TYPE_CHECKING:
    from ledger.domain.ports.answers import RecordedDocument

_HELP = """Correct an earlier record. Nothing is overwritten: the old value and the new one are both
shown for ever. Which event it is, is read in the record first, after a signed access.

\b
Example:
  custody correct 2026-117/A1 --case 2026-118 --reason "typing error"
  custody correct 2026-117/A1 --field name --new "IMG_0042.jpg" \\
    --reason "typing error"
  custody correct 3f0c1d2e --event 2 --field place --new "store 3" \\
    --reason "wrong store"
"""
_WHY = {"purpose": "correction"}


def correct(
    evidence: Evidence,
    event: Annotated[
        int, typer.Option(help="Number of the event to correct; 0 opened the item.", min=0)
    ] = 0,
    field: Annotated[
        str,
        typer.Option(
            help="What to correct: name, place, basis ..., as the option was called that said it, "
            "or a JSON pointer (RFC 6901).",
            autocompletion=lambda: sorted(event_members.FIELDS),
        ),
    ] = "",
    new: Annotated[str, typer.Option(help="The right value.")] = "",
    case: Annotated[str, typer.Option("-c", "--case", help="The right case number.")] = "",
    exhibit: Annotated[str, typer.Option("-e", "--exhibit", help="The right exhibit number.")] = "",
    *,
    reason: Annotated[str, typer.Option(help="Why it was wrong.")],
    old: Annotated[str, typer.Option(help="The wrong value, where you want it repeated.")] = "",
    is_json: Annotated[
        bool,
        typer.Option("--values-are-json", help="--new and --old are JSON: a number, a list ..."),
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.client import retrieval
    from ledger.domain.errors import NotFoundError, UsageError

    typed = (("case", case.strip()), ("exhibit", exhibit.strip()))
    numbers = {name: value for name, value in typed if value}
    if len(numbers) + bool(field) != 1 or bool(field) != bool(new):
        raise UsageError(
            "one thing is corrected at a time",
            hint="give --case NUMBER, --exhibit NUMBER, or --field NAME with --new VALUE",
        )
    said = {
        "pointer": event_members.FIELDS.get(
            field, field if field.startswith("/") else f"/body/{field}"
        ),
        "new": _value(new, "--new") if is_json else new,
        "reason": reason,
        **({"old": _value(old, "--old") if is_json else old} if old else {}),
    }
    # Where in the record a number stands is known once it was read: until then the node judges
    # whether numbers may be corrected at all.
    draft = said | {
        "pointer": event_members.NUMBERS,
        "new": [{"scheme": name, "value": value} for name, value in numbers.items()],
    }
    draft.pop("old", None)
    with open_session() as session:
        urn = items.urn_of(session, evidence)
        listed = {recorded.seq: recorded.statement for recorded in session.node.events(urn)}
        if event not in listed:
            raise UsageError(f"the item has events 0 to {len(listed) - 1}, not {event}")
        # The list is held against nothing: what is signed names the event as the record has it.
        wanted = {"target": listed[event], **(draft if numbers else said)}
        events, _ = decisions.read(session, urn, "corrected", wanted, _WHY)
        target = next((one for one in events if one.seq == event), None)
        if target is None:
            raise NotFoundError(f"what event {event} said was destroyed")
        for name, value in numbers.items():
            said |= {"pointer": _number(events, target, name, value), "new": value}
        body = {"target": target.statement, **said}
        parts = (session.node, session.person, session.clock, urn, "corrected", body)
        answer = retrieval.record(*parts, read=events)
    output.result(answer, labels.recorded(answer) + "; the earlier record stays as it is")


def _number(
    events: Sequence[RecordedDocument], target: RecordedDocument, scheme: str, number: str
) -> str:
    """The pointer to the only number of a scheme that an event gives its item, as it stands.

    Args:
        number: the right one, for hints.

    Raises:
        UsageError: it gives none, or several.
    """
    from ledger.domain.errors import UsageError
    from ledger.domain.event import corrections
    from ledger.domain.event.normalization import form

    documents = {one.statement: one.document for one in events if one.document is not None}
    standing = corrections.standing(documents, target.statement)
    found = [
        (one["value"], f"{place}/identifiers/{at}/value")
        for place, part in (("", standing), ("/body", standing["body"]))
        for at, one in enumerate(part.get("identifiers", []))
        if form(one["scheme"]) == scheme
    ]
    if len(found) == 1:
        return found[0][1]
    if not found:
        raise UsageError(
            f"event {target.seq} gave the item no {scheme} number: there is none to correct",
            hint="give it one: "
            + command("record", "identify", STATE.item, "--scheme", scheme, "--value", number),
        )
    said = event_members.text([{"scheme": scheme, "value": value} for value, _ in found])
    raise UsageError(
        f"event {target.seq} gave the item {len(found)} numbers of this kind: {said}",
        hint="say which one: "
        + command(
            *("correct", STATE.item, "--event", target.seq, "--field", found[0][1]),
            *("--new", number, "--reason", "WHY"),
        ),
    )


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
