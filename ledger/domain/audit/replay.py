"""Replay of one log: every item's events in the order of the log, and handovers as the chain
concluded them.

From one log alone the part of an item's life that other logs hold is not seen. What the chain says
of handovers bridges it: an outcome counts only if the contract took its digest, and what follows in
this log must name it. Statements that lost are void.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ledger.domain.audit.contract_events import Handovers, Told
from ledger.domain.audit.findings import AuditFinding
from ledger.domain.chain import contract_layout
from ledger.domain.errors import RuleError
from ledger.domain.identity.names import agency_id, agency_urn
from ledger.domain.item import custody
from ledger.domain.item.custody import ItemState, Offer
from ledger.domain.log.statement import Claims


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a handover to or from another agency, as a log tells it."""

    digest: bytes
    evidence: str
    seq: int
    prev: bytes | None
    effect: str
    to: str
    time: int
    index: int


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
        """Judge an entry that is well-formed and signed; ``state`` is what this log said of its
        subject before.
        """
        if claims.effect == "agency":
            return self._agency_statement(index, claims, digest, state)
        if self._lost(claims, digest):
            finding = self._bad(
                "handover-void",
                index,
                "the outcome that the contract took",
                f"{claims.effect} of {claims.subject}, which lost",
            )
            return Outcome(
                state,
                (finding,),
                Step(
                    digest,
                    claims.subject,
                    claims.seq,
                    claims.prev,
                    claims.effect,
                    "",
                    claims.time,
                    index,
                ),
            )
        if state is not None:
            state = self._settle(state, digest)
        if claims.issuer != self._agency and claims.effect != "none":
            return Outcome(
                state,
                (
                    self._bad(
                        "item-rule",
                        index,
                        f"effect {claims.effect!r} by {self._agency}",
                        f"by {claims.issuer}",
                    ),
                ),
            )
        if claims.effect == "open":
            return self._open(index, claims, digest, state)
        step = self._crossing(index, claims, digest, state)
        if claims.effect in ("accept", "decline") and (
            state is None or state.custodian != self._agency
        ):
            return self._answer(index, claims, digest, state, step)
        if state is None:
            expected = "an opening event, or the outcome of a handover"
            return Outcome(
                None,
                (
                    self._bad(
                        "item-gap", index, expected, f"effect {claims.effect!r} at seq {claims.seq}"
                    ),
                ),
            )
        if step is not None and claims.effect == "withdraw":
            return self._withdraw(index, claims, digest, state, step)
        return self._advance(index, claims, digest, state, step)

    def _bad(self, code: str, index: int, expected: str, found: str) -> AuditFinding:
        return AuditFinding(code, f"entry {index} of {self._agency}", expected, found)

    def _agency_statement(
        self, index: int, claims: Claims, digest: bytes, state: ItemState | None
    ) -> Outcome:
        seq, head, time = (
            (state.seq + 1, state.head, state.time) if state is not None else (0, None, 0)
        )
        after = ItemState(
            claims.subject, self._agency, b"", self._agency, claims.seq, digest, claims.time
        )
        if claims.subject != agency_urn(self._agency) or claims.issuer != self._agency:
            return Outcome(
                state,
                (
                    self._bad(
                        "agency-statements", index, f"a statement of {self._agency}", claims.issuer
                    ),
                ),
            )
        if (claims.seq, claims.prev) != (seq, head) or claims.time < time:
            return Outcome(
                after,
                (
                    self._bad(
                        "agency-statements",
                        index,
                        f"seq {seq} behind the one before",
                        f"seq {claims.seq}",
                    ),
                ),
            )
        return Outcome(after)

    def _open(self, index: int, claims: Claims, digest: bytes, state: ItemState | None) -> Outcome:
        if state is not None:
            code = "replayed" if state.head == digest else "item-branch"
            return Outcome(
                state,
                (
                    self._bad(
                        code, index, "an item is opened once", f"{claims.subject} is opened again"
                    ),
                ),
            )
        return Outcome(custody.advance(None, claims, digest, log_agency=self._agency))

    def _crossing(
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
        if not outside:
            return None
        return Step(
            digest,
            claims.subject,
            claims.seq,
            claims.prev,
            claims.effect,
            claims.to or "",
            claims.time,
            index,
        )

    def _settle(self, state: ItemState, digest: bytes) -> ItemState:
        """Apply what the chain concluded about the open offer, unless the entry at hand is that
        conclusion itself.
        """
        if state.offer is None or (
            state.offer.to == self._agency and state.custodian == self._agency
        ):
            return state
        told = self._chain.offered(state.offer.digest)
        if (
            told is None
            or told.hop.outcome == contract_layout.OPEN
            or told.hop.outcome_digest == digest
        ):
            return state
        custodian = (
            state.offer.to if told.hop.outcome == contract_layout.ACCEPTED else state.custodian
        )
        return replace(
            state, seq=state.seq + 1, head=told.hop.outcome_digest, custodian=custodian, offer=None
        )

    def _answer(
        self, index: int, claims: Claims, digest: bytes, state: ItemState | None, step: Step | None
    ) -> Outcome:
        """Our agency's answer to an offer that another log holds."""
        assert claims.prev is not None
        told = self._chain.offered(claims.prev)
        if told is None or told.hop.taker != self._id:
            found = "no such offer on chain" if told is None else "an offer to somebody else"
            return Outcome(
                state,
                (
                    self._bad(
                        "handover-unknown", index, f"an offer to {self._agency} on chain", found
                    ),
                ),
            )
        if state is not None and claims.seq <= state.seq:
            code = "replayed" if state.head == digest else "item-branch"
            return Outcome(
                state, (self._bad(code, index, f"seq beyond {state.seq}", f"seq {claims.seq}"),)
            )
        fresh = ItemState(
            claims.subject, "", told.key, "", claims.seq - 1, claims.prev, claims.time
        )
        offered = replace(
            state if state is not None else fresh,
            custodian="",
            seq=claims.seq - 1,
            head=claims.prev,
        )
        offered = replace(offered, offer=Offer(claims.prev, self._agency))
        if told.hop.outcome == contract_layout.OPEN:
            return Outcome(offered, (), step)  # the contract has not decided yet
        advanced = self._advance(index, claims, digest, offered, step)
        return advanced if claims.effect == "accept" else replace(advanced, state=state)

    def _lost(self, claims: Claims, digest: bytes) -> bool:
        """Whether this is an answer or a withdrawal of ours that lost: the contract took another
        one for the same offer.
        """
        told = (
            self._chain.offered(claims.prev)
            if claims.effect in contract_layout.OUTCOMES and claims.prev is not None
            else None
        )
        if told is None or told.hop.outcome == contract_layout.OPEN:
            return False
        ours = told.hop.giver if claims.effect == "withdraw" else told.hop.taker
        return ours == self._id and (told.hop.outcome, told.hop.outcome_digest) != (
            contract_layout.OUTCOMES[claims.effect],
            digest,
        )

    def _withdraw(
        self, index: int, claims: Claims, digest: bytes, state: ItemState, step: Step
    ) -> Outcome:
        """Our agency's withdrawal of an offer to another one."""
        assert state.offer is not None
        told = self._chain.offered(state.offer.digest)
        undecided = told is not None and told.hop.outcome == contract_layout.OPEN
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
            code, expected = "item-clock", f"no earlier than {state.time}"
        if code:
            finding = self._bad(
                code,
                index,
                expected,
                f"seq {claims.seq}, effect {claims.effect!r}, signed at {claims.time}",
            )
            # After a gap or a clock that ran backwards the rest is judged from here on: one fault,
            # one finding.
            after = (
                replace(state, seq=claims.seq, head=digest, time=claims.time)
                if code in ("item-gap", "item-clock")
                else state
            )
            return Outcome(after, (finding,), step)
        try:
            return Outcome(
                custody.advance(state, claims, digest, log_agency=self._agency), (), step
            )
        except RuleError as error:
            branched = state.custodian != self._agency and state.offer is None
            return Outcome(
                state,
                (
                    self._bad(
                        "item-branch" if branched else "item-rule",
                        index,
                        "an event that may follow",
                        error.message,
                    ),
                ),
            )


def compare(
    step: Step, agency: str, told: Told | None, answer: Step | None, *, answered_by: bool
) -> list[AuditFinding]:
    """Compare an offer in a giver's log with the chain, and with the taker's log where that was
    audited too.

    Args:
        step: the offer; ``agency`` is its log's.
        told: what the chain says of it; None for an offer that the contract never took.
        answer: the statement with the digest that the chain calls the acceptance or refusal, from
            the taker's log.
        answered_by: whether the taker's log was audited up to the chain's conclusion.
    """
    place = f"entry {step.index} of {agency}"
    if told is None:
        return []  # withdrawn before the contract took it, or not taken yet
    found: list[AuditFinding] = []
    hop = told.hop
    if (hop.giver, hop.taker) != (agency_id(agency), agency_id(step.to)):
        found.append(
            AuditFinding(
                "handover-differs",
                place,
                f"an offer by {agency} to {step.to}",
                "the chain names other agencies",
            )
        )
    if hop.outcome in (contract_layout.ACCEPTED, contract_layout.DECLINED) and answered_by:
        effect = contract_layout.EFFECTS[hop.outcome]
        expected = f"{effect} of {step.evidence} at seq {step.seq + 1}"
        if answer is None:
            found.append(
                AuditFinding(
                    "handover-differs",
                    place,
                    expected,
                    f"no such statement in the log of {step.to}",
                )
            )
        elif (answer.evidence, answer.seq, answer.prev, answer.effect) != (
            step.evidence,
            step.seq + 1,
            step.digest,
            effect,
        ):
            found.append(
                AuditFinding(
                    "handover-differs",
                    place,
                    expected,
                    (
                        f"{answer.effect} of {answer.evidence} at seq {answer.seq} in the log of "
                        f"{step.to}"
                    ),
                )
            )
    return found
