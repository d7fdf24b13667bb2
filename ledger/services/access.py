"""Reading details and content: nothing is shown or released before the reader's signed `accessed` event is in the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ledger.domain import envelope
from ledger.domain.errors import DeniedError, NotFoundError
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.records import EntryRow, ItemRow, PersonRow, Unit
from ledger.services import registration
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
    """A logged-in person."""

    pseudonym: str
    roles: frozenset[str]
    certificate: bytes
    hpke: HpkeKey


def hpke_key(person: PersonRow) -> HpkeKey:
    """The stored HPKE key of a person."""
    kem, _, key = person.hpke.partition(b"\x00")
    return HpkeKey(kem.decode(), key)


def visible(unit: Unit, caller: Caller, evidence: str) -> ItemRow:
    """The item, if the caller may know of it.

    Raises:
        NotFoundError: the same answer whether it is absent or hidden.
    """
    item = unit.item(evidence)
    if item is not None:
        seen = bool(caller.roles & SEE_ALL) or item.opener == caller.pseudonym
        if seen or unit.grants(evidence, "content", caller.hpke.digest) or unit.grants(evidence, "record", caller.hpke.digest):
            return item
    raise NotFoundError("no such item, or none that you may see", hint="list your items with: custody list")


def visible_items(unit: Unit, caller: Caller, *, after: int, limit: int, wanted: list[str] | None) -> list[ItemRow]:
    """A page of items that the caller may see, in the order in which they were opened."""
    if caller.roles & SEE_ALL:
        return unit.items(after=after, limit=limit, opener=None, evidence=wanted)
    own = unit.items(after=after, limit=limit, opener=caller.pseudonym, evidence=wanted)
    granted = [one for one in unit.granted_items(caller.hpke.digest, _MAX_GRANTED) if wanted is None or one in wanted]
    more = unit.items(after=after, limit=limit, opener=None, evidence=granted) if granted else []
    merged = {item.state.evidence: item for item in (*own, *more)}
    return sorted(merged.values(), key=lambda item: item.opened)[:limit]


def require_access(node: Node, unit: Unit, caller: Caller, evidence: str, access: bytes, *, content: bool) -> EntryRow:
    """Check that ``access`` is the digest of the caller's own, recent `accessed` event on this item.

    Raises:
        DeniedError: it is not, or the caller's role may not read.
    """
    visible(unit, caller, evidence)
    hint = "sign an access first: this is what --basis does"
    if caller.roles <= NO_CONTENT:
        raise DeniedError("this role sees records, never details or content")
    row = unit.entry_by_digest(access)
    if row is None or row.evidence != evidence or row.certificate != caller.certificate or row.effect != "none":
        raise DeniedError("no access of yours to this item is in the log under that digest", hint=hint)
    event = read_event(node, unit, row)
    modes = ("copy", "export") if content else ("view", "inspection", "copy", "export")
    if event is None or event.type != "accessed" or event.body["mode"] not in modes or "basis" not in event.value:
        raise DeniedError("the recorded access does not cover this", hint=hint)
    if not 0 <= node.clock.now() - row.time <= _FRESH:
        raise DeniedError("the recorded access is too old", hint=hint)
    return row


def read_event(node: Node, unit: Unit, row: EntryRow) -> Event | None:
    """Decrypt the document of an entry with all its disclosures; None where it was destroyed."""
    sealed = unit.document(row.payload)
    if sealed is None:
        return None
    if row.effect == "agency":
        return documents.parse(sealed)
    key = registration.record_key(node, unit, row.evidence)
    raw = envelope.open_document(key, row.payload, sealed)
    shown = [envelope.open_disclosure(key, digest, one) for digest, one in unit.disclosures(row.payload)]
    return documents.parse(raw, shown)


def details(node: Node, unit: Unit, evidence: str) -> list[dict[str, Any]]:
    """The documents of an item, completed, in order."""
    found = []
    for row in unit.events(evidence):
        event = read_event(node, unit, row)
        found.append({"seq": row.seq, "statement": row.digest.hex(), "document": None if event is None else event.value})
    return found


def duplicates(node: Node, unit: Unit, caller: Caller, digest: str, *, beside: str = "") -> list[str]:
    """Items that the caller may see and whose content has this SHA-256, other than ``beside``."""
    found = [one for one in unit.tokens(registration.index_token(node, "sha-256", digest), 100) if one != beside]
    return [item.state.evidence for item in visible_items(unit, caller, after=-1, limit=100, wanted=found)] if found else []


def twins(node: Node, unit: Unit, caller: Caller, registered: Registered) -> list[str]:
    """Other items that the caller may see with the content of an item just opened."""
    if registered.content is None:
        return []
    return duplicates(node, unit, caller, registered.content, beside=registered.evidence)
