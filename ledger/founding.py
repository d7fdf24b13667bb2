"""Founding a home: keys, contracts, log, first person. Built aside and renamed at the end: there is a home or there is none."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import settings, wiring
from ledger.adapters import files
from ledger.adapters.chain import contracts as chain_contracts
from ledger.adapters.chain.contracts import Founder, address_of
from ledger.adapters.clock import SystemClock
from ledger.adapters.keystore.file import FileKeyring
from ledger.domain.errors import UsageError
from ledger.domain.grants import HpkePrivateKey
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.names import check_code
from ledger.domain.records import DescriptorRow, PersonRow, Unit
from ledger.services import agencylog, people
from ledger.services.authority import Authority, new_pseudonym
from ledger.services.node import Node
from ledger.settings import ChainSettings, HomeSettings

_POLICY = "statements of people enrolled at this agency, checked as docs/format.md says before they are sequenced"
_DESCRIPTOR_DELAY = 86400
_PROPOSAL_LIFE = 14 * 86400
_RECOVERY_DELAY = 7 * 86400
_MAX_ANCHORING_DELAY = 86400


@dataclass(frozen=True, slots=True)
class Founded:
    """What a new home is: for the person who made it to read."""

    path: Path
    agency: str
    pseudonym: str
    chain_id: int
    registry: str
    ledger: str


def found(home: Path, *, agency: str, person: str, roles: list[str], passphrase: bytes) -> Founded:
    """Create a home with an embedded chain, deploy the contracts and enrol its first person.

    Raises:
        UsageError: something is there already, or the agency code is malformed.
    """
    check_code(agency)
    files.require_vacant(home, hint="choose another folder for the new home")
    with files.building(home, what="the home could not be created") as aside:
        return _build(aside, home, agency, person, roles, passphrase)


def _build(aside: Path, home: Path, agency: str, person: str, roles: list[str], passphrase: bytes) -> Founded:
    clock = SystemClock()
    now = clock.now()
    keyring = FileKeyring.create(aside / settings.KEYRING, passphrase)
    authority = _make_keys(keyring, agency, now)
    chain_settings = ChainSettings("local", 2**31 + secrets.randbelow(2**31))
    accounts = [address_of(keyring.get(name)) for name in ("governor", "anchorer")]
    chain, _ = wiring.open_chain(aside, chain_settings, keyring, clock, accounts)
    node: Node | None = None
    try:
        descriptor = descriptors.build(
            agency=agency,
            version=1,
            jurisdiction=agency[:2],
            authorities=[authority.der],
            log_key=node_log_key(keyring),
            node=keyring.hpke_key("hpke-node").public,
            custody=keyring.hpke_key("hpke-custody").public,
            max_anchoring_delay=_MAX_ANCHORING_DELAY,
        )
        registry, ledger = chain_contracts.deploy(
            chain,
            keyring.get("governor"),
            [Founder(agency, accounts[0], accounts[1], descriptor.digest)],
            descriptor_delay=_DESCRIPTOR_DELAY,
            proposal_life=_PROPOSAL_LIFE,
            recovery_delay=_RECOVERY_DELAY,
        )
        config = HomeSettings(1, agency, 0, chain_settings, "0x" + registry.hex(), "0x" + ledger.hex())
        settings.write(aside, config)
        node = wiring.assemble(aside, config, keyring, chain, clock)
        block = chain.block(1)  # the registry's own, with the time from which version 1 is in force
        with node.records.write() as unit:
            unit.put_descriptor(DescriptorRow(1, descriptor.raw, block.time, block.number))
            anchors = [f"EVM chain {chain.chain_id()}", f"registry {config.registry}", f"ledger {config.ledger}"]
            agencylog.open_log(node, unit, number=0, policy=_POLICY, anchors=anchors)
            agencylog.publish(node, unit, "descriptor-published", {"version": 1, "digest": descriptor.digest.hex()})
            agencylog.publish_crl(node, unit)
            pseudonym = _enrol(keyring, authority, unit, agency, person, roles, now)
        keyring.save()
        return Founded(home, agency, pseudonym, chain.chain_id(), config.registry, config.ledger)
    finally:
        if node is not None:
            node.records.close()
            node.blocks.close()
        chain.close()


def node_log_key(keyring: FileKeyring) -> bytes:
    """Raw public log key."""
    key = keyring.signing_key("log")
    assert isinstance(key, Ed25519PrivateKey)
    return key.public_key().public_bytes_raw()


def _make_keys(keyring: FileKeyring, agency: str, now: int) -> Authority:
    authority = Authority.found(agency, now)
    keyring.put_signing_key("ca", authority.key)
    keyring.put("ca-certificate", authority.der)
    keyring.put_signing_key("log", Ed25519PrivateKey.generate())
    service = ec.generate_private_key(ec.SECP256R1())
    keyring.put_signing_key("service", service)
    pseudonym = new_pseudonym()
    certificate = authority.issue(service.public_key(), agency=agency, pseudonym=pseudonym, roles=["service"], service=True, now=now)
    keyring.put("service-certificate", certificate)
    for name in ("hpke-node", "hpke-custody"):
        keyring.put_hpke_key(name, HpkePrivateKey.generate())
    for name in ("governor", "anchorer", "sealer", "index", "people", "journal"):
        keyring.put(name, secrets.token_bytes(32))
    return authority


def _enrol(keyring: FileKeyring, authority: Authority, unit: Unit, agency: str, number: str, roles: list[str], now: int) -> str:
    """Make a person's keys and certificate; the service number is sealed, the certificate carries a pseudonym."""
    if not number.strip():
        raise UsageError("the service number is empty")
    key = ec.generate_private_key(ec.SECP256R1())
    hpke = HpkePrivateKey.generate()
    pseudonym = new_pseudonym()
    der = authority.issue(key.public_key(), agency=agency, pseudonym=pseudonym, roles=roles, service=False, now=now)
    keyring.put_signing_key("person", key)
    keyring.put_hpke_key("hpke-person", hpke)
    keyring.put("person-certificate", der)
    sealed = people.seal_number(keyring.get("people"), number, pseudonym.encode())
    certificate = certificates.parse(der)
    unit.put_certificate(certificate.digest, der)
    public = hpke.public.kem.encode() + b"\x00" + hpke.public.key
    unit.put_person(PersonRow(pseudonym, "person", certificate.digest, public, sealed, active=True))
    return pseudonym
