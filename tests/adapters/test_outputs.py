"""Files that a person asked for: nothing is overwritten unasked, devices and pipes stay what they
are, a failure leaves nothing.
"""

from __future__ import annotations

import errno
import inspect
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ledger.adapters import files, outputs
from ledger.domain.errors import StorageError, UnwrittenError, UsageError
from tests.support.commands import ROOT


def put(path: Path, data: bytes = b"new", *, force: bool = False) -> None:
    with outputs.writing(path, force=force) as file:
        file.write(data)


def test_a_file_that_is_there_is_overwritten_only_when_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "out"
    put(path, b"first")
    with pytest.raises(UsageError) as error:
        put(path)
    assert "--force" in (error.value.hint or "")
    assert path.read_bytes() == b"first"
    put(path, force=True)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_somebody_made_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "out"
    writing = outputs.writing(path, force=False)
    writing.__enter__().write(b"ours")
    path.write_bytes(b"theirs")
    with pytest.raises(UsageError):
        writing.__exit__(None, None, None)
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_medium_without_hard_links_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", none)
    put(tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"new"
    with pytest.raises(UsageError):
        put(tmp_path / "out", b"other")


@pytest.mark.parametrize("force", [False, True])
def test_what_fails_leaves_no_file_and_the_old_one_as_it_was(tmp_path: Path, force: bool) -> None:
    path = tmp_path / "out"
    if force:
        path.write_bytes(b"old")
    writing = outputs.writing(path, force=force)
    writing.__enter__().write(b"half")
    assert writing.__exit__(RuntimeError, RuntimeError(), None) is not True
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([b"old"] if force else [])


def test_a_pipe_is_written_through(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()))
    reader.start()
    put(path)
    reader.join(10)
    assert got == [b"new"]
    assert stat.S_ISFIFO(path.stat().st_mode)


def test_a_device_is_written_through(tmp_path: Path) -> None:
    before = os.stat("/dev/null")
    put(Path("/dev/null"))
    (tmp_path / "link").symlink_to("/dev/null")
    put(tmp_path / "link")
    assert os.stat("/dev/null").st_rdev == before.st_rdev
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert (tmp_path / "link").is_symlink()


def test_a_socket_is_written_through(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    got: list[bytes] = []
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            link, _ = server.accept()
            with link, link.makefile("rb") as file:
                got.append(file.read())

        reader = threading.Thread(target=serve)
        reader.start()
        put(path)
        reader.join(10)
    assert got == [b"new"]
    assert stat.S_ISSOCK(path.stat().st_mode)


def test_a_link_stays_a_link_and_its_file_is_spared_or_replaced(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_bytes(b"old")
    link.symlink_to(real)
    with pytest.raises(UsageError):
        put(link)
    assert real.read_bytes() == b"old"
    put(link, force=True)
    assert (link.is_symlink(), real.read_bytes()) == (True, b"new")
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "later")
    put(dangling)
    assert (dangling.is_symlink(), (tmp_path / "later").read_bytes()) == (True, b"new")


def test_a_link_that_leads_to_itself_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for force in (False, True):
        with pytest.raises(UsageError):
            put(tmp_path / "a", force=force)
    assert (tmp_path / "a").is_symlink()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    for force in (False, True):
        with pytest.raises(UsageError):
            put(tmp_path, force=force)
    with pytest.raises(StorageError):
        put(tmp_path / "none" / "out")


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "-"])
def test_stdout_by_name_is_written_through_also_where_it_is_a_file(
    tmp_path: Path, name: str
) -> None:
    code = f"from pathlib import Path; from ledger.adapters import outputs\nwith outputs.writing(Path('{name}'), force=False) as f: f.write(b'new')"
    with (tmp_path / "out").open("wb") as out:
        out.write(b"before ")
        out.flush()
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True, cwd=ROOT, timeout=60)
    assert (tmp_path / "out").read_bytes() == b"before new"


def test_modes_are_set_and_not_inherited(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        put(tmp_path / "private")
        files.write(tmp_path / "public", b"", mode=0o644)
        files.private_folder(tmp_path / "a" / "b")
        files.private_file(tmp_path / "a" / "b" / "c")
        os.umask(0o777)
        files.public_folder(tmp_path / "d" / "e")
        files.write(tmp_path / "seen", b"", mode=0o644)
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {
        "private": 0o600,
        "public": 0o644,
        "a": 0o700,
        "b": 0o700,
        "c": 0o600,
        "d": 0o755,
        "e": 0o755,
        "seen": 0o644,
    }


def test_a_folder_that_a_demonstration_did_not_make_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("years of work")
    made = tmp_path / "out"
    files.renew_folder(made, "custody demo")
    [marker] = made.iterdir()
    for name, text in {"thesis": "x", "demo": "play", "story": "told", marker.name: "mine"}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(UsageError):
            files.renew_folder(tmp_path, "custody demo")
    marker.replace(tmp_path / marker.name)  # a marker that came along from another place
    with pytest.raises(UsageError):
        files.renew_folder(tmp_path, "custody demo")
    assert (tmp_path / "thesis").read_text() == "x"


def test_a_folder_that_a_demonstration_made_is_emptied_by_the_same_one(tmp_path: Path) -> None:
    made = tmp_path / "out"
    files.renew_folder(made, "custody demo")
    (made / "old").write_text("x")
    (made / "home").mkdir()
    (made / "home" / "key").write_text("x")
    (made / "link").symlink_to(tmp_path)
    with pytest.raises(UsageError):
        files.renew_folder(made, "the story")
    files.renew_folder(made, "custody demo")
    assert len(list(made.iterdir())) == 1
    assert tmp_path.exists()


@pytest.mark.parametrize("size", [242, 255])
def test_a_name_as_long_as_a_name_can_be_is_written(tmp_path: Path, size: int) -> None:
    put(tmp_path / ("a" * size))
    put(tmp_path / ("\u5199" * (size // 3)))
    put(tmp_path / ("a" * size), b"other", force=True)
    assert (tmp_path / ("a" * size)).read_bytes() == b"other"
    with files.building(tmp_path / ("b" * size), what="a folder") as folder:
        assert folder.is_dir()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_a_killed_process_left_half_built_is_removed_and_that_of_a_living_one_is_not(
    tmp_path: Path,
) -> None:
    left = tmp_path / ".0123456789abcdef.custody-part"
    left.mkdir()
    (left / "keyring").write_text("keys of what was disposed of since")
    with files.building(tmp_path / "one", what="a folder") as first:
        assert not left.exists()
        with files.building(tmp_path / "two", what="a folder"):
            assert first.is_dir()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_a_folder_that_another_command_made_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    """It was told as a fault of the disk."""

    def build() -> None:
        with files.building(tmp_path / "home", what="no home"):
            (tmp_path / "home").mkdir()
            (tmp_path / "home" / "file").write_text("theirs")

    with pytest.raises(UsageError, match="is not empty") as caught:
        build()
    assert "another command made it" in (caught.value.hint or "")
    assert [path.name for path in tmp_path.rglob("*")] == ["home", "file"]


def test_nothing_is_built_where_a_disk_is_attached_before_it_is_said_so() -> None:
    """All was written beside that disk, and then "Device or resource busy"."""
    with (
        pytest.raises(UsageError, match="a disk is attached at"),
        files.building(Path(Path.cwd().anchor), what="no home"),
    ):
        raise AssertionError("it was begun")


def test_what_a_killed_process_left_of_a_file_goes_with_the_next_one_in_that_folder(
    tmp_path: Path,
) -> None:
    """A `get` that was killed left decrypted evidence in a hidden file."""
    child = os.fork()
    if child == 0:
        with outputs.writing(tmp_path / "photo", force=False) as file:
            file.write(b"in clear")
            file.flush()
            os._exit(9)
    assert os.waitpid(child, 0)[1] == 9 << 8
    [left] = tmp_path.iterdir()
    assert left.read_bytes() == b"in clear"
    with outputs.writing(tmp_path / "one", force=False) as first:
        assert not left.exists()
        put(tmp_path / "two")
        first.write(b"of a living one")
    assert (tmp_path / "one").read_bytes() == b"of a living one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_what_is_called_like_a_leftover_and_is_none_stops_nothing_and_is_left(
    tmp_path: Path,
) -> None:
    (tmp_path / "evidence").write_text("x")
    (tmp_path / ".link.custody-part").symlink_to(tmp_path / "evidence")
    os.mkfifo(tmp_path / ".pipe.custody-part")
    put(tmp_path / "out")
    assert len(list(tmp_path.iterdir())) == 4
    assert (tmp_path / "evidence").read_text() == "x"


def test_a_disk_without_locks_is_written_to_all_the_same_and_nothing_is_removed_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(fd: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("portalocker.portalocker.LOCKER", none)
    (tmp_path / ".0123456789abcdef.custody-part").touch()
    put(tmp_path / "out")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_name_that_cannot_be_is_refused_before_the_block_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnwrittenError, match="too long"):
        outputs.writing(tmp_path / ("a" * 256), force=False).__enter__()
    replaced = Path.mkdir

    def fat(self: Path, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        if ":" in self.name:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        replaced(self, mode, parents, exist_ok)

    monkeypatch.setattr(Path, "mkdir", fat)
    with pytest.raises(UnwrittenError, match="Invalid argument"):
        outputs.writing(tmp_path / "Re: photo", force=False).__enter__()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("force", [False, True])
def test_a_descriptor_that_was_not_handed_over_for_writing_is_refused_before_the_block_begins(
    tmp_path: Path, force: bool
) -> None:
    path = tmp_path / "data"
    path.write_bytes(b"old")
    reading, ours, given = (
        os.open(path, os.O_RDONLY),
        os.open(path, os.O_RDWR),
        os.open(path, os.O_RDWR),
    )
    os.set_inheritable(reading, True)
    os.set_inheritable(given, True)
    link = tmp_path / "link"
    link.symlink_to(f"/dev/fd/{ours}")
    try:
        for name in (
            f"/dev/fd/{reading}",
            f"/dev/fd/{ours}",
            f"/proc/self/fd/{ours}",
            f"/proc/{os.getpid()}/fd/{ours}",
            str(link),
            "/dev/fd/99999",
        ):
            with pytest.raises(UsageError, match=r"not open when|for reading only"):
                outputs.writing(Path(name), force=force).__enter__()
        put(Path(f"/dev/fd/{given}"), force=force)
        assert path.read_bytes() == b"new"
    finally:
        for one in (reading, ours, given):
            os.close(one)


def test_who_writes_a_file_says_whether_another_may_be_replaced() -> None:
    """A default would let a command go round the question that --force answers."""
    assert inspect.signature(files.replacing).parameters["force"].default is inspect.Parameter.empty
