"""Items named as people name them, and commands that want nothing where one thing is certain."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from cli.invocation.global_options import STATE
from cli.items import items
from ledger.domain.errors import UsageError
from tests.support.commands import custody, within

CASE = "2026-117/A1"


@pytest.fixture
def at_work(worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home, from an empty working folder."""
    monkeypatch.chdir(tmp_path)
    return worked["home"]


def events(home: Path, item: object) -> list[str]:
    """What the record says of an item's events, newest last."""
    done = within("--json", "show", item, "--basis", "test", home=home)[1]
    return [json.dumps(one["document"]) for one in json.loads(done)["details"]]


def short(home: Path, item: str) -> str:
    """The short id of an item, as lists show it."""
    return str(json.loads(within("--json", "show", item, home=home)[1])["item"]["opening"][:8])


@pytest.mark.parametrize("name", [CASE, "A1", "2026-117", "beginning", "short", "four", "whole"])
def test_an_item_is_found_by_its_numbers_and_by_the_beginning_of_its_id(
    at_work: Path, worked: dict[str, str], name: str
) -> None:
    evidence = worked["evidence"]
    digits = json.loads(within("--json", "show", evidence, home=at_work)[1])["item"]["opening"]
    begins = {"short": digits[:8].upper(), "four": digits[:4], "whole": digits}
    begins["beginning"] = evidence.removeprefix("urn:uuid:")[:8]
    typed = begins.get(name, name)
    code, printed, said = within("--json", "show", typed, home=at_work)
    assert code == 0, said
    assert json.loads(printed)["item"]["evidence"] == evidence


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("2026-117/A2", "no item of case 2026-117 that you may see has the number A2"),
        *((name, "is not an item that you may see") for name in ("2026-118/A1", "0000", "none")),
        ("2026-117/", "may be several items, and one is wanted here"),
    ],
)
def test_what_names_no_item_is_told_and_nothing_is_signed(
    at_work: Path, name: str, told: str
) -> None:
    code, _, said = within("get", name, "--basis", "x", home=at_work)
    assert (code, told in " ".join(said.split())) == (2, True), said


def test_a_number_that_two_items_have_is_never_taken_for_one_of_them(
    at_work: Path, tmp_path: Path, worked: dict[str, str]
) -> None:
    (tmp_path / "other").write_bytes(b"other")
    assert (
        within("upload", tmp_path / "other", "--case", "9", "--exhibit", "A1", home=at_work)[0] == 0
    )
    code, _, said = within("note", "A1", "x", home=at_work)
    assert code == 2
    assert "'A1' may be each of 2 items" in said
    assert short(at_work, worked["evidence"]) in said
    assert within("note", "9/A1", "the other one", home=at_work)[0] == 0


def test_no_item_stands_for_another_one_by_a_number_that_is_the_others_id_or_case(
    at_work: Path, tmp_path: Path
) -> None:
    """Whoever recorded it had it read, given on or decided upon in the place of the other one."""

    def uploaded(case: str, exhibit: str) -> str:
        (tmp_path / "other").write_bytes((case + exhibit).encode())
        command = ("--json", "upload", tmp_path / "other", "--case", case, "--exhibit", exhibit)
        code, printed, said = within(*command, home=at_work)
        assert code == 0, said
        return re.findall(r"urn:uuid:([0-9a-f-]{36})", printed)[0]

    evidence = uploaded("2026-500", "R1")
    names = (evidence[:8], short(at_work, evidence), "2026-500", "2026-500/R1")
    for typed in names:
        uploaded("2026-501", typed)
        code, _, said = within("note", typed, "x", home=at_work)
        assert code == 2
        assert f"{typed!r} may be each of 2 items" in said
        assert short(at_work, evidence) in said
    assert within("note", evidence, "x", home=at_work)[0] == 0


def test_get_and_bundle_take_case_name_and_place_from_the_item_and_overwrite_nothing(
    at_work: Path, tmp_path: Path, worked: dict[str, Path]
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"mine")
    assert within("get", CASE, home=at_work)[0] == 0
    assert (tmp_path / "photo.jpg").read_bytes() == b"mine"
    assert (tmp_path / "photo-2.jpg").read_bytes() == worked["photo"].read_bytes()
    code, _, _ = within("bundle", CASE, home=at_work)
    assert code == 0
    assert (tmp_path / "photo.jpg.bundle").exists()
    assert within("bundle", CASE, home=at_work)[0] == 0
    names = {path.name for path in tmp_path.iterdir() if "photo" in path.name}
    assert names == {"photo.jpg", "photo-2.jpg", "photo.jpg.bundle", "photo.jpg-2.bundle"}
    assert not list(tmp_path.glob("item-*"))
    assert '"purpose": "case 2026-117"' in events(at_work, CASE)[-2]


def test_an_export_that_is_not_anchored_is_made_again_in_its_place_and_an_older_one_told_of(
    at_work: Path, tmp_path: Path
) -> None:
    """Whoever did what they were told got another file, and `verify FILE` judged the first."""
    assert within("note", CASE, "x", home=at_work)[0] == 0
    assert within("get", CASE, home=at_work)[0] == 0
    code, out, _ = within("bundle", CASE, home=at_work)
    assert code == 0
    [again] = re.findall(r"Once they are:\s+(custody .*)", out)
    assert within(*shlex.split(again)[1:])[0] == 0
    assert [path.name for path in tmp_path.glob("*.bundle")] == ["photo.jpg.bundle"]
    code, out, said = within("verify", "photo.jpg", home=at_work)
    assert (code, "lies beside it" in out) == (0, False), said
    assert within("bundle", CASE, home=at_work)[0] == 0
    out = within("verify", "photo.jpg", home=at_work)[1]
    assert "note: photo.jpg-2.bundle lies beside it and was not looked at." in out
    assert "lies beside" not in within("verify", "photo.jpg.bundle", "photo.jpg", home=at_work)[1]


def test_an_item_that_is_named_by_its_id_is_read_for_no_reason_that_nobody_gave(
    at_work: Path, worked: dict[str, str]
) -> None:
    evidence = worked["evidence"].removeprefix("urn:uuid:")
    before = len(events(at_work, evidence))
    for name in ("get", "bundle", "recheck"):
        code, _, said = within(name, evidence, home=at_work)
        assert code == 2
        [command] = re.findall(r"what to do: (custody .*)", said)
        words = shlex.split(command)
        assert words[-3:] == [evidence, "--basis", "WHY"]
    assert len(events(at_work, evidence)) == before + 1, "nothing but the looks of this test"
    code, _, said = within("get", evidence, home=at_work, typed="hearing on Monday\n")
    assert code == 0, said
    assert "Why? Your words are signed" in said
    assert '"purpose": "hearing on Monday"' in events(at_work, evidence)[-2]


@pytest.mark.parametrize("name", ["../up", ".hidden", "a/b", "x" * 300, "-rf", "\x1b[2J"])
def test_a_recorded_name_never_leads_out_of_the_folder_nor_hides_the_file(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cli.files import beside

    monkeypatch.chdir(tmp_path)
    assert beside.free(name, "item-1234abcd", ".bundle") == Path("item-1234abcd.bundle")


def test_a_note_is_said_behind_the_item_asked_for_or_told_with_the_command(at_work: Path) -> None:
    assert within("note", CASE, "screen is cracked", home=at_work)[0] == 0
    assert "screen is cracked" in events(at_work, CASE)[-2]
    code, _, said = within("note", CASE, home=at_work, typed="seen by the owner\n")
    assert code == 0, said
    assert "seen by the owner" in events(at_work, CASE)[-2]
    code, _, said = within("note", CASE, home=at_work)
    assert (code, f"note {CASE} TEXT" in said) == (2, True)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["note"], "note ITEM"),
        (["dispose", "carry-out", CASE], f"dispose carry-out {CASE} --method METHOD"),
        (["handover", "withdraw", CASE], f"handover withdraw {CASE} --reason REASON"),
        (
            ["correct", CASE, "--new", "a b"],
            f"correct {CASE} --new 'a b' --reason REASON",
        ),
        (["record", "seal", CASE], f"record seal {CASE} --number NUMBER"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_what_a_command_lacks_is_told_with_the_whole_command(
    at_work: Path, words: list[str], hint: str
) -> None:
    code, _, said = within(*words, home=at_work)
    assert code == 2
    assert f"what to do: custody --home {at_work} {hint}\n" in said


def test_what_a_command_lacks_is_asked_for_at_a_terminal(at_work: Path) -> None:
    code, _, said = within("record", "seal", home=at_work, typed=f"{CASE}\nS-1\n")
    assert code == 0, said
    assert "Number on the seal:" in said
    assert '"S-1"' in events(at_work, CASE)[-2]


def test_a_hint_names_the_item_at_hand(at_work: Path, worked: dict[str, str]) -> None:
    done = custody(*("seize", "phone", "--case", "7", "--exhibit", "P1"), home=at_work)
    assert done.returncode == 0
    code, _, said = within("get", "7/P1", home=at_work)
    assert code == 1
    [command] = re.findall(r"see its record: (custody .*)", said)
    words = shlex.split(command.replace("WHY", "'for a test'"))
    assert within(*words[1:])[0] == 0


def seized(home: Path, case: str, exhibit: str) -> str:
    """A thing that was recorded with these numbers."""
    given = ("--case", case, "--exhibit", exhibit)
    return str(json.loads(within("--json", "seize", "phone", *given, home=home)[1])["evidence"])


@pytest.fixture(scope="module")
def phone(worked: dict[str, Path]) -> str:
    """A phone of a case of its own."""
    return seized(worked["home"], "77", "B1")


def opening(home: Path, item: str) -> dict[str, object]:
    """What the first event of an item says."""
    return dict(json.loads(events(home, item)[0]))


@pytest.mark.parametrize("name", ["77/B1", "B1", "beginning", "whole"])
@pytest.mark.parametrize("option", ["--from", "--parent", "--output"])
def test_an_option_takes_an_item_as_an_argument_does(
    at_work: Path, tmp_path: Path, phone: str, option: str, name: str
) -> None:
    short = phone.removeprefix("urn:uuid:")
    typed = {"beginning": short[:8], "whole": short}.get(name, name)
    (tmp_path / "report").write_text(f"{option} {name}")
    words = {
        "--from": ("upload", "report", "--from", typed),
        "--parent": ("derive", "report", "--kind", "report", "--parent", typed, "--no-case"),
        "--output": ("record", "analyse", CASE, "--what", "x", "--output", typed),
    }[option]
    code, printed, said = within("--json", *words, home=at_work)
    assert code == 0, said
    item = CASE if option == "--output" else json.loads(printed)["items"][0]["evidence"]
    documents = events(at_work, item)
    found = documents[-2] if option == "--output" else documents[0]
    assert phone in json.dumps(json.loads(found)["body"])


@pytest.mark.parametrize("option", ["--part-of", "--replaces"])
@pytest.mark.parametrize("named", ["by both", "by both, and the case", "beginning"])
def test_what_is_a_part_or_a_replacement_names_the_exhibit_as_items_are_named(
    at_work: Path, tmp_path: Path, option: str, named: str
) -> None:
    own = f"P-{option}-{named}"
    phone = seized(at_work, own, "C1")
    (tmp_path / "piece").write_text(own)
    typed = phone.removeprefix("urn:uuid:")[:8] if named == "beginning" else f"{own}/C1"
    case = () if named == "by both" else ("--case", own)
    code, printed, said = within("--json", "upload", "piece", option, typed, *case, home=at_work)
    assert code == 0, said
    made = opening(at_work, json.loads(printed)["items"][0]["evidence"])
    assert phone in json.dumps(made["body"])
    numbers = [{"scheme": "case", "value": own}]
    if named != "beginning":
        exhibit = "C1/1" if option == "--part-of" else "C1"
        numbers.append({"scheme": "exhibit", "value": exhibit})
    assert made["identifiers"] == numbers


def test_an_exhibit_of_another_case_lends_its_number_to_no_part_here(
    at_work: Path, tmp_path: Path, worked: dict[str, str]
) -> None:
    (tmp_path / "piece").write_text("of another case")
    given = ("upload", "piece", "--part-of", CASE, "--case", "2026-999")
    code, printed, said = within("--json", *given, home=at_work)
    assert code == 0, said
    made = opening(at_work, json.loads(printed)["items"][0]["evidence"])
    assert made["identifiers"] == [{"scheme": "case", "value": "2026-999"}]


@pytest.mark.parametrize(
    "words",
    [
        ("upload", "report", "--from", "nonsense"),
        ("derive", "report", "--kind", "report", "--parent", "nonsense"),
        ("record", "analyse", CASE, "--what", "x", "--output", "nonsense"),
        ("upload", "report", "--part-of", "nonsense/A1"),
        ("fixity", "nonsense"),
        ("ipfs", "copies", "nonsense", "2"),
    ],
)
def test_an_option_that_names_no_item_is_told_how_items_are_named(
    at_work: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    (tmp_path / "report").write_text("x")
    code, _, said = within(*words, home=at_work)
    assert code == 2
    assert "is not an item that you may see" in said
    assert "by case and exhibit (2026-117/A1)" in said


def test_an_item_that_an_option_names_leaves_the_check_of_the_record_to_the_one_at_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(STATE, "item", "at hand")
    monkeypatch.setattr(STATE, "numbers", (("case", "2026-117"),))
    items.also(None, "3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f")
    assert (STATE.item, STATE.numbers) == ("at hand", (("case", "2026-117"),))


@pytest.mark.parametrize(
    ("typed", "found"),
    [("3f0c", "3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"), ("3F0C1D2E", None), ("aaaa", "several")],
)
def test_a_copy_is_named_by_the_beginning_of_its_id_among_those_that_were_given(
    typed: str, found: str | None
) -> None:
    given = [
        "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f",
        "urn:uuid:aaaa1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f",
        "urn:uuid:aaaa2d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f",
    ]
    if found == "several":
        with pytest.raises(UsageError, match="may be each of 2 items"):
            items.among(given, typed, "a copy")
    else:
        assert items.among(given, typed, "a copy") == given[0]
    with pytest.raises(UsageError, match="'nonsense' is not a copy"):
        items.among(given, "nonsense", "a copy")


@pytest.mark.parametrize("typed", [("--basis", "WHY"), ("--basis=WHY",)])
def test_a_hint_typed_as_printed_signs_no_placeholder_as_somebodys_reason(
    at_work: Path, worked: dict[str, str], typed: tuple[str, ...]
) -> None:
    before = len(events(at_work, worked["evidence"]))
    code, _, said = within("show", worked["evidence"], *typed, home=at_work)
    assert (code, "WHY stands for your own words" in said) == (2, True), said
    assert '--basis "asked for by the prosecutor"' in said
    # At a terminal it runs as printed, with what is answered.
    given = ("show", worked["evidence"], *typed)
    assert within(*given, home=at_work, typed="the prosecutor asked\n")[0] == 0
    assert "the prosecutor asked" in events(at_work, worked["evidence"])[-2]
    assert (
        len(events(at_work, worked["evidence"])) == before + 3
    )  # the shown one, and two readings of this test


def test_what_is_derived_is_of_the_case_of_what_it_was_made_from(
    at_work: Path, tmp_path: Path
) -> None:
    """It was of no case, and stood in no list of the case whose report it was."""
    seized(at_work, "81", "A1")
    other = seized(at_work, "82", "A1")
    made = 0

    def derived(*words: str) -> tuple[int, str, list[dict[str, str]]]:
        nonlocal made
        made += 1
        (tmp_path / "report").write_text(f"report {made}")
        given = ("derive", "report", "--kind", "report", *words)
        code, printed, said = within(*given, "--json", home=at_work)
        if code:
            return code, said, []
        item = json.loads(printed)["items"][0]["evidence"]
        return code, said, json.loads(events(at_work, item)[0]).get("identifiers", [])

    code, said, numbers = derived("--parent", "81/A1")
    assert (code, [(one["scheme"], one["value"]) for one in numbers]) == (0, [("case", "81")]), said
    assert "case 81, of what it was made from" in said
    code, said, _ = derived("--parent", "81/A1", "--parent", "82/A1")
    assert (code, "81 and 82 are named" in said) == (2, True)
    code, said, _ = derived("--parent", other)
    assert (code, "--no-case" in said) == (2, True)
    assert derived("--parent", other, "--no-case")[::2] == (0, [])
    code, said, numbers = derived("--parent", other, "--case", "82")
    assert [one["value"] for one in numbers] == ["82"]
