"""`upload --expect`: files are compared with a list of digests as they are taken in; what differs is
recorded with both digests, told first and last, and the exit code says so.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.app import field_folder
from ledger.client.intake.expected_digests import ExpectedDigests
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.domain.errors import InterruptedUploadError
from ledger.domain.files import digest_lists
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.faults import Fault, Faulty

Run = Callable[..., tuple[int, dict[str, Any], str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "seized"
    (top / "sub").mkdir(parents=True)
    for name in ("a.txt", "b.txt", "sub/c.txt"):
        (top / name).write_bytes(name.encode())
    return top


@pytest.fixture
def run(home_path: Path) -> Run:
    def upload(*words: object) -> tuple[int, dict[str, Any], str]:
        code, out, said = within("--json", "upload", *words, home=home_path)
        return code, json.loads(out) if out else {}, said

    return upload


def sums(folder: Path, kind: str = "sha256", **wrong: str) -> bytes:
    rows = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix == ".txt":
            name = str(path.relative_to(folder))
            digest = wrong.get(path.stem) or hashlib.new(kind, path.read_bytes()).hexdigest()
            rows.append(f"{digest}  {name}\n")
    return "".join(rows).encode()


def stated(home: Path, evidence: str) -> Any:
    with Desk(home) as desk:
        body = desk.client.details(evidence, desk.access(evidence))[0].body
    return body.get("stated")


@pytest.mark.parametrize("kind", ["sha256", "md5", "sha1", "sha512"])
def test_files_that_are_what_the_list_says_are_recorded_with_that_result(
    run: Run, home_path: Path, folder: Path, tmp_path: Path, kind: str
) -> None:
    (tmp_path / "SUMS").write_bytes(sums(folder, kind))
    code, told, said = run(folder, "--expect", tmp_path / "SUMS")
    assert code == 0, said
    assert told["expected"] == {"met": 3, "mismatch": [], "missing": [], "unlisted": []}
    [row] = stated(home_path, told["items"][0]["evidence"])
    name = {"sha256": "sha-256", "md5": "md5", "sha1": "sha-1", "sha512": "sha-512"}[kind]
    digest = hashlib.new(kind, b"a.txt").hexdigest()
    assert row == {
        "algorithm": name,
        "value": digest,
        "over": "file",
        "by": "hash list",
        "checked": True,
    }
    assert set(told["items"][0]["digests"]) == {"sha-256"}, "broken digests prove nothing"


@pytest.mark.parametrize(("kind", "length"), [("sha256", 64), ("md5", 32)])
def test_a_file_that_differs_is_recorded_with_both_digests_told_and_ends_with_1(
    run: Run, home_path: Path, folder: Path, tmp_path: Path, kind: str, length: int
) -> None:
    (tmp_path / "SUMS").write_bytes(sums(folder, kind, b="e" * length))
    code, told, said = run(folder, "--expect", tmp_path / "SUMS")
    assert code == 1, said
    assert told["recorded"] == 4
    assert told["expected"]["mismatch"] == [str(folder / "b.txt")]
    [wrong] = [item for item in told["items"] if item["mismatch"]]
    one, other = stated(home_path, wrong["evidence"])
    assert (one["value"], one["by"], one["checked"]) == ("e" * length, "hash list", False)
    assert (other["value"], other["by"]) == (hashlib.new(kind, b"b.txt").hexdigest(), "custody")


def test_people_are_told_first_and_last(home_path: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "SUMS").write_bytes(sums(folder, b="e" * 64))
    code, out, said = within("upload", folder, "--expect", tmp_path / "SUMS", home=home_path)
    assert code == 1, said
    lines = [line for line in out.splitlines() if line.strip()]
    assert "NOT what the list of digests says" in lines[0]
    assert "NOT what the list of" in " ".join(lines[-2:])


def test_what_is_missing_and_what_is_not_in_the_list_is_told(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    listed = folder / "SHA256SUMS"
    listed.write_bytes(sums(folder) + b"f" * 64 + b"  gone.txt\n")
    (folder / "more").write_bytes(b"more")
    code, told, said = run(folder, "--expect", listed)
    assert code == 3, said
    assert told["expected"] == {
        "met": 3,
        "mismatch": [],
        "missing": ["gone.txt"],
        "unlisted": [str(folder / "more")],
    }


def test_a_list_made_above_the_folder_and_one_for_a_file_are_met_too(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    rows = sums(folder).replace(b"  ", b"  ./seized/")
    (tmp_path / "SUMS").write_bytes(rows)
    code, told, said = run(folder, "--expect", tmp_path / "SUMS")
    assert (code, told["expected"]["met"]) == (0, 3), said
    (tmp_path / "one").write_bytes(b"e" * 64 + b"  a.txt\n")
    code, told, said = run(folder / "a.txt", "--expect", tmp_path / "one")
    assert (code, told["expected"]["met"], told["items"][0]["mismatch"]) == (1, 1, ["sha-256"])


def test_a_file_that_was_recorded_before_without_the_list_is_compared_and_told(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    run(folder / "a.txt")
    (tmp_path / "good").write_bytes(sums(folder).splitlines(keepends=True)[0])
    code, told, said = run(folder / "a.txt", "--expect", tmp_path / "good")
    assert (code, told["known"], told["items"][0]["differs"]) == (3, 1, ["stated"]), said
    (tmp_path / "bad").write_bytes(b"e" * 64 + b"  a.txt\n")
    assert run(folder / "a.txt", "--expect", tmp_path / "bad")[0] == 1
    code, told, _ = run(folder / "a.txt", "--expect", tmp_path / "good", "--again")
    assert (code, told["recorded"]) == (0, 1)


def test_a_file_that_was_recorded_with_the_list_is_left_out_and_nothing_differs(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "SUMS").write_bytes(sums(folder))
    run(folder, "--expect", tmp_path / "SUMS")
    code, told, said = run(folder, "--expect", tmp_path / "SUMS")
    assert (code, told["known"], told["expected"]["met"]) == (0, 4, 3), said


@pytest.mark.parametrize("data", [b"", b"rubbish\n", b"\x00" * 100, b"e" * 63 + b"  a\n"])
def test_what_is_no_list_is_refused_before_anything_is_recorded(
    run: Run, folder: Path, tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "SUMS").write_bytes(data)
    code, told, said = run(folder, "--expect", tmp_path / "SUMS")
    assert (code, told, "list of digests" in said) == (2, {}, True), said
    assert run(folder, "--expect", folder)[0] == 2
    assert run(folder, "--expect", tmp_path / "none")[0] == 4


def test_an_interrupted_upload_is_bound_to_what_the_list_says(desk: Desk, folder: Path) -> None:
    class Killed(BaseException):
        pass

    def upload(path: Path, text: bytes, fault: Fault) -> list[Any]:
        journal = field_folder.journal_of(desk.path, desk.home.keyring)
        expected = ExpectedDigests(digest_lists.parse(text)) if text else None
        made = Upload(
            desk.person,
            Faulty(desk.client, fault),
            Faulty(journal, fault, skip=("close", "append")),
            desk.clock,
            UploadOptions(expected=expected),
        )
        return list(made.run([path]))

    asked = 0
    for at in range(1, 20):
        path = folder / f"{at}.bin"
        path.write_bytes(b"%d" % at)
        listed, fault = b"e" * 64 + b"  %d.bin\n" % at, Fault()
        fault.arm(at, Killed(), after=True)
        try:
            upload(path, listed, fault)
        except Killed:
            pass
        else:
            break
        try:
            upload(path, b"", Fault())
        except InterruptedUploadError as error:
            asked += "what a list of digests says" in error.message
            [item] = upload(path, listed, Fault())
            assert tuple(item.mismatch) == ("sha-256",)
    assert asked


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="no sha256sum")
def test_what_sha256sum_writes_of_strange_names_is_met(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    for name in ("new\nline", "back\\slash", " blank ", "(x) = y"):
        (folder / name).write_bytes(name.encode())
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    for more in ([], ["--tag"]):
        done = subprocess.run(
            ["sha256sum", *more, *names], cwd=folder, capture_output=True, check=True
        )
        (tmp_path / "SUMS").write_bytes(done.stdout)
        code, told, said = run(folder, "--expect", tmp_path / "SUMS", "--again")
        assert (code, told["expected"]["met"], told["expected"]["unlisted"]) == (0, 7, []), said
