"""Which replica keeps which item."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from ledger.adapters.database.unit import Part
from ledger.domain.event.claimed_times import AHEAD
from ledger.rows.items import ItemRow
from ledger.rows.records import GrantRow
from ledger.rows.storage import (
    LONGEST_PAUSE,
    DisclosureWindowRow,
    ReplicaStateRow,
    ReplicationTargetRow,
)

_H = ReplicaStateRow.__table__.c
_I = ItemRow.__table__.c
_G = GrantRow.__table__.c
_T = ReplicationTargetRow.__table__.c


def _is_due(now: int) -> ColumnElement[bool]:
    """What is put off for longer than anything ever is was put off while the clock was ahead."""
    return or_(_H.due <= now, _H.due > now + LONGEST_PAUSE)


class Replicas(Part):
    """What each IPFS node keeps, or shall keep."""

    def put(self, row: ReplicaStateRow) -> None:
        self._put(row)

    def drop(self, evidence: str, node: str) -> None:
        self._drop(ReplicaStateRow, _H.evidence == evidence, _H.node == node)

    def is_held_for_others(self, node: str, cid: bytes, evidence: str) -> bool:
        others = (_H.evidence != evidence, _H.state != "released")
        return bool(self._rows(ReplicaStateRow, _H.node == node, _H.cid == cid, *others, limit=1))

    def hurry(self, now: int) -> None:
        self.flush(ReplicaStateRow)
        self._db.execute(
            update(ReplicaStateRow.__table__)
            .where(_H.state.in_(("wanted", "released")), _H.due > now)
            .values(due=now)
        )

    def drop_at(self, node: str) -> None:
        self._drop(ReplicaStateRow, _H.node == node)

    def of_item(self, evidence: str) -> list[ReplicaStateRow]:
        return self._find(ReplicaStateRow, order="node", evidence=evidence)

    def named(self, evidence: Sequence[str]) -> dict[str, list[ReplicaStateRow]]:
        found: dict[str, list[ReplicaStateRow]] = {}
        for row in self._rows(ReplicaStateRow, _H.evidence.in_(evidence), order=_H.node):
            found.setdefault(row.evidence, []).append(row)
        return found

    def due(self, node: str, now: int, limit: int) -> list[ReplicaStateRow]:
        waiting = (_H.state.in_(("wanted", "released")), _is_due(now))
        return self._rows(ReplicaStateRow, _H.node == node, *waiting, order=_H.due, limit=limit)

    def oldest_proofs(
        self, nodes: Sequence[str], before: int, first: int, now: int, limit: int
    ) -> list[ReplicaStateRow]:
        ahead = _H.proof > now + AHEAD  # by a clock that was wrong: it says nothing of today
        old = or_(_H.proof < before, and_(_H.reads == 0, _H.proof < first), ahead)
        stale = or_(and_(_H.state == "pinned", old), _H.state == "damaged")
        here = _H.node.in_(nodes)
        return self._rows(ReplicaStateRow, stale, here, _is_due(now), order=_H.proof, limit=limit)

    def at_node(self, node: str, *, after: str, limit: int) -> list[ReplicaStateRow]:
        return self._rows(
            ReplicaStateRow, _H.node == node, _H.evidence > after, order=_H.evidence, limit=limit
        )

    def counts(self) -> dict[tuple[str, str], int]:
        self.flush(ReplicaStateRow)
        query = select(_H.node, _H.state, func.count()).group_by(_H.node, _H.state)
        return {(row[0], row[1]): int(row[2]) for row in self._db.execute(query)}

    def wanting_items(self, nodes: Sequence[str], agency: str, copies: int) -> int:
        self.flush(ReplicaStateRow, ReplicationTargetRow, ItemRow, GrantRow)
        pinned = (
            select(func.count())
            .where(_H.evidence == _I.evidence, _H.state == "pinned", _H.node.in_(nodes))
            .scalar_subquery()
        )
        own = select(_T.copies).where(_T.evidence == _I.evidence).scalar_subquery()
        opened = select(_G.evidence).where(_G.evidence == _I.evidence, _G.scope == "content")
        query = select(func.count()).where(
            _I.cid.is_not(None),
            or_(and_(_I.closed.is_(False), _I.custodian == agency), opened.exists()),
            pinned < func.coalesce(own, copies),
        )
        if copies <= 0:  # only what has a number of its own can lack a copy
            query = query.where(_I.evidence.in_(select(_T.evidence)))
        return int(self._db.execute(query).scalar_one())

    def oldest_proof(self) -> int | None:
        self.flush(ReplicaStateRow)
        found = self._db.execute(select(func.min(_H.proof)).where(_H.state == "pinned")).scalar()
        return None if found is None else int(found)

    def put_target(self, evidence: str, copies: int) -> None:
        self._put(ReplicationTargetRow(evidence, copies))

    def targets(self, evidence: Sequence[str]) -> dict[str, int]:
        rows = self._rows(ReplicationTargetRow, _T.evidence.in_(evidence))
        return {row.evidence: row.copies for row in rows}

    def put_window(self, evidence: str, until: int) -> None:
        self._put(DisclosureWindowRow(evidence, until))
