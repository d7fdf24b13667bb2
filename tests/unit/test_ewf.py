"""Names and ends of the segments of disk images: none is taken for another, or for whole."""

from __future__ import annotations

import struct

import pytest

from ledger.domain.errors import FormatError
from ledger.domain.files import ewf


@pytest.mark.parametrize(
    ("kind", "number", "ending"),
    [
        ("e01", 1, "E01"),
        ("e01", 99, "E99"),
        ("e01", 100, "EAA"),
        ("e01", 775, "EZZ"),
        ("e01", 776, "FAA"),
        ("e01", 99 + 22 * 676, "ZZZ"),
        ("ex01", 99, "Ex99"),
        ("ex01", 100, "ExAA"),
        ("ex01", 776, "EyAA"),
        ("ex01", 99 + 3 * 676, "EzZZ"),
        ("s01", 100, "saa"),
        ("s01", 776, "taa"),
    ],
)
def test_the_segment_behind_the_99th_and_the_775th_is_found(
    kind: ewf.Kind, number: int, ending: str
) -> None:
    assert ewf.ending(kind, number) == ending


@pytest.mark.parametrize(("kind", "number"), [("e01", 14972), ("ex01", 2128), ("s01", 5508)])
def test_no_name_is_made_up_for_a_segment_that_no_image_has(kind: ewf.Kind, number: int) -> None:
    with pytest.raises(FormatError, match=f"segment {number}: a disk image has fewer"):
        ewf.ending(kind, number)


@pytest.mark.parametrize(
    "name", ["photo.EXE", "photo.e02", "E01", ".E01", "photo.E01.txt", "p.L01"]
)
def test_what_is_called_otherwise_is_no_first_segment(name: str) -> None:
    assert ewf.first_name(name) is None


@pytest.mark.parametrize("name", ["a.b.E01", "a.b.e01", "a.b.Ex01", "a.b.EX01", "a.b.S01"])
def test_the_case_of_an_ending_says_nothing(name: str) -> None:
    found = ewf.first_name(name)
    assert found is not None
    assert found[0] == "a.b"


def segment(*sections: tuple[bytes, bytes], last: bytes = b"done") -> bytes:
    data = b"EVF\x09\x0d\x0a\xff\x00\x01" + struct.pack("<HH", 1, 0)
    for name, body in sections:
        following = len(data) + 76 + len(body)
        data += struct.pack("<16sQQ", name, following, 76 + len(body)).ljust(76, b"\0") + body
    return data + struct.pack("<16sQQ", last, len(data), 76).ljust(76, b"\0")


def examined(data: bytes) -> ewf.Segment:
    return ewf.examine(lambda at, size: data[at : at + size], len(data))


def errors(count: int, *listed: tuple[int, int]) -> bytes:
    body = struct.pack("<I", count).ljust(520, b"\0")
    return body + b"".join(struct.pack("<II", *one) for one in listed) + bytes(4)


def test_sectors_that_could_not_be_read_are_named() -> None:
    found = examined(segment((b"error2", errors(2, (7, 1), (100, 64)))))
    assert (found.error_count, found.errors) == (2, ((7, 1), (100, 64)))
    assert found.last
    assert not examined(segment(last=b"next")).last


def test_a_number_of_errors_that_the_file_has_no_room_for_takes_no_memory() -> None:
    with pytest.raises(FormatError, match="could not be read is cut off"):
        examined(segment((b"error2", errors(0xFFFFFFFF, (7, 1)))))


def test_sections_that_lead_back_are_not_followed_for_ever() -> None:
    data = bytearray(segment((b"header", bytes(10)), (b"volume", bytes(10))))
    struct.pack_into("<Q", data, 13 + 86 + 16, 13)
    with pytest.raises(FormatError, match="says that the next one is at 13"):
        examined(bytes(data))


@pytest.mark.parametrize("length", [8, 13, 40, 100])
def test_a_segment_that_is_cut_off_is_told(length: int) -> None:
    with pytest.raises(FormatError, match=r"cut off|does not begin"):
        examined(segment((b"header", bytes(30)))[:length])


def second(kind: int, number: int = 3) -> bytes:
    head = b"EVF2\r\n\x81\x00" + struct.pack("<BBHI", 2, 1, 1, number) + bytes(16)
    return head + bytes(100) + struct.pack("<II", kind, 0).ljust(64, b"\0")


def test_of_encase_7_the_last_section_says_whether_a_segment_follows() -> None:
    assert examined(second(0x0F)) == ewf.Segment(3, True, None, ())
    assert examined(second(0x0D)) == ewf.Segment(3, False, None, ())
    with pytest.raises(FormatError, match="cut off or damaged"):
        examined(second(0x03))
