"""What a node answers about itself, its people and its duties; see answers for how."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final

from ledger.domain.audit.checklist import Status as CheckStatus
from ledger.domain.blocks.store import ReplicaStatus
from ledger.domain.ports.answers import Agency, Bytes, Count, Digest, Time
from ledger.domain.untrusted.shapes import COUNT, MOMENT, Each, Maybe
from ledger.domain.verify.report import Verdict

Moment = Annotated[int, MOMENT]
_WORD: Final = re.compile(r".+", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PersonKey:
    """Who a person is, their HPKE key, and the certificate of their signing key; None of a node
    that lost it, or does not show it yet.
    """

    agency: Agency
    pseudonym: str
    kem: str
    key: Bytes
    certificate: Bytes | None


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain as the node sees it; ``head``: number of its last block, or a ``problem``."""

    label: str
    id: Count
    head: Count | None
    problem: str
    hint: str
    registry: str
    ledger: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The newest checkpoint, of so many entries, and where it is on the chain."""

    size: Count
    root: Digest
    state: str
    transaction: str
    block: Count | None
    time: Moment | None
    gas: Count | None


@dataclass(frozen=True, slots=True)
class DescriptorDraft:
    """The next version of a descriptor, and where the transaction that publishes it goes: its
    number at the governor's account, its fees per gas in wei.
    """

    document: Bytes
    registry: str
    chain: Count
    nonce: Count
    fee: Count
    tip: Count


@dataclass(frozen=True, slots=True)
class PublishedDescriptor:
    """A version that the registry has, and whether everything in the log was anchored before."""

    version: Count
    activeFrom: Time
    anchored: bool


@dataclass(frozen=True, slots=True)
class IpfsNode:
    """An IPFS node as the node sees it, and how many items are pinned, wait or are damaged."""

    name: str
    outside: bool
    status: ReplicaStatus | None
    pinned: Count
    waiting: Count
    damaged: Count
    problem: str
    hint: str


@dataclass(frozen=True, slots=True)
class ForgottenNode:
    """An IPFS node that the settings no longer name, and how many items it may keep."""

    name: str
    items: Count


@dataclass(frozen=True, slots=True)
class Ipfs:
    """At how many IPFS nodes items shall lie, and how many items lack one."""

    copies: Count
    nodes: tuple[IpfsNode, ...]
    forgotten: tuple[ForgottenNode, ...]
    wanting: Count
    oldest_proof: Moment | None
    problem: str
    hint: str


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """How a background duty goes: failures in a row and since when, and when it is tried again."""

    worker: str
    failures: Count
    since: Time | None
    problem: str
    hint: str
    succeeded: Time | None
    next: Time | None


@dataclass(frozen=True, slots=True)
class EndingCertificate:
    """A certificate that ends soon, has ended or is not good yet; ``pseudonym`` is None for that of
    the node and of the CA.
    """

    owner: str
    pseudonym: str | None
    until: Time
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class TimeAuthorityStatus:
    """A time authority of a node: how many tokens of it are kept, and of the newest one that counts
    how many entries its checkpoint has, and when it saw that. One that is distrusted is not asked.
    """

    name: str
    count: Count
    size: Count
    time: Time | None
    distrustedFrom: Time | None = None


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """How far a node is with its log, of which sizes count entries, and how it is;
    ``anchoredAlone``: the agency, where nobody else vouches for its log. ``nextDescriptorFrom``:
    from when the next version of the descriptor is in force, where one is published.
    """

    agency: Agency
    log: str
    descriptorVersion: Count
    nextDescriptorFrom: Time | None
    chain: Chain | None
    integrated: Count
    submitted: Count
    anchored: Count
    final: Count
    newest: Checkpoint | None
    storedBytes: Count
    backupsUntil: Moment | None
    frozen: str
    ipfs: Ipfs | None
    workers: tuple[WorkerStatus, ...] | None
    certificates: tuple[EndingCertificate, ...] | None
    anchoredAlone: str | None
    timeAuthorities: tuple[TimeAuthorityStatus, ...] | None


@dataclass(frozen=True, slots=True)
class TimeStamp:
    """A token of a time authority over the checkpoint of ``size`` entries."""

    authority: str
    size: Count
    time: Time


@dataclass(frozen=True, slots=True)
class Stamped:
    """Who was asked for the time, which tokens are new, and who gave none for which reason."""

    authorities: tuple[str, ...]
    stamps: tuple[TimeStamp, ...]
    problems: dict[str, str]


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits without network, as far as uploads ask; named as in NodeStatus."""

    integrated: int
    storedBytes: int
    final: int = 0


@dataclass(frozen=True, slots=True)
class Invited:
    """The code of an invitation, and until when it is good."""

    code: str
    expires: Time


@dataclass(frozen=True, slots=True)
class Enrolment:
    """How far an enrolment is; the certificate once it is approved."""

    state: str
    certificate: Bytes | None


@dataclass(frozen=True, slots=True)
class Member:
    """A person, or an invitation, whose ``agency`` is empty. ``custodyKey``: waits, sealed, holds
    or kept; empty for whoever has none and needs none.
    """

    reference: str
    agency: str
    number: str
    roles: tuple[str, ...]
    state: str
    fingerprint: str
    since: str
    custodyKey: str


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody who was asked for as ``asked``; ``number``: empty for a guest."""

    asked: str
    reference: str
    agency: str
    number: str
    roles: tuple[str, ...]
    active: bool


@dataclass(frozen=True, slots=True)
class RoleHolder:
    """A colleague who has a role, by service number."""

    number: str
    role: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """As of when a certificate counts no more, and how its owner stands to the custody key;
    ``alsoActive``: other enrolments under the same service number, which go on; ``certifiedSince``:
    whom a thief of an administrator's key may have let in.
    """

    revoked: str
    keepsCustodyKey: bool
    custodyKey: str
    alsoActive: tuple[str, ...] | None
    certifiedSince: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that goes on; ``pseudonym`` is None for the node of ``agency``."""

    id: str
    agency: Agency
    pseudonym: str | None
    since: Time
    until: Time


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something to look into: how many items somebody opened within ``seconds``."""

    id: str
    kind: str
    agency: Agency
    pseudonym: str
    count: Count
    time: Time
    seconds: Count


@dataclass(frozen=True, slots=True)
class Partner:
    """Another agency: active in the registry or not, and when its keys were last looked at."""

    agency: Agency
    url: str
    active: bool
    checked: Time
    descriptor: Bytes


@dataclass(frozen=True, slots=True)
class SyncedReplicas:
    """What some seconds of sending to IPFS nodes did; ``goesOn``: call again."""

    pinned: Count
    removed: Count
    failed: Count
    problems: dict[str, str]
    wanting: Count
    goesOn: bool


@dataclass(frozen=True, slots=True)
class About:
    """Who a node is; of its jurisdiction profile what clients need: its demands, what is withheld
    from whom, its names for events. ``releases``: where the agency says that releases are; None of
    a node that does not know of it.
    """

    agency: Agency
    log: str
    logNumber: Count
    descriptor: Bytes
    profile: str
    demands: Annotated[
        dict[str, Any], {"required": Each([str]), "basisKinds": [str], "lateAfter": COUNT}
    ]
    withhold: dict[str, tuple[str, ...]]
    names: dict[str, str]
    releases: str | None


_CHECK: Final = {
    "check": str,
    "title": _WORD,
    "status": re.compile("|".join(one.value for one in CheckStatus)),
    "detail": str,
}
_FINDING: Final = {
    "code": str, "severity": _WORD, "title": str, "place": str, "expected": str, "found": str,
    "promise": COUNT, "promiseText": str, "todo": str,
}  # fmt: skip
_REPORT: Final = {
    "verdict": re.compile("|".join(one.value for one in Verdict)),
    "checks": [_CHECK],
    "findings": [_FINDING],
    "counts": Each(COUNT),
    "facts": dict,
}


@dataclass(frozen=True, slots=True)
class AuditJob:
    """How far an audit of the node is; its report, as `custody audit --json` writes one, once it is
    done.
    """

    id: Annotated[str, re.compile(r"[0-9a-f]{16}")]
    asked: str
    begun: Moment
    state: Annotated[str, re.compile("running|done|failed")]
    part: str
    total: Count
    done: Count
    ended: Moment
    problem: str
    report: Annotated[dict[str, Any] | None, Maybe(_REPORT)]
