"""Tables of an agency's database. Change them by a new Alembic migration only."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary
from sqlmodel import Field, SQLModel

from ledger.adapters.database.columns import big, named
from ledger.domain.identity.person import PersonId


class Log(SQLModel, table=True):
    """A log of this agency."""

    log: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    agency: str
    number: int
    size: int = Field(sa_column=big())
    frozen: str = ""


class Entry(SQLModel, table=True):
    """A sequenced entry, with what lists and joins need in clear."""

    __table_args__ = (Index("entry_item", "evidence", "seq"),)

    log: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    index: int = Field(sa_column=Column("index", BigInteger, primary_key=True, autoincrement=False))
    entry: bytes
    digest: bytes = Field(sa_column=Column(LargeBinary, unique=True, nullable=False))
    evidence: str
    seq: int
    effect: str
    time: int = Field(sa_column=big())
    agency: str
    certificate: bytes
    payload: bytes
    void: bool = False


class Tile(SQLModel, table=True):
    """Up to 256 hashes of one level of a log's tree."""

    log: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    level: int = Field(primary_key=True)
    index: int = Field(sa_column=Column("index", BigInteger, primary_key=True, autoincrement=False))
    data: bytes


class Item(SQLModel, table=True):
    """Where an item stands."""

    evidence: str = Field(primary_key=True)
    origin: str
    ref: bytes
    custodian: str
    seq: int
    head: bytes
    time: int = Field(sa_column=big())
    closed: bool
    offer: bytes | None = None
    offer_to: str | None = Field(default=None, index=True)
    offer_expires: int | None = Field(default=None, sa_column=Column(BigInteger))
    offer_person: str | None = None
    cid: bytes | None = None
    opener: PersonId | None = Field(sa_column=named(index=True))
    opened: int = Field(sa_column=Column(BigInteger, unique=True, nullable=False))
    latest_log: bytes
    latest_index: int = Field(sa_column=big())
    holder: PersonId | None = Field(sa_column=named(index=True))


class Document(SQLModel, table=True):
    """An event document, encrypted under its item's record key."""

    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    evidence: str = Field(index=True)
    sealed: bytes


class DisclosureRecord(SQLModel, table=True):
    """A disclosure, encrypted on its own so that it can be withheld or erased on its own."""

    __tablename__ = "disclosure"

    document: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    position: int
    sealed: bytes


class GrantRecord(SQLModel, table=True):
    """A key sealed to one recipient; ``binding`` is empty for record keys."""

    __tablename__ = "grant"

    evidence: str = Field(primary_key=True)
    scope: str = Field(primary_key=True)
    recipient: bytes = Field(sa_column=Column(LargeBinary, primary_key=True, index=True))
    binding: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    data: bytes


class Share(SQLModel, table=True):
    """Who was given a part in an item, by the statement that says so."""

    evidence: str = Field(primary_key=True)
    person: PersonId = Field(sa_column=named(key=True, index=True))
    statement: bytes


class BlindToken(SQLModel, table=True):
    """Keyed index for search by case, exhibit or digest: HMAC values, useless without the key."""

    __tablename__ = "blind_index"

    token: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    evidence: str = Field(primary_key=True)


class IndexForm(SQLModel, table=True):
    """The form of numbers that the blind index was made under: one row at most."""

    __tablename__ = "index_form"

    id: int = Field(primary_key=True)
    version: int


class ReplicaState(SQLModel, table=True):
    """One item at one replica."""

    __tablename__ = "holding"

    __table_args__ = (
        Index("holding_due", "node", "state", "due"),
        Index("holding_proof", "state", "proof"),
    )

    evidence: str = Field(primary_key=True)
    node: str = Field(primary_key=True)
    cid: bytes
    state: str
    due: int = Field(sa_column=big())
    tries: int
    proof: int = Field(sa_column=big())
    reads: int
    place: int = Field(sa_column=big())
    seen: str
    problem: str


class ReplicationTarget(SQLModel, table=True):
    """How many replicas shall keep an item, where that is not the home's own number."""

    __tablename__ = "replication_target"

    evidence: str = Field(primary_key=True)
    copies: int


class DisclosureWindow(SQLModel, table=True):
    """An item disclosed to another agency: its ciphertext may lie at nodes outside until then."""

    __tablename__ = "opening"

    evidence: str = Field(primary_key=True)
    until: int = Field(sa_column=big())


class Link(SQLModel, table=True):
    """One item came from another one: opaque names on both sides."""

    parent: str = Field(primary_key=True)
    child: str = Field(primary_key=True, index=True)
    kind: str = Field(primary_key=True)


class TransferStep(SQLModel, table=True):
    """A handover between agencies, and how far it is on chain."""

    __tablename__ = "crossing"

    __table_args__ = (Index("crossing_state", "state"),)

    evidence: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    giver: str
    taker: str
    offer: bytes
    offer_time: int = Field(sa_column=big())
    expires: int = Field(sa_column=big())
    outcome: int
    outcome_digest: bytes
    time: int = Field(sa_column=big())
    state: str
    sent: bytes


class DisclosedCopy(SQLModel, table=True):
    """A copy that another agency may fetch; ``taken`` is their own item of it, once they told."""

    __tablename__ = "given"

    statement: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    evidence: str = Field(index=True)
    agency: str = Field(index=True)
    until: int = Field(sa_column=big())
    taken: str


class Erasure(SQLModel, table=True):
    """Keys that must be destroyed here because an item was disposed of, and how far that is."""

    evidence: str = Field(primary_key=True)
    statement: bytes
    custodian: str
    state: str
    count: int
    time: int = Field(sa_column=big())
    backups: int = Field(sa_column=big())


class Inherited(SQLModel, table=True):
    """What others' logs prove about an item: a bundle without documents or proofs of the chain."""

    evidence: str = Field(primary_key=True)
    data: bytes


class Partner(SQLModel, table=True):
    """Another agency of the registry: where its node is, and its newest revocation list."""

    agency: str = Field(primary_key=True)
    url: str
    crl: bytes
    checked: int = Field(sa_column=big())


class PartnerDescriptor(SQLModel, table=True):
    """A descriptor version of another agency, compared with the registry."""

    __tablename__ = "partner_descriptor"

    agency: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    document: bytes
    active_from: int = Field(sa_column=big())
    block: int = Field(sa_column=big())


class CertificateRecord(SQLModel, table=True):
    """A certificate that signed something in the log."""

    __tablename__ = "certificate"

    digest: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    der: bytes


class Person(SQLModel, table=True):
    """A person of the agency, or a guest; the service number is sealed. What they signed to join
    proves their keys.
    """

    person: PersonId = Field(sa_column=named(key=True))
    certificate: bytes
    hpke: bytes
    number: bytes
    active: bool
    proof: bytes
    custody: bytes


class CustodyKey(SQLModel, table=True):
    """The custody key sealed to a person who has not fetched it yet."""

    __tablename__ = "custody_key"

    person: PersonId = Field(sa_column=named(key=True))
    custody: bytes
    sealed: bytes
    by: PersonId = Field(sa_column=named())


class Enrolment(SQLModel, table=True):
    """An invitation by the hash of its code, and the request that came for it."""

    code: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    roles: str
    number: bytes
    inviter: PersonId | None = Field(sa_column=named())
    state: str
    expires: int = Field(sa_column=big())
    request: bytes
    certificate: bytes


class Crl(SQLModel, table=True):
    """A revocation list as issued."""

    number: int = Field(primary_key=True)
    der: bytes
    issued: int = Field(sa_column=big())


class DescriptorRecord(SQLModel, table=True):
    """A descriptor version as published."""

    __tablename__ = "descriptor"

    version: int = Field(primary_key=True)
    document: bytes
    active_from: int = Field(sa_column=big())
    block: int = Field(sa_column=big())


class AccessCount(SQLModel, table=True):
    """Somebody's recorded access, for a day: so that many at once are noticed."""

    __tablename__ = "reading"

    statement: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    person: PersonId = Field(sa_column=named(index=True))
    evidence: str
    time: int = Field(sa_column=big())


class Release(SQLModel, table=True):
    """Something handed out that opens an item, by the statement that covers it: kept for audits."""

    statement: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    recipient: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    evidence: str
    time: int = Field(sa_column=big())


class Alarm(SQLModel, table=True):
    """Something that auditors must see."""

    id: str = Field(primary_key=True)
    kind: str
    person: PersonId = Field(sa_column=named())
    count: int
    time: int = Field(sa_column=Column(BigInteger, nullable=False, index=True))


class Identity(SQLModel, table=True):
    """An account at the agency's identity provider by a keyed hash, and whose it is."""

    token: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    person: PersonId = Field(sa_column=named(index=True))


class Challenge(SQLModel, table=True):
    """A login challenge not yet answered."""

    nonce: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    expires: int = Field(sa_column=big())


class SessionRecord(SQLModel, table=True):
    """A login; only the token's hash is kept."""

    __tablename__ = "session"

    token: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    person: PersonId | None = Field(sa_column=named())
    certificate: bytes
    expires: int = Field(sa_column=big())


class Checkpoint(SQLModel, table=True):
    """A checkpoint and how far it is on its way to the chain."""

    log: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    size: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    prev: int = Field(sa_column=big())
    root: bytes
    note: bytes
    state: str
    transaction: bytes
    version: int
    time: int = Field(sa_column=big())
    block: int = Field(sa_column=big())
    gas: int


class ChainTransaction(SQLModel, table=True):
    """A transaction as recorded before it was sent."""

    __tablename__ = "chain_transaction"

    hash: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    kind: str
    nonce: int
    raw: bytes
