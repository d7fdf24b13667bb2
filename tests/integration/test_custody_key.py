"""The custody key goes from one custodian to the next, and to nobody else; whoever carries it can
neither read nor swap it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.adapters.keystore.file import FileKeyring
from ledger.app import create_home, enrolling, give_custody_key
from ledger.app.settings import KEYRING
from ledger.client.handovers import handover
from ledger.client.reading import retrieval
from ledger.domain.codecs.cbor import encode
from ledger.domain.codecs.text import from_b64url
from ledger.domain.crypto import custody_key
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import (
    ConflictError,
    DeniedError,
    FormatError,
    KeyringError,
    NotFoundError,
    RuleError,
    VerificationError,
)
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity import enrolment
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.identity.person import PersonId
from ledger.rows.people import CustodyKeyRow
from ledger.services.access import custody_keys
from tests.support.desk import BASIS, PASSPHRASE, Desk
from tests.support.people import Colleague, joined


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A home whose first person is administrator, officer and custodian."""
    home = tmp_path_factory.mktemp("office") / "home"
    create_home.found(
        home,
        agency="NL-POL",
        person="4711",
        roles=["administrator", "officer", "custodian"],
        passphrase=PASSPHRASE,
    )
    with Desk(home) as desk:
        yield desk


@pytest.fixture
def second(office: Desk, tmp_path: Path, rng: random.Random) -> Colleague:
    """Somebody invited as a custodian, whom nobody gave the key yet."""
    return joined(
        office, tmp_path / "second", "officer", "custodian", number=str(rng.getrandbits(64))
    )


def state(office: Desk, who: Colleague) -> str:
    return next(
        str(person.custodyKey)
        for person in office.client.people()
        if person.reference == who.pseudonym
    )


def fingerprint(who: Colleague) -> str:
    with who.working() as (_, person):
        return person.fingerprint


def give(office: Desk, who: Colleague) -> None:
    give_custody_key.give(
        office.home.keyring, office.client, who.pseudonym, fingerprint=fingerprint(who)
    )


def take(who: Colleague) -> bool:
    with who.working() as (client, person):
        return give_custody_key.take(who.keyring, client, person.certificate, person.descriptor)


def descriptor(office: Desk) -> Descriptor:
    return descriptors.parse(from_b64url(office.client.agency().descriptor, what="descriptor"))


def uploaded(office: Desk, tmp_path: Path, rng: random.Random) -> tuple[str, bytes]:
    data = rng.randbytes(3000)
    (tmp_path / "photo.jpg").write_bytes(data)
    return office.upload(tmp_path / "photo.jpg")[0].evidence, data


def test_a_new_custodian_gets_the_key_and_gets_shares_and_hands_over(
    office: Desk, second: Colleague, tmp_path: Path, rng: random.Random
) -> None:
    photo, data = uploaded(office, tmp_path, rng)
    assert state(office, second) == custody_keys.WAITS
    with pytest.raises(DeniedError, match="custody key is not in your keyring") as refused:
        second.get(photo)
    assert refused.value.hint is not None
    assert (
        f"person give-key {second.pseudonym} --fingerprint '{fingerprint(second)}'"
        in refused.value.hint
    )
    give(office, second)
    assert state(office, second) == custody_keys.SEALED
    assert take(second)
    assert state(office, second) == custody_keys.HOLDS
    assert not take(second), "nothing waits any more"
    again = FileKeyring.open(second.home / KEYRING, PASSPHRASE)
    assert again.hpke_key("hpke-custody").public == descriptor(office).custody, (
        "it is in the keyring on the disk"
    )

    assert second.get(photo) == data
    third = joined(office, tmp_path / "third", "officer", number="third")
    with second.working() as (client, person):
        handover.share(
            client, person, office.clock, photo, with_person=third.pseudonym, basis=BASIS
        )
    assert third.get(photo) == data
    with second.working() as (client, person):
        handover.offer(
            client,
            person,
            office.clock,
            photo,
            OfferTerms("NL-POL", int(time.time()) + 3600, person=third.pseudonym),
        )
    with third.working() as (client, person):
        handover.accept(client, person, office.clock, photo)
    assert office.client.item(photo).holder == third.pseudonym
    assert second.get(photo) == data, "the custodians keep their way to what the agency holds"


def test_the_node_that_carries_the_key_cannot_read_it(office: Desk, second: Colleague) -> None:
    give(office, second)
    seed = office.home.keyring.hpke_key("hpke-custody").seed
    with office.node.records.read() as unit:
        row = unit.people.custody_key(second.id)
    assert row is not None
    assert row.by == office.person.certificate.subject
    assert seed not in row.sealed
    with pytest.raises(VerificationError, match="for somebody else"):
        custody_key.open_sealed(
            row.sealed,
            office.node.keys.hpkes[0],
            person=second.id,
            custody=descriptor(office).custody,
        )
    with pytest.raises(KeyringError):
        custody_key.open_sealed(
            replace(
                custody_key.parse(row.sealed), recipient=office.node.keys.hpkes[0].public.digest
            ).encode(),
            office.node.keys.hpkes[0],
            person=second.id,
            custody=descriptor(office).custody,
        )


def test_a_key_that_was_swapped_on_the_way_is_not_taken(office: Desk, second: Colleague) -> None:
    made, mine = HpkePrivateKey.generate(), second.keyring.hpke_key("hpke-person").public
    genuine = custody_key.seal(office.home.keyring.hpke_key("hpke-custody"), second.id, mine)
    custody = office.home.keyring.hpke_key("hpke-custody")
    another = custody_key.seal(made, second.id, mine)
    altered = genuine.sealed[:-1] + bytes([genuine.sealed[-1] ^ 1])
    for swapped, error, match in (
        (another, VerificationError, "not the custody key of the agency's descriptor"),
        (replace(another, custody=genuine.custody), KeyringError, "altered"),
        (replace(genuine, sealed=altered), KeyringError, "altered"),
        (
            custody_key.seal(custody, PersonId("NL-POL", "b" * 26), mine),
            VerificationError,
            "for somebody else",
        ),
        (
            custody_key.seal(custody, second.id, made.public),
            VerificationError,
            "for somebody else",
        ),
    ):
        with office.node.records.write() as unit:  # as a node would that is not honest
            unit.people.put_custody_key(
                CustodyKeyRow(second.id, genuine.custody, swapped.encode(), second.id)
            )
        with pytest.raises(error, match=match):
            take(second)
        assert "hpke-custody" not in second.keyring.names()
        assert "hpke-custody" not in FileKeyring.open(second.home / KEYRING, PASSPHRASE).names()


def test_another_custody_key_under_another_descriptor_is_not_taken(
    office: Desk, second: Colleague
) -> None:
    mine, made = second.keyring.hpke_key("hpke-person").public, HpkePrivateKey.generate()
    real = descriptor(office)
    forged = replace(real, custody=made.public, raw=real.raw + b" ")
    with office.node.records.write() as unit:
        unit.people.put_custody_key(
            CustodyKeyRow(
                second.id,
                made.public.digest,
                custody_key.seal(made, second.id, mine).encode(),
                second.id,
            )
        )
    with (
        second.working() as (client, person),
        pytest.raises(VerificationError, match="another descriptor"),
    ):
        give_custody_key.take(second.keyring, client, person.certificate, forged)
    assert "hpke-custody" not in second.keyring.names()


def test_a_node_that_shows_keys_of_its_own_is_given_nothing(
    office: Desk, second: Colleague, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = fingerprint(second)
    key, hpke = ec.generate_private_key(ec.SECP256R1()), HpkePrivateKey.generate()
    proof = enrolment.sign(key, server=office.client.agency().log, hpke=hpke.public)
    roles = {
        "agency": "NL-POL",
        "pseudonym": second.pseudonym,
        "roles": ["custodian"],
        "service": False,
    }
    der = office.node.keys.authority.issue(key.public_key(), now=office.clock.now(), **roles)
    own = office.client.custodian_card(second.pseudonym)
    half = enrolment.sign(
        second.keyring.signing_key("person"), server=office.client.agency().log, hpke=hpke.public
    )
    for card in ((der, proof), (own[0], proof), (der, own[1]), (own[0], half)):
        monkeypatch.setattr(type(office.client), "custodian_card", lambda *_, card=card: card)
        with pytest.raises(VerificationError):
            give_custody_key.give(
                office.home.keyring, office.client, second.pseudonym, fingerprint=known
            )
    assert state(office, second) == custody_keys.WAITS


def test_the_key_goes_to_custodians_of_the_agency_alone(
    office: Desk, second: Colleague, tmp_path: Path
) -> None:
    officer = joined(office, tmp_path / "officer", "officer", number="officer")
    with pytest.raises(RuleError, match="custodians only"):
        give(office, officer)
    key = office.home.keyring.hpke_key("hpke-custody")
    sealed = custody_key.seal(key, officer.id, officer.keyring.hpke_key("hpke-person").public)
    with pytest.raises(RuleError):
        office.client.put_custody_key(sealed.encode())
    with pytest.raises(DeniedError):
        office.client.put_custody_key(
            replace(sealed, person=PersonId("RO-DIICOT", second.pseudonym)).encode()
        )
    with pytest.raises(ConflictError, match="another key"):
        office.client.put_custody_key(replace(sealed, person=second.id).encode())
    with pytest.raises(FormatError):
        office.client.put_custody_key(encode({"kind": "custody-key"}))
    with officer.client() as client:
        for call in (
            client.own_custody_key,
            lambda: client.put_custody_key(sealed.encode()),
            lambda: client.hold_custody_key(key.public.digest),
        ):
            with pytest.raises(DeniedError):
                call()
    with second.client() as client:
        assert client.own_custody_key() is None, "what waits for one is not shown to another"
        with pytest.raises(ConflictError):
            client.hold_custody_key(b"\x00" * 32)
    with pytest.raises(KeyringError, match="do not hold"), second.client() as client:
        give_custody_key.give(second.keyring, client, second.pseudonym, fingerprint="")


def test_whoever_loses_the_role_keeps_the_key_and_whoever_waited_gets_none(
    office: Desk, second: Colleague, tmp_path: Path
) -> None:
    give(office, second)
    assert take(second)
    done = office.client.renew(second.pseudonym, ["officer"])
    assert done.keepsCustodyKey is True
    assert state(office, second) == custody_keys.KEPT
    third = joined(office, tmp_path / "third", "custodian", number="waiting")
    give(office, third)
    done = office.client.renew(third.pseudonym, ["officer"])
    assert (done.keepsCustodyKey, state(office, third)) == (False, "")
    with office.node.records.read() as unit:
        assert unit.people.custody_key(third.id) is None
    assert office.client.suspend(second.pseudonym).keepsCustodyKey is True
    assert state(office, second) == custody_keys.KEPT, (
        "a suspension takes no key out of anybody's hands"
    )


def test_an_officer_who_becomes_a_custodian_gets_the_key_with_the_new_certificate(
    office: Desk, tmp_path: Path, rng: random.Random
) -> None:
    photo, data = uploaded(office, tmp_path, rng)
    officer = joined(office, tmp_path / "officer", "officer", number="promoted")
    with pytest.raises(NotFoundError, match="none that you may see"):
        officer.get(photo)
    assert (
        office.client.renew(officer.pseudonym, ["custodian", "officer"]).custodyKey
        == custody_keys.WAITS
    )
    give(office, officer)
    with officer.client() as client:
        enrolling.fetch(officer.keyring, client)
    assert take(officer)
    assert officer.get(photo) == data


def test_whoever_joined_before_keys_were_kept_signs_for_them_again(
    office: Desk, second: Colleague
) -> None:
    with office.node.records.write() as unit:
        row = unit.people.get(second.id)
        assert row is not None
        unit.people.put(replace(row, proof=b""))
    with pytest.raises(ConflictError, match="did not keep") as refused:
        give(office, second)
    assert refused.value.hint == "they run: `custody person fetch`"
    with second.client() as client:
        enrolling.fetch(second.keyring, client)
    give(office, second)
    assert take(second)


def test_without_a_key_nobody_is_told_to_ask_whom_they_are(
    office: Desk, second: Colleague, tmp_path: Path, rng: random.Random
) -> None:
    photo, _ = uploaded(office, tmp_path, rng)
    officer = joined(office, tmp_path / "officer", "officer", number="without")
    for who in (second, officer):
        with who.working() as (_, person):
            refused = retrieval._without_key(person, photo)
        assert ("custodian who holds" in str(refused.hint)) == (who is officer)
        assert "ask the custodians" not in f"{refused.message} {refused.hint}"
