"""A folder whose exhibit number was taken while its upload was interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli import main
from cli.invocation import command_line
from cli.invocation.global_options import STATE
from cli.items import exhibits
from ledger.app import field_folder
from ledger.client.intake.upload import Upload, UploadOptions, UploadResult
from ledger.client.intake.upload_request import RESTART, RESUME
from ledger.domain.errors import ConflictError
from ledger.domain.event import same_record
from tests.integration.test_exhibit_numbers import said, seize
from tests.integration.test_going_on import Killed
from tests.support.desk import Desk
from tests.support.faults import Fault, Faulty


def upload(desk: Desk, folder: Path, fault: Fault, exhibit: str, **more: Any) -> list[UploadResult]:
    journal = field_folder.journal_of(desk.path, desk.home.keyring)
    run = Upload(
        desk.person,
        Faulty(desk.client, fault),
        Faulty(journal, fault, skip=("close", "append")),
        desk.clock,
        UploadOptions(said(exhibit=exhibit), **more),
    )
    done = list(run.run([folder], until_told=True))
    run.told()
    return done


def interrupted(desk: Desk, folder: Path, fault: Fault) -> str:
    """An upload of a folder as E1 that ends when its files are recorded; the item that takes E1."""
    folder.mkdir()
    for name in "ab":
        (folder / name).write_text(name)
    for at in range(1, 30):
        fault.arm(at, Killed(), after=True)
        with pytest.raises(Killed):
            upload(desk, folder, fault, "E1")
        fault.arm(0)
        if desk.client.search(same_record.PARTS, "E1"):
            return seize(desk)
    raise AssertionError("never recorded")


@pytest.mark.parametrize("way", ["another number", "a part", "in its place"])
def test_a_folder_whose_number_was_taken_meanwhile_goes_on_in_each_way_that_is_told(
    desk: Desk, tmp_path: Path, way: str
) -> None:
    """No command went on: one was told the number, the other that files were recorded."""
    fault, folder = Fault(), tmp_path / "DCIM"
    phone = interrupted(desk, folder, fault)
    parts = desk.client.search(same_record.PARTS, "E1")
    for mode in ("refuse", RESUME, RESTART):
        with pytest.raises(ConflictError, match="E1/1, E1/2") as refused:
            upload(desk, folder, fault, "E1", interrupted=mode)
        assert phone in refused.value.message
        assert "--restart" in str(refused.value.hint)
    more: dict[str, dict[str, Any]] = {
        "another number": {"exhibit": "E2"},
        "a part": {"exhibit": "E1", "own": {"partOf": phone}, "part": True},
        "in its place": {"exhibit": "E1", "own": {"ext": {"replaces": phone}}},
    }
    done = upload(desk, folder, fault, interrupted=RESTART, **more[way])
    whole = {"another number": "E2", "a part": "E1/3", "in its place": "E1"}[way]
    assert [one.exhibit for one in done] == [f"{whole}/1", f"{whole}/2", whole]
    if way == "in its place":
        assert {one.evidence for one in done[:2]} == set(parts), "nothing is recorded twice"


def test_a_folder_whose_number_was_taken_meanwhile_goes_on_once_it_is_free(
    desk: Desk, tmp_path: Path
) -> None:
    fault, folder = Fault(), tmp_path / "DCIM"
    phone = interrupted(desk, folder, fault)
    parts = desk.client.search(same_record.PARTS, "E1")
    with pytest.raises(ConflictError):
        upload(desk, folder, fault, "E1")
    desk.record(phone, "voided", {"reason": "not evidence"})
    done = upload(desk, folder, fault, "E1")
    assert {one.evidence for one in done[:2]} == set(parts)
    assert done[2].exhibit == "E1"


@pytest.mark.parametrize("words", [["-e", "E1", "-c", "1"], ["-eE1", "--case=1"]])
def test_what_is_told_of_a_number_that_is_taken_runs_however_the_number_was_typed(
    monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Of short options no command was told."""
    line = ["upload", "DCIM", *words, "--resume", "--", "-e"]
    monkeypatch.setattr(STATE, "typed", command_line.parts(main.tree(), line))
    taken = same_record.taken("urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f")
    hint = str(exhibits.in_words(same_record.taken_meanwhile(taken, ["E1/1"])).hint)
    case = " ".join(word for word in words if "E1" not in word and word != "-e")
    assert f"upload DCIM {case} --exhibit NUMBER --restart -- -e" in hint
    assert f"upload DCIM {case} --replaces E1 --restart -- -e" in hint
