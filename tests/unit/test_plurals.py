"""Numbers of things are told in words that agree with them, by one function (codecs.text.counted):
"1 agencies" stood in the first line of an audit.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ledger.domain.codecs.text import counted

ROOT = Path(__file__).parents[2]
SOURCES = [
    path for room in ("api", "cli", "ledger") for path in sorted((ROOT / room).rglob("*.py"))
]
THINGS = re.compile(
    r" (agencies|blocks|certificates|checkpoints|conditions|copies|documents|entries|events|files"
    r"|items|keys|nodes|people|pins|replicas|statements|times)\b"
)
#: Numbers that are never one, by how the text goes on.
MANY = {
    "events, the last": "of a record that is read: an opening and an access at least",
    "events, and the node names": "the same",
    "items from": "three or more",
    "items on offer here": "as many as lie here at most",
    "items are on offer": "one on offer needs no choice",
    "people ask to join": "one is asked for by name",
    "items bear the number": "one alone is not told",
    "entries in block": "of the demonstration",
    "blocks of": "of so many",
    "copies asked for": "more than there are IPFS nodes",
    "nodes, or at as many": "of a setting that is two or more",
    "nodes, expected": "a proof of no node, or of too many",
    "events in an hour": "a limit",
    "items: ": "the ids of several follow",
}


def wrong(tree: ast.AST) -> list[tuple[int, str]]:
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, behind in zip(node.values, node.values[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(behind, ast.Constant):
                continue
            fixed = ast.unparse(value.value).rpartition(".")[2].lstrip("_").isupper()
            text = str(behind.value)
            if THINGS.match(text) and not fixed and not any(text[1:].startswith(m) for m in MANY):
                found.append((node.lineno, text))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_number_of_things_is_told_in_words_that_agree_with_it(path: Path) -> None:
    assert wrong(ast.parse(path.read_text())) == []


def test_one_is_told_as_one_and_several_as_several() -> None:
    assert [counted(number, "agency") for number in (0, 1, 2)] == [
        "0 agencies", "1 agency", "2 agencies",
    ]  # fmt: skip
    assert counted(1, "entry", ("waits", "wait")) == "1 entry waits"
    assert counted(2, "entry", ("waits", "wait")) == "2 entries wait"
    assert counted(19, "sealed key") == "19 sealed keys"
