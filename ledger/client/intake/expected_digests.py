"""Digests that a list says the files have that are to be recorded: which file each of them is of,
what became of comparing them, and which files the list has that are not there.

A list is what somebody else says: what differs is recorded with both, and told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from ledger.domain.event.stated_digests import HASH_LIST, StatedDigest
from ledger.domain.files.digest_lists import ListedDigest

_OVER: Final = "file"


class ExpectedDigests:
    """The digests of one or several lists.

    ``unlisted``: files, as they were given, that no list has.
    """

    def __init__(self, listed: Sequence[ListedDigest]) -> None:
        self._by_path: dict[bytes, dict[str, str]] = {}
        for row in listed:
            self._by_path.setdefault(row.path, {})[row.algorithm] = row.value
        self._met: set[bytes] = set()
        self.unlisted: list[str] = []

    def of(self, names: Iterable[bytes]) -> dict[str, str]:
        """What the lists say of a file, by algorithm.

        Args:
            names: under which it may stand there, the most exact one first.
        """
        return next((self._by_path[name] for name in names if name in self._by_path), {})

    def of_each(self, files: Mapping[str, Sequence[bytes]]) -> dict[str, dict[str, str]]:
        """The same of several files, by what they are called; without those that no list has."""
        found = {called: self.of(names) for called, names in files.items()}
        return {called: digests for called, digests in found.items() if digests}

    def meet(self, names: Sequence[bytes], path: str) -> None:
        """Remember that a file is there."""
        found = next((name for name in names if name in self._by_path), None)
        if found is None:
            self.unlisted.append(path)
        else:
            self._met.add(found)

    @property
    def count(self) -> int:
        """Files in the lists that are there."""
        return len(self._met)

    def missing(self) -> list[bytes]:
        """Paths in the lists of which no file was met."""
        return sorted(set(self._by_path) - self._met)


def stated(
    listed: Mapping[str, str], found: Mapping[str, str], segment: str = ""
) -> list[StatedDigest]:
    """What a list says of a file, each beside what was found, as far as that was computed.

    Args:
        segment: of a disk image, which the list has as a file by itself.
    """
    return [
        StatedDigest(algorithm, value, _OVER, HASH_LIST, found.get(algorithm), segment)
        for algorithm, value in sorted(listed.items())
    ]
