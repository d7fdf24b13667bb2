"""Fixity: reading again what replicas keep, block by block, and replacing what is bad.

- each replica is asked for its own copy; nothing is fetched from peers meanwhile
- `mismatch` (other bytes), `missing` and `unreadable` are told apart from `unreachable`, which says
  nothing about the item
- a bad block is replaced by one that hashes to its CID, wherever one is left; the result is logged
  as a `verified` event
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from ledger.domain.blocks.failed_reading import result_of, word_of
from ledger.domain.blocks.store import Replica
from ledger.domain.codecs.text import counted
from ledger.domain.errors import (
    ConflictError,
    CustodyError,
    NetworkError,
    NotFoundError,
    StorageError,
    UnreadableError,
    UsageError,
    VerificationError,
)
from ledger.domain.event.types import FixityResult
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld import unixfs
from ledger.domain.ipld.unixfs import Block
from ledger.rows.storage import ReplicaStateRow
from ledger.services.node.context import Node
from ledger.services.registration import service_events
from ledger.services.storage.replication import pause

INTERVAL: Final = 30 * 86400
FIRST: Final = 86400  # seconds after which what was sent is read again for the first time
RATE: Final = 32 << 20
_SAVED: Final = 64  # blocks after which the place is written down
_DEPTH: Final = 5
_WORST: Final[tuple[FixityResult, ...]] = ("mismatch", "missing", "unreadable")
_STALE: Final = 86400  # seconds after which a reading that was begun is begun again
_KEPT: Final = ("pinned", "damaged")
_PAGE: Final = 50
_WAIT: Final = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class FixityPolicy:
    """How often each item is read again, in seconds, and at how many bytes a second (0: as fast as
    it goes).
    """

    interval: int = INTERVAL
    rate: int = RATE


@dataclass
class Found:
    """What re-reading one item at one replica gave.

    Attributes:
        node: the replica's name. began: when the reading began. blocks: how many were read.
        bad: how many blocks were bad, by kind. repaired: how many of them were replaced.
        unread: inner nodes without any good copy, so that the blocks below were not read.
        pinned: whether the item was pinned there. repinned: whether a pin was set again.
        unreachable: the replica stopped answering. complete: the item was read to its end.
    """

    node: str
    began: int = 0
    blocks: int = 0
    bad: dict[str, int] = field(default_factory=dict)
    repaired: int = 0
    pinned: bool = True
    repinned: bool = False
    unread: int = 0
    unreachable: bool = False
    complete: bool = False

    @property
    def result(self) -> FixityResult:
        """The worst that was found."""
        if self.bad or self.unread or not self.pinned:
            other: FixityResult = "missing" if not self.pinned else "unreadable"
            return next((word for word in _WORST if self.bad.get(word)), other)
        return "unreachable" if self.unreachable else "match"

    @property
    def is_whole(self) -> bool:
        """Whether the item lies there whole and pinned now."""
        held = (self.pinned or self.repinned) and not self.unread
        return self.complete and held and self.repaired == sum(self.bad.values())


class RateLimiter:
    """Holds reading to a number of bytes a second."""

    def __init__(self, rate: int, wait: Callable[[float], object] = time.sleep) -> None:
        self._rate = rate
        self._wait = wait
        self._free = time.monotonic()

    def spend(self, count: int) -> None:
        """Wait until so many bytes may be read."""
        if self._rate:
            now = time.monotonic()
            self._free = max(self._free, now) + count / self._rate
            if self._free - now > 0.05:
                self._wait(self._free - now)


@dataclass
class Reading:
    """How items are read: at what pace, until when, and who is told about the progress."""

    pace: RateLimiter
    stopped: Callable[[], bool] = lambda: False
    progress: Callable[[int], None] = lambda count: None


def check(node: Node, evidence: str, reading: Reading) -> list[Found]:
    """Read one item again at each of its replicas, repair what can be repaired, and log the result.

    Logged once for all replicas that answered; not at all where the item is closed or offered, or
    where none answered.

    Returns:
        what was found at each replica.

    Raises:
        NotFoundError: no replica keeps it. ConflictError: others are being read again, and it takes
            long.
    """
    if not node.reading.acquire(timeout=_WAIT):
        raise ConflictError(
            "other items are being read again just now", hint="try again in a minute"
        )
    try:
        return _check(node, evidence, reading)
    finally:
        node.reading.release()


def _check(node: Node, evidence: str, reading: Reading) -> list[Found]:
    with node.records.read() as unit:
        held = unit.replicas.of_item(evidence)
    rows = [row for row in held if row.state in _KEPT and row.node in node.replicas.own]
    if not rows:
        raise NotFoundError("no IPFS node keeps this item yet", hint="see: custody status")
    results = [_check_at(node, row, reading) for row in rows]
    if all(result.complete or result.unreachable for result in results):
        answered = {result.node: result for result in results if result.complete}
        try:
            if answered:
                _log(node, evidence, rows[0].cid, list(answered.values()))
        finally:  # what was told, or cannot be told, is not told again with the next reading
            with node.records.read() as unit:
                held = unit.replicas.of_item(evidence)
            node.put_holdings([replace(row, seen="") for row in held if row.node in answered])
    return results


def _check_at(node: Node, row: ReplicaStateRow, reading: Reading) -> Found:
    """Read one item at one replica, from the place where an earlier reading stopped. A replica
    that was read to the end then is not read again: only others of the item were left.
    """
    now = node.clock.now()
    result = Found(**json.loads(row.seen)) if row.seen else Found(row.node, began=now)
    # Left behind by a crash: what was read then says nothing about today.
    if now - result.began > _STALE:
        row, result = replace(row, place=0, seen=""), Found(row.node, began=now)
    if result.complete:
        return result
    replica = node.replicas.own[row.node]
    before = row.place

    def save() -> None:
        node.put_holdings([replace(row, place=result.blocks, seen=json.dumps(asdict(result)))])

    try:
        if not before:
            result.pinned = row.cid in replica.pinned([row.cid])
        result.unread = 0  # the walk begins anew, also where the reading goes on
        walked = _walk(node, replica, row.cid, result)
        for at, (cid, known) in enumerate(walked, 1):
            if at <= before:
                continue
            _read(node, replica, row, cid, known, result, reading)
            result.blocks = at
            if at % _SAVED == 0 or reading.stopped():
                save()
                if reading.stopped():
                    return result
        if not result.pinned:
            replica.pin([row.cid])
            result.repinned = True
    except (NetworkError, UsageError) as error:
        row = replace(
            row,
            problem=word_of(error),
            tries=row.tries + 1,
            due=node.clock.now() + pause(row.tries),
        )
        save()
        result.unreachable = True
        return result
    except (
        VerificationError,
        NotFoundError,
        UnreadableError,
        StorageError,
    ) as error:  # it answers, but cannot say what it has pinned
        _count(result, error)
    result.complete = True
    node.put_holdings([_settled(row, result, node.clock.now())])
    return result


def _settled(row: ReplicaStateRow, result: Found, now: int) -> ReplicaStateRow:
    """What is written down of an item that was read to its end."""
    done = replace(
        row,
        place=0,
        seen=json.dumps(asdict(result)),
        state="pinned",
        proof=now,
        reads=row.reads + 1,
        problem="",
        tries=0,
        due=now,
    )
    # Tried again before long: a good copy may turn up, at a replica that is down now.
    if not result.is_whole:
        done = replace(
            done,
            state="damaged",
            proof=row.proof,
            problem=result.result,
            tries=row.tries + 1,
            due=now + pause(row.tries),
        )
    return done


def _walk(
    node: Node, replica: Replica, root: bytes, result: Found, depth: int = 0
) -> Iterator[tuple[bytes, CustodyError | None]]:
    """Every CID below a root, itself first, each with what was wrong with it as far as known.

    Leaves are not read here. An inner node is, since it names the blocks below it; where the
    replica's is bad a good copy is used, and without one ``result.unread`` counts it.
    """
    if cids.codec_of(root) == cids.RAW:
        yield root, None
        return
    problem: CustodyError | None = None
    data: bytes | None
    try:
        data = replica.get(root)
    except (VerificationError, NotFoundError, UnreadableError, StorageError) as error:
        data, problem = _good_copy(node, root), error
    yield root, problem
    if data is None:
        result.unread += 1
    elif depth < _DEPTH:
        for link in unixfs.decode_node(data):
            yield from _walk(node, replica, link.cid, result, depth + 1)


def _good_copy(node: Node, cid: bytes) -> bytes | None:
    try:
        return node.blocks.get(cid)
    except (VerificationError, NotFoundError, UnreadableError, NetworkError):
        return None


def _read(
    node: Node,
    replica: Replica,
    row: ReplicaStateRow,
    cid: bytes,
    known: CustodyError | None,
    result: Found,
    reading: Reading,
) -> None:
    """One block: read, hashed, and replaced where it is bad."""
    try:
        if known is not None:
            raise known
        size = len(replica.get(cid))
        reading.pace.spend(size)
        reading.progress(size)
    except (VerificationError, NotFoundError, UnreadableError, StorageError) as error:
        _count(result, error)
        result.repaired += _repair(node, replica, row, cid)


def _count(result: Found, error: CustodyError) -> None:
    word = result_of(error)
    result.bad[word] = result.bad.get(word, 0) + 1


def _repair(node: Node, replica: Replica, row: ReplicaStateRow, cid: bytes) -> bool:
    """Put a good copy in the place of a bad block; False where there is none, or the replica cannot
    take it.
    """
    data = _good_copy(node, cid)
    if data is None:
        return False
    # Replacing may take the pin away for a moment: if the process dies then, this row has it
    # mended.
    node.put_holdings([replace(row, state="damaged", due=node.clock.now())])
    try:
        replica.replace(row.cid, Block(cid, data))
        replica.get(cid)
    except (VerificationError, NotFoundError, UnreadableError, StorageError):
        return False
    return True


def _log(node: Node, evidence: str, cid: bytes, results: list[Found]) -> None:
    words = [result.result for result in results]
    body = {
        "result": next((word for word in _WORST if word in words), "match"),
        "cid": cids.to_text(cid),
        "scope": "ciphertext",
        "reason": "; ".join(map(_words, results)),
    }
    service_events.record(node, evidence, "verified", body)


def _words(result: Found) -> str:
    """One replica's result in plain words."""
    text = f"{result.node}: {counted(result.blocks, 'block')} read"
    if result.bad:
        bad = ", ".join(f"{count} {word}" for word, count in sorted(result.bad.items()))
        text += f", {bad}, {result.repaired} replaced by good copies"
    if result.unread:
        text += f"; what lies below {result.unread} of these was not read"
    if not result.pinned:
        again = "is set again" if result.repinned else "could not be set again"
        text += f", pin was gone and {again}"
    return text


def due(node: Node, policy: FixityPolicy) -> list[str]:
    """Items whose last proof is older than the policy allows, and damaged ones, oldest proof
    first.
    """
    with node.records.read() as unit:
        now = node.clock.now()
        first = now - min(policy.interval, FIRST)
        rows = unit.replicas.oldest_proofs(
            list(node.replicas.own), now - policy.interval, first, now, _PAGE
        )
    return list(dict.fromkeys(row.evidence for row in rows))


def unread(node: Node) -> Iterator[str]:
    """Items that some replica keeps and that were never read again there; each as often as it has
    such replicas.
    """
    for name in node.replicas.own:
        yield from (
            row.evidence for row in node.holdings_at(name) if row.state in _KEPT and not row.reads
        )
