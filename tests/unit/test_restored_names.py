"""Names of a manifest that are written below a folder: none leads out of it, names a device, or
takes the place of another.
"""

from __future__ import annotations

import unicodedata

import pytest

from ledger.domain.files.restored_names import Disk, refused, why_not

NFC = unicodedata.normalize("NFC", "é").encode()
NFD = unicodedata.normalize("NFD", "é").encode()
LINUX = Disk()
WINDOWS = Disk(windows=True, cases=True)
MAC = Disk(cases=True, forms=True)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (b"", "no name"),
        (b"/etc/passwd", "absolute"),
        (b"..", "leads out"),
        (b"../x", "leads out"),
        (b"a/../../x", "leads out"),
        (b"a/./b", "leads out"),
        (b"a//b", "leads out"),
        (b"a/", "leads out"),
        (b"a\x00b", "NUL"),
        (b"a/" + b"n" * 256, "255 bytes"),
    ],
)
def test_a_path_that_leads_elsewhere_is_refused_everywhere(path: bytes, why: str) -> None:
    for disk in (LINUX, WINDOWS, MAC):
        assert why in why_not(path, disk)
    assert set(refused([path], [], LINUX)) == {path}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (b"a\\..\\..\\x", "allows no"),
        (b"C:\\x", "allows no"),
        (b"C:x", "allows no"),
        (b"photo.jpg:hidden", "allows no"),
        (b"sub/NUL", "device"),
        (b"com1.txt", "device"),
        (b"name.", "full stop"),
        (b"\xff", "UTF-8"),
    ],
)
def test_what_windows_takes_for_something_else_is_refused_there_alone(
    path: bytes, why: str
) -> None:
    assert why in why_not(path, WINDOWS)
    assert why_not(path, LINUX) == ""


def test_names_that_differ_in_case_or_form_are_two_where_the_disk_keeps_them_apart() -> None:
    files = [b"A/x", b"a/y", b"B", b"b", b"d/" + NFC, b"d/" + NFD]
    assert refused(files, [], LINUX) == {}
    assert refused(files, [], Disk(forms=True)) == {
        b"d/" + NFC: "this disk takes it for d/" + NFD.decode()
    }
    found = refused(files, [], MAC)
    assert found == {
        b"a/y": "this disk takes it for A",
        b"b": "this disk takes it for B",
        b"d/" + NFC: "this disk takes it for d/" + NFD.decode(),
    }


def test_folders_that_are_one_on_the_disk_are_told_also_where_nothing_lies_in_them() -> None:
    assert refused([], [b"", b"DCIM", b"dcim"], MAC) == {b"dcim": "this disk takes it for DCIM"}
    assert refused([], [b"", b"DCIM", b"dcim"], LINUX) == {}


def test_a_file_that_is_a_folder_too_is_refused_and_what_lies_in_the_folder_is_not() -> None:
    assert set(refused([b"a", b"a/b"], [], LINUX)) == {b"a"}
    assert set(refused([b"a"], [b"", b"a"], LINUX)) == {b"a"}
    assert set(refused([b"A", b"a/b"], [], LINUX)) == set()
    assert set(refused([b"A", b"a/b"], [], WINDOWS)) == {b"A"}


def test_plain_names_come_back_whatever_bytes_they_are_of() -> None:
    files = [b"d\xff/a", b"back\\slash", b"-rf", b" ", b"...", b"a\nb", NFC]
    assert refused(files, [b"", b"d\xff", b"empty"], LINUX) == {}
