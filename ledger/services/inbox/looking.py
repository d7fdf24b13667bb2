"""A look at what waits for somebody and what changed, over the items that they may see.

Most of what an item's record asks of people by a day lies sealed in it. The node opens the record
to find it, and tells the kind and the day alone, and those alone who may record what settles the
matter (docs/adr/0023-inbox.md).

What a page costs is bounded: so many items, and so many events of their records; a page that
reached either goes on behind the last item that it looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ledger.domain.errors import AlteredError, FormatError, KeyringError, VerificationError
from ledger.domain.identity.person import PersonId
from ledger.domain.item import duties
from ledger.domain.item.duties import SETTLED_BY, Duty
from ledger.domain.item.participation import Part, acting_roles
from ledger.rows.items import ItemRow
from ledger.rows.storage import OWN_DISK
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.access.service_numbers import Persons
from ledger.services.inbox import waiting
from ledger.services.inbox.waiting import Waiting
from ledger.services.node.context import Node
from ledger.services.registration.item_histories import Histories

#: Seconds ahead for which a day that comes is told of.
SOON: Final = 14 * 86400
_EVENTS: Final = 2_000  # of the records that a page opens
_NEWEST: Final = 100  # events of an item that are looked at for changes
#: Parts by which somebody is told of nothing that lies sealed.
_CLEAR: Final = frozenset({Part.WATCHER})
#: Whoever lent an item is told when it is due back, though they hold it no longer.
_LENDERS: Final = frozenset({Part.CUSTODIAN, Part.FORMER})


@dataclass(frozen=True, slots=True)
class Changed:
    """An item of which others recorded ``count`` events since somebody looked, the last at
    ``time``.
    """

    evidence: str
    count: int
    time: int


@dataclass(frozen=True, slots=True)
class Looked:
    """What a page found; ``size``: entries in the log now; ``looked``: items that were looked at;
    ``next``: the place behind which the next page begins, None where there is none.
    """

    waiting: list[Waiting]
    changed: list[Changed]
    size: int
    looked: int
    next: int | None


def look(node: Node, caller: Caller, *, after: int, limit: int, since: int | None) -> Looked:
    """A page of what waits for somebody; the first one also has what is about no single item.

    Args:
        since: entries that the log had when they looked last; None where they never did.
    """
    with node.records.read() as unit:
        log = unit.logs.get(node.log_id)
        rows = authorization.visible_items(node, unit, caller, after=after, limit=limit, cases=True)
        found: list[Waiting] = []
        if after < 0:
            found += _general(node, unit, caller)
        page = _Page(node, unit, caller)
        changed: list[Changed] = []
        looked = 0
        for row in rows:
            if page.read >= _EVENTS:
                break
            looked += 1
            found += page.waiting(row)
            if since is not None and row.latest_log == node.log_id and row.latest_index >= since:
                changed += page.changes(row, since)
        following = rows[looked - 1].opened if looked and _is_more(rows, looked, limit) else None
    return Looked(found, changed, log.size if log is not None else 0, looked, following)


def at_a_glance(node: Node, caller: Caller) -> tuple[int, list[Waiting]]:
    """What waits for somebody without a record being opened, and how many entries the log has."""
    with node.records.read() as unit:
        log = unit.logs.get(node.log_id)
        return log.size if log is not None else 0, _general(node, unit, caller)


def _general(node: Node, unit: UnitOfWork, caller: Caller) -> list[Waiting]:
    return [*waiting.of_node(node, unit, caller), *waiting.offers(node, unit, caller)]


def _is_more(rows: list[ItemRow], looked: int, limit: int) -> bool:
    return looked < len(rows) or len(rows) == limit


class _Page:
    """One page: records are opened once each; ``read`` counts their events."""

    def __init__(self, node: Node, unit: UnitOfWork, caller: Caller) -> None:
        self.read = 0
        self._node, self._unit, self._caller = node, unit, caller
        self._histories = Histories(node)
        self._me: PersonId | None = None

    def waiting(self, item: ItemRow) -> Iterator[Waiting]:
        """What waits about an item."""
        evidence = item.evidence
        parts = authorization.parts_of(self._node, self._unit, self._caller, evidence, item)
        for row in self._unit.replicas.of_item(evidence):
            if row.state == "damaged" and row.node != OWN_DISK:
                yield Waiting("copy-damaged", evidence, row.node, since=row.proof or None)
        if item.closed or item.state.offer is not None or not self._is_told(item, parts):
            return
        until = self._node.clock.now() + SOON
        try:
            found = self._duties(item)
        except (AlteredError, FormatError, KeyringError, VerificationError):
            yield Waiting("record-unreadable", evidence)
            return
        for duty in found:
            if (duty.due is None or duty.due < until) and self._is_asked(item, parts, duty):
                yield Waiting(duty.kind, evidence, since=duty.since or None, due=duty.due)

    def _is_told(self, item: ItemRow, parts: frozenset[Part]) -> bool:
        """Whether any duty could be the caller's, so that the record is opened for it."""
        if item.custodian != self._node.agency:
            return bool(parts & _LENDERS)
        roles = self._caller.roles
        return any(acting_roles(kind, parts - _CLEAR, roles) for kind in SETTLED_BY.values())

    def _duties(self, item: ItemRow) -> list[Duty]:
        self.read += item.seq + 1
        history = self._histories.of(self._unit, item.evidence)
        return list(duties.of(history, self._node.agency, item.custodian))

    def _is_asked(self, item: ItemRow, parts: frozenset[Part], duty: Duty) -> bool:
        if item.custodian != self._node.agency:
            return bool(parts & _LENDERS)
        if not acting_roles(SETTLED_BY[duty.kind], parts - _CLEAR, self._caller.roles):
            return False
        return not duty.done_by or self._behind() not in duty.done_by

    def _behind(self) -> PersonId:
        if self._me is None:
            self._me = Persons(self._node, self._unit).behind(self._caller.id)
        return self._me

    def changes(self, item: ItemRow, since: int) -> Iterator[Changed]:
        """What others recorded about an item since an entry of our log."""
        rows = self._unit.logs.events(item.evidence, after=max(item.seq - _NEWEST, -1))
        newer = [
            row
            for row in rows
            if row.log == self._node.log_id
            and row.index >= since
            and row.certificate != self._caller.certificate
        ]
        if newer:
            yield Changed(item.evidence, len(newer), newer[-1].time)
