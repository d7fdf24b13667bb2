"""The person's side of reading: a signed access first, then details, content or a bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ledger.client import receipts
from ledger.client.reading import whole_record
from ledger.domain.codecs.digests import MultiDigest
from ledger.domain.codecs.text import evidence_bytes, parse_time
from ledger.domain.crypto import content_encryption, grants
from ledger.domain.crypto.content_encryption import PIECE, TAG, Pieces
from ledger.domain.errors import DeniedError, NotFoundError, VerificationError
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.event.document import Event
from ledger.domain.event.signing import Person, draft_event, sign_event
from ledger.domain.identity.roles import counting_roles
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld import unixfs
from ledger.domain.item.jurisdiction_profile import Demands
from ledger.domain.item.participation import Part, acting_roles
from ledger.domain.ports.answers import Item, Readable, Recorded, RecordedDocument, Standing
from ledger.domain.ports.node_and_chain import Clock
from ledger.domain.ports.node_answers import About

_RANGE_PIECES: Final = 4  # pieces a request: 4 MiB
_RANGE: Final = _RANGE_PIECES * unixfs.LEAF


class ReaderApi(Protocol):
    """What reading asks of a node; see NodeClient."""

    def agency(self) -> About: ...
    def item(self, evidence: str) -> Item: ...
    def readable(self, evidence: str, mode: str, *, pausing: bool = False) -> Readable: ...
    def rehearse(self, evidence: str, document: bytes, disclosures: Sequence[str]) -> None: ...
    def register(self, submissions: Sequence[dict[str, Any]]) -> Sequence[Recorded]: ...
    def details(self, evidence: str, access: str) -> list[RecordedDocument]: ...
    def record(self, evidence: str, access: str) -> tuple[list[RecordedDocument], Standing]: ...
    def grants(self, evidence: str, access: str) -> list[bytes]: ...
    def content(self, evidence: str, access: str, start: int, end: int) -> bytes: ...


class Sink(Protocol):
    """Where content goes: a file, or whatever stands before one."""

    def write(self, data: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class Opened:
    """What was recorded about the content, and what was found in it."""

    name: str
    size: int
    digests: dict[str, str]


def record(
    node: ReaderApi,
    person: Person,
    clock: Clock,
    evidence: str,
    event_type: str,
    body: dict[str, Any],
    members: dict[str, Any] | None = None,
    sealed_keys: Sequence[grants.Grant] = (),
    *,
    read: Sequence[RecordedDocument] = (),
    item: Item | None = None,
) -> Recorded:
    """Sign the next event of an item and register it, with the keys that it releases; the node's
    answer.

    Where the item's last event is dated a little ahead of the clock here, the new event gets the
    same time. An event may not be dated before the one that it follows: without this, somebody
    whose clock is fast would keep all others from recording.

    Args:
        read: the record by which the person decided to sign.
        item: as the node just told it; None to ask.

    Raises:
        VerificationError: the node shows the item as it was before that record, and nothing was
            signed; or it answers with no receipt of its log for what was. RuleError: a decision
            would be signed behind events that the person has not read.
            DemandError: it lacks what the agency's profile asks for.
    """
    item, time = item or node.item(evidence), clock.now()
    whole_record.require_followed(item, read, event_type)
    last = parse_time(item.time, what="time")
    options: dict[str, Any] = {
        "evidence": evidence,
        "seq": item.events,
        "prev": bytes.fromhex(item.head),
        "time": last if time < last <= time + AHEAD else time,
        "members": members,
        "role": _acting_role(person, item, event_type),
    }
    _require_demanded(node, draft_event(person, event_type, body, **options))
    signed = sign_event(person, event_type, body, sealed_keys=list(sealed_keys), **options)
    answers = node.register([signed.submission])
    receipts.require(person, [signed.submission], answers)
    return answers[0]


def _acting_role(person: Person, item: Item, event_type: str) -> str:
    """The role by which the person takes part in the item, as far as the node says which parts they
    have; else empty, and the node judges.
    """
    named = set(item.parts or ())
    certificate = person.certificate
    held = counting_roles(certificate.roles, guest=certificate.agency != person.descriptor.agency)
    parts = {part for part in Part if part.name.lower() in named}
    may = acting_roles(event_type, parts, held)
    return person.role_for(event_type, may) if may else ""


def rehearse(
    node: ReaderApi,
    person: Person,
    clock: Clock,
    evidence: str,
    event_type: str,
    body: dict[str, Any],
    members: dict[str, Any] | None = None,
    *,
    profile_alone: bool = False,
) -> Item:
    """Draft an event without what its author has yet to read in the record, and check by the
    agency's profile and at the node that it could follow: an access that is signed first, in order
    to read it, would otherwise be for nothing. ``profile_alone``: where the node does not say.

    Returns:
        the item, as the node told it for that.

    Raises:
        UsageError: it would be malformed. DeniedError: no role of this person may record it.
            DemandError: with all that it lacks. RuleError: why it may not follow.
    """
    item = node.item(evidence)
    draft = draft_event(
        person,
        event_type,
        body,
        evidence=evidence,
        seq=1,
        prev=bytes(32),
        time=clock.now(),
        members=members,
        role=_acting_role(person, item, event_type),
    )
    _require_demanded(node, draft)
    if not profile_alone:
        node.rehearse(evidence, draft.raw, [disclosure.encoded for disclosure in draft.disclosures])
    return item


def require_key(
    node: ReaderApi, person: Person, evidence: str, mode: str, *, pausing: bool = False
) -> bool:
    """Whether an item has content, which the person can open if they want a copy of it;
    ``pausing``: once its open offer is taken back.

    Raises:
        DeniedError: they have no key to it. RuleError: nothing could follow.
    """
    readable = node.readable(evidence, mode, pausing=pausing)
    if (
        mode == "copy"
        and readable.content
        and not any(person.has_key(bytes.fromhex(key)) for key in readable.keys)
    ):
        raise _without_key(person, evidence)
    return readable.content


def _require_demanded(node: ReaderApi, draft: Event) -> None:
    Demands.from_json((about := node.agency()).profile, about.demands).require_met(draft)


def record_access(
    node: ReaderApi,
    person: Person,
    clock: Clock,
    evidence: str,
    *,
    mode: str,
    basis: dict[str, Any],
    item: Item | None = None,
) -> str:
    """Sign an `accessed` event, once it is known that something can follow it; returns its digest,
    which opens what it covers.

    Args:
        item: see record.

    Raises:
        DeniedError, RuleError: nothing could follow, so nothing was signed.
    """
    require_key(node, person, evidence, mode)
    answer = record(
        node, person, clock, evidence, "accessed", {"mode": mode}, {"basis": basis}, item=item
    )
    return answer.statement


def content_record(events: Sequence[RecordedDocument]) -> dict[str, Any]:
    """What the event that opened an item says of its content.

    Raises:
        NotFoundError: it has none, or its record was destroyed.
    """
    body = events[0].body
    if "content" not in body:
        raise NotFoundError("this item has no content, or its record was destroyed")
    return body


def fetch(
    node: ReaderApi,
    person: Person,
    evidence: str,
    access: str,
    out: Sink | None,
    progress: Callable[[int], None] = lambda count: None,
    *,
    recorded: dict[str, Any] | None = None,
) -> Opened:
    """Fetch, check and decrypt the content into ``out``, in constant memory.

    Checks in this order: key against commitment, pieces, ciphertext CID, padding, size, digests.

    Args:
        recorded: what ``content_record`` gave, for whoever signs what was compared with it: a node
            that is asked twice may answer twice.

    Raises:
        VerificationError: any of them differs; what was written to ``out`` must then be thrown
            away.
        DeniedError: no content key was granted to this person.
    """
    body = content_record(node.details(evidence, access)) if recorded is None else recorded
    key = content_key(person, evidence, body, node.grants(evidence, access))
    return decrypt(
        lambda start, end: node.content(evidence, access, start, end),
        key,
        evidence,
        body,
        out,
        progress,
    )


def decrypt(
    read: Callable[[int, int], bytes],
    key: bytes,
    evidence: str,
    body: dict[str, Any],
    out: Sink | None,
    progress: Callable[[int], None] = lambda count: None,
) -> Opened:
    """Decrypt and check ciphertext that ``read`` gives in ranges [start, end); see fetch.

    Args:
        body: of the event that opened the item.

    Raises:
        VerificationError: as for fetch.
    """
    content = content_encryption.parse_content(body["content"], body["size"])
    pieces = Pieces(key, evidence, content.salt)
    digest = MultiDigest(body["digests"])
    builder = unixfs.Builder()
    count = content_encryption.piece_count(content.padded_size)
    for start, data in _ahead(read, content.ciphertext_size):
        first, view = start // unixfs.LEAF, memoryview(data)
        for number in range(first, min(first + _RANGE_PIECES, count)):
            sealed = view[(number - first) * unixfs.LEAF : (number - first + 1) * unixfs.LEAF]
            builder.add(cids.of(sealed), len(sealed))
            plain = content_encryption.strip_padding(
                pieces.open(number, sealed, last=number == count - 1), number * PIECE, body["size"]
            )
            digest.update(plain)
            if out is not None:
                out.write(plain)
            progress(len(sealed) - TAG)
    if cids.to_text(builder.finish()[0]) != content.cid:
        raise VerificationError(9, "the ciphertext does not have the recorded CID")
    found = digest.hexdigests()
    if digest.size != body["size"] or any(
        found[name] != value for name, value in body["digests"].items()
    ):
        raise VerificationError(9, "the content does not have the recorded size and digests")
    return Opened(body.get("name", ""), digest.size, found)


def _ahead(read: Callable[[int, int], bytes], total: int) -> Iterator[tuple[int, bytes]]:
    """The ciphertext in ranges, each with its offset; the next one is fetched while the caller
    works on this one.

    Raises:
        VerificationError: the node sent another number of bytes than were asked for.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="fetch") as pool:
        start, coming = 0, pool.submit(read, 0, min(_RANGE, total))
        while start < total:
            end = min(start + _RANGE, total)
            data = coming.result()
            if len(data) != end - start:
                raise VerificationError(
                    9, f"the node sent {len(data)} bytes, expected {end - start}"
                )
            if end < total:
                coming = pool.submit(read, end, min(end + _RANGE, total))
            yield start, data
            start = end


def content_key(
    person: Person, evidence: str, body: dict[str, Any], given: Sequence[bytes]
) -> bytes:
    """The content key among grants to a person, compared with the commitment in the record.

    Raises:
        DeniedError: none was granted to them. VerificationError: it is another key than the
            committed one.
    """
    content = content_encryption.parse_content(body["content"], body["size"])
    for data in given:
        grant = grants.parse(data)
        if (
            grant.evidence == evidence_bytes(evidence)
            and grant.scope == "content"
            and grant.binding == content.commitment
        ):
            if not person.can_open(grant):
                continue
            key = person.open(grant)
            content_encryption.check_commitment(key, evidence, content)
            return key
    raise _without_key(person, evidence)


def _without_key(person: Person, evidence: str) -> DeniedError:
    """Why somebody cannot open an item, and what gets them the key: a custodian is told something
    else than everybody else.
    """
    me = person.certificate.subject.shown_at(person.descriptor.agency)
    if person.lacks_custody_key:
        return DeniedError(
            "you are a custodian, and the custody key is not in your keyring",
            hint=(
                f"a colleague who holds it gives it to you: `custody person give-key {me} "
                f"--fingerprint '{person.fingerprint}'`"
            ),
        )
    hint = (
        "a custodian who holds its key gives it to you: `custody share "
        f"{evidence.removeprefix('urn:uuid:')} --with {me} --basis WHY`"
    )
    return DeniedError("no key to the content of this item was given to you", hint=hint)
