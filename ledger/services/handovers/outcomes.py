"""How a handover ended that another agency answered first, and how an item that we held before was
closed.

Both come from a partner's node without proofs of the chain. They are verified in full by our own
view of it; of an outcome one single event is kept, the one that the contract took, and no key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from ledger.domain.bundle import bundle as bundles
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import Hop
from ledger.domain.errors import ChainError, DeniedError, VerificationError
from ledger.domain.identity import certificate as certificates
from ledger.domain.log import statement as statements
from ledger.rows.handovers import TransferStepRow
from ledger.rows.items import ItemRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.bundles import unpacking
from ledger.services.bundles.unpacking import Opened, OwnView
from ledger.services.node.context import Node
from ledger.services.onchain import transfer_steps
from ledger.services.records import record_keys


def take_outcome(node: Node, row: TransferStepRow, data: bytes) -> None:
    """Take over what the other side signed, where the contract has taken it.

    Raises:
        VerificationError, IncompleteError: the parcel does not verify. ChainError: it is not what
            the contract recorded.
    """
    opened = unpacking.open_parcel(node, data, row.evidence)
    hop, number = _ending(opened, row)
    with node.records.read() as unit:
        item = unit.items.get(row.evidence)
        assert item is not None
        unpacking.require_history(unit, item.state, opened.bundle.origin, opened.statements)
        concluded = [
            transfer_steps.hop_of(one)
            for one in unit.transfers.of_item(row.evidence)
            if one.state == "concluded"
        ]
        key = _record_key(node, unit, row.evidence)
    if number != item.state.seq + 1 or item.state.head != row.offer:
        raise VerificationError(
            8, "the end of the handover does not follow its offer", hint="try again in a moment"
        )
    head = bytes(32)
    for one in (*concluded, hop):
        head = one.commitment(head)
    if node.contracts.hop_commitment(transfer_steps.key_of(item), len(concluded)) != head:
        raise ChainError(
            "the end of the handover that the other agency shows is not the one on chain",
            hint="ask them; do not trust them",
        )
    _verify(node, opened, item)
    with node.records.write() as unit:
        unpacking.keep(node, unit, opened, [number], key)
        unit.transfers.put_inherited(
            row.evidence, opened.kept()
        )  # verified, and it goes on from what was here
        row = next(one for one in unit.transfers.of_item(row.evidence) if one.number == row.number)
        times = {
            "offer_time": hop.offer_time,
            "outcome": hop.outcome,
            "outcome_digest": hop.outcome_digest,
            "time": hop.time,
        }
        transfer_steps.conclude(node, unit, replace(row, sent=b"", **times))  # type: ignore[arg-type]


def _ending(opened: Opened, row: TransferStepRow) -> tuple[Hop, int]:
    """The handover as it was concluded, and which event of the parcel concluded it."""
    hop = next(
        (
            one
            for one in opened.bundle.hops
            if one.offer == row.offer and one.outcome != contract_layout.OPEN
        ),
        None,
    )
    number = next(
        (
            n
            for n, statement in enumerate(opened.statements)
            if hop is not None and statement.digest == hop.outcome_digest
        ),
        None,
    )
    if hop is None or number is None:
        raise VerificationError(
            8, "the other agency does not show how the handover ended", hint="try again in a moment"
        )
    return hop, number


def _verify(node: Node, opened: Opened, item: ItemRow) -> None:
    """Verify the parcel as it stands: the item may have gone on since, and the handovers of its
    later life are not in it.
    """
    shown = {statement.digest for statement in opened.statements}
    hops = tuple(
        hop
        for hop in opened.bundle.hops
        if hop.offer in shown
        and (hop.outcome == contract_layout.OPEN or hop.outcome_digest in shown)
    )
    found = replace(opened.filled(), hops=hops, chain=None)
    unpacking.verify_bundle(node, found, OwnView(node, found, item.state.ref), is_excerpt=True)


def _record_key(node: Node, unit: UnitOfWork, evidence: str) -> bytes | None:
    try:
        return record_keys.record_key(node, unit, evidence)
    except DeniedError:
        return None


@dataclass(frozen=True, slots=True)
class Closing:
    """A statement that closed an item: the log that holds it, its seq and time, and the agencies
    whose nodes signed behind it that they destroyed their keys.
    """

    log: bytes
    seq: int
    time: int
    confirmed: frozenset[str]


def check_closing(node: Node, agency: str, data: bytes, evidence: str, digest: bytes) -> Closing:
    """Check that an agency closed an item with a certain statement.

    Raises:
        VerificationError, IncompleteError: it did not, or does not prove it.
    """
    found = bundles.parse(data)
    parsed = tuple(statements.parse_entry(statement.entry) for statement in found.statements)
    closes = [statement for statement in parsed if statement.claims.effect == "close"]
    if found.evidence != evidence or [one.digest for one in closes] != [digest]:
        raise VerificationError(8, "the disposal that the other agency tells of is not in its log")
    [last], log = closes, found.statements[parsed.index(closes[0])].log
    if last.claims.issuer != agency or found.logs[log].agency != agency:
        raise VerificationError(8, "the disposal was not signed by the agency that holds the item")
    with node.records.read() as unit:
        item = unit.items.get(evidence)
        assert item is not None
        unpacking.require_history(unit, item.state, found.origin, parsed)
    unpacking.verify_bundle(node, found.with_chain(None), OwnView(node), is_excerpt=True)
    # Behind a closing another agency's node signs for nothing else. A node that makes up a
    # signature of theirs does not get through the verification.
    services = {
        sha256(der).digest(): certificates.parse(der)
        for der in found.certificates
        if certificates.parse(der).kind == "service"
    }
    later = [one for one in parsed if one.claims.seq > last.claims.seq]
    signers = [services[one.certificate] for one in later if one.certificate in services]
    return Closing(
        last.claims.log_id,
        last.claims.seq,
        last.claims.time,
        frozenset(certificate.agency for certificate in signers),
    )
