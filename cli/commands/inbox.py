"""custody inbox: what waits for whoever asks, what changed since they looked, and the command that
deals with each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command, runnable
from cli.items import short_ids
from cli.terminal import output, tables
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.ports.inbox import ChangedItem, InboxPage, WaitingLine

_HELP = """What waits for you, since when, and the command that deals with it; and what others
recorded since you looked.

Of what lies sealed in an item's record you are told that something is due, and when, where you may
settle it. What is in the record is shown by `custody show`, after your access is signed.

\b
Example:
  custody inbox
"""
_PAGES: Final = 10  # of 200 items each, unless all are asked for
_CHANGES: Final = 20  # items that are told of
#: What each kind is in words, and the command that deals with it; ID stands for the item.
_KINDS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "offer": ("is offered to you", ("handover", "accept", "ID")),
    "offer-expired": (
        "was offered, and nobody answered in time",
        ("handover", "withdraw", "ID", "--reason", "WHY"),
    ),
    "disposal-requested": (
        "its disposal waits for a second person",
        ("dispose", "approve", "ID"),
    ),
    "disposal-approved": (
        "its disposal is approved, and to be carried out",
        ("dispose", "carry-out", "ID", "--method", "HOW"),
    ),
    "return-due": (
        "is on loan here, and due back",
        ("handover", "ID", "--to", "AGENCY"),
    ),
    "return-awaited": ("was lent, and is due back here", ("show", "ID", "--basis", "WHY")),
    "hold-ends": ("a hold on it ends", ("show", "ID", "--basis", "WHY")),
    "retention-ends": (
        "the time for which it is kept ends",
        ("dispose", "request", "ID", "--reason", "WHY"),
    ),
    "content-differs": (
        "its stored content failed the last check",
        ("recheck", "ID", "--basis", "WHY"),
    ),
    "copy-damaged": ("a copy of it is damaged at an IPFS node", ("fixity", "ID")),
    "record-unreadable": ("its record does not open", ("doctor",)),
    "alarm": ("{count}: many items opened within an hour", ("alarms",)),
    "not-anchored": ("{entries} not final for too long", ("anchor",)),
    "frozen": ("the log is frozen", ("doctor",)),
}
#: So many items of one kind are shown; a folder has thousands.
_ALIKE: Final = 10
#: Roles that may run what the table says; others look at the status.
_RUN_BY: Final = {
    "not-anchored": frozenset({"administrator", "custodian", "officer"}),
    "copy-damaged": frozenset({"administrator", "custodian", "officer", "examiner", "auditor"}),
}


@dataclass
class _Found:
    """What all pages together told; ``whole``: whether all items were looked at."""

    waiting: list[WaitingLine] = field(default_factory=list)
    changed: list[ChangedItem] = field(default_factory=list)
    size: int = 0
    looked: int = 0
    whole: bool = True
    ids: dict[str, str] = field(default_factory=dict)

    def named(self, evidence: str | None) -> str:
        """An item by its short id; empty for none."""
        return self.ids.get(evidence, "") if evidence else ""

    def take(self, page: InboxPage) -> None:
        if not self.looked:
            self.size = page.size  # what came while later pages were read counts as unseen
        self.waiting += page.waiting
        self.changed += page.changed
        self.looked += page.looked
        self.whole = page.next is None


def inbox(
    everything: Annotated[
        bool, typer.Option("--all", help="Look at all items, however many there are.")
    ] = False,
    peek: Annotated[
        bool, typer.Option(help="Do not count this as a look: the next one tells it again.")
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.app import last_look
    from ledger.app.last_look import LastLook
    from ledger.domain.codecs.text import format_time
    from ledger.domain.errors import UsageError

    if STATE.offline:
        raise UsageError(
            "what waits for you, the node alone knows",
            hint="see what waits here: custody field status",
        )
    with open_session() as session:
        log, now = session.node.agency().log, session.clock.now()
        before = last_look.read(STATE.home, log)
        found = _read(session, before.size if before else None, everything=everything)
        roles = session.person.certificate.roles
    found.waiting.sort(key=lambda line: (line.due or "9", line.since or "9"))
    since = format_time(before.time) if before else None
    lines = [*_waiting(found, roles), "", *_changed(found, since)]
    if before is not None and found.size < before.size:
        were, are = counted(before.size, "entry"), counted(found.size, "entry")
        lines += [
            "",
            f"THE LOG SHRANK: {were} when you looked, {are} now",
            "  ask who runs the node why; an auditor follows its log: `custody monitor`",
        ]
    if not found.whole:
        looked = counted(found.looked, "item")
        lines += ["", f"looked at {looked}, and there are more: {command('inbox', '--all')}"]
    output.result(
        {
            "waiting": found.waiting,
            "changed": found.changed,
            "since": since,
            "looked": found.looked,
            "whole": found.whole,
        },
        *lines,
    )
    if not peek and found.whole:
        try:
            last_look.keep(STATE.home, log, LastLook(found.size, now))
        except OSError as error:
            output.say(f"when you looked could not be kept: {error.strerror}")


def _read(session: Session, since: int | None, *, everything: bool) -> _Found:
    found = _Found()
    for number, page in enumerate(session.node.inbox(since), start=1):
        found.take(page)
        if number == _PAGES and not everything:
            break
    told = [line.evidence for line in found.waiting if line.evidence]
    found.ids = short_ids.shorts(session, [*told, *(one.evidence for one in found.changed)])
    return found


def _waiting(found: _Found, roles: frozenset[str]) -> Iterator[str]:
    if not found.waiting:
        yield "nothing waits for you"
        return
    yield f"{counted(len(found.waiting), 'matter', ('waits', 'wait'))} for you"
    alike = Counter[str]()
    for line in found.waiting:
        alike[line.kind] += bool(line.evidence)
        if alike[line.kind] > _ALIKE:
            continue
        yield ""
        item = found.named(line.evidence)
        yield f"{item}  {_words(line)}" if item else _words(line)
        if times := _times(line):
            yield f"  {times}"
        yield f"  {_todo(line, item, roles)}"
    more = {line.kind: line for line in found.waiting if alike[line.kind] > _ALIKE}
    for kind, line in more.items():
        yield ""
        yield f"{counted(alike[kind] - _ALIKE, 'more item')}, of each: {_words(line)}"
        yield f"  {command('inbox', '--json', '--peek')}"
    if sum(line.kind == "offer" for line in found.waiting) > 1:
        yield ""
        yield f"all that is offered, but for things: {command('handover', 'accept', '--all')}"


def _words(line: WaitingLine) -> str:
    if line.kind == "person-asks":
        return f"{line.told or line.subject} asks to join the agency"
    if line.kind == "worker-failing":
        return f"{line.subject} fails: {line.told}"
    if line.kind not in _KINDS:
        return line.told or line.kind
    entries = counted(line.count, "entry", ("is", "are"))
    words = _KINDS[line.kind][0].format(count=counted(line.count, "alarm"), entries=entries)
    return f"{words}: {line.told}" if line.kind == "frozen" else words


def _times(line: WaitingLine) -> str:
    said = []
    if line.since:
        said.append(f"since {_minute(line.since)}")
    if line.due and line.kind != "certificate":  # whose words say it
        said.append(f"until {_minute(line.due)}")
    return ", ".join(said)


def _minute(time: str) -> str:
    return tables.minutes([time])[0]


def _todo(line: WaitingLine, item: str, roles: frozenset[str]) -> str:
    """The command that deals with it, as it runs from here."""
    if line.kind == "person-asks":
        return command("person", "approve", line.subject)
    if line.kind not in _KINDS:
        return runnable(line.hint or "custody status")
    words = _KINDS[line.kind][1]
    if not _RUN_BY.get(line.kind, roles) & roles:
        words = ("status",)
    return command(*(item if word == "ID" else word for word in words))


def _changed(found: _Found, since: str | None) -> Iterator[str]:
    if since is None:
        yield "from now on you are told here what others recorded since you looked"
        return
    if not found.changed:
        yield f"nothing was recorded by others since {_minute(since)}"
        return
    newest = sorted(found.changed, key=lambda one: one.time, reverse=True)
    count = counted(len(newest), "item")
    yield f"{count} changed since you looked at {_minute(since)}"
    for one in newest[:_CHANGES]:
        events = counted(one.count, "event")
        yield f"{found.named(one.evidence)}  {events}, the last at {_minute(one.time)}"
    if len(newest) > _CHANGES:
        yield f"and {len(newest) - _CHANGES} more: {command('inbox', '--json', '--peek')}"
    yield f"  {command('show', found.named(newest[0].evidence))}"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(inbox)
