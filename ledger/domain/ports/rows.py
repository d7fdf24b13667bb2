"""What an agency's database holds, as rows; see ledger/domain/ports/unit_of_work.py for the port.

Everything that an event, a document or a grant says is sealed or public; rows keep in clear only
what lists and joins need (DESIGN section 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.domain.identity.person import PersonId, Recipient
from ledger.domain.item.custody import ItemState
from ledger.domain.ports.states import (
    CheckpointState,
    EnrolmentState,
    ErasureState,
    LinkKind,
    ReleaseKind,
    ReplicaStateName,
    TransferState,
)


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A sequenced entry. ``index`` counts leaves of its log."""

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
    #: An outcome of a handover that lost against another one on chain.
    void: bool = False


#: Places in the order of lists that one log entry leaves for items that come from other agencies.
PLACES: Final = 65_536


@dataclass(frozen=True, slots=True)
class ItemRow:
    """An item: custody state, CID of its ciphertext, who opened it here, and who holds it in this
    agency; None for nobody.

    ``opened``: place in the order of lists.
    """

    state: ItemState
    cid: bytes | None
    opener: PersonId | None
    opened: int
    latest_log: bytes
    latest_index: int
    holder: PersonId | None = None


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A checkpoint on its way to the chain; ``state`` is one of submitted, anchored, final."""

    log: bytes
    prev: int
    size: int
    root: bytes
    note: bytes
    state: CheckpointState
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
    """A person who may log in here: one of the agency's own, or a guest of another agency who works
    on items granted to them.

    ``number``: the sealed service number, empty for guests. ``proof``: the request (see
    domain/enrolment) in which they signed for both
    their keys, empty where it was not kept. ``custody``: digest of the custody key that they said
    they hold, empty for none.
    """

    person: PersonId
    certificate: bytes
    hpke: bytes
    number: bytes
    active: bool
    proof: bytes = b""
    custody: bytes = b""


@dataclass(frozen=True, slots=True)
class CustodyKeyRow:
    """The agency's custody key sealed to a person who has not fetched it yet; ``custody``: its
    digest, ``by``: who sealed it.
    """

    person: PersonId
    custody: bytes
    sealed: bytes
    by: PersonId


@dataclass(frozen=True, slots=True)
class EnrolmentRow:
    """An invitation and what became of it. ``code`` is the hash of its secret; ``number`` the
    sealed service number.

    ``state``: invited, requested or approved. ``request``: as received, empty until then;
    ``certificate``: digest once approved.
    """

    code: bytes
    roles: str
    number: bytes
    inviter: PersonId | None
    state: EnrolmentState
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
    """A login: SHA-256 of the token, who, and until when. ``person``: None for another agency's
    node, which is nobody.
    """

    token: bytes
    person: PersonId | None
    certificate: bytes
    expires: int


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """Something that auditors must see: ``kind`` bulk-access, with how many items somebody opened
    within an hour.
    """

    id: str
    kind: str
    person: PersonId
    count: int
    time: int


@dataclass(frozen=True, slots=True)
class ReplicaStateRow:
    """One item at one replica. ``state``: wanted (to be pinned), pinned, damaged, or released (to
    be removed).

    ``due``: when to try again; ``tries``: failures in a row; ``problem``: what the last one was, in
    one word.
    ``proof``: when the whole was last known good there, pinned or re-read; ``reads``: how often it
    was re-read whole.
    ``place``: blocks that sending or re-reading has behind it; ``seen``: JSON of what a re-reading
    has found so far.
    """

    evidence: str
    node: str
    cid: bytes
    state: ReplicaStateName
    due: int
    tries: int = 0
    proof: int = 0
    reads: int = 0
    place: int = 0
    seen: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PartnerRow:
    """Another agency: URL of its node, its newest revocation list (DER, or empty), and when both
    were last looked at; 0 since the registry had it as suspended or retired, until they are looked
    at again.
    """

    agency: str
    url: str
    crl: bytes = b""
    checked: int = 0

    @property
    def active(self) -> bool:
        """Whether the registry had it as an active agency when it was last asked."""
        return self.checked > 0


@dataclass(frozen=True, slots=True)
class TransferStepRow:
    """A handover between agencies, the ``number``-th of its item. Digests are 32 bytes, times
    seconds, outcome as in slots.

    ``state``: offered (signed, not yet taken by the contract), open (taken), concluding (our answer
    or withdrawal is signed, the contract has not decided yet), concluded, or lapsed (withdrawn
    before the contract ever took it). ``sent``: hash of our transaction on its way, else empty.
    """

    evidence: str
    number: int
    giver: str
    taker: str
    offer: bytes
    expires: int
    state: TransferState
    offer_time: int = 0
    outcome: int = 0
    outcome_digest: bytes = bytes(32)
    time: int = 0
    sent: bytes = b""


@dataclass(frozen=True, slots=True)
class DisclosedCopyRow:
    """A copy given to another agency by a statement; ``taken``: their own item of it, once they
    told; ``until``: fetched by then.
    """

    statement: bytes
    evidence: str
    agency: str
    until: int
    taken: str = ""


@dataclass(frozen=True, slots=True)
class ErasureRow:
    """Keys to be destroyed here for a disposal by ``custodian``, by the digest of its statement.

    ``state``: due, dropped (destroyed, not signed for yet) or done; ``count``: grants destroyed;
    ``backups``: when the last backup that may hold them can no longer be opened, 0 for none.
    """

    evidence: str
    statement: bytes
    custodian: str
    state: ErasureState
    count: int = 0
    time: int = 0
    backups: int = 0


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """Something handed out that opens an item: which statement covers it, to whom, and what.

    ``kind``: content (keys), details (documents), bundle, parcel or copy, with the time when it was
    last handed out; offer (record and keys of an item on offer) or offer-content (its ciphertext),
    with the time when whoever is asked first looked.
    """

    statement: bytes
    recipient: Recipient
    kind: ReleaseKind
    evidence: str
    time: int


@dataclass(frozen=True, slots=True)
class ShareRow:
    """Somebody was given a part in an item by a statement."""

    evidence: str
    person: PersonId
    statement: bytes


@dataclass(frozen=True, slots=True)
class LinkRow:
    """``child`` came from ``parent``: derived, copy, part (of a folder or an exhibit)."""

    parent: str
    child: str
    kind: LinkKind


@dataclass(frozen=True, slots=True)
class LogRow:
    """A log of the agency; ``frozen`` says why nothing more is signed, empty while all is well."""

    log: bytes
    agency: str
    number: int
    size: int
    frozen: str
