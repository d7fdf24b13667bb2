"""Bodies of requests and answers. Bytes travel as base64url without padding, digests as lower-case
hex.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, FailFast, Field

Base64Url = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]*$", max_length=2_000_000)]
Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Evidence = Annotated[str, Field(pattern=r"^urn:(uuid|custody:case):[0-9a-f-]{36}$")]
Cid = Annotated[str, Field(pattern=r"^b[a-z2-7]{58}$")]


class Strict(BaseModel):
    """Unknown members are errors."""

    model_config = ConfigDict(extra="forbid")


def example(**members: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [members]})


_ITEM = "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
_CID = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
_DIGEST = "b0f3070698c57ef2eca1450b0840b35be916e320a1da096987941c78b476a58f"
_COSE = "0oRZAWGmASYPqAF4GXVybjpjdXN0b2R5OmFnZW5jeTpOTC1QT0w"


class BlocksIn(Strict):
    """CIDs to look up."""

    model_config = example(cids=[_CID])

    cids: Annotated[list[Cid], FailFast(), Field(max_length=4096)]


class BlocksOut(Strict):
    """CIDs that are not stored."""

    model_config = example(missing=[_CID])

    missing: list[str]


class StoredOut(Strict):
    """How many blocks the segment held, all of them stored now."""

    model_config = example(stored=2)

    stored: int


class SubmissionIn(Strict):
    """A signed statement, its document with all disclosures, and grants with an opening event."""

    model_config = example(
        statement=_COSE, document="eyJ2IjoxfQ", disclosures=["WyJ4Il0"], grants=[]
    )

    statement: Base64Url
    document: Base64Url
    disclosures: Annotated[list[Base64Url], FailFast(), Field(max_length=64)] = []
    grants: Annotated[list[Base64Url], FailFast(), Field(max_length=64)] = []


class RehearsalIn(Strict):
    """A document that nobody signed yet, with all disclosures."""

    model_config = example(document="eyJ2IjoxfQ", disclosures=["WyJ4Il0"])

    document: Base64Url
    disclosures: Annotated[list[Base64Url], FailFast(), Field(max_length=64)] = []


class StatementsIn(Strict):
    """One to 256 statements, registered all or none. ``field``: they were signed without network,
    and an exhibit number that the case has already is told, not refused.
    """

    statements: Annotated[list[SubmissionIn], FailFast(), Field(min_length=1, max_length=256)]
    field: bool = False


class RegisteredOut(Strict):
    """Where a statement is in the log; ``state`` as in DESIGN section 11."""

    model_config = example(
        evidence=_ITEM,
        statement=_DIGEST,
        index=3,
        receipt=_COSE,
        repeated=False,
        state="integrated",
        duplicates=[],
        sameNumber=[],
    )

    evidence: str
    statement: Hex
    index: int
    receipt: Base64Url
    repeated: bool
    state: str
    duplicates: list[str]
    sameNumber: list[str]


class StatementsOut(Strict):
    """Outcomes in the order sent."""

    registered: list[RegisteredOut]


class LookOut(Strict):
    """Somebody that an item was offered to looked at it before answering: at its record (with the
    keys) or content, and first when.
    """

    person: str
    what: str
    time: str


class EventOut(Strict):
    """What the log shows of an event; of an offer also who looked before answering it, at this
    node.
    """

    model_config = example(
        seq=0,
        effect="open",
        time="2026-11-21T09:14:03Z",
        agency="NL-POL",
        statement=_DIGEST,
        index=3,
        state="final",
        provenTime="2026-11-21T09:15:00Z",
        void=False,
        looked=[],
    )

    seq: int
    effect: str
    time: str
    agency: str
    statement: Hex
    index: int
    state: str
    provenTime: str | None
    void: bool
    looked: list[LookOut]


class EventsOut(Strict):
    """A page of an item's events in order; ``next`` as above."""

    events: list[EventOut]
    next: int | None


class DigestIn(Strict):
    """A SHA-256."""

    model_config = example(sha256=_DIGEST)

    sha256: Hex


class AccessIn(Strict):
    """The digest of the caller's own `accessed` event."""

    model_config = example(access=_DIGEST)

    access: Hex


class BundleIn(Strict):
    """The caller's access, empty for an item whose keys are destroyed, and what to leave out:
    /body/place, 3:/body/place, or 3.
    """

    model_config = example(access=_DIGEST, withhold=["/body/place"])

    access: Annotated[str, Field(pattern=r"^(?:[0-9a-f]{64})?$")]
    withhold: Annotated[
        list[Annotated[str, Field(max_length=256)]], FailFast(), Field(max_length=100)
    ] = []


class StandingOut(Strict):
    """What holds for an item: holds and seals by name, handling, conditions on onward use, until
    when it must be kept, who has it.
    """

    holds: list[str]
    seals: list[str]
    handling: list[str]
    conditions: list[str]
    keepUntil: str | None
    handedOutTo: str


class DetailsOut(Strict):
    """Documents in order, completed (null where destroyed), each with what was signed (log entry,
    certificate, document, disclosures), and what holds for the item after them.
    """

    events: list[dict[str, Any]]
    standing: StandingOut


class GrantsOut(Strict):
    """Sealed keys made to the caller."""

    model_config = example(grants=["qWF2AQ"])

    grants: list[Base64Url]


class VerifyIn(Strict):
    """A bundle, and size and digests of the file to compare; never the file."""

    model_config = example(
        bundle="rGRraW5kbmN1c3RvZHktYnVuZGxl", size=24233, digests={"sha-256": _DIGEST}
    )

    bundle: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    size: int | None = None
    digests: dict[str, str] | None = None


class WorkerOut(Strict):
    """How a background duty goes: failures in a row and since when, what the problem is, and when
    it is tried again.
    """

    worker: str
    failures: int
    since: str | None
    problem: str
    hint: str
    succeeded: str | None
    next: str | None


class EndingOut(Strict):
    """A certificate that ends soon, has ended or is not good yet: whose, when, and what to do.
    ``pseudonym`` is null for that of the node and of the CA.
    """

    owner: str
    pseudonym: str | None
    until: str
    message: str
    hint: str


class TimeAuthorityOut(Strict):
    """A time authority of the node: how many tokens of it are kept, and of the newest one that
    counts how many entries its checkpoint has, and when it saw that. One that is distrusted is not
    asked.
    """

    name: str
    count: int
    size: int
    time: str | None
    distrustedFrom: str | None


class StatusOut(Strict):
    """How far anchoring is: sizes count log entries. ``certificates``: those that end soon, as far
    as the caller may know of them. ``anchoredAlone``: the agency, where nobody else vouches for its
    log. ``nextDescriptorFrom``: from when the next version of the descriptor is in force, where one
    is published.
    """

    agency: str
    log: str
    descriptorVersion: int
    nextDescriptorFrom: str | None
    chain: dict[str, Any] | None
    integrated: int
    submitted: int
    anchored: int
    final: int
    newest: dict[str, Any] | None
    storedBytes: int
    backupsUntil: int | None
    frozen: str
    ipfs: dict[str, Any] | None
    workers: list[WorkerOut]
    certificates: list[EndingOut]
    anchoredAlone: str | None
    timeAuthorities: list[TimeAuthorityOut]


class ProofOut(Strict):
    """A Merkle proof (RFC 9162 section 2.1)."""

    model_config = example(size=2, root=_DIGEST, path=[_DIGEST])

    size: int
    root: Hex
    path: list[Hex]
