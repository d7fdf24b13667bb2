"""What several logs and the chain say about the same handovers and items."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.domain.audit import replay
from ledger.domain.audit.contract_events import HandoverOnChain
from ledger.domain.audit.findings import AuditFinding
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
    by_id = {agency_id(log.agency): log for log in audited}
    known = {log.log for log in audited}
    count = 0
    for log in audited:
        for offer in state.steps(log.log, "offer"):
            on_chain = state.offered(offer.digest)
            recipient = by_id.get(agency_id(offer.to))
            answer = (
                state.step(recipient.log, on_chain.hop.outcome_digest)
                if on_chain is not None and recipient is not None
                else None
            )
            for finding in replay.compare(
                offer, log.agency, on_chain, answer, answered_by=recipient is not None
            ):
                report.add(finding)
            _same_item(state, log, offer, on_chain, report)
            count += 1
    compared = 0
    for on_chain in state.handovers():
        compared += _logged(state, by_id, on_chain.hop.giver, on_chain.hop.offer, "offer", report)
        if on_chain.hop.outcome != contract_layout.OPEN:
            side = (
                on_chain.hop.giver
                if on_chain.hop.outcome == contract_layout.WITHDRAWN
                else on_chain.hop.taker
            )
            compared += _logged(
                state,
                by_id,
                side,
                on_chain.hop.outcome_digest,
                contract_layout.EFFECTS[on_chain.hop.outcome],
                report,
            )
    for evidence, agencies in state.opened_twice():
        if len(known) > 1:
            report.add(
                AuditFinding(
                    "item-twice",
                    evidence,
                    "opened in one log",
                    f"opened in the logs of {' and '.join(sorted(agencies))}",
                )
            )
    if audited:
        report.checked(
            "handovers",
            (
                f"offers between agencies: {count}; told by the chain: {compared}; logs: "
                f"{len(audited)}"
            ),
            count + compared,
        )


def _same_item(
    state: AuditState,
    log: LogOfAgency,
    offer: Step,
    on_chain: HandoverOnChain | None,
    report: AuditReport,
) -> None:
    """The chain knows an item by a key made from its origin and a secret of its first event: an
    offer must be of the item that it names.
    """
    item = state.items(log.log, [offer.evidence]).get(offer.evidence)
    if on_chain is None or item is None or not item.ref:
        return
    key = contract_layout.custody_key(agency_id(item.origin), item.ref) if item.origin else item.ref
    if key != on_chain.key:
        expected = f"a handover of {offer.evidence}"
        report.add(
            AuditFinding(
                "handover-differs",
                f"entry {offer.index} of {log.agency}",
                expected,
                "the chain knows it as another item's",
            )
        )


def _logged(
    state: AuditState,
    logs: dict[bytes, LogOfAgency],
    agency: bytes,
    digest: bytes,
    effect: Effect,
    report: AuditReport,
) -> bool:
    """What the contract took must be in the log of the agency that said it, with the effect that
    the contract gave it.

    Returns whether that log is audited here.
    """
    log = logs.get(agency)
    if log is None:
        return False
    step = state.step(log.log, digest)
    if step is None or step.effect != effect:
        found = (
            "no such statement in its log"
            if step is None
            else f"a statement with effect {step.effect!r}"
        )
        report.add(
            AuditFinding(
                "handover-differs",
                f"handover {digest.hex()[:16]} of {log.agency}",
                f"an {effect} that the contract took",
                found,
            )
        )
    return True
