"""Other agencies, handovers to and from them, what their logs prove, and where items came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import or_, select, tuple_

from ledger.adapters.database.columns import blob
from ledger.adapters.database.tables import (
    DisclosedCopy,
    Erasure,
    Inherited,
    Item,
    Link,
    Partner,
    PartnerDescriptor,
    TransferStep,
)
from ledger.adapters.database.unit import Part
from ledger.domain.chain import contract_layout
from ledger.domain.ports.rows import (
    DescriptorRow,
    DisclosedCopyRow,
    ErasureRow,
    LinkRow,
    PartnerRow,
    TransferStepRow,
)

_C: Any = TransferStep
_G: Any = DisclosedCopy
_I: Any = Item
_L: Any = Link
_R: Any = Erasure
_MAX_PARTNERS = 10_000


class Partners(Part):
    """Other agencies of the registry."""

    def put(self, row: PartnerRow) -> None:
        self._put(Partner, ("agency",), asdict(row))

    def get(self, agency: str) -> PartnerRow | None:
        row = self._one(Partner, agency=agency)
        return PartnerRow(**row._mapping) if row else None

    def all(self) -> list[PartnerRow]:
        return [
            PartnerRow(**row._mapping)
            for row in self._find(Partner, order="agency", limit=_MAX_PARTNERS)
        ]

    def put_descriptor(self, agency: str, row: DescriptorRow) -> None:
        self._put(PartnerDescriptor, ("agency", "version"), {"agency": agency, **asdict(row)})

    def descriptors(self, agency: str) -> list[DescriptorRow]:
        rows = self._find(PartnerDescriptor, order="version", agency=agency)
        return [
            DescriptorRow(row.version, blob(row.document), row.active_from, row.block)
            for row in rows
        ]


class Transfers(Part):
    """Handovers between agencies, and what came with an item."""

    def put(self, row: TransferStepRow) -> None:
        self._put(TransferStep, ("evidence", "number"), asdict(row))

    def keep(self, row: TransferStepRow) -> None:
        self._keep(TransferStep, ("evidence", "number"), asdict(row))

    def of_item(self, evidence: str) -> list[TransferStepRow]:
        return [
            TransferStepRow(**row._mapping)
            for row in self._find(TransferStep, order="number", evidence=evidence)
        ]

    def in_states(
        self,
        states: Sequence[str],
        limit: int,
        *,
        agency: str = "",
        giver: str = "",
        outcome: int | None = None,
        after: tuple[str, int] = ("", -1),
    ) -> list[TransferStepRow]:
        """A page of handovers in certain states, in the order of items, behind ``after``: with an
        agency, from a giver, with an outcome, where named.
        """
        key = (_C.evidence, _C.number)
        conditions = [_C.state.in_(states), tuple_(*key) > after]
        if agency:
            conditions.append(or_(_C.giver == agency, _C.taker == agency))
        if giver:
            conditions.append(_C.giver == giver)
        if outcome is not None:
            conditions.append(_C.outcome == outcome)
        rows = self._rows(TransferStep, *conditions, order=key, limit=limit)
        return [TransferStepRow(**row._mapping) for row in rows]

    def on_its_way(self) -> TransferStepRow | None:
        """The handover whose transaction is on its way; there is one at most."""
        rows = self._rows(TransferStep, _C.sent != b"", limit=1)
        return TransferStepRow(**rows[0]._mapping) if rows else None

    def put_inherited(self, evidence: str, data: bytes) -> None:
        self._put(Inherited, ("evidence",), {"evidence": evidence, "data": data})

    def inherited(self, evidence: str) -> bytes | None:
        row = self._one(Inherited, evidence=evidence)
        return blob(row.data) if row else None


class Copies(Part):
    """Copies that other agencies may fetch, and where items came from."""

    def put(self, row: DisclosedCopyRow) -> None:
        self._put(DisclosedCopy, ("statement",), asdict(row))

    def get(self, statement: bytes) -> DisclosedCopyRow | None:
        row = self._one(DisclosedCopy, statement=statement)
        return DisclosedCopyRow(**row._mapping) if row else None

    def offered_to(
        self, agency: str, limit: int, *, now: int, after: bytes = b""
    ) -> list[DisclosedCopyRow]:
        """A page of copies that an agency may still fetch, in the order of statements."""
        rows = self._rows(
            DisclosedCopy,
            _G.agency == agency,
            _G.until > now,
            _G.statement > after,
            order=_G.statement,
            limit=limit,
        )
        return [DisclosedCopyRow(**row._mapping) for row in rows]

    def of_item(self, evidence: str, limit: int) -> list[DisclosedCopyRow]:
        return [
            DisclosedCopyRow(**row._mapping)
            for row in self._find(DisclosedCopy, order="until", limit=limit, evidence=evidence)
        ]

    def put_link(self, row: LinkRow) -> None:
        self._put(Link, ("parent", "child", "kind"), asdict(row))

    def links(self, evidence: Sequence[str], limit: int) -> list[LinkRow]:
        """Where items came from and what came from them."""
        self.flush(Link)
        rows = self._rows(
            Link, or_(_L.parent.in_(evidence), _L.child.in_(evidence)), order=_L.parent, limit=limit
        )
        return [LinkRow(**row._mapping) for row in rows]


class Erasures(Part):
    """Keys to be destroyed for disposals."""

    def put(self, row: ErasureRow) -> None:
        self._put(Erasure, ("evidence",), asdict(row))

    def get(self, evidence: str) -> ErasureRow | None:
        row = self._one(Erasure, evidence=evidence)
        return ErasureRow(**row._mapping) if row else None

    def in_states(
        self,
        states: Sequence[str],
        limit: int,
        *,
        custodian: str = "",
        held: str = "",
        after: str = "",
    ) -> list[ErasureRow]:
        """A page in the order of items: of disposals by a custodian, of items that an agency opened
        or held, where they are named.
        """
        conditions = [_R.state.in_(states), _R.evidence > after]
        if custodian:
            conditions.append(_R.custodian == custodian)
        if held:
            opened = select(_I.evidence).where(_I.origin == held)
            taken = select(_C.evidence).where(
                _C.taker == held, _C.state == "concluded", _C.outcome == contract_layout.ACCEPTED
            )
            conditions.append(or_(_R.evidence.in_(opened), _R.evidence.in_(taken)))
            self.flush(Item)
            self.flush(TransferStep)
        rows = self._rows(Erasure, *conditions, order=_R.evidence, limit=limit)
        return [ErasureRow(**row._mapping) for row in rows]
