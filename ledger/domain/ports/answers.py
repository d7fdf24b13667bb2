"""What a node answers to its people about items: one class for each answer, and the shape in which
it is taken.

A class is its own shape (`ledger/domain/untrusted/shapes.py`): an answer that lacks a member, or
has one of another form, becomes no value of it. Members are named and ordered as in the API's
bodies (`api/schemas*.py`, which the client may not import), so that `--json` prints an answer as it
came. Times are text as documents write it, bytes are base64url, digests hex.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from ledger.domain.untrusted.shapes import COUNT, MOMENT

DIGEST: Final = re.compile(r"[0-9a-f]{64}")
EVIDENCE: Final = re.compile(r"urn:(?:uuid|custody:case):[0-9a-f-]{36}")
OPENING: Final = re.compile(r"([0-9a-f]{64})?")
BYTES: Final = re.compile(r"[A-Za-z0-9_-]*")
AGENCY: Final = re.compile(r"[A-Z]{2}-[A-Z0-9](?:[A-Z0-9-]{0,30}[A-Z0-9])?")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
Digest = Annotated[str, DIGEST]
Evidence = Annotated[str, EVIDENCE]
Bytes = Annotated[str, BYTES]
Agency = Annotated[str, AGENCY]
Time = Annotated[str, _TIME]
Count = Annotated[int, COUNT]
Moment = Annotated[int, MOMENT]


@dataclass(frozen=True, slots=True)
class Registered:
    """Where a statement is in the log; ``repeated``: it was there before; ``duplicates``: items
    with the same content; ``sameNumber``: items that bear its exhibit number as well.
    """

    evidence: Evidence
    statement: Digest
    index: Count
    receipt: Bytes
    repeated: bool
    state: str
    duplicates: tuple[Evidence, ...]
    sameNumber: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Queued:
    """A statement that waits without network; ``index`` is its number in the queue."""

    evidence: str
    statement: str
    index: int
    state: str = "queued"
    duplicates: tuple[str, ...] = ()
    sameNumber: tuple[str, ...] = ()


#: What became of a statement that was sent, or left to be sent.
Recorded = Registered | Queued


@dataclass(frozen=True, slots=True)
class Replica:
    """An item at one IPFS node: wanted, pinned, damaged or released; ``proof``: when it was last
    known good there; ``reads``: how often it was read again.
    """

    node: str
    state: str
    proof: Time | None
    reads: Count
    problem: str


@dataclass(frozen=True, slots=True)
class OpenOffer:
    """To which agency an item is on offer, to whom in it, and until when."""

    agency: Agency
    person: str | None
    expires: Time | None


@dataclass(frozen=True, slots=True)
class Item:
    """What a node keeps in clear about an item. ``opening``: digest of the statement that opened it
    (empty where the node lost it), signed at ``recorded``, here by ``opener``; ``kind``: file,
    thing, derived, copy or part; ``events``: how many; ``head``: digest of the last
    statement, made at ``time``; ``index``: of its entry; ``parts``: which the caller has in it,
    None in lists.
    """

    evidence: Evidence
    opening: Annotated[str, OPENING]
    recorded: Time | None
    opener: str
    kind: str
    origin: Agency
    custodian: Agency
    events: Count
    head: Digest
    time: Time
    closed: bool
    erased: bool
    holder: str
    offer: OpenOffer | None
    cid: str | None
    index: Count
    state: str
    replicas: tuple[Replica, ...]
    parts: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Look:
    """Who looked at an item on offer before answering: at its record or its content, and when."""

    person: str
    what: str
    time: Time


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """What the log shows of an event in clear; ``provenTime``: by when it was on the chain;
    ``void``: the other side of a handover was first.
    """

    seq: Count
    effect: str
    time: Time
    agency: Agency
    statement: Digest
    index: Count
    state: str
    provenTime: Time | None
    void: bool
    looked: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed of an event: its log entry, the certificate of its signer, the document
    (None where it was destroyed) and the disclosures that complete it.
    """

    entry: Bytes
    certificate: Bytes
    document: Bytes | None
    disclosures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordedDocument:
    """An event of a record: its document, completed (None where it was destroyed), and what was
    signed; of an offer also who looked before answering it.
    """

    seq: Count
    statement: Digest
    document: dict[str, Any] | None
    signed: Signed
    looked: tuple[Look, ...] | None

    @property
    def type(self) -> str:
        """The event type; empty where the document was destroyed."""
        return str(self.document["type"]) if self.document is not None else ""

    @property
    def body(self) -> dict[str, Any]:
        """The body of the document; empty where it was destroyed."""
        return dict(self.document["body"]) if self.document is not None else {}


def documents_of(events: Iterable[RecordedDocument]) -> dict[str, dict[str, Any]]:
    """The documents of events that were not destroyed, in their order, by their statement digests
    in hex.
    """
    return {one.statement: one.document for one in events if one.document is not None}


@dataclass(frozen=True, slots=True)
class Opening:
    """The opening of an item that the caller recorded before, and the receipt of its entry."""

    evidence: Evidence
    opening: RecordedDocument
    receipt: Bytes


@dataclass(frozen=True, slots=True)
class BorneNumber:
    """An exhibit number, and the agency's items of the case that bear it; ``meant``: those of them,
    and of what other agencies gave, that are no part of another one, and that none replaced.
    """

    exhibit: str
    evidence: tuple[Evidence, ...]
    meant: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds for an item after its documents: holds and seals by name, handling, conditions on
    onward use, until when it must be kept, who was handed it.
    """

    holds: tuple[str, ...]
    seals: tuple[str, ...]
    handling: tuple[str, ...]
    conditions: tuple[str, ...]
    keepUntil: str | None
    handedOutTo: str


@dataclass(frozen=True, slots=True)
class Readable:
    """Something would follow an access: whether there is content, and hashes of the keys that it is
    sealed to for the caller.
    """

    content: bool
    keys: tuple[Digest, ...]


@dataclass(frozen=True, slots=True)
class Handover:
    """A handover under way, to ``person`` inside the agency where one is named; ``offer``: digest
    of its statement.
    """

    evidence: Evidence
    giver: Agency
    taker: Agency
    person: str | None
    offer: Digest
    expires: Time | None
    state: str
    looked: tuple[Look, ...]


@dataclass(frozen=True, slots=True)
class Coming:
    """Ciphertext on its way from other agencies: bytes that came, of how many."""

    done: Count
    size: Count


@dataclass(frozen=True, slots=True)
class ExchangeRound:
    """What a round of exchange did: items that came in, handovers that ended, problems by agency or
    item.
    """

    received: tuple[str, ...]
    settled: tuple[str, ...]
    problems: dict[str, str]
    coming: Coming
    handovers: tuple[Handover, ...]


@dataclass(frozen=True, slots=True)
class Exchanged:
    """An open handover between an agency and us, as its node lists it for ours; ``expires`` in
    seconds.
    """

    evidence: Evidence
    giver: Agency
    taker: Agency
    offer: Digest
    expires: Moment
    state: str


@dataclass(frozen=True, slots=True)
class DisposalNote:
    """An item that an agency held before and that was disposed of, as the custodian's node tells
    it: the statement that disposed of it, and where its record stands in which log.
    """

    evidence: Evidence
    disposal: Digest
    log: Digest
    events: Count
    head: Digest
    time: Moment


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy from one agency to another, by the statement that disclosed it; ``taken``: the
    recipient's own item, once they told.
    """

    giver: Agency
    recipient: Agency
    evidence: Evidence
    statement: Digest
    until: Time
    taken: str


@dataclass(frozen=True, slots=True)
class CopyRecord:
    """What came with a copy: the documents that opened the original and that disclosed it, the
    events from the one to the other, and the content keys for custodians.
    """

    events: tuple[RecordedDocument, ...]
    opening: dict[str, Any]
    disclosed: dict[str, Any]
    grants: tuple[Bytes, ...]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An agency signed that it destroyed its keys."""

    agency: Agency
    statement: Digest
    time: Time


@dataclass(frozen=True, slots=True)
class Disposal:
    """What became of an item that was disposed of. ``expected``: agencies that held it and must
    confirm; ``pins``: how many IPFS nodes have its ciphertext, ``pinnedAt``: which; ``mayKeep``:
    IPFS nodes that nobody asks any more, which may; ``stored``: the node's disk has some.
    """

    evidence: Evidence
    agency: Agency
    statement: Digest
    disposed: Time
    destroyed: Count
    backupsExpire: Time | None
    confirmed: tuple[Confirmation, ...]
    expected: tuple[str, ...]
    pins: Count
    pinnedAt: tuple[str, ...]
    mayKeep: tuple[str, ...]
    stored: bool
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """``child`` came from ``parent``: derived, copy or part."""

    parent: str
    child: str
    kind: str


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where an item came from and what came from it, and who holds or may fetch copies."""

    links: tuple[Link, ...]
    copies: tuple[Copy, ...]


@dataclass(frozen=True, slots=True)
class Fixity:
    """What reading an item again at one IPFS node found; ``unread``: of how many bad blocks what
    lies below could not be read either. Not complete: call again.
    """

    node: str
    result: str
    blocks: Count
    bad: dict[str, Count]
    repaired: Count
    unread: Count
    complete: bool
