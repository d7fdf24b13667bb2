"""Bodies of the routes about people."""

from __future__ import annotations

from typing import Annotated

from pydantic import FailFast, Field

from api.schemas import Base64Url, Hex, Strict
from ledger.domain.identity.person import REFERENCE

Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{32}$")]
#: A person as `list_people` shows them: one of the agency's own by their pseudonym, a guest by
#: `pseudonym@AGENCY`.
Reference = Annotated[str, Field(pattern=REFERENCE)]


class InvitationIn(Strict):
    """Whom to invite: service number and roles."""

    number: Annotated[str, Field(min_length=1, max_length=100)]
    roles: Annotated[list[str], FailFast(), Field(min_length=1, max_length=12)]


class InvitationOut(Strict):
    """The code, and until when it is good."""

    code: str
    expires: str


class HolderOut(Strict):
    """A colleague who has a role, by service number."""

    number: str
    role: str


class HoldersOut(Strict):
    """At most three colleagues who have one of the roles that were asked for."""

    holders: list[HolderOut]


class EnrolmentIn(Strict):
    """The code of an invitation, and a COSE_Sign1 with the new public keys."""

    code: Code
    request: Base64Url


class EnrolmentOut(Strict):
    """What the person and the administrator compare."""

    fingerprint: str


class CodeIn(Strict):
    """The code of an invitation."""

    code: Code


class KeyOut(Strict):
    """Who somebody is, their HPKE key, and the certificate of their signing key."""

    agency: str
    pseudonym: str
    kem: str
    key: Base64Url
    certificate: Base64Url | None


class OutcomeOut(Strict):
    """invited, requested or approved; the certificate once approved."""

    state: str
    certificate: Base64Url | None


class PersonOut(Strict):
    """A person, or an invitation: invited, requested, active, guest or suspended.

    ``agency``: empty for an invitation. ``custodyKey``: waits, sealed, holds or kept; empty for
    whoever has none and needs none.
    """

    reference: str
    agency: str
    number: str
    roles: list[str]
    state: str
    fingerprint: str
    since: str
    custodyKey: str


class PeopleOut(Strict):
    """Everybody."""

    people: list[PersonOut]


class NamesIn(Strict):
    """Whom to name: references, service numbers, or the beginnings of pseudonyms."""

    people: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]], FailFast(), Field(max_length=500)
    ]


class NamedOut(Strict):
    """Somebody who was asked for as ``asked``; ``number``: empty for a guest."""

    asked: str
    reference: str
    agency: str
    number: str
    roles: list[str]
    active: bool


class NamesOut(Strict):
    """Whom the texts name."""

    people: list[NamedOut]


class ApprovalIn(Strict):
    """Which request."""

    reference: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class ApprovalOut(Strict):
    """Who they are from now on; ``reference``: as commands at this node take it."""

    agency: str
    pseudonym: str
    reference: str


class SuspensionIn(Strict):
    """Whom; ``since``, in seconds since 1970, where keys were stolen before now."""

    person: Reference
    since: Annotated[int, Field(ge=0, le=1 << 40)] | None = None


class ReinstatementIn(Strict):
    """Whose suspension is lifted."""

    person: Reference


class ReinstatedOut(Strict):
    """How they stand to the custody key, as in a list of people."""

    custodyKey: str


class SuspensionOut(Strict):
    """From when their signatures count no more.

    ``keepsCustodyKey``: they are no custodian now and keep the custody key that they have.
    ``custodyKey``: as `list_people` shows it. ``alsoActive``: other enrolments of a suspended
    person, under the same service number, that go on. ``certifiedSince``: of a suspended
    administrator whose keys were stolen, who got their certificates since then.
    """

    revoked: str
    keepsCustodyKey: bool
    custodyKey: str
    alsoActive: list[str]
    certifiedSince: list[str]


class RenewalIn(Strict):
    """Whose certificate to issue anew, and with which roles; none: as before."""

    person: Reference
    roles: Annotated[list[Annotated[str, Field(max_length=64)]], FailFast(), Field(max_length=20)]


class LinkIn(Strict):
    """A person, and the `sub` by which the agency's identity provider knows them."""

    person: Reference
    subject: Annotated[str, Field(min_length=1, max_length=255)]


class ProofIn(Strict):
    """A request as for an enrolment, which proves that its sender holds the key."""

    request: Base64Url


class CardIn(Strict):
    """The card of somebody of another agency: their certificate, and the proof that they made the
    card for us.
    """

    certificate: Base64Url
    request: Base64Url


class SessionOut(Strict):
    """A session that goes on; ``pseudonym`` is null for the node of ``agency``."""

    id: str
    agency: str
    pseudonym: str | None
    since: str
    until: str


class SessionsOut(Strict):
    """Sessions."""

    sessions: list[SessionOut]


class AlarmOut(Strict):
    """Something to look into: how many items somebody opened within ``seconds``."""

    id: str
    kind: str
    agency: str
    pseudonym: str
    count: int
    time: str
    seconds: int


class AlarmsOut(Strict):
    """Alarms, oldest first."""

    alarms: list[AlarmOut]


class SealedKeyIn(Strict):
    """The custody key sealed to a custodian."""

    sealed: Base64Url


class SealedKeyOut(Strict):
    """The custody key that waits for the caller, sealed to them; null where none does."""

    sealed: Base64Url | None


class HeldKeyIn(Strict):
    """Digest of the custody key that the caller holds now."""

    custody: Hex
