"""A suspension ends every way in, also those that are only being made."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.adapters.keystore.file import FileKeyring
from ledger.app import enrolling
from ledger.app.settings import KEYRING
from ledger.domain.errors import DeniedError, NotFoundError
from tests.support.desk import PASSPHRASE, Desk
from tests.support.people import Colleague, invited, joined, reference


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
