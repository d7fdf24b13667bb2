"""Certificates that end: everybody concerned is told in time, the node renews its own, and an
administrator who is alone renews theirs before and after its end.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.memory import StoppedClock
from ledger.app import metrics
from ledger.app.settings import KEYRING
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import KeyringError, UsageError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.certificate import Certificate
from ledger.domain.verify.report import Verdict
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import SelfCheckWarning, verdict
from ledger.services.node.certificate_authority import Authority
from ledger.services.people import expiry, membership
from ledger.services.registration import agency_statements
from ledger.services.workers.anchoring_worker import AnchoringWorker
from tests.support.actors import enrolled
from tests.support.commands import within
from tests.support.desk import PASSPHRASE, Desk

DAY, LIFE = 86400, 2 * 365 * 86400


@pytest.fixture
def home(governed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(governed, tmp_path / "home"))


def ending(desk: Desk, old: Certificate, days: int) -> bytes:
    """The certificate as it would be had it been issued longer ago, and ended after these days."""
    return bytes(
        desk.node.keys.authority.issue(
            old.key,
            agency=old.agency,
            pseudonym=old.pseudonym,
            roles=sorted(old.roles),
            service=old.kind == "service",
            now=desk.clock.now() - LIFE + days * DAY,
        )
    )


def ahead(desk: Desk, old: Certificate, days: int) -> bytes:
    """The certificate as it would be had it been made by a clock so far ahead."""
    return ending(desk, old, LIFE // DAY + days)


def age_person(desk: Desk, old: Certificate, days: int) -> bytes:
    der = ending(desk, old, days)
    fresh = certificates.parse(der)
    with desk.node.records.write() as unit:
        row = unit.people.get(fresh.subject)
        assert row is not None
        unit.people.put_certificate(fresh.digest, der)
        unit.people.put(replace(row, certificate=fresh.digest))
    return der


def age_administrator(home: Path, days: int) -> str:
    """Their certificate ends after these days; who they are."""
    with Desk(home) as desk:
        old = desk.person.certificate
        desk.home.keyring.put("person-certificate", age_person(desk, old, days))
        desk.home.keyring.save()
    return old.pseudonym


def certificate_in(home: Path, name: str) -> Certificate:
    return certificates.parse(FileKeyring.open(home / KEYRING, PASSPHRASE).get(name))


def test_the_only_administrator_renews_their_own_certificate_and_goes_on_with_it(
    home: Path,
) -> None:
    who = age_administrator(home, 30)
    before = certificate_in(home, "person-certificate")
    code, out, _ = within("status", home=home)
    assert code == 0
    assert f"ENDS SOON   the certificate of the administrator {who} ends at" in out
    assert f"custody --home {home} person renew {who}" in out
    code, out, said = within("person", "renew", who, "--json", home=home)
    assert (code, json.loads(out)["pseudonym"]) == (0, who), said
    fresh = certificate_in(home, "person-certificate")
    assert fresh.not_after - before.not_after > 600 * DAY
    code, out, said = within("status", home=home)
    assert (code, "ENDS SOON" in out) == (0, False), said


def test_an_administrator_whose_certificate_has_ended_renews_it_at_the_home(home: Path) -> None:
    who = age_administrator(home, -1)
    code, _, said = within("status", home=home)
    assert code != 0
    assert f"person renew {who}" in said or "person renew WHO --at-home" in said
    assert within("person", "renew", who, home=home)[0] != 0
    code, _, said = within("person", "renew", who, "--role", "auditor", "--at-home", home=home)
    assert (code, "logged in" in said) == (2, True)
    code, out, said = within("person", "renew", who, "--at-home", home=home)
    assert (code, "sign with it from now on" in out) == (0, True), said
    assert within("status", home=home)[0] == 0
    roles = certificate_in(home, "person-certificate").roles
    assert roles == {"administrator", "officer", "custodian"}


def test_the_node_renews_its_own_certificate_when_it_is_opened_and_while_it_runs(
    home: Path,
) -> None:
    with Desk(home) as desk:
        old = desk.node.keys.service_certificate
        desk.home.keyring.put("service-certificate", ending(desk, old, -3))
        desk.home.keyring.save()
    with Desk(home) as desk:
        now = desk.node.keys.service_certificate
        assert (now.pseudonym, now.roles, now.kind) == (old.pseudonym, {"service"}, "service")
        assert now.not_after > desk.clock.now() + expiry.SOON
        assert certificate_in(home, "service-certificate") == now
        assert not expiry.renew_own(desk.node), "it is renewed once"
        aged = certificates.parse(ending(desk, old, 59))
        desk.node.keys = replace(desk.node.keys, service_certificate=aged)
        AnchoringWorker(desk.node, None)._renew_own()  # type: ignore[arg-type]
        assert desk.node.keys.service_certificate.not_after > aged.not_after
        with desk.node.records.write() as unit:
            agency_statements.publish_crl(desk.node, unit)
        desk.anchor()
        assert verdict(list(examine(desk.node, deep=False))) is Verdict.VERIFIED


def test_what_cannot_be_kept_is_not_signed_with(home: Path) -> None:
    with Desk(home) as desk:
        aged = certificates.parse(ending(desk, desk.node.keys.service_certificate, 5))
        desk.node.keys = replace(desk.node.keys, service_certificate=aged)
        (home / KEYRING).rename(home / "elsewhere")
        with pytest.raises(KeyringError, match="keyring"):
            expiry.renew_own(desk.node)
        assert desk.node.keys.service_certificate == aged
        (home / "elsewhere").rename(home / KEYRING)


def test_everybody_concerned_is_warned_in_time_and_nothing_else_changes(office: Desk) -> None:
    officer, other = enrolled(office, "officer"), enrolled(office, "examiner")
    assert office.client.status().certificates == ()
    der = age_person(office, officer.person.certificate, 59)
    aged = certificates.parse(ending(office, office.node.keys.service_certificate, 10))
    office.node.keys = replace(office.node.keys, service_certificate=aged, authority=None)
    shown = office.client.status().certificates
    assert [(one.owner, one.pseudonym) for one in shown] == [
        ("node", None),
        ("person", officer.pseudonym),
    ]
    assert f"custody person renew {officer.pseudonym}" in shown[1].hint
    assert [certificate.owner for certificate in other.client.status().certificates] == ["node"]
    found = list(examine(office.node, deep=False))
    assert [one.hint for one in found if isinstance(one, SelfCheckWarning)] == [
        one.hint for one in shown
    ]
    assert verdict(found) is verdict(
        [one for one in found if not isinstance(one, SelfCheckWarning)]
    )
    measured = metrics.NodeMetrics()
    measured.follow(office.node)
    value = measured.registry.get_sample_value
    for owner, until in (("node", aged.not_after), ("person", certificates.parse(der).not_after)):
        assert value("custody_certificate_ends_seconds", {"owner": owner}) == until
    for owner, count in (("node", 1), ("person", 1), ("administrator", 0)):
        assert value("custody_certificates_ending", {"owner": owner}) == count
    assert officer.http.get("/readyz").json() == {"status": "ready"}
    with office.node.records.write() as unit:
        row = unit.people.get(officer.id)
        unit.people.put(replace(row, active=False))
    assert [certificate.owner for certificate in office.client.status().certificates] == ["node"]


def test_a_certificate_that_was_made_while_the_clock_was_ahead_is_told_and_renewed(
    home: Path,
) -> None:
    """Of the node, which could act nowhere until the day that the clock said, and of the only
    administrator.
    """
    with Desk(home) as desk:
        service, person = desk.node.keys.service_certificate, desk.person.certificate
        until = desk.clock.now() + 400 * DAY
        early = certificates.parse(ahead(desk, service, 400))
        desk.node.keys = replace(desk.node.keys, service_certificate=early)
        [told] = [one.told(desk.clock.now()) for one in expiry.ending(desk.node)]
        assert told.startswith("the certificate of the node is good from ")
        assert format_time(early.not_before) in told
        assert "the node's clock says" in told
        assert early.not_before > until - DAY
        desk.home.keyring.put("service-certificate", early.der)
        with desk.node.records.write() as unit:
            der = ahead(desk, person, 400)
            row = unit.people.get(person.subject)
            unit.people.put_certificate(certificates.parse(der).digest, der)
            unit.people.put(replace(row, certificate=certificates.parse(der).digest))
        desk.home.keyring.put("person-certificate", der)
        desk.home.keyring.save()
    code, _, said = within("status", home=home)
    assert code != 0
    assert "is good from" in said
    assert "this computer's clock says" in said
    assert "--at-home" in said
    assert certificate_in(home, "service-certificate").not_before < until - 300 * DAY, "renewed"
    code, out, said = within("person", "renew", person.pseudonym, "--at-home", home=home)
    assert (code, "sign with it from now on" in out) == (0, True), said
    assert within("status", home=home)[0] == 0


def test_a_clock_that_is_behind_renews_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the node signs under a certificate of a time long past verifies nowhere."""
    with Desk(home) as desk:
        desk.anchor()
        past = StoppedClock(desk.node.keys.authority.begin + 1)
        early = certificates.parse(ahead(desk, desk.node.keys.service_certificate, 0))
        with desk.node.records.write() as unit:
            newest = unit.checkpoints.newest(desk.node.log_id, ("final",))
            unit.checkpoints.put(replace(newest, time=newest.time + 100 * DAY))
        desk.node.keys = replace(desk.node.keys, service_certificate=early)
        monkeypatch.setattr(desk.node, "clock", past)
        assert not expiry.renew_own(desk.node)


def test_the_end_of_the_ca_is_told_and_nothing_is_issued_beyond_it(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, now = office.node.keys.authority, office.clock.now()
    assert expiry.ending(office.node) == []
    with monkeypatch.context() as patch:
        patch.setattr(office.node, "clock", StoppedClock(authority.end - LIFE - 59 * DAY))
        told = [one.told(office.clock.now()) for one in expiry.ending(office.node)]
        assert f"the certificate of the agency's CA ends at {format_time(authority.end)}" in told
    old = Authority.found(office.node.agency, now - 9 * 365 * DAY)
    monkeypatch.setattr(office.node, "keys", replace(office.node.keys, authority=old))
    own = office.node.keys.service_certificate
    der = old.issue(
        own.key,
        agency=own.agency,
        pseudonym=own.pseudonym,
        roles=["service"],
        service=True,
        now=now,
    )
    assert certificates.parse(der).not_after == old.end
    status = office.client.status().certificates
    assert [(one.owner, one.pseudonym) for one in status] == [("authority", None)]


@pytest.mark.parametrize("days", [-11 * 365, 30])
def test_a_ca_that_is_not_good_by_the_nodes_clock_issues_nothing_and_suspends(
    office: Desk, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    officer, who = enrolled(office, "officer"), office.person.certificate.subject
    wrong = Authority.found(office.node.agency, office.clock.now() + days * DAY)
    monkeypatch.setattr(office.node, "keys", replace(office.node.keys, authority=wrong))
    with pytest.raises(UsageError, match="the agency's CA is good from") as error:
        membership.renew(office.node, officer.id, roles=None, by=who)
    assert format_time(wrong.begin) in error.value.message
    assert format_time(office.clock.now())[:-4] in error.value.message
    assert not expiry.renew_own(office.node)
    monkeypatch.undo()
    membership.suspend(office.node, officer.id, by=who)
