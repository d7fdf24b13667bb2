"""A key that a command prints for scripts, and of which no page tells."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("docs/json.md", "docs/format.md")
#: Sections of format.md that tell what is printed: a word of another one tells nothing of it.
SECTIONS = ("Verification report", "Audit report", "Other `--json` results", "Trust root")
#: What prints for scripts: a call of one of these, and which of its arguments.
TELLERS = {"result": 0, "tell": "beside"}


def sections() -> Iterator[str]:
    """The text of pages that tells of keys."""
    pages = [(ROOT / page).read_text(encoding="utf-8") for page in PAGES]
    yield pages[0]
    for section in pages[1].split("\n## ")[1:]:
        if section.startswith(SECTIONS):
            yield section


def literals(tree: ast.AST) -> Iterator[str]:
    """Keys of every object that is written down below a node."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key in node.keys:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value


def names(tree: ast.AST) -> set[str]:
    """Names, attributes and functions that a node goes by."""
    return {
        node.id if isinstance(node, ast.Name) else node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Name | ast.Attribute)
    }


@cache
def modules() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for path in (ROOT / "cli").rglob("*.py")}


def printed(tree: ast.Module) -> Iterator[ast.expr]:
    """What commands of a module print for scripts."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        which = TELLERS.get(node.func.attr)
        if which == 0 and node.args:
            yield node.args[0]
        elif isinstance(which, str):
            yield from (one.value for one in node.keywords if one.arg == which)


def given(function: ast.AST, named: set[str]) -> Iterator[str]:
    """Keys that are put into what bears one of these names within a function."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                    if names(target.value) & named and isinstance(target.slice.value, str):
                        yield target.slice.value
                elif names(target) & named:
                    yield from literals(node.value)


def keys() -> dict[str, str]:
    """Each key that is printed, and a module that does."""
    found: dict[str, str] = {}
    makers: set[str] = set()
    for path, tree in modules().items():
        for value in printed(tree):
            found |= dict.fromkeys(literals(value), path.name)
            makers |= names(value)
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                used = {one for value in printed(function) for one in names(value)} | {"value"}
                found |= dict.fromkeys(given(function, used), path.name)
    for path, tree in modules().items():
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and function.name in makers:
                for node in ast.walk(function):
                    if isinstance(node, ast.Return) and node.value is not None:
                        found |= dict.fromkeys(literals(node.value), path.name)
    return found


def test_no_command_prints_a_key_of_which_no_page_tells() -> None:
    """`handover` told what it left out, and `verify` the documents, and no page said so."""
    told = {word for section in sections() for word in re.findall(r"\w+", section)}
    untold = {key: module for key, module in keys().items() if key not in told}
    assert untold == {}


def test_what_was_forgotten_once_is_found() -> None:
    assert {"onOffer", "documents", "sharedWithOldKeys", "formerNumbers"} <= keys().keys()
