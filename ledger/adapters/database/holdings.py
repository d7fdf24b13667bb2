"""Which replica keeps which item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import and_, delete, func, or_, select, update

from ledger.adapters.database.tables import DisclosureWindow, Item, ReplicaState, ReplicationTarget
from ledger.adapters.database.unit import Part
from ledger.domain.ports.rows import ReplicaStateRow

_H: Any = ReplicaState
_I: Any = Item
_T: Any = ReplicationTarget


def _holding(row: Any) -> ReplicaStateRow:
    return ReplicaStateRow(**row._mapping)


class Replicas(Part):
    """What each IPFS node keeps, or shall keep."""

    def put(self, row: ReplicaStateRow) -> None:
        self._put(ReplicaState, ("evidence", "node"), asdict(row))

    def drop(self, evidence: str, node: str) -> None:
        self.flush(ReplicaState)
        self._db.execute(delete(ReplicaState).where(_H.evidence == evidence, _H.node == node))

    def is_held_for_others(self, node: str, cid: bytes, evidence: str) -> bool:
        """Whether a replica keeps, or shall keep, a CID for another item too: pins have no
        names.
        """
        return bool(
            self._rows(
                ReplicaState,
                _H.node == node,
                _H.cid == cid,
                _H.evidence != evidence,
                _H.state != "released",
                limit=1,
            )
        )

    def hurry(self, now: int) -> None:
        """What was put off is due now."""
        self.flush(ReplicaState)
        self._db.execute(
            update(ReplicaState)
            .where(_H.state.in_(("wanted", "released")), _H.due > now)
            .values(due=now)
        )

    def drop_at(self, node: str) -> None:
        self.flush(ReplicaState)
        self._db.execute(delete(ReplicaState).where(_H.node == node))

    def of_item(self, evidence: str) -> list[ReplicaStateRow]:
        return [_holding(row) for row in self._find(ReplicaState, order="node", evidence=evidence)]

    def named(self, evidence: Sequence[str]) -> dict[str, list[ReplicaStateRow]]:
        found: dict[str, list[ReplicaStateRow]] = {}
        for row in self._rows(ReplicaState, _H.evidence.in_(evidence), order=_H.node):
            found.setdefault(row.evidence, []).append(_holding(row))
        return found

    def due(self, node: str, now: int, limit: int) -> list[ReplicaStateRow]:
        """What is to be pinned or removed at a replica now, what has waited longest first."""
        rows = self._rows(
            ReplicaState,
            _H.node == node,
            _H.state.in_(("wanted", "released")),
            _H.due <= now,
            order=_H.due,
            limit=limit,
        )
        return [_holding(row) for row in rows]

    def oldest_proofs(self, before: int, first: int, now: int, limit: int) -> list[ReplicaStateRow]:
        """What was last known good before a time (``first`` where it was never read again), or is
        damaged, and is not put off.
        """
        old = or_(_H.proof < before, and_(_H.reads == 0, _H.proof < first))
        stale = or_(and_(_H.state == "pinned", old), _H.state == "damaged")
        return [
            _holding(row)
            for row in self._rows(ReplicaState, stale, _H.due <= now, order=_H.proof, limit=limit)
        ]

    def at_node(self, node: str, *, after: str, limit: int) -> list[ReplicaStateRow]:
        rows = self._rows(
            ReplicaState, _H.node == node, _H.evidence > after, order=_H.evidence, limit=limit
        )
        return [_holding(row) for row in rows]

    def counts(self) -> dict[tuple[str, str], int]:
        self.flush(ReplicaState)
        query = select(_H.node, _H.state, func.count()).group_by(_H.node, _H.state)
        return {(row[0], row[1]): int(row[2]) for row in self._db.execute(query)}

    def wanting_items(self, nodes: Sequence[str]) -> int:
        """Items that one of these replicas shall keep and does not yet, and items for which nobody
        has chosen a replica yet.
        """
        self.flush(ReplicaState)
        self.flush(Item)
        chosen = select(func.count(_H.evidence.distinct())).where(
            _H.state.in_(("wanted", "damaged")), _H.node.in_(nodes)
        )
        known = select(_H.evidence).where(_H.evidence == _I.evidence).exists()
        fresh = select(func.count()).where(_I.cid.is_not(None), _I.closed.is_(False), ~known)
        return int(self._db.execute(chosen).scalar_one()) + int(
            self._db.execute(fresh).scalar_one()
        )

    def oldest_proof(self) -> int | None:
        self.flush(ReplicaState)
        found = self._db.execute(select(func.min(_H.proof)).where(_H.state == "pinned")).scalar()
        return None if found is None else int(found)

    def put_target(self, evidence: str, copies: int) -> None:
        self._put(ReplicationTarget, ("evidence",), {"evidence": evidence, "copies": copies})

    def targets(self, evidence: Sequence[str]) -> dict[str, int]:
        return {
            row.evidence: row.copies
            for row in self._rows(ReplicationTarget, _T.evidence.in_(evidence))
        }

    def put_window(self, evidence: str, until: int) -> None:
        self._put(DisclosureWindow, ("evidence",), {"evidence": evidence, "until": until})
