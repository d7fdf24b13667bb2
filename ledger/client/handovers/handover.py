"""The person's side of a handover: offering with the keys, checking what arrives, and answering
(DESIGN sections 6 to 8).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from ledger.client.handovers import colleague_keys, offered_item
from ledger.client.handovers.colleague_keys import KeysApi
from ledger.client.handovers.offered_item import AskedApi, OnOffer
from ledger.client.reading import retrieval, whole_record
from ledger.client.reading.retrieval import ReaderApi
from ledger.domain.codecs.text import evidence_bytes, from_b64url, parse_time
from ledger.domain.crypto import content_encryption, grants
from ledger.domain.crypto.grants import Grant
from ledger.domain.errors import (
    DeniedError,
    NotFoundError,
    RuleError,
    UsageError,
)
from ledger.domain.event.offer_terms import ANOTHER_TAKER, OfferTerms
from ledger.domain.event.signing import Person
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.identity.person import PersonId, read_reference
from ledger.domain.ports.answers import Recorded, RecordedDocument
from ledger.domain.ports.node_and_chain import Clock
from ledger.domain.ports.node_answers import Partner


class HandingApi(AskedApi, KeysApi, Protocol):
    """What handing over asks of a node; see NodeClient."""

    def partners(self) -> list[Partner]: ...


def named(agency: str, reference: str | None) -> PersonId | None:
    """The person of an agency that a reference names, where there is one."""
    return read_reference(reference, home=agency) if reference else None


def recipient_key(node: HandingApi, agency: str, person: PersonId | None, own: str) -> HpkeKey:
    """The key to seal to: of a person, or of another agency's custodians.

    Raises:
        NotFoundError: nobody under that name is known here. DeniedError: the agency is suspended or
            retired.
    """
    if person is not None:
        if person.agency != agency:
            raise NotFoundError(f"that person belongs to {person.agency}, not to {agency}")
        return colleague_keys.key_of(node, person)
    if agency == own:
        raise UsageError(
            "a handover inside the agency is made to a person",
            hint=ANOTHER_TAKER,
        )
    for partner in node.partners():
        if partner.agency == agency:
            if not partner.active:
                raise DeniedError(
                    f"the registry does not have {agency} as an active agency",
                    hint="ask the governors of the consortium",
                )
            return descriptors.parse(from_b64url(partner.descriptor, what="descriptor")).custody
    raise NotFoundError(
        f"{agency} is not known here", hint="an administrator adds it: `custody partner add URL`"
    )


def rewrap(
    node: ReaderApi, person: Person, evidence: str, access: str, body: dict[str, Any], to: HpkeKey
) -> list[Grant]:
    """The content key of an item sealed to somebody else; nothing for an item without content."""
    if "content" not in body:
        return []
    key = retrieval.content_key(person, evidence, body, node.grants(evidence, access))
    return [seal(key, evidence, body, to)]


def seal(key: bytes, evidence: str, body: dict[str, Any], to: HpkeKey) -> Grant:
    """A grant of the content key."""
    content = content_encryption.parse_content(body["content"], body["size"])
    return grants.seal(
        key, to, evidence=evidence_bytes(evidence), scope="content", binding=content.commitment
    )


def offer(
    node: HandingApi,
    person: Person,
    clock: Clock,
    evidence: str,
    terms: OfferTerms,
    *,
    sealed_to: HpkeKey | None = None,
) -> Recorded:
    """Offer an item, with its content key sealed to the addressee; the node's answer.

    Args:
        sealed_to: the addressee's key, where it was compared with them; else the node names it.

    Raises:
        RuleError: it may not be offered now. DeniedError: no key of it was granted to this person.
    """
    own = person.certificate
    who = terms.recipient
    if who == own.subject:
        raise RuleError("nobody offers an item to themselves", hint=ANOTHER_TAKER)
    person.role_for("transfer-offered")
    to = sealed_to or recipient_key(node, terms.agency, who, own.agency)
    basis = terms.members.get("basis") or {"purpose": terms.purpose or "handover"}
    item = retrieval.rehearse(
        node,
        person,
        clock,
        evidence,
        "transfer-offered",
        terms.body(()),
        terms.members,
    )
    # The key is released to the offerer like for any other use: after a signed access.
    access = retrieval.record_access(
        node, person, clock, evidence, mode="copy", basis=basis, item=item
    )
    events, standing = node.record(evidence, access)
    opening = events[0].document
    if opening is None:
        raise NotFoundError("the record of this item was destroyed")
    whole_record.require_whole(events)
    made = rewrap(node, person, evidence, access, opening["body"], to)
    return sign_offer(node, person, clock, evidence, terms, standing.seals, made, events)


def sign_offer(
    node: ReaderApi,
    person: Person,
    clock: Clock,
    evidence: str,
    terms: OfferTerms,
    seals: Sequence[str],
    made: Sequence[Grant],
    read: Sequence[RecordedDocument],
) -> Recorded:
    """Sign an offer and register it with the keys that it releases.

    Args:
        seals: numbers on the item now.
        read: its record.
    """
    body = terms.body(seals)
    return retrieval.record(
        node, person, clock, evidence, "transfer-offered", body, terms.members, made, read=read
    )


def accept(
    node: HandingApi,
    person: Person,
    clock: Clock,
    evidence: str,
    *,
    shown: OnOffer | None = None,
    agree: Callable[[OnOffer], None] = lambda shown: None,
    condition: str = "",
    place: str = "",
    seals: tuple[str, ...] = (),
    progress: Callable[[int], None] = lambda count: None,
) -> Recorded:
    """Check an item on offer and accept it, with a key of one's own; the node's answer.

    Args:
        shown: the offer as it was looked at; None to look now. That one alone is accepted: who
            withdraws it meanwhile and offers on other terms is not.
        agree: called with it when the item was checked and nothing is signed yet; what it raises
            ends this.
        seals: numbers found on a thing.

    Raises:
        VerificationError: it is not what was recorded: decline it. RuleError: expired, made to
            somebody else, another offer by now, other seals.
    """
    shown = shown or offered_item.look(node, person, evidence)
    whole_record.require_whole(shown.events)
    key = offered_item.check(node, person, shown, progress)
    agree(shown)
    opening = shown.opening["body"]
    made = [] if key is None else [seal(key, evidence, opening, person.hpke.public)]
    content = opening.get("content")
    body: dict[str, Any] = {
        "offer": shown.statement,
        **({"condition": condition} if condition else {}),
        **({"place": place} if place else {}),
        **({"digests": opening["digests"], "pinned": content["cid"]} if content else {}),
        **({"seals": [{"number": number} for number in seals]} if seals else {}),
    }
    return retrieval.record(
        node, person, clock, evidence, "transfer-accepted", body, {}, made, read=shown.events
    )


def decline(
    node: HandingApi,
    person: Person,
    clock: Clock,
    evidence: str,
    *,
    shown: OnOffer | None = None,
    reason: str,
    condition: str = "",
) -> Recorded:
    """Refuse an item on offer; it stays with the giver.

    Args:
        shown: the offer as it was looked at, which alone is refused; None for the one that is open.
    """
    # One that has expired shows nothing: it is refused as it was signed.
    read = shown.events if shown is not None else (node.open_offer(evidence),)
    body = {
        "offer": read[-1].statement,
        "reason": reason,
        **({"condition": condition} if condition else {}),
    }
    return retrieval.record(node, person, clock, evidence, "transfer-declined", body, read=read)


def withdraw(
    node: HandingApi, person: Person, clock: Clock, evidence: str, *, reason: str
) -> Recorded:
    """Take an offer back; one that has expired is recorded as such.

    Raises:
        NotFoundError: nothing is on offer. VerificationError: what the node calls the open offer is
            none, or not the last event.
    """
    item, offer = node.item(evidence), node.open_offer(evidence)
    expires = item.offer.expires if item.offer is not None else None
    over = expires is not None and clock.now() > parse_time(expires, what="expires")
    body = {"offer": offer.statement, "reason": reason}
    event_type = "transfer-expired" if over else "transfer-withdrawn"
    return retrieval.record(node, person, clock, evidence, event_type, body, read=(offer,))


def share(
    node: HandingApi,
    person: Person,
    clock: Clock,
    evidence: str,
    *,
    with_person: str,
    basis: dict[str, Any],
) -> Recorded:
    """Give a colleague or a guest the content key of an item, with the signed disclosure that says
    so; the node's answer.
    """
    person.role_for("disclosed")
    who = read_reference(with_person, home=person.descriptor.agency)
    to = colleague_keys.key_of(node, who)
    kind = "colleague" if who.agency == person.certificate.agency else "agency"
    body: dict[str, Any] = {
        "recipientKind": kind,
        "mode": "grant",
        "to": {"agency": who.agency, "person": who.pseudonym},
    }
    item = retrieval.rehearse(node, person, clock, evidence, "disclosed", body, {"basis": basis})
    access = retrieval.record_access(
        node, person, clock, evidence, mode="copy", basis=basis, item=item
    )
    events, standing = node.record(evidence, access)
    opening = events[0].document
    if opening is None:
        raise NotFoundError("the record of this item was destroyed")
    whole_record.require_whole(events)
    body |= {"conditions": list(standing.conditions)} if standing.conditions else {}
    made = rewrap(node, person, evidence, access, opening["body"], to)
    return retrieval.record(
        node, person, clock, evidence, "disclosed", body, {"basis": basis}, made, read=events
    )
