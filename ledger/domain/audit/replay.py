"""Replay of one log: every item's events in the order of the log, and handovers as the chain
concluded them.

From one log alone the part of an item's life that other logs hold is not seen. What the chain says
of handovers bridges it: an outcome counts only if the contract took its digest, and what follows in
this log must name it. Statements that lost are void.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from ledger.domain.audit.contract_events import (
    HandoverOnChain,
    Handovers,
    handover_given,
    handover_taken,
)
from ledger.domain.audit.findings import AuditFinding
from ledger.domain.chain import contract_layout
from ledger.domain.codecs.text import told_time
from ledger.domain.errors import RuleError
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.identity.names import agency_id, agency_urn
from ledger.domain.item import custody_transitions
from ledger.domain.item.custody_transitions import ItemState, Offer
from ledger.domain.log.statement import Claims, Effect


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a handover to or from another agency, as a log tells it."""

    digest: bytes
    evidence: str
    seq: int
    prev: bytes | None
    effect: Effect
    to: str
    time: int
    index: int

    @classmethod
    def of(cls, index: int, claims: Claims, digest: bytes) -> Self:
        """The step that an entry of the log is."""
        evidence, effect, to = claims.subject, claims.effect, claims.to or ""
        return cls(digest, evidence, claims.seq, claims.prev, effect, to, claims.time, index)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an entry led to: the item's state, what is wrong, and its step if it belongs to a
    handover between agencies.
    """

    state: ItemState | None
    findings: tuple[AuditFinding, ...] = ()
    step: Step | None = None


class Replay:
    """Judges entries of one log, one by one; the caller keeps the states.

    Args:
        agency: code of the log's agency.
        chain: handovers that the chain knows, all those that the replayed part of the log may refer
            to.
    """

    def __init__(self, agency: str, chain: Handovers) -> None:
        self._agency = agency
        self._id = agency_id(agency)
        self._chain = chain

    def step(self, index: int, claims: Claims, digest: bytes, state: ItemState | None) -> Outcome:
        """Judge an entry that is well-formed and signed.

        Args:
            state: what this log said of its subject before.

        Returns:
            what the entry led to.
        """
        if claims.effect == "agency":
            return self._agency_statement(index, claims, digest, state)
        if self._lost(claims, digest):
            found = f"{claims.effect} of {claims.subject}, which lost"
            expected = "the outcome that the contract took"
            step = Step.of(index, claims, digest)
            return self._faulty(state, "handover-void", index, expected, found, step)
        if state is not None:
            state = self._settle(state, claims, digest)
        if claims.issuer != self._agency and claims.effect != "none":
            expected = f"effect {claims.effect!r} by {self._agency}"
            return self._faulty(state, "item-rule", index, expected, f"by {claims.issuer}")
        if claims.effect == "open":
            return self._open(index, claims, digest, state)
        return self._follow(index, claims, digest, state)

    def _follow(
        self, index: int, claims: Claims, digest: bytes, state: ItemState | None
    ) -> Outcome:
        """An entry about an item that was opened before, here or elsewhere."""
        step = self._handover_step(index, claims, digest, state)
        if claims.effect in ("accept", "decline") and (
            state is None or state.custodian != self._agency
        ):
            return self._answer(index, claims, digest, state, step)
        if state is None and self._chain.inherits(self._id):
            return self._inherited(index, claims, digest)
        if state is None:
            expected = "an opening event, or the outcome of a handover"
            found = f"effect {claims.effect!r} at seq {claims.seq}"
            return self._faulty(None, "item-gap", index, expected, found)
        if step is not None and claims.effect == "withdraw":
            return self._withdraw(index, claims, digest, state, step)
        return self._advance(index, claims, digest, state, step)

    def _inherited(self, index: int, claims: Claims, digest: bytes) -> Outcome:
        """An item that may come from an agency that was retired: it is judged from here on."""
        expected = "an item that was opened or handed over here"
        found = "it goes on here; its agency may have been retired"
        fresh = ItemState(claims.subject, "", b"", self._agency, claims.seq, digest, claims.time)
        if claims.effect == "offer" and claims.to is not None:
            fresh = replace(fresh, offer=Offer(digest, claims.to))
        step = self._handover_step(index, claims, digest, None)
        return self._faulty(fresh, "item-inherited", index, expected, found, step)

    def _faulty(
        self,
        state: ItemState | None,
        code: str,
        index: int,
        expected: str,
        found: str,
        step: Step | None = None,
    ) -> Outcome:
        finding = AuditFinding(code, f"entry {index} of {self._agency}", expected, found)
        return Outcome(state, (finding,), step)

    def _agency_statement(
        self, index: int, claims: Claims, digest: bytes, state: ItemState | None
    ) -> Outcome:
        seq, head, time = (
            (state.seq + 1, state.head, state.time) if state is not None else (0, None, 0)
        )
        after = ItemState(
            claims.subject, self._agency, b"", self._agency, claims.seq, digest, claims.time
        )
        code = "agency-statements"
        if claims.subject != agency_urn(self._agency) or claims.issuer != self._agency:
            expected = f"a statement of {self._agency}"
            return self._faulty(state, code, index, expected, claims.issuer)
        if (claims.seq, claims.prev) != (seq, head) or claims.time < time:
            expected = f"seq {seq} behind the one before"
            return self._faulty(after, code, index, expected, f"seq {claims.seq}")
        return Outcome(after)

    def _open(self, index: int, claims: Claims, digest: bytes, state: ItemState | None) -> Outcome:
        if state is not None:
            code = "replayed" if state.head == digest else "item-branch"
            found = f"{claims.subject} is opened again"
            return self._faulty(state, code, index, "an item is opened once", found)
        return Outcome(custody_transitions.advance(None, claims, digest, log_agency=self._agency))

    def _handover_step(
        self, index: int, claims: Claims, digest: bytes, state: ItemState | None
    ) -> Step | None:
        """The entry as a step between agencies; None for one that stays inside."""
        outside = claims.effect == "offer" and claims.to != self._agency
        if claims.effect in ("accept", "decline"):
            outside = state is None or state.offer is None or state.custodian != self._agency
        if claims.effect == "withdraw":
            outside = (
                state is not None and state.offer is not None and state.offer.to != self._agency
            )
        return Step.of(index, claims, digest) if outside else None

    def _settle(self, state: ItemState, claims: Claims, digest: bytes) -> ItemState:
        """Apply what the chain concluded about the open offer, unless the entry at hand is that
        conclusion itself.
        """
        if state.offer is None or (
            state.offer.to == self._agency and state.custodian == self._agency
        ):
            return state
        if state.custodian == self._agency:
            on_chain = handover_given(self._chain, state.offer.digest, self._id)
        else:
            on_chain = handover_taken(self._chain, state.offer.digest, self._id, claims.prev)
        if (
            on_chain is None
            or on_chain.hop.outcome == contract_layout.OPEN
            or on_chain.hop.outcome_digest == digest
        ):
            return state
        custodian = (
            state.offer.to if on_chain.hop.outcome == contract_layout.ACCEPTED else state.custodian
        )
        return replace(
            state,
            seq=state.seq + 1,
            head=on_chain.hop.outcome_digest,
            custodian=custodian,
            offer=None,
        )

    def _answer(
        self, index: int, claims: Claims, digest: bytes, state: ItemState | None, step: Step | None
    ) -> Outcome:
        """Our agency's answer to an offer that another log holds."""
        assert claims.prev is not None
        on_chain = handover_taken(self._chain, claims.prev, self._id, digest)
        if on_chain is None:
            others = self._chain.offered(claims.prev)
            found = "an offer to somebody else" if others else "no such offer on chain"
            expected = f"an offer to {self._agency} on chain"
            return self._faulty(state, "handover-unknown", index, expected, found)
        if state is not None and claims.seq <= state.seq:
            code = "replayed" if state.head == digest else "item-branch"
            expected = f"seq beyond {state.seq}"
            return self._faulty(state, code, index, expected, f"seq {claims.seq}")
        fresh = ItemState(
            claims.subject, "", on_chain.key, "", claims.seq - 1, claims.prev, claims.time
        )
        offered = replace(
            state if state is not None else fresh,
            custodian="",
            seq=claims.seq - 1,
            head=claims.prev,
        )
        offered = replace(offered, offer=Offer(claims.prev, self._agency))
        if on_chain.hop.outcome == contract_layout.OPEN:
            return Outcome(offered, (), step)  # the contract has not decided yet
        advanced = self._advance(index, claims, digest, offered, step)
        return advanced if claims.effect == "accept" else replace(advanced, state=state)

    def _lost(self, claims: Claims, digest: bytes) -> bool:
        """Whether this is an answer or a withdrawal of ours that lost: the contract took another
        one for the same offer.
        """
        if claims.effect not in contract_layout.OUTCOMES or claims.prev is None:
            return False
        if claims.effect == "withdraw":
            on_chain = handover_given(self._chain, claims.prev, self._id)
        else:
            on_chain = handover_taken(self._chain, claims.prev, self._id, digest)
        if on_chain is None or on_chain.hop.outcome == contract_layout.OPEN:
            return False
        return (on_chain.hop.outcome, on_chain.hop.outcome_digest) != (
            contract_layout.OUTCOMES[claims.effect],
            digest,
        )

    def _withdraw(
        self, index: int, claims: Claims, digest: bytes, state: ItemState, step: Step
    ) -> Outcome:
        """Our agency's withdrawal of an offer to another one."""
        assert state.offer is not None
        on_chain = handover_given(self._chain, state.offer.digest, self._id)
        undecided = on_chain is not None and on_chain.hop.outcome == contract_layout.OPEN
        return (
            Outcome(state, (), step)
            if undecided
            else self._advance(index, claims, digest, state, step)
        )

    def _advance(
        self, index: int, claims: Claims, digest: bytes, state: ItemState, step: Step | None
    ) -> Outcome:
        code, expected = "", ""
        if claims.seq <= state.seq or (claims.seq == state.seq + 1 and claims.prev != state.head):
            code = "replayed" if digest == state.head else "item-branch"
            expected = f"seq {state.seq + 1} behind {state.head.hex()[:16]} of {claims.subject}"
        elif claims.seq > state.seq + 1:
            code, expected = "item-gap", f"seq {state.seq + 1} of {claims.subject}"
        elif claims.time < state.time:
            code, expected = "item-clock", f"no earlier than {told_time(state.time)}"
        if code:
            found = (
                f"seq {claims.seq}, effect {claims.effect!r}, signed at {told_time(claims.time)}"
            )
            # After a gap or a clock that ran backwards the rest is judged from here on: one fault,
            # one finding.
            after = (
                replace(state, seq=claims.seq, head=digest, time=claims.time)
                if code in ("item-gap", "item-clock")
                else state
            )
            return self._faulty(after, code, index, expected, found, step)
        try:
            after = custody_transitions.advance(state, claims, digest, log_agency=self._agency)
        except RuleError as error:
            branched = state.custodian != self._agency and state.offer is None
            code = "item-branch" if branched else "item-rule"
            return self._faulty(state, code, index, "an event that may follow", error.message)
        return Outcome(after, (), step)


def compare(
    step: Step,
    agency: str,
    on_chain: HandoverOnChain | None,
    answer: Step | None,
    *,
    answered_by: bool,
) -> list[AuditFinding]:
    """Compare an offer in the log of the agency that made it with the chain, and with the log of
    the agency that it was made to where that was audited too.

    Args:
        step: the offer; ``agency`` is its log's.
        on_chain: what the chain says of it; None for an offer that the contract never took.
        answer: the statement with the digest that the chain calls the acceptance or refusal, from
            the recipient's log.
        answered_by: whether the recipient's log was audited up to the chain's conclusion.

    Returns:
        what differs.
    """
    if on_chain is None:
        return []  # withdrawn before the contract took it, or not taken yet
    differences: list[tuple[str, str]] = []
    hop = on_chain.hop
    if (hop.giver, hop.taker) != (agency_id(agency), agency_id(step.to)):
        differences.append((f"an offer by {agency} to {step.to}", "the chain names other agencies"))
    if hop.outcome in (contract_layout.ACCEPTED, contract_layout.DECLINED) and answered_by:
        effect = contract_layout.EFFECTS[hop.outcome]
        expected = (step.evidence, step.seq + 1, step.digest, effect)
        described = f"{effect} of {step.evidence} at seq {step.seq + 1}"
        if answer is None:
            differences.append((described, f"no such statement in the log of {step.to}"))
        elif (answer.evidence, answer.seq, answer.prev, answer.effect) != expected:
            found = f"{answer.effect} of {answer.evidence} at seq {answer.seq}"
            differences.append((described, f"{found} in the log of {step.to}"))
    place = f"entry {step.index} of {agency}"
    return [AuditFinding("handover-differs", place, *difference) for difference in differences]


def judge_time(place: str, claims: Claims, anchored: int, delay: int) -> list[AuditFinding]:
    """Compare when an entry was signed with when it was anchored, and with the delay in seconds
    that its agency declared; 0 where none is known.
    """
    found = []
    if delay and anchored - claims.time > delay:
        expected = f"anchored within {delay} s of {told_time(claims.time)}"
        found.append(
            AuditFinding("late", place, expected, f"anchored {anchored - claims.time} s after it")
        )
    if claims.time - anchored > AHEAD:
        expected = f"signed before {told_time(anchored)}, when it was anchored"
        found.append(
            AuditFinding("clock-ahead", place, expected, f"signed at {told_time(claims.time)}")
        )
    return found
