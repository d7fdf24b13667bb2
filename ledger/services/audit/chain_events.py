"""Reading what the contracts recorded: every event up to the newest final block, checked against
what they store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.domain.audit.contract_events import CheckpointAnchored
from ledger.domain.audit.ports import AuditState
from ledger.domain.audit.replay import Step
from ledger.domain.audit.report import AuditReport
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain import contract_layout
from ledger.domain.codecs.text import counted
from ledger.domain.errors import CustodyError, NotFoundError
from ledger.domain.ports.node_and_chain import Contracts

#: The newest block whose events were taken over: number (8) and hash (32).
_READ: Final = "read-block"
#: Withdrawals, with whether the contract had taken the offer.
_WITHDRAWN: Final = "withdrawn"
_TAKEN: Final = b"taken"
_RANGE: Final = (
    20_000  # blocks asked for at once, so that a first run keeps what it has when it is stopped
)


#: Called with (what, total) at the beginning of a part of the work; returns a function to be called
#: with what was done.
Progress = Callable[[str, int], Callable[[int], None]]


def silent(what: str, total: int) -> Callable[[int], None]:  # noqa: ARG001  (see Progress)
    """Progress that nobody looks at."""
    return lambda count: None


@dataclass(frozen=True, slots=True)
class LogOfAgency:
    """Whose log it is, and the logs whose leaves it took over, oldest first, with the number of
    leaves.
    """

    log: bytes
    agency: str
    inherited: tuple[tuple[bytes, int], ...]

    @property
    def accepted(self) -> tuple[bytes, ...]:
        """Logs that its statements may name in ``aud``."""
        return (self.log, *(log for log, _ in self.inherited))


def read(
    contracts: Contracts,
    root: TrustRoot,
    state: AuditState,
    report: AuditReport,
    progress: Progress,
) -> bool:
    """Bring the state to the newest final block; False where the chain is not the trust root's, or
    did not tell.
    """
    chain = contracts.chain
    try:
        identity = (chain.chain_id(), chain.block(0).hash)
        if identity != (root.chain_id, root.genesis):
            expected = f"chain {root.chain_id}, genesis {root.genesis.hex()}"
            report.find(
                "chain-other",
                "chain",
                expected,
                f"chain {identity[0]}, genesis {identity[1].hex()}",
            )
            return False
        if contracts.code_hashes() != (root.registry.code_hash, root.ledger.code_hash):
            report.find(
                "contract-code",
                "chain",
                "the code that the trust root names",
                "other code at these addresses",
            )
            return False
        final = chain.final()
        first = state.chain_block() + 1
        if not _goes_on(contracts, state, report):
            return False
        done = progress("reading the chain", max(final - first + 1, 0))
        while first <= final:
            last = min(first + _RANGE - 1, final)
            events = contracts.events(first, last)
            # Asked after the events: one of several servers behind an address may lag behind, and
            # knows no events of blocks that it does not have.
            block = chain.block(last)
            with state.transaction():
                state.put_events(events, last)
                state.put_blob(_READ, b"", last.to_bytes(8, "big") + block.hash)
            done(last - first + 1)
            first = last + 1
    except CustodyError as error:
        report.find("chain-silent", "chain", "an answer", error.message)
        return False
    agencies = state.agencies()
    known = counted(len(agencies), "agency")
    report.checked("chain", f"block {state.chain_block()}, {known}", 1)
    report.facts["block"] = state.chain_block()
    return True


def _goes_on(contracts: Contracts, state: AuditState, report: AuditReport) -> bool:
    """Whether the chain still has the newest block that an earlier run read."""
    before = state.blob(_READ, b"")
    if before is None:
        return True
    number, digest = int.from_bytes(before[:8], "big"), before[8:]
    try:
        block_hash = contracts.chain.block(number).hash
    except NotFoundError:
        block_hash = b""
    if block_hash == digest:
        return True
    there = f"block {block_hash.hex()}" if block_hash else "no such block"
    expected = f"block {number}, {digest.hex()}, which was read before"
    report.find("chain-silent", "chain", expected, there)
    return False


def identify(state: AuditState, log: bytes) -> LogOfAgency | None:
    """The agency of a log and where it began; None for a log that the registry does not know."""
    opened = state.opened(log)
    if opened is None:
        return None
    inherited: list[tuple[bytes, int]] = []
    parent, size = opened.parent, opened.size
    while parent != bytes(32) and len(inherited) < 1000:
        inherited.append((parent, size))
        before = state.opened(parent)
        if before is None:
            break
        parent, size = before.parent, before.size
    return LogOfAgency(log, state.agencies().get(opened.agency, "?"), tuple(reversed(inherited)))


def checkpoints(state: AuditState, log: LogOfAgency, after: int) -> Iterator[CheckpointAnchored]:
    """All checkpoints that cover a log's leaves beyond a size, also those of the logs that it
    continues.
    """
    for parent, size in log.inherited:
        yield from (
            checkpoint
            for checkpoint in state.checkpoints(parent, after=after)
            if checkpoint.size <= size
        )
    yield from state.checkpoints(log.log, after=after)


def committed(contracts: Contracts, checkpoint: CheckpointAnchored) -> bool:
    """Whether the contract stores just this checkpoint: what a node tells of events is compared
    with the state.
    """
    expected = contract_layout.checkpoint_commitment(
        checkpoint.prev,
        checkpoint.size,
        checkpoint.root,
        checkpoint.map_root,
        checkpoint.version,
        checkpoint.time,
        checkpoint.block,
    )
    return contracts.checkpoint_commitment(checkpoint.log, checkpoint.size) == expected


def keep_withdrawals(state: AuditState, steps: Sequence[Step]) -> None:
    """Keep of withdrawals whether the contract had taken the offer when they were judged."""
    for step in steps:
        state.put_blob(_WITHDRAWN, step.digest, _TAKEN if _is_taken(state, step) else b"")


def was_overtaken(state: AuditState, log: bytes) -> bool:
    """Whether the contract took an offer after its withdrawal was judged as one of an offer that it
    never took: what follows it in the log was judged by what the chain does not say any more.
    """
    return any(
        _is_taken(state, step) and state.blob(_WITHDRAWN, step.digest) == b""
        for step in state.steps(log, "withdraw")
    )


def _is_taken(state: AuditState, step: Step) -> bool:
    return step.prev is not None and bool(state.offered(step.prev))
