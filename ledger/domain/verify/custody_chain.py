"""Verification step 8: legal transitions, both sides of every handover, and every hop up to the
contract's head.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ledger.domain.bundle.bundle import Bundle
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import Hop, PackedCustody
from ledger.domain.errors import IncompleteError, RuleError, VerificationError
from ledger.domain.event.document import Event
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity.names import agency_id
from ledger.domain.identity.person import PersonId
from ledger.domain.item.custody_transitions import ItemState, advance
from ledger.domain.log.statement import Statement
from ledger.domain.verify.report import VerificationReport
from ledger.domain.verify.state import ContractState

_STEP: Final = 8
_SHORT: Final = 8  # letters of a pseudonym that tell two people apart


class _Handover(NamedTuple):
    """A handover to another agency: who made the offer, the offer, and what ended it."""

    sender: str
    offer: Statement
    outcome: Statement


def check(
    bundle: Bundle,
    statements: Sequence[Statement],
    events: Sequence[Event | None],
    state: ContractState,
    report: VerificationReport,
    signers: Sequence[PersonId],
    *,
    is_part: bool = False,
) -> str:
    """Replay custody and compare it with the contract.

    Args:
        signers: of the statements, as their certificates name them.
        is_part: later events are not judged: the contract knows of more than these.

    Returns:
        the detail of the step: who holds the item.

    Raises:
        VerificationError: step 8, with what was expected and found.
    """
    item, abroad = _replay(bundle, statements, events)
    custody = _check_head(bundle, None if is_part else item, item.ref, state)
    _check_hops(bundle, abroad, events, statements, is_part=is_part)
    named = custody.custodian.strip(b"\x00") and not is_part
    if named and custody.custodian != agency_id(item.custodian)[:24]:
        raise VerificationError(
            _STEP, f"the contract names another custodian than {item.custodian}"
        )
    holder = _holder(statements, signers)
    report.facts |= {
        "custodian": item.custodian,
        "holder": holder.pseudonym,
        "closed": item.closed,
        "handoversAbroad": custody.hops,
    }
    report.findings.append(
        "other branches of this item: not checked, which needs an audit of the logs"
    )
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
) -> tuple[ItemState, list[_Handover]]:
    """Every statement follows by the rules from the one before it: where the item stands at the
    end, and its handovers to other agencies.
    """
    item: ItemState | None = None
    offers: dict[bytes, Statement] = {}
    abroad: list[_Handover] = []
    for number, (statement, event, bundled) in enumerate(
        zip(statements, events, bundle.statements, strict=True)
    ):
        before, log_agency = item, bundle.logs[bundled.log].agency
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
        if statement.claims.effect == "offer":
            offers[statement.digest] = statement
        elif (
            before is not None and before.offer is not None and before.offer.to != before.custodian
        ):
            abroad.append(_Handover(before.custodian, offers[before.offer.digest], statement))
    assert item is not None
    return item, abroad


def _check_head(
    bundle: Bundle, item: ItemState | None, ref: bytes, state: ContractState
) -> PackedCustody:
    """The contract's record of the item: never offered abroad, or exactly the hops in the bundle,
    an open offer last.

    Args:
        item: where it stands after its last event; None where not all events are judged.
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
    if item is not None:
        _check_open_offer(bundle.hops[len(concluded) :], item, state, key, custody)
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
    rest: tuple[Hop, ...], item: ItemState, state: ContractState, key: bytes, custody: PackedCustody
) -> None:
    """The contract holds exactly the open offer that the last event signed, or none."""
    pending = item.offer if item.offer is not None and item.offer.to != item.custodian else None
    if custody.open != bool(rest):
        raise VerificationError(
            _STEP,
            (
                f"the contract {'holds' if custody.open else 'holds no'} open offer, the bundle "
                "shows otherwise"
            ),
        )
    if not rest:
        if pending is not None:
            raise IncompleteError(
                _STEP,
                "an offer abroad is signed that the contract has not taken",
                hint="export the bundle again later",
            )
        return
    offer = rest[0]
    held = state.read(
        "ledger", contract_layout.hop_slot(key, custody.hops), step=_STEP, what="the open offer"
    )
    if held != offer.offer_hash():
        raise VerificationError(_STEP, "the open offer is not the one that the contract holds")
    if pending is None or (offer.offer, offer.giver, offer.taker) != (
        pending.digest,
        agency_id(item.custodian),
        agency_id(pending.to),
    ):
        raise VerificationError(_STEP, "the open offer on chain is not the one that was signed")


def _check_hops(
    bundle: Bundle,
    abroad: list[_Handover],
    events: Sequence[Event | None],
    statements: Sequence[Statement],
    *,
    is_part: bool,
) -> None:
    """Each handover to another agency has its hop, with the same two statements, in the same
    order.
    """
    concluded = _concluded(bundle)
    hops = iter(concluded)
    expected = next(hops, None)
    by_digest = dict(zip((statement.digest for statement in statements), events, strict=True))
    for sender, offer, outcome in abroad:
        if expected is None or (
            outcome.claims.effect == "withdraw" and expected.offer != offer.digest
        ):
            # Taken back before the contract ever took it: custody was never at stake, and the
            # contract's head shows that.
            if outcome.claims.effect != "withdraw":
                raise VerificationError(
                    _STEP, "a handover abroad is signed that the contract never took"
                )
            continue
        _check_hop(sender, offer, outcome, expected)
        event = by_digest[offer.digest]
        if event is not None and OfferTerms.from_event(event).expires != expected.expires:
            raise VerificationError(
                _STEP, "the offer on chain expires at another time than the signed one"
            )
        expected = next(hops, None)
    if expected is not None and not is_part:
        raise VerificationError(
            _STEP, "the contract took a handover abroad that the signed events do not show"
        )


def _check_hop(sender: str, offer: Statement, outcome: Statement, hop: Hop) -> None:
    assert offer.claims.to is not None
    signed = (
        agency_id(sender),
        offer.digest,
        outcome.digest,
        contract_layout.OUTCOMES[outcome.claims.effect],
        agency_id(offer.claims.to),
    )
    if signed != (hop.giver, hop.offer, hop.outcome_digest, hop.outcome, hop.taker):
        raise VerificationError(
            _STEP, "a handover abroad differs between the signed events and the contract"
        )
