"""What the client has sealed and signed but not yet seen acknowledged: blocks in segments,
statements in batches.

- CIDs are journalled before their blocks are sent, statements before they are sent
- a resumed block whose CID differs from the journal means that the file changed: ContentChanged,
  with a fresh salt
- a statement is sent only after all blocks that were added before it
- a statement that the node refused is journalled as refused: the next run asks whether the item is
  there, and signs anew where it is not; where it is, only a receipt for the statement ends the
  attempt
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from ledger.client import receipts
from ledger.client.intake.upload_attempts import (
    UploadAttempt,
    UploadAttempts,
    UploadResult,
    signed_record,
)
from ledger.domain import errors
from ledger.domain.errors import (
    ConflictError,
    CustodyError,
    NetworkError,
    NotFoundError,
    StorageError,
    UnconfirmedError,
)
from ledger.domain.event import same_record
from ledger.domain.event.signing import Person
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from ledger.domain.ports.answers import LoggedEvent, Recorded
from ledger.domain.ports.client import Journal, NodeApi

SEGMENT: Final = (3 << 20) + (64 << 10)  # three leaves and their nodes: the node takes 4 MiB
_IN_FLIGHT: Final = 2
BATCH: Final = 128  # statements a request; the node takes 256
#: Answers of a node that has judged a batch and registered none of it.
REFUSALS: Final = (
    errors.FormatError,
    errors.VerificationError,
    errors.RuleError,
    errors.UsageError,
    errors.DeniedError,
    errors.NotFoundError,
    errors.ConflictError,
)


class ContentChanged(Exception):  # noqa: N818  (a signal to the caller, not an error that anyone sees)
    """The content is not what the journal says: begin again with a fresh salt."""


@dataclass
class _Queued:
    submission: dict[str, Any]
    done: UploadResult
    file: list[Any]


class UploadQueue:
    """Collects, journals and sends. Two segments are on their way while the next is sealed; all
    have arrived before a statement is sent.
    """

    def __init__(
        self, node: NodeApi, journal: Journal, person: Person, bound: dict[str, str]
    ) -> None:
        self._node = node
        self._person = person
        self._journal = journal
        try:
            self.attempts = UploadAttempts(journal.leftovers(), bound)
        except BaseException:
            journal.close()
            raise
        self._segment: list[
            tuple[UploadAttempt, Block, bool]
        ] = []  # the last: whether the journal does not know the CID yet
        self._bytes = 0
        self._queued: list[_Queued] = []
        self._told: list[UploadResult] = []
        self._sender = ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="send")
        self._sending: deque[Future[None]] = deque()

    def begin(self, path: str, top: str, details: dict[str, Any]) -> UploadAttempt:
        """The attempt at a file: the one that an earlier run left, or a new one; see UploadAttempt
        for the arguments.

        ``done.index`` is set where a receipt says that a statement which was refused is in the log
        all the same. What the node lists proves nothing: it could make up an event, so that the
        journal with the keys is emptied.

        Raises:
            VerificationError: the node answers with no receipt of its log.
        """
        attempt = self.attempts.take(path, details)
        if attempt is None:
            attempt = UploadAttempt.new(path, top, details, self.attempts.place(path))
        elif attempt.refused and attempt.done is not None:
            if self.opening(attempt.evidence) is None:  # signed in vain: what holds now is signed
                attempt.submission = attempt.done = None
            elif (answer := self.confirmed(attempt)) is not None:
                attempt.done = replace(
                    attempt.done, index=answer.index, duplicates=answer.duplicates
                )
            else:
                return self.afresh(attempt, uuid.uuid4().urn)
            attempt.refused = False
        self._record(attempt)
        return attempt

    def afresh(self, attempt: UploadAttempt, evidence: str = "") -> UploadAttempt:
        """Begin an attempt again at other content than it was begun with; as the item ``evidence``
        where one is named.
        """
        self._take_back(attempt)
        again = attempt.afresh(evidence)
        if evidence:
            self._journal.append({"t": "dropped", "evidence": attempt.evidence})
        self._record(again)
        return again

    def abandon(self, attempt: UploadAttempt) -> None:
        """Give up an attempt whose file cannot be recorded: no more of its blocks are sent; one
        that was not signed is forgotten.
        """
        self._take_back(attempt)
        if attempt.submission is None:
            self._journal.append({"t": "dropped", "evidence": attempt.evidence})

    def give_up(self, gathered: UploadAttempt, refusal: ConflictError) -> ConflictError:
        """End a run for a folder whose number another item bears. What an earlier run had begun
        goes on once the number is free, or begins anew under another one.

        Returns:
            what is to be told.
        """
        if not gathered.resumed:  # nothing of it was begun
            self.abandon(gathered)
        else:
            ours = [one for _, attempts in self.attempts.ours() for one in attempts]
            recorded = [one for one in ours if one.top == gathered.top and self.is_recorded(one)]
            told = [one.done.exhibit or one.evidence for one in recorded if one.done is not None]
            refusal = same_record.taken_meanwhile(refusal, told)
            self._journal.append({"t": "refused", "evidence": gathered.evidence})
        self.keep()
        return refusal

    def is_recorded(self, attempt: UploadAttempt) -> bool:
        """Whether the node has the item that an attempt signed."""
        return attempt.submission is not None and self.opening(attempt.evidence) is not None

    def forget(self, attempt: UploadAttempt) -> None:
        """Let an attempt that an earlier run left bind nobody any more; what it recorded stays."""
        self.attempts.forget(attempt)
        self._journal.append({"t": "dropped", "evidence": attempt.evidence})

    def _take_back(self, attempt: UploadAttempt) -> None:
        self._segment = [member for member in self._segment if member[0] is not attempt]
        self._bytes = sum(len(block.data) for _, block, _ in self._segment)

    def keep(self) -> None:
        """Make durable what is known so far, for a run that ends here."""
        self._journal.sync()

    def opening(self, evidence: str) -> LoggedEvent | None:
        """The event that opened an item, as the node shows it; None where the node does not have
        the item.
        """
        try:
            return next(iter(self._node.events(evidence)), None)
        except NotFoundError:
            return None

    def confirmed(self, attempt: UploadAttempt) -> Recorded | None:
        """The node's answer to the statement of an item that it lists, sent once more; None where
        another one opened the item.

        Raises:
            VerificationError: the node answers with no receipt of its log.
        """
        assert attempt.submission is not None
        assert attempt.done is not None
        try:
            answers = self._register([_Queued(attempt.submission, attempt.done, attempt.file)])
        except ConflictError:
            return None
        receipts.require(self._person, [attempt.submission], answers)
        return answers[0]

    def _record(self, attempt: UploadAttempt) -> None:
        for record in attempt.records():
            self._journal.append(record)

    def is_stored(self, attempt: UploadAttempt) -> bool:
        """Whether the node holds every block that the journal knows."""
        binary = [cids.from_text(text) for text in attempt.known]
        groups = (binary[at : at + 1000] for at in range(0, len(binary), 1000))
        return bool(binary) and not any(self._node.missing(group) for group in groups)

    def add_block(self, attempt: UploadAttempt, block: Block) -> None:
        """Add the next block of an item.

        Raises:
            ContentChanged: an earlier run saw another block here.
        """
        known = attempt.position < len(attempt.known)
        if known and attempt.known[attempt.position] != cids.to_text(block.cid):
            raise ContentChanged
        attempt.position += 1
        if self._bytes + len(block.data) > SEGMENT:
            self._send()
        self._segment.append((attempt, block, not known))
        self._bytes += len(block.data)

    def _send(self) -> None:
        """Journal the segment's CIDs, then hand it to the sender."""
        segment, self._segment, self._bytes = self._segment, [], 0
        if not segment:
            return
        fresh: dict[str, list[str]] = {}
        for owner, block, new in segment:
            if new:
                fresh.setdefault(owner.evidence, []).append(cids.to_text(block.cid))
        for evidence, texts in fresh.items():
            self._journal.append({"t": "cids", "evidence": evidence, "cids": texts})
        self._journal.sync()
        self._wait(_IN_FLIGHT - 1)
        resumed = any(owner.resumed for owner, _, _ in segment)
        self._sending.append(
            self._sender.submit(self._deliver, [block for _, block, _ in segment], resumed)
        )

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

    def queue(self, submission: dict[str, Any], done: UploadResult, file: list[Any]) -> None:
        """Queue a signed statement behind the blocks added so far. ``file``: what changes when the
        file does.
        """
        self._queued.append(_Queued(submission, done, file))

    def tell(self, done: UploadResult) -> None:
        """Report an item for which nothing is sent."""
        self._told.append(done)

    def ready(self) -> Iterator[UploadResult]:
        """Send what makes a full batch; yields what the node acknowledged."""
        if len(self._queued) + len(self._told) >= BATCH:
            yield from self.flush()

    def flush(self) -> Iterator[UploadResult]:
        """Send everything; yields what the node acknowledged.

        Raises:
            VerificationError: the node answers with no receipt of its log; the next run sends the
                statements again.
        """
        self._send()
        self._wait()
        queued, self._queued = self._queued, []
        told, self._told = self._told, []
        for submission in queued:
            self._journal.append(
                signed_record(submission.submission, submission.done, submission.file)
            )
        self._journal.sync()
        if queued:
            answers = self._register(queued)
            receipts.require(
                self._person, [submission.submission for submission in queued], answers
            )
            for submission, answer in zip(queued, answers, strict=True):
                yield replace(submission.done, index=answer.index, duplicates=answer.duplicates)
        yield from told

    def _register(self, queued: list[_Queued]) -> Sequence[Recorded]:
        try:
            return self._node.register([submission.submission for submission in queued])
        except UnconfirmedError as error:
            raise NetworkError(
                error.message,
                hint=(
                    "begin the upload again: it goes on where it was, and nothing is recorded twice"
                ),
            ) from error
        except CustodyError as error:
            if isinstance(error, REFUSALS):
                for submission in queued:
                    self._journal.append({"t": "refused", "evidence": submission.done.evidence})
                with suppress(StorageError):  # then they are sent once more, and refused once more
                    self._journal.sync()
            raise

    def finish(self) -> None:
        """Everything is acknowledged; what earlier runs left of other files stays for them."""
        self._journal.finish(
            [record for attempt in self.attempts.all() for record in attempt.records()]
        )

    def close(self) -> None:
        """Stop the sender; what is journalled stays, for the next run to take over."""
        self._sender.shutdown(cancel_futures=True)
        self._journal.close()
