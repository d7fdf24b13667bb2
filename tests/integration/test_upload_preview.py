"""`upload --dry-run` tells what an upload would record, and changes nothing anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.app import field_folder
from ledger.client.intake.attempt_sealing import AttemptSealing
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.client.intake.upload_preview import Preview
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.faults import Fault, Faulty

NUMBERS = ("--case", "7", "--exhibit", "A1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "seized"
    (top / "sub").mkdir(parents=True)
    for name in ("a.txt", "b.tmp", "sub/c.txt"):
        (top / name).write_bytes(name.encode() * 100)
    (top / "link").symlink_to("a.txt")
    return top


def told(home: Path, *words: object, code: int = 0) -> dict[str, Any]:
    found, out, said = within("--json", "upload", *words, home=home)
    assert found == code, said
    value: dict[str, Any] = json.loads(out)
    return value


def entries(home: Path) -> int:
    _, out, _ = within("--json", "status", home=home)
    return int(json.loads(out)["integrated"])


def test_it_tells_items_sizes_numbers_and_what_is_left_out(home_path: Path, folder: Path) -> None:
    within("status", home=home_path)
    entries_before, packs = entries(home_path), sorted((home_path / "blocks").rglob("*"))
    plan = told(home_path, folder, *NUMBERS, "--exclude", "*.tmp", "--dry-run")
    assert [(item["exhibit"], Path(item["path"]).name) for item in plan["items"]] == [
        ("A1/1", "a.txt"),
        ("A1/2", "c.txt"),
        ("A1", "seized"),
    ]
    assert [(one["kind"], one["excluded"]) for one in plan["leftOut"]] == [
        ("file", True),
        ("symbolic link", False),
    ]
    assert entries(home_path) == entries_before
    assert sorted((home_path / "blocks").rglob("*")) == packs
    assert not list(home_path.rglob("upload-*.journal"))
    done = told(home_path, folder, *NUMBERS, "--exclude", "*.tmp")
    assert [(item["exhibit"], item["size"]) for item in done["items"]] == [
        (item["exhibit"], item["size"]) for item in plan["items"]
    ], "what was told is what is recorded"
    again = told(home_path, folder, *NUMBERS, "--exclude", "*.tmp", "--dry-run")
    assert (again["items"], len(again["known"])) == ([], 3)


def test_it_tells_people_that_nothing_was_done(home_path: Path, folder: Path) -> None:
    code, out, said = within("upload", folder, *NUMBERS, "--dry-run", home=home_path)
    assert code == 0, said
    assert "4 items would be recorded" in out
    assert out.rstrip().endswith("Nothing was signed, sent or written.")


def test_a_folder_that_grew_is_told_with_what_is_new_in_it(home_path: Path, folder: Path) -> None:
    told(home_path, folder)
    (folder / "sub" / "d.txt").write_bytes(b"new")
    plan = told(home_path, folder, "--dry-run")
    assert [Path(item["path"]).name for item in plan["items"]] == ["d.txt", "seized"]
    assert len(plan["known"]) == 3


def test_what_an_upload_refuses_is_refused_by_it_too(home_path: Path, folder: Path) -> None:
    told(home_path, folder / "a.txt", *NUMBERS)
    code, _, said = within("upload", folder, *NUMBERS, "--dry-run", home=home_path)
    assert (code, "A1" in said or "number" in said) == (1, True), said
    assert within("upload", folder / "nothing", "--dry-run", home=home_path)[0] == 2


def test_an_interrupted_upload_stays_for_the_next_one(
    desk: Desk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def run(kind: type[Upload], fault: Fault) -> list[Any]:
        journal = field_folder.journal_of(desk.path, desk.home.keyring)
        faulty = Faulty(journal, fault, skip=("close", "append"))
        made = kind(desk.person, Faulty(desk.client, fault), faulty, desk.clock, UploadOptions())
        return list(made.run([folder]))

    fault = Fault()
    fault.arm(6, Killed(), after=True)
    with pytest.raises(Killed):
        run(Upload, fault)

    def leftovers() -> list[Any]:
        journal = field_folder.journal_of(desk.path, desk.home.keyring)
        try:
            return journal.leftovers()
        finally:
            journal.close()

    before = leftovers()
    assert before
    with monkeypatch.context() as patched:
        patched.setattr(AttemptSealing, "seal", None)
        plan = run(Preview, Fault())
    assert leftovers() == before
    assert all(item.resumed for item in plan)
    assert [item.evidence for item in run(Upload, Fault())] == [item.evidence for item in plan]
