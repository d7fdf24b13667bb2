"""`upload -` records what comes through a pipe; nothing of it lies readable on the disk meanwhile."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

from cli.intake import standard_input
from ledger.app import field_folder
from ledger.client.files import spooled_input
from ledger.client.files.spooled_input import SpooledInput
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.domain.errors import SourceError, UnwrittenError, UsageError
from tests.support.commands import custody
from tests.support.desk import Desk
from tests.support.faults import Fault, Faulty

SECRET = b"what nobody else may read " * 100_000  # some 2.5 MiB: several chunks


def piped(
    home: Path, *words: object, data: bytes = SECRET, code: int = 0, before: str = ""
) -> subprocess.CompletedProcess[str]:
    return custody("--json", "upload", *words, home=home, data=data, code=code, before=before)


@pytest.mark.parametrize("size", [1, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_what_came_is_read_again_from_the_beginning_as_often_as_it_takes(
    tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    spooled = SpooledInput(io.BytesIO(data), tmp_path)
    for _ in range(2):
        spooled.file.seek(0)
        assert b"".join(iter(lambda: spooled.file.read(70_001), b"")) == data
    assert spooled.size == size
    spooled.close()


def test_nothing_of_it_lies_readable_on_the_disk_or_under_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    real = tempfile.TemporaryFile

    def kept(*given: Any, **more: Any) -> Any:
        files.append(real(*given, **more))
        return files[-1]

    monkeypatch.setattr(spooled_input.tempfile, "TemporaryFile", kept)
    spooled = SpooledInput(io.BytesIO(SECRET), tmp_path)
    assert list(tmp_path.iterdir()) == []
    files[0].seek(0)
    assert SECRET[:16] not in files[0].read()
    spooled.close()
    assert files[0].closed


def test_what_the_disk_gives_back_otherwise_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    real = tempfile.TemporaryFile
    monkeypatch.setattr(
        spooled_input.tempfile,
        "TemporaryFile",
        lambda **more: files.append(real(**more)) or files[-1],
    )
    spooled = SpooledInput(io.BytesIO(SECRET), tmp_path)
    files[0].seek(100)
    files[0].write(b"x")
    files[0].flush()
    with pytest.raises(SourceError, match="damaged on the disk"):
        spooled.file.read(10)


def test_an_empty_a_broken_and_a_too_long_stream_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.BytesIO):
        def read(self, _: int | None = -1, /) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(UsageError, match="nothing came through the pipe"):
        SpooledInput(io.BytesIO(b""), tmp_path)
    with pytest.raises(SourceError, match="cannot read standard input: Input/output error"):
        SpooledInput(Broken(), tmp_path)

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spooled_input.tempfile, "TemporaryFile", full)
    with pytest.raises(UnwrittenError, match="No space left on device"):
        SpooledInput(io.BytesIO(b"x"), tmp_path)


def test_a_pipe_is_recorded_under_its_name_and_comes_back(home_path: Path, tmp_path: Path) -> None:
    done = json.loads(piped(home_path, "-", "--name", "disk.dd").stdout)
    [item] = done["items"]
    assert item["size"] == len(SECRET)
    with Desk(home_path) as desk:
        assert desk.get(item["evidence"]) == SECRET
        body = desk.client.details(item["evidence"], desk.access(item["evidence"]))[0].body
    assert (body["name"], body["source"]) == ("disk.dd", "standard input")
    assert "modified" not in body
    again = json.loads(piped(home_path, "-", "--name", "disk.dd").stdout)
    assert (again["recorded"], again["known"]) == (0, 1)


def test_what_is_no_pipe_with_a_name_is_refused(home_path: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    cases: list[tuple[list[object], str]] = [
        (["-"], "has no name of its own"),
        (["-", "--name", "a/b"], "name of a file"),
        (["-", "--name", ".."], "name of a file"),
        (["-", tmp_path / "x", "--name", "y"], "recorded by itself"),
        ([tmp_path / "x", "--name", "y"], "what comes through a pipe"),
    ]
    for words, why in cases:
        assert why in piped(home_path, *words, code=2).stderr
    assert "nothing came" in piped(home_path, "-", "--name", "x", data=b"", code=2).stderr
    at_terminal = "import os; os.dup2(os.openpty()[1], 0)"
    done = piped(home_path, "-", "--name", "x", code=2, before=at_terminal)
    assert "is a terminal" in done.stderr
    done = piped(tmp_path / "none", "-", "--name", "x", code=2)
    assert "cannot be kept" not in done.stderr


def test_an_interrupted_pipe_that_is_sent_again_is_one_item(desk: Desk, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def upload(fault: Fault) -> list[Any]:
        spooled = SpooledInput(io.BytesIO(SECRET), tmp_path)
        journal = field_folder.journal_of(desk.path, desk.home.keyring)
        run = Upload(
            desk.person,
            Faulty(desk.client, fault),
            Faulty(journal, fault, skip=("close", "append")),
            desk.clock,
            UploadOptions(spooled=spooled, name=b"x", place="standard input: x"),
        )
        return list(run.run([Path("-")]))

    for at in range(1, 20):
        fault = Fault()
        fault.arm(at, Killed(), after=True)
        try:
            upload(fault)
        except Killed:
            continue
        break
    assert len(upload(Fault())) == 1
    assert len(list(desk.client.items())) == 1


def test_the_hint_of_an_interrupted_pipe_names_it_and_no_file() -> None:
    assert standard_input.name_at(standard_input.place("disk.dd")) == "disk.dd"
    assert standard_input.name_at("/evidence/disk.dd") == ""
