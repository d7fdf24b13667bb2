"""What waits in a folder for the network: signed statements, each under a number that it keeps, and
what the node said of them.

- the order is that of the numbers, which the records carry: no clock and no name of a file decides
  it
- a record is replaced by a later one of the same number (``turn``); what was given up has a record
  too
- whatever is signed anew is durable before it is sent: if its answer is lost, the node is asked for
  it and it is not signed once more
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ledger.domain.codecs.text import from_b64url
from ledger.domain.errors import NotFoundError
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Statement
from ledger.domain.ports.client import Journal


@dataclass(frozen=True, slots=True)
class Told:
    """A statement that waits, as it is shown to its signer: members as in Waiting, with the type,
    place and digest of its event, and the name of its content.
    """

    number: int
    evidence: str
    type: str
    seq: int
    statement: str
    name: str
    why: str
    hint: str
    behind: int


@dataclass(frozen=True)
class Waiting:
    """A statement that waits. ``why``: what the last try said of it, with ``hint``; ``behind`` the
    number that it waits for, or 0.
    """

    number: int
    submission: dict[str, Any]
    turn: int = 0
    why: str = ""
    hint: str = ""
    behind: int = 0

    @cached_property
    def statement(self) -> Statement:
        """The statement."""
        return statements.parse(from_b64url(self.submission["statement"], what="statement"))

    @cached_property
    def event(self) -> Event:
        """Its document, whole."""
        return documents.parse(
            from_b64url(self.submission["document"], what="document"),
            self.submission["disclosures"],
        )

    @property
    def subject(self) -> str:
        """The item."""
        return self.statement.claims.subject

    @property
    def opens(self) -> bool:
        """Whether it begins its item."""
        return self.statement.claims.seq == 0

    @property
    def has_content(self) -> bool:
        """Whether its ciphertext waits with it."""
        return "content" in self.event.body

    def record(self) -> dict[str, Any]:
        """As the journal has it."""
        return {"t": "queued", **{name: getattr(self, name) for name in _MEMBERS}}

    def told(self) -> Told:
        """As it is shown to its signer."""
        return Told(
            self.number,
            self.subject,
            self.event.type,
            self.statement.claims.seq,
            self.statement.digest.hex(),
            str(self.event.body.get("name", "")),
            self.why,
            self.hint,
            self.behind,
        )


_MEMBERS = ("number", "submission", "turn", "why", "hint", "behind")


class Queue:
    """The statements that wait, in their order."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: dict[int, Waiting] = {}  # in the order of their numbers
        #: Digests of what was signed anew, by those that it had: other statements may name them.
        self.renamed: dict[str, str] = {}
        self._last = 0
        self._load(journal.leftovers())

    def _load(self, records: list[dict[str, Any]]) -> None:
        dropped, old = set(), 0
        for record in records:
            kind = record.get("t")
            if kind == "renamed":
                self.renamed[record["old"]] = record["new"]
                continue
            if kind == "dropped":
                dropped.add(record["number"])
                self._last = max(self._last, record["number"])
                continue
            if kind is None:  # of a version that numbered nothing: the place in the queue
                old += 1
                waiting = Waiting(old, record)
            else:
                waiting = Waiting(**{name: record[name] for name in _MEMBERS})
            self._last = max(self._last, waiting.number)
            if waiting.number not in self._rows or self._rows[waiting.number].turn <= waiting.turn:
                self._rows[waiting.number] = waiting
        self._rows = {number: self._rows[number] for number in sorted(self._rows.keys() - dropped)}

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Waiting]:
        return iter(list(self._rows.values()))

    def of(self, evidence: str) -> list[Waiting]:
        """What waits about an item."""
        return [entry for entry in self if entry.subject == evidence]

    def find(self, name: str) -> Waiting:
        """A statement by its number or digest.

        Raises:
            NotFoundError: none waits under that name.
        """
        for entry in self:
            if name in (str(entry.number), entry.statement.digest.hex()):
                return entry
        raise NotFoundError(f"no statement {name} waits", hint="see: custody field status")

    def next(self, submission: dict[str, Any], after: int = 0) -> Waiting:
        """The next statement, not yet in the queue; ``after`` so many others that are not
        either.
        """
        return Waiting(self._last + after + 1, dict(submission))

    def add(self, fresh: list[Waiting]) -> None:
        """Queue statements, all or none; durable when it returns."""
        for waiting in fresh:
            self._journal.append(waiting.record())
        self._journal.sync()
        for waiting in fresh:
            self._rows[waiting.number] = waiting
            self._last = max(self._last, waiting.number)

    def change(self, waiting: Waiting, **changes: Any) -> Waiting:
        """Put another state of a statement in its place; durable after ``keep``."""
        after = replace(waiting, turn=waiting.turn + 1, **changes)
        self._rows[waiting.number] = after
        self._journal.append(after.record())
        return after

    def sign_anew(self, waiting: Waiting, submission: dict[str, Any]) -> Waiting:
        """Put a statement in the place of one that was signed in vain; durable after ``keep``."""
        after = self.change(waiting, submission=submission)
        old, new = waiting.statement.digest.hex(), after.statement.digest.hex()
        self.renamed[old] = new
        self._journal.append({"t": "renamed", "old": old, "new": new})
        return after

    def keep(self) -> None:
        """Make durable what was changed."""
        self._journal.sync()

    def remove(self, numbers: Collection[int]) -> None:
        """Forget statements that the node has, or that their signer gave up."""
        for number in numbers:
            self._journal.append({"t": "dropped", "number": number})
        self._journal.sync()
        for number in numbers:
            self._rows.pop(number, None)
        names = (
            [{"t": "renamed", "old": old, "new": new} for old, new in self.renamed.items()]
            if self._rows
            else []
        )
        self._journal.finish([*(entry.record() for entry in self), *names])
