"""Bodies of requests and answers. Bytes travel as base64url without padding, digests as lower-case hex."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Base64Url = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=2_000_000)]
Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Evidence = Annotated[str, Field(pattern=r"^urn:uuid:[0-9a-f-]{36}$")]
Cid = Annotated[str, Field(pattern=r"^b[a-z2-7]{58}$")]


class Strict(BaseModel):
    """Unknown members are errors."""

    model_config = ConfigDict(extra="forbid")


class ChallengeOut(Strict):
    """What to sign for a login."""

    server: str
    nonce: Base64Url
    expires: int


class LoginIn(Strict):
    """A COSE_Sign1 over the challenge."""

    answer: Base64Url


class TokenOut(Strict):
    """A bearer token and its expiry, seconds since 1970."""

    token: str
    expires: int


class BlocksIn(Strict):
    """CIDs to look up."""

    cids: Annotated[list[Cid], Field(max_length=4096)]


class BlocksOut(Strict):
    """CIDs that are not stored."""

    missing: list[str]


class StoredOut(Strict):
    """How many blocks were new."""

    stored: int


class SubmissionIn(Strict):
    """A signed statement, its document with all disclosures, and grants with an opening event."""

    statement: Base64Url
    document: Base64Url
    disclosures: Annotated[list[Base64Url], Field(max_length=64)] = []
    grants: Annotated[list[Base64Url], Field(max_length=64)] = []


class StatementsIn(Strict):
    """One to 256 statements, registered all or none."""

    statements: Annotated[list[SubmissionIn], Field(min_length=1, max_length=256)]


class RegisteredOut(Strict):
    """Where a statement is in the log; ``state`` as in DESIGN section 11."""

    evidence: str
    statement: Hex
    index: int
    receipt: Base64Url
    repeated: bool
    state: str
    duplicates: list[str]


class StatementsOut(Strict):
    """Outcomes in the order sent."""

    registered: list[RegisteredOut]


class ItemOut(Strict):
    """What the node keeps in clear about an item."""

    evidence: str
    origin: str
    custodian: str
    events: int
    head: Hex
    time: str
    closed: bool
    cid: str | None
    index: int
    state: str


class ItemsOut(Strict):
    """A page; ``next`` is the cursor of the following one, or null."""

    items: list[ItemOut]
    next: int | None


class EventOut(Strict):
    """What the log shows of an event."""

    seq: int
    effect: str
    time: str
    agency: str
    statement: Hex
    index: int
    state: str
    provenTime: str | None


class EventsOut(Strict):
    """A page of an item's events in order; ``next`` as above."""

    events: list[EventOut]
    next: int | None


class SearchIn(Strict):
    """Exact search by an identifier; never in a URL, since case numbers are case data."""

    scheme: Annotated[str, Field(max_length=64)]
    value: Annotated[str, Field(max_length=256)]


class DigestIn(Strict):
    """A SHA-256."""

    sha256: Hex


class FoundOut(Strict):
    """Items found among those that the caller may see."""

    evidence: list[str]


class AccessIn(Strict):
    """The digest of the caller's own `accessed` event."""

    access: Hex


class DetailsOut(Strict):
    """Documents in order, completed; null where destroyed."""

    events: list[dict[str, Any]]


class GrantsOut(Strict):
    """Sealed keys made to the caller."""

    grants: list[Base64Url]


class VerifyIn(Strict):
    """A bundle, and size and digests of the file to compare; never the file."""

    bundle: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    size: int | None = None
    digests: dict[str, str] | None = None


class StatusOut(Strict):
    """How far anchoring is: sizes count log entries."""

    agency: str
    log: str
    descriptorVersion: int
    chain: dict[str, Any]
    integrated: int
    submitted: int
    anchored: int
    final: int
    newest: dict[str, Any] | None
    storedBytes: int
    frozen: str


class AgencyOut(Strict):
    """Who this node is."""

    agency: str
    log: str
    logNumber: int
    descriptor: Base64Url


class ProofOut(Strict):
    """A Merkle proof (RFC 9162 section 2.1)."""

    size: int
    root: Hex
    path: list[Hex]
