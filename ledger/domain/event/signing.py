"""The person's side of an event: a document is written, hashed and signed with the person's own
key.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from ledger.domain.codecs.cose import PrivateKey
from ledger.domain.codecs.text import b64url, format_time, subject_bytes
from ledger.domain.crypto import content_encryption, grants
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import FormatError, RoleError, UsageError
from ledger.domain.event import claimed_times
from ledger.domain.event import document as documents
from ledger.domain.event.document import DEFAULT_HIDDEN, Event
from ledger.domain.event.types import TYPES
from ledger.domain.identity import enrolment
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.roles import ROLES_BY_TYPE, least, whom_to_ask
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Claims, Statement


@dataclass(frozen=True)
class Person:
    """Who signs: keys, certificate, and where statements go; ``custody`` for those who hold their
    agency's custody key; ``acting_as``: the role in which they want to sign, else the least one.
    """

    certificate: Certificate
    key: PrivateKey
    hpke: HpkePrivateKey
    log_id: bytes
    descriptor: Descriptor
    custody: HpkePrivateKey | None = None
    acting_as: str = ""

    def role_for(self, event_type: str, among: AbstractSet[str] = frozenset()) -> str:
        """The role in which this person signs a type.

        Args:
            among: those of theirs in which they may sign it about the item, where that is known.

        Raises:
            RoleError: none of theirs may. UsageError: the one that they want may not.
        """
        allowed = ROLES_BY_TYPE.get(event_type, frozenset())
        may = among or self.certificate.roles & allowed
        if not may:
            raise RoleError(
                f"none of your roles may record {event_type!r}",
                allowed,
                hint=whom_to_ask(allowed, ()),
            )
        if self.acting_as and self.acting_as not in may:
            raise UsageError(
                f"you cannot record {event_type!r} as {self.acting_as}: nothing was signed",
                hint=f"--as takes, for this: {' or '.join(sorted(may))}",
            )
        return self.acting_as or least(may)

    def has_key(self, digest: bytes) -> bool:
        """Whether a key, by the hash of its public half, is one of this person's."""
        return digest in {key.public.digest for key in (self.hpke, self.custody) if key is not None}

    @property
    def fingerprint(self) -> str:
        """What this person reads to a colleague who seals something to them: see
        domain/enrolment.
        """
        return enrolment.fingerprint(enrolment.encode_key(self.key.public_key()), self.hpke.public)

    @property
    def lacks_custody_key(self) -> bool:
        """Whether this person is a custodian of the node's agency to whom nobody gave the custody
        key yet.
        """
        own = (
            self.certificate.agency == self.descriptor.agency
            and "custodian" in self.certificate.roles
        )
        return own and self.custody is None

    def can_open(self, grant: grants.Grant) -> bool:
        """Whether a grant was made to one of this person's keys."""
        return self.has_key(grant.recipient)

    def open(self, grant: grants.Grant) -> bytes:
        """Open a grant made to this person, or to the custodians where they are one.

        Returns:
            the 32-byte key inside.

        Raises:
            KeyringError: made to another key, or altered.
        """
        mine = (
            self.custody
            if self.custody is not None and grant.recipient == self.custody.public.digest
            else self.hpke
        )
        return mine.open(grant)


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed event ready to be sent; ``submission`` has the JSON form of the API."""

    statement: Statement
    submission: dict[str, Any]


def draft_event(
    person: Person,
    event_type: str,
    body: dict[str, Any],
    *,
    evidence: str,
    seq: int,
    prev: bytes | None,
    time: int,
    members: dict[str, Any] | None = None,
    ref_salt: bytes | None = None,
    role: str = "",
) -> Event:
    """Write an event, without signing it.

    Args:
        role: in which the person acts; empty for any of theirs that may record the type.

    Returns:
        the event as it would be signed.

    Raises:
        UsageError: the document would not be accepted, or tells of something that lies after its
            signature.
        RoleError: none of the person's roles may record it.
    """
    document: dict[str, Any] = {
        "v": documents.VERSION,
        "type": event_type,
        "evidence": evidence,
        "seq": seq,
        "prev": None if prev is None else prev.hex(),
        "actor": {
            "id": person.certificate.pseudonym,
            "agency": person.certificate.agency,
            "kind": person.certificate.kind,
            "role": role or person.role_for(event_type),
        },
        "time": format_time(time),
        **(members or {}),
        "salt": b64url(content_encryption.new_salt(32)),
        **({"refSalt": b64url(ref_salt)} if ref_salt is not None else {}),
        "body": body,
    }
    if (wrong := claimed_times.contradiction(document, ahead=0)) is not None:
        raise UsageError(wrong, hint=claimed_times.HINT)
    try:
        return documents.build(
            document, {pointer: content_encryption.new_salt(16) for pointer in DEFAULT_HIDDEN}
        )
    except FormatError as error:  # all in it was asked for
        raise UsageError(
            error.message, hint=error.hint or "correct what the command says; nothing was recorded"
        ) from error


def sign_event(
    person: Person,
    event_type: str,
    body: dict[str, Any],
    *,
    evidence: str,
    seq: int,
    prev: bytes | None,
    time: int,
    members: dict[str, Any] | None = None,
    sealed_keys: list[grants.Grant] | None = None,
    role: str = "",
) -> Signed:
    """Write and sign an event.

    Args:
        members: further top-level members (basis, identifiers, occurred, handling, lang, late).
        sealed_keys: grants that travel with an opening event.
        role: see draft_event.

    Returns:
        the statement, and what a node is sent with it.

    Raises:
        UsageError: the document would not be accepted, or tells of something that lies after its
            signature.
    """
    ref_salt = content_encryption.new_salt(32) if seq == 0 else None
    event = draft_event(
        person,
        event_type,
        body,
        evidence=evidence,
        seq=seq,
        prev=prev,
        time=time,
        members=members,
        ref_salt=ref_salt,
        role=role,
    )
    claims = Claims(
        person.certificate.agency,
        evidence,
        person.log_id,
        time,
        seq,
        prev,
        TYPES[event_type].effect,
        None if ref_salt is None else documents.compute_ref(evidence, ref_salt),
        body["to"]["agency"] if event_type == "transfer-offered" else None,
    )
    statement = statements.sign(
        person.key, claims, event.digest, person.certificate.digest, person.certificate.der
    )
    submission = {
        "statement": b64url(statement.message.encode()),
        "document": b64url(event.raw),
        "disclosures": [disclosure.encoded for disclosure in event.disclosures],
        "grants": [b64url(grant.encode()) for grant in sealed_keys or []],
    }
    return Signed(statement, submission)


def seal_keys(
    person: Person,
    evidence: str,
    *,
    record_key: bytes,
    content_key: bytes | None,
    commitment: bytes | None,
) -> list[grants.Grant]:
    """The grants of a new item: the record key to the node, the content key to the person and to
    the custodians.
    """
    item = subject_bytes(evidence)
    made = [grants.seal(record_key, person.descriptor.node, evidence=item, scope="record")]
    if content_key is not None:
        for recipient in (person.hpke.public, person.descriptor.custody):
            made.append(
                grants.seal(
                    content_key, recipient, evidence=item, scope="content", binding=commitment
                )
            )
    return made
