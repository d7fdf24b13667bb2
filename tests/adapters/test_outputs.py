"""Files that a person asked for: nothing is overwritten unasked, devices and pipes stay what they are, a failure leaves nothing."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ledger.adapters import files, outputs
from ledger.domain.errors import StorageError, UsageError
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


def test_a_medium_without_hard_links_is_written_to_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert [one.read_bytes() for one in tmp_path.iterdir()] == ([b"old"] if force else [])


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
def test_stdout_by_name_is_written_through_also_where_it_is_a_file(tmp_path: Path, name: str) -> None:
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
    assert modes == {"private": 0o600, "public": 0o644, "a": 0o700, "b": 0o700, "c": 0o600, "d": 0o755, "e": 0o755, "seen": 0o644}


def test_a_folder_that_a_demonstration_did_not_make_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("years of work")
    with pytest.raises(UsageError):
        files.renew_folder(tmp_path, "demo")
    assert (tmp_path / "thesis").read_text() == "years of work"
    made = tmp_path / "out"
    files.renew_folder(made, "demo")
    (made / "old").write_text("x")
    files.renew_folder(made, "demo")
    assert [one.name for one in made.iterdir()] == ["demo"]
