"""Notices that tell too much, tell twice, or stop without anybody being told."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.smtp import SmtpMailer
from ledger.app import notices as kept
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import KeyringError, NetworkError, StorageError, UsageError
from ledger.domain.identity.person import PersonId
from ledger.domain.ports.mail import Sent
from ledger.services.inbox.notices import Notices, Recipient
from ledger.services.node.supervision import Loop
from ledger.services.people import membership
from ledger.services.workers.notice_worker import NoticeWorker
from tests.support.actors import Actor, enrolled
from tests.support.clocks import Ahead
from tests.support.desk import PASSPHRASE, Desk
from tests.support.mailing import mail_server
from tests.support.strangers import thing

QUARTER, DAY = 900, 86400


class Mails:
    """A mail server that says what it is told to say."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.says: dict[str, Sent | Exception | BaseException] = {}

    def send(self, to: str, subject: str, text: str) -> Sent:
        said = self.says.get(to, "taken")
        if isinstance(said, BaseException):
            raise said
        self.sent.append((to, subject, text))
        return said


@pytest.fixture
def mails() -> Mails:
    return Mails()


@pytest.fixture
def custodian(office: Desk) -> Actor:
    return enrolled(office, "custodian")


def address(person: PersonId) -> str:
    return f"{person.pseudonym[:6]}@police.example"


def notices(desk: Desk, mails: Mails, *people: Actor, daily: bool = False) -> Notices:
    """As a node that starts opens them."""
    to = {one.id: Recipient(address(one.id), daily) for one in people}
    told = kept.read_told(desk.path)
    return Notices(mails, to, told, lambda rows: kept.keep_told(desk.path, rows))


def due(desk: Desk, by: Actor, case: str = "2026-117") -> str:
    """An item whose retention ends tomorrow."""
    evidence = thing(by, description=f"the phone of {case}")
    keep(desk, evidence, case)
    return evidence


def keep(desk: Desk, evidence: str, rule: str, days: int = 1) -> None:
    """Say until when an item is kept."""
    until = format_time(desk.clock.now() + days * DAY)
    enrolled(desk, "custodian").record(evidence, "retention-set", {"rule": rule, "until": until})


@pytest.fixture
def waits(office: Desk) -> str:
    return due(office, enrolled(office, "officer"))


def later(desk: Desk, seconds: int) -> None:
    """So much later all is anchored, which would be told as well."""
    desk.anchor()
    desk.node.clock = Ahead(desk.node.clock, seconds)


def test_a_mail_says_that_something_waits_and_not_what_it_is_about(
    office: Desk, mails: Mails, custodian: Actor, waits: str
) -> None:
    assert notices(office, mails, custodian).round(office.node) == []
    [(to, subject, text)] = mails.sent
    assert to == address(custodian.id)
    assert subject == "custody: 1 matter waits for you"
    short = office.client.item(waits).opening[:8]
    assert f"1 retention that ends\n\nItems: {short}\n" in text
    for word in ("2026-117", "phone", "NL-POL", custodian.pseudonym, "4711"):
        assert word not in subject + text


def test_nobody_is_told_of_the_same_matter_twice_also_after_a_restart(
    office: Desk, mails: Mails, custodian: Actor, waits: str
) -> None:
    other, found = thing(enrolled(office, "officer")), notices(office, mails, custodian)
    for _ in range(3):
        found.round(office.node)
        later(office, QUARTER)
    notices(office, mails, custodian).round(office.node)
    assert len(mails.sent) == 1
    keep(office, other, "x")
    notices(office, mails, custodian).round(office.node)
    assert len(mails.sent) == 2
    assert office.client.item(other).opening[:8] in mails.sent[1][2]


def test_a_matter_that_was_settled_and_arises_again_is_told_again(
    office: Desk, mails: Mails, custodian: Actor, waits: str
) -> None:
    found = notices(office, mails, custodian)
    found.round(office.node)
    later(office, QUARTER)
    keep(office, waits, "x", days=30)
    found.round(office.node)
    later(office, 20 * DAY)
    found.round(office.node)
    assert len(mails.sent) == 2


def test_a_process_that_died_while_it_sent_sends_nothing_again_and_tells_that_it_is_not_known(
    office: Desk, mails: Mails, custodian: Actor, waits: str
) -> None:
    mails.says[address(custodian.id)] = SystemExit()
    with pytest.raises(SystemExit):
        notices(office, mails, custodian).round(office.node)
    mails.says.clear()
    later(office, QUARTER)
    [told] = notices(office, mails, custodian).round(office.node)
    assert told.startswith("whether the last mail to 1 recipient arrived is not known")
    assert mails.sent == []


def test_a_server_that_is_down_is_told_and_gets_the_mail_once_it_is_back(
    office: Desk, mails: Mails, custodian: Actor, waits: str
) -> None:
    other = enrolled(office, "custodian")
    mails.says[address(custodian.id)] = NetworkError("the mail server is gone")
    found = notices(office, mails, custodian, other)
    assert found.round(office.node) == ["the mail server is gone"]
    assert [to for to, _, _ in mails.sent] == [address(other.id)], "others are told all the same"
    mails.says.clear()
    assert found.round(office.node) == []
    found.round(office.node)
    assert [to for to, _, _ in mails.sent] == [address(other.id), address(custodian.id)]


def test_an_address_that_is_refused_is_told_until_it_is_mended_and_not_tried_for_the_same(
    office: Desk, mails: Mails, custodian: Actor, waits: str
) -> None:
    mails.says[address(custodian.id)] = "refused"
    found = notices(office, mails, custodian)
    for _ in range(2):
        [told] = found.round(office.node)
        assert told == "the mail server refuses the address of 1 recipient"
        assert address(custodian.id) not in told
        later(office, QUARTER)
    assert len(mails.sent) == 1


def test_whoever_was_suspended_is_told_nothing_more(
    office: Desk, mails: Mails, custodian: Actor, waits: str
) -> None:
    membership.suspend(office.node, custodian.id, by=office.person.certificate.subject)
    notices(office, mails, custodian).round(office.node)
    assert mails.sent == []


def test_one_mail_a_day_is_one_and_what_comes_in_minutes_stands_in_one(
    office: Desk, mails: Mails, custodian: Actor, waits: str
) -> None:
    other = enrolled(office, "custodian")
    daily = notices(office, mails, custodian, daily=True)
    at_once = notices(office, mails, other)
    for found in (daily, at_once):
        found.round(office.node)
    due(office, enrolled(office, "officer"))
    for found in (daily, at_once):
        found.round(office.node)
    assert len(mails.sent) == 2, "a minute later nobody is told"
    later(office, QUARTER)
    for found in (daily, at_once):
        found.round(office.node)
    assert [to for to, _, _ in mails.sent[2:]] == [address(other.id)]
    later(office, DAY)
    daily.round(office.node)
    assert mails.sent[-1][0] == address(custodian.id)
    assert len(mails.sent) == 4


def test_nothing_is_sent_where_what_was_told_cannot_be_written_or_read(
    office: Desk, mails: Mails, custodian: Actor, waits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(kept.files, "write", full)
        with pytest.raises(StorageError, match="the disk is full"):
            notices(office, mails, custodian).round(office.node)
    (office.path / "notices.json").write_text("{}]")
    with pytest.raises(StorageError, match="what was told by mail is not known"):
        notices(office, mails, custodian)
    assert mails.sent == []


def test_no_mail_is_begun_once_the_node_is_told_to_end(
    office: Desk, mails: Mails, custodian: Actor, waits: str
) -> None:
    """It was cut off with the process, and told as one that nobody knows of: it came never."""
    worker = NoticeWorker(office.node, lambda: notices(office, mails, custodian))
    worker.stopping.set()
    worker.round()
    assert mails.sent == []
    notices(office, mails, custodian).round(office.node)
    assert len(mails.sent) == 1


def loop(desk: Desk, opened: object) -> Loop:
    worker = NoticeWorker(desk.node, opened)  # type: ignore[arg-type]
    return worker._loops[0]


def test_what_fails_stands_in_the_status_and_in_the_doctors_findings(
    office: Desk, mails: Mails, custodian: Actor, waits: str
) -> None:
    def broken() -> Notices:
        raise KeyringError("the settings of notices in the keyring cannot be read")

    loop(office, broken).once()
    [row] = office.client.status(chain=False, ipfs=False).workers or ()
    assert (row.worker, row.failures) == ("notices", 1)
    assert "cannot be read" in row.problem
    mails.says[address(custodian.id)] = NetworkError("the mail server is gone")
    going = loop(office, lambda: notices(office, mails, custodian))
    going.once()
    [row] = office.client.status(chain=False, ipfs=False).workers or ()
    assert row.problem == "the mail server is gone"
    mails.says.clear()
    going.once()
    [row] = office.client.status(chain=False, ipfs=False).workers or ()
    assert not row.failures
    assert "fail" not in mails.sent[0][2], "nobody is mailed that mails fail"


@pytest.fixture
def keyring(office: Desk) -> FileKeyring:
    keyring: FileKeyring = office.home.keyring
    return keyring


def test_addresses_and_password_lie_in_no_file_in_clear(
    office: Desk, keyring: FileKeyring, custodian: Actor, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    secret.chmod(0o600)
    server = kept.server("mail.example", None, "tls", "custody@police.example", "custody", secret)
    found = kept.with_person(
        kept.NoticeSettings(server), custodian.id, "a.person@police.example", daily=True
    )
    kept.write(keyring, found)
    again = FileKeyring.open(office.path / "keyring.json", PASSPHRASE)
    assert kept.read(again) == found
    assert server.port == 465
    for path in office.path.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert b"open sesame" not in data, path
            assert b"a.person@" not in data, path
    assert kept.read(again).people[custodian.id].address not in repr(found)
    assert kept.without_person(found, custodian.id).people == {}


@pytest.mark.skipif(os.name == "nt", reason="modes do not count")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_password_that_others_can_read_is_not_taken(tmp_path: Path, mode: int) -> None:
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    secret.chmod(mode)
    with pytest.raises(UsageError, match=f"can be read by others .mode 0{mode:o}"):
        kept.server("mail.example", None, "tls", "a@b.example", "custody", secret)
    secret.chmod(0o600)
    secret.write_text("open\rsesame")
    with pytest.raises(UsageError, match="characters that mail servers take differently"):
        kept.server("mail.example", None, "tls", "a@b.example", "custody", secret)
    with pytest.raises(UsageError, match="user and password come together"):
        kept.server("mail.example", None, "tls", "a@b.example", "custody", None)


def test_a_home_tells_by_a_real_server_what_waits(
    office: Desk, keyring: FileKeyring, custodian: Actor, waits: str
) -> None:
    with mail_server() as server:
        mailer = SmtpMailer("localhost", server.port, "none", "custody@police.example")
        kept.write(keyring, replace(kept.read(keyring), server=mailer))
        assert kept.open_notices(office.path, keyring) is None, "nobody is to be told yet"
        kept.write(
            keyring,
            kept.with_person(kept.read(keyring), custodian.id, "a@police.example", daily=False),
        )
        found = kept.open_notices(office.path, keyring)
        assert found is not None
        assert found.round(office.node) == []
    [(to, text)] = server.mails
    assert to == "a@police.example"
    assert "Auto-Submitted: auto-generated" in text
    keyring.put(kept.ENTRY, b"{]")
    with pytest.raises(KeyringError, match="settings of notices in the keyring cannot be read"):
        kept.read(keyring)
