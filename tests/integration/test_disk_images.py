"""Disk images: all segments are one item, what they say of themselves is recorded as that, and a
hostile one breaks nothing but a process of its own.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.app import field_folder
from ledger.client.handovers import copying
from ledger.client.images import disk_image, ewf_process, image_parts, image_reader
from ledger.client.images.image_record import ImageRecord
from ledger.client.intake.upload import Upload, UploadOptions, UploadResult
from ledger.domain.errors import SourceError, UsageError
from tests.integration.test_folders import body
from tests.support import images
from tests.support.commands import ROOT
from tests.support.consortium import NL, RO, Consortium
from tests.support.desk import Desk
from tests.support.faults import Fault, Faulty


class Killed(BaseException):
    """As SIGKILL."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    made = tmp_path / "images"
    made.mkdir()
    return made


def found(path: Path) -> disk_image.DiskImage:
    image = disk_image.find(path)
    assert image is not None
    return image


def upload(desk: Desk, path: Path, *, check: bool = False) -> UploadResult:
    image = found(path)
    record = ImageRecord(image, image_reader.read(image), check)
    [item] = desk.upload(
        image.first, options=UploadOptions(again=True, images={image.first: record})
    )
    return item


def test_all_segments_are_one_item_whose_digest_is_of_them_joined(desk: Desk, place: Path) -> None:
    segments = images.several(place)
    joined = b"".join(one.read_bytes() for one in segments)
    item = upload(desk, segments[2])  # named by any of them
    assert item.path == str(segments[0])
    assert (item.size, item.digests["sha-256"]) == (len(joined), sha256(joined).hexdigest())
    assert desk.get(item.evidence) == joined
    said = body(desk, item.evidence)
    assert said["image"] == {
        "format": "ewf-e01",
        "readErrors": [],
        "sectors": 9000,
        "sectorSize": 512,
        "segments": [
            {
                "name": one.name,
                "size": one.stat().st_size,
                "digests": {"sha-256": sha256(one.read_bytes()).hexdigest()},
            }
            for one in segments
        ],
    }
    assert said["collector"] == {"name": "J. Jansen", "role": "examiner, as the disk image says"}
    assert said["ext"]["imageHeader"]["case_number"] == "2026-117"


def test_the_media_s_digest_is_not_taken_for_the_file_s(desk: Desk, place: Path) -> None:
    first = images.acquire(place)
    item = upload(desk, first, check=True)
    assert body(desk, item.evidence)["stated"] == [
        {
            "algorithm": "md5",
            "value": md5(images.media()).hexdigest(),
            "over": "media",
            "by": "ewf",
            "checked": True,
        }
    ]
    assert item.digests == {"sha-256": sha256(first.read_bytes()).hexdigest()}


def test_media_that_nobody_read_are_not_recorded_as_compared(desk: Desk, place: Path) -> None:
    [row] = body(desk, upload(desk, images.acquire(place)).evidence)["stated"]
    assert "checked" not in row


def test_media_that_were_altered_are_recorded_with_both_digests(desk: Desk, place: Path) -> None:
    first, stated = images.acquire(place), md5(images.media()).hexdigest()
    images.alter(first, images.media()[70_000:70_100])
    rows = body(desk, upload(desk, first, check=True).evidence)["stated"]
    assert [(row["by"], row["over"], row.get("checked")) for row in rows] == [
        ("ewf", "media", False),
        ("custody", "media", None),
    ]
    assert rows[0]["value"] == stated != rows[1]["value"]


def test_media_that_cannot_be_read_are_told_with_the_place(place: Path) -> None:
    first = images.acquire(place, "phone", "-c", "best", data=b"0123456789abcdef" * 12800)
    data = bytearray(first.read_bytes())
    for table in (b"table\0", b"table2\0"):  # of where the media lie, and its copy
        data[data.index(table) + 76 + 24] ^= 255
    first.write_bytes(data)
    with pytest.raises(SourceError, match=r"the media in .* cannot be read at byte 0") as error:
        image_reader.read(found(first), media=True)
    assert error.value.hint is not None
    assert "without --check-image" in error.value.hint


@pytest.mark.parametrize("gone", [1, 2, 4])
def test_a_missing_segment_is_named_and_nothing_is_recorded(place: Path, gone: int) -> None:
    segments = images.several(place)
    segments[gone].unlink()
    with pytest.raises(UsageError, match=rf"phone\.E0{gone + 1} is") as error:
        disk_image.find(segments[0])
    assert error.value.hint is not None
    assert "--plain-file" in error.value.hint


def test_a_later_segment_without_the_first_one_is_no_file_of_its_own(place: Path) -> None:
    segments = images.several(place)
    segments[0].unlink()
    with pytest.raises(UsageError, match="is a later segment of a disk image"):
        disk_image.find(segments[3])


def test_a_segment_of_another_image_under_the_next_name_is_told(place: Path) -> None:
    segments = images.several(place)
    shutil.copy(segments[0], segments[1])
    with pytest.raises(UsageError, match="says of itself that it is segment 1"):
        disk_image.find(segments[0])
    whole = images.acquire(place, "tablet")
    shutil.copy(segments[2], whole.with_suffix(".E02"))
    with pytest.raises(UsageError, match="says that it is the last segment"):
        disk_image.find(whole)


def test_a_program_of_the_same_name_is_no_segment(place: Path) -> None:
    first = images.acquire(place)
    first.with_suffix(".EXE").write_bytes(b"MZ")
    first.with_suffix(".txt").write_bytes(b"notes")
    assert found(first).segments == (first,)
    assert disk_image.find(first.with_suffix(".EXE")) is None


def test_segments_are_found_whatever_the_case_of_their_endings(place: Path) -> None:
    segments = images.several(place)
    lower = [one.rename(one.with_suffix(one.suffix.lower())) for one in segments[1:4]]
    assert found(segments[0]).segments == (segments[0], *lower, segments[4])
    shutil.copy(lower[0], segments[1])
    with pytest.raises(UsageError, match="are called alike"):
        disk_image.find(segments[0])


def test_what_an_image_says_is_what_another_reader_finds_in_it(place: Path) -> None:
    for format_ in ("encase6", "linen6", "ftk"):
        first = images.acquire(place, format_, "-f", format_, "-N", "found, as it lay")
        values = image_reader.read(found(first)).values
        told = images.header(first)
        names = ("case_number", "evidence_number", "examiner_name", "description", "notes")
        assert [values[name] for name in names] == [told[letter] for letter in "cneat"]
        assert told["t"] == "found, as it lay"


def test_smart_and_the_formats_of_other_programs_are_read(place: Path) -> None:
    for format_, ending in (("smart", ".s01"), ("ftk", ".E01"), ("encase3", ".E01"), ("ewfx", "")):
        first = images.acquire(place, format_, "-f", format_)
        assert first.suffix.lower() == (ending or ".e01").lower()
        header = image_reader.read(found(first), media=True)
        assert header.values["case_number"] == "2026-117"
        assert [one.differs for one in header.stated] == [False]


def test_sectors_that_could_not_be_read_are_recorded_as_ewfinfo_tells_them(
    desk: Desk, place: Path
) -> None:
    first = images.acquire(place)
    images.with_read_errors(first, [(7, 1), (100, 64)])
    told = subprocess.run(["ewfinfo", "-e", first], capture_output=True, text=True, check=True)
    assert "at sector(s): 7 - 7 number: 1" in told.stdout
    assert "at sector(s): 100 - 163 number: 64" in told.stdout
    said = body(desk, upload(desk, first).evidence)
    assert said["image"]["readErrors"] == [{"start": 7, "count": 1}, {"start": 100, "count": 64}]


def test_a_segment_that_changes_while_it_is_read_is_not_recorded(desk: Desk, place: Path) -> None:
    segments = images.several(place)
    image = found(segments[0])
    data = segments[3].read_bytes()

    class Changing(ImageRecord):
        def compare(self, progress: Any) -> None:
            segments[3].write_bytes(data[::-1])

    record = Changing(image, None)
    with pytest.raises(SourceError, match=r"phone\.E04 changed while it was read"):
        desk.upload(image.first, options=UploadOptions(images={image.first: record}))
    assert list(desk.client.items()) == []


@pytest.mark.parametrize("call", [2, 3, 4])
def test_an_interrupted_upload_of_an_image_goes_on_as_one_item_with_all_segments(
    desk: Desk, place: Path, call: int
) -> None:
    segments = images.several(place)
    fault = Fault()
    fault.arm(call, Killed())
    journal = field_folder.journal_of(desk.path, desk.home.keyring)
    for node in (Faulty(desk.client, fault), desk.client):
        image = found(segments[0])
        record = ImageRecord(image, image_reader.read(image), check=True)
        options = UploadOptions(images={image.first: record})
        run = Upload(desk.person, node, journal, desk.clock, options)
        if node is not desk.client:
            with pytest.raises(Killed):
                list(run.run([image.first]))
            continue
        [item] = run.run([image.first])
    assert [one.evidence for one in desk.client.items()] == [item.evidence]
    said = body(desk, item.evidence)
    assert [one["digests"]["sha-256"] for one in said["image"]["segments"]] == [
        sha256(one.read_bytes()).hexdigest() for one in segments
    ]
    assert [row["checked"] for row in said["stated"]] == [True]


def test_a_copy_of_an_image_at_another_agency_comes_back_as_segments_too(
    both: Consortium, place: Path
) -> None:
    giver, taker = both[NL], both[RO]
    segments = images.several(place)
    item = upload(giver, segments[0])
    to, what = copying.Recipient("agency", agency=RO), copying.Disclosure("copy")
    copying.disclose(giver.client, giver.person, giver.clock, item.evidence, to, what)
    assert both.settle(NL, RO) == {}
    [offered] = [copy for copy in taker.client.copies() if copy.evidence == item.evidence]
    journal = field_folder.journal_of(taker.path, taker.home.keyring)
    made = copying.take(taker.client, taker.person, journal, taker.clock, offered, place, {})
    parts = image_parts.parts(body(taker, made.evidence), "phone.E01")
    assert parts == [(one.name, one.stat().st_size) for one in segments]


def test_what_was_recorded_before_is_left_out_whatever_became_of_its_comparison(
    desk: Desk, place: Path
) -> None:
    first = images.acquire(place)
    item = upload(desk, first, check=True)
    image = found(first)
    record = ImageRecord(image, image_reader.read(image))
    [left] = desk.upload(first, options=UploadOptions(images={first: record}))
    assert (left.evidence, left.index, left.differs) == (item.evidence, None, ())


def test_an_image_that_claims_to_be_another_one_takes_nothing_s_place(place: Path) -> None:
    first = images.acquire(place, "phone", "-e", "Somebody Else")
    record = ImageRecord(found(first), image_reader.read(found(first)))
    own = {"partOf": "urn:uuid:x", "ext": {"replaces": "y"}}
    said = record.body(own, {"collector": {"name": "K. de Vries"}})
    assert "collector" not in said
    assert said["partOf"] == "urn:uuid:x"
    assert said["ext"]["replaces"] == "y"
    assert said["ext"]["imageHeader"]["examiner_name"] == "Somebody Else"


def test_memory_that_an_image_asks_for_is_not_given(place: Path) -> None:
    with pytest.raises(SourceError, match=r"broke off|libewf does not know"):
        image_reader.read(found(images.acquire(place)), memory=20 << 20)


def test_media_of_any_size_are_read_in_the_same_memory(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """libewf keeps what it read of an image's tables: two terabytes took ten gigabytes."""
    segments = images.several(place)
    opened = []
    real = ewf_process._opened
    monkeypatch.setattr(ewf_process, "_OPENED_EACH", 1 << 20)
    monkeypatch.setattr(ewf_process, "_opened", lambda paths: opened.append(paths) or real(paths))
    data = images.media(9000)
    found = ewf_process._media([str(one) for one in segments], len(data), ["sha256"])
    assert found == {"sha256": sha256(data).hexdigest()}
    assert len(opened) == len(data) // (1 << 20) + 1
    capsys.readouterr()


def test_more_segments_than_files_that_may_be_open_are_read_or_told(place: Path) -> None:
    """libewf has all segments open at once, and told an image of two terabytes as damaged."""
    segments = images.several(place)
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from ledger.client.images import disk_image, ewf_process, image_reader\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]), int(sys.argv[3])))\n"
        "image = disk_image.find(Path(sys.argv[1]))\n"
        "try: print(image_reader.read(image).values['case_number'])\n"
        "except Exception as error: print(error.message)\n"
    )

    def read(soft: int, hard: int) -> str:
        words = [sys.executable, "-c", script, str(segments[0]), str(soft), str(hard)]
        return subprocess.run(words, capture_output=True, text=True, check=True, cwd=ROOT).stdout

    assert read(12, 100) == "2026-117\n"
    assert "has 5 segments, more files than this system lets a program have" in read(12, 12)


def test_a_reader_that_says_nothing_is_ended(place: Path) -> None:
    with pytest.raises(SourceError, match=r"said nothing for 1e-06 s"):
        image_reader.read(found(images.acquire(place)), silent=1e-6)


def mutations(data: bytes, rng: random.Random) -> Iterator[bytes]:
    for _ in range(25):
        changed = bytearray(data)
        for _ in range(rng.choice([1, 3, 10])):
            place = rng.choice([rng.randrange(13, 2200), len(data) - 1 - rng.randrange(1500)])
            changed[place] = rng.choice([0, 255, rng.randrange(256)])
        yield bytes(changed)


def test_damage_anywhere_is_told_as_an_error_and_ends_no_process_of_ours(
    place: Path, rng: random.Random
) -> None:
    first = images.acquire(place)
    outcomes = []
    for data in mutations(first.read_bytes(), rng):
        first.write_bytes(data)
        try:
            image_reader.read(found(first), media=True)
            outcomes.append("read")
        except (SourceError, UsageError) as error:
            outcomes.append(str(error.hint))
    assert "read" in outcomes
    assert any("--plain-file" in told for told in outcomes)
