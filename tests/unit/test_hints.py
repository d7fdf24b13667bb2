"""Every command in a text of ours runs as it stands there, and is printed with the home that it is
for.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from cli.invocation import hints
from cli.invocation.global_options import STATE
from cli.main import tree
from ledger import system

ROOT: Final = Path(__file__).parents[2]
COMMAND: Final = re.compile(
    r"(?:^|(?<=[\s(:]))custody ((?:--\S+ \S+ )*)([a-z][a-z-]*)([^\n;,]*?)(?= or | and |[\n;,]|$)"
)
#: Calls that make a command one of this home, or say that it is none.
DOORS: Final = {"runnable", "command", "elsewhere", "typed", "again", "tell", "listed"}
APP: Final = tree()
SOURCES: Final = sorted(
    path for folder in ("cli", "ledger", "api") for path in (ROOT / folder).rglob("*.py")
)


def above(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    return {inner: node for node in ast.walk(tree) for inner in ast.iter_child_nodes(node)}


def ancestors(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[ast.AST]:
    while (node := parents.get(node)) is not None:  # type: ignore[assignment]
        yield node


def texts(tree: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[tuple[ast.expr, str]]:
    """Texts that somebody is told, with {} for what is put in; neither docstrings nor help."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [
                value.value if isinstance(value, ast.Constant) else "{}" for value in node.values
            ]
            text = "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        around = list(ancestors(node, parents))
        helps = any(isinstance(one, ast.keyword) and one.arg == "help" for one in around)
        inside = any(isinstance(one, ast.JoinedStr) for one in around)
        named = text == "custody demo"  # which a folder says to be made by
        if not (
            helps or inside or named or isinstance(parents[node], ast.Expr) or "Example:" in text
        ):
            yield node, text


def commands(text: str) -> Iterator[tuple[Any, list[str], re.Match[str]]]:
    """Commands of a text outside of backquotes: the command, the words behind its name, and where
    it stands.
    """
    plain = "`".join(part if at % 2 == 0 else "x" for at, part in enumerate(text.split("`")))
    for found in COMMAND.finditer(plain):
        words, command = [found[2], *found[3].split()], APP
        while words and (inner := getattr(command, "commands", {}).get(words[0].rstrip(",.:)'\""))):
            command = inner
            words = getattr(command, "full", list)(words[1:])
        if command.name != "custody":
            yield command, words, found


def lacking(command: Any, words: list[str]) -> list[str]:
    """What a command lacks to run, or has and does not know."""
    if hasattr(command, "commands"):
        return ["a command of the group"]
    bare = [word.rstrip(",.:)'\"") for word in words]
    known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)}
    strange = [one for one in bare if one.startswith("--") and one not in {*known, "--help"}]
    options = [param for param in command.params if param.opts[0].startswith("-")]
    needed = [
        option.opts[-1] for option in options if option.required and not {*option.opts} & {*bare}
    ]
    takes = any(param.required and param not in options for param in command.params)
    is_given = bool(words) and re.match(r"[A-Z{0-9]", words[0]) is not None
    return strange + needed + (["its argument"] if takes and not is_given else [])


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_a_text_of_ours_runs_as_it_stands(path: Path) -> None:
    """Commands were named that there are not, or that lacked what they cannot run without."""
    tree = ast.parse(path.read_text())
    found = [
        (node.lineno, command[0], lacks)
        for node, text in texts(tree, above(tree))
        for named, words, command in commands(text)
        if (lacks := lacking(named, words))
    ]
    assert found == []


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.is_relative_to(ROOT / "cli")],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_command_that_is_printed_is_told_with_the_home_that_it_is_for(path: Path) -> None:
    """Hints lacked --home, --server or --passphrase-file, or had a folder's name unquoted."""
    tree = ast.parse(path.read_text())
    parents = above(tree)
    found = [
        (node.lineno, text)
        for node, text in texts(tree, parents)
        if (any(True for _ in commands(text)) or "custody --" in text.split("`")[0])
        and not is_completed(node, parents)
    ]
    assert found == []


def is_completed(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Whether a text goes through one of the doors, or is a hint, which `output.tell` completes."""
    for ancestor in ancestors(node, parents):
        if isinstance(ancestor, ast.keyword) and ancestor.arg == "hint":
            return True
        if (
            isinstance(ancestor, ast.Call)
            and ast.unparse(ancestor.func).rpartition(".")[2] in DOORS
        ):
            return True
        if isinstance(ancestor, ast.Assign) and ast.unparse(ancestor.targets[0]) in HINTS:
            return True
    return False


#: Names of texts that become a hint.
HINTS: Final = {"hint", "looking", "_ASK", "_TRUST"}


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.is_relative_to(ROOT / "cli" / "commands")],
    ids=lambda path: path.name,
)
def test_every_hint_of_a_node_or_a_check_is_told_with_the_home(path: Path) -> None:
    tree = ast.parse(path.read_text())
    parents = above(tree)
    raw = [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Subscript) and ast.unparse(node.slice) in ("'hint'", "'todo'"))
        or (isinstance(node, ast.Attribute) and node.attr in ("hint", "todo"))
        if any(isinstance(ancestor, ast.FormattedValue) for ancestor in ancestors(node, parents))
        and not is_completed(node, parents)
    ]
    assert raw == []


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(STATE, "home", Path("my home"))
    monkeypatch.setattr(STATE, "item", "")
    monkeypatch.setattr(STATE, "server", "https://a.example")
    monkeypatch.setattr(STATE, "passphrase_file", Path("it's"))
    return """--home 'my home' --server https://a.example --passphrase-file 'it'"'"'s'"""


def test_a_command_is_completed_once_and_quoted(given: str) -> None:
    whole = hints.runnable("see: custody list; or custody person list")
    assert whole == f"see: custody {given} list; or custody {given} person list"
    assert hints.runnable(whole) == whole
    assert hints.command("get", "a b", "-o", "x") == f"custody {given} get 'a b' -o x"
    offline = hints.runnable("custody --offline upload FILE")
    assert offline == f"custody {given} --offline upload FILE"


@pytest.mark.parametrize(
    "text",
    [
        "a colleague: `custody dispose approve ID`",
        "custody verify BUNDLE FILE --trust TRUST",
        "custody --home OTHER list",
        "custody passes when the chain has taken it",
        ".custody list",
    ],
)
def test_what_is_for_others_or_no_command_stays_as_it_is(given: str, text: str) -> None:
    assert hints.runnable(text) == text


def test_a_file_that_is_called_like_an_option_is_no_option_in_a_hint() -> None:
    told = hints.elsewhere("verify", Path("--trust=mine.bundle"), Path("photo.jpg"))
    assert told == "custody verify ./--trust=mine.bundle photo.jpg"
    assert hints.elsewhere("verify", "--trust", Path("-t")) == "custody verify --trust ./-t"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("photo.jpg", "photo.jpg"),
        ("a b", '"a b"'),
        ("a&calc", '"a&calc"'),
        ("a|calc", '"a|calc"'),
        ("a^&calc", '"a^&calc"'),
        ("%COMSPEC%", '"?COMSPEC?"'),
        ("$(calc)", '"?(calc)"'),
        ("a`nb", '"a?nb"'),
        ('a" & calc & "', '"a? & calc & ?"'),
        ("a\u201d; calc", '"a?; calc"'),
        ("a\n'; calc; '", "\"a\\n'; calc; '\""),
        ("\u202e'&calc", '"\\u202e\'&calc"'),
        ("C:\\a b\\", '"C:\\a b\\\\"'),
        ("", '""'),
    ],
)
def test_no_name_of_a_file_is_a_command_in_a_shell_of_windows(
    name: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Words were quoted as programs read them, and neither cmd nor PowerShell is one."""
    monkeypatch.setattr(system, "WINDOWS", True)
    assert hints.quoted(name) == told
