"""custody upload in the field: what was left out is told, and an interrupted upload goes on as the
person says.
"""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ledger.app import field_folder
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.domain.files import custody_files
from tests.support.commands import ROOT, custody
from tests.support.desk import PASSPHRASE, Desk
from tests.support.faults import Fault, Faulty


class Killed(BaseException):
    """As SIGKILL."""


def interrupted(home: Path, path: Path) -> None:
    """An upload for case OLD that ends before its statement is sent."""
    with Desk(home) as desk:
        fault = Fault()
        fault.arm(4, Killed())
        journal = field_folder.journal_of(home, desk.home.keyring)
        options = UploadOptions({"identifiers": [{"scheme": "case", "value": "OLD"}]})
        run = Upload(desk.person, Faulty(desk.client, fault), journal, desk.clock, options)
        with pytest.raises(Killed):
            list(run.run([path]))
        assert fault.names[-1] == "register"


def test_other_details_end_with_2_and_both_commands_run_as_they_are_printed(
    home_path: Path, tmp_path: Path
) -> None:
    for number, (choice, case) in enumerate((("as before", "OLD"), ("anew", "NEW"))):
        photo = tmp_path / f"a photo {number}.jpg"
        photo.write_bytes(os.urandom(1000))
        interrupted(home_path, photo)
        refused = custody("upload", photo, "--case", "NEW", home=home_path, code=2).stderr
        assert "identifiers" in refused
        found = re.search(rf"{choice}: (custody .*?)(?:; or|$)", refused, re.MULTILINE)
        assert found is not None, refused
        command = shlex.split(found[1])
        assert command[0] == "custody"
        custody(*command[1:], folder=ROOT)
        listed = json.loads(custody("--json", "list", "--case", case, home=home_path).stdout)[
            "items"
        ]
        assert len(listed) == 1, choice
    assert len(json.loads(custody("--json", "list", home=home_path).stdout)["items"]) == 2


def test_what_a_profile_asks_for_is_told_at_once_by_the_names_of_the_options(
    home_path: Path, tmp_path: Path
) -> None:
    (home_path / "profile.toml").write_bytes(
        (ROOT / "ledger" / "profiles" / "nl.toml").read_bytes()
    )
    (tmp_path / "x").write_bytes(b"x")
    told = custody("upload", tmp_path / "x", home=home_path, code=2).stderr
    assert "give --case or --exhibit, --basis as well" in told


def test_what_was_left_out_is_told_with_its_number_and_what_was_lost_ends_with_3(
    home_path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "seized"
    folder.mkdir()
    (folder / "a").write_bytes(b"a")
    (folder / "one").symlink_to("a")
    (folder / "two").symlink_to("a")
    os.mkfifo(folder / "pipe")
    shown = custody("upload", folder, home=home_path).stdout
    assert "1 named pipe, 2 symbolic links" in shown
    found = json.loads(
        custody(
            "--json", "upload", folder, home_path / "keyring.json", home=home_path, code=2
        ).stderr
    )
    assert "custody's own" in found["error"]["message"]


@pytest.mark.parametrize("place", ["evidence.jpg", "seized/keyring.json"])
def test_what_is_made_to_look_like_keys_is_told_and_ends_with_3(
    home_path: Path, tmp_path: Path, place: str
) -> None:
    """Whoever wrote the first bytes of a keyring into a file, or laid such a file beside others,
    kept them from the record, and the upload said that all was done.
    """
    folder = tmp_path / "folder"
    (folder / place).parent.mkdir(parents=True)
    (folder / place).write_bytes(custody_files.KEYRING_MAGIC + b"and what shall not be recorded")
    (folder / place).with_name("a.txt").write_bytes(b"a")
    done = custody("upload", folder, home=home_path, code=3)
    left = (folder / place) if place == "evidence.jpg" else (folder / place).parent
    assert "1 could not be recorded" in done.stdout
    assert f"{left}: custody's own files" in " ".join(done.stdout.split())
    assert "pack into an archive what is evidence" in done.stdout
    [told] = json.loads(custody("--json", "upload", folder, home=home_path, code=3).stdout)[
        "leftOut"
    ]
    assert (told["path"], told["lost"]) == (str(left), True)


def test_the_home_and_passphrase_file_that_an_upload_works_with_are_left_out_without_alarm(
    home_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "passphrase").write_bytes(PASSPHRASE)
    (tmp_path / "a.txt").write_bytes(b"a")
    done = custody("--passphrase-file", tmp_path / "passphrase", "upload", tmp_path, home=home_path)
    assert "2 custody's own files" in done.stdout


@pytest.mark.nightly
def test_sigterm_in_the_middle_of_an_upload_leaves_one_item_after_the_same_command(
    home_path: Path, tmp_path: Path, rng: random.Random
) -> None:
    big = tmp_path / "big"
    big.write_bytes(rng.randbytes(30_000_000))
    command = [sys.executable, "-m", "cli", "--home", str(home_path), "upload", str(big)]
    for _ in range(4):
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "CUSTODY_PASSPHRASE": PASSPHRASE.decode()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            time.sleep(1 + rng.random() * 3)
            process.send_signal(signal.SIGTERM)
            told, _ = process.communicate(timeout=60)
        assert process.returncode in (0, 143, -signal.SIGTERM)
        if process.returncode == 0 or told.strip():  # it was done, and whoever asked was told of it
            break
    else:
        custody("upload", big, home=home_path)
    assert len(json.loads(custody("--json", "list", home=home_path).stdout)["items"]) == 1


def test_an_officer_is_told_which_number_each_file_of_a_folder_got(
    home_path: Path, tmp_path: Path
) -> None:
    """Ids stood there alone: which of them was the second page?"""
    folder = tmp_path / "notebook"
    folder.mkdir()
    for page in ("p1.txt", "p2.txt"):
        (folder / page).write_text(page)
    shown = custody(
        "upload", folder, "--case", "2026-9", "--exhibit", "A2", home=home_path
    ).stdout.splitlines()
    assert shown[0].split() == ["ITEM", "EXHIBIT", "SIZE", "RECORDED", "PATH"]
    told = {line.split()[-1]: line.split()[1] for line in shown[1:4]}
    assert told == {
        str(folder / "p1.txt"): "A2/1",
        str(folder / "p2.txt"): "A2/2",
        str(folder): "A2",
    }
    for number in told.values():
        assert custody("show", f"2026-9/{number}", home=home_path).returncode == 0


@pytest.mark.parametrize("way", ["--part-of", "--replaces"])
@pytest.mark.parametrize("command", ["upload", "seize"])
def test_a_number_that_is_taken_is_told_with_whole_commands_that_run(
    home_path: Path, tmp_path: Path, command: str, way: str
) -> None:
    first, second = tmp_path / "one.txt", tmp_path / "a second one.txt"
    first.write_text("one")
    second.write_text("two")
    custody("upload", first, "--case", "2026-9", "--exhibit", "A1", home=home_path)
    what = [second] if command == "upload" else ["a phone"]
    refused = custody(command, *what, "--case", "2026-9", "--exhibit", "A1", home=home_path, code=1)
    assert "has this exhibit number already: 2026-9/A1 bears it" in refused.stderr
    [hint] = [line for line in refused.stderr.splitlines() if "what to do" in line]
    [line] = [one for one in hint.split("; ") if way in one]
    words = shlex.split(line.partition(": ")[2])
    assert words[0] == "custody"
    custody(*words[1:])
    assert "--exhibit NUMBER" in hint


@pytest.mark.parametrize("whole", ["A1", "2026-9/A1"])
def test_a_part_with_the_number_of_its_whole_is_refused_with_what_to_type(
    home_path: Path, tmp_path: Path, whole: str
) -> None:
    first, second = tmp_path / "one.txt", tmp_path / "two.txt"
    first.write_text("one")
    second.write_text("two")
    case = ("--case", "2026-9")
    custody("upload", first, *case, "--exhibit", "A1", home=home_path)
    refused = custody(
        "upload", second, *case, "--exhibit", "A1", "--part-of", whole, home=home_path, code=2
    )
    assert "a part does not bear the number of its whole, A1" in refused.stderr
    words = shlex.split(refused.stderr.split("of its parts: ")[1])
    assert "A1/1" in custody(*words[1:]).stdout


def test_what_is_said_of_a_file_that_was_recorded_before_is_not_dropped_in_silence(
    home_path: Path, tmp_path: Path
) -> None:
    """A mark and a warrant that were said the second time were recorded nowhere, and nobody told."""
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"photo")
    given = ("upload", photo, "--case", "2026-1")
    more = ("--handling", "victim-identity", "--basis", "warrant 2", "--place", "Utrecht")
    first = custody(*given, "--basis", "warrant 1", home=home_path).stdout
    assert re.search(r" number \d+ in the agency's log ", first)
    told = custody(*given, *more, home=home_path, code=3).stdout
    assert "NOT recorded, since the earlier record says otherwise: basis, handling, place." in told
    found = json.loads(custody("--json", *given, *more, home=home_path, code=3).stdout)["items"]
    assert [one["differs"] for one in found] == [["basis", "handling", "place"]]
    told = custody(*given, "--basis", "warrant 1", home=home_path).stdout
    assert "already recorded" in told
    assert "NOT recorded" not in told
