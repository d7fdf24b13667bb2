"""Verification step 8: legal transitions, both sides of every handover, and every hop up to the
contract's head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.domain.bundle.bundle import Bundle
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import Hop, PackedCustody
from ledger.domain.errors import IncompleteError, RuleError, VerificationError
from ledger.domain.event.document import Event
from ledger.domain.identity.names import agency_id
from ledger.domain.identity.person import PersonId
from ledger.domain.item.custody_transitions import ItemState, advance
from ledger.domain.log.statement import Statement
from ledger.domain.verify import shown_branch
from ledger.domain.verify.context import VerificationContext
from ledger.domain.verify.report import VerificationReport
from ledger.domain.verify.state import ContractState

_STEP: Final = 8
_SHORT: Final = 8  # letters of a pseudonym that tell two people apart


def check(case: VerificationContext, report: VerificationReport) -> str:
    """Replay custody and compare it with the contract. What the contract knows is compared first:
    nobody's invented handovers are looked for in the record.

    Returns:
        the detail of the step: who holds the item.

    Raises:
        VerificationError: step 8, with what was expected and found; step 2, where an event is out
            of order. IncompleteError: the contract knows more than is shown.
    """
    bundle, statements, is_part = case.bundle, case.statements, case.is_part
    item = _replay(bundle, statements, case.events)
    custody = _check_head(bundle, item.ref, case.state)
    shown_branch.check_branch(bundle, statements, case.beside, case.branch)
    report.beside = shown_branch.told_beside(bundle, case.beside, case.branch)
    report.findings += shown_branch.findings(report.beside)
    shown_branch.require_explained(bundle, statements, case.branch, is_part=is_part)
    pending = item.offer is not None and item.offer.to != item.custodian
    if pending and not custody.open and not is_part:
        raise IncompleteError(
            _STEP,
            "an offer abroad is signed that the contract has not taken",
            hint="export the bundle again later",
        )
    named = custody.custodian.strip(b"\x00") and not is_part
    if named and custody.custodian != agency_id(item.custodian)[:24]:
        raise VerificationError(
            _STEP, f"the contract names another custodian than {item.custodian}"
        )
    signers = [case.certificates[statement.certificate].subject for statement in statements]
    holder = _holder(statements, signers)
    report.facts |= {
        "custodian": item.custodian,
        "holder": holder.pseudonym,
        "closed": item.closed,
        "handoversAbroad": custody.hops,
    }
    who = f"{holder.pseudonym[:_SHORT]} of {item.custodian}"
    return f"held by {who}" + (", closed" if item.closed else "")


def _holder(statements: Sequence[Statement], signers: Sequence[PersonId]) -> PersonId:
    """The person who opened the item, or accepted it last: also where both are of one agency."""
    return [
        signer
        for statement, signer in zip(statements, signers, strict=True)
        if statement.claims.effect in ("open", "accept")
    ][-1]


def _replay(
    bundle: Bundle, statements: Sequence[Statement], events: Sequence[Event | None]
) -> ItemState:
    """Every statement follows by the rules from the one before it: where the item stands at the
    end.
    """
    item: ItemState | None = None
    for number, (statement, event, bundled) in enumerate(
        zip(statements, events, bundle.statements, strict=True)
    ):
        log_agency = bundle.logs[bundled.log].agency
        try:
            item = advance(
                item, statement.claims, statement.digest, log_agency=log_agency, event=event
            )
        except RuleError as error:
            raise VerificationError(_STEP, f"event {number}: {error.message}") from error
        if number == 0 and log_agency != bundle.origin:
            raise VerificationError(
                _STEP, f"the item began at {log_agency}, the bundle says {bundle.origin}"
            )
    assert item is not None
    return item


def _check_head(bundle: Bundle, ref: bytes, state: ContractState) -> PackedCustody:
    """The contract's record of the item: never offered abroad, or exactly the hops in the bundle,
    an open offer last.
    """
    key = contract_layout.custody_key(agency_id(bundle.origin), ref)
    word = state.read(
        "ledger", contract_layout.custody_slot(key), step=_STEP, what="who holds the item on chain"
    )
    custody = contract_layout.unpack_custody(word)
    concluded = _concluded(bundle)
    if custody.hops != len(concluded):
        raise VerificationError(
            _STEP,
            (
                f"the contract knows {custody.hops} handovers abroad, the bundle shows "
                f"{len(concluded)}"
            ),
        )
    head = bytes(32)
    for hop in concluded:
        head = hop.commitment(head)
    if concluded:
        held = state.read(
            "ledger",
            contract_layout.hop_slot(key, custody.hops - 1),
            step=_STEP,
            what="the last handover abroad",
        )
        if held != head:
            raise VerificationError(
                _STEP, "the handovers abroad are not those that the contract recorded"
            )
    _check_open_offer(bundle.hops[len(concluded) :], state, key, custody)
    return custody


def _concluded(bundle: Bundle) -> tuple[Hop, ...]:
    """The hops with an outcome; one without may stand behind them, the open offer."""
    concluded = tuple(hop for hop in bundle.hops if hop.outcome != contract_layout.OPEN)
    if bundle.hops[: len(concluded)] != concluded or len(bundle.hops) > len(concluded) + 1:
        raise VerificationError(_STEP, "an open offer stands before a concluded one")
    # The contract commits to no end of an open offer: whatever stood there would be believed.
    if any(
        (hop.outcome_digest, hop.time) != (bytes(32), 0) for hop in bundle.hops[len(concluded) :]
    ):
        raise VerificationError(_STEP, "an open offer is shown with an end")
    return concluded


def _check_open_offer(
    rest: tuple[Hop, ...], state: ContractState, key: bytes, custody: PackedCustody
) -> None:
    """The contract holds exactly the open offer in the bundle, or none."""
    if custody.open != bool(rest):
        raise VerificationError(
            _STEP,
            (
                f"the contract {'holds' if custody.open else 'holds no'} open offer, the bundle "
                "shows otherwise"
            ),
        )
    if not rest:
        return
    held = state.read(
        "ledger", contract_layout.hop_slot(key, custody.hops), step=_STEP, what="the open offer"
    )
    if held != rest[0].offer_hash():
        raise VerificationError(_STEP, "the open offer is not the one that the contract holds")
