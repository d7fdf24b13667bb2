"""Who has which part in an item, and so sees it.

Whoever asks for an item in which they have no part gets the answer of one that does not exist,
after the same look-ups: neither the answer nor its time tells that the item is there. What a part
opens is released by key_release.py, after a signed access.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.domain.codecs.cose import PublicKey
from ledger.domain.errors import DeniedError, NotFoundError
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.identity.person import PersonId
from ledger.domain.identity.roles import ROLES_BY_TYPE, counting_roles
from ledger.domain.item.participation import ROLES_BY_PART, Part
from ledger.rows.items import ItemRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import stolen_orders
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
#: Releases to whoever an item is on offer to, who looks before answering, and what each opens.
LOOKS: Final = {"offer": "record", "offer-content": "content"}


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
        hpke = directory.descriptor(node, unit, parsed.agency).node
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


def is_offered_to(node: Node, caller: Caller, item: ItemRow) -> bool:
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
    shared = named is not None and stolen_orders.is_given(node, unit, named.statement)
    keys = own_grants(node, unit, caller, evidence)
    if item is None:
        return frozenset()
    ours, kept = caller.agency == node.agency, item.state.custodian == node.agency
    holds, asked = caller.id == item.holder, is_offered_to(node, caller, item)
    by_role = {
        part: ours and bool(caller.roles & ROLES_BY_PART[part])
        for part in (Part.CUSTODIAN, Part.OVERSEER, Part.WATCHER)
    }
    has = {
        **by_role,
        Part.HOLDER: holds and kept,
        Part.SHARED: shared,
        # A key that somebody got as the one who recorded or held it is no share. One that came with
        # an offer is neither: a guest never held what is here. One that a thief gave is none.
        Part.FORMER: caller.id == item.opener
        or (holds and not kept)
        or (bool(keys) and ours and not asked and shared == (named is not None)),
        Part.ASKED: asked,
    }
    return frozenset(part for part, given in has.items() if given)


def _has_own_key(node: Node, unit: UnitOfWork, caller: Caller) -> bool:
    """Whether the caller's HPKE key is theirs alone. Somebody may have enrolled with the key of an
    agency that was not known here yet: what is sealed to that key is meant for the agency.
    """
    return caller.hpke.digest not in directory.agency_keys(node, unit)


def own_grants(node: Node, unit: UnitOfWork, caller: Caller, evidence: str) -> list[bytes]:
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


def require_visible(node: Node, unit: UnitOfWork, caller: Caller, evidence: str) -> ItemRow:
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
    among: Sequence[str] | None = None,
    cases: bool = False,
) -> list[ItemRow]:
    """A page of items that the caller may see, in the order in which they were opened; ``token``:
    see ItemsRepository.page. ``among``: of these items alone. ``cases``: with the cases.

    With a token, items that the caller sees only as administrator or auditor are left out. The
    query itself filters: filtering a page afterwards would leave it short of items that the caller
    may see.
    """
    person, recipient = seen_by(node, unit, caller, by_content=token is not None)
    return unit.items.page(
        after=after,
        limit=limit,
        person=person,
        evidence=among,
        recipient=recipient,
        token=token,
        cases=cases,
    )


def found_items(
    node: Node, unit: UnitOfWork, caller: Caller, tokens: Sequence[bytes], *, each: int
) -> dict[bytes, list[ItemRow]]:
    """Items that the caller may see, by each of these tokens; see ItemsRepository.found_by and
    visible_items.
    """
    person, recipient = seen_by(node, unit, caller, by_content=True)
    return unit.items.found_by(tokens, each=each, person=person, recipient=recipient)
