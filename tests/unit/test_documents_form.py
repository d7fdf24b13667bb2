"""Documents that are hard to read: lines and paragraphs that are too long, pages that do not say for
whom they are.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("docs/guides/*.md"),
    ]
)
DECISIONS = sorted(ROOT.glob("docs/adr/0*.md"))
INDEX = ROOT / "docs" / "adr" / "README.md"
DOCUMENTS = [*PAGES, INDEX, *DECISIONS]
COLUMNS = 100
LINES = 6


def parsed(document: Path) -> list[Token]:
    return MarkdownIt().enable("table").parse(document.read_text(encoding="utf-8"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_line_is_too_wide(document: Path) -> None:
    """Code stands as it is run or hashed, and the row of a table cannot be broken."""
    unbroken = {
        number
        for token in parsed(document)
        if token.type in ("fence", "code_block", "table_open") and token.map
        for number in range(*token.map)
    }
    lines = document.read_text(encoding="utf-8").splitlines()
    wide = [
        number + 1
        for number, line in enumerate(lines)
        if len(line) > COLUMNS and number not in unbroken
    ]
    assert not wide, f"{document.name}: more than {COLUMNS} columns in lines {wide}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_no_paragraph_is_too_long(document: Path) -> None:
    long = [
        token.map[0] + 1
        for token in parsed(document)
        if token.type == "paragraph_open" and token.map and token.map[1] - token.map[0] > LINES
    ]
    assert not long, f"{document.name}: more than {LINES} lines in paragraphs at lines {long}"


@pytest.mark.parametrize("page", [*PAGES, INDEX], ids=lambda path: path.name)
def test_a_page_begins_with_one_sentence_that_says_for_whom_it_is(page: Path) -> None:
    """README shows its two commands before it."""
    tokens = [token for token in parsed(page) if token.type not in ("fence", "code_block")]
    assert [token.type for token in tokens[:5]] == [
        "heading_open",
        "inline",
        "heading_close",
        "paragraph_open",
        "inline",
    ]
    first = " ".join(tokens[4].content.split())
    assert re.fullmatch(r"For [^.]+\.", first.replace(".md", "")), f"{page.name}: {first}"


def test_the_index_of_decisions_names_every_decision() -> None:
    named = re.findall(r"\((0\d{3}-[a-z-]+\.md)\)", INDEX.read_text(encoding="utf-8"))
    assert named == [path.name for path in DECISIONS]
