"""Notices by e-mail: that something waits in somebody's inbox. Counts, kinds and short ids of
items; what it is about stands in the record alone, and no name of a person or case in a mail.

- nobody is told of the same matter twice: what a mail tells is written down before it is sent, and
  taken back only where the server surely did not take it. After a crash in between, or an answer
  that never came, the mail is not sent again, and that is told: the inbox has it all the same
- a matter that is settled and arises again is told again
- mails of one person are some minutes apart: what comes meanwhile stands in one
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from ledger.domain.codecs.text import counted
from ledger.domain.errors import AlteredError, CustodyError, FormatError, StorageError
from ledger.domain.identity.person import PersonId
from ledger.domain.ports.mail import Mailer
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.inbox import looking
from ledger.services.inbox.waiting import Kind, Waiting
from ledger.services.node.context import Node
from ledger.services.people.signing_keys import certificate_of

#: What background work calls the sending of notices: its own failures are told at the node alone.
DUTY: Final = "notices"
_APART: Final = 600  # seconds between two mails to one person
_HOUR: Final = 3600
_DAY: Final = 86400
_PAGES: Final = 20
_PAGE: Final = 500
_SHOWN: Final = 20
_BEGINNING: Final = 8
_SUBJECT: Final = "custody: {count} for you"
_WORDS: Final[dict[Kind, tuple[str, str]]] = {
    "offer": ("offer to you", "offers to you"),
    "offer-expired": ("offer that expired", "offers that expired"),
    "disposal-requested": ("disposal to be decided", "disposals to be decided"),
    "disposal-approved": ("disposal to be carried out", "disposals to be carried out"),
    "return-due": ("item to be given back", "items to be given back"),
    "return-awaited": ("item that was lent and is due", "items that were lent and are due"),
    "hold-ends": ("hold that ends", "holds that end"),
    "retention-ends": ("retention that ends", "retentions that end"),
    "content-differs": ("item that failed its check", "items that failed their check"),
    "copy-damaged": ("damaged copy", "damaged copies"),
    "person-asks": ("request to join", "requests to join"),
    "alarm": ("alarm", "alarms"),
    "not-anchored": ("entry that waits for the chain", "entries that wait for the chain"),
    "worker-failing": ("duty of the node that fails", "duties of the node that fail"),
    "certificate": ("certificate that ends", "certificates that end"),
    "frozen": ("log that is frozen", "logs that are frozen"),
    "record-unreadable": ("record that does not open", "records that do not open"),
}
#: Of these one line stands for many, and only that there are any is told.
_MANY: Final = frozenset({"not-anchored", "worker-failing"})


@dataclass(frozen=True, slots=True)
class Recipient:
    """Where somebody gets notices; ``daily``: one a day at most, else as soon as it waits."""

    address: str = field(repr=False)
    daily: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was told by mail: marks of matters, when the last mail went, and what became
    of it: ``unsure`` where nobody knows whether it arrived, ``refused`` where the server never
    takes one for that address.
    """

    marks: frozenset[str] = frozenset()
    sent: int = 0
    unsure: bool = False
    refused: bool = False


Tellings = dict[PersonId, Told]


@dataclass
class Notices:
    """Whom to tell, by which server, and what was told.

    Args:
        keep: writes down what was told; before a mail is sent, and after.
    """

    mailer: Mailer
    recipients: Mapping[PersonId, Recipient]
    told: Tellings
    keep: Callable[[Tellings], None]
    _glances: dict[PersonId, tuple[int, int, frozenset[str]]] = field(default_factory=dict)

    def round(self, node: Node, stopped: Callable[[], bool] = lambda: False) -> list[str]:
        """Tell everybody what is new to them.

        Args:
            stopped: asked before each mail: one that is begun as the process ends is told as one of
                which nobody knows whether it arrived, and is never sent again.

        Returns:
            what went wrong, in words without names and addresses.

        Raises:
            StorageError: what was told cannot be written down, and nothing more is sent.
        """
        failures: list[str] = []
        for person, recipient in self.recipients.items():
            if stopped():
                break
            try:
                self._tell(node, person, recipient)
            except StorageError:
                raise
            except CustodyError as error:
                failures.append(error.message)
        return [*dict.fromkeys(failures), *self._standing()]

    def _standing(self) -> list[str]:
        among = [self.told[one] for one in self.recipients if one in self.told]
        unsure = sum(one.unsure for one in among)
        refused = sum(one.refused for one in among)
        told = []
        if refused:
            told.append(f"the mail server refuses the address of {counted(refused, 'recipient')}")
        if unsure:
            told.append(
                f"whether the last mail to {counted(unsure, 'recipient')} arrived is not known, "
                "and it is not sent again"
            )
        return told

    def _tell(self, node: Node, person: PersonId, recipient: Recipient) -> None:
        now, before = node.clock.now(), self.told.get(person, Told())
        apart = _DAY if recipient.daily else _APART
        if 0 <= now - before.sent < apart:  # a clock that was set back holds up nothing
            return
        caller = caller_of(node, person)
        if caller is None:
            return
        size, seen = looking.at_a_glance(node, caller)
        state = (size, now // _HOUR, frozenset(map(mark, seen)))
        if self._glances.get(person) == state:  # records are opened again only for something new
            return
        waiting = waiting_for(node, caller)
        marks = {mark(one): one for one in waiting}
        fresh = marks.keys() - before.marks
        if not fresh:
            self._glances[person] = state
            if before.marks - marks.keys():  # settled: told again when it arises again
                self._note(person, replace(before, marks=before.marks & marks.keys()))
            return
        self._note(person, Told(frozenset(marks), now, unsure=True))
        try:
            sent = self.mailer.send(recipient.address, *message(waiting, _short_ids(node, waiting)))
        except CustodyError:
            self._note(person, before)
            raise
        self._note(
            person,
            Told(frozenset(marks), now, unsure=sent == "unsure", refused=sent == "refused"),
        )

    def _note(self, person: PersonId, told: Told) -> None:
        self.keep({**self.told, person: told})
        self.told[person] = told


def caller_of(node: Node, person: PersonId) -> Caller | None:
    """Somebody of the agency as they would ask for their inbox; None for whoever may not."""
    with node.records.read() as unit:
        row = unit.people.get(person)
        if row is None or not row.active or person.agency != node.agency:
            return None
        try:
            return authorization.signer(node, unit, certificate_of(unit, row))
        except (AlteredError, FormatError):  # told by doctor; the others are told what waits
            return None


def waiting_for(node: Node, caller: Caller) -> list[Waiting]:
    """All that waits for somebody, as far as twenty pages tell it."""
    found: list[Waiting] = []
    after = -1
    for _ in range(_PAGES):
        page = looking.look(node, caller, after=after, limit=_PAGE, since=None)
        found += page.waiting
        if page.next is None:
            break
        after = page.next
    return [one for one in found if (one.kind, one.subject) != ("worker-failing", DUTY)]


def mark(one: Waiting) -> str:
    """What tells a matter from every other one, and says nothing about it."""
    since = one.since if one.evidence else None
    return sha256(f"{one.kind}|{one.evidence}|{one.subject}|{since}".encode()).hexdigest()[:32]


def _short_ids(node: Node, waiting: Sequence[Waiting]) -> list[str]:
    """The items that are named in a mail, by their short ids, as in git: how the digest of the
    statement that opened each begins, which lists show and every command takes.
    """
    items = list(dict.fromkeys(one.evidence for one in waiting if one.evidence))
    with node.records.read() as unit:
        opened = unit.logs.openings(items[:_SHOWN])
    return [opened[one].digest.hex()[:_BEGINNING] for one in items if one in opened]


def message(waiting: Sequence[Waiting], items: Sequence[str]) -> tuple[str, str]:
    """Subject and text of a mail.

    Args:
        items: short ids of the first items that it is about.
    """
    counts = Counter[Kind]()
    for one in waiting:
        counts[one.kind] += 1 if one.kind in _MANY else one.count
    total = counted(len(waiting), "matter", ("waits", "wait"))
    lines = [f"{total} for you.", ""]
    lines += [f"{count} {_WORDS[kind][count != 1]}" for kind, count in counts.items()]
    if items:
        left = len({one.evidence for one in waiting if one.evidence}) - len(items)
        lines += ["", f"Items: {', '.join(items)}" + (f" and {left} more" if left else "")]
    lines += ["", "What each is, and the command that deals with it: custody inbox", ""]
    return _SUBJECT.format(count=total), "\n".join(lines)
