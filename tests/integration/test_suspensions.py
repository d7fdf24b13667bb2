"""A suspension ends every way in, also those that are only being made."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from ledger.adapters.keystore.file import FileKeyring
from ledger.app import enrolling
from ledger.app.settings import KEYRING
from ledger.domain.errors import DeniedError, NotFoundError
from ledger.services.people import let_in
from tests.integration.test_audit_inside import audit
from tests.support.commands import within
from tests.support.desk import PASSPHRASE, Desk
from tests.support.people import Colleague, invited, joined, reference


@pytest.fixture
def home(governed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(governed, tmp_path / "home"))


def test_a_suspension_ends_invitations_under_way_to_the_person_and_by_them(
    office: Desk, tmp_path: Path
) -> None:
    chief = joined(office, tmp_path / "chief", "administrator", number="4720")
    office.client.invite("４７ ２０", ["officer"])  # noqa: RUF001  (their own number, typed otherwise)
    with chief.client() as client:
        waiting = enrolling.invitation(
            client, server="http://home", number="friend", roles=["custodian"]
        )
    enrolling.make_keys(tmp_path / "friend", waiting, PASSPHRASE)
    friend = Colleague(
        office,
        tmp_path / "friend",
        FileKeyring.open(tmp_path / "friend" / KEYRING, PASSPHRASE),
        waiting,
    )
    friend.enrol()
    asked, other = reference(office), invited(office, tmp_path / "other", number="4799")
    office.client.suspend(chief.pseudonym)
    states = [person.state for person in office.client.people()]
    assert sorted(states) == ["active", "invited", "suspended"]
    with pytest.raises(NotFoundError):
        office.client.approve(asked)
    with pytest.raises(DeniedError):
        friend.enrol()
    twin = joined(office, tmp_path / "twin", number="4720")
    again = office.client.suspend(chief.pseudonym)
    assert again.alsoActive == (twin.pseudonym,), "told, as it may be why the older one goes"
    assert other.enrol().certificate is None, "what has nothing to do with them goes on"


def test_a_thief_of_one_administrators_key_shuts_the_others_out_for_good_by_nothing(
    home: Path,
) -> None:
    """The owner makes administrators again at the home; nobody else becomes anything by it."""
    with Desk(home) as desk:
        first = desk.person.certificate.subject
        chief = joined(desk, home.parent / "chief", "administrator", number="1")
        clerk = joined(desk, home.parent / "clerk", "officer", number="2")
        with chief.client() as stolen:
            stolen.renew(clerk.pseudonym, ["examiner"])
            stolen.suspend(clerk.pseudonym)
            stolen.suspend(first.pseudonym)
    renew = ("person", "renew", "--at-home")
    for who, more in ((clerk.pseudonym, ()), (first.pseudonym, ("--role", "auditor"))):
        assert within(*renew, who, *more, home=home)[0] != 0
    code, _, said = within(*renew, first.pseudonym, home=home)
    assert code == 0, said
    code, _, said = within("person", "suspend", chief.pseudonym, home=home)
    assert code == 0, said
    with Desk(home) as desk:
        states = {one.reference: one.state for one in desk.client.people()}
        assert states == {
            first.pseudonym: "active",
            chief.pseudonym: "suspended",
            clerk.pseudonym: "suspended",
        }
        chief.desk = desk
        with pytest.raises(DeniedError), chief.client() as stolen:
            stolen.people()
        desk.anchor()
        assert audit(desk).codes() == set()


def test_whom_a_thief_of_an_administrators_key_let_in_is_told_when_the_theft_is(
    office: Desk, tmp_path: Path
) -> None:
    since = int(time.time()) - 60
    chief = joined(office, tmp_path / "chief", "administrator", number="1")
    clerk = joined(office, tmp_path / "clerk", "officer", number="2")
    accomplice = invited(office, tmp_path / "accomplice", "custodian", number="3")
    accomplice.enrol()
    with chief.client() as stolen:
        stolen.approve(reference(office))
    assert accomplice.enrol().certificate is not None
    with office.node.records.read() as unit:
        row = unit.people.get(chief.id)
        assert row is not None
        assert let_in.certified_since(office.node, unit, row, since + 7200) == ()
    told = office.client.suspend(chief.pseudonym, since=since).certifiedSince
    assert told is not None
    assert {accomplice.pseudonym, clerk.pseudonym} <= set(told)
    assert chief.pseudonym not in told
    assert office.client.suspend(clerk.pseudonym, since=since).certifiedSince == ()
    assert office.client.suspend(accomplice.pseudonym).certifiedSince == ()


def test_a_thief_of_one_administrators_key_takes_no_others_role_for_good(home: Path) -> None:
    with Desk(home) as desk:
        first = desk.person.certificate.subject
        chief = joined(desk, home.parent / "chief", "administrator", number="1")
        with chief.client() as stolen:
            stolen.renew(first.pseudonym, ["officer"])
    renew = ("person", "renew", first.pseudonym, "--at-home")
    assert within(*renew, "--role", "administrator", "--role", "custodian", home=home)[0] == 2
    roles = ("--role", "administrator", "--role", "officer")
    code, _, said = within(*renew, *roles, home=home)
    assert code == 0, said
    assert within("person", "suspend", chief.pseudonym, home=home)[0] == 0
