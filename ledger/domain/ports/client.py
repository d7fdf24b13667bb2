"""Ports of the client side: its journal, and the node that it talks to. See ports for those of a
node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from ledger.domain.ipld.unixfs import Block
from ledger.domain.ports.answers import BorneNumber, LoggedEvent, Opening, Recorded
from ledger.domain.ports.node_answers import About


class Journal(Protocol):
    """A client's own record of an upload, sealed: what it must find again after a crash."""

    def leftovers(self) -> list[dict[str, Any]]:
        """Records of runs that did not finish, oldest first; runs still going on are left alone.

        Raises:
            StorageError: one is damaged before its end; what a crash tore off at the end is no
                damage.
        """
        ...

    def append(self, record: dict[str, Any]) -> None:
        """Add a record; durable after ``sync``."""
        ...

    def sync(self) -> None:
        """Make everything appended since the last call durable, all of it or nothing.

        Raises:
            StorageError: the disk refused; nothing of it counts.
        """
        ...

    def finish(self, keep: Sequence[dict[str, Any]] = ()) -> None:
        """Everything was acknowledged: drop this run's records and the leftovers it took over, but
        for ``keep``.

        Raises:
            StorageError: the disk refused what is to be kept; nothing was dropped.
        """
        ...

    def close(self) -> None:
        """End the run; what it did not finish is left for the next one."""
        ...


class NodeApi(Protocol):
    """What the client side asks of a node, over HTTP or in its own process. Every call has a
    time-out.

    Raises from every method:
        NetworkError: no answer in time. DeniedError, RuleError, ...: as the node answered.
    """

    def agency(self) -> About:
        """Who the node is, and what its profile asks of records."""
        ...

    def events(self, evidence: str) -> Iterator[LoggedEvent]:
        """An item's events as the log shows them; none, or NotFoundError, where it does not know
        the item.
        """
        ...

    def missing(self, cids: Sequence[bytes]) -> list[bytes]:
        """Those blocks that the node lacks."""
        ...

    def put_blocks(self, blocks: Sequence[Block]) -> None:
        """Store blocks; durable when it returns."""
        ...

    def register(self, submissions: Sequence[dict[str, Any]]) -> Sequence[Recorded]:
        """Register signed statements in one batch; durable when it returns."""
        ...

    def recorded(self, marks: Sequence[str], evidence: Sequence[str] = ()) -> list[Opening]:
        """What the caller recorded before of files with these marks, or as these items, as far as
        the node keeps it.

        Raises:
            VerificationError: the node shows something else than was signed.
        """
        ...

    def numbers(self, case: str, exhibits: Sequence[str]) -> dict[str, BorneNumber]:
        """Which of these exhibit numbers items of a case bear, by the numbers as they were
        given.
        """
        ...
