"""Sending what was signed without network: all that the node takes, in order.

- a batch is all or nothing at the node: one that is refused is halved until the statement is found
  that it refuses
- what depends on a refused statement stays with it: later ones about the item, and whatever names
  an item that was not opened
- what cannot be taken as it was signed is signed anew by the same person, with the same keys sealed
  into it: the certificate was renewed since, or the event before it is another one now. The new
  statement has its own time; when it happened stays (`occurred`)
- before something is signed anew the node is asked whether it has it: its answer may have been lost
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ledger.client import receipts
from ledger.client.field.offline_queue import Queue, Waiting
from ledger.client.intake.upload_queue import REFUSALS
from ledger.domain.blocks import dag
from ledger.domain.blocks.store import NodeStore
from ledger.domain.codecs.text import from_b64url
from ledger.domain.crypto import grants
from ledger.domain.errors import CustodyError, NotFoundError, UnreadableError, VerificationError
from ledger.domain.event.references import references
from ledger.domain.event.signing import Person, sign_event
from ledger.domain.identity import certificate as certificates
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from ledger.domain.ports.answers import LoggedEvent, Registered
from ledger.domain.ports.node_and_chain import Clock

_BATCH: Final = 64
_SEGMENT: Final = 4
_LATE: Final = "first signed without network at that time, and signed anew when it could be sent"
_MEMBERS: Final = ("occurred", "late", "basis", "lang", "handling", "identifiers")
_DAMAGED: Final = (
    "restore {0}'s copy, or record the file anew and give this up with custody "
    "field drop {0} --force"
)
_WAYS: Final = (
    "sign it anew as it is with custody field send --anew, or give it up with custody field drop {}"
)


class _DamagedError(UnreadableError):
    """Ciphertext that waits here cannot be read."""


class Receiver(Protocol):
    """What sending asks of the real node; see NodeClient."""

    def events(self, evidence: str) -> Iterator[LoggedEvent]: ...
    def missing(self, wanted: Sequence[bytes]) -> list[bytes]: ...
    def put_blocks(self, blocks: Sequence[Block]) -> None: ...
    def register(
        self, submissions: Sequence[dict[str, Any]], *, field: bool = False
    ) -> list[Registered]: ...


@dataclass
class _Place:
    """Where the next event of an item goes; ``known`` are the digests of those that the node
    has.
    """

    seq: int
    head: bytes | None
    known: frozenset[str] = frozenset()


class Delivery:
    """One try to send a queue. ``sent``: numbers of what the node acknowledged."""

    def __init__(
        self,
        queue: Queue,
        blocks: NodeStore,
        node: Receiver,
        person: Person,
        clock: Clock,
        *,
        anew: bool,
    ) -> None:
        self._queue = queue
        self._blocks = blocks
        self._node = node
        self._person = person
        self._clock = clock
        self._anew = anew
        self.sent: list[int] = []
        self._places: dict[str, _Place] = {}
        # By item, the number of the refused statement because of which nothing more is sent.
        self._stopped: dict[str, int] = {}
        # Of these, items whose opening was not sent: what names them is not sent either.
        self._absent: dict[str, int] = {}

    def run(self) -> Iterator[Registered]:
        """Send it; the node's answers.

        Raises:
            NetworkError: it broke off. StorageError: the disk refused. VerificationError: the node
                answers with no receipt of its log, and what was sent stays here.
        """
        every = list(self._queue)
        for start in range(0, len(every), _BATCH):
            ready = [
                prepare
                for before in every[start : start + _BATCH]
                if (prepare := self._prepare(before)) is not None
            ]
            self._queue.keep()
            yield from self._register(ready)
            self._queue.keep()

    def _prepare(self, waiting: Waiting) -> Waiting | None:
        """The statement as it is to be sent, its content being there already; None where it
        stays.
        """
        if self._hold_back(waiting):
            return None
        try:
            waiting = self._current(waiting)
            self._send_blocks(waiting)
        except (*REFUSALS, _DamagedError) as error:
            self._refuse(waiting, error)
            return None
        return waiting

    def _register(self, batch: list[Waiting]) -> Iterator[Registered]:
        batch = [member for member in batch if not self._hold_back(member)]
        if not batch:
            return
        try:
            answers = self._node.register([member.submission for member in batch], field=True)
        except REFUSALS as error:
            if len(batch) == 1:
                self._refuse(batch[0], error)
                return
            half = len(batch) // 2
            yield from self._register(batch[:half])
            yield from self._register(batch[half:])
            return
        receipts.require(self._person, [member.submission for member in batch], answers)
        self.sent += [member.number for member in batch]
        yield from answers

    def _hold_back(self, waiting: Waiting) -> bool:
        """Whether it depends on what was refused; then that is noted."""
        named = [self._absent[item] for item in references(waiting.event) if item in self._absent]
        behind = self._stopped.get(waiting.subject) or next(iter(named), 0)
        if behind:
            why = f"it depends on statement {behind}, which was refused"
            self._stay(
                waiting,
                behind,
                why=why,
                hint="settle that one first: it is told above",
                behind=behind,
            )
        return bool(behind)

    def _refuse(self, waiting: Waiting, error: CustodyError) -> None:
        ways = (_DAMAGED if isinstance(error, _DamagedError) else _WAYS).format(waiting.number)
        hint = f"{error.hint}; then {ways}" if error.hint else ways
        self._stay(waiting, waiting.number, why=error.message, hint=hint, behind=0)

    def _stay(self, waiting: Waiting, cause: int, **said: Any) -> None:
        self._stopped.setdefault(waiting.subject, cause)
        if waiting.opens:
            self._absent.setdefault(waiting.subject, cause)
        self._queue.change(waiting, **said)

    def _current(self, waiting: Waiting) -> Waiting:
        """The statement, or one in its place that the node can take."""
        place = self._places.get(waiting.subject)
        if place is None:
            place = self._places[waiting.subject] = self._begin(waiting.subject)
        statement = waiting.statement
        if statement.digest.hex() in place.known:
            return waiting
        fits = (statement.claims.seq, statement.claims.prev) == (place.seq, place.head)
        retry = self._anew and bool(waiting.why) and not waiting.behind
        if (
            self._is_mine(waiting)
            and (waiting.opens == (place.head is None))
            and not (fits and self._is_newest(waiting) and not retry)
        ):
            waiting = self._queue.sign_anew(waiting, self._sign(waiting, place))
        place.seq, place.head = waiting.statement.claims.seq + 1, waiting.statement.digest
        return waiting

    def _begin(self, evidence: str) -> _Place:
        """Where the first statement that waits about an item goes. The node is asked only where it
        may know the item already.
        """
        waiting = self._queue.of(evidence)
        if waiting[0].opens and all(
            self._is_newest(pending) and not pending.why for pending in waiting
        ):
            return _Place(0, None)
        try:
            events = list(self._node.events(evidence))
        except NotFoundError:
            events = []
        if not events:
            return _Place(0, None)
        head = bytes.fromhex(events[-1].statement)
        return _Place(events[-1].seq + 1, head, frozenset(event.statement for event in events))

    def _is_newest(self, waiting: Waiting) -> bool:
        return waiting.statement.certificate == self._person.certificate.digest

    def _is_mine(self, waiting: Waiting) -> bool:
        """Whether the same person signed it with the same key, under whichever certificate."""
        signer, own = certificates.parse(waiting.statement.chain[0]), self._person.certificate
        return signer.subject == own.subject and signer.key == own.key

    def _sign(self, waiting: Waiting, place: _Place) -> dict[str, Any]:
        value = waiting.event.value
        members: dict[str, Any] = {str(name): value[name] for name in _MEMBERS if name in value}
        members.setdefault("occurred", {"from": value["time"]})
        members.setdefault("late", _LATE)
        signed = sign_event(
            self._person,
            waiting.event.type,
            _renamed(waiting.event.body, self._queue.renamed),
            evidence=waiting.subject,
            seq=place.seq,
            prev=place.head,
            time=self._clock.now(),
            members=members,
            sealed_keys=[
                grants.parse(from_b64url(grant, what="grant"))
                for grant in waiting.submission["grants"]
            ],
        )
        return signed.submission

    def _send_blocks(self, waiting: Waiting) -> None:
        if not waiting.has_content:
            return
        with _reading():
            every = list(
                dag.every(self._blocks, cids.from_text(waiting.event.body["content"]["cid"]))
            )
        for at in range(0, len(every), 1000):
            lacking = self._node.missing(every[at : at + 1000])
            for first in range(0, len(lacking), _SEGMENT):
                with _reading():
                    blocks = [
                        Block(cid, self._blocks.get(cid))
                        for cid in lacking[first : first + _SEGMENT]
                    ]
                self._node.put_blocks(blocks)


@contextmanager
def _reading() -> Iterator[None]:
    """Turn errors of reading the copy on this computer into _DamagedError: they are of the same
    classes as the node's refusals, and must not be taken for one.
    """
    try:
        yield
    except (NotFoundError, UnreadableError, VerificationError) as error:
        raise _DamagedError(
            f"the sealed copy in this folder is damaged: {error.message}"
        ) from error


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """A body that names what was signed anew by its new digest."""
    if isinstance(value, dict):
        return {name: _renamed(member, names) for name, member in value.items()}
    if isinstance(value, list):
        return [_renamed(member, names) for member in value]
    while isinstance(value, str) and value in names:
        value = names[value]
    return value
