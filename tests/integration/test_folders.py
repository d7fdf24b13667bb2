"""Files as they are in the field: what lies in a folder is recorded as it is, or stands in the
signed manifest as left out.
"""

from __future__ import annotations

import os
import shutil
import socket
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from ledger.app import field_folder
from ledger.client.files import folder_walk, steady_file
from ledger.client.intake.upload import Upload, UploadOptions, UploadResult
from ledger.domain.errors import SourceError, UsageError
from ledger.domain.files import manifest
from ledger.domain.files.manifest import Manifest
from tests.support.desk import Desk


class Gathered:
    """A folder that was uploaded: its items, its manifest and the body of its event."""

    def __init__(
        self, desk: Desk, folder: Path, *, own: Any = (), progress: Any = lambda count: None
    ) -> None:
        journal = field_folder.journal_of(desk.path, desk.home.keyring)
        self.run = Upload(
            desk.person, desk.client, journal, desk.clock, UploadOptions(), progress, own
        )
        self.items: list[UploadResult] = list(self.run.run([folder]))
        self.manifest: Manifest = manifest.parse(desk.get(self.items[-1].evidence))
        self.body = body(desk, self.items[-1].evidence)
        self.omitted = {omission.path: omission for omission in self.manifest.omissions}


def body(desk: Desk, evidence: str) -> dict[str, Any]:
    found: dict[str, Any] = desk.client.details(evidence, desk.access(evidence))[0].document["body"]
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "seized"
    made.mkdir()
    return made


def put(folder: Path, name: bytes, data: bytes = b"x") -> bytes:
    path = os.path.join(os.fsencode(folder), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return path


def test_names_that_look_alike_are_members_of_their_own(desk: Desk, folder: Path) -> None:
    names = [
        b"d\xff/a",
        b"d\\xff/a",
        b"back\\slash",
        unicodedata.normalize("NFC", "é").encode(),
        unicodedata.normalize("NFD", "é").encode(),
    ]
    for number, name in enumerate(names):
        put(folder, name, b"%d" % number)
    found = Gathered(desk, folder)
    assert {member.path for member in found.manifest.members} == set(names)
    for member in found.manifest.members:
        assert desk.get(member.evidence) == b"%d" % names.index(member.path)
    [strange] = [member for member in found.manifest.members if member.path == b"d\xff/a"]
    assert body(desk, strange.evidence)["ext"]["pathBytes"] == "ZP8vYQ"


def test_links_pipes_sockets_and_empty_folders_stand_in_the_manifest(
    desk: Desk, folder: Path
) -> None:
    put(folder, b"a.txt")
    (folder / "DCIM" / "100APPLE").mkdir(parents=True)
    (folder / "to-file").symlink_to("a.txt")
    (folder / "to-folder").symlink_to("DCIM")
    (folder / "loop").symlink_to(".")
    os.symlink(b"/etc/\xff", os.fsencode(folder / "outside"))
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
    found = Gathered(desk, folder)
    assert {one.path for one in found.manifest.folders} == {b"", b"DCIM", b"DCIM/100APPLE"}
    assert {member.path for member in found.manifest.members} == {b"a.txt"}
    assert {path: (omission.kind, omission.target) for path, omission in found.omitted.items()} == {
        b"to-file": ("symbolic link", b"a.txt"),
        b"to-folder": ("symbolic link", b"DCIM"),
        b"loop": ("symbolic link", b"."),
        b"outside": ("symbolic link", b"/etc/\xff"),
        b"pipe": ("named pipe", None),
        b"s": ("socket", None),
    }
    assert (found.body["count"], found.body["omitted"]) == (1, 6)
    assert not any(one.lost for one in found.run.left_out)


def test_one_member_that_cannot_be_read_stops_nothing_and_is_signed_as_left_out(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (b"a", b"denied", b"sub/gone", b"sub/broken", b"z", b"swapped"):
        put(folder, name)
    (folder / "locked").mkdir()
    real = os.open

    def refusing(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        name = (
            os.fsencode(path).rpartition(b"/")[2] if isinstance(path, str | bytes | Path) else b""
        )
        if name in (b"denied", b"locked"):
            raise PermissionError(13, "Permission denied")
        if name == b"gone":
            (folder / "sub" / "gone").unlink()
        if name == b"swapped":
            (folder / "swapped").unlink()
            (folder / "swapped").symlink_to("/etc/passwd")  # never followed, whenever it appears
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refusing)
    monkeypatch.setattr(steady_file, "_DOUBT", -(1 << 80))
    reads = []

    def progress(count: int) -> None:
        reads.append(count)
        if len(reads) == 2:  # sub/broken shrinks while its turn has come
            os.truncate(folder / "z", 0)

    found = Gathered(desk, folder, progress=progress)
    reasons = {path: omission.reason for path, omission in found.omitted.items()}
    assert reasons[b"denied"] == reasons[b"locked"] == "unreadable: Permission denied"
    assert "No such file" in reasons[b"sub/gone"]
    assert "symbolic links" in reasons[b"swapped"]
    assert {member.path for member in found.manifest.members} >= {b"a", b"sub/broken"}
    assert [one.lost for one in found.run.left_out] == [True] * len(reasons)


def test_a_path_longer_than_the_system_allows_is_recorded(desk: Desk, folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    for _ in range(22):
        os.mkdir("d" * 200, dir_fd=fd)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("deep.txt", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)
    found = Gathered(desk, folder)
    assert [member.path for member in found.manifest.members] == [
        b"/".join([b"d" * 200] * 22 + [b"deep.txt"])
    ]
    assert found.run.left_out == []


@pytest.mark.parametrize(
    ("nanoseconds", "expected"),
    [
        (-14_182_980 * 10**9, "1969-07-20T20:17:00Z"),
        (-14_182_980 * 10**9 + 1, "1969-07-20T20:17:00Z"),
        (-1, "1969-12-31T23:59:59Z"),
        (1_795_660_000 * 10**9 + 123_456_789, "2026-11-26T02:26:40Z"),
    ],
)
def test_a_time_before_1970_is_signed_as_it_is(
    desk: Desk, tmp_path: Path, nanoseconds: int, expected: str
) -> None:
    path = tmp_path / "moon.txt"
    path.write_bytes(b"x")
    os.utime(path, ns=(0, nanoseconds))
    [item] = desk.upload(path)
    said = body(desk, item.evidence)
    assert said["modified"] == expected
    assert said["ext"]["modified"] == manifest.seconds(path.stat().st_mtime_ns)


def test_a_time_after_9999_is_said_without_a_calendar(desk: Desk) -> None:
    path = Path("/dev/shm") / f"far-{os.getpid()}"  # a file system that can hold it
    path.write_bytes(b"x")
    try:
        os.utime(path, ns=(0, 253_402_300_800 * 10**9))
        [item] = desk.upload(path)
        found = path.stat().st_mtime_ns
    finally:
        path.unlink()
    said = body(desk, item.evidence)
    assert said["ext"]["modified"] == manifest.seconds(found)
    assert ("modified" in said) == (found < 253_402_300_800 * 10**9)


def test_what_the_file_system_says_of_members_is_in_the_manifest(desk: Desk, folder: Path) -> None:
    put(folder, b"a", b"data")
    os.chmod(folder / "a", 0o4640)
    os.link(folder / "a", folder / "b")
    with (folder / "holes").open("wb") as file:
        file.truncate(1 << 20)
    try:
        os.setxattr(folder / "a", "user.origin", b"https://example.org/\xff")
    except OSError:
        pytest.skip("no extended attributes here")
    found = {member.path: member.facts for member in Gathered(desk, folder).manifest.members}
    assert (found[b"a"].mode, found[b"a"].links, found[b"a"].same_as, found[b"b"].same_as) == (
        0o4640,
        2,
        None,
        b"a",
    )
    assert found[b"a"].attributes == ((b"user.origin", b"https://example.org/\xff"),)
    assert (found[b"a"].user, found[b"a"].group) == (os.getuid(), os.getgid())
    assert (found[b"holes"].sparse, found[b"a"].sparse) == (True, False)


def test_custodys_own_files_are_left_out_wherever_they_lie(
    desk: Desk, folder: Path, tmp_path: Path
) -> None:
    put(folder, b"a.txt")
    shutil.copytree(desk.path, folder / "another-home")
    shutil.copy(desk.path / "keyring.json", folder / "holiday.jpg")  # keys under any name
    journal = field_folder.journal_of(tmp_path / "elsewhere", desk.home.keyring)
    journal.append({"t": "begin"})
    journal.sync()
    shutil.copytree(tmp_path / "elsewhere" / "client" / "journal", folder / "left")
    journal.close()
    put(folder, b"passphrase.txt")
    details = (folder / "passphrase.txt").stat()
    put(folder, b"keyring.json", b"{}")  # a name alone hides nothing
    found = Gathered(desk, folder, own=frozenset({(details.st_dev, details.st_ino)}))
    assert {member.path for member in found.manifest.members} == {b"a.txt", b"keyring.json"}
    kinds = {
        path: omission.reason
        for path, omission in found.omitted.items()
        if not path.startswith(b"left")
    }
    assert kinds == {
        b"another-home": "custody's own files: home",
        b"holiday.jpg": "custody's own files: keyring",
        b"passphrase.txt": "custody's own files: folder or file in use",
    }
    assert [
        omission.reason for path, omission in found.omitted.items() if path.startswith(b"left")
    ] == ["custody's own files: journal"]


@pytest.mark.parametrize("place", ["", "keyring.json", "client"])
def test_the_home_itself_and_what_lies_in_it_are_refused(desk: Desk, place: str) -> None:
    (desk.path / "client").mkdir(exist_ok=True)
    details = desk.path.stat()
    with pytest.raises(UsageError, match="custody's own"):
        Gathered(desk, desk.path / place, own=frozenset({(details.st_dev, details.st_ino)}))
    if place != "client":
        with pytest.raises(UsageError, match="custody's own"):  # any other home as well
            Gathered(desk, desk.path / place)
    assert not list(desk.client.items())


@pytest.mark.parametrize("spelling", ["sub/..", ".", "sub/../."])
def test_a_folder_is_recorded_under_its_name_however_it_is_spelled(
    desk: Desk, folder: Path, spelling: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, b"sub/a")
    monkeypatch.chdir(folder)
    found = Gathered(desk, Path(spelling))
    assert found.body["name"] == "seized"
    assert [member.path for member in found.manifest.members] == [b"sub/a"]


@pytest.mark.parametrize("doubt", [True, False], ids=["changed just before", "old file"])
def test_a_file_rewritten_in_place_with_size_and_time_restored_is_no_record(
    desk: Desk, folder: Path, doubt: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "log"
    path.write_bytes(b"a" * 5_000_000)
    written = []

    def rewrite(count: int) -> None:
        if not written:
            written.append(count)
            details = path.stat()
            with path.open("r+b") as file:
                file.write(b"b" * 5_000_000)
            os.utime(path, ns=(details.st_atime_ns, details.st_mtime_ns))

    if doubt:  # the time of change did not move on: one tick of the clock for both
        monkeypatch.setattr(steady_file.Steady, "_require_unchanged", lambda self: None)
    else:
        monkeypatch.setattr(steady_file, "_DOUBT", -(1 << 80))
    with pytest.raises(SourceError, match="changed while it was read"):
        list(
            Upload(
                desk.person,
                desk.client,
                field_folder.journal_of(desk.path, desk.home.keyring),
                desk.clock,
                UploadOptions(),
                rewrite,
            ).run([path])
        )
    assert not list(desk.client.items())
    put(folder, b"other")
    path.write_bytes(b"a" * 5_000_000)
    written.clear()
    found = Gathered(desk, folder, progress=rewrite)
    assert {path: omission.reason for path, omission in found.omitted.items()} == {
        b"log": "changed while it was read"
    }
    assert [member.path for member in found.manifest.members] == [b"other"]


def test_what_cannot_be_listed_to_its_end_is_said(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, b"bad/a")
    put(folder, b"good/b")
    real, inode = os.scandir, (folder / "bad").stat().st_ino

    class Breaking:
        def __init__(self, entries: Any) -> None:
            self.entries = entries

        def __enter__(self) -> Any:
            yield_ = iter(self.entries)

            def listed() -> Any:
                yield next(yield_)
                raise OSError(5, "Input/output error")

            return listed()

        def __exit__(self, *_: object) -> None:
            self.entries.close()

    def scandir(fd: int) -> Any:
        return Breaking(real(fd)) if os.fstat(fd).st_ino == inode else real(fd)

    monkeypatch.setattr(folder_walk.os, "scandir", scandir)
    found = Gathered(desk, folder)
    assert {member.path for member in found.manifest.members} == {b"bad/a", b"good/b"}
    assert found.omitted[b"bad"].reason == "unreadable: Input/output error"
