"""Tests that pass whatever happens, and tests that wait for a time instead of for what they test."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
#: The longest that a test may sleep between two looks at what it waits for.
LONGEST = 0.2
ANY_ERROR = {"Exception", "BaseException"}


def faults(source: str) -> Iterator[tuple[int, str]]:
    """Lines that accept any error, or sleep for longer than a moment; what is marked nightly may
    sleep, since it strikes at random moments.
    """
    tree = ast.parse(source)
    nightly = {
        inner
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        and any("mark.nightly" in ast.unparse(mark) for mark in function.decorator_list)
        for inner in ast.walk(function)
    }
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not call.args:
            continue
        name = ast.unparse(call.func)
        if name in {"pytest.raises", "raises"} and ANY_ERROR & {
            inner.id for inner in ast.walk(call.args[0]) if isinstance(inner, ast.Name)
        }:
            yield call.lineno, "accepts any error"
        if name in {"time.sleep", "sleep"} and call not in nightly and not _short(call.args[0]):
            yield call.lineno, "sleeps"


def _short(seconds: ast.expr) -> bool:
    return (
        isinstance(seconds, ast.Constant)
        and isinstance(seconds.value, int | float)
        and seconds.value <= LONGEST
    )


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(TESTS.rglob("*.py")) if path.parent.name != "campaigns"],
    ids=lambda path: str(path.relative_to(TESTS)),
)
def test_no_test_accepts_any_error_or_sleeps(path: Path) -> None:
    assert list(faults(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("with pytest.raises(Exception): pass", "accepts any error"),
        ("with pytest.raises((KeyError, BaseException), match='x'): pass", "accepts any error"),
        ("with pytest.raises(KeyError): pass", None),
        ("time.sleep(0.3)", "sleeps"),
        ("time.sleep(pause)", "sleeps"),
        ("time.sleep(0.2)", None),
        ("@pytest.mark.nightly\ndef test_x():\n    time.sleep(rng.random())", None),
    ],
)
def test_such_lines_are_seen(line: str, fault: str | None) -> None:
    assert [said for _, said in faults(line)] == ([fault] if fault else [])
