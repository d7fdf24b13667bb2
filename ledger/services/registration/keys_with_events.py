"""Handing keys on: who may be given an item's content key, with which event (DESIGN section 8)."""

from __future__ import annotations

from typing import Final

from ledger.domain.crypto import content_encryption
from ledger.domain.errors import RuleError
from ledger.domain.event.document import Event
from ledger.domain.identity.names import is_pseudonym
from ledger.domain.identity.person import PersonId
from ledger.rows.items import ItemRow, ShareRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.partners import directory
from ledger.services.records.documents import hpke_key
from ledger.services.registration.item_rules import Review
from ledger.services.registration.statement_checks import ValidatedSubmission

#: Types that give somebody a part in what they are about.
_GIVE_A_PART: Final = frozenset({"disclosed", "case-assigned"})


def check_grants(
    node: Node,
    unit: UnitOfWork,
    judge: Review,
    submission: ValidatedSubmission,
    before: ItemRow | None,
) -> None:
    """Check the grants that come with an event: none but those that it is for, each once, and of
    the item's own content.

    Whatever else came would stand in the agency's own log for ever, as a release that no event
    tells of, and fail every later audit.

    Raises:
        RuleError: a grant of another scope or to a key that belongs to nobody whom the event names,
            one of other content, or one twice.
    """
    if not submission.grants:
        return
    if before is None:
        content, recipients = (
            submission.content,
            {node.descriptor(unit).custody.digest, *_person(unit, submission.certificate.subject)},
        )
        allowed: set[tuple[str, bytes, bytes | None]] = {
            ("record", key, None) for key in node.keys.recipients
        }
    else:
        content, recipients, allowed = (
            _content_of(judge, before.state.evidence),
            _recipients(node, unit, submission),
            set(),
        )
    if content is not None:
        allowed |= {("content", recipient, content.commitment) for recipient in recipients}
    given = [(grant.scope, grant.recipient, grant.binding) for grant in submission.grants]
    if not {key[:2] for key in given} <= {key[:2] for key in allowed} | {
        ("content", recipient) for recipient in recipients
    }:
        raise RuleError(
            "a key was sealed to somebody whom the event does not name",
            hint="seal it to the recipient of the event",
        )
    records = sum(grant.scope == "record" for grant in submission.grants)
    # Two keys of the node may be held: a second record key would take the first one's place later.
    if not set(given) <= allowed or len(set(given)) != len(given) or records > 1:
        raise RuleError(
            "a key is not of the content of this item, or was sealed twice to one recipient",
            hint="read the item again and sign anew",
        )


def _content_of(judge: Review, evidence: str) -> content_encryption.Content | None:
    opening = judge.life(evidence).opening
    if opening is None or "content" not in opening.body:
        return None
    return content_encryption.parse_content(opening.body["content"], opening.body["size"])


def _recipients(node: Node, unit: UnitOfWork, submission: ValidatedSubmission) -> set[bytes]:
    """Hashes of the HPKE keys to which this event may release the content key."""
    body = submission.event.body
    if submission.event.type == "transfer-accepted":
        return {
            node.descriptor(unit).custody.digest,
            *_person(unit, submission.certificate.subject),
        }
    to = body.get("to", {})
    agency, person = to.get("agency", ""), to.get("person", "")
    found = _person(unit, PersonId(agency, person)) if person else set()
    if agency:
        found |= {directory.descriptor(node, unit, agency).custody.digest}
    return found


def _person(unit: UnitOfWork, person: PersonId) -> set[bytes]:
    row = unit.people.get(person)
    return {hpke_key(row).digest} if row is not None and row.active else set()


def note_share(node: Node, unit: UnitOfWork, event: Event, evidence: str, statement: bytes) -> None:
    """Whoever a disclosure names as its recipient has a part in the item from now on, and whoever a
    case is assigned to has one in it; a thing and a case have no key that would tell so.

    Whether they may log in is asked when they do: what is written down here follows from the
    statement alone. A recipient who is named in words is nobody who works here, and stays in the
    sealed document.
    """
    to = event.body.get("to", {}) if event.type in _GIVE_A_PART else {}
    if is_pseudonym(to.get("person", "")):
        unit.items.put_share(
            ShareRow(evidence, PersonId(to.get("agency", node.agency), to["person"]), statement)
        )


def take_back(
    node: Node,
    unit: UnitOfWork,
    judge: Review,
    submission: ValidatedSubmission,
    before: ItemRow | None,
) -> None:
    """Whoever did not take an item offered to them inside the agency loses the key that came with
    the offer, and with it their part.

    Keys that they have by another event stay: as the one who recorded it, accepted it before, or
    was given it.
    """
    offer = (
        before.state.offer
        if before is not None and submission.statement.claims.effect in ("decline", "withdraw")
        else None
    )
    if (
        before is None
        or offer is None
        or offer.to != before.state.custodian
        or offer.person is None
    ):
        return
    person, evidence = PersonId(offer.to, offer.person), before.state.evidence
    row = unit.people.get(person)
    if (
        row is None
        or person in (before.opener, before.holder)
        or unit.items.share(evidence, person) is not None
    ):
        return
    for told in judge.life(evidence).events.values():
        event = told.event
        actor, to = event.value["actor"], event.body.get("to", {})
        if event.type == "transfer-accepted" and PersonId(actor["agency"], actor["id"]) == person:
            return
        if (
            event.type == "disclosed"
            and PersonId(to.get("agency", node.agency), to.get("person", "")) == person
        ):
            return
    unit.grants.drop(evidence, "content", hpke_key(row).digest)
