"""Approving or refusing what a colleague recorded: it is shown first, and the decision names that
one event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from cli.invocation.global_options import STATE
from cli.items import offer_confirmation, short_ids
from cli.node import people
from cli.terminal import output, questions
from cli.wording import event_members, labels, person_words
from ledger.domain.errors import NotFoundError, RuleError
from ledger.domain.identity.person import PersonId
from ledger.domain.ports.answers import documents_of

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.ports.answers import Recorded, RecordedDocument, Standing

_QUESTIONS: Final = {
    "approved": "Approve it, as it is shown here?",
    "refused": "Refuse it, as it is shown here?",
}


def decide(
    session: Session,
    urn: str,
    event_type: str,
    body: dict[str, Any],
    pick: Callable[[list[RecordedDocument]], RecordedDocument],
    *,
    yes: bool,
    basis: dict[str, Any],
    members: dict[str, Any] | None = None,
) -> tuple[Recorded, RecordedDocument]:
    """Show what was recorded, ask, and sign the decision on it.

    Args:
        event_type: approved or refused. body: of the decision, without its target.
        pick: which of the item's events it is about.
        yes: not to be asked. basis: why the record is read. members: of the decision.

    Returns:
        the node's answer, and the event that was decided upon.

    Raises:
        UsageError: the person does not agree, or cannot be asked. NotFoundError: the record was
            destroyed.
    """
    from ledger.client.reading import retrieval

    parts = (session.node, session.person, session.clock, urn)
    questions.require(yes=yes)
    events, standing = read(
        session, urn, event_type, {"target": event_members.UNREAD, **body}, basis, members
    )
    chosen = pick(events)
    _require_undecided(session, events, chosen)
    if not STATE.json:
        called = people.named(session, person_words.actors(one.document for one in events))
        output.say(*lines(events, chosen, standing, called))
    questions.agree(_QUESTIONS[event_type], yes=yes, otherwise="it stays undecided, as before")
    decision = {"target": chosen.statement, **body}
    return retrieval.record(*parts, event_type, decision, members, read=events), chosen


def _require_undecided(
    session: Session, events: list[RecordedDocument], chosen: RecordedDocument
) -> None:
    """Refuse what the node refuses for certain, before somebody is asked about it.

    Raises:
        RuleError: they recorded the event themselves, or decided upon it already.
    """
    own = session.person.certificate.subject
    if _signed_by(chosen, own):
        raise RuleError("nobody decides upon what they recorded themselves", hint="ask a colleague")
    if any(
        event.type in _QUESTIONS
        and event.body["target"] == chosen.statement
        and _signed_by(event, own)
        for event in events
    ):
        raise RuleError("you decided upon this already")


def _signed_by(event: RecordedDocument, person: PersonId) -> bool:
    actor = (event.document or {"actor": {}})["actor"]
    return (actor.get("agency"), actor.get("id")) == (person.agency, person.pseudonym)


def read(
    session: Session,
    urn: str,
    event_type: str,
    body: dict[str, Any],
    basis: dict[str, Any],
    members: dict[str, Any] | None = None,
) -> tuple[list[RecordedDocument], Standing]:
    """The record's events and what holds after them, after a signed access: once it is known that
    an event of this type could follow.

    Raises:
        NotFoundError: the record was destroyed. VerificationError: the node shows a part of it.
    """
    from ledger.client.reading import retrieval

    parts = (session.node, session.person, session.clock, urn)
    retrieval.rehearse(*parts, event_type, body, members)
    return opened(session, urn, basis)


def opened(
    session: Session, urn: str, basis: dict[str, Any]
) -> tuple[list[RecordedDocument], Standing]:
    """The same, without asking beforehand what could follow.

    Raises:
        NotFoundError: the record was destroyed. VerificationError: the node shows a part of it.
    """
    from ledger.client.reading import retrieval, whole_record

    parts = (session.node, session.person, session.clock, urn)
    access = retrieval.record_access(*parts, mode="view", basis=basis)
    details, standing = session.node.record(urn, access)
    events = [detail for detail in details if detail.document is not None]
    if not events or events[0].seq != 0:
        raise NotFoundError("the record of this item was destroyed")
    whole_record.require_whole(details)
    return events, standing


def lines(
    events: list[RecordedDocument],
    event: RecordedDocument,
    standing: Standing,
    called: person_words.Names,
) -> list[str]:
    """What is to be decided: of which item, what, in full, by whom and when; and what holds for the
    item. The item is shown as it stands after corrections. The event is shown as it was signed,
    which is what the decision names, with what corrections made of it beside it.
    """
    from ledger.domain.event import corrections

    documents = documents_of(events)
    document, opening = documents[event.statement], events[0].statement
    first = corrections.standing(documents, opening)
    named, recorded = _name(first), _name(documents[opening])
    numbers = [
        f"{identifier['value']} ({identifier['scheme']})"
        for identifier in first.get("identifiers", [])
    ]
    stood = corrections.standing(documents, event.statement)
    said, stands = event_members.said(document), event_members.said(stood)
    shown = [
        ("item", short_ids.short_digest(opening)),
        ("what", named),
        *([("recorded as", recorded)] if recorded != named else []),
        *(("number", number) for number in numbers),
        ("asked", f"{labels.EVENTS.get(event.type, event.type)}, event {event.seq}"),
        ("by", person_words.signer(document["actor"], called)),
        ("at", document["time"]),
        *((event_members.word(name), event_members.text(value)) for name, value in said),
        *(
            (f"{event_members.word(name)}, corrected", event_members.text(value))
            for name, value in stands
            if (name, value) not in said
        ),
        ("signed as", short_ids.short_digest(event.statement)),
        *offer_confirmation.standing_rows(standing),
    ]
    wide = max(len(word) for word, _ in shown) + 2
    return [f"{word:<{wide}}{text}" for word, text in shown]


def _name(opening: dict[str, Any]) -> str:
    body = opening["body"]
    named = body.get("name") or body.get("description") or labels.EVENTS.get(opening["type"], "")
    return event_members.text(named)
