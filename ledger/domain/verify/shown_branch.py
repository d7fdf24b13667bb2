"""The branch of an item that a bundle shows, held against the one that follows from all that it
shows (`ledger/domain/item/custody_branch.py`).

- a bundle shows the branch first, each event behind the one before it; what logs hold beside it
  stands behind, without documents and certificates: who signed that decides nothing
- what stands beside is an answer that the contract did not take, or a statement for which there was
  no place any more: a finding about the agency whose log took it, never about the item
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from ledger.domain.bundle.bundle import Bundle, BundledStatement
from ledger.domain.chain.contract_layout import OPEN
from ledger.domain.errors import FormatError, IncompleteError, VerificationError
from ledger.domain.event.document import Event
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity.names import agency_id
from ledger.domain.item.custody_branch import derive
from ledger.domain.item.sequenced_statement import LogHolder, SequencedStatement
from ledger.domain.item.statement_standings import CustodyBranch
from ledger.domain.log.receipt import Receipt
from ledger.domain.log.statement import Statement, parse_entry

#: Proven time of what is anchored or not: nodes take back an offer that the chain never got before
#: it expires, so that when they did decides nothing yet.
_ANY_TIME: Final = 1 << 48
#: Places in a log before the places of the agency's next log.
_LEAVES: Final = 1 << 48
_BESIDE: Final = {
    "lost": "the contract did not take it",
    "fork": "another one stands at its place",
    "opened twice": "the item was opened before",
    "apart": "it hangs on no event of this item",
}


@dataclass(frozen=True, slots=True)
class BesideStatement:
    """A statement that a bundle shows behind its branch."""

    bundled: BundledStatement
    statement: Statement
    receipt: Receipt | None


def length(statements: Sequence[Statement]) -> int:
    """How many statements, from the first one, each follow the one before: the branch that is
    shown.
    """
    before: bytes | None = None
    for number, statement in enumerate(statements):
        if (statement.claims.seq, statement.claims.prev) != (number, before):
            return number
        before = statement.digest
    return len(statements)


def events_of(bundle: Bundle) -> int:
    """How many events of a bundle are those of its branch; all where an entry is malformed."""
    try:
        return length([parse_entry(row.entry) for row in bundle.statements])
    except FormatError:
        return len(bundle.statements)


def derive_branch(
    bundle: Bundle,
    logs: Sequence[bytes],
    statements: Sequence[Statement],
    events: Sequence[Event | None],
    beside: Sequence[BesideStatement],
    *,
    whole: AbstractSet[str] = frozenset(),
    is_part: bool,
) -> CustodyBranch:
    """The branch that follows from all that a bundle shows.

    Args:
        bundle: without what stands beside its branch. whole: agencies of whose current log all
            entries about the item are shown. is_part: later events are not judged, and
            handovers that they concluded are left out.
    """
    shown = {statement.digest for statement in statements}
    hops = bundle.hops
    if is_part:
        hops = tuple(hop for hop in hops if hop.outcome != OPEN and hop.outcome_digest in shown)
    rows = [
        *zip(bundle.statements, statements, events, strict=True),
        *((one.bundled, one.statement, None) for one in beside),
    ]
    sequenced = [_sequenced(bundle, *row) for row in rows]
    codes = {bundle.origin, *(one.agency for one in sequenced)}
    codes |= {one.claims.to for one in sequenced if one.claims.to is not None}
    holders = {
        code: LogHolder(
            frozenset(
                log for log, ref in zip(logs, bundle.logs, strict=True) if ref.agency == code
            ),
            whole=code in whole,
        )
        for code in codes
    }
    return derive(bundle.origin, sequenced, hops, holders)


def _sequenced(
    bundle: Bundle, row: BundledStatement, statement: Statement, event: Event | None
) -> SequencedStatement:
    log = bundle.logs[row.log]
    expires = None
    if event is not None and event.known and event.type == "transfer-offered":
        expires = OfferTerms.from_event(event).expires
    return SequencedStatement(
        log.agency,
        log.number * _LEAVES + row.index,
        _ANY_TIME,
        statement.digest,
        statement.claims,
        expires,
    )


def check_links(
    bundle: Bundle, statements: Sequence[Statement], beside: Sequence[BesideStatement]
) -> None:
    """Check that what stands behind the branch hangs on something that is shown, or is in a list of
    what its log holds, and that its form is right (verification step 2).

    Raises:
        VerificationError: an event is missing in between or shown twice, or a document stands
            beside the branch.
    """
    count, before = len(statements), {one.digest for one in statements}
    shown = before | {one.statement.digest for one in beside}
    shown |= {hop.outcome_digest for hop in bundle.hops}
    sizes = _listed(bundle)
    for number, one in enumerate(beside, count):
        claims = one.statement.claims
        if claims.subject != bundle.evidence:
            raise VerificationError(2, f"event {number} is about another item")
        hangs = claims.prev in shown if claims.prev is not None else claims.seq == 0
        has_place = hangs or one.bundled.index < sizes.get(one.bundled.log, 0)
        if not count or not has_place or one.statement.digest in before:
            raise _gap(number, count, claims.seq)
        before.add(one.statement.digest)
        if one.bundled.document is not None:
            raise VerificationError(
                2, f"event {number} stands beside the branch, and is shown with its document"
            )


def _listed(bundle: Bundle) -> dict[int, int]:
    """How far the list of each log goes, by the number of the log. Whoever shows a list may leave
    nothing out, whatever its agency took into its log.
    """
    checkpoints = (bundle.checkpoints[row.checkpoint] for row in bundle.lists)
    return {checkpoint.log: checkpoint.size for checkpoint in checkpoints}


def _gap(number: int, count: int, seq: int) -> VerificationError:
    if seq != count:
        said = f"event {number} has seq {seq}: one is missing or out of order"
        return VerificationError(2, said)
    return VerificationError(2, f"event {number} does not follow the event before it")


def told_beside(
    bundle: Bundle, beside: Sequence[BesideStatement], branch: CustodyBranch
) -> list[dict[str, Any]]:
    """What was signed beside the branch, for the report."""
    return [
        {
            "statement": one.statement.digest.hex(),
            "seq": one.statement.claims.seq,
            "effect": one.statement.claims.effect,
            "log": bundle.logs[one.bundled.log].agency,
            "standing": branch.standings[one.statement.digest],
        }
        for one in beside
    ]


def findings(told: Sequence[dict[str, Any]]) -> list[str]:
    """One sentence each on what was signed beside the branch."""
    return [
        f"beside the branch, in the log of {one['log']}: seq {one['seq']}, effect "
        f"{one['effect']!r}: {_BESIDE[one['standing']]}"
        for one in told
    ]


def check_branch(
    bundle: Bundle,
    statements: Sequence[Statement],
    beside: Sequence[BesideStatement],
    branch: CustodyBranch,
) -> None:
    """Check that the branch that is shown is the one that counts.

    Raises:
        VerificationError: step 8, it is another one; step 2, an event of it is out of order.
    """
    count, sizes = len(statements), _listed(bundle)
    for number, one in enumerate(beside, count):
        standing, seq = branch.standings[one.statement.digest], one.statement.claims.seq
        if standing == "stands":
            raise VerificationError(
                2, f"event {number} has seq {seq}: it counts, and stands out of order"
            )
        listed = one.bundled.index < sizes.get(one.bundled.log, 0)
        if standing == "apart" and not listed:
            raise _gap(number, count, seq)
    for number, (statement, row) in enumerate(zip(statements, bundle.statements, strict=True)):
        standing, log = branch.standings[statement.digest], bundle.logs[row.log].agency
        if standing == "lost":
            raise VerificationError(
                8,
                f"event {number}: a handover abroad is signed that the contract never took, or "
                "that it ended otherwise",
            )
        if standing != "stands":
            raise VerificationError(
                8, f"event {number}, in the log of {log}, is not on the branch that counts"
            )


def require_explained(
    bundle: Bundle, statements: Sequence[Statement], branch: CustodyBranch, *, is_part: bool
) -> None:
    """Check that what is shown explains every handover on the contract, and who has the item.

    Raises:
        IncompleteError: it does not: whether agencies or thieves of their chain keys are at fault
            cannot be told.
    """
    if is_part:
        return
    codes = {agency_id(code): code for code in _codes(bundle, statements)}
    if branch.contested:
        hop = bundle.hops[branch.contested[0]]
        giver, taker = _named(codes, hop.giver), _named(codes, hop.taker)
        raise IncompleteError(
            8,
            f"the contract has a handover from {giver} to {taker} that nothing shown here explains",
            hint=f"ask {giver} for the offer that it signed; if nobody signed any, its chain key "
            "is in other hands",
        )
    if branch.taken:
        raise IncompleteError(
            8,
            f"the contract says that {branch.custodian} took the item, and no acceptance of it is "
            "shown",
            hint=f"ask {branch.custodian} for a bundle",
        )


def _codes(bundle: Bundle, statements: Sequence[Statement]) -> set[str]:
    offered = {one.claims.to for one in statements if one.claims.to is not None}
    return {bundle.origin, *(log.agency for log in bundle.logs), *offered}


def _named(codes: dict[bytes, str], agency: bytes) -> str:
    return codes.get(agency, f"an agency that is not named here (0x{agency.hex()[:16]})")
