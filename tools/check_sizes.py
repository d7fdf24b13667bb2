"""Modules and functions stay small.

- a module has 400 lines at most, in Python and in Solidity
- the body of a function has 60 lines at most; signature and docstring, which are the options and
  the help of a command, are not counted, nor is a migration, which is a list of columns
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MODULE = 400
FUNCTION = 60
PACKAGES = ("ledger/", "api/", "cli/", "tools/")
MIGRATIONS = "ledger/adapters/database/migrations/"


def bodies(path: str) -> Iterator[tuple[str, int]]:
    """Functions of a module with the lines of their bodies."""
    for node in ast.walk(ast.parse(Path(path).read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            told = ast.get_docstring(node) is not None and len(node.body) > 1
            yield node.name, node.end_lineno - node.body[told].lineno + 1


files = subprocess.run(
    ["git", "ls-files", "-co", "--exclude-standard", "*.py", "*.sol", "*.js"],
    check=True,
    capture_output=True,
    text=True,
).stdout.split()
long = [
    f"{path}: {count} lines, at most {MODULE}"
    for path in files
    if (count := len(Path(path).read_text().splitlines())) > MODULE
]
long += [
    f"{path}: {name} has {count} lines, at most {FUNCTION}"
    for path in files
    if path.endswith(".py") and path.startswith(PACKAGES) and not path.startswith(MIGRATIONS)
    for name, count in bodies(path)
    if count > FUNCTION
]
print(*long, sep="\n", end="\n" if long else "")
sys.exit(1 if long else 0)
