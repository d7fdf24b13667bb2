"""A revocation spares what was signed honestly, at home and as a guest, and nothing else; what was
interrupted is finished.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.client.handovers import handover
from ledger.client.reading import retrieval
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import (
    AlteredError,
    CustodyError,
    DeniedError,
    NetworkError,
    RuleError,
    VerificationError,
)
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.person import PersonId
from ledger.domain.verify.procedure import verify
from ledger.domain.verify.report import Verdict
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import SelfCheckFinding
from ledger.services.node.certificate_authority import Authority
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.partners import directory
from ledger.services.people import membership, revocation
from ledger.services.registration import agency_statements, statement_checks
from ledger.services.workers.anchoring_worker import AnchoringPolicy, AnchoringWorker
from tests.integration.test_clocks import Off
from tests.integration.test_guests import abroad, admit
from tests.support.consortium import NL, RO, Consortium, upload
from tests.support.desk import BASIS, Desk
from tests.support.people import Colleague, joined

Change = Callable[[Desk, Colleague], object]
DAY = 86400


def suspended(desk: Desk, who: Colleague) -> object:
    return desk.client.suspend(who.pseudonym)


def demoted(desk: Desk, who: Colleague) -> object:
    return desk.client.renew(who.pseudonym, ["officer"])


def renewed(desk: Desk, who: Colleague) -> object:
    return desk.client.renew(who.pseudonym, [])


def serial_of(who: Colleague) -> int:
    return certificates.load(who.keyring.get("person-certificate")).serial_number


def date_of(desk: Desk, serial: int) -> int | None:
    with desk.node.records.read() as unit:
        return agency_statements.revoked_since(unit, serial)


def silent(*_: object, **__: object) -> None:
    raise NetworkError("the chain does not answer")


@pytest.mark.parametrize("change", [suspended, demoted])
def test_nothing_is_accepted_between_the_anchoring_and_the_date_of_a_revocation(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Change
) -> None:
    who = joined(office, tmp_path / "mine", "officer", "examiner")
    (tmp_path / "file").write_bytes(b"x" * 1000)
    item, real, refused = who.upload(tmp_path / "file"), checkpoint_anchoring.anchor_now, []

    def while_they_sign(*given: object, **more: object) -> object:
        done = real(*given, **more)  # type: ignore[arg-type]
        with pytest.raises(DeniedError) as error:
            who.record(item.evidence, "note", {"text": "in between"})
        refused.append(error.value.message)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_anchoring, "anchor_now", while_they_sign)
        change(office, who)
    assert [one.partition(":")[0] for one in refused] == ["login refused"]
    assert office.client.item(item.evidence).events == 1
    office.anchor()
    assert verify(office.bundle(item.evidence), office.trust()).verdict is Verdict.VERIFIED


def test_a_renewal_without_a_role_less_revokes_nothing_and_needs_no_chain(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = joined(office, tmp_path / "mine", "officer")
    first = serial_of(who)
    monkeypatch.setattr(checkpoint_anchoring, "anchor_now", silent)
    renewed(office, who)
    office.client.renew(who.pseudonym, ["officer", "examiner"])
    assert date_of(office, first) is None


def test_a_suspension_revokes_the_certificates_too_that_renewals_made_superfluous(
    office: Desk, tmp_path: Path
) -> None:
    who = joined(office, tmp_path / "mine", "officer")
    first = serial_of(who)
    renewed(office, who)
    suspended(office, who)
    assert date_of(office, first) is not None


@pytest.mark.parametrize("change", [suspended, demoted, renewed])
def test_what_a_guest_signed_before_their_own_agency_changed_them_goes_on_verifying(
    both: Consortium, root: TrustRoot, tmp_path: Path, change: Change
) -> None:
    """The host anchors it later, and the guest's agency cannot know of it."""
    host, home = both[NL], both[RO]
    who = joined(home, tmp_path / "mine", "examiner", "officer", number=str(time.time_ns()))
    admit(host, who, tmp_path / "card")
    item = upload(host, tmp_path)
    handover.share(host.client, host.person, host.clock, item, with_person=str(who.id), basis=BASIS)
    with abroad(host, who) as (client, person):
        retrieval.record(client, person, host.clock, item, "analysed", {"description": "faces"})
    change(home, who)
    host.anchor()
    directory.renew_crl(host.node, RO, host.clock.now() + 30)
    chain = host.node.contracts.chain
    report = verify(host.bundle(item), root, confirm=lambda number, _: {chain.block(number).hash})
    assert report.verdict is Verdict.VERIFIED, report.as_json()
    with host.node.records.write() as unit:  # a minute later
        row = directory.known(unit, RO)
        unit.partners.put(replace(row, checked=1))
    with abroad(host, who) as (client, _):
        if change is renewed:  # the old certificate is as good as the new one
            client.item(item)
        else:
            with pytest.raises(VerificationError, match="certificate was revoked"):
                client.item(item)


@pytest.mark.parametrize(
    "interrupted",
    [
        lambda desk, who, by: membership.suspend(desk.node, who.id, by=by),
        lambda desk, who, by: membership.renew(desk.node, who.id, roles=["officer"], by=by),
    ],
)
def test_a_suspension_that_a_crash_interrupted_is_finished_by_the_node(
    office: Desk,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    interrupted: Callable[[Desk, Colleague, PersonId], object],
) -> None:
    who = joined(office, tmp_path / "mine", "officer", "examiner")
    serial = serial_of(who)

    class Killed(BaseException):
        pass

    def killed(*_: object, **__: object) -> None:
        raise Killed

    by = office.person.certificate.subject
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_anchoring, "anchor_now", killed)
        with pytest.raises(Killed):
            interrupted(office, who, by)
    begun = date_of(office, serial)
    assert begun is not None
    assert begun > office.clock.now() + 300 * DAY
    told = [one.message for one in examine(office.node, deep=False) if hasattr(one, "message")]
    assert any(
        "without a date yet, of people who were suspended or lost a role" in record
        for record in told
    )
    AnchoringWorker(office.node, AnchoringPolicy())._finish_suspensions()
    date = date_of(office, serial)
    assert date is not None
    assert date < office.clock.now() + 8 * DAY
    AnchoringWorker(office.node, AnchoringPolicy())._finish_suspensions()
    assert date_of(office, serial) == date
    assert revocation.unsettled(office.node) == 0


def test_while_the_chain_is_silent_other_agencies_learn_of_a_suspension_and_its_date_waits(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = joined(office, tmp_path / "mine")
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_anchoring, "anchor_now", silent)
        for _ in range(2):
            with pytest.raises(NetworkError, match="shut out from now on") as error:
                suspended(office, who)
    assert "does not answer" in error.value.message
    waiting = date_of(office, serial_of(who))
    assert waiting is not None
    assert waiting > office.clock.now() + 300 * DAY
    office.client.anchor()
    settled = date_of(office, serial_of(who))
    assert settled is not None
    assert office.clock.now() < settled < office.clock.now() + 8 * DAY
    with office.node.records.read() as unit:
        count = len(list(unit.tables.rows("crl")))
    revocation.settle(office.node)
    with office.node.records.read() as unit:
        assert len(list(unit.tables.rows("crl"))) == count


def test_a_partner_with_a_delay_of_a_year_puts_no_revocation_off_for_a_year(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with office.node.records.read() as unit:
        own = replace(office.node.descriptor(unit), max_anchoring_delay=366 * DAY)
        monkeypatch.setattr(type(office.node), "descriptor", lambda *_: own)
        assert revocation._date(office.node, unit) < office.clock.now() + 8 * DAY


def test_a_certificate_made_up_in_the_database_revokes_nobody_and_stops_no_suspension(
    office: Desk, tmp_path: Path
) -> None:
    who = joined(office, tmp_path / "mine", "officer", "examiner")
    with office.node.records.write() as unit:
        unit.people.put_certificate(b"\x01" * 32, b"no certificate")
    suspended(office, who)
    assert date_of(office, serial_of(who)) is not None


@pytest.mark.parametrize("lost", ["everything", "a role"])
def test_a_row_that_says_suspended_revokes_nobody_and_the_doctor_tells_it(
    office: Desk, tmp_path: Path, lost: str
) -> None:
    """Whoever could write the database had the agency's own CA revoke whom they liked."""
    who = joined(office, tmp_path / "mine", "officer", "examiner")
    with office.node.records.read() as unit:
        row = unit.people.get(who.id)
        assert row is not None
    poorer = office.node.keys.authority
    assert poorer is not None
    der = poorer.issue(
        who.keyring.signing_key("person").public_key(), agency=who.id.agency, pseudonym=who.pseudonym,
        roles=["officer"], service=False, now=office.clock.now(),
    )  # fmt: skip
    fresh = certificates.parse(der).digest
    edited = replace(row, active=False) if lost == "everything" else replace(row, certificate=fresh)
    with office.node.records.write() as unit:
        unit.people.put_certificate(fresh, der)
        unit.people.put(edited)
    AnchoringWorker(office.node, AnchoringPolicy())._finish_suspensions()
    office.client.anchor()
    assert date_of(office, serial_of(who)) is None
    found = [one for one in examine(office.node, deep=False) if isinstance(one, SelfCheckFinding)]
    (told,) = [one.message for one in found if one.part == "certificates"]
    assert "by the database alone" in told
    with office.node.records.write() as unit:
        unit.people.put(row)
    suspended(office, who)
    assert date_of(office, serial_of(who)) is not None
    again = examine(office.node, deep=False)
    assert not [one for one in again if isinstance(one, SelfCheckFinding)]


@pytest.mark.parametrize("forged", ["by another CA", "an older one"])
def test_a_list_in_the_database_that_was_never_announced_is_not_signed_anew(
    office: Desk, tmp_path: Path, forged: str
) -> None:
    """What is on the newest list is taken over by the next one, which the agency's CA signs."""
    who, other = joined(office, tmp_path / "mine"), joined(office, tmp_path / "other", number="2")
    suspended(office, other)
    with office.node.records.read() as unit:
        newest = unit.authority.newest_crl()
        assert newest is not None
        count = len(list(unit.tables.rows("crl")))
    der = Authority.found(NL, office.clock.now() - DAY).issue_crl(
        newest.der, [(serial_of(who), 1)], number=newest.number + 1, now=office.clock.now()
    )
    database = sqlite3.connect(office.path / "ledger.sqlite", isolation_level=None)
    try:
        if forged == "by another CA":
            columns = "INSERT INTO crl (number, der, issued) VALUES (?, ?, ?)"
            database.execute(columns, (newest.number + 1, der, office.clock.now()))
        else:
            database.execute("DELETE FROM crl WHERE number = ?", (newest.number,))
    finally:
        database.close()
    with pytest.raises(AlteredError, match="the one that the log announced"):
        membership.suspend(office.node, who.id, by=office.person.certificate.subject)
    with office.node.records.read() as unit:
        row = unit.people.get(who.id)
        assert row is not None
        assert not row.active, "shut out here all the same"
        assert len(list(unit.tables.rows("crl"))) == count + (1 if der and forged[0] == "b" else -1)


def test_who_is_revoked_as_of_a_date_ahead_begins_nothing_new(office: Desk, tmp_path: Path) -> None:
    who = joined(office, tmp_path / "mine")
    suspended(office, who)
    with office.node.records.read() as unit:
        verifier = directory.CertificateVerifier(office.node, unit)
        with pytest.raises(CustodyError, match="certificate was revoked"):
            verifier.verify_current(certificates.parse(who.keyring.get("person-certificate")))


def test_a_suspension_by_a_clock_that_was_ahead_is_dated_anew_when_the_clock_is_right(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The date would have lain a year ahead: until then everything would have verified that a
    dishonest node took of the suspended person.
    """
    who, by = joined(office, tmp_path / "mine"), office.person.certificate.subject
    with monkeypatch.context() as patch:
        patch.setattr(office.node, "clock", Off(365 * DAY))
        membership.suspend(office.node, who.id, by=by)
    far = date_of(office, serial_of(who))
    assert far is not None
    assert far > office.clock.now() + 364 * DAY
    worker = AnchoringWorker(office.node, AnchoringPolicy())
    worker._publish_crl()
    worker._finish_suspensions()
    near = date_of(office, serial_of(who))
    assert near is not None
    assert near < office.clock.now() + 8 * DAY


def test_a_guests_certificate_must_outlast_the_delay_of_the_log_that_anchors_their_work(
    both: Consortium, tmp_path: Path
) -> None:
    """It was asked for the delay that the guest's own agency declares, which anchors nothing of
    it.
    """
    host, home = both[NL], both[RO]
    own = home.person.certificate
    with host.node.records.read() as unit:
        verifier = directory.CertificateVerifier(host.node, unit)
        verifier.verify_current(own)
        theirs, long = verifier._known[RO], 3 * 365 * DAY
        slow = replace(theirs.descriptor, max_anchoring_delay=long)
        verifier._known[RO] = replace(theirs, descriptor=slow)
        statement_checks._require_usable(verifier, own, host.clock.now())
        verifier.own = replace(verifier.own, max_anchoring_delay=long)
        with pytest.raises(RuleError, match="may be anchored as late as") as error:
            statement_checks._require_usable(verifier, own, host.clock.now())
    assert format_time(own.not_after) in error.value.message
