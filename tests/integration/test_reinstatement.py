"""A suspension that is lifted gives back what it took, and nothing that was stolen; an invitation
that is taken back lets nobody in.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ledger.app import enrolling
from ledger.domain import verify
from ledger.domain.errors import (
    ConflictError,
    CustodyError,
    DeniedError,
    NotFoundError,
    RuleError,
)
from tests.integration.test_audit_inside import audit
from tests.support.desk import Desk
from tests.support.people import Colleague, invited, joined, reference


def fetched(colleague: Colleague) -> None:
    """The new certificate, as `custody person fetch` brings it."""
    with colleague.client() as client:
        enrolling.fetch(colleague.keyring, client)


@pytest.fixture
def suspended(office: Desk, tmp_path: Path) -> Colleague:
    clerk = joined(office, tmp_path / "clerk", "officer", number="4712")
    (tmp_path / "before").write_bytes(b"before")
    clerk.upload(tmp_path / "before")
    office.client.suspend(clerk.pseudonym)
    with pytest.raises(DeniedError), clerk.client() as client:
        list(client.items())
    return clerk


def test_whoever_asks_again_by_their_used_invitation_is_told_what_became_of_them(
    office: Desk, suspended: Colleague
) -> None:
    """A laptop of then was told "approved", and given the certificate that is revoked: also in the
    place of the new one, after the person was let back.
    """
    with pytest.raises(DeniedError, match="suspended since"):
        suspended.enrol()
    office.client.reinstate(suspended.pseudonym)
    fetched(suspended)
    now = suspended.keyring.get("person-certificate")
    assert suspended.enrol().certificate is not None
    assert suspended.keyring.get("person-certificate") == now


def test_a_suspension_is_lifted_under_a_new_certificate_and_the_old_one_stays_revoked(
    office: Desk, suspended: Colleague, tmp_path: Path
) -> None:
    old = suspended.keyring.get("person-certificate")
    assert office.client.reinstate(suspended.pseudonym) == ""
    with pytest.raises(CustodyError), suspended.client() as client:
        list(client.items())  # the old certificate is good for nothing
    fetched(suspended)
    assert suspended.keyring.get("person-certificate") != old
    (tmp_path / "after").write_bytes(b"after")
    after = suspended.upload(tmp_path / "after").evidence
    office.anchor()
    earlier = [item.evidence for item in office.client.items() if item.evidence != after]
    assert len(earlier) == 1
    for evidence in (*earlier, after):
        report = verify.verify(office.bundle(evidence), office.trust())
        assert str(report.verdict) == "verified", report.as_json()
    assert [one.state for one in office.client.people()] == ["active", "active"]
    office.anchor()
    assert audit(office).codes() == set()


def test_keys_that_were_called_stolen_are_never_good_again(
    office: Desk, suspended: Colleague
) -> None:
    office.client.suspend(suspended.pseudonym, since=int(time.time()) - 60)
    with pytest.raises(RuleError, match="called stolen, and are never good again"):
        office.client.reinstate(suspended.pseudonym)
    assert "suspended" in [one.state for one in office.client.people()]


def test_whoever_is_suspended_under_one_name_does_not_come_back_by_another_of_theirs(
    office: Desk, tmp_path: Path
) -> None:
    chief = joined(office, tmp_path / "chief", "administrator", number="4720")
    twin = joined(office, tmp_path / "twin", "administrator", number="4720")
    office.client.suspend(chief.pseudonym)
    with twin.client() as client, pytest.raises(RuleError, match="nobody reinstates themselves"):
        client.reinstate(chief.pseudonym)


def test_a_suspension_is_lifted_by_administrators_alone_and_of_nobody_who_is_not_suspended(
    office: Desk, suspended: Colleague, tmp_path: Path
) -> None:
    clerk = joined(office, tmp_path / "other", "officer", "custodian", number="4713")
    with clerk.client() as client:
        with pytest.raises(DeniedError, match="your role"):
            client.reinstate(suspended.pseudonym)
        with pytest.raises(DeniedError, match="your role"):
            client.revoke_invitation("0" * 16)
    with pytest.raises(ConflictError, match="is not suspended"):
        office.client.reinstate(clerk.pseudonym)
    with pytest.raises(NotFoundError, match="no such person"):
        office.client.reinstate("a" * 26)
    with pytest.raises(RuleError, match="is a guest"):
        office.client.reinstate(f"{'a' * 26}@RO-DIICOT")


def test_an_invitation_that_was_taken_back_lets_nobody_in(office: Desk, tmp_path: Path) -> None:
    asked = invited(office, tmp_path / "asked", number="4799")
    asked.enrol()
    waiting = reference(office)
    office.client.revoke_invitation(waiting)
    for again in (office.client.approve, office.client.revoke_invitation):
        with pytest.raises(NotFoundError):
            again(waiting)
    with pytest.raises(DeniedError):
        asked.enrol()
    assert [one.state for one in office.client.people()] == ["active"]
    office.anchor()
    assert audit(office).codes() == set()


def test_whoever_joined_already_is_not_thrown_out_by_taking_the_invitation_back(
    office: Desk, tmp_path: Path
) -> None:
    asked = invited(office, tmp_path / "asked", number="4799")
    asked.enrol()
    waiting = reference(office)
    office.client.approve(waiting)
    with pytest.raises(NotFoundError, match="is open"):
        office.client.revoke_invitation(waiting)
    assert asked.enrol().certificate is not None
