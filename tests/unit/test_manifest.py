"""Names, media types and manifests of folders: nothing that differs on the disk may look alike in
the record.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.app import settings
from ledger.domain.errors import FormatError
from ledger.domain.files import custody_files, manifest, media_types, path_names
from ledger.domain.files.manifest import Facts, Folder, Manifest, Member, Omission

FACTS = Facts(
    0o644,
    1000,
    100,
    -14_182_980_000_000_001,
    2,
    b"first\xff",
    sparse=True,
    attributes=((b"user.origin", b"\x00\xff"),),
)
ROW = Member(
    b"d\xff/a.txt",
    "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f",
    1,
    {"sha-256": "ab" * 32},
    "b" + "a" * 58,
    FACTS,
)
GOOD = Manifest(
    [ROW],
    [
        Folder(b"", replace(FACTS, same_as=None)),
        Folder(b"empty", Facts(0o755, 0, 0, 253_402_300_800 * 10**9)),
    ],
    [
        Omission(b"link", "symbolic link", "not a regular file", b"../\xe9"),
        Omission(b"x", "file", "unreadable: Permission denied"),
    ],
)


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_two_names_never_have_one_spelling_and_each_spelling_leads_back(
    one: bytes, other: bytes
) -> None:
    assert path_names.decode(path_names.encode(one)) == one
    assert (path_names.encode(one) == path_names.encode(other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"d\xff", b"d\\xff"),  # the escape itself as a name
        (b"a\\", b"a\\\\"),
        ("é".encode(), "e\u0301".encode()),  # NFC and NFD twins are two files
        (b"\xc3", b"\\xc3"),
    ],
)
def test_names_that_look_alike_are_told_apart(one: bytes, other: bytes) -> None:
    assert path_names.encode(one) != path_names.encode(other)


@pytest.mark.parametrize("text", ["a\\", "\\x4", "\\x41", "\\xFF", "\\n", "\\xc3\\xa9", "\udcff"])
def test_a_spelling_that_is_never_written_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        path_names.decode(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("logs.csv.gz", "application/gzip"),
        ("disk.tar.gz", "application/gzip"),
        ("disk.tgz", "application/gzip"),
        ("auth.log.xz", "application/x-xz"),
        ("dump.sql.ZST", "application/zstd"),
        ("photo.JPG", "image/jpeg"),
        ("mail.csv.gpg", "application/octet-stream"),  # what is encrypted is not what is inside
        ("data:text/html,x", "application/octet-stream"),  # a name is no address
        (".csv", "application/octet-stream"),
        ("README", "application/octet-stream"),
        ("evidence.csv", "text/csv"),
    ],
)
def test_the_media_type_is_that_of_the_bytes_and_never_of_what_is_inside(
    name: str, expected: str
) -> None:
    assert media_types.of_name(name) == expected


def test_a_manifest_parses_to_the_same_and_keeps_times_outside_every_calendar() -> None:
    found = manifest.parse(GOOD.encode())
    assert found == GOOD
    rows = json.loads(GOOD.encode())
    assert rows["members"][0]["modified"] == "-14182980.000000001"
    assert rows["folders"][1]["modified"] == "253402300800.000000000"


def _changed(place: str, value: object) -> bytes:
    rows = json.loads(GOOD.encode())
    *names, last = place.split("/")
    here = rows
    for name in names:
        here = here[int(name)] if name.isdigit() else here[name]
    here[last] = value
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("v", 1),
        ("v", True),
        ("more", 1),
        ("leftOut", []),
        ("members/0/path", "d\\xff/b.txt"),  # another path than its bytes say
        ("members/0/pathBytes", "AA"),
        ("members/0/mode", "644"),
        ("members/0/owner", [1]),
        ("members/0/modified", "1.5"),
        ("members/0/links", 1),
        ("members/0/sparse", False),
        ("members/0/evidence", "urn:uuid:1"),
        ("members/0/unknown", 1),
        ("omissions/0/kind", "ghost"),
        ("omissions/0/reason", ""),
        ("omissions/1/path", "d\\xff/a.txt"),
        ("folders/1/path", ""),
    ],
)
def test_a_manifest_with_anything_else_in_it_is_refused(place: str, value: object) -> None:
    with pytest.raises(FormatError):
        manifest.parse(_changed(place, value))


def test_one_path_for_two_members_is_refused() -> None:
    with pytest.raises(FormatError, match="twice"):
        manifest.parse(replace(GOOD, members=[ROW, ROW]).encode())
    with pytest.raises(FormatError, match="twice"):
        manifest.parse(replace(GOOD, omissions=[Omission(ROW.path, "file", "x")]).encode())


def test_what_marks_custodys_own_files_is_what_custody_writes() -> None:
    assert {custody_files.CONFIG, custody_files.KEYRING, custody_files.CLIENT} == {
        settings.CONFIG,
        settings.KEYRING,
        settings.CLIENT,
    }
    keys = {"keyring.json": custody_files.KEYRING_MAGIC, "home.json": b"{"}
    assert custody_files.folder_kind(keys, lambda name: keys[name], lambda name: ()) == "home"
    assert (
        custody_files.folder_kind({"keyring.json"}, lambda name: b'{"v": 1}', lambda name: ()) == ""
    )  # a name alone hides nothing
    assert (
        custody_files.folder_kind(
            {"snapshots", "blocks"}, lambda name: b"", lambda name: ["20261126T034500Z"]
        )
        == "backup"
    )
    assert (
        custody_files.folder_kind(
            {"snapshots", "blocks"}, lambda name: b"", lambda name: ["holiday"]
        )
        == ""
    )
