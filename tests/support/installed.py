"""The command as it runs where only an extra is installed: `python -m tests.support.installed EXTRA
...` has no module that another extra brings.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from cli.invocation import extras


class Absent:
    """Finds no module of these names, whatever lies on the path."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name.partition(".")[0] in self._names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return None


if __name__ == "__main__":
    extra = sys.argv.pop(1)
    others = [modules for other, modules in extras.MODULES.items() if other != extra]
    # The base brings it, with its command line.
    sys.meta_path.insert(0, Absent(frozenset().union(*others) - {"pydantic", "anyio"}))
    from cli.start import main

    main()
