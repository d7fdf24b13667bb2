"""The node's background work on its log: anchoring by growth or age; a revocation list and a
clearing away a day; its own certificate in time; suspensions that were interrupted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.domain.codecs.text import format_time
from ledger.domain.event.claimed_times import AHEAD
from ledger.services.handovers import withdrawn
from ledger.services.log import merkle_log
from ledger.services.node.context import Node
from ledger.services.node.supervision import Duty, Round, Worker
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.people import expiry, revocation
from ledger.services.registration import agency_statements
from ledger.services.rotation import rewrapping
from ledger.services.storage import garbage_collection

_PAUSE: Final = 0.5
_CHECK: Final = 60.0  # seconds between two checks whether a day is over
_DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class AnchoringPolicy:
    """When to anchor: by growth (entries) or by age of the oldest entry not yet anchored
    (seconds).
    """

    growth: int = 256
    age: int = 60


class AnchoringWorker(Worker):
    """Six duties; a revocation list that cannot be issued must not keep anything from being
    anchored.
    """

    def __init__(self, node: Node, policy: AnchoringPolicy) -> None:
        self._node = node
        self._policy = policy
        # Not at once: whoever starts a node has better things for it to do.
        self._cleared = node.clock.now()
        self._forgot = False
        super().__init__(
            node,
            (
                Duty("anchoring", self._anchor, first=_PAUSE, pause=_PAUSE),
                Duty("revocation", self._publish_crl, first=_PAUSE),
                Duty("keys", self._seal_anew, first=_PAUSE),
                Duty("certificate", self._renew_own, first=_PAUSE),
                Duty("suspension", self._finish_suspensions, first=_PAUSE),
                Duty("clearing", self._clear_away, first=_CHECK, pause=_CHECK),
            ),
        )

    def _anchor(self) -> Round:
        with self._node.records.read() as unit:
            # A frozen log is told also while nothing waits.
            merkle_log.require_log(unit, self._node.log_id)
        if due(self._node, self._policy):
            checkpoint_anchoring.step(self._node)
        return Round(_PAUSE)

    def _renew_own(self) -> Round:
        expiry.renew_own(self._node)
        return Round(_CHECK)

    def _seal_anew(self) -> Round:
        return Round(_PAUSE if rewrapping.step(self._node) else _CHECK)

    def _finish_suspensions(self) -> Round:
        revocation.settle(self._node)
        return Round(_CHECK)

    def _clear_away(self) -> Round:
        now = self._node.clock.now()
        if not self._forgot:  # the index of the packs may have been built anew at the start
            garbage_collection.forget_disposed(self._node)
            self._forgot = True
        if not 0 <= now - self._cleared < _DAY:  # also where the clock was ahead meanwhile
            garbage_collection.forget_sessions(self._node)
            withdrawn.clear(self._node)
            garbage_collection.collect(self._node)
            self._cleared = now
        return Round(_CHECK)

    def _publish_crl(self) -> Round:
        if self._node.keys.authority is None:
            return Round(_CHECK)
        now = self._node.clock.now()
        with self._node.records.read() as unit:
            newest, last = unit.authority.newest_crl(), unit.authority.last_issued(now)
        # Issued while the clock was wrong: partners refuse a list from the future, and with it
        # everybody of this agency.
        ahead = newest is not None and newest.issued > now + AHEAD
        # And while it was behind: partners have seen one of a later time, and refuse an older one.
        behind = newest is not None and newest.issued < last
        if newest is None or ahead or behind or now - newest.issued >= _DAY:
            with self._node.records.write() as unit:
                agency_statements.publish_crl(self._node, unit)
        if newest is None or not ahead:
            return Round(_CHECK)
        return Round(
            _CHECK,
            f"the last revocation list was issued at {format_time(newest.issued)} by a clock "
            f"that now says {format_time(now)}; another one was issued now",
            hint="find out which was wrong, and keep the clock set (NTP)",
        )


def due(node: Node, policy: AnchoringPolicy) -> bool:
    """Whether the policy calls for a checkpoint now, or one is on its way."""
    with node.records.read() as unit:
        reached = checkpoint_anchoring.progress(node, unit)
        if reached.submitted > reached.final:
            return True
        waiting = reached.integrated - reached.submitted
        if waiting == 0:
            return False
        oldest = unit.logs.entry(node.log_id, reached.submitted)
    # The time is that of the signer's clock: one that was far ahead must not put off anchoring
    # until the day that it said.
    return waiting >= policy.growth or (
        oldest is not None and abs(node.clock.now() - oldest.time) >= policy.age
    )
