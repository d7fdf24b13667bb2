"""Other agencies, handovers to and from them, what their logs prove, and where items came from."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, func, or_, select, tuple_

from ledger.adapters.database.unit import Part, blob
from ledger.domain.chain import contract_layout
from ledger.domain.identity.person import PersonId
from ledger.rows.agencies import DescriptorRow, PartnerDescriptorRow, PartnerRow
from ledger.rows.handovers import (
    DisclosedCopyRow,
    ErasureRow,
    InheritedRow,
    LinkRow,
    TransferStepRow,
)
from ledger.rows.items import ItemRow, ShareRow
from ledger.rows.records import GrantRow
from ledger.rows.states import LinkKind

_C = TransferStepRow.__table__.c
_G = DisclosedCopyRow.__table__.c
_I = ItemRow.__table__.c
_K = GrantRow.__table__.c
_L = LinkRow.__table__.c
_R = ErasureRow.__table__.c
_S = ShareRow.__table__.c
_MAX_PARTNERS = 10_000


class Partners(Part):
    """Other agencies of the registry."""

    def put(self, row: PartnerRow) -> None:
        self._put(row)

    def get(self, agency: str) -> PartnerRow | None:
        return self._one(PartnerRow, agency=agency)

    def all(self) -> list[PartnerRow]:
        return self._find(PartnerRow, order="agency", limit=_MAX_PARTNERS)

    def put_descriptor(self, agency: str, row: DescriptorRow) -> None:
        self._put(
            PartnerDescriptorRow(row.version, row.document, row.active_from, row.block, agency)
        )

    def descriptors(self, agency: str) -> list[DescriptorRow]:
        rows = self._find(PartnerDescriptorRow, order="version", agency=agency)
        return [
            DescriptorRow(row.version, blob(row.document), row.active_from, row.block)
            for row in rows
        ]


class Transfers(Part):
    """Handovers between agencies, and what came with an item."""

    def put(self, row: TransferStepRow) -> None:
        self._put(row)

    def keep(self, row: TransferStepRow) -> None:
        self._keep(row)

    def of_item(self, evidence: str) -> list[TransferStepRow]:
        return self._find(TransferStepRow, order="number", evidence=evidence)

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
        key = (_C.evidence, _C.number)
        conditions = [_C.state.in_(states), tuple_(*key) > after]
        if agency:
            conditions.append(or_(_C.giver == agency, _C.taker == agency))
        if giver:
            conditions.append(_C.giver == giver)
        if outcome is not None:
            conditions.append(_C.outcome == outcome)
        return self._rows(TransferStepRow, *conditions, order=key, limit=limit)

    def on_its_way(self) -> TransferStepRow | None:
        rows = self._rows(TransferStepRow, _C.sent != b"", limit=1)
        return rows[0] if rows else None

    def put_inherited(self, evidence: str, data: bytes) -> None:
        self._put(InheritedRow(evidence, data))

    def inherited(self, evidence: str) -> bytes | None:
        row = self._one(InheritedRow, evidence=evidence)
        return blob(row.data) if row else None


class Copies(Part):
    """Copies that other agencies may fetch, and where items came from."""

    def put(self, row: DisclosedCopyRow) -> None:
        self._put(row)

    def get(self, statement: bytes) -> DisclosedCopyRow | None:
        return self._one(DisclosedCopyRow, statement=statement)

    def offered_to(
        self, agency: str, limit: int, *, now: int, after: bytes = b""
    ) -> list[DisclosedCopyRow]:
        open_ = (_G.until > now, _G.statement > after)
        return self._rows(
            DisclosedCopyRow, _G.agency == agency, *open_, order=_G.statement, limit=limit
        )

    def of_item(self, evidence: str, limit: int) -> list[DisclosedCopyRow]:
        return self._find(DisclosedCopyRow, order="until", limit=limit, evidence=evidence)

    def put_link(self, row: LinkRow) -> None:
        self._put(row)

    def links(
        self,
        evidence: Sequence[str],
        limit: int,
        *,
        person: PersonId | None = None,
        recipient: bytes | None = None,
    ) -> list[LinkRow]:
        conditions = [or_(_L.parent.in_(evidence), _L.child.in_(evidence))]
        if person is not None:
            asked = and_(_I.offer_to == person.agency, _I.custodian != person.agency)
            own = or_(_I.opener == person, _I.holder == person)
            offered = or_(_I.offer_person == person.pseudonym, asked)
            mine = [
                select(_I.evidence).where(_I.evidence == _L.child, or_(own, offered)).exists(),
                select(_S.evidence).where(_S.evidence == _L.child, _S.person == person).exists(),
            ]
            if recipient is not None:
                keys = (_K.evidence == _L.child, _K.recipient == recipient)
                mine.append(select(_K.evidence).where(*keys).exists())
            conditions.append(or_(*mine))
            self.flush(ItemRow, ShareRow, GrantRow)
        return self._rows(LinkRow, *conditions, order=_L.parent, limit=limit)

    def links_from(self, children: Sequence[str]) -> dict[str, list[LinkKind]]:
        found: dict[str, list[LinkKind]] = {}
        for row in self._rows(LinkRow, _L.child.in_(children)):
            found.setdefault(row.child, []).append(row.kind)
        return found


class Erasures(Part):
    """Keys to be destroyed for disposals."""

    def put(self, row: ErasureRow) -> None:
        self._put(row)

    def get(self, evidence: str) -> ErasureRow | None:
        return self._one(ErasureRow, evidence=evidence)

    def in_states(
        self,
        states: Sequence[str],
        limit: int,
        *,
        custodian: str = "",
        held: str = "",
        after: str = "",
    ) -> list[ErasureRow]:
        conditions = [_R.state.in_(states), _R.evidence > after]
        if custodian:
            conditions.append(_R.custodian == custodian)
        if held:
            # Asked of each disposal: disposals are fewer than items, of which no index tells where
            # they began.
            opened = select(_I.evidence).where(_I.evidence == _R.evidence, _I.origin == held)
            # By the item alone: SQLite would go through all handovers of that state for each.
            concluded = func.coalesce(_C.state, "") == "concluded"
            accepted = (concluded, _C.outcome == contract_layout.ACCEPTED)
            taken = select(_C.evidence).where(
                _C.evidence == _R.evidence, _C.taker == held, *accepted
            )
            conditions.append(or_(opened.exists(), taken.exists()))
            self.flush(ItemRow, TransferStepRow)
        return self._rows(ErasureRow, *conditions, order=_R.evidence, limit=limit)
