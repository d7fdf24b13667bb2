"""What whoever uploads a folder leaves out on purpose stands in the signed manifest, and is not
lost.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from ledger.app import field_folder
from ledger.client.files import folder_walk
from ledger.client.files.open_folder import FolderByDescriptor, OpenFolder
from ledger.client.intake.upload import Upload, UploadOptions, UploadResult
from ledger.client.intake.upload_drafts import measure
from ledger.client.intake.upload_request import RESTART, RESUME
from ledger.domain.errors import InterruptedUploadError
from ledger.domain.files import manifest
from ledger.domain.files.manifest import Manifest
from ledger.domain.files.path_globs import PathGlobs
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.faults import Fault, Faulty


class Killed(BaseException):
    """As SIGKILL."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "seized"
    (top / "cache" / "deep").mkdir(parents=True)
    (top / "sub").mkdir()
    for name in ("a.txt", "b.tmp", "cache/x", "cache/deep/y", "sub/c.tmp", "sub/d.txt"):
        (top / name).write_bytes(name.encode())
    (top / "sub" / "link.tmp").symlink_to("d.txt")
    return top


def upload(
    desk: Desk, folder: Path, exclude: Sequence[str], fault: Fault | None = None, **more: str
) -> tuple[Upload, list[UploadResult]]:
    fault = fault or Fault()
    journal = field_folder.journal_of(desk.path, desk.home.keyring)
    run = Upload(
        desk.person,
        Faulty(desk.client, fault),
        Faulty(journal, fault, skip=("close", "append")),
        desk.clock,
        UploadOptions(exclude=tuple(exclude), **more),
    )
    return run, list(run.run([folder]))


def listed(desk: Desk, done: list[UploadResult]) -> Manifest:
    return manifest.parse(desk.get(done[-1].evidence))


def test_what_is_excluded_stands_in_the_manifest_with_its_pattern_and_is_not_lost(
    desk: Desk, folder: Path
) -> None:
    run, done = upload(desk, folder, ["*.tmp", "cache/"])
    told = listed(desk, done)
    assert {member.path for member in told.members} == {b"a.txt", b"sub/d.txt"}
    assert {(one.path, one.kind, one.reason) for one in told.omissions} == {
        (b"b.tmp", "file", "excluded: *.tmp"),
        (b"sub/c.tmp", "file", "excluded: *.tmp"),
        (b"sub/link.tmp", "symbolic link", "excluded: *.tmp"),
        (b"cache", "folder", "excluded: cache/"),
    }
    assert {one.path for one in told.folders} == {b"", b"sub"}
    assert [(one.lost, one.excluded) for one in run.left_out] == [(False, True)] * 4
    body = desk.client.details(done[-1].evidence, desk.access(done[-1].evidence))[0].body
    assert (body["count"], body["omitted"]) == (2, 4)
    assert {"path": "cache", "reason": "excluded: cache/"} in body["omissions"]
    assert measure([folder], (), ["*.tmp", "cache/"])[0] == 2


def test_an_excluded_folder_is_never_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[bytes] = []
    real = FolderByDescriptor.enter

    def enter(self: FolderByDescriptor, name: bytes) -> OpenFolder:
        entered.append(name)
        return real(self, name)

    monkeypatch.setattr(FolderByDescriptor, "enter", enter)
    list(folder_walk.walk(folder, (), PathGlobs(["cache"])))
    assert entered == [b"sub"]


def test_an_interrupted_upload_is_bound_to_what_it_excluded(desk: Desk, folder: Path) -> None:
    fault = Fault()
    fault.arm(6, Killed(), after=True)
    with pytest.raises(Killed):
        upload(desk, folder, ["*.tmp"], fault)
    with pytest.raises(InterruptedUploadError, match=r"other details \(what is excluded\)"):
        upload(desk, folder, ["cache/"])
    _, done = upload(desk, folder, [], interrupted=RESUME)
    told = listed(desk, done)
    assert {one.path for one in told.omissions} == {b"b.tmp", b"sub/c.tmp", b"sub/link.tmp"}
    assert len(told.members) == 4


def test_begun_anew_it_is_the_same_folder_with_what_is_excluded_now(
    desk: Desk, folder: Path
) -> None:
    fault = Fault()
    fault.arm(6, Killed(), after=True)
    with pytest.raises(Killed):
        upload(desk, folder, ["*.tmp"], fault)
    _, done = upload(desk, folder, ["cache/"], interrupted=RESTART)
    told = listed(desk, done)
    assert {one.path for one in told.omissions} == {b"cache"} | (
        {b"sub/link.tmp"}  # which is no file, whatever is excluded
    )
    assert {member.path for member in told.members} == {
        *(b"a.txt", b"b.tmp", b"sub/c.tmp", b"sub/d.txt")
    }
    assert len(list(desk.client.items())) == 5, "none of them twice"


def test_the_number_of_what_is_excluded_is_told_last_and_the_exit_code_is_0(
    home_path: Path, folder: Path
) -> None:
    command = ("upload", folder, "--exclude", "*.tmp", "--exclude", "cache")
    code, out, said = within(*command, home=home_path)
    assert code == 0, said
    assert "4 left out as excluded (1 folder with all in it)" in " ".join(out.split())
    code, out, _ = within("--json", *command, "--again", home=home_path)
    left = json.loads(out)["leftOut"]
    assert {one["excluded"] for one in left} == {True}
    assert {one["lost"] for one in left} == {False}


@pytest.mark.parametrize("pattern", ["", "../x", "/"])
def test_a_pattern_that_means_nothing_is_refused_before_anything_is_read(
    home_path: Path, folder: Path, pattern: str
) -> None:
    code, _, said = within("upload", folder, "--exclude", pattern, home=home_path)
    assert code == 2, said


def test_without_a_folder_nothing_can_be_excluded(home_path: Path, folder: Path) -> None:
    code, _, said = within("upload", folder / "a.txt", "--exclude", "*.tmp", home=home_path)
    assert (code, "no folder was given" in said) == (2, True), said
