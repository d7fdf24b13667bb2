"""Reading details and content: nothing is shown or released before the reader's signed `accessed` event is in the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ledger.domain.cose import PublicKey
from ledger.domain.custody import ROLES_BY_TYPE
from ledger.domain.encoding import from_hex
from ledger.domain.errors import DeniedError, NotFoundError
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.identity.person import PersonId, Recipient
from ledger.domain.records import EntryRow, ItemRow, ReleaseRow
from ledger.domain.unit import Unit
from ledger.services import reading, recordkeys
from ledger.services.node import Node
from ledger.services.registration import Registered

#: Roles that see every item of the agency in lists; others see what they recorded and what was granted to them.
SEE_ALL: Final = frozenset({"custodian", "auditor", "administrator", "data-protection-officer"})
#: Roles that may never read details or content, whatever they sign.
NO_CONTENT: Final = frozenset({"administrator", "auditor"})
_FRESH: Final = 3600  # seconds for which one recorded access is good
_MAX_GRANTED: Final = 10_000


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


def sees_all(node: Node, caller: Caller) -> bool:
    """Whether somebody of this agency sees every item in lists; a guest never does."""
    return caller.agency == node.agency and bool(caller.roles & SEE_ALL)


def is_asked(node: Node, caller: Caller, item: ItemRow) -> bool:
    """Whether an item is on offer to the caller, or to their agency as a whole and they may accept for it."""
    offer = item.state.offer
    if offer is None or offer.to != node.agency or caller.agency != node.agency:
        return False
    if offer.person is not None:
        return offer.names(caller.id)
    return bool(caller.roles & ROLES_BY_TYPE["transfer-accepted"])


def visible(node: Node, unit: Unit, caller: Caller, evidence: str) -> ItemRow:
    """The item, if the caller may know of it.

    Raises:
        NotFoundError: the same answer whether it is absent or hidden.
    """
    item = unit.item(evidence)
    if item is not None:
        seen = sees_all(node, caller) or caller.id in (item.opener, item.holder) or is_asked(node, caller, item)
        if seen or unit.grants(evidence, "content", caller.hpke.digest) or unit.grants(evidence, "record", caller.hpke.digest):
            return item
    raise NotFoundError("no such item, or none that you may see", hint="list your items with: custody list")


def visible_items(node: Node, unit: Unit, caller: Caller, *, after: int, limit: int, wanted: list[str] | None) -> list[ItemRow]:
    """A page of items that the caller may see, in the order in which they were opened."""
    if sees_all(node, caller):
        return unit.items(after=after, limit=limit, opener=None, evidence=wanted)
    own = unit.items(after=after, limit=limit, opener=caller.id, evidence=wanted)
    granted = [one for one in unit.granted_items(caller.hpke.digest, _MAX_GRANTED) if wanted is None or one in wanted]
    more = unit.items(after=after, limit=limit, opener=None, evidence=granted) if granted else []
    merged = {item.state.evidence: item for item in (*own, *more)}
    return sorted(merged.values(), key=lambda item: item.opened)[:limit]


def require_access(node: Node, unit: Unit, caller: Caller, evidence: str, access: bytes, *, content: bool) -> EntryRow:
    """Check that ``access`` is the digest of the caller's own, recent `accessed` event on this item.

    Raises:
        DeniedError: it is not, or the caller's role may not read.
    """
    visible(node, unit, caller, evidence)
    hint = "sign an access first: this is what --basis does"
    if caller.roles <= NO_CONTENT:
        raise DeniedError("this role sees records, never details or content")
    row = unit.entry_by_digest(access)
    if row is None or row.evidence != evidence or row.certificate != caller.certificate or row.effect != "none":
        raise DeniedError("no access of yours to this item is in the log under that digest", hint=hint)
    event = reading.read_event(node, unit, row)
    modes = ("copy", "export") if content else ("view", "inspection", "copy", "export")
    if event is None or event.type != "accessed" or event.body["mode"] not in modes or "basis" not in event.value:
        raise DeniedError("the recorded access does not cover this", hint=hint)
    if not 0 <= node.clock.now() - row.time <= _FRESH:
        raise DeniedError("the recorded access is too old", hint=hint)
    return row


def note_release(node: Node, statement: bytes, recipient: Recipient, kind: str, evidence: str) -> None:
    """Write down what is about to be handed out, and which statement covers it: an audit compares both.

    Raises:
        StorageError: it cannot be written down, and must not be handed out.
    """
    with node.records.write() as unit:
        unit.put_release(ReleaseRow(statement, recipient, kind, evidence, node.clock.now()))


def release(node: Node, caller: Caller, evidence: str, access: str, kind: str) -> EntryRow:
    """Check the caller's recorded access, by its digest in hex, and write down what is about to be handed out under it.

    Args:
        kind: content, bundle, or details, for which an access of any mode is enough.

    Raises:
        FormatError: no digest. DeniedError, NotFoundError: the access does not cover it.
    """
    digest = from_hex(access, what="access", size=32)
    with node.records.read() as unit:
        row = require_access(node, unit, caller, evidence, digest, content=kind != "details")
    note_release(node, digest, caller.id.recipient, kind, evidence)
    return row


def content_grants(node: Node, unit: Unit, caller: Caller, evidence: str) -> list[bytes]:
    """The content keys sealed to the caller, and for a custodian those sealed to the custodians of the agency."""
    found = unit.grants(evidence, "content", caller.hpke.digest)
    if caller.agency == node.agency and "custodian" in caller.roles:
        found += unit.grants(evidence, "content", node.descriptor(unit).custody.digest)
    return found


def details(node: Node, unit: Unit, evidence: str) -> list[dict[str, Any]]:
    """The documents of an item, completed, in order."""
    found = []
    for row in unit.events(evidence):
        event = reading.read_event(node, unit, row)
        found.append({"seq": row.seq, "statement": row.digest.hex(), "document": None if event is None else event.value})
    return found


def duplicates(node: Node, unit: Unit, caller: Caller, digest: str, *, beside: str = "") -> list[str]:
    """Items that the caller may see and whose content has this SHA-256, other than ``beside``."""
    found = [one for one in unit.tokens(recordkeys.index_token(node, "sha-256", digest), 100) if one != beside]
    return [item.state.evidence for item in visible_items(node, unit, caller, after=-1, limit=100, wanted=found)] if found else []


def twins(node: Node, unit: Unit, caller: Caller, registered: Registered) -> list[str]:
    """Other items that the caller may see with the content of an item just opened."""
    if registered.content is None:
        return []
    return duplicates(node, unit, caller, registered.content, beside=registered.evidence)
