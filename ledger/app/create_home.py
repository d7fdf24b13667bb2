"""Founding a home: keys, contracts, log, first person. Built aside and renamed at the end: there is
a home or there is none.

A home has an embedded chain of its own, or joins one that agencies share; then its keys come first
(`prepare`), somebody deploys the contracts for all founders (see deploying.py), and the home is
completed on that chain (`join`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.adapters import files, profiles
from ledger.adapters.chain.contracts import Contracts, address_of
from ledger.adapters.clock import SystemClock
from ledger.adapters.keystore.file import FileKeyring
from ledger.app import bootstrap, joined_chain, settings
from ledger.app.chain_settings import ChainSettings
from ledger.app.deploy_contracts import MAX_ANCHORING_DELAY, FounderDescriptor, deploy
from ledger.app.settings import HomeSettings
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain import finality
from ledger.domain.chain.finality import SealRule
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import FormatError, StorageError, UsageError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity import enrolment
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.names import check_code, log_urn, role_urn
from ledger.domain.ports.node_and_chain import BlockRef
from ledger.domain.untrusted import hosts
from ledger.rows.agencies import DescriptorRow
from ledger.rows.people import PersonRow
from ledger.services.access import service_numbers
from ledger.services.node.certificate_authority import Authority, new_pseudonym
from ledger.services.partners import directory
from ledger.services.records.documents import encode_hpke
from ledger.services.registration import agency_statements

_POLICY: Final = (
    "statements of people enrolled at this agency, checked as docs/format.md says "
    "before they are sequenced"
)
_ELSEWHERE: Final = (
    "choose another folder: custody --home NEW-FOLDER init --agency CODE --person NUMBER"
)


@dataclass(frozen=True, slots=True)
class Founded:
    """What a new home is: for the person who made it to read."""

    path: Path
    agency: str
    pseudonym: str
    chain_id: int
    registry: str
    ledger: str


def require_room(home: Path) -> None:
    """Refuse to make a home where something is already.

    Raises:
        UsageError: it is.
    """
    settings.require_new(home, hint=_ELSEWHERE)


def found(
    home: Path,
    *,
    agency: str,
    person: str,
    roles: list[str],
    passphrase: bytes,
    profile: str = "neutral",
) -> Founded:
    """Create a home with an embedded chain, deploy the contracts and enrol its first person.

    Raises:
        UsageError: something is there already, or the agency code is malformed.
    """
    require_room(home)
    with files.building(home, what="the home could not be created") as aside:
        keyring, card, sealed = _prepare(
            aside, agency, person, roles, passphrase, url="", profile=profile
        )
        chain_settings = ChainSettings("local", 2**31 + secrets.randbelow(2**31))
        chain, _ = bootstrap.open_chain(
            aside, chain_settings, keyring, SystemClock(), [*card.accounts]
        )
        try:
            contracts, block = deploy(chain, keyring.get("governor"), [card])
            made = _complete(aside, keyring, card, sealed, contracts, block, chain_settings)
        finally:
            chain.close()
        keyring.save()
    return Founded(home, *made)


def prepare(
    home: Path,
    *,
    agency: str,
    person: str,
    roles: list[str],
    passphrase: bytes,
    url: str,
    profile: str,
) -> FounderDescriptor:
    """Make the keys of an agency that will share a chain; returns what the deployment of the
    contracts needs of it.

    Args:
        url: where other agencies will reach this node.

    Raises:
        UsageError: something is there already, the agency code or the address is malformed.
    """
    url = hosts.origin(url, what="a node")
    require_room(home)
    with files.building(home, what="the home could not be created") as aside:
        keyring, card, sealed = _prepare(
            aside, agency, person, roles, passphrase, url=url, profile=profile
        )
        value = {"card": card.as_json(), "number": b64url(sealed)}
        files.write(aside / settings.FOUNDING, json.dumps(value, indent=1).encode() + b"\n")
        keyring.save()
    return card


def join(
    home: Path,
    root: TrustRoot,
    *,
    url: str,
    confirmations: int,
    passphrase: bytes,
    partners: Sequence[FounderDescriptor] = (),
) -> Founded:
    """Complete a prepared home on a shared chain; may be repeated until it succeeds.

    Args:
        partners: cards of other founders that it shall know from the start.

    Raises:
        UsageError: nothing is prepared there, or too few confirmations for the signers of the
            chain, or a partner has no address or is this agency itself. StorageError: others can
            write in it. ChainError: another chain, one that others seal, contracts that are not
            genuine, other founders than ours, or than the cards say.
    """
    from ledger.adapters.chain.rpc import RpcChain

    settings.require_private(home)
    if (home / settings.CONFIG).exists():
        (home / settings.FOUNDING).unlink(missing_ok=True)
        raise UsageError(
            f"{home} is a complete home already", hint="begin to work with it: custody status"
        )
    try:
        value = strict_json.lenient((home / settings.FOUNDING).read_bytes())
        card, sealed = (
            FounderDescriptor.parse(value["card"]),
            from_b64url(value["number"], what="number"),
        )
    except OSError as error:
        raise UsageError(
            f"{home} is not prepared to join a chain",
            hint="begin with: custody init --agency CODE --person NUMBER --url URL --card FILE",
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(
            f"{home / settings.FOUNDING} cannot be read", hint="prepare the home anew"
        ) from error
    if any(one.agency == card.agency for one in partners):
        raise UsageError(
            f"a card of --partner is of {card.agency}, which this home is itself: expected those "
            "of others",
            hint="leave that card out; one that you did not make names keys of somebody else's",
        )
    keyring = FileKeyring.open(home / settings.KEYRING, passphrase)
    finality.require_depth(root.finality, confirmations)
    joined_chain.require(url, root)
    chain = RpcChain(url, confirmations=confirmations, headers=root.headers)
    try:
        contracts = Contracts(chain, root.registry.address, root.ledger.address)
        block = joined_chain.deployed_in(contracts, root, card)
        for one in partners:
            joined_chain.require_in_force(contracts, root, one)
        rules = tuple(finality.encode(rule) for rule in root.finality if isinstance(rule, SealRule))
        chain_settings = ChainSettings(
            "rpc", root.chain_id, url, confirmations, root.headers, rules
        )
        for leftover in home.glob("ledger.sqlite*"):  # of an attempt that did not end
            leftover.unlink()
        made = _complete(home, keyring, card, sealed, contracts, block, chain_settings, partners)
    finally:
        chain.close()
    (home / settings.FOUNDING).unlink()
    return Founded(home, *made)


def _prepare(
    aside: Path,
    agency: str,
    person: str,
    roles: list[str],
    passphrase: bytes,
    *,
    url: str,
    profile: str,
) -> tuple[FileKeyring, FounderDescriptor, bytes]:
    """Profile, keys of the agency and of its first person; their service number comes back
    sealed.
    """
    followed = profiles.load(profile)
    roles = sorted({followed.role(role) for role in roles})
    try:
        check_code(agency)
        for role in roles:
            role_urn(role)
    except FormatError as error:
        raise UsageError(
            error.message,
            hint=(
                "custody init --agency CODE --person NUMBER, with a code such as NL-POL, and roles "
                "such as officer, custodian or administrator"
            ),
        ) from error
    followed.require_apart(roles)
    files.write(aside / profiles.FILE, profiles.source(profile))
    if not person.strip():
        raise UsageError("the service number is empty")
    now = SystemClock().now()
    keyring = FileKeyring.create(aside / settings.KEYRING, passphrase)
    authority = _make_keys(keyring, agency, now)
    pseudonym = new_pseudonym()
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = authority.issue(
        key.public_key(), agency=agency, pseudonym=pseudonym, roles=roles, service=False, now=now
    )
    keyring.put_signing_key("person", key)
    keyring.put_hpke_key("hpke-person", HpkePrivateKey.generate())
    keyring.put("person-certificate", certificate)
    sealed = service_numbers.seal_number(keyring.get("people"), person, pseudonym.encode())
    card = FounderDescriptor(
        _descriptor(keyring, agency, authority, url),
        address_of(keyring.get("governor")),
        address_of(keyring.get("anchorer")),
        address_of(keyring.get("recovery")),
    )
    return keyring, card, sealed


def _descriptor(keyring: FileKeyring, agency: str, authority: Authority, url: str) -> Descriptor:
    log = keyring.signing_key("log")
    assert isinstance(log, Ed25519PrivateKey)
    return descriptors.build(
        agency=agency,
        version=1,
        jurisdiction=agency[:2],
        authorities=[authority.der],
        log_key=log.public_key().public_bytes_raw(),
        node=keyring.hpke_key("hpke-node").public,
        custody=keyring.hpke_key("hpke-custody").public,
        max_anchoring_delay=MAX_ANCHORING_DELAY,
        crl=f"{url}/v1/log/crl" if url else "",
        service=url,
    )


def _make_keys(keyring: FileKeyring, agency: str, now: int) -> Authority:
    authority = Authority.found(agency, now)
    keyring.put_signing_key("ca", authority.key)
    keyring.put("ca-certificate", authority.der)
    keyring.put_signing_key("log", Ed25519PrivateKey.generate())
    service = ec.generate_private_key(ec.SECP256R1())
    keyring.put_signing_key("service", service)
    pseudonym = new_pseudonym()
    certificate = authority.issue(
        service.public_key(),
        agency=agency,
        pseudonym=pseudonym,
        roles=["service"],
        service=True,
        now=now,
    )
    keyring.put("service-certificate", certificate)
    for name in ("hpke-node", "hpke-custody"):
        keyring.put_hpke_key(name, HpkePrivateKey.generate())
    for name in ("governor", "anchorer", "recovery", "sealer", "index", "people", "journal"):
        keyring.put(name, secrets.token_bytes(32))
    return authority


def _complete(
    home: Path,
    keyring: FileKeyring,
    card: FounderDescriptor,
    number: bytes,
    contracts: Contracts,
    block: BlockRef,
    chain: ChainSettings,
    partners: Sequence[FounderDescriptor] = (),
) -> tuple[str, str, int, str, str]:
    """Open the log, publish descriptor and revocation list in it, and write down the first person;
    settings come last.
    """
    # Agencies that give their own address on this machine try it out here together: they may reach
    # one another, others may not.
    service = card.descriptor.service
    allowed = (
        hosts.HERE if service and hosts.is_here(hosts.parse(service, what="a node").host) else ()
    )
    registry, ledger = "0x" + contracts.registry.hex(), "0x" + contracts.ledger.hex()
    config = HomeSettings(1, card.agency, 0, chain, registry, ledger, networks=allowed)
    node = bootstrap.assemble(home, config, keyring, contracts.chain, SystemClock())
    try:
        with node.records.write() as unit:
            unit.authority.put_descriptor(
                DescriptorRow(1, card.descriptor.raw, block.time, block.number)
            )
            anchors = [
                f"EVM chain {chain.id}",
                f"registry {config.registry}",
                f"ledger {config.ledger}",
            ]
            agency_statements.open_log(node, unit, number=0, policy=_POLICY, anchors=anchors)
            agency_statements.publish(
                node,
                unit,
                "descriptor-published",
                {"version": 1, "digest": card.descriptor.digest.hex()},
            )
            agency_statements.publish_crl(node, unit)
            certificate = certificates.parse(keyring.get("person-certificate"))
            unit.people.put_certificate(certificate.digest, certificate.der)
            hpke, custody = keyring.hpke_key("hpke-person").public, card.descriptor.custody.digest
            proof = enrolment.sign(
                keyring.signing_key("person"), server=log_urn(node.log_id), hpke=hpke
            )
            row = PersonRow(
                certificate.subject,
                certificate.digest,
                encode_hpke(hpke),
                number,
                active=True,
                proof=proof,
                custody=custody,
            )
            unit.people.put(row)
            for one in partners:
                directory.introduce(node, unit, one.descriptor, block)
    finally:
        node.records.close()
        node.blocks.close()
    settings.write(home, config)
    return card.agency, certificate.pseudonym, chain.id, config.registry, config.ledger
