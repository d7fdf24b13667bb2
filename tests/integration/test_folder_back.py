"""A recorded folder is brought back whole, compared file by file; nothing is written past the
folder that was named, whatever its manifest says or stands there already.
"""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.client.files import written_folder
from ledger.client.files.written_folder import WrittenFolder, open_top
from ledger.client.reading import retrieval
from ledger.client.reading.folder_back import BroughtBack, FolderBack, Reading
from ledger.domain.errors import NetworkError
from ledger.domain.files import manifest
from ledger.domain.files.manifest import Facts, Folder, Manifest
from ledger.domain.files.restored_names import Disk
from tests.support import seized_folder
from tests.support.desk import BASIS, Desk
from tests.support.seized_folder import TIME, facts


@pytest.fixture
def seized(tmp_path: Path) -> Iterator[Path]:
    yield seized_folder.make(tmp_path / "seized")
    seized_folder.let_go(tmp_path)


@pytest.fixture
def listed(desk: Desk, seized: Path) -> Manifest:
    *_, gathered = desk.upload(seized)
    return manifest.parse(desk.get(gathered.evidence))


def brought(desk: Desk, listed: Manifest, into: Path, *, force: bool = False) -> BroughtBack:
    top = open_top(into)
    try:
        reading = Reading(desk.client, desk.person, desk.clock, BASIS)
        return FolderBack(reading, top, force=force).bring(listed)
    finally:
        top.close()


def reasons(done: BroughtBack) -> dict[bytes, str]:
    return {failed.path: failed.reason for failed in done.failed}


def accesses(desk: Desk) -> int:
    return sum(item.events - 1 for item in desk.client.items())


def test_a_folder_comes_back_with_times_rights_and_empty_folders(
    desk: Desk, listed: Manifest, seized: Path, tmp_path: Path
) -> None:
    done = brought(desk, listed, tmp_path / "back")
    assert (done.whole, done.fetched, done.kept) == (True, 3, 0)
    assert facts(tmp_path / "back") == facts(seized)
    assert (tmp_path / "back").stat().st_mtime_ns == TIME - 5
    assert (tmp_path / "back").stat().st_mode & 0o7777 == 0o700, "nobody else looks in"
    assert (tmp_path / "back" / "a.txt").stat().st_mode & 0o7000 == 0, "no set-user-id"


def test_an_access_list_that_is_not_given_back_leaves_its_rights_to_nobody(
    desk: Desk, tmp_path: Path
) -> None:
    """The bits of the group were those of the list's mask: the whole group could write."""
    seized, anybody = tmp_path / "seized", 0xFFFFFFFF
    seized.mkdir()
    (seized / "shared").write_bytes(b"x")
    rows = ((1, 6, anybody), (2, 6, 1000), (4, 4, anybody), (16, 6, anybody), (32, 0, anybody))
    listed = b"\2\0\0\0" + b"".join(struct.pack("<HHI", *row) for row in rows)
    try:
        os.setxattr(seized / "shared", "system.posix_acl_access", listed)
    except (OSError, AttributeError):
        pytest.skip("the file system holds no access lists")
    assert (seized / "shared").stat().st_mode & 0o777 == 0o660
    *_, gathered = desk.upload(seized)
    found = manifest.parse(desk.get(gathered.evidence))
    assert brought(desk, found, tmp_path / "back").whole
    assert (tmp_path / "back" / "shared").stat().st_mode & 0o777 == 0o640
    [member] = found.members
    for odd in (b"", b"\2\0\0\0" + b"\4" * 9, listed[:4]):
        attributes = ((b"system.posix_acl_access", odd),)
        assert replace(member.facts, attributes=attributes).rights == 0o600


def test_whoever_an_access_list_gives_less_than_the_rest_is_none_of_the_rest_without_it() -> None:
    """Somebody who was named, with nothing, could read what everybody else could."""
    plain = Facts(mode=0o664, user=0, group=0, modified=0)
    for named, mode in (
        ((2, 0), 0o600),  # a user, who may be of the group as well
        ((2, 4), 0o644),
        ((8, 0), 0o660),
        ((8, 7), 0o664),
    ):
        rows = ((1, 6), named, (4, 6), (16, 6), (32, 4))
        listed = b"\2\0\0\0" + b"".join(struct.pack("<HHI", *row, 7) for row in rows)
        assert replace(plain, attributes=((b"system.posix_acl_access", listed),)).rights == mode
    assert replace(plain, attributes=((b"system.nfs4_acl", b"x"),)).rights == 0o600


def test_what_is_there_and_right_is_left_and_no_access_is_signed_for_it(
    desk: Desk, listed: Manifest, seized: Path, tmp_path: Path
) -> None:
    back = tmp_path / "back"
    brought(desk, listed, back)
    (back / "a.txt").chmod(0o600)
    os.utime(back / "a.txt")
    (back / "sub" / "b.bin").unlink()
    before = accesses(desk)
    done = brought(desk, listed, back)
    assert (done.whole, done.fetched, done.kept) == (True, 1, 2)
    assert accesses(desk) == before + 1
    assert facts(back) == facts(seized)


def test_another_file_is_never_written_over_unless_it_is_said(
    desk: Desk, listed: Manifest, seized: Path, tmp_path: Path
) -> None:
    back = tmp_path / "back"
    back.mkdir()
    (back / "a.txt").write_bytes(b"mine")
    before = accesses(desk)
    done = brought(desk, listed, back)
    assert reasons(done) == {b"a.txt": "another file stands there; --force writes over it"}
    assert (back / "a.txt").read_bytes() == b"mine"
    assert accesses(desk) == before + 2, "none for what was not read"
    assert brought(desk, listed, back, force=True).whole
    assert facts(back) == facts(seized)


@pytest.mark.parametrize("force", [False, True])
def test_links_that_stand_there_are_never_followed(
    desk: Desk, listed: Manifest, tmp_path: Path, force: bool
) -> None:
    back, away = tmp_path / "back", tmp_path / "away"
    away.mkdir()
    back.mkdir()
    (away / "victim").write_bytes(b"mine")
    (back / "a.txt").symlink_to(away / "victim")
    (back / "sub").symlink_to(away)
    done = brought(desk, listed, back, force=force)
    told = reasons(done)
    assert "symbolic link" in told[b"sub/b.bin"]
    assert "symbolic link" in told[b"sub"]
    assert (b"a.txt" in told) is not force, "a link in a file's place goes only where it is said"
    assert sorted(path.name for path in away.iterdir()) == ["victim"]
    assert (away / "victim").read_bytes() == b"mine"
    assert not done.whole


def test_a_link_that_comes_while_the_folder_is_written_is_not_followed(
    desk: Desk, listed: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back, away = tmp_path / "back", tmp_path / "away"
    away.mkdir()
    real = retrieval.fetch

    def swapping(*given: Any, **more: Any) -> Any:
        if (back / "sub").is_dir() and not (back / "sub").is_symlink():
            (back / "sub").rename(tmp_path / "moved")
            (back / "sub").symlink_to(away)
        return real(*given, **more)

    monkeypatch.setattr(retrieval, "fetch", swapping)
    done = brought(desk, listed, back)
    assert not done.whole
    assert list(away.iterdir()) == []


def test_a_pipe_that_stands_there_is_told_and_nobody_waits_for_it(
    desk: Desk, listed: Manifest, tmp_path: Path
) -> None:
    back = tmp_path / "back"
    back.mkdir()
    os.mkfifo(back / "a.txt")
    done = brought(desk, listed, back)
    assert reasons(done) == {b"a.txt": "something else stands there"}
    assert (done.fetched, done.untried) == (2, 0)


HOSTILE = [b"../escaped", b"/tmp/escaped", b"sub/../../escaped", b"a\x00b", b"a.txt/below"]


@pytest.mark.parametrize("path", HOSTILE)
def test_a_manifest_cannot_name_what_lies_outside_or_is_a_file_and_a_folder(
    desk: Desk, listed: Manifest, tmp_path: Path, path: bytes
) -> None:
    [first] = [member for member in listed.members if member.path == b"a.txt"]
    hostile = Manifest([*listed.members, replace(first, path=path)], listed.folders)
    hostile.folders.append(Folder(b"../made", first.facts))
    into = tmp_path / "within" / "back"
    done = brought(desk, hostile, into)
    told = reasons(done)
    assert b"../made" in told
    assert not done.whole
    assert [entry.name for entry in into.parent.iterdir()] == ["back"]
    assert (b"a.txt" in told) is (path == b"a.txt/below"), told
    assert path in told, "its own record says another path"


def test_files_that_the_disk_takes_for_one_are_told_and_none_takes_the_place_of_another(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "seized"
    top.mkdir()
    (top / "Photo.jpg").write_bytes(b"one")
    (top / "photo.jpg").write_bytes(b"two")
    *_, gathered = desk.upload(top)
    listed = manifest.parse(desk.get(gathered.evidence))
    assert brought(desk, listed, tmp_path / "apart").whole
    monkeypatch.setattr(WrittenFolder, "disk", lambda _: Disk(cases=True))
    for force in (False, True):
        done = brought(desk, listed, tmp_path / "one", force=force)
        assert reasons(done) == {b"photo.jpg": "this disk takes it for Photo.jpg"}
        assert (tmp_path / "one" / "Photo.jpg").read_bytes() == b"one"


def test_a_disk_that_takes_two_names_for_one_unforeseen_loses_neither_file_silently(
    desk: Desk, tmp_path: Path
) -> None:
    top = tmp_path / "seized"
    top.mkdir()
    for name in ("a", "b"):
        (top / name).write_bytes(b"the same")
    *_, gathered = desk.upload(top)
    listed = manifest.parse(desk.get(gathered.evidence))
    back = tmp_path / "back"
    back.mkdir()
    (back / "a").write_bytes(b"the same")
    (back / "b").hardlink_to(back / "a")  # as a disk looks that has one file under both names
    for force in (False, True):
        done = brought(desk, listed, back, force=force)
        assert reasons(done) == {b"b": "this disk takes it for another file of the folder"}


def test_a_manifest_that_says_something_else_than_the_files_record_is_told(
    desk: Desk, listed: Manifest, tmp_path: Path
) -> None:
    one, two, three = sorted(listed.members, key=lambda member: member.path)
    lies = {
        "path": replace(one, evidence=three.evidence),
        "digests": replace(two, digests={"sha-256": "00" * 32}),
        "CID": replace(three, cid=two.cid),
    }
    done = brought(desk, Manifest(list(lies.values()), listed.folders), tmp_path / "back")
    told = [failed.reason for failed in done.failed]
    assert all(word in reason for word, reason in zip(lies, told, strict=True)), told
    assert all(failed.contradicts for failed in done.failed)
    assert not [path for path in (tmp_path / "back").rglob("*") if path.is_file()]


def test_a_time_that_no_disk_holds_is_told_and_the_file_is_there(
    desk: Desk, listed: Manifest, tmp_path: Path
) -> None:
    changed = [
        replace(member, facts=replace(member.facts, modified=10**27)) for member in listed.members
    ]
    done = brought(desk, Manifest(changed, listed.folders), tmp_path / "back")
    assert done.fetched == 3
    assert all("another time or mode" in reason for reason in reasons(done).values())
    assert (tmp_path / "back" / "a.txt").read_bytes() == b"first"


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), NetworkError("no answer in time")]
)
def test_a_full_disk_or_a_dead_network_ends_the_run_and_tells_what_was_not_tried(
    desk: Desk,
    listed: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def failing(*_: Any, **__: Any) -> Any:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(retrieval, "fetch", failing)
        done = brought(desk, listed, tmp_path / "back")
    assert (done.fetched, len(done.failed), done.untried) == (0, 1, 2)
    assert not list((tmp_path / "back").rglob("*.custody-part"))
    assert brought(desk, listed, tmp_path / "back").whole


def test_by_the_rules_of_windows_the_folder_comes_back_too(
    desk: Desk, listed: Manifest, seized: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written_folder.system, "WINDOWS", True)
    monkeypatch.setattr(WrittenFolder, "disk", lambda _: Disk(windows=True, cases=True))
    into = tmp_path / "back"
    assert brought(desk, listed, into).whole
    assert {name: told[2] for name, told in facts(into).items()} == {
        name: told[2] for name, told in facts(seized).items()
    }
    assert brought(desk, listed, into).kept == 3
    (into / "sub" / "b.bin").unlink()
    (into / "sub" / "deep" / "c").unlink()
    (into / "sub" / "deep").rmdir()
    (into / "sub").rmdir()
    (into / "sub").symlink_to(tmp_path)
    assert b"sub/b.bin" in reasons(brought(desk, listed, into))
    assert not (tmp_path / "b.bin").exists()
