"""Patterns for paths of a folder, as people know them from git.

- without a stroke: any file or folder of that name, wherever it lies (`*.tmp`, `Thumbs.db`)
- with a stroke: a path from the top of the folder (`DCIM/*.jpg`, `/notes`)
- `*` and `?` stand for what is within one name, `**` for any number of folders, `[a-z]` and
  `[!a-z]` for one character
- a folder that matches stands for all that lies in it; a stroke at the end: folders alone
- upper and lower case differ
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ledger.domain.errors import UsageError
from ledger.domain.files.manifest import Manifest

_TOKEN: Final = re.compile(r"\*\*/|/\*\*$|\*\*|\*|\?|\[!?\]?[^\]/]*\]|.", re.DOTALL)
_LONGEST: Final = 1000
_WILD: Final = {
    "**/": "(?:[^/]+/)*",
    "/**": "/.+",
    "**": "[^/]*",
    "*": "[^/]*",
    "?": "[^/]",
}


class PathGlobs:
    """One or several patterns.

    Raises:
        UsageError: a pattern that is empty, too long, or leads out of the folder.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self.patterns = tuple(patterns)
        self._rules = [_rule(pattern) for pattern in patterns]

    def which(self, path: bytes, *, is_folder: bool = False) -> str:
        """The first pattern that means this path itself; empty where none does.

        Args:
            path: relative to the top of the folder.
        """
        text = path.decode("utf-8", "surrogateescape")
        for pattern, (rule, folders) in zip(self.patterns, self._rules, strict=True):
            if (is_folder or not folders) and rule.fullmatch(text):
                return pattern
        return ""

    def match_below(self, path: bytes, *, is_folder: bool = False) -> bool:
        """Whether a pattern means this path, or a folder that it lies in."""
        names = path.split(b"/")
        return bool(self.which(path, is_folder=is_folder)) or any(
            self.which(b"/".join(names[:count]), is_folder=True) for count in range(1, len(names))
        )


def chosen(manifest: Manifest, globs: PathGlobs) -> Manifest:
    """What patterns mean of a recorded folder, with the folders that it lies in."""
    members = [one for one in manifest.members if globs.match_below(one.path)]
    meant = {one.path for one in manifest.folders if globs.match_below(one.path, is_folder=True)}
    above = {b""}
    for path in [*(member.path for member in members), *meant]:
        names = path.split(b"/")
        above |= {b"/".join(names[:count]) for count in range(1, len(names))}
    return Manifest(
        members,
        [one for one in manifest.folders if one.path in meant | above],
        [one for one in manifest.omissions if globs.match_below(one.path)],
    )


def _rule(pattern: str) -> tuple[re.Pattern[str], bool]:
    """The pattern as an expression for whole paths, and whether it means folders alone."""
    folders, text = pattern.endswith("/"), pattern.rstrip("/")
    if not text or len(pattern) > _LONGEST or "\x00" in text:
        raise UsageError(
            f"{pattern[:80]!r} is no pattern for files",
            hint="a name or a path with * and ?, in quotation marks: '*.tmp', 'DCIM/*.jpg'",
        )
    if {"..", "."} & set(text.split("/")):
        raise UsageError(
            f"{pattern[:80]!r} leads out of the folder, or around in it",
            hint="patterns name what lies in the folder, from its top: 'DCIM/*.jpg'",
        )
    anchored = "/" in text
    parts = [_part(token) for token in _TOKEN.findall(text.lstrip("/"))]
    return re.compile(("" if anchored else "(?:.*/)?") + "".join(parts), re.DOTALL), folders


def _part(token: str) -> str:
    if token in _WILD:
        return _WILD[token]
    if len(token) > 2 and token.startswith("["):
        inner = token[1:-1]
        negated = inner.startswith("!") and len(inner) > 1
        inner = inner[1:] if negated else inner
        # A class that holds no range backwards, such as [z-a], which re refuses.
        listed = re.sub(r"([\\\]\[^&~|])", r"\\\1", inner)
        try:
            re.compile(f"[{listed}]")
        except re.error:
            return re.escape(token)
        return f"(?!/)[{'^' if negated else ''}{listed}]"
    return re.escape(token)
