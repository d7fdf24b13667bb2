"""A person joins an agency from their own machine: a folder with keys that never leave it, and the
way to the node.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from ledger.adapters import files
from ledger.adapters.clock import SystemClock
from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.node.client import NodeClient
from ledger.app import settings
from ledger.app.settings import ClientSettings
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.cose import PublicKey
from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import FormatError, UsageError, VerificationError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity import enrolment
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.descriptor import Descriptor

_LIMIT = 64 << 10
_CARD = "custody-card"
_CERTIFICATE = "person-certificate"
_INVITATION = "invitation"
_ELSEWHERE: Final = (
    "choose another folder for your keys: custody --home NEW-FOLDER person enrol INVITATION"
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """What an administrator hands over by a safe way: whoever has it can ask in that person's
    place.
    """

    v: int
    server: str
    agency: str
    log: str
    descriptor: str
    code: str
    expires: str

    def encode(self) -> bytes:
        """As a file."""
        return json.dumps(asdict(self), indent=1).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """How far it is: the fingerprint to compare, and the certificate once an administrator
    approved.
    """

    fingerprint: str
    certificate: Certificate | None


def read_invitation(path: Path) -> Invitation:
    """Read an invitation.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LIMIT)
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint="ask the administrator for the invitation"
        ) from error
    return _parse_invitation(data, str(path))


def kept_invitation(keyring: FileKeyring) -> Invitation | None:
    """The invitation by which somebody asked to join; None where an earlier version made the keys.

    Raises:
        UsageError: it was altered.
    """
    if _INVITATION not in keyring.names():
        return None
    return _parse_invitation(keyring.get(_INVITATION), "what is kept of the invitation")


def _parse_invitation(data: bytes, name: str) -> Invitation:
    try:
        found = Invitation(**strict_json.lenient(data))
    except (ValueError, TypeError) as error:
        raise UsageError(
            f"{name} is not an invitation", hint="ask the administrator for the invitation"
        ) from error
    texts = (found.server, found.agency, found.log, found.descriptor, found.code, found.expires)
    if (
        found.v != 1
        or not all(isinstance(text, str) for text in texts)
        or not re.fullmatch(r"https?://[^/\s?#@]+", found.server)
    ):
        raise UsageError(f"{name} is not an invitation", hint="ask the administrator for a new one")
    return found


def invitation(node: NodeClient, *, server: str, number: str, roles: list[str]) -> Invitation:
    """Invite somebody to the node that ``node`` talks to, which they reach at ``server``."""
    about, made = node.agency(), node.invite(number, roles)
    digest = descriptors.parse(from_b64url(about.descriptor, what="descriptor")).digest.hex()
    return Invitation(
        1, server.rstrip("/"), about.agency, about.log, digest, made.code, made.expires
    )


def require_room(home: Path) -> None:
    """Refuse to make a person's folder where something is already.

    Raises:
        UsageError: it is.
    """
    settings.require_new(home, hint=_ELSEWHERE)


def make_keys(home: Path, given: Invitation, passphrase: bytes) -> None:
    """Make the person's folder, whole or not at all: nothing of it is sent before it is on the
    disk.

    Raises:
        UsageError: something is there already. KeyringError: the passphrase is empty.
    """
    require_room(home)
    with files.building(home, what="the folder could not be created") as aside:
        keyring = FileKeyring.create(aside / settings.KEYRING, passphrase)
        keyring.put_signing_key("person", ec.generate_private_key(ec.SECP256R1()))
        keyring.put_hpke_key("hpke-person", HpkePrivateKey.generate())
        keyring.put("journal", secrets.token_bytes(32))
        keyring.put(_INVITATION, given.encode())
        keyring.save()
        settings.write_client(aside, ClientSettings(1, given.server, given.agency, given.log))


def enrol(keyring: FileKeyring, given: Invitation, node: NodeClient) -> Enrolled:
    """Send the public keys, and take the certificate if it is there. May be repeated until it is.

    Raises:
        VerificationError: the node is not the one of the invitation, or the certificate not for
            these keys.
        DeniedError: the invitation is not, or no longer, good. ConflictError: somebody else used
            it.
    """
    descriptor = recognised(node, given)
    key, hpke = keyring.signing_key("person"), keyring.hpke_key("hpke-person")
    request = enrolment.sign(key, server=given.log, hpke=hpke.public)
    fingerprint = enrolment.parse(request).fingerprint
    if node.request_enrolment(given.code, request) != fingerprint:
        raise VerificationError(
            3,
            "the node names another fingerprint than that of your keys",
            hint="do not go on: tell the administrator",
        )
    found = node.enrolment(given.code)
    if found.certificate is None:
        return Enrolled(fingerprint, None)
    keyring.put("descriptor", descriptor.digest)
    der = from_b64url(found.certificate, what="certificate")
    return Enrolled(fingerprint, keep_certificate(keyring, der, descriptor))


def keep_certificate(keyring: FileKeyring, der: bytes, descriptor: Descriptor) -> Certificate:
    """Keep the certificate that an agency issued for the key of a person in their keyring.

    Raises:
        VerificationError: it is not for that key, or not the agency's.
    """
    certificate = certificates.parse(der)
    revocation_lists.verify_current(certificate, descriptor.authorities, (), SystemClock().now())
    own = keyring.signing_key("person").public_key()
    if certificate.agency != descriptor.agency or not _same_key(certificate.key, own):
        raise VerificationError(
            3, "the certificate is not for your keys", hint="do not use it: tell the administrator"
        )
    if is_enrolled(keyring):
        before = certificates.parse(keyring.get(_CERTIFICATE)).subject
        if certificate.subject != before:
            raise VerificationError(
                3,
                f"the node shows a certificate of {certificate.subject} for your keys, and you are "
                f"{before}",
                hint="do not use it: tell the administrator",
            )
    keyring.put(_CERTIFICATE, certificate.der)
    keyring.save()
    return certificate


def require_same_node(home: Path, given: Invitation) -> None:
    """Refuse an invitation to another node than the one that a folder's keys are for.

    Raises:
        UsageError: it is.
    """
    known = settings.read_client(home)
    if (known.agency, known.log) != (given.agency, given.log):
        raise UsageError(
            f"{home} holds keys for the node of {known.agency}, and the invitation is from another "
            f"node, of {given.agency}",
            hint=_ELSEWHERE,
        )


def changes(home: Path, keyring: FileKeyring, given: Invitation) -> str:
    """What an invitation would change for somebody who asked to join by another one, in words;
    empty where it is the same, or nobody asked. A descriptor and a log are public, so that anybody
    can write an invitation to a machine of theirs, or hand over a colleague's.
    """
    kept, server = kept_invitation(keyring), settings.read_client(home).server
    told = []
    if server != given.server:
        told.append(f"goes to {given.server} in the place of {server}")
    if kept is not None and kept.code != given.code:
        told.append("has another code, which may be for another service number")
    return "this invitation " + " and ".join(told) if told else ""


def is_enrolled(keyring: FileKeyring) -> bool:
    """Whether a person's keyring has a certificate already."""
    return _CERTIFICATE in keyring.names()


def move(home: Path, keyring: FileKeyring, given: Invitation) -> None:
    """Go on with a newer invitation, for somebody who has no certificate yet.

    Whoever has one goes on to log in where they always did: an invitation that somebody made up
    would have them log in through somebody else's machine.
    """
    if _INVITATION not in keyring.names() or keyring.get(_INVITATION) != given.encode():
        keyring.put(_INVITATION, given.encode())
        keyring.save()
    known = settings.read_client(home)
    if known.server != given.server:
        settings.write_client(home, replace(known, server=given.server))


def recognised(node: NodeClient, given: Invitation) -> Descriptor:
    """The descriptor of the node that an invitation is for.

    Raises:
        VerificationError: another node answers. NetworkError: none does.
    """
    about = node.agency()
    descriptor = descriptors.parse(from_b64url(about.descriptor, what="descriptor"))
    told = (about.log, descriptor.digest.hex(), descriptor.agency)
    if told != (given.log, given.descriptor, given.agency):
        raise VerificationError(
            4,
            "another node answers than the one that invited you",
            hint="ask the administrator for a new invitation",
        )
    return descriptor


def _same_key(public_key: PublicKey, other: PublicKey) -> bool:
    return same(enrolment.encode_key(public_key), enrolment.encode_key(other))


def _any_log(log: str) -> None:
    """Where a test or a caller knows already whose node it is."""


def fetch(
    keyring: FileKeyring, node: NodeClient, *, require: Callable[[str], None] = _any_log
) -> Certificate:
    """Take the certificate that belongs to our key now, and keep it.

    Args:
        require: raises where a log is not that of the node that is meant; nothing is signed for it.

    Raises:
        DeniedError: the key belongs to nobody who is active there. VerificationError: the
            certificate is not for our key, or makes somebody else of us.
    """
    about = node.agency()
    require(about.log)
    key = keyring.signing_key("person")
    proof = enrolment.sign(key, server=about.log, hpke=keyring.hpke_key("hpke-person").public)
    descriptor = descriptors.parse(from_b64url(about.descriptor, what="descriptor"))
    return keep_certificate(keyring, node.own_certificate(proof), descriptor)


def card(
    keyring: FileKeyring, node: NodeClient, *, require: Callable[[str], None] = _any_log
) -> bytes:
    """A card for another agency's node: our certificate, and the proof that we made the card for
    them.

    Args:
        require: raises where a log is not that of the node that is meant; nothing is signed for it.
    """
    log = node.agency().log
    require(log)
    proof = enrolment.sign(
        keyring.signing_key("person"), server=log, hpke=keyring.hpke_key("hpke-person").public
    )
    value = {
        "v": 1,
        "kind": _CARD,
        "certificate": b64url(keyring.get(_CERTIFICATE)),
        "request": b64url(proof),
    }
    return json.dumps(value, indent=1).encode() + b"\n"


def read_card(path: Path) -> tuple[bytes, bytes]:
    """Certificate and proof of a guest's card.

    Raises:
        UsageError: it cannot be read, or is none.
    """
    try:
        with path.open("rb") as file:
            value = strict_json.lenient(file.read(_LIMIT))
        if value["v"] != 1 or value["kind"] != _CARD:
            raise ValueError
        return from_b64url(value["certificate"], what="card"), from_b64url(
            value["request"], what="card"
        )
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", hint="ask the guest for the card"
        ) from error
    except (ValueError, KeyError, TypeError, FormatError) as error:
        raise UsageError(
            f"{path} is not a guest's card", hint="`custody person card` makes one"
        ) from error
