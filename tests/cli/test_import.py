"""A register that is taken half, twice, or as something that it does not say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ledger.client import physical_items
from ledger.client.registers import register_table
from ledger.domain.errors import NetworkError, UsageError
from tests.support.commands import done, within

HEAD = "case,exhibit,description,occurred,make,seal,file,held-before,stated-sha-256\n"
GOOD = HEAD + (
    '2026-117,A1,"phone, black",2026-01-02T10:00:00Z,Fairphone,S-1|S-2,,,\n'
    "2026-117,A2,=1+1,2026-01-02T10:00:00Z,,,,,\n"
)
LATE = ("--late", "taken over from the register")


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "home"))


@pytest.fixture
def register(tmp_path: Path) -> Path:
    return tmp_path / "register.csv"


def listed(home: Path) -> list[str]:
    found = json.loads(within("list", "--case", "2026-117", "--json", home=home)[1])
    return sorted(item["evidence"] for item in found["items"])


def taken(home: Path, register: Path, *more: object) -> dict[str, object]:
    code, out, said = within("import", register, *LATE, "--json", *more, home=home)
    assert code == 0, out + said
    found: dict[str, object] = json.loads(out)
    return found


def problems(home: Path, register: Path) -> list[tuple[int, str]]:
    code, out, said = within("import", register, *LATE, "--json", home=home)
    assert code == 2, out + said
    return [(one["row"], one["column"]) for one in json.loads(out)["problems"]]


def test_a_register_is_taken_once_and_its_cells_as_the_text_that_they_are(
    home: Path, register: Path
) -> None:
    register.write_text(GOOD)
    assert taken(home, register, "--dry-run")["recorded"] == 0
    assert listed(home) == []
    assert taken(home, register) == {"rows": 2, "recorded": 2, "known": 0}
    assert taken(home, register) == {"rows": 2, "recorded": 0, "known": 2}
    assert len(listed(home)) == 2
    out = within("show", "2026-117/A2", "--basis", "test", "--json", home=home)[1]
    assert '"=1+1"' in out
    out = within("show", "2026-117/A1", "--basis", "test", "--json", home=home)[1]
    assert "Fairphone" in out
    assert "S-2" in out
    assert "2026-01-02T10:00:00Z" in out


def test_times_without_a_zone_are_told_once_and_not_row_by_row(home: Path, register: Path) -> None:
    register.write_text(GOOD.replace("10:00:00Z", "10:00:00"))
    _, said = done(home, "import", register, *LATE, "--dry-run", typed="")
    assert said.count("no zone") == 1
    assert "2 rows say no zone; taken as local, the first as 2026-01-02 10:00:00" in said
    assert "no zone" not in done(home, "import", register, *LATE, "--zone", "Z", typed="")[1]


def test_nothing_is_taken_where_one_row_is_wrong_and_each_is_told_with_its_column(
    home: Path, register: Path
) -> None:
    register.write_text(
        GOOD
        + "2026-117,A3,,2026-01-02T10:00:00Z,,,,,\n"
        + "2026-117,A4,x,yesterday,,,,,\n"
        + "2026-117,A5,x,2099-01-02T10:00:00Z,,,,,\n"
        + "2026-117,a1,x,2026-01-02T10:00:00Z,,,,,\n"
        + "2026-117,A6,x,2026-01-02T10:00:00Z,,,,4712,\n"
        + f"2026-117,A7,x,2026-01-02T10:00:00Z,{'m' * 300},,,,\n"
        + "2026-117,A8,x\n"
    )
    assert problems(home, register) == [
        (4, "description"),
        (7, "exhibit"),
        (8, "held-before"),
        (10, ""),
        (5, "occurred"),
        (6, "occurred"),
        (9, "make"),
    ]
    assert listed(home) == []
    out = within("import", register, *LATE, home=home)[1]
    assert "row 4, description: is empty" in out
    assert out.rstrip().endswith("nothing was recorded")


def test_a_number_that_another_item_has_is_told_before_anything_is_recorded(
    home: Path, register: Path
) -> None:
    within("seize", "x", "-c", "2026-117", "-e", "A2", home=home)
    register.write_text(GOOD)
    assert problems(home, register) == [(3, "exhibit")]
    assert len(listed(home)) == 1


def test_an_item_that_has_the_number_of_a_file_is_told_by_its_short_id(
    home: Path, register: Path
) -> None:
    within("seize", "x", "-c", "2026-117", "-e", "B7", home=home)
    (register.parent / "seven.bin").write_bytes(b"seven")
    register.write_text(
        "description,case,exhibit,file,occurred\nphone,2026-117,B7,seven.bin,2026-11-01T10:00:00Z\n"
    )
    code, out, said = within("import", register, *LATE, home=home)
    assert code == 2, out + said
    assert "bears it" in out + said
    assert "urn:uuid:" not in out + said


def test_a_row_that_was_changed_after_it_was_taken_is_no_second_item(
    home: Path, register: Path
) -> None:
    register.write_text(GOOD)
    taken(home, register)
    register.write_text(GOOD.replace("black", "white"))
    assert problems(home, register) == [(2, "exhibit")]


def test_a_row_that_is_of_another_time_now_was_not_recorded_before(
    home: Path, register: Path
) -> None:
    """Before, whoever mended the zone was told that all was recorded, and the wrong times stayed."""
    register.write_text(GOOD.replace("10:00:00Z", "10:00:00"))
    taken(home, register, "--zone", "Europe/Amsterdam")
    assert taken(home, register, "--zone", "Europe/Amsterdam")["known"] == 2
    for more in (("--zone", "Z"), ("--zone", "Europe/Amsterdam", "--late", "another reason")):
        code, out, said = within("import", register, *LATE, *more, "--json", home=home)
        assert code == 2, said
        assert [one["column"] for one in json.loads(out)["problems"]] == ["exhibit", "exhibit"]


def test_a_row_of_a_file_that_says_more_now_is_not_dropped_in_silence(
    home: Path, register: Path, tmp_path: Path
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8 a photo")
    head = "case,exhibit,description,occurred,file,handling,stated-sha-256\n"
    row = "2026-117,A9,a photo,2026-01-02T10:00:00Z,photo.jpg,"
    register.write_text(head + row + ",\n")
    taken(home, register)
    for more in ("csam,", "," + "ab" * 32):
        register.write_text(head + row + more + "\n")
        assert problems(home, register) == [(2, "")]
    register.write_text(head + row.replace("a photo", "another") + ",\n")
    assert problems(home, register) == [(2, "")]


def test_two_spellings_of_one_number_are_told_before_anything_is_recorded(
    home: Path, register: Path
) -> None:
    register.write_text(GOOD.replace("A1", "A-1").replace("A2", "A\u20111"))
    assert problems(home, register) == [(3, "exhibit")]
    assert listed(home) == []


def test_an_import_that_was_interrupted_goes_on_without_doubles(
    home: Path, register: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register.write_text(GOOD)
    collect, count = physical_items.collect, [0]

    def once(*given: object) -> object:
        count[0] += 1
        if count[0] > 1:
            raise NetworkError("the node is gone", hint="wait")
        return collect(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(physical_items, "collect", once)
        code, _, said = within("import", register, *LATE, home=home)
    assert code == 1
    assert "row 3: the node is gone; the rows before it are recorded" in said
    assert "then go on: custody --home" in said
    assert taken(home, register) == {"rows": 2, "recorded": 1, "known": 1}
    assert len(listed(home)) == 2


def test_a_file_is_acquired_with_what_others_stated_and_who_held_it(
    home: Path, register: Path, tmp_path: Path
) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8 a photo")
    digest = "ab" * 32
    register.write_text(
        HEAD + f"2026-117,A9,a photo,2026-01-02T10:00:00Z,,,photo.jpg,shop|4712,{digest}\n"
    )
    assert taken(home, register)["recorded"] == 1
    assert taken(home, register) == {"rows": 1, "recorded": 0, "known": 1}
    out = within("show", "2026-117/A9", "--basis", "test", "--json", home=home)[1]
    assert '"acquired"' in out
    assert '"holder": "shop"' in out
    assert digest in out


def test_a_register_says_nothing_about_files_elsewhere(
    home: Path, register: Path, tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    outside = tmp_path / "outside"
    outside.write_bytes(b"x")
    register = tmp_path / "sub" / "register.csv"
    (tmp_path / "sub" / "link").symlink_to(outside)
    rows = ["../outside", str(outside), "link", "none", "."]
    lines = [f"1,A{n},x,2026-01-02T10:00:00Z,,,{one},,\n" for n, one in enumerate(rows)]
    register.write_text(HEAD + "".join(lines))
    assert problems(home, register) == [(row, "file") for row in range(2, 7)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_dialects_of_spreadsheets_are_read_alike(encoding: str, delimiter: str) -> None:
    text = (
        delimiter.join(["Case", "EXHIBIT", "description", "occurred"])
        + "\r\n"
        + delimiter.join(["7", "A1", '"a ""big""\r\nphone, ä; b"', "2026-01-02T10:00:00Z"])
        + "\r\n"
        + delimiter * 3
        + "\r\n"
    )
    found = register_table.read(text.encode(encoding))
    assert found.problems == []
    [row] = found.rows
    assert row.get("description") == 'a "big"\r\nphone, ä; b'
    assert row.number == 2


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "does not name the columns"),
        (b"a,b\n1,2\n", "not known are 'a', 'b'"),
        (b"case,exhibit,exhibit\n", "names a column twice"),
        (b"case,exhibit\n", "no row stands below"),
        (b"case,exhibit\n1,\xe4\n", "line 2 is not UTF-8"),
    ],
)
def test_what_is_no_register_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        register_table.read(data)


def test_a_quote_that_never_ends_takes_no_row() -> None:
    found = register_table.read(GOOD.encode() + b'2026-117,A3,"x\n')
    assert [(one.row, one.column) for one in found.problems] == [(4, "")]
