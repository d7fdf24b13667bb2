"""custody case: cases, each with a history of its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.commands import show
from cli.invocation.global_options import Basis, Json
from cli.invocation.hints import command, elsewhere
from cli.items import items, named_cases, short_ids
from cli.node import people
from cli.terminal import output, questions, tables
from cli.wording import labels, person_words, record_options
from ledger.domain.codecs.text import counted
from ledger.domain.identity import roles
from ledger.domain.item.participation import ROLES_BY_PART, Part
from ledger.domain.ports.answers import documents_of

if TYPE_CHECKING:
    from ledger.domain.ports.answers import Item

_HELP = """Open a case, see what is in it, assign it, close it. Its number and title are sealed, and
every step is signed. Its record is named as case:2026-117 wherever an item is.

\b
Example:
  custody case open 2026-117 --title "Harbour"
  custody case assign 2026-117 --to 4712
  custody case show 2026-117
  custody note case:2026-117 "the hearing is on 12 March"
"""
_OPEN = """Open a case. You hold it, and it is found by its number; items are recorded for it with
--case.

\b
Example:
  custody case open 2026-117 --title "Harbour"
"""
_LIST = """List the cases that you may see; their numbers and titles stay sealed.

\b
Example:
  custody case list --all
"""
_SHOW = """Show a case: its items, and what was recorded about it. With --basis its sealed record
too, after your access is signed.

\b
Example:
  custody case show 2026-117 --basis "hearing"
"""
_ASSIGN = """Assign a case to a colleague: they see it, and what is recorded about it. Its items
are theirs to see once they are shared with them, or handed over.

\b
Example:
  custody case assign 2026-117 --to 4712
"""
_CLOSE = """Close a case. Its items stay as they are.

\b
Example:
  custody case close 2026-117 --reason "judgment of 3 May"
"""
_SHOWN: Final = 20
Number = Annotated[str, typer.Argument(metavar="CASE", help="Its number, or its short id.")]


def open_(
    number: Annotated[str, typer.Argument(metavar="CASE", help="Its number.")],
    title: Annotated[str, typer.Option(help="What it is called; sealed.")] = "",
    note: Annotated[str, typer.Option(help="More about it; sealed.")] = "",
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.client import opening
    from ledger.domain.codecs.text import new_case
    from ledger.domain.errors import UsageError

    record_options.require_numbers(number, "")
    if (bare := number.strip().removeprefix(short_ids.CASE)) != number.strip():
        raise UsageError(
            f"{number[:80]!r} names a case, and is no number",
            hint=command("case", "open", bare or "NUMBER"),
        )
    words = {"name": title.strip(), "note": note.strip()}
    body = {name: value for name, value in words.items() if value}
    members = {"identifiers": [{"scheme": "case", "value": number.strip()}]}
    with open_session() as session:
        answer = opening.record(
            session.node, session.person, session.clock, "case-opened", body, members, new_case()
        )
        short = short_ids.short_digest(answer.statement)
        lines = [labels.recorded(answer, f"case {number.strip()} is open, as {short},")]
        if roles.ROLES_BY_TYPE["acquired"] & session.person.certificate.roles:
            recording = command("upload", "FILE", "--case", number.strip())
            lines.append(f"record items for it: {recording}")
    output.result(answer, *lines)


def list_(
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        limits = {} if every else {"standing": "open"}
        cases = list(session.node.find(kind="case", **limits))
        own = session.person.certificate.agency
        roles = set(session.person.certificate.roles)
        called = people.named(session, people.of_items(cases, own))
        ids = short_ids.shorts_of(cases)
    rows = [
        [
            ids[one.evidence],
            one.recorded or one.time,
            person_words.shown(called, one.opener, own) if one.opener else one.origin,
            labels.holder(one, called),
            str(one.events),
            ("closed, " if one.closed else "") + labels.SHORT_STATES.get(one.state, one.state),
        ]
        for one in cases
    ]
    headers = ["CASE", "OPENED", "BY", "HELD BY", "EVENTS", "STATE"]
    short = {"OPENED": tables.minutes, "HELD BY": tables.colleagues(own)}
    none = [f"no open cases that you may see; open one: {command('case', 'open', 'NUMBER')}"]
    lines = tables.table(headers, rows, whole=headers, short=short) if rows else none
    if cases and roles - ROLES_BY_PART[Part.WATCHER]:
        named = ids[cases[0].evidence]
        reading = command("case", "show", named, "--basis", "WHY")
        lines.append(f"number and title are sealed; to read them, say why: {reading}")
    output.result({"cases": cases}, *lines)


def show_(number: Number, basis: Basis = "", as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        named = named_cases.find(session, number)
        items.go_on_with(named)
        read = show.read(session, named, basis)
        number = named.case or next(iter(_numbers(read)), "")
        found = list(islice(named_cases.items_of(session, number), _SHOWN + 1)) if number else []
        ids = short_ids.shorts_of(found)
        own = session.person.certificate.agency
        called = people.named(session, people.of_items(found, own))
        opens = bool(set(session.person.certificate.roles) - ROLES_BY_PART[Part.WATCHER])
    typed = named.short if not named.case else f"{short_ids.CASE}{named.case}"
    lines = [*read.lines(typed, by_case=bool(named.case)), ""]
    if number:
        lines += _items(found[:_SHOWN], ids, called)
        lines.append(f"all of them: {command('list', '--case', number)}")
    elif not opens:
        lines.append("its items are found by its number, which no role of yours opens")
    else:  # a list without them would say that it has none
        reading = command("case", "show", typed, "--basis", "WHY")
        lines.append(f"its items are found by its number, which is sealed as well: {reading}")
    shown = found[:_SHOWN] if number else None
    output.result({**read.value, "items": shown}, *lines)


def assign(
    number: Number,
    to: Annotated[str, typer.Option("-t", "--to", help="Service number or pseudonym.")],
    reason: Annotated[str, typer.Option(help="Why; sealed.")] = "",
    basis: Basis = "",
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.client.reading import retrieval

    with open_session() as session:
        named = named_cases.find(session, number)
        items.go_on_with(named)
        who = {"agency": session.person.certificate.agency, "person": people.reference(session, to)}
        body = {"to": who, **({"reason": reason.strip()} if reason.strip() else {})}
        answer = retrieval.record(
            session.node, session.person, session.clock, named.urn, "case-assigned", body,
            record_options.basis_member(basis, "", "", ""),
        )  # fmt: skip
    lines = [labels.recorded(answer, f"{_called(named)} is assigned to {to}")]
    if named.case and roles.ROLES_BY_TYPE["disclosed"] & session.person.certificate.roles:
        sharing = command("share", f"{named.case}/", "--with", to)
        lines.append(f"its items, for them to read: {sharing}")
    elif named.case:
        sharing = elsewhere("share", f"{named.case}/", "--with", to)
        lines.append(f"its items, for them to read, a custodian shares: `{sharing}`")
    output.result(answer, *lines)


def close(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why; sealed.")] = "",
    yes: questions.Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.client.reading import retrieval
    from ledger.domain.errors import UsageError

    said = reason.strip() or questions.text("Why is it closed?").strip()
    if not said:
        raise UsageError(
            "say why it is closed", hint=command("case", "close", number, "--reason", "WHY")
        )
    with open_session() as session:
        named = named_cases.find(session, number)
        items.go_on_with(named)
        of_it = named_cases.items_of(session, named.case, standing="offered")
        offered = list(of_it) if named.case else []
        if offered:
            waits = counted(len(offered), "item of it", ("is", "are"))
            output.note(f"{waits} on offer still: {command('handover', 'list')}")
        questions.agree(
            "Close this case? Nothing opens it again.", yes=yes, otherwise="it is open as before"
        )
        answer = retrieval.record(
            session.node, session.person, session.clock, named.urn, "case-closed", {"reason": said}
        )
    output.result(answer, labels.recorded(answer, f"{_called(named)} is closed"))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands = typer.Typer(help=_HELP, no_args_is_help=True)
    commands.command("open", help=_OPEN)(open_)
    commands.command("list", help=_LIST)(list_)
    commands.command("show", help=_SHOW)(show_)
    commands.command("assign", help=_ASSIGN)(assign)
    commands.command("close", help=_CLOSE)(close)
    app.add_typer(commands, name="case")


def _called(named: short_ids.Named) -> str:
    return f"case {named.case}" if named.case else named.short


def _numbers(read: show.Shown) -> list[str]:
    """The numbers that a case has by its record, where that was read."""
    from ledger.domain.event import same_record

    return same_record.found_by(documents_of(read.details))[0]


def _items(found: Sequence[Item], ids: dict[str, str], called: person_words.Names) -> list[str]:
    if not found:
        return ["no items of it that you may see"]
    rows = [
        [ids[one.evidence], one.kind, labels.holder(one, called), labels.STATES[one.state]]
        for one in found
    ]
    headers = ["ITEM", "KIND", "HELD BY", "STATE"]
    return tables.table(headers, rows, whole=headers)
