"""What several logs and the chain say about the same handovers and items."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.domain.audit import replay
from ledger.domain.audit.contract_events import HandoverOnChain, handover_given
from ledger.domain.audit.ports import AuditState
from ledger.domain.audit.replay import Step
from ledger.domain.audit.report import AuditReport
from ledger.domain.chain import contract_layout
from ledger.domain.identity.names import agency_id
from ledger.domain.log.statement import Effect
from ledger.services.audit.chain_events import LogOfAgency


def handovers(state: AuditState, audited: Sequence[LogOfAgency], report: AuditReport) -> None:
    """Compare offers and outcomes in the audited logs with the chain and with one another; items
    with two beginnings.
    """
    _Comparison(state, audited, report).run()


class _Comparison:
    """The comparison of all logs that were read to their end.

    A log that was recovered holds the leaves of the one that it goes on from: an agency's logs are
    looked at together, and its newest one speaks for what they have in common.
    """

    def __init__(
        self, state: AuditState, audited: Sequence[LogOfAgency], report: AuditReport
    ) -> None:
        self._state = state
        self._report = report
        self._audited = {log.log: log for log in audited}
        older = {parent for log in self._audited.values() for parent, _ in log.inherited}
        self._newest = {
            agency_id(log.agency): log for log in self._audited.values() if log.log not in older
        }

    def run(self) -> None:
        """Compare everything, and tell over how much."""
        offers = 0
        for log in self._newest.values():
            for offer in self._state.steps(log.log, "offer"):
                self._compare_offer(log, offer)
                offers += 1
        told, named = 0, set[tuple[bytes, bytes]]()
        for on_chain in self._state.handovers():
            told += self._compare_told(on_chain)
            self._named_once(on_chain, named)
        for evidence, agencies in self._state.opened_twice():
            found = f"opened in the logs of {' and '.join(sorted(agencies))}"
            self._report.find("item-twice", evidence, "opened in one log", found)
        if self._audited:
            detail = f"offers between agencies: {offers}; told by the chain: {told}; logs: "
            self._report.checked("handovers", f"{detail}{len(self._audited)}", offers + told)

    def _compare_offer(self, log: LogOfAgency, offer: Step) -> None:
        on_chain = handover_given(self._state, offer.digest, agency_id(log.agency))
        recipient = agency_id(offer.to)
        answer = (
            self._step(recipient, on_chain.hop.outcome_digest) if on_chain is not None else None
        )
        answered_by = on_chain is not None and self._must_have(recipient, on_chain.hop.time)
        for finding in replay.compare(
            offer, log.agency, on_chain, answer, answered_by=answer is not None or answered_by
        ):
            self._report.add(finding)
        self._same_item(log, offer, on_chain)

    def _compare_told(self, on_chain: HandoverOnChain) -> int:
        """What the contract took is in the logs of both; how much of it was looked for."""
        hop = on_chain.hop
        looked = int(self._logged(hop.giver, hop.offer, "offer", hop.offer_time))
        if hop.outcome != contract_layout.OPEN:
            side = hop.giver if hop.outcome == contract_layout.WITHDRAWN else hop.taker
            effect = contract_layout.EFFECTS[hop.outcome]
            looked += self._logged(side, hop.outcome_digest, effect, hop.time)
        return looked

    def _named_once(self, on_chain: HandoverOnChain, named: set[tuple[bytes, bytes]]) -> None:
        """One statement offers one item once."""
        hop = on_chain.hop
        if (hop.giver, hop.offer) in named and hop.giver in self._newest:
            place = f"handover {hop.offer.hex()[:16]} of {self._newest[hop.giver].agency}"
            self._report.find(
                "handover-differs", place, "one handover for one offer", "two of them on the chain"
            )
        named.add((hop.giver, hop.offer))

    def _step(self, agency: bytes, digest: bytes) -> Step | None:
        """A step in any audited log of an agency."""
        logs = (log for log in self._audited.values() if agency_id(log.agency) == agency)
        steps = (self._state.step(log.log, digest) for log in logs)
        return next((step for step in steps if step is not None), None)

    def _must_have(self, agency: bytes, time: int) -> bool:
        """Whether a statement that the contract took at a time must be in what was audited: one
        that it took before a log was recovered may stand in a log that was given up.
        """
        newest = self._newest.get(agency)
        if newest is None:
            return False
        opened = self._state.opened(newest.log)
        given_up = not all(parent in self._audited for parent, _ in newest.inherited)
        return not (given_up and opened is not None and time <= opened.time)

    def _same_item(self, log: LogOfAgency, offer: Step, on_chain: HandoverOnChain | None) -> None:
        """The chain knows an item by a key made from its origin and a secret of its first event: an
        offer must be of the item that it names.
        """
        item = self._state.items(log.log, [offer.evidence]).get(offer.evidence)
        if on_chain is None or item is None or not item.ref:
            return
        key = (
            contract_layout.custody_key(agency_id(item.origin), item.ref)
            if item.origin
            else item.ref
        )
        if key != on_chain.key:
            place, expected = (
                f"entry {offer.index} of {log.agency}",
                f"a handover of {offer.evidence}",
            )
            self._report.find(
                "handover-differs", place, expected, "the chain knows it as another item's"
            )

    def _logged(self, agency: bytes, digest: bytes, effect: Effect, time: int) -> bool:
        """What the contract took must be in a log of the agency that said it, with the effect that
        the contract gave it.

        Returns:
            whether a log of theirs is audited here.
        """
        log = self._newest.get(agency)
        if log is None:
            return False
        step = self._step(agency, digest)
        if step is not None and step.effect == effect:
            return True
        place = f"handover {digest.hex()[:16]} of {log.agency}"
        expected = f"an {effect} that the contract took"
        heir = effect == "withdraw" and self._state.was_retired(agency)
        if step is None and (heir or not self._must_have(agency, time)):
            where = "its successor's" if heir else "the one that was given up"
            found = f"not in its log; it may be in {where}"
            self._report.find("handover-unread", place, expected, found)
            return True
        found = (
            "no such statement in its log"
            if step is None
            else f"a statement with effect {step.effect!r}"
        )
        self._report.find("handover-differs", place, expected, found)
        return True
