"""custody correct"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command
from cli.items import corrected_numbers, decisions, exhibits, selection
from cli.terminal import output
from cli.terminal.questions import Yes
from cli.wording import event_members, record_options
from ledger.domain.codecs.text import counted
from ledger.domain.event import same_record
from ledger.domain.event.normalization import form
from ledger.domain.ports.answers import documents_of

if TYPE_CHECKING:
    from cli.items.corrected_numbers import NewNumber
    from cli.items.short_ids import Named
    from cli.node.session import Session
    from ledger.domain.ports.answers import Recorded, RecordedDocument

_HELP = """Correct an earlier record. Nothing is overwritten: the old value and the new one are both
shown for ever. Which event it is, is read in the record first, after a signed access.

\b
Example:
  custody correct 2026-117/A1 --case 2026-118 --reason "typing error"
  custody correct 2026-117/A2/ --case 2026-118 --reason "typing error"
  custody correct 2026-117/A1 --field name --new "IMG_0042.jpg" \\
    --reason "typing error"
  custody correct 3f0c1d2e --event 2 --field place --new "store 3" \\
    --reason "wrong store"
"""
_WHY = {"purpose": "correction"}


def correct(
    evidence: Annotated[
        str,
        typer.Argument(
            metavar="ITEM",
            help="The item: case/exhibit (2026-117/A1) or its id; an exhibit with its parts "
            "(2026-117/A2/), whose numbers are corrected together.",
        ),
    ],
    event: Annotated[
        int | None,
        typer.Option(
            help="Number of the event to correct: 0, which opened the item, or for a number the "
            "one that gave it.",
            min=0,
            show_default=False,
        ),
    ] = None,
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
    from cli.node.session import open_session
    from ledger.domain.errors import UsageError

    case, exhibit = case.strip(), exhibit.strip()
    if sum(map(bool, (case, exhibit, field))) != 1 or bool(field) != bool(new):
        raise UsageError(
            "one thing is corrected at a time",
            hint="give --case NUMBER, --exhibit NUMBER, or --field NAME with --new VALUE",
        )
    record_options.require_numbers(case, exhibit)
    number = ("case", case) if case else ("exhibit", exhibit) if exhibit else None
    said = {
        "pointer": event_members.FIELDS.get(
            field, field if field.startswith("/") else f"/body/{field}"
        ),
        "new": _value(new, "--new") if is_json else new,
        "reason": reason,
        **({"old": _value(old, "--old") if is_json else old} if old else {}),
    }
    with open_session() as session:
        chosen = selection.find(session, [evidence])
        if chosen.whole and (field or event is not None):
            raise UsageError(
                "of several items their case or exhibit number is corrected, and nothing else",
                hint="give --case NUMBER or --exhibit NUMBER",
            )
        if number and chosen.whole:
            planned = corrected_numbers.plan(session, chosen.items, case, exhibit)
            lines = [one.line for one in planned]
            _preview(planned, number, reason)
            asked = f"Correct the {number[0]} number of {{}} to {number[1]}, for {reason!r}?"
            selection.agree(chosen, asked, yes=yes, lines=lines)
        done = selection.each(
            chosen,
            lambda one: _corrected(session, one, event, said, number, whole=chosen.whole),
            "correcting",
        )
    selection.tell_recorded(chosen, done)


def _corrected(
    session: Session,
    item: Named,
    event: int | None,
    said: dict[str, Any],
    number: tuple[str, str] | None,
    *,
    whole: bool,
) -> Recorded:
    """Record the correction of one item.

    Args:
        said: the body without its target. number: scheme and right value, where a number is
            corrected; the place where it stands in the record is known once that was read, and
            until then the node judges whether numbers may be corrected at all. whole: its parts
            are corrected with it.
    """
    from ledger.client.reading import retrieval
    from ledger.domain.errors import NotFoundError, RuleError, UsageError
    from ledger.domain.event.corrections import NO_FIELD

    listed = {recorded.seq: recorded.statement for recorded in session.node.events(item.urn)}
    if event is not None and event not in listed:
        raise UsageError(f"the item has events 0 to {len(listed) - 1}, not {event}")
    draft = said
    if number:
        scheme, value = number
        new = [{"scheme": scheme, "value": value}]
        place = event_members.NUMBERS[bool(event)]
        draft = {"pointer": place, "new": new, "reason": said["reason"]}
    # The list is held against nothing: what is signed names the event as the record has it.
    wanted = {"target": listed[event or 0], **draft}
    try:
        events, _ = decisions.read(session, item.urn, "corrected", wanted, _WHY)
    except RuleError as error:
        if number and error.message == NO_FIELD:
            raise _no_number(event or 0, *number) from error
        raise
    if number:
        target, was, pointer = _number(events, event, item, scheme, value)
        STATE.schemes = {pointer: scheme}
        right = corrected_numbers.of_part(item, was, value) if scheme == "exhibit" else value
        if right == was:
            raise RuleError(f"its {scheme} number is {was} already: nothing was corrected")
        said = {"pointer": pointer, "old": was, "new": right, "reason": said["reason"]}
    else:
        found = next((one for one in events if one.seq == (event or 0)), None)
        if found is None:
            raise NotFoundError(f"what event {event or 0} said was destroyed")
        target = found
    body = {"target": target.statement, **said}
    if not whole:
        _require_no_parts(session, item.urn, events, body)
    parts = (session.node, session.person, session.clock, item.urn, "corrected", body)
    return retrieval.record(*parts, read=events)


def _preview(planned: Sequence[NewNumber], number: tuple[str, str], reason: str) -> None:
    """Show what would be signed of several items, without opening the record of any.

    Raises:
        typer.Exit: it was a preview.
    """
    if not STATE.preview:
        return
    scheme, _ = number
    shown = [
        {"evidence": one.item.urn, "scheme": scheme, "old": one.old, "new": one.new}
        for one in planned
    ]
    output.result(
        {"preview": shown, "reason": reason},
        f"The {scheme} number of each would be corrected, for {reason!r}; nothing was:",
        "",
        *(one.line for one in planned),
    )
    raise typer.Exit


def _require_no_parts(
    session: Session, urn: str, events: Sequence[RecordedDocument], body: dict[str, Any]
) -> None:
    """Check that a correction takes no exhibit's number from under its parts: they would keep it,
    it would be free, and another exhibit under it would have them for its own.

    Raises:
        UsageError: it would, of parts that they may see.
    """
    from ledger.domain.errors import UsageError

    documents = documents_of(events)
    correction = {"type": "corrected", "seq": len(events), "body": body}
    was, now = map(same_record.numbers, (documents, {**documents, "": correction}))
    typed = {
        form(one["value"]): one["value"]
        for document in documents.values()
        for one in same_record.identifiers(document)
    } | ({form(body["new"]): body["new"]} if isinstance(body["new"], str) else {})
    for number in was:
        case, exhibit = (typed.get(part, part) for part in number)
        if number in now or not (parts := exhibits.parts(session, urn, case, exhibit)):
            continue
        new = next((one for one in now if one not in was), (number[0], "NUMBER"))
        both, why = f"{case}/{exhibit}/", body["reason"]
        right = [typed.get(part, part) for part in new]
        raise UsageError(
            f"{counted(len(parts), 'part')} of it would keep the number {case}/{exhibit}",
            hint="correct each of those first, by its id: "
            + command("list", "--case", case, "--exhibit", exhibit)
            if exhibits.bearers(session, case, exhibit) > 1
            else "correct them together: "
            + (
                command("correct", both, "--case", right[0], "--reason", why)
                if new[1] == number[1]
                else command("correct", both, "--exhibit", right[1], "--reason", why)
            ),
        )


def _number(
    events: Sequence[RecordedDocument],
    event: int | None,
    item: Named,
    scheme: str,
    number: str,
) -> tuple[RecordedDocument, str, str]:
    """The number of a scheme that is meant, as it stands: the one by which the item was named, or
    the only one that it has.

    Args:
        event: the one that gave it, where that was said. number: the right one, for hints.

    Returns:
        the event that gave it, the number, and its place in the event as a pointer.

    Raises:
        UsageError: there is none, or several may be meant.
    """
    from ledger.domain.errors import UsageError
    from ledger.domain.event import corrections

    documents = documents_of(events)
    given = [
        (known, one["value"], f"{place}/identifiers/{at}/value")
        for known in events
        if known.document is not None and event in (None, known.seq)
        for standing in (corrections.standing(documents, known.statement),)
        for place, part in (("", standing), ("/body", standing["body"]))
        for at, one in enumerate(part.get("identifiers", []))
        if form(one["scheme"]) == scheme
    ]
    found = [one for one in given if _is_named(item, scheme, one[1])]
    if len(found) == 1:
        return found[0]
    if not given:
        raise _no_number(event or 0, scheme, number)
    said = ", ".join(f"{value} (event {known.seq})" for known, value, _ in given)
    known, _, pointer = (found or given)[0]
    raise UsageError(
        f"the item was given {counted(len(given), f'{scheme} number')}: {said}",
        hint="say which one: "
        + command(
            "correct",
            item.short,
            "--event",
            known.seq,
            "--field",
            pointer,
            "--new",
            number,
            "--reason",
            "WHY",
        ),
    )


def _is_named(item: Named, scheme: str, number: str) -> bool:
    """Whether an item was named by this number of a scheme, or by none of it."""
    numbers = dict(item.numbers)
    if scheme == same_record.CASE:
        said = numbers.get(same_record.OF_CASE, numbers.get(same_record.CASE))
        return said is None or form(said) == form(number)
    if (whole := numbers.get(same_record.PARTS)) is not None:
        return form(whole) in map(form, same_record.wholes_of(number))
    return "exhibit" not in numbers or form(numbers["exhibit"]) == form(number)


def _no_number(event: int, scheme: str, number: str) -> Exception:
    """What is told where an event gave its item no number of a scheme."""
    from ledger.domain.errors import UsageError

    return UsageError(
        f"event {event} gave the item no {scheme} number: there is none to correct",
        hint="give it one: "
        + command("record", "identify", STATE.item, "--scheme", scheme, "--value", number),
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
