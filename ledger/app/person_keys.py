"""Whose keys lie in a folder: an officer's machine asks this, and has no node and no database."""

from __future__ import annotations

from ledger.adapters.keystore.file import FileKeyring
from ledger.domain.codecs.text import from_b64url
from ledger.domain.errors import UsageError
from ledger.domain.event.signing import Person
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.names import parse_log_urn
from ledger.domain.ports.node_answers import About


def person_of(keyring: FileKeyring, log_id: bytes, descriptor: Descriptor) -> Person:
    """The person whose keys lie in a keyring.

    Raises:
        KeyringError: no person's keys in it.
    """
    certificate = certificates.parse(keyring.get("person-certificate"))
    custody = keyring.hpke_key("hpke-custody") if "hpke-custody" in keyring.names() else None
    return Person(
        certificate,
        keyring.signing_key("person"),
        keyring.hpke_key("hpke-person"),
        log_id,
        descriptor,
        custody,
    )


def person_at(keyring: FileKeyring, about: About, *, guest: bool = False) -> Person:
    """The person whose keys lie in a keyring, at the node that says this of itself (see
    `/v1/agency`).

    Args:
        guest: the node of another agency was meant.

    Raises:
        KeyringError: no person's keys in it. UsageError: the node belongs to another agency.
    """
    descriptor = descriptors.parse(from_b64url(about.descriptor, what="descriptor"))
    person = person_of(keyring, parse_log_urn(about.log), descriptor)
    if person.certificate.agency != descriptor.agency and not guest:
        raise UsageError(
            f"the node belongs to {descriptor.agency}, your keys to {person.certificate.agency}"
        )
    return person
