"""Every option and argument that names a place to write to: what lies there is spared, whatever it
is.
"""

from __future__ import annotations

import inspect
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, get_type_hints

import pytest

from cli import main
from cli.invocation.global_options import STATE
from cli.terminal import output
from ledger.adapters.audit_state import SqliteAuditState
from ledger.domain.errors import StorageError, UsageError
from tests.support.commands import custody, within
from tests.support.desk import Desk

ITEM: Final = str(
    uuid.UUID(int=7)
)  # none that exists: where it is looked for, the place was refused too late
DEAD: Final = "http://127.0.0.1:9"
#: Options that name a file to write, with what else the command wants; {} is the place.
FILES: Final = {
    "audit report": ["audit", "--report", "{}", "--workers", "1"],
    "bundle out": ["bundle", ITEM, "--basis", "x", "-o", "{}"],
    "chain deploy out": [
        "chain",
        "deploy",
        "--rpc",
        DEAD,
        "--founders",
        "cards",
        "--key",
        "key",
        "-o",
        "{}",
    ],
    "get out": ["get", ITEM, "--basis", "x", "-o", "{}"],
    "handover pause out": ["handover", "pause", ITEM, "--basis", "x", "-o", "{}"],
    "init card": [
        "init",
        "--agency",
        "RO-DIICOT",
        "--person",
        "1",
        "--url",
        "https://ro.example",
        "--card",
        "{}",
    ],
    "label out": ["label", ITEM, "-o", "{}"],
    "person card out": ["person", "card", "--for", DEAD, "-o", "{}"],
    "person invite out": [
        "person",
        "invite",
        "--number",
        "1",
        "--role",
        "officer",
        "--url",
        DEAD,
        "-o",
        "{}",
    ],
    "trust out": ["trust", "-o", "{}"],
}
FOLDERS: Final = {
    "backup folder": ["backup", "{}", "--keys", "backup-keys"],
    "court out": ["court", ITEM, "--basis", "x", "-o", "{}"],
    "demo out": ["demo", "evidence", "-o", "{}"],
    "ipfs init path": ["ipfs", "init", "{}"],
    "log export directory": ["log", "export", "{}"],
}
#: Files that are kept between runs: one that is there is used, where it is one of theirs.
KEPT: Final = {"audit state", "monitor state", "backup keys"}
#: Written as `person invite` writes it, for somebody who is there (tests/cli/test_new_keys.py).
ELSEWHERE: Final = {"person replace out"}
READ: Final = {
    *(
        "audit seen",
        "audit trust",
        "chain deploy founders",
        "chain deploy key",
        "chain signers trust",
        "demo file",
        "derive path",
        "home use folder",
        "import register",
        "init partner",
        "init trust",
        "stamp add roots",
    ),
    *(
        "ipfs add secret_file",
        "ipfs init swarm_key",
        "monitor trust",
        "notices set password_file",
        "person admit path",
        "person enrol invitation",
    ),
    *(
        "restore folder",
        "restore keys",
        "trust check",
        "trust pin",
        "upload expect",
        "upload paths",
        "verify bundle",
        "verify file",
        "verify trust",
        "watch folder",
    ),
}


@pytest.fixture(scope="module")
def shared(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(founded, tmp_path_factory.mktemp("named") / "home"))


@pytest.fixture(autouse=True)
def _within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evidence").write_bytes(b"x")
    (tmp_path / "cards").write_text("[]")
    (tmp_path / "key").write_text("11" * 32)
    (tmp_path / "key").chmod(0o600)
    before = STATE.json
    yield
    STATE.json, output._Printing.taken, output._Printing.lost = before, False, None


def _run(command: list[str], place: Path, home: Path, *more: str) -> tuple[int, str]:
    chosen = place.parent / "new-home" if command[0] == "init" else home
    code, out, said = within(*[one.format(place) for one in command], *more, home=chosen)
    output._Printing.taken = False
    assert "internal error" not in said
    return code, out + said


def _paths(command: Any, above: str = "") -> Iterator[str]:
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from _paths(subcommand, f"{above}{name} ")
    if above and not hasattr(command, "commands"):
        hints = get_type_hints(inspect.unwrap(command.callback))
        yield from (
            f"{above}{param.name}"
            for param in command.params
            if "Path" in str(hints.get(param.name))
        )


def test_every_path_of_every_command_is_known_here_as_read_or_written() -> None:
    """A new option that writes has to stand above, and so to pass what follows."""
    assert set(_paths(main.tree())) == {*FILES, *FOLDERS, *KEPT, *ELSEWHERE, *READ}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_there_is_refused_before_anything_else(
    name: str, shared: Path, tmp_path: Path
) -> None:
    there = tmp_path / "notes.txt"
    there.write_text("the only copy")
    (tmp_path / "link").symlink_to(there)
    for place in (there, tmp_path / "link"):
        code, told = _run(FILES[name], place, shared)
        assert (code, "exists already" in told) == (2, True), told
    assert there.read_text() == "the only copy"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "cards",
        "evidence",
        "key",
        "link",
        "notes.txt",
    ]


@pytest.mark.parametrize("force", [[], ["--force"]], ids=["asked", "forced"])
@pytest.mark.parametrize("name", FILES)
def test_keys_and_folders_are_never_written_over(
    name: str, force: list[str], shared: Path, tmp_path: Path
) -> None:
    keyring = shared / "keyring.json"
    before = keyring.read_bytes()
    (tmp_path / "link").symlink_to(keyring)
    # A folder beside no keys is filled by `get` alone, where the item is a folder.
    places = [keyring, tmp_path / "link", shared / "new", shared]
    for place in places if name == "get out" else [*places, tmp_path]:
        code, told = _run(FILES[name], place, shared, *force)
        assert code == 2, told
    assert keyring.read_bytes() == before
    assert not (shared / "new").exists()


@pytest.mark.parametrize("name", FILES)
def test_a_pipe_and_a_device_stay_what_they_are(name: str, shared: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)  # so that nobody waits for one
    try:
        _run(FILES[name], pipe, shared, "--force")
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    shutil.rmtree(tmp_path / "new-home", ignore_errors=True)
    _run(FILES[name], Path("/dev/null"), shared, "--force")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize("name", FOLDERS)
def test_what_is_no_folder_and_a_home_are_no_place_for_many_files(
    name: str, shared: Path, tmp_path: Path
) -> None:
    there, pipe = tmp_path / "notes.txt", tmp_path / "pipe"
    there.write_text("the only copy")
    os.mkfifo(pipe)
    before = sorted(shared.rglob("*"))
    for place in (there, pipe, shared):
        code, told = _run(FOLDERS[name], place, shared)
        assert code == 2, told
    assert there.read_text() == "the only copy"
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert sorted(shared.rglob("*")) == before


def test_an_audit_keeps_its_state_in_no_file_of_somebody_else(shared: Path, tmp_path: Path) -> None:
    pipe, text, database = (
        tmp_path / "pipe",
        tmp_path / "notes.txt",
        Path(shutil.copy(shared / "ledger.sqlite", tmp_path / "db")),
    )
    os.mkfifo(pipe)
    text.write_text("the only copy, longer than a header" * 99)
    before = database.read_bytes()
    for place, kind in (
        (pipe, UsageError),
        (tmp_path, UsageError),
        (text, StorageError),
        (database, UsageError),
    ):
        with pytest.raises(kind):
            SqliteAuditState(place, b"chain")
    assert text.read_text() == "the only copy, longer than a header" * 99
    assert database.read_bytes() == before


def test_backup_keys_are_put_into_no_keyring_of_other_keys_and_no_pipe(
    shared: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(shared, tmp_path / "other")) / "keyring.json"
    before = other.read_bytes()
    os.mkfifo(tmp_path / "pipe")
    for place, code in ((other, 1), (tmp_path / "pipe", 2), (tmp_path, 2)):
        assert within("backup", tmp_path / "backups", "--keys", place, home=shared)[0] == code
    assert other.read_bytes() == before


def test_a_demonstration_empties_neither_a_folder_with_a_file_named_demo_nor_that_of_its_own_file(
    tmp_path: Path,
) -> None:
    project = tmp_path / "project"
    (project / "sub").mkdir(parents=True)
    for name in ("demo", "story", "thesis.tex", "sub/y"):
        (project / name).write_text(name)
    assert within("demo", tmp_path / "evidence", "-o", project)[0] == 2
    assert within("demo", project / "thesis.tex", "-o", project)[0] == 2
    assert (project / "thesis.tex").read_text() == "thesis.tex"
    assert (project / "sub" / "y").read_text() == "sub/y"

    made = tmp_path / "made"
    assert within("demo", tmp_path / "evidence", "-o", made)[0] == 0
    code, _, said = within("demo", made / "tampered", "-o", made)
    assert (code, "emptied first" in said) == (2, True)
    assert (made / "for-the-court").exists()
    given = ["--passphrase-file", made / "passphrase"]
    code, _, said = within(*given, "demo", tmp_path / "evidence", "-o", made)
    assert (code, "emptied first" in said) == (2, True)
    assert (made / "passphrase").exists()


@pytest.mark.parametrize(
    "place", ["/dev/stdout", "/dev/fd/1", "-", "/dev/stderr", "/dev/fd/2", "/dev/fd/9"]
)
def test_content_is_not_read_for_a_descriptor_that_was_closed_at_the_start(
    place: str, home_path: Path, tmp_path: Path
) -> None:
    """/dev/null takes the place of a closed descriptor: content written there was said to be "same
    as recorded".
    """
    with Desk(home_path) as desk:
        item = desk.upload(tmp_path / "evidence")[0].evidence
    before = _events(home_path)
    closed = [
        number
        for number in (1, 2, 9)
        if place in ("-", "/dev/stdout", "/dev/stderr") or place.endswith(str(number))
    ]
    close = "".join(f"os.closerange({number}, {number + 1})\n" for number in closed)
    custody(
        *("get", item, "-o", place, "--basis", "x"),
        home=home_path,
        code=2,
        before=f"import os\n{close}",
    )
    assert _events(home_path) == before


def _events(home: Path) -> int:
    with Desk(home) as desk:
        [row] = desk.client.items()
        return int(row.events)


def test_a_log_is_never_exported_among_the_files_of_another(shared: Path, tmp_path: Path) -> None:
    from ledger.app import create_home
    from tests.support.desk import PASSPHRASE

    create_home.found(
        tmp_path / "ro",
        agency="RO-DIICOT",
        person="1",
        roles=["officer", "custodian"],
        passphrase=PASSPHRASE,
    )
    tree = tmp_path / "tree"
    assert within("log", "export", tree, "--entries", home=tmp_path / "ro")[0] == 0
    before = {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()}
    assert within("log", "export", tree, "--entries", home=tmp_path / "ro")[0] == 0, (
        "the same log goes on"
    )
    code, _, said = within("log", "export", tree, "--entries", home=shared)
    assert (code, "not of this log" in said) == (2, True)
    (tree / "checkpoint").unlink()  # as an export that was stopped leaves it
    assert within("log", "export", tree, "--entries", home=shared)[0] == 2
    assert {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()} == {
        path: data for path, data in before.items() if path.name != "checkpoint"
    }
    assert within("log", "export", tree, "--entries", home=tmp_path / "ro")[0] == 0
    assert {path: path.read_bytes() for path in tree.rglob("*") if path.is_file()} == before


def test_a_log_that_was_set_back_is_not_exported_over_what_it_said_before(
    home_path: Path, tmp_path: Path
) -> None:
    early = Path(shutil.copytree(home_path, tmp_path / "early"))
    with Desk(home_path) as desk:
        desk.upload(tmp_path / "evidence")
    tree = tmp_path / "tree"
    assert within("log", "export", tree, home=home_path)[0] == 0
    before = (tree / "checkpoint").read_bytes()
    assert within("log", "export", tree, home=early)[0] == 2, "shorter"
    with Desk(early) as desk:
        desk.upload(tmp_path / "evidence")
    assert within("log", "export", tree, home=early)[0] == 2, "as long, with other entries"
    assert (tree / "checkpoint").read_bytes() == before
    assert within("log", "export", tree, home=home_path)[0] == 0


def test_an_empty_file_comes_back_and_stands_in_the_folder_for_the_court(
    worked: dict[str, Path], tmp_path: Path
) -> None:
    """Two accesses were signed, and then there was no file to put in place."""
    empty, back = tmp_path / "empty.log", tmp_path / "back.log"
    empty.touch()
    home = worked["home"]
    custody("upload", empty, "-c", "2026-119", "-e", "E1", home=home)
    custody("anchor", home=home)
    custody("get", "2026-119/E1", "-o", back, "--basis", "x", home=home)
    assert back.read_bytes() == b""
    folder = tmp_path / "for-the-court"
    custody("court", "2026-119/E1", "-o", folder, "--basis", "x", home=home)
    assert (folder / "empty.log").read_bytes() == b""
    custody("verify", folder / "empty.log", "--trust", folder / "trust.json", home=tmp_path / "no")
