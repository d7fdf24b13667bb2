"""People: nobody joins without an invitation and an approval, nobody approves themselves, who is
suspended is so at once.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.memory import StoppedClock
from ledger.adapters.node.client import NodeClient
from ledger.app import enrolling
from ledger.app.person_keys import person_at
from ledger.app.settings import KEYRING
from ledger.client.reading import retrieval
from ledger.domain.codecs import cbor, cose
from ledger.domain.codecs.text import b64url
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import (
    ConflictError,
    DeniedError,
    FormatError,
    NetworkError,
    NotFoundError,
    RuleError,
    UsageError,
    VerificationError,
)
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import enrolment
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.ports.node_answers import Enrolment
from ledger.domain.verify.procedure import verify
from ledger.domain.verify.report import Verdict
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.people import admission
from tests.support.desk import PASSPHRASE, Desk
from tests.support.people import Colleague, invited, joined, reference


def test_a_person_joins_with_keys_that_never_left_them_and_works(
    office: Desk, tmp_path: Path, rng: random.Random
) -> None:
    number = "number 4712"  # long enough not to stand in random bytes by chance
    colleague = invited(office, tmp_path / "mine", "officer", "examiner", number=number)
    first = colleague.enrol()
    assert first.certificate is None
    listed = next(person for person in office.client.people() if person.state == "requested")
    assert (listed.number, listed.roles, listed.fingerprint) == (
        number,
        ("examiner", "officer"),
        first.fingerprint,
    )
    assert colleague.enrol() == first, "asking again changes nothing"
    pseudonym = office.client.approve(listed.reference)
    certificate = colleague.enrol().certificate
    assert certificate is not None
    assert (certificate.pseudonym, certificate.roles) == (pseudonym, {"officer", "examiner"})
    path = tmp_path / "file"
    path.write_bytes(rng.randbytes(10_000))
    item = colleague.upload(path)
    office.anchor()
    assert verify(office.bundle(item.evidence), office.trust()).verdict is Verdict.VERIFIED
    raw = b"".join(file.read_bytes() for file in office.path.rglob("*") if file.is_file())
    assert number.encode() not in raw, "the service number is sealed"
    for name in ("person", "hpke-person", "journal"):
        assert colleague.keyring.get(name) not in raw
    assert colleague.given.code.encode() not in raw, (
        "the node keeps the hash of an invitation alone"
    )


def test_nobody_joins_without_approval_or_with_a_used_old_or_guessed_code(
    office: Desk, tmp_path: Path
) -> None:
    colleague = invited(office, tmp_path / "mine")
    colleague.enrol()
    key, borrowed = colleague.keyring.signing_key("person"), office.person.certificate.der
    with (
        NodeClient(
            "http://home", transport=office.transport, signer=lambda: (key, borrowed)
        ) as client,
        pytest.raises(VerificationError, match="login: signature does not verify"),
    ):
        client.people()  # their own key, which nobody certified, under another's certificate
    thief = Colleague(
        office,
        tmp_path / "thief",
        FileKeyring.create(tmp_path / "other", PASSPHRASE),
        colleague.given,
    )
    thief.keyring.put_signing_key("person", ec.generate_private_key(ec.SECP256R1()))
    thief.keyring.put_hpke_key("hpke-person", HpkePrivateKey.generate())
    with pytest.raises(ConflictError, match="other keys"):
        thief.enrol()
    with pytest.raises(DeniedError, match="no such invitation"):
        office.client.enrolment("A" * 32)
    office.client.approve(reference(office))
    with pytest.raises(NotFoundError):
        office.client.approve("0" * 16)
    late = invited(office, tmp_path / "late", number="4713")
    office.node.clock = StoppedClock(office.clock.now() + admission.LIFE + 1)
    with pytest.raises(DeniedError, match="expired"):
        late.enrol()


def test_nobody_approves_or_suspends_themselves_and_an_administrator_remains(
    office: Desk, tmp_path: Path
) -> None:
    mine = invited(
        office, tmp_path / "again", "prosecutor", number="4711"
    )  # the administrator's own number
    mine.enrol()
    with pytest.raises(RuleError, match="own enrolment"):
        office.client.approve(reference(office))
    with pytest.raises(RuleError, match="themselves"):
        office.client.suspend(office.person.certificate.pseudonym)
    other = joined_by_hand(office, tmp_path / "second")
    with other.client() as client:
        assert client.approve(reference(office)), "another administrator may"
        client.suspend(office.person.certificate.pseudonym)
        with pytest.raises(RuleError, match="themselves"):
            client.suspend(other.pseudonym)


def joined_by_hand(desk: Desk, folder: Path) -> Colleague:
    """A second administrator, while another request waits."""
    colleague = invited(desk, folder, "administrator", number="4720")
    waiting = {person.reference for person in desk.client.people() if person.state == "requested"}
    colleague.enrol()
    [mine] = {
        person.reference for person in desk.client.people() if person.state == "requested"
    } - waiting
    desk.client.approve(mine)
    colleague.enrol()
    return colleague


def test_only_administrators_invite_approve_and_suspend(office: Desk, tmp_path: Path) -> None:
    officer = joined(office, tmp_path / "mine", "officer", "custodian")
    with officer.client() as client:
        for call in (
            lambda: client.invite("1", ["officer"]),
            lambda: client.approve("0" * 16),
            lambda: client.suspend(officer.pseudonym),
            client.people,
        ):
            with pytest.raises(DeniedError):
                call()


def test_roles_that_nobody_can_have_are_refused(office: Desk) -> None:
    for roles in (["service"], ["king"], ["officer", "officer"]):
        with pytest.raises(UsageError):
            office.client.invite("4712", roles)
    with pytest.raises(UsageError, match="1 to 100 characters"):
        office.client.invite(" ", ["officer"])


def test_suspension_takes_effect_at_once_and_spares_what_was_signed_before(
    office: Desk, tmp_path: Path, rng: random.Random
) -> None:
    colleague = joined(office, tmp_path / "mine")
    path = tmp_path / "file"
    path.write_bytes(rng.randbytes(5000))
    item = colleague.upload(path)
    with colleague.client() as client:
        person = person_at(colleague.keyring, client.agency())
        assert client.item(item.evidence)  # a session is open
        office.client.suspend(colleague.pseudonym)
        with pytest.raises(DeniedError, match="an administrator suspended you"):
            client.item(item.evidence)
        with pytest.raises(DeniedError, match="login refused"):
            retrieval.record(
                client, person, office.clock, item.evidence, "note", {"text": "too late"}
            )
    with pytest.raises(DeniedError, match="login refused"):
        colleague.upload(path)
    listed = {one.reference: one.state for one in office.client.people()}
    assert listed[colleague.pseudonym] == "suspended"
    report = verify(office.bundle(item.evidence), office.trust())
    assert report.verdict is Verdict.VERIFIED, report
    assert office.client.suspend(colleague.pseudonym) == office.client.suspend(
        colleague.pseudonym
    ), "again: the same date"


def test_what_was_signed_with_stolen_keys_does_not_verify_and_everybody_sees_it(
    office: Desk, tmp_path: Path, rng: random.Random
) -> None:
    colleague = joined(office, tmp_path / "mine")
    path = tmp_path / "file"
    path.write_bytes(rng.randbytes(5000))
    before = office.clock.now() - 1
    item = colleague.upload(path)
    office.client.suspend(colleague.pseudonym, since=before)
    office.anchor()
    report = verify(office.bundle(item.evidence), office.trust())
    assert report.verdict is Verdict.FAILED
    assert "revoked" in str(report)
    with pytest.raises(UsageError):
        office.client.suspend(colleague.pseudonym, since=office.clock.now() + 1000)


def test_a_suspension_whose_revocation_cannot_reach_the_chain_holds_here_and_is_finished_later(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    colleague = joined(office, tmp_path / "mine")

    def unreachable(*arguments: object) -> None:
        raise NetworkError("the chain does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_anchoring, "anchor_now", unreachable)
        with pytest.raises(NetworkError):
            office.client.suspend(colleague.pseudonym)
    with pytest.raises(DeniedError, match="login refused"), colleague.client() as client:
        client.missing([])
    office.client.suspend(colleague.pseudonym)
    with office.node.records.read() as unit:
        serial, newest = (
            certificates.load(colleague.keyring.get("person-certificate")).serial_number,
            unit.authority.newest_crl(),
        )
        assert newest is not None
        assert (
            revocation_lists.load_crl(newest.der).get_revoked_certificate_by_serial_number(serial)
            is not None
        )


def test_another_node_or_a_certificate_for_other_keys_is_not_taken(
    office: Desk, tmp_path: Path
) -> None:
    colleague = invited(office, tmp_path / "mine")
    with colleague.client() as client:
        for member, value in (("log", "urn:custody:log:" + "0" * 64), ("descriptor", "0" * 64)):
            with pytest.raises(VerificationError, match="another node"):
                enrolling.enrol(
                    colleague.keyring, replace(colleague.given, **{member: value}), client
                )

        class Lying:
            def __getattr__(self, name: str) -> object:
                return getattr(client, name)

            def enrolment(self, code: str) -> Enrolment:
                return Enrolment("approved", b64url(office.person.certificate.der))

        with pytest.raises(VerificationError, match="not for your keys"):
            enrolling.enrol(colleague.keyring, colleague.given, Lying())  # type: ignore[arg-type]
    assert "person-certificate" not in colleague.keyring.names()


def test_a_request_that_proves_nothing_is_refused(office: Desk) -> None:
    key, other, hpke = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
        HpkePrivateKey.generate(),
    )
    good = enrolment.sign(key, server="urn:custody:log:" + "0" * 64, hpke=hpke.public)
    assert enrolment.parse(good).spki == enrolment.encode_key(key.public_key())
    assert enrolment.parse(
        enrolment.sign(ed25519.Ed25519PrivateKey.generate(), server="x", hpke=hpke.public)
    )
    code = office.client.invite("1", ["officer"]).code
    with pytest.raises(DeniedError, match="another node"):
        office.client.request_enrolment(code, good)
    forged = {
        "server": "x",
        "key": enrolment.encode_key(key.public_key()),
        "kem": hpke.public.kem,
        "hpke": hpke.public.key,
    }
    rsa_key = rsa.generate_private_key(65537, 2048).public_key()
    for payload, error, match in (
        (forged, VerificationError, "signature does not verify"),  # it is another key's
        (
            {**forged, "key": enrolment.encode_key(rsa_key)},  # type: ignore[arg-type]
            FormatError,
            "neither P-256 nor Ed25519",
        ),
        ({**forged, "key": b"junk"}, FormatError, "no public key"),
        ({**forged, "hpke": b"short"}, FormatError, "no HPKE key"),
        ({**forged, "kem": "none"}, FormatError, "no HPKE key"),
        ({**forged, "more": 1}, FormatError, "malformed payload"),
        ([1], FormatError, "malformed payload"),
    ):
        data = cose.sign(other, {cose.TYP: enrolment.TYPE}, cbor.encode(payload)).encode()
        with pytest.raises(error, match=match):
            enrolment.parse(data)
    for at in range(0, len(good), 41):
        # By where the byte lies: not a request any more, or one that is not signed.
        with pytest.raises((FormatError, VerificationError), match="enrolment: "):
            enrolment.parse(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])


def test_a_renewed_certificate_replaces_the_old_one_with_other_roles(
    office: Desk, tmp_path: Path, rng: random.Random
) -> None:
    colleague = joined(office, tmp_path / "mine", "officer")
    file = tmp_path / "photo.jpg"
    file.write_bytes(rng.randbytes(1000))
    before = colleague.upload(file)
    old = colleague.keyring.get("person-certificate")
    with pytest.raises(RuleError, match="their own roles"):
        office.client.renew(office.person.certificate.pseudonym, ["auditor"])
    office.client.renew(colleague.pseudonym, ["examiner", "reviewer"])
    with colleague.client() as client, pytest.raises(DeniedError):
        client.item(before.evidence)
    with colleague.client() as client:
        found = enrolling.fetch(colleague.keyring, client)
    assert found.roles == {"examiner", "reviewer"}
    assert found.der != old
    colleague.record(before.evidence, "note", {"text": "still mine"})
    office.anchor()
    assert verify(office.bundle(before.evidence), office.trust()).verdict is Verdict.VERIFIED
    stale = FileKeyring.open(colleague.home / KEYRING, PASSPHRASE)
    stale.put("person-certificate", old)
    with (
        Colleague(office, colleague.home, stale, colleague.given).client() as client,
        pytest.raises(DeniedError),
    ):
        client.status()


def test_sessions_are_listed_and_ended_by_their_owner_or_an_administrator(
    office: Desk, tmp_path: Path
) -> None:
    colleague = joined(office, tmp_path / "mine", "officer")
    with colleague.client() as client:
        [own] = client.sessions()
        assert own.pseudonym == colleague.pseudonym
        theirs = next(
            session
            for session in office.client.sessions()
            if session.pseudonym == office.person.certificate.pseudonym
        )
        with pytest.raises(NotFoundError):
            client.end_session(theirs.id)
        office.client.end_session(own.id)
        answer = client._web.call(
            "GET", "/v1/status", limit=1 << 20, headers=client.prove("GET", "/v1/status")
        )
        assert answer.status == 401
        client.status()


def test_whoever_opens_many_items_at_once_is_seen_by_auditors(
    office: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    office.node.profile = replace(office.node.profile, bulk_access=3)
    items = []
    for number in range(5):
        (tmp_path / f"{number}").write_bytes(b"x")
        items.append(office.upload(tmp_path / f"{number}")[0].evidence)
    for item in items[:3]:
        office.access(item)
        office.access(item)
    auditor = joined(office, tmp_path / "auditor", "auditor")
    with auditor.client() as client:
        assert client.alarms() == []
        for item in items:
            office.access(item)
        [alarm] = client.alarms()
    assert (alarm.kind, alarm.count, alarm.pseudonym) == (
        "bulk-access",
        4,
        office.person.certificate.pseudonym,
    )
    assert "bulk-access" in caplog.text
    assert not any(item in caplog.text for item in items)
