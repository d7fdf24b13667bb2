"""A key to seal to proves nothing by itself: whoever names somebody else's as their own gets no part in what was sealed to it."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ledger import auditing
from ledger.domain import enrolment
from ledger.domain.errors import RuleError
from ledger.domain.grants import HpkePrivateKey
from ledger.domain.identity.descriptor import HpkeKey
from ledger.domain.identity.names import log_urn
from ledger.services import handing, people
from ledger.services.audit import inside
from tests.integration.test_namesakes import Namesake
from tests.support.actors import enrolled
from tests.support.consortium import NL, RO, Consortium, upload
from tests.support.desk import BASIS, Desk


def asked(desk: Desk, hpke: HpkeKey) -> str:
    """Somebody's request with a signing key of their own and this key to seal to; the reference by which it is approved."""
    by = desk.person.certificate.subject
    code, _ = people.invite(desk.node, number=secrets.token_hex(4), roles=["officer"], inviter=by)
    request = enrolment.sign(ec.generate_private_key(ec.SECP256R1()), server=log_urn(desk.node.log_id), hpke=hpke)
    fingerprint = people.request(desk.node, code, request)
    return next(one.reference for one in people.everybody(desk.node) if one.fingerprint == fingerprint and one.state == "requested")


def test_nobody_joins_with_the_key_of_the_node_the_custodians_or_a_colleague(trio: Consortium, tmp_path: Path) -> None:
    """The node's key opens every record: who could name it as theirs would have a part in every item."""
    desk = trio[NL]
    upload(desk, tmp_path, b"secret" * 100)
    with desk.node.records.read() as unit:
        ours = desk.node.descriptor(unit)
    theirs = trio[RO].person.descriptor.custody
    for key in (
        ours.node,
        ours.custody,
        desk.person.hpke.public,
        enrolled(desk, "officer").person.hpke.public,
        theirs,
    ):
        with pytest.raises(RuleError, match="somebody else"):
            asked(desk, key)
        guest = Namesake(trio[RO], desk, "d" * 26, "examiner")
        guest.hpke = type("Named", (), {"public": key})()  # type: ignore[assignment]
        with pytest.raises(RuleError, match="somebody else"):
            guest.admit()


def test_of_two_who_asked_with_one_key_the_first_one_is_approved(trio: Consortium) -> None:
    desk, key, by = trio[NL], HpkePrivateKey.generate().public, enrolled(trio[NL], "administrator").id
    first, second = asked(desk, key), asked(desk, key)
    people.approve(desk.node, first, approver=by)
    with pytest.raises(RuleError, match="somebody else"):
        people.approve(desk.node, second, approver=by)


def test_what_was_sealed_to_keys_that_a_guest_had_before_goes_with_them(trio: Consortium, tmp_path: Path) -> None:
    desk = trio[NL]
    item = upload(desk, tmp_path, b"shared" * 100)
    guest = Namesake(trio[RO], desk, "e" * 26, "examiner")
    guest.admit()
    handing.share(desk.client, desk.person, desk.clock, item, with_person=guest.reference, basis=BASIS)
    with desk.node.records.read() as unit:
        assert unit.grants(item, "content", guest.hpke.public.digest)
    other = Namesake(trio[RO], desk, "e" * 26, "examiner")
    desk.client.suspend(guest.reference)
    other.admit()
    with desk.node.records.read() as unit:
        assert not unit.grants(item, "content", guest.hpke.public.digest)
    root = desk.trust()
    with auditing.temporary(root) as state:
        found = inside.audit(desk.node, root, state, inside.Options())
    assert found.codes() <= {"waiting", "nothing-anchored"}, [one.as_json() for one in found.findings]
