"""What becomes of each exhibit in a watched folder: waited for, taken once, or left and told once.

What was taken is kept as hashes under a key of the person: it only saves reading everything again
after a restart. That nothing is recorded twice, and that what was interrupted goes on, follows from
the upload itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from ledger.client.intake import watched_folder
from ledger.client.intake.watched_folder import Found, Rule, Said


@dataclass(frozen=True, slots=True)
class Ready:
    """An exhibit that is complete: where, whose, and as what it was seen."""

    path: Path
    said: Said
    seen: bytes


@dataclass
class Watching:
    """A watched folder.

    Args:
        root: without a link in its path. quiet: seconds without a change that make a folder
            complete. marker: name of the file that does so at once; empty for none. key: of the
            person, for what is kept. taken: what was kept before.
    """

    root: Path
    rule: Rule
    quiet: float
    marker: str
    key: bytes
    taken: dict[str, str]
    _seen: dict[Path, tuple[bytes, float]] = field(default_factory=dict)
    _told: dict[Path, str] = field(default_factory=dict)
    _given_up: dict[Path, tuple[bytes, Said]] = field(default_factory=dict)

    def round(self, now: float, tell: Callable[[Path, str], None]) -> Iterator[Ready]:
        """Look once; exhibits that are complete, in the order of their names.

        Args:
            now: seconds, of a clock that is never set.
            tell: is called for what cannot be taken, once for each reason.

        Raises:
            OSError: the watched folder itself cannot be read, for now.
        """
        there = list(watched_folder.look(self.root, self.rule))
        self._told.pop(self.root, None)
        return (ready for found in there if (ready := self._ready(found, now, tell)) is not None)

    def _ready(self, found: Found, now: float, tell: Callable[[Path, str], None]) -> Ready | None:
        if found.said is None:
            self.leave(found.path, found.problem, tell)
            return None
        try:
            seen = watched_folder.snapshot(self.root, found.path)
        except OSError as error:
            self.leave(found.path, f"{watched_folder.UNREAD}: {error.strerror or error}", tell)
            return None
        before, since = self._seen.get(found.path, (b"", now))
        if seen != before:
            before, since = seen, now
            self._seen[found.path] = (seen, now)
        if not seen:
            return None
        kept = self.taken.get(
            self._mark(b"place", str(found.path).encode(errors="surrogateescape"))
        )
        if kept is not None:
            if kept != self._mark(b"seen", seen):
                self.leave(found.path, "changed after it was taken: record what came by hand", tell)
            return None
        if self._given_up.get(found.path) == (seen, found.said):
            return None
        marked = bool(self.marker) and watched_folder.is_marked(found.path, self.marker)
        if not marked and (self.marker or now - since < self.quiet):
            return None
        return Ready(found.path, found.said, seen)

    def leave(self, path: Path, problem: str, tell: Callable[[Path, str], None]) -> None:
        """Tell why something is left, once."""
        if self._told.get(path) != problem:
            self._told[path] = problem
            tell(path, problem)

    def give_up(self, ready: Ready) -> None:
        """Leave an exhibit until something in it, or what is said of it, changes."""
        self._given_up[ready.path] = (ready.seen, ready.said)

    def took(self, ready: Ready) -> None:
        """An exhibit was recorded."""
        place = str(ready.path).encode(errors="surrogateescape")
        self.taken[self._mark(b"place", place)] = self._mark(b"seen", ready.seen)

    def _mark(self, what: bytes, value: bytes) -> str:
        return hmac.new(self.key, b"custody-watch " + what + b"\0" + value, sha256).hexdigest()[:32]
