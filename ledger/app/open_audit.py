"""Putting an audit together: the chain that the auditor chose, the files of logs, and what is kept
between runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from ledger.adapters.audit_state import SqliteAuditState
from ledger.adapters.chain.contracts import Contracts
from ledger.adapters.chain.rpc import RpcChain
from ledger.adapters.clock import SystemClock
from ledger.adapters.logfiles import Auditor, FolderFiles, WebFiles
from ledger.domain.audit.ports import LogFiles
from ledger.domain.audit.report import AuditReport
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.errors import CustodyError, UnreadableError, UsageError
from ledger.services.audit import internal
from ledger.services.node.context import Node


@dataclass
class Audit:
    """What an audit from outside works with."""

    contracts: Contracts
    root: TrustRoot
    logs: list[LogFiles]
    state: SqliteAuditState
    clock: SystemClock


def files_at(place: str, auditor: Auditor, *, hasty: bool = False) -> LogFiles:
    """The files of a log at a URL or in a folder.

    Raises:
        UsageError: neither. UnreadableError: a folder that holds no log; it accuses no agency of
            withholding one.
    """
    if place.startswith(("http://", "https://")):
        return WebFiles(place, auditor=auditor, hasty=hasty)
    if not Path(place).is_dir():
        raise UsageError(
            f"{place} is neither a URL nor a folder",
            hint="give the address of a node, or of an exported log",
        )
    if not any((Path(place) / name).exists() for name in ("checkpoint", "tile")):
        raise UnreadableError(
            f"{place} is no exported log: it has neither checkpoint nor tiles",
            hint="`custody log export` writes one",
        )
    return FolderFiles(Path(place))


def is_log(url: str) -> bool:
    """Whether a log of custody answers at an address; asked where it was given for a chain."""
    try:
        with closing(WebFiles(url, hasty=True)) as found:
            found.get("checkpoint")
    except CustodyError:
        return False
    return True


def is_chain(url: str) -> bool:
    """Whether a chain answers at an address; asked where it was given for a log."""
    try:
        with closing(RpcChain(url, confirmations=0)) as found:
            found.chain_id()
    except CustodyError:
        return False
    return True


def about(root: TrustRoot) -> bytes:
    """What a state file is about: chain and contracts."""
    return sha256(
        root.chain_id.to_bytes(32, "big")
        + root.genesis
        + root.registry.address
        + root.ledger.address
    ).digest()


@contextmanager
def opened(
    root: TrustRoot,
    rpc: str,
    logs: Sequence[str],
    state: Path | None,
    auditor: Auditor,
    *,
    hasty: bool = False,
) -> Iterator[Audit]:
    """An audit, closed in the end.

    Args:
        rpc: URL of the chain; logs: URLs or folders; state: None keeps nothing.
        auditor: for nodes that ask who reads.
        hasty: a slow log is waited for a minute and not for ten, since others are looked at too.
    """
    with ExitStack() as stack:
        chain = RpcChain(rpc, confirmations=root.confirmations, headers=root.headers)
        stack.callback(chain.close)
        kept = SqliteAuditState(state, about(root))
        stack.callback(kept.close)
        sources = [files_at(log, auditor, hasty=hasty) for log in logs]
        for source in sources:
            stack.callback(source.close)
        yield Audit(
            Contracts(chain, root.registry.address, root.ledger.address),
            root,
            sources,
            kept,
            SystemClock(),
        )


def of_node(node: Node, root: TrustRoot, options: internal.InternalOptions) -> AuditReport:
    """Audit a node from inside, beside its own work.

    Raises:
        StorageError: there is no room to work in.
    """
    with temporary(root) as state:
        try:
            return internal.audit(node, root, state, options)
        finally:
            # What was destroyed meanwhile stayed in the write-ahead log, since this looked at the
            # moment before.
            node.records.scrub()


@contextmanager
def temporary(root: TrustRoot) -> Iterator[SqliteAuditState]:
    """A state that is kept for one audit alone, on disk, so that memory stays constant."""
    state = SqliteAuditState(None, about(root))
    try:
        yield state
    finally:
        state.close()
