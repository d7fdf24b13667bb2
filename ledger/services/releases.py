"""Handing keys on: who may be given an item's content key, with which event (DESIGN section 8)."""

from __future__ import annotations

from ledger.domain.errors import RuleError
from ledger.domain.identity.person import PersonId
from ledger.domain.records import ItemRow
from ledger.domain.unit import Unit
from ledger.services import partners
from ledger.services.checking import RELEASES, Checked
from ledger.services.node import Node
from ledger.services.reading import hpke_key


def require_good(node: Node, unit: Unit, one: Checked, before: ItemRow | None) -> None:
    """Check the grants that come with an event behind the opening one.

    Raises:
        RuleError: a grant of another scope, or to a key that belongs to nobody whom the event names.
    """
    if before is None or one.event.type not in RELEASES or not one.grants:
        return
    allowed = _recipients(node, unit, one)
    for grant in one.grants:
        if grant.scope != "content" or grant.recipient not in allowed:
            raise RuleError("a key was sealed to somebody whom the event does not name", hint="seal it to the recipient of the event")


def _recipients(node: Node, unit: Unit, one: Checked) -> set[bytes]:
    """Hashes of the HPKE keys to which this event may release the content key."""
    body = one.event.body
    if one.event.type == "transfer-accepted":
        return {node.descriptor(unit).custody.digest, *_person(unit, one.certificate.subject)}
    to = body.get("to", {})
    agency, person = to.get("agency", ""), to.get("person", "")
    found = _person(unit, PersonId(agency, person)) if person else set()
    if agency:
        found |= {partners.descriptor(node, unit, agency).custody.digest}
    return found


def _person(unit: Unit, person: PersonId) -> set[bytes]:
    row = unit.person(person)
    return {hpke_key(row).digest} if row is not None and row.active else set()
