"""Who has which part in an item, and reading it: nothing is shown or released before the reader's
signed `accessed` event is in the log.

- whoever asks for an item in which they have no part gets the answer of one that does not exist,
  after the same look-ups: neither the answer nor its time tells that the item is there
- `require_readable` says what an access would open, and is asked before anybody signs one, and
  again before it is registered
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.domain.codecs.cose import PublicKey
from ledger.domain.codecs.text import from_hex
from ledger.domain.crypto import grants
from ledger.domain.errors import DeniedError, NotFoundError, RuleError
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.event.document import Event
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.identity.person import PersonId, Recipient
from ledger.domain.identity.roles import ROLES_BY_TYPE, counting_roles, keeps_custody
from ledger.domain.item import history_rules
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.participation import OPENS_CONTENT, ROLES_BY_PART, Part
from ledger.domain.item.recorded_event import RecordedEvent
from ledger.rows.items import ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.releases import ReleaseRow
from ledger.rows.states import ReleaseKind
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.partners import directory
from ledger.services.records import documents

#: Roles that see every item of the agency in lists; others see what they recorded and what was
#: granted to them.
SEE_ALL: Final = frozenset[str]().union(
    *(ROLES_BY_PART[part] for part in (Part.CUSTODIAN, Part.OVERSEER, Part.WATCHER))
)
#: Those of them that find items by what their documents say, too: whoever only watches would learn
#: from a search by a case number, or by the digest of a file, what a sealed document holds.
FIND_ALL: Final = SEE_ALL - ROLES_BY_PART[Part.WATCHER]
#: Roles that may never read details or content, whatever they sign.
NO_CONTENT: Final = ROLES_BY_PART[Part.WATCHER]
#: Releases to whoever an item is on offer to, who looks before answering, and what each opens.
LOOKS: Final = {"offer": "record", "offer-content": "content"}
FRESH: Final = 3600  # seconds for which one recorded access is good


@dataclass(frozen=True, slots=True)
class Caller:
    """A logged-in person, a guest of another agency, or another agency's node (role "service")."""

    id: PersonId
    roles: frozenset[str]
    certificate: bytes
    hpke: HpkeKey
    key: PublicKey

    @property
    def agency(self) -> str:
        """The agency that certified them."""
        return self.id.agency

    def is_guest(self, agency: str) -> bool:
        """Whether this is a person of another agency than that whose node is asked."""
        return self.agency != agency and "service" not in self.roles


def hidden() -> NotFoundError:
    """The one answer for an item that does not exist and for one in which the caller has no part:
    the same bytes on every route.
    """
    return NotFoundError(
        "no such item, or none that you may see", hint="list your items with: custody list"
    )


def signer(node: Node, unit: UnitOfWork, certificate: Certificate) -> Caller:
    """Whoever signed with a certificate, as a caller. A person is one who is enrolled here.

    Raises:
        DeniedError: they are not.
    """
    parsed = certificate
    if parsed.kind == "service":
        own = parsed.agency == node.agency
        hpke = (
            node.keys.hpke.public if own else directory.descriptor(node, unit, parsed.agency).node
        )
        return Caller(parsed.subject, parsed.roles, parsed.digest, hpke, parsed.key)
    row = unit.people.get(parsed.subject)
    if row is None:
        raise DeniedError("this person is not, or no longer, enrolled here")
    roles = counting_roles(parsed.roles, guest=parsed.agency != node.agency)
    return Caller(parsed.subject, roles, parsed.digest, documents.hpke_key(row), parsed.key)


def sees_all(node: Node, caller: Caller, *, by_content: bool = False) -> bool:
    """Whether somebody of this agency sees every item in lists, or finds every item by what its
    documents say; a guest never does.
    """
    return caller.agency == node.agency and bool(
        caller.roles & (FIND_ALL if by_content else SEE_ALL)
    )


def is_asked(node: Node, caller: Caller, item: ItemRow) -> bool:
    """Whether an item is on offer to the caller, or comes from another agency to ours as a whole
    and they may accept for it.
    """
    offer = item.state.offer
    if offer is None or offer.to != node.agency or caller.agency != node.agency:
        return False
    if offer.person is not None or item.state.custodian == node.agency:
        return offer.names(caller.id)
    return bool(caller.roles & ROLES_BY_TYPE["transfer-accepted"])


def parts_of(
    node: Node, unit: UnitOfWork, caller: Caller, evidence: str, item: ItemRow | None
) -> frozenset[Part]:
    """The parts that somebody has in an item; none in one that is absent, which takes the same
    look-ups.
    """
    if "service" in caller.roles:
        return _parts_of_node(node, unit, caller, evidence, item)
    named = unit.items.share(evidence, caller.id)
    keys = _own_grants(node, unit, caller, evidence)
    if item is None:
        return frozenset()
    ours, kept = caller.agency == node.agency, item.state.custodian == node.agency
    holds, asked = caller.id == item.holder, is_asked(node, caller, item)
    by_role = {
        part: ours and bool(caller.roles & ROLES_BY_PART[part])
        for part in (Part.CUSTODIAN, Part.OVERSEER, Part.WATCHER)
    }
    has = {
        **by_role,
        Part.HOLDER: holds and kept,
        Part.SHARED: named is not None,
        # A key that somebody got as the one who recorded or held it is no share. One that came with
        # an offer is neither: a guest never held what is here.
        Part.FORMER: caller.id == item.opener
        or (holds and not kept)
        or (bool(keys) and ours and not asked),
        Part.ASKED: asked,
    }
    return frozenset(part for part, given in has.items() if given)


def _has_own_key(node: Node, unit: UnitOfWork, caller: Caller) -> bool:
    """Whether the caller's HPKE key is theirs alone. Somebody may have enrolled with the key of an
    agency that was not known here yet: what is sealed to that key is meant for the agency.
    """
    return caller.hpke.digest not in directory.agency_keys(node, unit)


def _own_grants(node: Node, unit: UnitOfWork, caller: Caller, evidence: str) -> list[bytes]:
    """The content keys of an item that are sealed to the caller, and to no agency."""
    sealed = unit.grants.sealed_to(evidence, "content", caller.hpke.digest)
    return sealed if _has_own_key(node, unit, caller) else []


def _parts_of_node(
    node: Node, unit: UnitOfWork, caller: Caller, evidence: str, item: ItemRow | None
) -> frozenset[Part]:
    """The parts of a node: our own has one in every item. Another agency's has one only in an item
    that it gave or was offered and that is disposed of, to confirm that its keys are destroyed.
    """
    rows, erasure = unit.transfers.of_item(evidence), unit.erasures.get(evidence)
    if item is None:
        return frozenset()
    if caller.agency == node.agency:
        return frozenset({Part.NODE})
    held = any(caller.agency in (row.giver, row.taker) for row in rows)
    return frozenset({Part.HELD_THERE} if held and erasure is not None else ())


def visible(node: Node, unit: UnitOfWork, caller: Caller, evidence: str) -> ItemRow:
    """The item, if the caller has a part in it.

    Raises:
        NotFoundError: the same answer whether it is absent or hidden.
    """
    item = unit.items.get(evidence)
    if not parts_of(node, unit, caller, evidence, item) or item is None:
        raise hidden()
    return item


def is_visible(node: Node, unit: UnitOfWork, caller: Caller, evidence: str) -> bool:
    """Whether the caller has a part in an item."""
    return bool(parts_of(node, unit, caller, evidence, unit.items.get(evidence)))


def seen_by(
    node: Node, unit: UnitOfWork, caller: Caller, *, by_content: bool = False
) -> tuple[PersonId | None, bytes | None]:
    """Whose items a query is limited to, and by which key: nobody's for whoever sees all."""
    if sees_all(node, caller, by_content=by_content):
        return None, None
    ours = caller.agency == node.agency and _has_own_key(node, unit, caller)
    return caller.id, caller.hpke.digest if ours else None


def visible_items(
    node: Node,
    unit: UnitOfWork,
    caller: Caller,
    *,
    after: int = -1,
    limit: int,
    token: bytes | None = None,
    rare: bool = False,
    among: Sequence[str] | None = None,
    beside: str = "",
) -> list[ItemRow]:
    """A page of items that the caller may see, in the order in which they were opened; ``token``,
    ``rare``, ``beside``: see ItemsRepository.page. ``among``: of these items alone.

    With a token, items that the caller sees only as administrator or auditor are left out. The
    query itself filters: filtering a page afterwards would leave it short of items that the caller
    may see.
    """
    person, recipient = seen_by(node, unit, caller, by_content=token is not None)
    return unit.items.page(
        after=after, limit=limit, person=person, evidence=among, recipient=recipient, token=token,
        rare=rare, beside=beside,
    )  # fmt: skip


def require_readable(
    node: Node, unit: UnitOfWork, caller: Caller, item: ItemRow, mode: str
) -> tuple[bytes, ...]:
    """Check that what an access of this mode opens could be handed to the caller.

    Asked before an access is signed, and again before it is registered: an access after which
    nothing is handed out would tell of a reading that never was.

    Returns:
        digests of the HPKE keys to which the content key is sealed for the caller.

    Raises:
        DeniedError, RuleError: why nothing could be handed out.
    """
    _require_reader(node, unit, caller, item)
    if unit.erasures.get(item.state.evidence) is not None:
        raise DeniedError(
            "the keys of this item were destroyed: nothing of it can be read",
            hint="custody dispose certificate ID",
        )
    if item.state.offer is not None:
        hint = (
            "to read it meanwhile and offer it again: custody handover pause ID -o FILE --basis WHY"
        )
        if is_asked(node, caller, item):
            hint = "check it and answer: custody handover accept ID"
        raise RuleError(
            "an offer is open: only its acceptance, refusal or withdrawal may follow", hint=hint
        )
    if item.state.custodian != node.agency:
        what = (
            f"this item went to {item.state.custodian}: readings are recorded by whoever "
            "holds it now"
        )
        raise RuleError(what, hint="ask them for a bundle")
    keys = tuple(
        dict.fromkeys(
            grants.parse(content_grant).recipient
            for content_grant in content_grants(node, unit, caller, item.state.evidence)
        )
    )
    if mode == "copy" and item.cid is not None and not keys:
        raise no_key()
    return keys


def _require_reader(node: Node, unit: UnitOfWork, caller: Caller, item: ItemRow) -> None:
    """Check that the caller may read an item: neither the role nor the part of an administrator or
    auditor opens anything, so that they need another role and another part in the item.

    Raises:
        DeniedError: they have none.
    """
    parts = parts_of(node, unit, caller, item.state.evidence, item)
    if not caller.roles - NO_CONTENT or not parts - {Part.WATCHER}:
        raise DeniedError("this role sees records, never details or content")


def no_key() -> DeniedError:
    """Nobody sealed the content key to the caller."""
    hint = "whoever has it gives it to you with: `custody share ID --with YOU --basis WHY`"
    return DeniedError("no content key was granted to you", hint=hint)


def require_access(
    node: Node, unit: UnitOfWork, caller: Caller, evidence: str, access: bytes, kind: str
) -> EntryRow:
    """Check that ``access`` is the digest of the caller's own, recent `accessed` event on this
    item.

    Args:
        kind: content (for which a key is sealed to the caller), bundle, or details, for which an
            access of any mode is enough.

    Raises:
        DeniedError: it is not, or the caller's role may not read, or has no key.
    """
    _require_reader(node, unit, caller, visible(node, unit, caller, evidence))
    hint = "sign an access first: this is what --basis does"
    row = unit.logs.entry_by_digest(access)
    if (
        row is None
        or row.evidence != evidence
        or row.certificate != caller.certificate
        or row.effect != "none"
    ):
        raise DeniedError(
            "no access of yours to this item is in the log under that digest", hint=hint
        )
    event = documents.read_event(node, unit, row)
    modes = ("view", "inspection", "copy", "export") if kind == "details" else ("copy", "export")
    if (
        event is None
        or event.type != "accessed"
        or event.body["mode"] not in modes
        or "basis" not in event.value
    ):
        raise DeniedError("the recorded access does not cover this", hint=hint)
    if (
        not -AHEAD <= node.clock.now() - row.time <= FRESH
    ):  # its time is that of the reader's own clock
        raise DeniedError("the recorded access is too old", hint=hint)
    if history_rules.looks_back(event):
        _require_still_allowed(node, unit, row, event)
    if kind == "content" and not content_grants(node, unit, caller, evidence):
        raise no_key()
    return row


def _require_still_allowed(node: Node, unit: UnitOfWork, row: EntryRow, event: Event) -> None:
    """What was marked after somebody signed an access is handed out as the mark lets it, from that
    moment on.

    Raises:
        DeniedError: not any more.
    """
    history = ItemHistory()
    for read_event, told in documents.read_events(node, unit, unit.logs.events(row.evidence)):
        if told is not None:
            history.take(RecordedEvent(read_event.digest, told))
    history_rules.require_allowed(history, RecordedEvent(row.digest, event), node.clock.now())


def note_release(
    node: Node, statement: bytes, recipient: Recipient, kind: ReleaseKind, evidence: str
) -> None:
    """Write down what is about to be handed out, and which statement covers it: an audit compares
    both.

    Raises:
        StorageError: it cannot be written down, and must not be handed out.
    """
    with node.records.write() as unit:
        unit.releases.put(ReleaseRow(statement, recipient, kind, evidence, node.clock.now()))


def release(node: Node, caller: Caller, evidence: str, access: str, kind: ReleaseKind) -> EntryRow:
    """Check the caller's recorded access, by its digest in hex, and write down what is about to be
    handed out under it.

    Args:
        kind: see require_access.

    Raises:
        FormatError: no digest. DeniedError, NotFoundError: the access does not cover it.
    """
    digest = from_hex(access, what="access", size=32)
    with node.records.read() as unit:
        row = require_access(node, unit, caller, evidence, digest, kind)
    note_release(node, digest, caller.id.recipient, kind, evidence)
    return row


def content_grants(node: Node, unit: UnitOfWork, caller: Caller, evidence: str) -> list[bytes]:
    """The grants of an item's content key that the caller may be handed.

    These are the ones sealed to the caller, as long as one of their parts opens content. A
    custodian who does not stand for the defence too gets those sealed to the custody key as well.
    """
    parts = parts_of(node, unit, caller, evidence, unit.items.get(evidence))
    found = _own_grants(node, unit, caller, evidence) if parts & OPENS_CONTENT else []
    if Part.CUSTODIAN in parts and keeps_custody(caller.roles):
        found += unit.grants.sealed_to(evidence, "content", node.descriptor(unit).custody.digest)
    return found
