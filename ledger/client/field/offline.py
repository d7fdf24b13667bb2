"""A node that is not there: what is signed without network waits here, sealed and in order, until
the real node can be reached.

Statements lie in journals under the person's own key, ciphertext in a block store beside them. What
can be judged of an item that was begun here is judged before a statement is queued, by the node's
own rules; see delivery for the sending.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from ledger.client.field.offline_delivery import Delivery, Receiver
from ledger.client.field.offline_queue import Queue, Told, Waiting
from ledger.domain.blocks import dag
from ledger.domain.blocks.store import NodeStore
from ledger.domain.codecs.text import format_time, parse_time
from ledger.domain.errors import (
    ConflictError,
    NotFoundError,
    RuleError,
    UnreadableError,
    UsageError,
    VerificationError,
)
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.event.signing import Person
from ledger.domain.identity.roles import ROLES_BY_TYPE
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from ledger.domain.item import custody_transitions, history_rules
from ledger.domain.item.custody_transitions import ItemState
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.recorded_event import RecordedEvent
from ledger.domain.ports.answers import (
    BorneNumber,
    Item,
    LoggedEvent,
    Opening,
    Queued,
    Registered,
)
from ledger.domain.ports.client import Journal
from ledger.domain.ports.node_and_chain import Clock
from ledger.domain.ports.node_answers import About, Backlog

#: What can be signed without knowing anything of the node: no reading, no handing over, nothing
#: that others decide upon.
TYPES: Final = frozenset(
    {
        *(
            "collected",
            "acquired",
            "derived",
            "gathered",
            "identified",
            "moved",
            "dispatched",
            "released",
            "received",
        ),
        *("sealed", "unsealed", "analysed", "corrected", "incident", "restricted", "note"),
    }
)
_OFFLINE: Final = "this needs the node: custody field send, once there is a network"


class FieldNode:
    """See clientports.NodeApi; what only the node knows is refused with a hint.

    Args:
        about: what the node said of itself while there was a network.
        blocks, journal: where ciphertext and statements wait.
    """

    def __init__(self, about: About, blocks: NodeStore, journal: Journal) -> None:
        self._about = about
        self._blocks = blocks
        self._queue = Queue(journal)

    def __len__(self) -> int:
        """Statements that wait."""
        return len(self._queue)

    def agency(self) -> About:
        """Who the node is, as it said when it could be reached."""
        return self._about

    def missing(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See clientports.NodeApi."""
        return self._blocks.missing(wanted)

    def put_blocks(self, blocks: Sequence[Block]) -> None:
        """See clientports.NodeApi."""
        self._blocks.put(blocks)

    def recorded(self, _: Sequence[str], __: Sequence[str] = ()) -> list[Opening]:
        """Nobody knows here."""
        return []

    def numbers(self, _: str, __: Sequence[str]) -> dict[str, BorneNumber]:
        """Nobody knows here; the node reports it when it is sent."""
        return {}

    def register(self, submissions: Sequence[dict[str, Any]]) -> list[Queued]:
        """Queue signed statements, all or none; durable when it returns. ``index`` is the number in
        the queue. A repeat is queued once.

        Raises:
            UsageError: of a type that needs the node. ConflictError: another event waits at the
                same place of the item.
            RuleError, DeniedError: the node would refuse it, as far as the item is known here.
                StorageError: the disk refused.
        """
        answers, fresh = [], list[Waiting]()
        places = {
            (waiting_item.subject, waiting_item.statement.claims.seq): waiting_item
            for waiting_item in self._queue
        }
        standings: dict[str, _Standing] = {}
        for submission in submissions:
            one = self._queue.next(submission, len(fresh))
            if one.event.type not in TYPES:
                raise UsageError(
                    f"{one.event.type!r} cannot be recorded without network", hint=_OFFLINE
                )
            place = (one.subject, one.statement.claims.seq)
            known = places.setdefault(place, one)
            if known.statement.payload != one.statement.payload:
                raise ConflictError(
                    f"another event already waits at seq {place[1]} of this item",
                    hint="see: custody field status",
                )
            if known is one:
                if one.subject not in standings:
                    before = self._queue.of(one.subject)
                    standings[one.subject] = _Standing(self._about.agency, before)
                standings[one.subject].require_allowed(one)
                fresh.append(one)
            answers.append(Queued(one.subject, known.statement.digest.hex(), known.number))
        self._queue.add(fresh)
        return answers

    def item(self, evidence: str) -> Item:
        """Where an item that was begun here stands.

        Raises:
            NotFoundError: it was not begun here: what happened to it meanwhile is known to the node
                alone.
        """
        found = self._queue.of(evidence)
        if not found:
            raise NotFoundError(
                "this item was not begun in this folder without network", hint=_OFFLINE
            )
        last, agency = found[-1].statement, self._about.agency
        return Item(
            evidence,
            opening=found[0].statement.digest.hex(),
            recorded=format_time(found[0].statement.claims.time),
            opener=found[0].event.value["actor"]["id"],
            kind="thing" if found[0].event.content is None else "file",
            origin=agency,
            custodian=agency,
            events=last.claims.seq + 1,
            head=last.digest.hex(),
            time=format_time(last.claims.time),
            closed=False,
            erased=False,
            holder=found[0].event.value["actor"]["id"],
            offer=None,
            cid=None,
            index=found[-1].number,
            state="queued",
            replicas=(),
            parts=None,
        )

    def find(
        self, *, beginning: str = "", among: Sequence[str] = (), **others: Any
    ) -> Iterator[Item]:
        """Items that were begun here: those with this beginning of their id, or of the digest of
        the statement that opened them, or those among some.

        Raises:
            UsageError: others are wanted, which the node alone knows.
        """
        if others or not (beginning or among):
            raise _needs_node()
        for one in self._queue:
            digest, item = one.statement.digest.hex(), one.subject.removeprefix("urn:uuid:")
            named = beginning and (digest.startswith(beginning) or item.startswith(beginning))
            if one.statement.claims.seq == 0 and (named or one.subject in among):
                yield self.item(one.subject)

    def events(self, evidence: str) -> Iterator[LoggedEvent]:
        """The queued events of an item."""
        for waiting_item in self._queue.of(evidence):
            claims = waiting_item.statement.claims
            yield LoggedEvent(
                claims.seq,
                claims.effect,
                format_time(claims.time),
                claims.issuer,
                waiting_item.statement.digest.hex(),
                waiting_item.number,
                state="queued",
                provenTime=None,
                void=False,
                looked=(),
            )

    def rehearse(self, evidence: str, document: bytes, disclosures: Sequence[str]) -> None:
        """As a node answers, for an item that was begun here.

        Raises:
            RuleError, DeniedError: the node would refuse it.
        """
        event = documents.parse(document, disclosures)
        _Standing(self._about.agency, self._queue.of(evidence)).rehearse(event)

    def status(self, **_: bool) -> Backlog:
        """How much waits."""
        return Backlog(len(self), self._blocks.size())

    def waiting(self) -> list[Told]:
        """Everything that waits, with what the last try said of it."""
        return [waiting_item.told() for waiting_item in self._queue]

    def refused(self) -> list[Told]:
        """What the last try left behind, and why."""
        return [pending for pending in self.waiting() if pending.why]

    def not_permitted(self, person: Person) -> list[str]:
        """Types of statements that wait, and that none of a person's roles may record any more."""
        allowed = ROLES_BY_TYPE
        return sorted(
            {
                waiting_item.event.type
                for waiting_item in self._queue
                if not allowed[waiting_item.event.type] & person.certificate.roles
            }
        )

    def send(
        self, node: Receiver, person: Person, clock: Clock, *, anew: bool = False
    ) -> Iterator[Registered]:
        """Send all that can be sent, in order; the node's answers. What it refused stays, with the
        reason: see ``refused``.

        Args:
            anew: sign anew what was refused before.

        Raises:
            NetworkError: it broke off; send again. StorageError: the disk refused; likewise.
        """
        delivery = Delivery(self._queue, self._blocks, node, person, clock, anew=anew)
        yield from delivery.run()
        self._queue.remove(delivery.sent)
        self._clear()

    def drop(self, name: str, person: Person, *, force: bool = False) -> list[Told]:
        """Give up a refused statement; with an opening all that waits about its item. What was
        given up.

        Args:
            name: its number or digest.
            force: also where that is more than this one statement, or the only sealed copy of a
                content.

        Raises:
            NotFoundError: nothing waits under that name. UsageError: it was not refused, somebody
                else signed it, or more would be lost than this statement.
        """
        waiting_item = self._queue.find(name)
        if waiting_item.event.value["actor"]["id"] != person.certificate.pseudonym:
            raise UsageError(
                "somebody else signed that statement",
                hint="let whoever signed it give it up, by their own keys",
            )
        if not waiting_item.why:
            raise UsageError(
                f"statement {waiting_item.number} was not refused, it only waits",
                hint="send it: custody field send",
            )
        lost = self._queue.of(waiting_item.subject) if waiting_item.opens else [waiting_item]
        if waiting_item.opens and not force:
            raise UsageError(
                _loss(lost),
                hint=f"to give that up for good: custody field drop {waiting_item.number} --force",
            )
        self._queue.remove([each.number for each in lost])
        self._clear()
        return [each.told() for each in lost]

    def _clear(self) -> None:
        """Discard the ciphertext of everything that waits no more."""
        waiting = [
            cids.from_text(waiting_item.event.body["content"]["cid"])
            for waiting_item in self._queue
            if waiting_item.has_content
        ]
        try:
            kept = {cid for root in waiting for cid in dag.every(self._blocks, root)}
        except (NotFoundError, UnreadableError, VerificationError):
            # what a damaged copy still needs is not known: that is told where it is sent, and this
            # can wait
            return
        self._blocks.discard(list(self._blocks.cids()), kept=kept)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> Any:
            raise _needs_node()

        return refuse


def _needs_node() -> UsageError:
    return UsageError("that cannot be done without network", hint=_OFFLINE)


def _loss(lost: list[Waiting]) -> str:
    """What giving up an opening takes with it."""
    parts = [f"{missing.number} ({missing.event.type})" for missing in lost]
    copy = next((missing for missing in lost if missing.has_content), None)
    told = (
        f"the item {lost[0].subject} would be lost with all that waits about it: {', '.join(parts)}"
    )
    return (
        told
        if copy is None
        else (
            f"{told}; with it the only sealed copy of "
            f"{copy.event.body.get('name', 'its content')!r}"
        )
    )


class _Standing:
    """Where an item that was begun here stands, by the node's own rules; an item of which the
    beginning was sent is not judged here.
    """

    def __init__(self, agency: str, before: list[Waiting]) -> None:
        self._agency = agency
        self._state: ItemState | None = None
        self._life = ItemHistory()
        self._whole = True
        for earlier in before:
            try:
                self._take(earlier)
            except RuleError:  # what was sent or given up meanwhile lies between
                self._whole = False

    def require_allowed(self, waiting: Waiting) -> None:
        """Judge the next event, and take it into account.

        Raises:
            RuleError, DeniedError: the node would refuse it.
        """
        if not self._whole:
            return
        if self._state is not None:
            history_rules.require_allowed(self._life, _told(waiting), waiting.statement.claims.time)
        self._take(waiting)

    def rehearse(self, event: Event) -> None:
        """Judge an event that nobody signed yet, and forget it again.

        Raises:
            RuleError, DeniedError: the node would refuse it.
        """
        if self._whole:
            time = parse_time(event.value["time"], what="time")
            history_rules.require_allowed(
                self._life, RecordedEvent(bytes(32), event), time, rehearsed=True
            )

    def _take(self, waiting: Waiting) -> None:
        statement = waiting.statement
        self._state = custody_transitions.advance(
            self._state,
            statement.claims,
            statement.digest,
            log_agency=self._agency,
            event=waiting.event,
        )
        self._life.take(_told(waiting))


def _told(waiting: Waiting) -> RecordedEvent:
    return RecordedEvent(waiting.statement.digest, waiting.event)
