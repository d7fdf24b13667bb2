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
from ledger.app import metrics
from ledger.app.settings import KEYRING
from ledger.domain.errors import KeyringError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.certificate import Certificate
from ledger.domain.verify.report import Verdict
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import SelfCheckWarning, verdict
from ledger.services.people import expiry
from ledger.services.registration import agency_statements
from ledger.services.workers.anchoring import AnchoringWorker
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
    assert [one.owner for one in other.client.status().certificates] == ["node"]
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
    assert [one.owner for one in office.client.status().certificates] == ["node"]
