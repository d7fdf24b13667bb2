"""A label that a scanner reads as something else, or that says more than numbers."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from cli.terminal import code128
from ledger.domain.errors import UsageError
from tests.support.commands import within


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "home"))


def read(svg: str) -> list[str]:
    """What a scanner reads from the bars of each label."""
    found = []
    for label in svg.split("<g ")[1:]:
        bars = [
            (float(x), float(width))
            for x, width in re.findall(r'<rect x="([\d.]+)" y="10" width="([\d.]+)"', label)
        ]
        edges = [edge for x, width in bars for edge in (x, x + width)]
        module = (edges[-1] - edges[0]) / sum(code128.widths("0" * 12))
        widths = [round((b - a) / module) for a, b in pairwise(edges)]
        text = "".join(map(str, widths[:-7]))
        values = [code128.PATTERNS.index(text[at : at + 6]) for at in range(0, len(text), 6)]
        start, *signs, check = values
        assert start == 104
        assert check == (104 + sum(n * sign for n, sign in enumerate(signs, 1))) % 103
        found.append("".join(chr(32 + sign) for sign in signs))
    return found


def test_what_a_scanner_reads_is_taken_as_the_item_and_nothing_but_numbers_is_printed(
    home: Path, tmp_path: Path
) -> None:
    for exhibit in ("A1", "A2"):
        within("seize", "a secret phone", "-c", "2026-117", "-e", exhibit, home=home)
    out = tmp_path / "labels.svg"
    code, printed, said = within(
        "label", "2026-117/A1", "2026-117/A2", "-o", out, "--json", home=home
    )
    assert code == 0, said
    svg = out.read_text()
    short = [one["id"] for one in json.loads(printed)["labels"]]
    assert read(svg) == short
    assert re.findall(r">([^<>\n]+)</text>", svg) == [
        "2026-117/A1",
        short[0],
        "2026-117/A2",
        short[1],
    ]
    assert "secret" not in svg
    assert "4711" not in svg
    assert "script" not in svg
    assert within("show", short[1], home=home)[0] == 0
    code, _, said = within("label", short[0], "-o", out, home=home)
    assert (code, "exists" in said) == (2, True), said
    code, printed, _ = within("label", short[0], "-o", out, "--force", home=home)
    assert "without a number" in printed


def test_a_whole_exhibit_is_one_sheet_and_each_part_bears_its_own_number(
    home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "notebook"
    folder.mkdir()
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(name)
    assert within("upload", folder, "-c", "2026-117", "-e", "A2", home=home)[0] == 0
    out = tmp_path / "labels.svg"
    code, printed, said = within("label", "2026-117/A2/", "-o", out, "--json", home=home)
    assert code == 0, said
    labels = json.loads(printed)["labels"]
    assert sorted(one["number"] for one in labels) == [
        "2026-117/A2", "2026-117/A2/1", "2026-117/A2/2",
    ]  # fmt: skip
    for one in labels:
        item = json.loads(within("show", one["number"], "--json", home=home)[1])["item"]
        assert item["opening"].startswith(one["id"])
    assert read(out.read_text()) == [one["id"] for one in labels]


def test_a_part_of_a_part_bears_its_number_and_what_has_none_is_told(
    home: Path, tmp_path: Path
) -> None:
    for exhibit, whole in (("B1", ""), ("B1/1", "B1"), ("B1/1/1", "B1/1"), ("B1/2/2", "B1")):
        of = ("--part-of", f"2026-119/{whole}") if whole else ()
        made = within("seize", "a thing", "-c", "2026-119", "-e", exhibit, *of, home=home)
        assert made[0] == 0, made
    out = tmp_path / "labels.svg"
    code, printed, said = within("label", "2026-119/B1/", "-o", out, home=home)
    assert code == 0, said
    assert sorted(re.findall(r">(2026[^<>\n]*)</text>", out.read_text())) == [
        "2026-119", "2026-119/B1", "2026-119/B1/1", "2026-119/B1/1/1",
    ]  # fmt: skip
    assert "without an exhibit number: 1 label" in printed


def test_a_page_of_a_list_without_its_length_is_refused(home: Path) -> None:
    code, printed, said = within("list", "--page", "9", home=home)
    assert (code, printed) == (2, "")
    assert "--page needs --limit" in said


def test_a_whole_case_has_exhibit_numbers_once_its_names_were_read_and_sheets_have_an_end(
    home: Path, tmp_path: Path
) -> None:
    within("case", "open", "2026-117", home=home)
    for exhibit in ("A1", "A2", "A3"):
        within("seize", exhibit, "-c", "2026-117", "-e", exhibit, home=home)
    out = tmp_path / "1.svg"
    printed = within("label", "2026-117/", "-o", out, home=home)[1]
    assert "without an exhibit number, which is sealed: 3 labels" in printed
    assert "list --case 2026-117 --basis WHY" in " ".join(printed.split())
    assert re.findall(r">(2026[^<>\n]*)</text>", out.read_text()) == ["2026-117"] * 3
    within("list", "--case", "2026-117", "--basis", "labels", home=home)
    printed = within("label", "2026-117/", "-o", out, "--force", "--limit", "2", home=home)[1]
    assert re.findall(r">(2026[^<>\n]*)</text>", out.read_text()) == ["2026-117/A1", "2026-117/A2"]
    [more] = re.findall(r"more: custody (.*)", printed.replace("\\\n", ""))
    assert within(*shlex.split(more.replace(f"--home {home}", "")), home=home)[0] == 0
    other = tmp_path / "1-2.svg"
    assert re.findall(r">(2026[^<>\n]*)</text>", other.read_text()) == ["2026-117/A3"]
    code, _, said = within("label", "2026-117/", "-o", tmp_path / "x", "--page", "2", home=home)
    assert (code, "no such page" in said, (tmp_path / "x").exists()) == (2, True, False)


def test_a_number_that_is_markup_is_printed_as_it_is_written(home: Path, tmp_path: Path) -> None:
    within("seize", "x", "-c", "<b>&", "-e", 'A"1', home=home)
    out = tmp_path / "label.svg"
    assert within("label", '<b>&/A"1', "-o", out, home=home)[0] == 0
    assert "&lt;b&gt;&amp;/A&quot;1</text>" in out.read_text()


def test_the_table_of_bars_is_that_of_the_standard() -> None:
    """Every value has eleven modules, three bars of an even sum, and stands once."""
    assert len(set(code128.PATTERNS)) == len(code128.PATTERNS) == 106
    for pattern in code128.PATTERNS:
        sizes = [int(width) for width in pattern]
        assert sum(sizes) == 11
        assert sum(sizes[::2]) % 2 == 0
    # As python-barcode 0.16 draws it, of another hand.
    drawn = "2112142211321122143211221124123112223121311124122211321422112331112"
    assert "".join(map(str, code128.widths("3e9f87f3"))) == drawn


@pytest.mark.parametrize("text", ["", "ä", "a\n", "\x7f"])
def test_what_a_barcode_cannot_hold_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be a barcode"):
        code128.widths(text)
