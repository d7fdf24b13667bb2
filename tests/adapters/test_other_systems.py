"""What differs on Windows and macOS, tried with their rules on this system: nothing of it was ever run
there.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path, PureWindowsPath
from types import SimpleNamespace
from typing import Any

import grimp
import pytest

from cli.invocation import hints
from ledger import system
from ledger.adapters import filelock, files, outputs
from ledger.adapters.filelock import FileLock
from ledger.adapters.journal import FileJournal, count
from ledger.adapters.keystore.file import FileKeyring
from ledger.app import settings
from ledger.client.files import folder_walk, open_folder
from ledger.client.files.steady_file import Steady
from ledger.domain.errors import LockedError, SourceError, StorageError
from ledger.domain.files import windows_names
from ledger.domain.files.manifest import Omission
from tests.support.desk import Desk

#: Modules of the standard library that Windows does not have.
POSIX = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}


def opened(path: Path) -> bool:
    """Whether this process has a file open, or one in a folder."""
    for number in os.listdir("/proc/self/fd"):
        try:
            target = Path(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            continue
        if path.absolute() in (target, *target.parents):
            return True
    return False


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules of Windows: no mode counts, and what is open is neither renamed nor removed."""
    monkeypatch.setattr(system, "WINDOWS", True)
    monkeypatch.setattr(system, "_BUSY", 0.0)

    def unless_open(call: Callable[..., Any]) -> Callable[..., Any]:
        def refusing(path: Any, *arguments: Any, **named: Any) -> Any:
            for one in (path, *(one for one in arguments if isinstance(one, str | Path))):
                if opened(Path(os.fspath(one))):
                    raise PermissionError(errno.EACCES, "it is open", os.fspath(one))
            return call(path, *arguments, **named)

        return refusing

    for name in ("rename", "replace", "unlink"):
        monkeypatch.setattr(os, name, unless_open(getattr(os, name)))


def test_nothing_imports_what_windows_lacks() -> None:
    graph = grimp.build_graph(
        *("ledger", "api", "cli"), include_external_packages=True, cache_dir=None
    )
    # The program that reads disk images imports nothing of ours, and asks for the system itself.
    alone = {"resource": {"ledger.client.images.ewf_process"}}
    for name in POSIX & graph.modules:
        found = graph.find_modules_that_directly_import(name)
        assert found == alone.get(name, {"ledger.system"})


@pytest.mark.usefixtures("windows")
def test_the_rules_of_windows_are_those_that_are_meant(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb"), pytest.raises(PermissionError):
        path.replace(tmp_path / "b")
    with path.open("rb"), pytest.raises(PermissionError):
        path.unlink()


@pytest.mark.usefixtures("windows")
def test_a_lock_says_on_windows_too_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "home.lock"
    lock = FileLock(path, what="the home")
    assert path.read_bytes() == b""  # nobody could read it
    assert filelock.held(path) == lock.token
    with pytest.raises(LockedError, match=f"in use by process {os.getpid()}"):
        FileLock(path, what="the home")
    lock.release()
    assert filelock.held(path) is None
    FileLock(path, what="the home").release()


@pytest.mark.usefixtures("windows")
def test_a_link_in_the_place_of_a_lock_is_not_followed_on_windows(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / "a.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(StorageError, match=r"a\.lock"):
        FileLock(tmp_path / "a.lock", what="a")
    assert (tmp_path / "precious").read_bytes() == b"precious"


@pytest.mark.usefixtures("windows")
def test_a_file_that_is_written_is_closed_before_it_gets_its_name(tmp_path: Path) -> None:
    files.write(tmp_path / "out", b"first")
    files.write(tmp_path / "out", b"second")
    with outputs.writing(tmp_path / "new", force=False) as file:
        file.write(b"third")
    assert (tmp_path / "out").read_bytes() == b"second"
    assert (tmp_path / "new").read_bytes() == b"third"
    assert {path.name for path in tmp_path.iterdir()} == {"out", "new"}


@pytest.mark.usefixtures("windows")
def test_a_folder_that_is_built_gets_its_name_on_windows(tmp_path: Path) -> None:
    with files.building(tmp_path / "home", what="no home") as aside:
        (aside / "keyring.json").write_bytes(b"x")
    assert (tmp_path / "home" / "keyring.json").read_bytes() == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


@pytest.mark.usefixtures("windows")
def test_what_somebody_works_on_is_not_swept_away_on_windows(tmp_path: Path) -> None:
    def left(name: str, days: float, *, folder: bool = False) -> Path:
        path = tmp_path / f".{name}.custody-part"
        path.mkdir() if folder else path.touch()
        moment = path.stat().st_mtime - days * 86400
        os.utime(path, (moment, moment))
        return path

    young, old, held = left("young", 0), left("old", 2), left("held", 2)
    building, built = left("building", 0, folder=True), left("built", 2, folder=True)
    with held.open("rb"):
        files.remove_leftovers(tmp_path)
    there = [path.exists() for path in (young, old, held, building, built)]
    assert there == [True, False, True, True, False]


def test_a_scanner_of_viruses_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "WINDOWS", True)
    monkeypatch.setattr(system, "_BUSY", 60.0)
    monkeypatch.setattr(system.time, "sleep", lambda _: None)
    replaced, tried = Path.replace, []

    def busy(self: Path, target: Path) -> Path:
        tried.append(target)
        if len(tried) < 3:
            raise PermissionError(errno.EACCES, "in use")
        return replaced(self, target)

    monkeypatch.setattr(Path, "replace", busy)
    files.write(tmp_path / "out", b"x")
    assert (tmp_path / "out").read_bytes() == b"x"
    assert len(tried) == 3


@pytest.mark.usefixtures("windows")
def test_the_keys_of_a_folder_are_saved_on_windows(tmp_path: Path) -> None:
    keyring = FileKeyring.create(tmp_path / "keyring.json", b"a passphrase")
    keyring.put("journal", bytes(32))
    keyring.save()
    again = FileKeyring.open(tmp_path / "keyring.json", b"a passphrase")
    assert again.get("journal") == bytes(32)
    again.put("index", bytes(32))
    again.save()
    assert FileKeyring.open(tmp_path / "keyring.json", b"a passphrase").get("index") == bytes(32)


@pytest.mark.usefixtures("windows")
def test_an_upload_that_was_stopped_goes_on_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(path: Path) -> bytes:
        raise PermissionError(errno.EACCES, "it is locked", str(path))

    monkeypatch.setattr(Path, "read_bytes", unread)
    first = FileJournal(tmp_path, bytes(32))
    first.append({"a": 1})
    first.sync()
    assert FileJournal(tmp_path, bytes(32)).leftovers() == []  # its run goes on
    first.close()
    second = FileJournal(tmp_path, bytes(32))
    assert second.leftovers() == [{"a": 1}]
    second.append({"b": 2})
    second.sync()
    second.finish([{"c": 3}])
    assert count(tmp_path) == 1
    third = FileJournal(tmp_path, bytes(32))
    assert third.leftovers() == [{"c": 3}]
    third.finish()
    third.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("windows")
def test_modes_refuse_nobody_on_windows(tmp_path: Path) -> None:
    """Every folder has the mode 0777 there."""
    tmp_path.chmod(0o777)
    files.require_owned(tmp_path)
    settings.require_private(tmp_path)


def tree(top: Path) -> Path:
    (top / "b" / "c").mkdir(parents=True)
    for name in ("z", "b/y", "b/c/x"):
        (top / name).write_text(name)
    (top / "link").symlink_to("/etc")
    return top


def told(top: Path) -> list[Any]:
    found = []
    for one in folder_walk.walk(top):
        if isinstance(one, folder_walk.File):
            fd = one.open()
            found.append((one.path, os.read(fd, 100)))
            os.close(fd)
        else:
            found.append(one)
    return found


def test_a_folder_is_walked_by_path_as_by_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tree(tmp_path / "top")
    by_descriptor = told(top)
    assert len(by_descriptor) == 7
    monkeypatch.setattr(system, "WINDOWS", True)
    assert told(top) == by_descriptor


@pytest.mark.parametrize("what", ["file", "folder", "the folder itself"])
@pytest.mark.usefixtures("windows")
def test_what_is_swapped_for_a_link_while_it_is_walked_by_path_is_not_followed(
    tmp_path: Path, what: str
) -> None:
    top, secret = tree(tmp_path / "top"), tree(tmp_path / "secret")
    held = open_folder.open_folder(top)
    if what == "file":
        (top / "z").unlink()
        (top / "z").symlink_to(secret / "z")
        with pytest.raises(OSError, match="symbolic links"):
            held.open(b"z")
    elif what == "folder":
        (top / "b").rename(top / "was")
        (top / "b").symlink_to(secret / "b")
        with pytest.raises(OSError, match="symbolic links"):
            held.enter(b"b")
    else:
        top.rename(tmp_path / "was")
        top.symlink_to(secret)
        with pytest.raises(OSError) as error:
            held.open(b"z")
        assert error.value.errno == errno.ESTALE


def test_a_junction_is_a_link_and_a_file_of_a_cloud_is_a_file() -> None:
    def found(mode: int, tag: int) -> Any:
        return SimpleNamespace(st_mode=mode, st_file_attributes=0x410, st_reparse_tag=tag)

    assert system.leads_elsewhere(found(stat.S_IFDIR | 0o777, 0xA0000003))
    assert system.leads_elsewhere(found(stat.S_IFREG | 0o666, 0xA000000C))
    assert not system.leads_elsewhere(found(stat.S_IFREG | 0o666, 0x9000001A))
    assert not system.is_sparse(found(stat.S_IFREG, 0))


@pytest.mark.usefixtures("windows")
def test_a_file_is_read_twice_where_no_stamp_says_that_it_changed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    os.utime(path, (1, 1))
    with path.open("rb", buffering=0) as file:
        source = Steady(file, path)
        assert file.read() == b"before"
        source.require_same(_digest(b"before"))
        path.write_bytes(b"behind")
        os.utime(path, (1, 1))
        with pytest.raises(SourceError, match="changed while it was read"):
            source.require_same(_digest(b"before"))


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def test_a_place_of_an_open_file_is_read_and_written_without_moving_it(tmp_path: Path) -> None:
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    try:
        os.write(fd, b"0123456789")
        os.lseek(fd, 3, os.SEEK_SET)
        assert system.read_by_seeking(fd, 4, 5) == b"5678"
        assert system.write_by_seeking(fd, b"AB", 8) == 2
        assert os.read(fd, 100) == b"34567AB"
    finally:
        os.close(fd)


def test_a_disk_of_macos_is_asked_to_write_what_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    asked = []
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)

    def told(fd: int, what: int) -> int:
        asked.append(what)
        if len(asked) > 1:
            raise OSError(errno.ENOTSUP, "not supported")
        return 0

    monkeypatch.setattr(fcntl, "fcntl", told)
    monkeypatch.setattr(os, "fsync", lambda _: asked.append(-1))
    for _ in range(2):
        with (tmp_path / "file").open("wb") as file:
            system.fsync(file.fileno())
    assert asked == [51, 51, -1]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("C:\\" + "long\\" * 60, "\\\\?\\C:\\" + "long\\" * 59 + "long"),
        (
            "\\\\server\\share\\" + "long\\" * 60,
            "\\\\?\\UNC\\server\\share\\" + "long\\" * 59 + "long",
        ),
        ("\\\\?\\C:\\" + "long\\" * 60, "\\\\?\\C:\\" + "long\\" * 60),
        ("C:\\short", "C:\\short"),
    ],
    ids=["drive", "share", "told already", "short"],
)
def test_a_path_of_any_length_is_told_as_windows_takes_it(
    monkeypatch: pytest.MonkeyPatch, path: str, told: str
) -> None:
    monkeypatch.setattr(system, "WINDOWS", True)
    assert system.long_path(path) == told
    assert PureWindowsPath(system.long_path(path)).is_absolute()
    monkeypatch.setattr(system, "WINDOWS", False)
    assert system.long_path(path) == path


def test_no_file_of_a_home_has_a_name_that_windows_refuses(founded: Path) -> None:
    names = {part for path in founded.rglob("*") for part in path.relative_to(founded).parts}
    assert names
    assert {name for name in names if windows_names.why_not(name)} == set()
    assert len({name.casefold() for name in names}) == len(names)
    longest = max(len(str(path.relative_to(founded))) for path in founded.rglob("*"))
    assert longest < 100


@pytest.mark.usefixtures("windows")
def test_an_omission_says_that_a_link_was_found(tmp_path: Path) -> None:
    found = [one for one in told(tree(tmp_path / "top")) if isinstance(one, Omission)]
    assert [(one.path, one.kind, one.target) for one in found] == [
        (b"link", "symbolic link", b"/etc")
    ]


def test_a_hint_is_quoted_as_the_shell_of_the_system_reads_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert hints.quoted("two words") == "'two words'"
    monkeypatch.setattr(system, "WINDOWS", True)
    assert hints.quoted("two words") == '"two words"'
    assert hints.quoted("C:\\Users\\o\\photo.jpg") == "C:\\Users\\o\\photo.jpg"


def test_the_process_that_stretches_a_passphrase_starts_on_windows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without SYSTEMROOT Python finds no library there that it needs to start."""
    monkeypatch.setenv("SYSTEMROOT", "C:\\Windows")
    monkeypatch.setenv("SECRET", "x")
    assert system.least_environment() == {}
    monkeypatch.setattr(system, "WINDOWS", True)
    assert system.least_environment() == {"SYSTEMROOT": "C:\\Windows"}


def test_a_folder_is_recorded_and_read_again_by_the_rules_of_windows(
    desk: Desk, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("windows")
    top = tree(tmp_path / "top")
    *members, manifest = desk.upload(top)
    assert {desk.get(one.evidence) for one in members} == {b"z", b"b/y", b"b/c/x"}
    assert b"link" in desk.get(manifest.evidence)
