"""custody upload of disk images: what they say fills what was not said, and takes no word's place."""

from __future__ import annotations

import json
import shutil
import sys
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest

from cli.invocation import extras
from ledger.client.images import image_reader
from tests.support import images
from tests.support.commands import custody, within


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "images"
    made.mkdir()
    return made


def recorded(home: Path, *arguments: object, code: int = 0) -> tuple[dict[str, Any], str]:
    """What scripts are told of an upload, and what people are told besides."""
    done = custody("--json", "upload", *arguments, home=home, code=code)
    found: dict[str, Any] = json.loads(done.stdout)
    return found, done.stderr


def shown(home: Path, item: str) -> str:
    told = custody("show", item, "--basis", "test", home=home).stdout
    return " ".join(told.split())


def test_case_and_exhibit_are_taken_from_the_image_where_nothing_was_said(
    home_path: Path, folder: Path
) -> None:
    found, told = recorded(home_path, images.acquire(folder))
    assert "case number '2026-117' taken from the disk image" in told
    assert "evidence number 'A1' taken from the disk image" in told
    assert found["images"][0]["filled"] == ["case_number", "evidence_number"]
    assert found["items"][0]["exhibit"] == "A1"
    told = shown(home_path, "2026-117/A1")
    assert f"md5 of the media: {md5(images.media()).hexdigest()}, stated by ewf" in told
    assert "not compared" in told
    assert "the disk image says: case_number: 2026-117" in told
    assert "5 segments" not in told


def test_what_was_said_stays_and_what_the_image_says_otherwise_is_told(
    home_path: Path, folder: Path
) -> None:
    found, told = recorded(home_path, images.acquire(folder), "--case", "2025-9", "--exhibit", "a1")
    assert "the disk image says that its case number is '2026-117', and you said '2025-9'" in told
    assert "evidence number" not in told  # the same in another spelling
    assert (found["images"][0]["differs"], found["images"][0]["filled"]) == (["case_number"], [])
    assert json.loads(custody("--json", "list", "--case", "2025-9", home=home_path).stdout)["items"]
    assert not json.loads(custody("--json", "list", "--case", "2026-117", home=home_path).stdout)[
        "items"
    ]


def test_the_case_that_a_folder_uses_stays_whatever_the_image_says(
    home_path: Path, folder: Path
) -> None:
    first = images.acquire(folder)
    custody("use", "2025-9", home=home_path, folder=folder)
    looked = custody("upload", first, "--dry-run", home=home_path, folder=folder)
    done = custody("--json", "upload", first, home=home_path, folder=folder)
    for told in (looked.stderr, done.stderr):
        assert "says that its case number is '2026-117', and you said '2025-9'" in told
    assert "1 segment, one item" in looked.stderr
    assert json.loads(done.stdout)["images"][0]["differs"] == ["case_number"]
    assert json.loads(custody("--json", "list", "--case", "2025-9", home=home_path).stdout)["items"]


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["-C", "2026\x1b[2J"], "case number"),
        (["-f", "linen5", "-A", "windows-1251", "-C", "дело-7"], "case number"),
        (["-E", "A\x7f"], "evidence number"),
    ],
    ids=["control characters", "another code page", "delete"],
)
def test_what_is_no_number_is_told_and_not_taken(
    home_path: Path, folder: Path, options: list[str], name: str
) -> None:
    _, told = recorded(home_path, images.acquire(folder, "phone", *options))
    assert f"the {name} of the disk image is not taken over" in told
    assert "\x1b" not in told


def test_letters_of_any_script_are_taken(home_path: Path, folder: Path) -> None:
    first = images.acquire(folder, "phone", "-f", "encase7", "-A", "windows-1251", "-C", "дело-7")
    recorded(home_path, first)
    found = custody("--json", "list", "--case", "ДЕЛО-7", home=home_path).stdout
    assert len(json.loads(found)["items"]) == 1


def test_all_segments_in_one_command_are_one_item_and_come_back_as_segments(
    home_path: Path, folder: Path, tmp_path: Path
) -> None:
    segments = images.several(folder)
    found, _ = recorded(home_path, *segments, "--check-image")
    assert found["recorded"] == 1
    assert [row["checked"] for row in found["images"][0]["stated"]] == [True]
    custody("anchor", home=home_path)
    court = tmp_path / "for-the-court"
    left = json.loads(custody("--json", "court", "2026-117/A1", "-o", court, home=home_path).stdout)
    assert [left["file"], *left["segments"]] == [one.name for one in segments]
    for one in segments:
        assert (court / one.name).read_bytes() == one.read_bytes()
    trust = court / "trust.json"
    assert "VERIFIED" in custody("verify", court, "--trust", trust).stdout
    first = court / segments[0].name
    assert "VERIFIED" in custody("verify", first, "--trust", trust).stdout
    for out in (tmp_path / "new", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        told = json.loads(custody("--json", "get", "2026-117/A1", "-o", out, home=home_path).stdout)
        assert told["segments"] == [one.name for one in segments]
        assert sorted(out.iterdir()) == [out / one.name for one in segments]
        assert all((out / one.name).read_bytes() == one.read_bytes() for one in segments)
    told = custody("get", "2026-117/A1", "-o", out, home=home_path, code=2).stderr
    assert f"{out} is not empty" in told
    page = (court / "READ-ME.html").read_text()
    assert all(one.name in page for one in segments)


def test_an_altered_or_missing_segment_is_never_told_as_the_image_that_was_recorded(
    home_path: Path, folder: Path, tmp_path: Path
) -> None:
    segments = images.several(folder)
    recorded(home_path, segments[0])
    custody("anchor", home=home_path)
    court = tmp_path / "court"
    custody("court", "2026-117/A1", "-o", court, home=home_path)
    verify = ["verify", court / segments[0].name, "--trust", court / "trust.json"]
    lost = (court / segments[4].name).rename(court / "elsewhere")
    told = custody(*verify, code=4).stderr
    assert "of a disk image of 5 segments, and beside" in told
    assert "4 segments are found" in told
    shutil.copy(court / segments[3].name, court / segments[4].name)
    told = custody(*verify, code=1).stdout
    assert "FAILED" in told
    told = " ".join(told.split())
    assert f"{segments[4].name} has sha-256" in told
    assert not any(f"{one.name} has sha-256" in told for one in segments[:4])
    shutil.copy(lost, court / segments[4].name)
    joined = court / "joined"  # somebody joined them: the record's digest is of exactly that
    joined.write_bytes(b"".join((court / one.name).read_bytes() for one in segments))
    bundle = court / f"{segments[0].name}.bundle"
    told = custody("verify", bundle, joined, "--trust", court / "trust.json").stdout
    assert "VERIFIED" in told


def test_media_with_another_digest_end_with_1_and_are_recorded(
    home_path: Path, folder: Path
) -> None:
    first = images.acquire(folder)
    images.alter(first, images.media()[70_000:70_100])
    done = custody("upload", first, "--check-image", home=home_path, code=1)
    assert "1 item recorded" in done.stdout
    told = " ".join(done.stdout.split())
    assert "stated by ewf, compared here, and ANOTHER ONE was found" in told
    assert "which was found here" in told
    assert "ANOTHER ONE was found" in shown(home_path, "2026-117/A1")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("photo.jpg", "nothing of what is to be recorded is a disk image"),
        ("missing.E01", "phone.E03 is missing: phone.E04, phone.E05 would follow it"),
        ("text.E01", "does not begin as one of EnCase, FTK, libewf or SMART does"),
    ],
)
def test_what_cannot_be_checked_is_refused_before_a_passphrase_is_asked(
    folder: Path, given: str, told: str
) -> None:
    if given == "missing.E01":
        segments = images.several(folder)
        segments[2].unlink()
        path = segments[0]
    else:
        path = folder / given
        path.write_bytes(b"no image at all, and long enough to be looked at")
    code, _, error = within("upload", path, "--check-image", passphrase=None)
    assert code == 2
    assert told in error


def test_an_image_without_a_digest_is_not_told_as_compared(home_path: Path, folder: Path) -> None:
    first = images.acquire(folder)
    images.without_digests(first)
    told = custody("upload", first, "--check-image", home=home_path, code=2).stderr
    assert "has no digest of its media: there is nothing to compare them with" in told
    found, _ = recorded(home_path, first)
    assert found["images"][0]["stated"] == []


def test_each_segment_is_compared_with_a_list_of_digests(home_path: Path, folder: Path) -> None:
    """A list has each segment as a file: compared with all of them joined, none would agree."""
    segments = images.several(folder)
    rows = [f"{md5(one.read_bytes()).hexdigest()}  ./{one.name}" for one in segments]
    rows[3] = f"{'0' * 32}  ./{segments[3].name}"
    (folder / "MD5SUMS").write_text("\n".join(rows) + "\n")
    expect = ["--expect", folder / "MD5SUMS"]
    found, _ = recorded(home_path, segments[0], *expect, code=1)
    assert found["expected"] == {
        "met": 5, "mismatch": [str(segments[0])], "missing": [], "unlisted": [],
    }  # fmt: skip
    assert found["items"][0]["mismatch"] == [f"md5 of {segments[3].name}"]
    told = shown(home_path, "2026-117/A1")
    assert told.count("stated by hash list, compared here, and the same") == 4
    assert (
        f"md5 of the segment {segments[3].name}: {'0' * 32}, stated by hash list, compared here, "
        "and ANOTHER ONE was found"
    ) in told


def test_an_image_that_was_derived_is_all_of_its_segments(home_path: Path, folder: Path) -> None:
    segments = images.several(folder)
    found, _ = recorded(home_path, segments[0])
    item = found["items"][0]["evidence"]
    copy = ["derive", segments[0], "--parent", item, "--kind", "working-copy", "--no-case"]
    derived = json.loads(custody("--json", *copy, home=home_path).stdout)
    assert derived["items"][0]["size"] == found["items"][0]["size"]
    assert derived["images"][0]["segments"] == 5


def test_what_is_no_whole_image_is_recorded_as_it_is_where_that_is_asked_for(
    home_path: Path, folder: Path
) -> None:
    segments = images.several(folder)
    segments[2].unlink()
    found, _ = recorded(home_path, "--plain-file", segments[1])
    assert found["items"][0]["size"] == segments[1].stat().st_size
    assert found["images"] == []


def test_without_the_extra_segments_are_recorded_and_what_is_not_read_is_told(
    home_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_reader, "can_read", lambda: False)
    first = images.acquire(folder)
    code, out, error = within("upload", first, "--case", "2026-117", home=home_path)
    assert code == 0
    assert "is not read, and therefore not recorded" in error
    assert f"{sys.executable} -I -m pip install --require-hashes -r requirements-images" in error
    assert "1 segment, one item" in " ".join(out.split())
    code, _, error = within("upload", first, "--check-image", home=home_path)
    assert code == 2
    assert extras.missing("images", "reading what a disk image says of itself").message in error
