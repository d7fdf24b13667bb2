"""`custody get` of a folder, of several items, and of a part of a folder, as people type it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.domain.files import manifest
from tests.support import seized_folder
from tests.support.commands import within
from tests.support.seized_folder import facts

Get = Callable[..., tuple[int, str, str]]


@pytest.fixture
def seized(tmp_path: Path) -> Iterator[Path]:
    yield seized_folder.make(tmp_path / "seized")
    seized_folder.let_go(tmp_path)


@pytest.fixture
def recorded(home_path: Path, seized: Path) -> Get:
    code, _, said = within("upload", seized, "--case", "7", "--exhibit", "A1", home=home_path)
    assert code == 0, said
    return lambda *more: within("get", "7/A1", *more, home=home_path)


def test_get_of_a_folder_fills_the_folder_that_is_named_and_goes_on_where_it_was(
    recorded: Get, seized: Path, tmp_path: Path
) -> None:
    back = tmp_path / "back"
    code, out, said = recorded("-o", back)
    assert code == 0, said
    assert "the folder 'seized' with its 3 files" in out
    assert facts(back) == facts(seized)
    (back / "a.txt").write_bytes(b"half")
    code, out, said = recorded("-o", back)
    assert code == 3, said
    assert f"{back}: NOT WHOLE: 2 of the 3 files" in out
    assert "a.txt: another file stands there; --force writes over it" in out
    code, out, _ = recorded("-o", back, "--force", "--json")
    told = json.loads(out)
    assert (code, told["fetched"], told["kept"], told["failed"]) == (0, 1, 2, [])
    assert facts(back) == facts(seized)


def test_get_of_a_folder_without_output_takes_its_name_in_the_working_folder(
    recorded: Get,
    seized: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert recorded()[0] == 0
    assert recorded()[0] == 0
    assert sorted(path.name for path in Path().iterdir()) == ["seized", "seized-2"]
    assert facts(Path("seized")) == facts(seized) == facts(Path("seized-2"))


def test_the_manifest_alone_is_given_where_it_is_asked_for_or_only_a_file_can_be_written(
    recorded: Get, tmp_path: Path
) -> None:
    for more in (["--manifest", "-o", tmp_path / "list"], ["-o", tmp_path / "list", "--force"]):
        code, out, said = recorded(*more)
        assert code == 0, said
        assert "a list of its 3 files, not the files" in out
        assert len(manifest.parse((tmp_path / "list").read_bytes()).members) == 3


def test_keys_are_never_filled_into(recorded: Get, home_path: Path) -> None:
    before = sorted(path.name for path in home_path.iterdir())
    for place in (home_path, home_path / "new"):
        code, _, said = recorded("-o", place)
        assert (code, "custody's own keys" in said) == (2, True), said
    assert sorted(path.name for path in home_path.iterdir()) == before


@pytest.fixture
def several(recorded: Get, home_path: Path, photo: Path) -> Get:
    other = photo.with_name("other") / photo.name
    other.parent.mkdir()
    other.write_bytes(b"another one of that name")
    for number, path in (("B", photo), ("C", other)):
        assert within("upload", path, "--case", "7", "--exhibit", number, home=home_path)[0] == 0
    within("seize", "phone, black", "--case", "7", "--exhibit", "P", home=home_path)
    return lambda *more: within("get", *more, home=home_path)


def test_several_items_come_into_one_folder_and_are_left_where_they_are_right(
    several: Get, seized: Path, photo: Path, tmp_path: Path
) -> None:
    into = tmp_path / "into"
    code, out, said = several("7/A1", "7/B", "7/C", "-o", into)
    assert code == 0, said
    assert facts(into / "seized") == facts(seized)
    assert (into / "photo.jpg").read_bytes() == photo.read_bytes()
    assert (into / "photo-2.jpg").read_bytes() == b"another one of that name"
    code, out, _ = several("7/A1", "7/B", "7/C", "-o", into, "--json")
    folder, one, two = json.loads(out)["items"]
    assert (code, folder["kept"], one["kept"], two["kept"]) == (0, 3, True, True)
    assert sorted(path.name for path in into.iterdir()) == ["photo-2.jpg", "photo.jpg", "seized"]


def test_a_file_goes_into_a_folder_that_is_there_under_its_recorded_name(
    several: Get, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "photo.jpg").write_bytes(b"mine")
    code, out, said = several("7/B", "-o", tmp_path / "there")
    assert code == 0, said
    assert "photo-2.jpg" in out
    assert (tmp_path / "there" / "photo.jpg").read_bytes() == b"mine"
    assert (tmp_path / "there" / "photo-2.jpg").read_bytes() == photo.read_bytes()


def test_one_item_that_cannot_be_had_does_not_stop_the_others(several: Get, tmp_path: Path) -> None:
    code, out, said = several("7/P", "7/B", "-o", tmp_path / "into")
    assert code == 3, said
    assert "7/P: NOT THERE: this item has no content" in out
    assert [path.name for path in (tmp_path / "into").iterdir()] == ["photo.jpg"]


def test_a_wrong_name_among_several_is_told_before_anything_is_signed(
    several: Get, home_path: Path, tmp_path: Path
) -> None:
    def events() -> list[int]:
        _, out, _ = within("list", "--json", home=home_path)
        return [item["events"] for item in json.loads(out)["items"]]

    before = events()
    code, _, said = several("7/B", "7/Z", "-o", tmp_path / "into")
    assert (code, "no item of case 7 that you may see has the number Z" in said) == (2, True), said
    assert events() == before
    assert several("7/B", "7/C", "--manifest", "-o", tmp_path / "into")[0] == 2


def test_a_part_of_a_folder_comes_by_patterns_of_its_paths(
    recorded: Get, seized: Path, tmp_path: Path
) -> None:
    code, out, said = recorded("-o", tmp_path / "part", "--only", "*.bin", "--only", "empty/")
    assert code == 0, said
    assert "1 of the 3 files of the folder 'seized'" in out
    assert set(facts(tmp_path / "part")) == {"sub", "sub/b.bin", "empty", "empty/inner"}
    code, _, said = recorded("-o", tmp_path / "none", "--only", "*.jpg")
    assert (code, "--only means none of the 3 files" in said) == (1, True), said
    assert recorded("-o", tmp_path / "none", "--only", "../x")[0] == 2
