"""A home under careless hands: umask 0, files that others can write, servers that were killed,
clocks and editors of all kinds.
"""

from __future__ import annotations

import codecs
import json
import os
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from cli.node.served import served_at
from ledger.adapters import filelock
from ledger.adapters.backup.keys import BackupKeys
from ledger.adapters.keystore.file import FileKeyring, Unlocking
from ledger.adapters.memory import StoppedClock
from ledger.app import backup, bootstrap, create_home, field_folder, settings
from ledger.client.intake.upload import UploadOptions
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import (
    FormatError,
    LockedError,
    RuleError,
    StorageError,
    UsageError,
    VerificationError,
)
from ledger.domain.event import claimed_times, signing
from tests.support.commands import within
from tests.support.desk import PASSPHRASE, Desk


def test_with_umask_0_nothing_of_home_and_backup_can_be_read_or_written_by_others(
    tmp_path: Path,
) -> None:
    before = os.umask(0)
    try:
        home, keys = tmp_path / "home", tmp_path / "keys"
        create_home.found(
            home,
            agency="NL-POL",
            person="4711",
            roles=["officer", "custodian"],
            passphrase=PASSPHRASE,
        )
        (tmp_path / "a").write_bytes(b"a")
        with Desk(home) as desk:
            desk.upload(tmp_path / "a")
            desk.anchor()
            field_folder.prepare_field(home, desk.client.agency())
            now = desk.clock.now()
        opened = BackupKeys(keys, PASSPHRASE, create=True)
        backup.make(home, tmp_path / "backups", keys, opened, now=now, rotate=86400, keep=86400)
    finally:
        os.umask(before)
    (tmp_path / "a").unlink()
    open_to_others = [
        str(path)
        for path in tmp_path.rglob("*")
        if not path.is_symlink() and path.stat().st_mode & 0o077
    ]
    assert open_to_others == []


DEAD = "http://127.0.0.1:9"
ITEM = "3f0c1d2e-0000-4000-8000-000000000000"
#: Commands that look into a home or at its keys, each by the door that it has.
OPENING = {
    "list": ["list"],
    "list of another node": ["--server", DEAD, "list"],
    "offline": ["--offline", "note", ITEM, "--text", "x"],
    "field status": ["field", "status"],
    "person card": ["person", "card", "--for", DEAD, "-o", "{}/card"],
    "person fetch": ["person", "fetch"],
    "person invite": [
        *("person", "invite", "--number", "1", "--role", "officer", "-o", "{}/new", "--url", DEAD),
    ],
    "person replace": ["person", "replace", "4712"],
    "person renew": ["person", "renew", "uhsvsxgbeqkdjg7gd2vbcbfsna", "--at-home"],
    "session": ["session", "list"],
    "backup": ["backup", "{}/backups", "--keys", "{}/keys"],
    "audit": ["audit"],
    "audit of a log": ["audit", "--log", DEAD, "--rpc", DEAD, "--trust", "{}/trust"],
    "doctor": ["doctor"],
    "log export": ["log", "export", "{}/log"],
    "network": ["network", "list"],
    "ipfs": ["ipfs", "sync"],
    "serve": ["serve", "--port", "0"],
    "upload": ["upload", "{}/trust"],
    "trust": ["trust", "-o", "{}/new"],
}


@pytest.mark.parametrize("kind", ["home", "client"])
@pytest.mark.parametrize("name", OPENING)
def test_every_command_refuses_a_folder_of_keys_that_others_can_write(
    home_path: Path, tmp_path: Path, name: str, kind: str
) -> None:
    with Desk(home_path) as desk:
        (tmp_path / "trust").write_bytes(desk.trust().encode())
    if kind == "client":
        (home_path / "home.json").rename(tmp_path / "home.json")
        client = {"v": 1, "server": DEAD, "agency": "NL-POL", "log": "urn:custody:NL-POL/log/1"}
        (home_path / "client.json").write_text(json.dumps(client))
    home_path.chmod(0o777)
    before = sorted(home_path.rglob("*"))
    code, out, said = within(*[one.format(tmp_path) for one in OPENING[name]], home=home_path)
    assert (code, out) in ((1, ""), (4, ""), (2, "")), said
    expected = "a person's own folder" if code == 2 else "can be written by others (mode 0777)"
    assert expected in said
    assert sorted(home_path.rglob("*")) == before


def test_a_folder_that_is_no_home_is_told_to_be_none_whatever_its_mode(tmp_path: Path) -> None:
    """Whoever named a wrong folder was told to change the mode of files that are none of ours."""
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "notes.txt").chmod(0o666)
    for place in (tmp_path, tmp_path / "notes.txt"):
        code, _, said = within("list", home=place)
        assert (code, "is not the home of a node" in said) == (2, True), said


def test_an_enrolment_or_a_prepared_home_that_others_can_write_is_not_gone_on_with(
    home_path: Path, tmp_path: Path
) -> None:
    invitation = {"v": 1, "server": DEAD, "agency": "NL-POL", "log": "x", "descriptor": "x"}
    (tmp_path / "invitation").write_text(
        json.dumps(invitation | {"code": "x", "expires": "2199-01-01T00:00:00Z"})
    )
    with Desk(home_path) as desk:
        (tmp_path / "trust").write_bytes(desk.trust().encode())
    own = {"v": 1, "server": DEAD, "agency": "NL-POL", "log": "x"}
    (home_path / "client.json").write_text(json.dumps(own))
    home_path.chmod(0o777)
    join = ["init", "--rpc", DEAD, "--trust", tmp_path / "trust"]
    for command in (["person", "enrol", tmp_path / "invitation"], join):
        code, _, said = within(*command, home=home_path)
        assert (code, "can be written by others" in said) == (1, True), said


@pytest.mark.parametrize("name", ["home.json", "client.json", "server.json"])
def test_a_pipe_in_the_place_of_what_says_whose_folder_it_is_is_not_waited_for(
    home_path: Path, tmp_path: Path, name: str
) -> None:
    (home_path / name).unlink(missing_ok=True)
    os.mkfifo(home_path / name, 0o600)
    invite = ["person", "invite", "--number", "1", "--role", "officer", "-o", tmp_path / "new"]
    invite += [] if name == "server.json" else ["--url", DEAD]
    for command in (["list"], ["person", "fetch"], invite):
        code, _, said = within(*command, home=home_path)
        assert (code, f"{name} is neither a file nor a folder" in said) == (1, True), said


@pytest.mark.parametrize("name", ["profile.toml", "backups.json", "workers.json", "keyring.json"])
def test_a_pipe_in_the_place_of_a_file_of_the_home_is_refused_and_not_waited_for(
    home_path: Path, name: str
) -> None:
    (home_path / name).unlink(missing_ok=True)
    os.mkfifo(home_path / name, 0o600)
    for command, expected in (("list", 1), ("doctor", 4)):
        code, _, said = within(command, home=home_path)
        assert (code, f"{name} is neither a file nor a folder" in said) == (expected, True), said


@pytest.mark.parametrize(
    "name", [".", "keyring.json", "home.json", "ledger.sqlite", "blocks", "client"]
)
def test_a_home_that_others_can_write_is_refused_with_the_command_that_mends_it(
    home_path: Path, name: str
) -> None:
    path = home_path / name
    if not path.exists():
        path.mkdir(mode=0o700)
    for bit in (stat.S_IWGRP, stat.S_IWOTH):
        path.chmod(path.stat().st_mode | bit)
        with pytest.raises(StorageError, match="can be written by others") as error:
            bootstrap.open_home(home_path, Unlocking(home_path / settings.KEYRING, PASSPHRASE))
        command = (error.value.hint or "").partition(": ")[2]
        subprocess.run(shlex.split(command), check=True, timeout=10)
        bootstrap.open_home(home_path, Unlocking(home_path / settings.KEYRING, PASSPHRASE)).close()


def test_a_file_of_backup_keys_that_others_can_write_is_refused(tmp_path: Path) -> None:
    BackupKeys(tmp_path / "keys", PASSPHRASE, create=True)
    (tmp_path / "keys").chmod(0o666)
    with pytest.raises(StorageError, match="can be written by others"):
        BackupKeys(tmp_path / "keys", PASSPHRASE, create=True)


def test_another_file_that_is_named_as_the_backup_keys_is_told_and_ends_with_4(
    tmp_path: Path,
) -> None:
    """Whoever named the trust root was told to restore that from a backup."""
    (tmp_path / "trust.json").write_text('{"v": 1, "kind": "custody-trust-root"}')
    words = ("restore", tmp_path, "--keys", tmp_path / "trust.json")
    code, _, said = within(*words, home=tmp_path / "back")
    assert code == 4
    assert "trust.json is no file of backup keys" in said
    assert "the file that `custody backup --keys` wrote" in said
    assert "restore it" not in said


def test_a_server_that_was_killed_leaves_no_address_that_is_believed(home_path: Path) -> None:
    address = home_path / settings.SERVER
    lock = bootstrap.lock_home(home_path)
    address.write_text(json.dumps({"url": "http://127.0.0.1:8000", "lock": lock.token}))
    assert served_at(home_path) == "http://127.0.0.1:8000"
    with pytest.raises(LockedError):
        bootstrap.lock_home(home_path)
    lock.release()  # as the kernel does for a process that was killed
    assert filelock.held(home_path / settings.LOCK) is None
    assert served_at(home_path) == ""
    other = bootstrap.lock_home(home_path)
    assert served_at(home_path) == "", "whoever holds the home now does not serve there"
    other.release()
    for damaged in ("", "[]", "{}", '{"url": "http://x"}', '{"url": "http://x", "lock": ""}'):
        address.write_text(damaged)
        assert served_at(home_path) == ""
    bootstrap.open_home(home_path, Unlocking(home_path / settings.KEYRING, PASSPHRASE)).close()
    assert not address.exists(), "and whoever opens the home next clears it away"


PHRASE = "p\u00e4ss \u5199 w\u00f6rd"


@pytest.mark.parametrize(
    "data",
    [
        PHRASE.encode(),
        PHRASE.encode() + b"\r\n",
        codecs.BOM_UTF8 + PHRASE.encode() + b"\r\n",
        codecs.BOM_UTF16_LE + (PHRASE + "\r\n").encode("utf-16-le"),
        codecs.BOM_UTF16_BE + (PHRASE + "\n").encode("utf-16-be"),
    ],
    ids=["plain", "CRLF", "UTF-8 with BOM", "UTF-16", "UTF-16 big-endian"],
)
def test_a_passphrase_file_gives_what_typing_it_would_whatever_editor_wrote_it(
    tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(data)
    monkeypatch.setenv("CUSTODY_PASSPHRASE", PHRASE)
    assert settings.passphrase(tmp_path / "file") == settings.passphrase(None) == PHRASE.encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        codecs.BOM_UTF8,
        codecs.BOM_UTF16_LE,
        PHRASE.encode("utf-16-le"),
        codecs.BOM_UTF16_LE + b"p",
    ],
)
def test_a_passphrase_file_that_cannot_be_told_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(UsageError, match=r"empty|UTF-16|byte order mark"):
        settings.passphrase(tmp_path / "file")


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_a_byte_order_mark_in_front_of_json_is_told_as_such(mark: bytes) -> None:
    with pytest.raises(FormatError, match="byte order mark") as error:
        strict_json.parse(mark + b"{}", what="trust root", limit=100)
    assert "BOM" in (error.value.hint or "")


def test_nothing_is_recorded_as_having_happened_after_it_was_signed(
    desk: Desk, tmp_path: Path
) -> None:
    now = desk.clock.now()
    later = format_time(now + 3600)
    (tmp_path / "a").write_bytes(b"a")
    tried = (
        lambda: desk.upload(tmp_path / "a", options=UploadOptions({"occurred": {"from": later}})),
        lambda: desk.upload(
            tmp_path / "a",
            options=UploadOptions({"occurred": {"from": format_time(now - 60), "to": later}}),
        ),
        lambda: desk.upload(
            tmp_path / "a",
            options=UploadOptions(body={"deviceClock": {"shown": "x", "reference": later}}),
        ),
    )
    for attempt in tried:
        with pytest.raises(UsageError, match=later) as error:
            attempt()
        assert "clock" in (error.value.hint or "")
    [item] = desk.upload(
        tmp_path / "a", options=UploadOptions({"occurred": {"from": format_time(now)}})
    )
    with pytest.raises(UsageError, match="discovered"):
        desk.record(item.evidence, "incident", {"kind": "loss", "discovered": later})


def test_a_node_refuses_what_a_careless_client_signed_about_the_future(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"a")
    [item] = desk.upload(tmp_path / "a")
    later = format_time(desk.clock.now() + claimed_times.AHEAD + 60)
    real = claimed_times.contradiction

    class Careless:
        HINT = claimed_times.HINT

        @staticmethod
        def contradiction(document: dict[str, object], *, ahead: int) -> None:
            return None

    monkeypatch.setattr(signing, "claimed_times", Careless)
    with pytest.raises(RuleError, match=later):
        desk.record(item.evidence, "incident", {"kind": "loss", "discovered": later})
    assert real is claimed_times.contradiction


def test_a_clock_that_is_wrong_is_told_with_both_times(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    now = desk.clock.now()
    desk.node.clock = StoppedClock(now + 400)  # the home is younger than a clock of the past
    [item] = desk.upload(tmp_path / "a")
    desk.client._token = None
    desk.node.clock = StoppedClock(now - 36000)
    with pytest.raises(VerificationError, match="this computer's clock says") as error:
        desk.client.item(item.evidence)
    assert format_time(now - 36000) in error.value.message
    assert "set it" in (error.value.hint or "")
    desk.node.clock = StoppedClock(now + 3 * 366 * 86400)
    with pytest.raises(VerificationError, match="was good until"):
        desk.client.item(item.evidence)
    desk.node.clock = StoppedClock(now)
    desk.client._token = None
    with pytest.raises(RuleError, match="lies before the previous event") as refused:
        desk.record(item.evidence, "note", {"text": "x"})
    assert refused.value.hint is not None
    assert "the clock of the computer" in refused.value.hint


def test_a_keyring_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        FileKeyring.create(tmp_path / "keyring.json", PASSPHRASE)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "keyring.json").stat().st_mode) == 0o600
    shutil.rmtree(tmp_path)


def test_a_wrong_letter_behind_output_overwrites_no_keys_and_writes_nothing_beside_them(
    home_path: Path, tmp_path: Path
) -> None:
    keys = (home_path / "keyring.json").read_bytes()
    (tmp_path / "link").symlink_to(home_path / "keyring.json")
    (tmp_path / "copy.json").write_bytes(keys)
    places = (
        home_path / "keyring.json",
        home_path / "ledger.sqlite",
        home_path / "blocks" / "new",
        tmp_path / "link",
        tmp_path / "copy.json",
    )
    before = {place: place.stat().st_mtime_ns for place in places if place.exists()}
    for place in places:
        code, _, said = within("--home", home_path, "trust", "-o", place, "--force")
        assert (code, "custody's own keys" in said) == (2, True), said
    assert {place: place.stat().st_mtime_ns for place in places if place.exists()} == before
    assert (
        (home_path / "keyring.json").read_bytes() == keys == (tmp_path / "copy.json").read_bytes()
    )
