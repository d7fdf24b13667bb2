"""Attempts at recording a file, as the journal keeps them from one run to the next.

- an attempt is bound to all that is signed: who, to which log, as what, with which details; the
  file's content binds it by CIDs
- the same attempt goes on with the same item, keys and salt, so that nothing is recorded twice
- other details are another attempt of the same item: the node takes one opening of an item and no
  second one, whichever arrives
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.crypto import content_encryption

#: Members of the details that say whose attempt it is, and to which log.
BOUND: Final = ("person", "log")


@dataclass(frozen=True, slots=True)
class UploadResult:
    """One item of an upload. ``index`` is None for a file that was left out, since the item has
    recorded it before; ``duplicates``: other items with the same content; ``exhibit``: the number
    that it was recorded under; ``differs``: details of one that was left out which its record does
    not have as they were said now; ``mismatch``: algorithms by which it is not what a list of
    digests says.
    """

    path: str
    evidence: str
    size: int
    digests: dict[str, str]
    cid: str
    index: int | None
    duplicates: tuple[str, ...]
    resumed: bool
    exhibit: str = ""
    differs: tuple[str, ...] = ()
    mismatch: tuple[str, ...] = ()


@dataclass
class UploadAttempt:
    """One item on its way: its keys, and what an earlier run left behind.

    ``path``: where the file is, or what the caller calls it; ``top``: what was given to the command
    that began it; ``details``: all that is signed besides what the file says of itself; ``file``:
    of a signed one, what changes when the file does; ``refused``: the node said no.
    """

    path: str
    top: str
    details: dict[str, Any]
    evidence: str
    content_key: bytes
    record_key: bytes
    salt: bytes
    resumed: bool = False
    known: list[str] = field(default_factory=list)
    position: int = 0
    submission: dict[str, Any] | None = None
    done: UploadResult | None = None
    file: list[Any] = field(default_factory=list)
    refused: bool = False

    @classmethod
    def new(cls, path: str, top: str, details: dict[str, Any], evidence: str = "") -> UploadAttempt:
        """One with keys of its own."""
        keys = (
            content_encryption.new_key(),
            content_encryption.new_key(),
            content_encryption.new_salt(16),
        )
        return cls(path, top, details, evidence or uuid.uuid4().urn, *keys)

    def afresh(self, evidence: str = "") -> UploadAttempt:
        """The same attempt at other content: under a fresh salt, or as another item where this one
        is recorded already.
        """
        again = replace(
            self,
            file=[],
            salt=content_encryption.new_salt(16),
            known=[],
            position=0,
            submission=None,
            done=None,
            refused=False,
        )
        if evidence:
            again = replace(
                again,
                evidence=evidence,
                content_key=content_encryption.new_key(),
                record_key=content_encryption.new_key(),
                resumed=False,
            )
        return again

    def records(self) -> Iterator[dict[str, Any]]:
        """What the journal keeps of it."""
        keys = {name: b64url(getattr(self, name)) for name in ("content_key", "record_key", "salt")}
        names = ("path", "top", "details", "evidence")
        yield {"t": "begin", **{name: getattr(self, name) for name in names}, **keys}
        if self.known:
            yield {"t": "cids", "evidence": self.evidence, "cids": self.known}
        if self.submission is not None and self.done is not None:
            yield signed_record(self.submission, self.done, self.file)
        if self.refused:
            yield {"t": "refused", "evidence": self.evidence}


def signed_record(
    submission: dict[str, Any], done: UploadResult, file: list[Any]
) -> dict[str, Any]:
    """What the journal keeps of a statement before it is sent."""
    return {
        "t": "statement",
        "evidence": done.evidence,
        "submission": submission,
        "done": asdict(done),
        "file": file,
    }


class UploadAttempts:
    """What earlier runs left.

    Args:
        records: of the journal, oldest first; the newest of each kind counts.
        bound: person and log of this run: what others began is theirs.
    """

    def __init__(self, records: list[dict[str, Any]], bound: dict[str, str]) -> None:
        self._bound = bound
        self._left = _collect(records)
        self._at: dict[str, list[UploadAttempt]] = {}
        for attempt in self._left.values():
            self._at.setdefault(attempt.path, []).append(attempt)
        self._superseded: dict[str, UploadAttempt] = {}

    def all(self) -> list[UploadAttempt]:
        """Every one that is left."""
        return [*self._left.values(), *self._superseded.values()]

    def ours(self) -> Iterator[tuple[str, list[UploadAttempt]]]:
        """Those that this person began with this log, by the file's path."""
        for path, attempts in list(self._at.items()):
            if mine := [one for one in attempts if self._is_ours(one)]:
                yield path, mine

    def _is_ours(self, attempt: UploadAttempt) -> bool:
        return attempt.evidence in self._left and all(
            attempt.details[name] == self._bound[name] for name in BOUND
        )

    def has(self, path: str, details: dict[str, Any]) -> bool:
        """Whether an attempt is left that goes on with these details."""
        return any(
            attempt.details == details and attempt.evidence in self._left
            for attempt in self._at.get(path, [])
        )

    def take(self, path: str, details: dict[str, Any]) -> UploadAttempt | None:
        """The attempt that goes on with these details."""
        found = next(
            (
                attempt
                for attempt in self._at.get(path, [])
                if attempt.details == details and attempt.evidence in self._left
            ),
            None,
        )
        return self._left.pop(found.evidence) if found is not None else None

    def supersede(self, attempt: UploadAttempt) -> None:
        """Let the next attempt at this file take an attempt's place, under its item's name."""
        self._superseded[attempt.path] = self._left.pop(attempt.evidence)

    def forget(self, attempt: UploadAttempt) -> None:
        """Let an attempt go."""
        self._left.pop(attempt.evidence)

    def place(self, path: str) -> str:
        """The item that a new attempt at a file is for; empty for one of its own."""
        found = self._superseded.pop(path, None)
        return found.evidence if found is not None else ""


def _collect(records: list[dict[str, Any]]) -> dict[str, UploadAttempt]:
    """Attempts by item."""
    found: dict[str, UploadAttempt] = {}
    for record in records:
        evidence = record["evidence"]
        if record["t"] == "begin":
            content_key, record_key, salt = (
                from_b64url(record[name], what="journal")
                for name in ("content_key", "record_key", "salt")
            )
            found.pop(evidence, None)
            place = record["path"], record["top"], record["details"], evidence
            found[evidence] = UploadAttempt(*place, content_key, record_key, salt, resumed=True)
        elif record["t"] == "dropped":
            found.pop(evidence, None)
        elif evidence in found:
            attempt = found[evidence]
            if record["t"] == "cids":
                attempt.known += record["cids"]
            elif record["t"] == "refused":
                attempt.refused = True
            else:
                attempt.submission, attempt.file = record["submission"], record["file"]
                attempt.done = UploadResult(
                    **{
                        **record["done"],
                        "duplicates": tuple(record["done"]["duplicates"]),
                        "mismatch": tuple(record["done"].get("mismatch", ())),
                        "resumed": True,
                    }
                )
    return found
