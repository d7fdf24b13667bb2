"""A watched folder from which something half-written is taken, the same thing twice, or what lies
outside.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from cli.commands import watch as watching
from ledger.client.intake import watched_folder
from ledger.client.intake.watched_folder import Rule, Said
from ledger.client.intake.watching import Ready, Watching
from ledger.domain.errors import NetworkError, UsageError
from tests.support.commands import begun, within

RULE = ("--rule", "{case}/{exhibit}")


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "home"))


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    return folder


def exhibit(exports: Path, name: str = "2026-117/A1", **files: bytes) -> Path:
    folder = exports / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, data in (files or {"image": b"x" * 999, "log": name.encode()}).items():
        (folder / file).write_bytes(data)
    return folder


def seen(
    root: Path, rule: str = "{case}/{exhibit}", quiet: float = 10, marker: str = ""
) -> Watching:
    return Watching(root, Rule(rule), quiet, marker, b"k" * 32, {})


def ready(watched: Watching, now: float) -> tuple[list[str], list[str]]:
    """The folders that are complete, and what was told of others."""
    told: list[str] = []
    found = [
        one.path.name
        for one in watched.round(now, lambda path, why: told.append(f"{path.name}: {why}"))
    ]
    return found, told


def once(
    home: Path, exports: Path, *more: object
) -> tuple[int, dict[str, list[dict[str, object]]]]:
    words = ("watch", exports, *RULE, "--marker", "done", "--once", "--json", *more)
    code, out, said = within(*words, home=home)
    assert out, said
    return code, json.loads(out)


def test_a_folder_is_taken_once_under_the_numbers_of_its_name_and_not_again(
    home: Path, exports: Path
) -> None:
    exhibit(exports, done=b"", image=b"x" * 999)
    code, found = once(home, exports)
    assert (code, found["left"]) == (0, [])
    assert [one["folder"] for one in found["taken"]] == ["2026-117/A1"]
    listed = json.loads(
        within("list", "--case", "2026-117", "--exhibit", "A1", "--json", home=home)[1]
    )
    assert len(listed["items"]) == 3, "the folder and its two files"
    assert once(home, exports) == (0, {"taken": [], "left": []})
    (home / "client" / "watched.json").unlink()
    code, found = once(home, exports)
    assert [(one["items"], one["known"]) for one in found["taken"]] == [([], 3)], (
        "the upload's rule"
    )
    assert b"2026-117" not in (home / "client" / "watched.json").read_bytes()


def test_what_still_changes_is_waited_for_by_size_and_by_times(exports: Path) -> None:
    folder = exhibit(exports)
    watched = seen(exports)
    assert ready(watched, 0)[0] == []
    (folder / "image").write_bytes(b"x" * 1000)
    assert ready(watched, 11)[0] == [], "it changed since"
    (folder / "image").write_bytes(b"y" * 1000)
    assert ready(watched, 20)[0] == [], "of the same size, and yet it changed"
    os.utime(folder / "image", (0, 0))
    assert ready(watched, 29)[0] == []
    os.utime(folder / "image", (0, 0))
    assert ready(watched, 38)[0] == [], "whoever sets times back changes the time of change"
    assert ready(watched, 49)[0] == ["A1"]


def test_with_a_marker_nothing_else_makes_a_folder_complete(exports: Path) -> None:
    folder = exhibit(exports)
    watched = seen(exports, marker="done")
    assert ready(watched, 0)[0] == ready(watched, 10_000)[0] == []
    (folder / "done").symlink_to(folder / "image")
    assert ready(watched, 10_001)[0] == [], "a link marks nothing"
    (folder / "done").unlink()
    (folder / "done").touch()
    assert ready(watched, 10_002)[0] == ["A1"]


def test_an_empty_folder_is_no_exhibit_yet(exports: Path) -> None:
    (exports / "2026-117" / "A1" / "sub").mkdir(parents=True)
    watched = seen(exports)
    assert ready(watched, 0) == ready(watched, 1_000) == ([], [])


def test_links_and_files_in_the_place_of_folders_are_told_once_and_left(
    exports: Path, tmp_path: Path
) -> None:
    outside = exhibit(tmp_path, "outside/A9")
    (exports / "2026-117").mkdir()
    (exports / "2026-117" / "A1").symlink_to(outside)
    (exports / "2026-118").symlink_to(outside.parent)
    (exports / "2026-119").write_bytes(b"x")
    watched = seen(exports, quiet=1)
    assert ready(watched, 0) == (
        [],
        [
            "A1: is a link, which is not followed",
            "2026-118: is a link, which is not followed",
            "2026-119: is no folder: an exhibit is one",
        ],
    )
    assert ready(watched, 100) == ([], [])


def test_what_comes_after_a_folder_was_taken_is_told_and_not_taken(
    home: Path, exports: Path
) -> None:
    folder = exhibit(exports, done=b"", image=b"x")
    once(home, exports)
    (folder / "late").write_bytes(b"late")
    code, found = once(home, exports)
    assert (code, found["taken"]) == (3, [])
    assert found["left"][0]["problem"] == "changed after it was taken: record what came by hand"


@pytest.mark.parametrize(
    ("rule", "path", "said"),
    [
        ("{case}/{exhibit}", "2026-117/A1", Said("2026-117", "A1")),
        ("{case}_{exhibit}", "2026-117_A1", Said("2026-117", "A1")),
        ("{case}", "2026-117", Said("2026-117")),
        ("x {case} ({exhibit})", "x 7 (A1)", Said("7", "A1")),
        ("{case}_{exhibit}", "2026_117_A1", "its name can be read in two ways by the rule"),
        ("{case}_{exhibit}", "2026-117", "its name does not follow the rule"),
        ("{case}/{exhibit}", "2026-117/ ", "its name gives no case or exhibit number"),
        ("a.{case}", "ab7", "its name does not follow the rule"),
    ],
)
def test_a_name_says_one_thing_or_nothing(rule: str, path: str, said: Said | str) -> None:
    assert Rule(rule).read(path) == said


@pytest.mark.parametrize(
    "rule", ["{exhibit}", "{case}{case}", "{case}/{", "{case}//x", "../{case}", "/{case}"]
)
def test_a_rule_that_is_none_is_refused(rule: str) -> None:
    with pytest.raises(UsageError, match="is no rule"):
        Rule(rule)


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (None, "no form A1.custody.json lies beside it"),
        ({"v": 1, "exhibit": "A1"}, "its form is none: no case"),
        ({"v": 2, "case": "1"}, 'its form is none: an object with "v": 1 is expected'),
        ({"v": 1, "case": "1", "role": "court"}, "its form is none: no member of a form: 'role'"),
        ({"v": 1, "case": 1}, "its form is none: case: text of at most 256 characters is expected"),
        ('{"v": 1, "case": "1", "case": "2"}', "its form is none: "),
        ("x" * 70_000, "its form is none: longer than"),
    ],
)
def test_a_form_that_is_none_is_told_and_its_folder_left(
    exports: Path, form: object, told: str
) -> None:
    exhibit(exports, "A1")
    if form is not None:
        text = form if isinstance(form, str) else json.dumps(form)
        (exports / "A1.custody.json").write_text(text)
    [line] = ready(seen(exports, ""), 0)[1]
    assert line.startswith(f"A1: {told}")


def test_a_form_that_is_a_link_or_disagrees_with_the_name_is_not_believed(
    exports: Path, tmp_path: Path
) -> None:
    folder = exhibit(exports)
    form = folder.with_name("A1.custody.json")
    (tmp_path / "form").write_text('{"v": 1, "case": "2026-117"}')
    form.symlink_to(tmp_path / "form")
    assert ready(seen(exports), 0)[1][0].startswith("A1: its form cannot be read")
    form.unlink()
    form.write_text('{"v": 1, "case": "2026-118", "exhibit": "A1"}')
    assert ready(seen(exports), 0)[1] == ["A1: its form and its name say different numbers"]


def test_what_a_form_says_is_recorded(home: Path, exports: Path) -> None:
    exhibit(exports, "A1", done=b"", image=b"x")
    said = {"v": 1, "case": "2026-117", "exhibit": "A1", "basis": "warrant 7", "tool": "imager"}
    (exports / "A1.custody.json").write_text(json.dumps(said))
    words = ("watch", exports, "--marker", "done", "--once")
    assert within(*words, home=home)[0] == 0
    out = within("show", "2026-117/A1/1", "--basis", "test", "--json", home=home)[1]
    assert "warrant 7" in out
    assert "imager" in out


def test_an_exhibit_that_is_refused_is_told_once_and_the_others_are_taken(
    home: Path, exports: Path, tmp_path: Path
) -> None:
    (tmp_path / "other").write_bytes(b"other")
    within("upload", tmp_path / "other", "-c", "2026-117", "-e", "A1", home=home)
    exhibit(exports, "2026-117/A1", done=b"", image=b"1")
    exhibit(exports, "2026-117/A2", done=b"", image=b"2")
    code, found = once(home, exports)
    assert code == 3
    assert [one["folder"] for one in found["left"]] == ["2026-117/A1"]
    assert [one["folder"] for one in found["taken"]] == ["2026-117/A2"]


@pytest.mark.parametrize("swapped", ["2026-117", "2026-117/A1"])
def test_a_folder_that_is_swapped_for_a_link_once_it_was_found_is_not_followed(
    home: Path, exports: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swapped: str
) -> None:
    """Whoever writes into the share had read what they must not: it became an exhibit of theirs."""
    exhibit(exports, "2026-117/A1", done=b"", image=b"1")
    outside = exhibit(tmp_path, "outside/A1", done=b"", secret=b"2")
    take = watching._Run._take

    def swapping(run: watching._Run, one: Ready) -> None:
        (exports / swapped).rename(tmp_path / "aside")
        (exports / swapped).symlink_to(outside if "/" in swapped else outside.parent)
        take(run, one)

    monkeypatch.setattr(watching._Run, "_take", swapping)
    code, found = once(home, exports)
    assert (code, found["taken"]) == (3, [])
    assert [one["folder"] for one in found["left"]] == ["2026-117/A1"]
    assert json.loads(within("list", "--json", home=home)[1])["items"] == []


def test_a_node_that_is_gone_leaves_everything_and_is_asked_again_less_often(
    exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exhibit(exports)
    run = watching._Run(None, seen(exports, quiet=0), "log")  # type: ignore[arg-type]

    def gone(ready: Ready) -> None:
        raise NetworkError("the node is gone")

    monkeypatch.setattr(run, "_take", gone)
    for count in (1, 2):
        run.round()
        assert run.failures == count
    assert run.left == {"2026-117/A1": "the node is gone; tried again"}
    waits: list[float] = []
    monkeypatch.setattr(watching.time, "sleep", waits.append)
    monkeypatch.setattr(run, "round", lambda: len(waits) < 3 or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        watching._look(run, once=False, quiet=0, every=10)
    assert waits == [40, 40, 40], "ten seconds, doubled twice"


def test_whoever_stops_it_finds_nothing_half_taken_and_the_next_run_goes_on(
    home: Path, exports: Path
) -> None:
    exhibit(exports, done=b"", image=b"x" * 999)
    words = ("watch", exports, *RULE, "--marker", "done", "--every", "0.2")
    with begun(*words, home=home) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("taken"):
                break
        process.send_signal(signal.SIGTERM)
        out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "1 folder taken, 0 left" in out
    assert once(home, exports) == (0, {"taken": [], "left": []})


def test_a_folder_that_cannot_be_watched_is_refused(home: Path, exports: Path) -> None:
    (exports / "file").write_bytes(b"x")
    for words, told in (
        (("watch", exports / "none"), "cannot watch"),
        (("watch", exports / "file"), "is no folder"),
        (("watch", exports, "--marker", "../x"), "no name of a file"),
        (("watch", exports, "--rule", "{exhibit}"), "is no rule"),
    ):
        code, _, said = within(*words, home=home)
        assert (code, told in said) == (2, True), said


def test_a_folder_that_is_too_large_to_be_looked_at_is_left(
    exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exhibit(exports)
    monkeypatch.setattr(watched_folder, "_ENTRIES", 1)
    assert ready(seen(exports), 0)[1] == ["A1: cannot be read: more than 1 files"]


def test_what_disappears_or_cannot_be_read_while_it_is_looked_for_stops_nothing(
    exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workstations move exports away, and folders of others may be closed to us: the rest is taken
    all the same.
    """
    for name in ("2026-117/A1", "2026-118/A1", "2026-119/A1"):
        exhibit(exports, name, done=b"")
    real = os.scandir

    def scandir(folder: os.PathLike[str]) -> object:
        if Path(folder).name == "2026-117":
            Path(folder).rename(exports.with_name("moved"))
        if Path(folder).name == "2026-118":
            raise PermissionError(13, "Permission denied", str(folder))
        return real(folder)

    monkeypatch.setattr(watched_folder.os, "scandir", scandir)
    assert ready(seen(exports, marker="done"), 0) == (
        ["A1"],
        ["2026-118: cannot be read: Permission denied"],
    )


def test_a_folder_deeper_than_a_path_may_be_is_taken_and_stops_nothing(exports: Path) -> None:
    exhibit(exports, "2026-117/A1", done=b"")
    here = os.open(exhibit(exports, "2026-117/A2", done=b"", file=b"x"), os.O_RDONLY)
    for _ in range(2500):
        os.mkdir("a", dir_fd=here)
        within_it = os.open("a", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = within_it
    os.close(here)
    assert ready(seen(exports, marker="done"), 0) == (["A1", "A2"], [])
    subprocess.run(["rm", "-rf", exports], check=True)  # Python's own goes no deeper than itself


def test_a_share_that_is_not_there_for_a_while_is_looked_at_again(
    home: Path, exports: Path
) -> None:
    exhibit(exports, done=b"", image=b"x" * 999)
    away = exports.with_name("away")
    words = ("watch", exports, *RULE, "--marker", "none-yet", "--every", "0.2")
    with begun(*words, home=home) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("watching"):
                exports.rename(away)
            if "tried again" in line:
                (away / "2026-117" / "A1" / "none-yet").touch()
                away.rename(exports)
            if line.startswith("taken"):
                break
        process.send_signal(signal.SIGTERM)
        out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "1 folder taken, 0 left" in out
