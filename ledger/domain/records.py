"""The port to an agency's database: rows and the unit of work that services use.

Everything that an event, a document or a grant says is sealed or public; rows keep in clear only what lists and joins
need (DESIGN section 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from ledger.domain.custody import ItemState


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A sequenced entry. ``index`` counts leaves of its log; ``receipt_size`` is the tree size of its first receipt."""

    log: bytes
    index: int
    entry: bytes
    digest: bytes
    evidence: str
    seq: int
    effect: str
    time: int
    agency: str
    certificate: bytes
    payload: bytes
    receipt_size: int
    #: An outcome of a handover that lost against another one on chain.
    void: bool = False


#: Places in the order of lists that one log entry leaves for items that come from other agencies.
PLACES: Final = 65_536


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item: custody state, CID of its ciphertext, the pseudonym that opened it, and the one that holds it in its agency.

    ``opened``: place in the order of lists.
    """

    state: ItemState
    cid: bytes | None
    opener: str
    opened: int
    latest_log: bytes
    latest_index: int
    holder: str = ""


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A checkpoint on its way to the chain; ``state`` is one of submitted, anchored, final."""

    log: bytes
    prev: int
    size: int
    root: bytes
    note: bytes
    state: str
    transaction: bytes
    version: int = 0
    time: int = 0
    block: int = 0
    gas: int = 0


@dataclass(frozen=True, slots=True)
class TransactionRow:
    """A transaction as recorded before it was sent: repeating it sends the same bytes."""

    hash: bytes
    kind: str
    nonce: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person or service. ``number`` is the sealed service number, empty for services and guests.

    ``agency``: of a guest, who works here on items granted to them; empty for the agency's own people.
    """

    pseudonym: str
    kind: str
    certificate: bytes
    hpke: bytes
    number: bytes
    active: bool
    agency: str = ""


@dataclass(frozen=True, slots=True)
class EnrolmentRow:
    """An invitation and what became of it. ``code`` is the hash of its secret; ``number`` the sealed service number.

    ``state``: invited, requested or approved. ``request``: as received, empty until then; ``certificate``: digest once approved.
    """

    code: bytes
    roles: str
    number: bytes
    inviter: str
    state: str
    expires: int
    request: bytes = b""
    certificate: bytes = b""


@dataclass(frozen=True, slots=True)
class CrlRow:
    """A revocation list: DER, and when it was issued in seconds."""

    number: int
    der: bytes
    issued: int


@dataclass(frozen=True, slots=True)
class DescriptorRow:
    """A published descriptor version, with when and in which block the registry took it."""

    version: int
    document: bytes
    active_from: int
    block: int


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A login: SHA-256 of the token, who, and until when."""

    token: bytes
    pseudonym: str
    certificate: bytes
    expires: int


@dataclass(frozen=True, slots=True)
class HoldingRow:
    """One item at one replica. ``state``: wanted (to be pinned), pinned, damaged, or released (to be removed).

    ``due``: when to try again; ``tries``: failures in a row; ``problem``: what the last one was, in one word.
    ``proof``: when the whole was last known good there, pinned or re-read; ``reads``: how often it was re-read whole.
    ``place``: blocks that sending or re-reading has behind it; ``seen``: JSON of what a re-reading has found so far.
    """

    evidence: str
    node: str
    cid: bytes
    state: str
    due: int
    tries: int = 0
    proof: int = 0
    reads: int = 0
    place: int = 0
    seen: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PartnerRow:
    """Another agency: URL of its node, its newest revocation list (DER, or empty), and when both were last looked at."""

    agency: str
    url: str
    crl: bytes = b""
    checked: int = 0


@dataclass(frozen=True, slots=True)
class CrossingRow:
    """A handover between agencies, the ``number``-th of its item. Digests are 32 bytes, times seconds, outcome as in slots.

    ``state``: offered (signed, not yet taken by the contract), open (taken), concluding (our answer or withdrawal is signed,
    the contract has not decided yet), concluded, or lapsed (withdrawn before the contract ever took it).
    ``sent``: hash of our transaction on its way, else empty.
    """

    evidence: str
    number: int
    giver: str
    taker: str
    offer: bytes
    expires: int
    state: str
    offer_time: int = 0
    outcome: int = 0
    outcome_digest: bytes = bytes(32)
    time: int = 0
    sent: bytes = b""


@dataclass(frozen=True, slots=True)
class GivenRow:
    """A copy given to another agency by a statement; ``taken``: their own item of it, once they told; ``until``: fetched by then."""

    statement: bytes
    evidence: str
    agency: str
    until: int
    taken: str = ""


@dataclass(frozen=True, slots=True)
class ErasureRow:
    """Keys to be destroyed here for a disposal by ``custodian``, by the digest of its statement.

    ``state``: due, dropped (destroyed, not signed for yet) or done; ``count``: grants destroyed; ``backups``: when the last backup
    that may hold them can no longer be opened, 0 for none.
    """

    evidence: str
    statement: bytes
    custodian: str
    state: str
    count: int = 0
    time: int = 0
    backups: int = 0


@dataclass(frozen=True, slots=True)
class LinkRow:
    """``child`` came from ``parent``: derived, copy, part (of a folder or an exhibit)."""

    parent: str
    child: str
    kind: str


@dataclass(frozen=True, slots=True)
class LogRow:
    """A log of the agency; ``frozen`` says why nothing more is signed, empty while all is well."""

    log: bytes
    agency: str
    number: int
    size: int
    frozen: str


class Unit(Protocol):
    """One transaction: everything in it becomes durable together when its context ends without an error."""

    # The log
    def log(self, log: bytes) -> LogRow | None: ...
    def put_log(self, row: LogRow) -> None: ...
    def add_entries(self, rows: Sequence[EntryRow]) -> None: ...
    def entry(self, log: bytes, index: int) -> EntryRow | None: ...
    def entry_by_digest(self, digest: bytes) -> EntryRow | None: ...
    def entries(self, log: bytes, start: int, end: int) -> list[EntryRow]: ...
    def tile(self, log: bytes, level: int, index: int) -> bytes: ...
    def put_tile(self, log: bytes, level: int, index: int, data: bytes) -> None: ...

    # Items, documents, grants
    def item(self, evidence: str) -> ItemRow | None: ...
    def items_named(self, evidence: Sequence[str]) -> dict[str, ItemRow]: ...
    def put_item(self, row: ItemRow) -> None: ...
    def items(self, *, after: int, limit: int, opener: str | None, evidence: Sequence[str] | None) -> list[ItemRow]: ...
    def events(self, evidence: str, *, void: bool = False) -> list[EntryRow]: ...
    def put_entry(self, row: EntryRow) -> None: ...
    def newest_place(self) -> int: ...
    def drop_secrets(self, evidence: str, scopes: Sequence[str], *, record: bool) -> int: ...
    def put_document(self, digest: bytes, evidence: str, sealed: bytes) -> None: ...
    def document(self, digest: bytes) -> bytes | None: ...
    def put_disclosure(self, digest: bytes, document: bytes, position: int, sealed: bytes) -> None: ...
    def disclosures(self, document: bytes) -> list[tuple[bytes, bytes]]: ...
    def put_grant(self, evidence: str, scope: str, recipient: bytes, binding: bytes, data: bytes) -> None: ...
    def grants(self, evidence: str, scope: str, recipient: bytes) -> list[bytes]: ...
    def grants_named(self, evidence: Sequence[str], scope: str, recipient: bytes) -> dict[str, bytes]: ...
    def has_grants(self, evidence: str, scope: str) -> bool: ...
    def granted_items(self, recipient: bytes, limit: int) -> list[str]: ...
    def put_token(self, token: bytes, evidence: str) -> None: ...
    def tokens(self, token: bytes, limit: int) -> list[str]: ...

    def offered_items(self) -> list[ItemRow]: ...
    def opened_items(self, now: int) -> list[ItemRow]: ...

    # Replicas
    def put_holding(self, row: HoldingRow) -> None: ...
    def drop_holding(self, evidence: str, node: str) -> None: ...
    def hurry_holdings(self, now: int) -> None: ...
    def drop_holdings_at(self, node: str) -> None: ...
    def holdings(self, evidence: str) -> list[HoldingRow]: ...
    def holdings_named(self, evidence: Sequence[str]) -> dict[str, list[HoldingRow]]: ...
    def due_holdings(self, node: str, now: int, limit: int) -> list[HoldingRow]: ...
    def oldest_proofs(self, before: int, first: int, now: int, limit: int) -> list[HoldingRow]: ...
    def holdings_at(self, node: str, *, after: str, limit: int) -> list[HoldingRow]: ...
    def holding_counts(self) -> dict[tuple[str, str], int]: ...
    def wanting_items(self, nodes: Sequence[str]) -> int: ...
    def oldest_proof(self) -> int | None: ...
    def put_target(self, evidence: str, copies: int) -> None: ...
    def targets(self, evidence: Sequence[str]) -> dict[str, int]: ...
    def put_opening(self, evidence: str, until: int) -> None: ...

    # Other agencies
    def put_partner(self, row: PartnerRow) -> None: ...
    def partner(self, agency: str) -> PartnerRow | None: ...
    def partners(self) -> list[PartnerRow]: ...
    def put_partner_descriptor(self, agency: str, row: DescriptorRow) -> None: ...
    def partner_descriptors(self, agency: str) -> list[DescriptorRow]: ...
    def put_crossing(self, row: CrossingRow) -> None: ...
    def crossings(self, evidence: str) -> list[CrossingRow]: ...
    def crossings_in(self, states: Sequence[str], limit: int) -> list[CrossingRow]: ...
    def sent_crossing(self) -> CrossingRow | None: ...
    def put_inherited(self, evidence: str, data: bytes) -> None: ...
    def inherited(self, evidence: str) -> bytes | None: ...
    def put_given(self, row: GivenRow) -> None: ...
    def given(self, statement: bytes) -> GivenRow | None: ...
    def given_to(self, agency: str, limit: int) -> list[GivenRow]: ...
    def given_of(self, evidence: str, limit: int) -> list[GivenRow]: ...
    def put_erasure(self, row: ErasureRow) -> None: ...
    def erasure(self, evidence: str) -> ErasureRow | None: ...
    def erasures(self, states: Sequence[str], limit: int) -> list[ErasureRow]: ...
    def put_link(self, row: LinkRow) -> None: ...
    def links(self, evidence: Sequence[str], limit: int) -> list[LinkRow]: ...

    # People, certificates, sessions
    def put_certificate(self, digest: bytes, der: bytes) -> None: ...
    def certificate(self, digest: bytes) -> bytes | None: ...
    def put_person(self, row: PersonRow) -> None: ...
    def person(self, pseudonym: str) -> PersonRow | None: ...
    def people(self) -> list[PersonRow]: ...
    def put_enrolment(self, row: EnrolmentRow) -> None: ...
    def enrolment(self, code: bytes) -> EnrolmentRow | None: ...
    def enrolments(self) -> list[EnrolmentRow]: ...
    def drop_stale_enrolments(self, now: int) -> None: ...
    def drop_sessions(self, pseudonym: str) -> None: ...
    def put_crl(self, row: CrlRow) -> None: ...
    def crls(self) -> list[CrlRow]: ...
    def put_descriptor(self, row: DescriptorRow) -> None: ...
    def descriptors(self) -> list[DescriptorRow]: ...
    def put_challenge(self, nonce: bytes, expires: int) -> None: ...
    def take_challenge(self, nonce: bytes, now: int) -> bool: ...
    def put_session(self, row: SessionRow) -> None: ...
    def session(self, token: bytes) -> SessionRow | None: ...
    def drop_expired(self, now: int) -> None: ...

    # Anchoring
    def put_checkpoint(self, row: CheckpointRow) -> None: ...
    def drop_checkpoint(self, log: bytes, size: int) -> None: ...
    def checkpoints(self, log: bytes, *, after: int = 0, limit: int = 1000) -> list[CheckpointRow]: ...
    def newest_checkpoint(self, log: bytes, states: Sequence[str]) -> CheckpointRow | None: ...
    def covering_checkpoint(self, log: bytes, index: int) -> CheckpointRow | None: ...
    def put_transaction(self, row: TransactionRow) -> None: ...
    def transaction(self, digest: bytes) -> TransactionRow | None: ...


class Records(Protocol):
    """The database. Safe for use by several threads; one writer at a time."""

    def read(self) -> AbstractContextManager[Unit]:
        """A consistent view; nothing may be written in it.

        Raises:
            StorageError: the database could not be read.
        """
        ...

    def write(self) -> AbstractContextManager[Unit]:
        """A transaction, durable when the context ends; rolled back on an error.

        Raises:
            StorageError: the database refused, the disk is full for example; nothing was written.
        """
        ...

    def scrub(self) -> None:
        """Leave nothing of what was deleted in the files of the database.

        Raises:
            StorageError: the disk refused.
        """
        ...

    def close(self) -> None:
        """Release the database."""
        ...
