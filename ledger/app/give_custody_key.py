"""A custodian gives the agency's custody key to a new one, and the new one takes it; the node
carries it sealed.

- the giver seals to the key that the new custodian signed for, and whose fingerprint both compared
  by voice: no node can put its own there
- the taker keeps the key only if it is the private one to the descriptor under which they joined
"""

from __future__ import annotations

from typing import Final

from ledger.adapters.clock import SystemClock
from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.node.client import NodeClient
from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import from_b64url
from ledger.domain.crypto import custody_key
from ledger.domain.errors import KeyringError, VerificationError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity import enrolment
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.person import PersonId, read_reference
from ledger.domain.identity.roles import keeps_custody

CUSTODY: Final = "hpke-custody"
PINNED: Final = "descriptor"


def _same_fingerprint(text: str, other: str) -> bool:
    return "".join(text.split()).lower() == "".join(other.split()).lower()


def require_fingerprint(expected: str, found: str) -> None:
    """Check the fingerprint that two people compared by voice.

    Raises:
        VerificationError: another one.
    """
    if not _same_fingerprint(expected, found):
        raise VerificationError(
            3,
            f"the node shows the fingerprint {found or '(none)'}, expected {expected}",
            hint="do not go on: compare again",
        )


def give(keyring: FileKeyring, node: NodeClient, reference: str, *, fingerprint: str) -> PersonId:
    """Seal the custody key to a custodian, and leave it with the node for them; who they are.

    Args:
        fingerprint: of their keys, as they read it to whoever gives the key.

    Raises:
        KeyringError: we do not hold the key. VerificationError: the node shows other keys, another
            person, or no custodian.
    """
    about = node.agency()
    descriptor = descriptors.parse(from_b64url(about.descriptor, what="descriptor"))
    if CUSTODY not in keyring.names():
        raise KeyringError(
            "you do not hold the custody key",
            hint="a custodian who holds it gives it; who that is, an administrator sees: "
            "`custody person list`",
        )
    key = keyring.hpke_key(CUSTODY)
    if key.public != descriptor.custody:
        raise KeyringError("you hold another custody key than the one in force")
    der, proof = node.custodian_card(reference)
    certificate, asked = certificates.parse(der), enrolment.parse(proof)
    require_fingerprint(fingerprint, asked.fingerprint)
    certificates.verify_issued(certificate, descriptor.authorities, SystemClock().now())
    if asked.server != about.log or not same(enrolment.encode_key(certificate.key), asked.spki):
        raise VerificationError(
            3,
            "the certificate is not for the keys with that fingerprint",
            hint="do not go on: somebody swapped it",
        )
    person = certificate.subject
    if person != read_reference(reference, home=descriptor.agency) or not keeps_custody(
        certificate.roles
    ):
        raise VerificationError(
            3,
            "the node shows the certificate of somebody else, or of no custodian",
            hint="an administrator sees who is who: `custody person list`",
        )
    node.put_custody_key(custody_key.seal(key, person, asked.hpke).encode())
    return person


def lacks_key(keyring: FileKeyring, certificate: Certificate, descriptor: Descriptor) -> bool:
    """Whether a keyring is that of a custodian of the descriptor's agency who has no custody
    key.
    """
    own = certificate.agency == descriptor.agency and keeps_custody(certificate.roles)
    return own and CUSTODY not in keyring.names()


def take(
    keyring: FileKeyring, node: NodeClient, certificate: Certificate, descriptor: Descriptor
) -> bool:
    """Take the custody key that waits for a new custodian into their keyring; whether there was
    one. May be repeated.

    Raises:
        VerificationError: another key than that of the descriptor under which they joined.
            KeyringError: sealed to another key.
    """
    if not lacks_key(keyring, certificate, descriptor):
        return False
    sealed = node.own_custody_key()
    if sealed is None:
        return False
    _require_pinned(keyring, certificate, descriptor)
    key = custody_key.open_sealed(
        sealed,
        keyring.hpke_key("hpke-person"),
        person=certificate.subject,
        custody=descriptor.custody,
    )
    keyring.put_hpke_key(CUSTODY, key)
    keyring.save()  # before the node forgets what it keeps
    node.hold_custody_key(key.public.digest)
    return True


def confirm(
    keyring: FileKeyring, node: NodeClient, certificate: Certificate, descriptor: Descriptor
) -> None:
    """Tell the node that we hold the custody key, where it does not know."""
    if (
        certificate.agency == descriptor.agency
        and "custodian" in certificate.roles
        and CUSTODY in keyring.names()
    ):
        digest = keyring.hpke_key(CUSTODY).public.digest
        if digest == descriptor.custody.digest:
            node.hold_custody_key(digest)


def _require_pinned(keyring: FileKeyring, certificate: Certificate, descriptor: Descriptor) -> None:
    """The descriptor whose custody key counts is the one of the invitation, which came by another
    way than from the node.
    """
    certificates.verify_issued(certificate, descriptor.authorities, SystemClock().now())
    if PINNED in keyring.names() and keyring.get(PINNED) != descriptor.digest:
        hint = "do not go on before somebody compared it with the agencies' registry"
        raise VerificationError(
            4,
            "the node shows another descriptor than the one that you were invited under",
            hint=hint,
        )
