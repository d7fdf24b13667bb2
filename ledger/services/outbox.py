"""What the client has sealed and signed but not yet seen acknowledged: blocks in segments, statements in batches.

- CIDs are journalled before their blocks are sent, statements before they are sent
- a resumed block whose CID differs from the journal means that the file changed: Restarted, with a fresh salt
- a statement is sent only after all blocks that were added before it
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from ledger.domain import cid as cids
from ledger.domain import envelope
from ledger.domain.encoding import b64url, from_b64url
from ledger.domain.ports import Journal, NodeApi
from ledger.domain.unixfs import Block

SEGMENT: Final = (3 << 20) + (64 << 10)  # three leaves and their nodes: the node takes 4 MiB
_IN_FLIGHT: Final = 2
BATCH: Final = 128  # statements a request; the node takes 256


class Restarted(Exception):  # noqa: N818  (a signal to the caller, not an error that anyone sees)
    """The content is not what the journal says: begin again with a fresh salt."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """One item of an upload. ``index`` is None for a duplicate that was skipped."""

    path: str
    evidence: str
    size: int
    digests: dict[str, str]
    cid: str
    index: int | None
    duplicates: tuple[str, ...]
    resumed: bool


@dataclass
class Attempt:
    """One item on its way: its keys, and what an earlier run left behind."""

    identity: list[Any]
    evidence: str
    content_key: bytes
    record_key: bytes
    salt: bytes
    resumed: bool = False
    known: list[str] = field(default_factory=list)
    position: int = 0
    submission: dict[str, Any] | None = None
    done: Uploaded | None = None


@dataclass
class _Queued:
    submission: dict[str, Any]
    done: Uploaded


class Outbox:
    """Collects, journals and sends. Two segments are on their way while the next is sealed; all have arrived before a statement is sent."""

    def __init__(self, node: NodeApi, journal: Journal) -> None:
        self._node = node
        self._journal = journal
        self._left = _collect(journal.leftovers())
        self._segment: list[tuple[Attempt, Block]] = []
        self._bytes = 0
        self._queued: list[_Queued] = []
        self._skipped: list[Uploaded] = []
        self._sender = ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="send")
        self._sending: deque[Future[None]] = deque()

    def begin(self, identity: list[Any], *, evidence: str | None = None) -> Attempt:
        """The attempt for a file: the one that an earlier run left, or a new one.

        Args:
            identity: what makes it the same upload: path, size and modification time, for example.
        """
        left = self._left.pop(_key(identity), None)
        attempt = left or Attempt(identity, evidence or uuid.uuid4().urn, envelope.new_key(), envelope.new_key(), envelope.new_salt(16))
        self._record(attempt)
        if left is not None:
            self._journal.append({"t": "cids", "evidence": attempt.evidence, "cids": attempt.known})
            if attempt.submission is not None and attempt.done is not None:
                self._record_statement(_Queued(attempt.submission, attempt.done))
        return attempt

    def restart(self, attempt: Attempt) -> Attempt:
        """The same item under a fresh salt."""
        self._segment = [(owner, block) for owner, block in self._segment if owner is not attempt]
        self._bytes = sum(len(block.data) for _, block in self._segment)
        again = replace(attempt, salt=envelope.new_salt(16), known=[], position=0, submission=None, done=None)
        self._record(again)
        return again

    def _record(self, attempt: Attempt) -> None:
        self._journal.append(_begun(attempt))

    def _record_statement(self, queued: _Queued) -> None:
        self._journal.append(_signed(queued))

    def is_stored(self, attempt: Attempt) -> bool:
        """Whether the node already holds every block that the journal knows."""
        binary = [cids.from_text(text) for text in attempt.known]
        groups = (binary[at : at + 1000] for at in range(0, len(binary), 1000))
        return bool(binary) and not any(self._node.missing(group) for group in groups)

    def add_block(self, attempt: Attempt, block: Block) -> None:
        """Add the next block of an item.

        Raises:
            Restarted: an earlier run saw another block here.
        """
        if attempt.position < len(attempt.known) and attempt.known[attempt.position] != cids.to_text(block.cid):
            raise Restarted
        attempt.position += 1
        if self._bytes + len(block.data) > SEGMENT:
            self._send()
        self._segment.append((attempt, block))
        self._bytes += len(block.data)

    def _send(self) -> None:
        """Journal the segment's CIDs, then hand it to the sender."""
        segment, self._segment, self._bytes = self._segment, [], 0
        if not segment:
            return
        fresh: dict[str, list[str]] = {}
        for owner, block in segment:
            fresh.setdefault(owner.evidence, []).append(cids.to_text(block.cid))
        for evidence, texts in fresh.items():
            self._journal.append({"t": "cids", "evidence": evidence, "cids": texts})
        self._journal.sync()
        self._wait(_IN_FLIGHT - 1)
        resumed = any(owner.resumed for owner, _ in segment)
        self._sending.append(self._sender.submit(self._deliver, [block for _, block in segment], resumed))

    def _deliver(self, blocks: list[Block], resumed: bool) -> None:
        # Fresh ciphertext is new to every node: only a resumed upload has to ask.
        if resumed:
            lacking = set(self._node.missing([block.cid for block in blocks]))
            blocks = [block for block in blocks if block.cid in lacking]
        if blocks:
            self._node.put_blocks(blocks)

    def _wait(self, most: int = 0) -> None:
        """Wait until at most so many segments are on their way."""
        while len(self._sending) > most:
            self._sending.popleft().result()

    def queue(self, submission: dict[str, Any], done: Uploaded) -> None:
        """Queue a signed statement behind the blocks added so far."""
        self._queued.append(_Queued(submission, done))

    def skip(self, done: Uploaded) -> None:
        """Report an item that was not recorded."""
        self._skipped.append(done)

    def drop_last(self) -> None:
        """Take back the statement queued last: its file turned out to have changed."""
        if self._queued:
            self._queued.pop()

    def ready(self) -> Iterator[Uploaded]:
        """Send what makes a full batch; yields what the node acknowledged."""
        if len(self._queued) + len(self._skipped) >= BATCH:
            yield from self.flush()

    def flush(self) -> Iterator[Uploaded]:
        """Send everything; yields what the node acknowledged."""
        self._send()
        self._wait()
        queued, self._queued = self._queued, []
        skipped, self._skipped = self._skipped, []
        for one in queued:
            self._record_statement(one)
        self._journal.sync()
        if queued:
            answers = self._node.register([one.submission for one in queued])
            for one, answer in zip(queued, answers, strict=True):
                yield replace(one.done, index=int(answer["index"]), duplicates=tuple(answer["duplicates"]))
        yield from skipped

    def finish(self) -> None:
        """Everything is acknowledged; what earlier runs left of other files stays for them."""
        keep: list[dict[str, Any]] = []
        for attempt in self._left.values():
            keep += [_begun(attempt), {"t": "cids", "evidence": attempt.evidence, "cids": attempt.known}]
            if attempt.submission is not None and attempt.done is not None:
                keep.append(_signed(_Queued(attempt.submission, attempt.done)))
        self._journal.finish(keep)

    def close(self) -> None:
        """Stop the sender; what is journalled stays, for the next run to take over."""
        self._sender.shutdown(cancel_futures=True)
        self._journal.close()


def _begun(attempt: Attempt) -> dict[str, Any]:
    keys = {name: b64url(getattr(attempt, name)) for name in ("content_key", "record_key", "salt")}
    return {"t": "begin", "identity": attempt.identity, "evidence": attempt.evidence, **keys}


def _signed(queued: _Queued) -> dict[str, Any]:
    return {"t": "statement", "evidence": queued.done.evidence, "submission": queued.submission, "done": asdict(queued.done)}


def _key(identity: list[Any]) -> str:
    return repr(identity)


def _collect(records: list[dict[str, Any]]) -> dict[str, Attempt]:
    """Attempts that earlier runs left, by identity; the newest record of each kind counts."""
    by_evidence: dict[str, Attempt] = {}
    for record in records:
        if record["t"] == "begin":
            content_key, record_key, salt = (from_b64url(record[name], what="journal") for name in ("content_key", "record_key", "salt"))
            by_evidence[record["evidence"]] = Attempt(record["identity"], record["evidence"], content_key, record_key, salt, resumed=True)
        elif record["evidence"] in by_evidence:
            attempt = by_evidence[record["evidence"]]
            if record["t"] == "cids":
                attempt.known += record["cids"]
            else:
                attempt.submission = record["submission"]
                attempt.done = Uploaded(**{**record["done"], "duplicates": tuple(record["done"]["duplicates"]), "resumed": True})
    return {_key(attempt.identity): attempt for attempt in by_evidence.values()}
