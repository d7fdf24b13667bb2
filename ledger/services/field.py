"""A node that is not there: what is signed without network waits here, sealed and in order, until the real node can be reached.

Statements lie in journals under the person's own key, ciphertext in a block store beside them. Sending may be interrupted and
repeated: a node registers the same statement once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol

from ledger.domain import cid as cids
from ledger.domain import statement as statements
from ledger.domain.clientports import Journal
from ledger.domain.encoding import format_time, from_b64url
from ledger.domain.errors import ConflictError, NotFoundError, UsageError
from ledger.domain.event import document as documents
from ledger.domain.storage import NodeStore
from ledger.domain.unixfs import Block
from ledger.services import dag

#: What can be signed without knowing anything of the node: no reading, no handing over, nothing that others decide upon.
TYPES: Final = frozenset(
    {
        *("collected", "acquired", "derived", "gathered", "identified", "moved", "dispatched", "released", "received"),
        *("sealed", "unsealed", "analysed", "corrected", "incident", "restricted", "note"),
    }
)
_BATCH: Final = 64
_SEGMENT: Final = 4
_OFFLINE: Final = "this needs the node: custody field send, once there is a network"


class Sender(Protocol):
    """What sending asks of the real node; see NodeClient."""

    def missing(self, wanted: Sequence[bytes]) -> list[bytes]: ...
    def put_blocks(self, blocks: Sequence[Block]) -> None: ...
    def register(self, submissions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]: ...


class FieldNode:
    """See clientports.NodeApi; what only the node knows is refused with a hint.

    Args:
        about: what the node said of itself while there was a network.
        blocks, journal: where ciphertext and statements wait.
    """

    def __init__(self, about: dict[str, Any], blocks: NodeStore, journal: Journal) -> None:
        self._about = about
        self._blocks = blocks
        self._journal = journal
        self._queue: list[dict[str, Any]] = journal.leftovers()

    def __len__(self) -> int:
        """Statements that wait."""
        return len(self._queue)

    def agency(self) -> dict[str, Any]:
        """Who the node is, as it said when it could be reached."""
        return self._about

    def missing(self, wanted: Sequence[bytes]) -> list[bytes]:
        """See clientports.NodeApi."""
        return self._blocks.missing(wanted)

    def put_blocks(self, blocks: Sequence[Block]) -> None:
        """See clientports.NodeApi."""
        self._blocks.put(blocks)

    def duplicates(self, _: str) -> list[str]:
        """Nobody knows here."""
        return []

    def register(self, submissions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Queue signed statements, all or none; durable when it returns. ``index`` is the place in the queue. A repeat is queued once.

        Raises:
            UsageError: of a type that needs the node. ConflictError: another event waits at the same place of the item.
            StorageError: the disk refused.
        """
        answers, fresh = [], list[dict[str, Any]]()
        places = {(one.claims.subject, one.claims.seq): (number, one) for number, one in enumerate(self._statements())}
        for one in submissions:
            statement = statements.parse(from_b64url(one["statement"], what="statement"))
            event = documents.parse(from_b64url(one["document"], what="document"), one["disclosures"])
            if event.type not in TYPES:
                raise UsageError(f"{event.type!r} cannot be recorded without network", hint=_OFFLINE)
            place = (statement.claims.subject, statement.claims.seq)
            number, known = places.get(place, (len(self._queue) + len(fresh), statement))
            if known.payload != statement.payload:
                raise ConflictError(f"another event already waits at seq {place[1]} of this item", hint="see: custody field status")
            if place not in places:
                places[place] = number, statement
                fresh.append(dict(one))
            answers.append(
                {
                    "evidence": statement.claims.subject,
                    "statement": known.digest.hex(),
                    "index": number,
                    "state": "queued",
                    "duplicates": [],
                }
            )
        for one in fresh:
            self._journal.append(one)
        self._journal.sync()
        self._queue += fresh
        return answers

    def item(self, evidence: str) -> dict[str, Any]:
        """Where an item that was begun here stands.

        Raises:
            NotFoundError: it was not begun here: what happened to it meanwhile is known to the node alone.
        """
        found = [one for one in self._statements() if one.claims.subject == evidence]
        if not found:
            raise NotFoundError("this item was not begun in this folder without network", hint=_OFFLINE)
        last = found[-1]
        time = format_time(last.claims.time)
        return {"evidence": evidence, "events": last.claims.seq + 1, "head": last.digest.hex(), "time": time, "offer": None}

    def events(self, evidence: str) -> Iterator[dict[str, Any]]:
        """The queued events of an item."""
        for index, one in enumerate(self._statements()):
            if one.claims.subject == evidence:
                yield {"seq": one.claims.seq, "statement": one.digest.hex(), "index": index}

    def status(self, **_: bool) -> dict[str, Any]:
        """How much waits."""
        return {"integrated": len(self._queue), "final": 0, "queued": len(self._queue), "storedBytes": self._blocks.size()}

    def _statements(self) -> list[statements.Statement]:
        return [statements.parse(from_b64url(one["statement"], what="statement")) for one in self._queue]

    def send(self, node: Sender) -> Iterator[dict[str, Any]]:
        """Register what waits, in order, with its blocks before it; the node's answers. All is kept until the last was acknowledged.

        Raises:
            NetworkError: it broke off; send again. RuleError, ...: as the node judged; nothing behind it was sent.
        """
        for start in range(0, len(self._queue), _BATCH):
            batch = self._queue[start : start + _BATCH]
            for one in batch:
                self._send_blocks(node, one)
            yield from node.register(batch)
        self._journal.finish()
        self._queue = []
        self._blocks.discard(list(self._blocks.cids()), kept=())

    def _send_blocks(self, node: Sender, submission: dict[str, Any]) -> None:
        body = documents.parse(from_b64url(submission["document"], what="document"), submission["disclosures"]).body
        if "content" not in body:
            return
        every = list(dag.every(self._blocks, cids.from_text(body["content"]["cid"])))
        for at in range(0, len(every), 1000):
            lacking = node.missing(every[at : at + 1000])
            for first in range(0, len(lacking), _SEGMENT):
                node.put_blocks([Block(cid, self._blocks.get(cid)) for cid in lacking[first : first + _SEGMENT]])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> Any:
            raise UsageError("that cannot be done without network", hint=_OFFLINE)

        return refuse
