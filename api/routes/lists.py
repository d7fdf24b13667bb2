"""Lists of items, and what the node keeps in clear about one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Query

from api.deps import CallerDep, GuardedRoute, Item, NodeDep
from api.schemas_items import (
    FindIn,
    ItemOut,
    ItemsOut,
    ListingIn,
    ListingOut,
    OfferOut,
    ReplicaOut,
    SealedNameOut,
    SearchedOut,
    SearchIn,
)
from ledger.domain.codecs.text import format_time
from ledger.domain.event import same_record
from ledger.domain.identity.person import PersonId, read_reference
from ledger.domain.ipld import cid as cids
from ledger.domain.item.custody_transitions import Offer
from ledger.domain.item.participation import Part
from ledger.rows.items import ItemFilter, ItemRow
from ledger.rows.storage import OWN_DISK, ReplicaStateRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization, item_lists, sealed_names
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.records import record_keys

_FOUND: Final = 500  # items that a search tells at once

router = APIRouter(route_class=GuardedRoute, prefix="/v1/evidence", tags=["evidence"])


def _item_out(
    node: Node,
    item: ItemRow,
    clear: item_lists.Clear,
    reached: checkpoint_anchoring.Progress,
    held: list[ReplicaStateRow],
    *,
    erased: bool,
    parts: Iterable[Part] = (),
) -> ItemOut:
    state, opening = item.state, clear.opening
    return ItemOut(
        evidence=state.evidence,
        opening="" if opening is None else opening.digest.hex(),
        recorded=None if opening is None else format_time(opening.time),
        opener=item.opener.shown_at(node.agency) if item.opener is not None else "",
        kind=clear.kind,
        origin=state.origin,
        custodian=state.custodian,
        events=state.seq + 1,
        head=state.head.hex(),
        time=format_time(state.time),
        closed=state.closed,
        erased=erased,
        holder=_holder(item),
        offer=_offer_out(state.offer),
        cid=None if item.cid is None else cids.to_text(item.cid),
        index=item.latest_index,
        state=checkpoint_anchoring.state_of(node, reached, item.latest_log, item.latest_index),
        replicas=[_replica_out(row) for row in held if row.node != OWN_DISK],
        parts=sorted(part.name.lower() for part in parts),
    )


def _holder(item: ItemRow) -> str:
    """The person at the custodian who holds an item; empty where it went to another agency, of
    which our last holder is none, and where we were never told.
    """
    person = item.holder
    known = person is not None and person.agency == item.state.custodian
    return person.pseudonym if person is not None and known else ""


def _kept(
    node: Node, unit: UnitOfWork, caller: Caller, evidence: list[str]
) -> dict[str, list[ReplicaStateRow]]:
    """At which IPFS nodes items are kept, and how well: what the agency runs is nothing for
    guests.
    """
    return {} if caller.is_guest(node.agency) else unit.replicas.named(evidence)


def _is_erased(unit: UnitOfWork, item: ItemRow) -> bool:
    """Whether the keys of an item are destroyed, or will be at once; asked for items that could be
    only.
    """
    return unit.erasures.get(item.state.evidence) is not None


def _offer_out(offer: Offer | None) -> OfferOut | None:
    if offer is None:
        return None
    return OfferOut(
        agency=offer.to,
        person=offer.person,
        expires=None if offer.expires is None else format_time(offer.expires),
    )


def _replica_out(row: ReplicaStateRow) -> ReplicaOut:
    proof = format_time(row.proof) if row.proof else None
    return ReplicaOut(
        node=row.node, state=row.state, proof=proof, reads=row.reads, problem=row.problem
    )


def _items_out(
    node: Node, unit: UnitOfWork, caller: Caller, rows: Sequence[ItemRow], following: int | None
) -> ItemsOut:
    reached = checkpoint_anchoring.progress(node, unit)
    held = _kept(node, unit, caller, [row.state.evidence for row in rows])
    clear = item_lists.clear_of(unit, rows)
    items = [
        _item_out(
            node,
            row,
            clear[row.state.evidence],
            reached,
            held.get(row.state.evidence, []),
            erased=_is_erased(unit, row),
        )
        for row in rows
    ]
    return ItemsOut(items=items, next=following)


@router.get("", operation_id="list_evidence")
def list_evidence(
    node: NodeDep,
    caller: CallerDep,
    after: Annotated[int, Query(ge=-1, lt=1 << 63)] = -1,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> ItemsOut:
    """A page of the items that the caller may see."""
    with node.records.read() as unit:
        rows = authorization.visible_items(node, unit, caller, after=after, limit=limit)
        return _items_out(node, unit, caller, rows, rows[-1].opened if len(rows) == limit else None)


@router.post("/search", operation_id="search_evidence")
def search_evidence(node: NodeDep, caller: CallerDep, request: SearchIn) -> SearchedOut:
    """Items with this identifier (case, exhibit), among those that the caller may see; 500 a
    page.
    """
    with node.records.read() as unit:
        token = record_keys.searched_token(node, request.scheme, request.value)
        rows = authorization.visible_items(
            node,
            unit,
            caller,
            after=request.after,
            limit=_FOUND,
            token=token,
            cases=request.scheme == same_record.CASE_NOW,
        )
    return SearchedOut(
        evidence=[row.evidence for row in rows],
        next=rows[-1].opened if len(rows) == _FOUND else None,
    )


@router.post("/find", operation_id="find_evidence")
def find_evidence(node: NodeDep, caller: CallerDep, request: FindIn) -> ItemsOut:
    """A page of the items that the caller may see, limited to what they look for. What is sealed is
    found by its numbers alone, and stays sealed; never in a URL, since numbers are case data. A
    page may be empty and others follow.
    """
    clear = ItemFilter(
        beginning=request.beginning,
        among=tuple(request.among),
        since=request.since,
        until=request.until,
        opener=_person(node, request.opener),
        holder=_person(node, request.holder),
        shared=_person(node, request.shared),
        custodian=request.custodian,
        kind=request.kind,
        standing=request.standing,
    )
    wanted = item_lists.Wanted(clear, request.case, request.exhibit, request.text)
    with node.records.read() as unit:
        rows, following = item_lists.page(
            node,
            unit,
            caller,
            wanted,
            after=request.after,
            newest=request.newest,
            limit=request.limit,
        )
        return _items_out(node, unit, caller, rows, following)


def _person(node: Node, reference: str | None) -> PersonId | None:
    return None if reference is None else read_reference(reference, home=node.agency)


@router.post("/{evidence}/listing", operation_id="list_sealed_names")
def list_sealed_names(
    node: NodeDep, caller: CallerDep, evidence: Item, request: ListingIn
) -> ListingOut:
    """Items of a case as their sealed records call them, after a recorded `listed` of the last day
    that says why.
    """
    read = sealed_names.of_items(node, caller, evidence, request.evidence)
    return ListingOut(
        items=[
            SealedNameOut(
                evidence=one.evidence,
                exhibit=one.exhibit,
                name=one.name,
                size=one.size,
                files=one.files,
                role=one.role,
            )
            for one in read.names
        ],
        purpose=read.purpose,
        since=format_time(read.since),
    )


@router.get("/{evidence}", operation_id="show_evidence")
def show_evidence(node: NodeDep, caller: CallerDep, evidence: Item) -> ItemOut:
    """What the node keeps in clear about one item."""
    with node.records.read() as unit:
        item = authorization.require_visible(node, unit, caller, evidence)
        return _item_out(
            node,
            item,
            item_lists.clear_of(unit, [item])[evidence],
            checkpoint_anchoring.progress(node, unit),
            _kept(node, unit, caller, [evidence]).get(evidence, []),
            erased=_is_erased(unit, item),
            parts=authorization.parts_of(node, unit, caller, evidence, item),
        )
