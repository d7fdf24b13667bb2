"""custody person leave: somebody leaves the agency, and a colleague holds their items.

An administrator suspends them, a custodian offers each item to the colleague: whoever is both does
both, else each types the command and does their part.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.commands import person_suspend
from cli.commands.person_replace import Reason
from cli.invocation import completion
from cli.invocation.global_options import Json
from cli.invocation.hints import command, elsewhere
from cli.items import held_items, steps
from cli.items.steps import Steps
from cli.node import enrolments, people
from cli.terminal import questions
from cli.terminal.questions import Yes
from ledger.domain.codecs.text import counted
from ledger.domain.errors import UsageError

if TYPE_CHECKING:
    from cli.items.held_items import Held
    from cli.node.enrolments import Enrolments
    from ledger.domain.ports.node_answers import Named

_HELP = """Let somebody leave: suspended by an administrator, what they hold offered to a colleague
by a custodian.

Whoever is both does both. You are shown what will happen, and asked; what is left is done by typing
the command again. What was shared with them is shared with nobody else by it.

\b
Example:
  custody person leave 4712 --to 4713
"""
_REASON: Final = "the holder has left"


def leave(
    who: Annotated[
        str,
        typer.Argument(
            metavar="WHO",
            help="Service number or pseudonym.",
            autocompletion=completion.people,
        ),
    ],
    to: Annotated[
        str,
        typer.Option(
            "-t",
            "--to",
            help="The colleague who shall hold their items, by service number or pseudonym.",
            autocompletion=completion.people,
        ),
    ] = "",
    reason: Reason = _REASON,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        run = Steps(session, reason, yes)
        run.require_part()
        with run.going_on():
            _go_on(run, enrolments.find(session, who), to.strip())
    run.tell(to.strip())


def _go_on(run: Steps, found: Enrolments, to: str) -> None:
    session, own = run.session, run.session.person.certificate
    holders = [one.reference for one in found.everyone]
    taker = people.reference(session, to) if to else ""
    if taker in holders:
        raise UsageError(
            f"{to} is who leaves, and takes nothing over",
            hint="name a colleague: " + command("person", "leave", found.number, "--to", "NUMBER"),
        )
    held = held_items.find(session, holders, to=taker)
    offers = run.keeps and bool(held.free)
    if offers:
        _require_taker(run, found, taker)
    going = [one for one in found.active if run.administers and one.reference != own.pseudonym]
    run.value |= {"number": found.number, "suspended": [], **held.value}
    _agree(run, found, going, held if offers else None, to)
    for one in going:
        shut = person_suspend.shut_out(session, one.reference, None, yes=run.yes)
        run.value["suspended"].append(shut.value)
        run.lines += shut.lines
    if offers:
        run.offer(held, taker)
    run.behind += _left(run, found, going, held, to)


def _require_taker(run: Steps, found: Enrolments, taker: str) -> None:
    """Check who shall hold the items, before anybody is suspended.

    Raises:
        UsageError: nobody was named, or whoever types it. NotFoundError: they are not active here.
    """
    alone = command("person", "suspend", found.number)
    hint = (
        f"name a colleague: {command('person', 'leave', found.number, '--to', 'NUMBER')}; to "
        f"suspend them and leave the items: {alone}"
    )
    if not taker:
        raise UsageError(f"{found.number} holds items, which somebody takes over", hint=hint)
    if taker == run.session.person.certificate.pseudonym:
        raise UsageError(
            "nobody hands over to themselves: another custodian offers you these items, or "
            f"{found.number} does before they leave",
            hint=hint,
        )
    run.session.node.person_key(taker)


def _agree(run: Steps, found: Enrolments, going: list[Named], held: Held | None, to: str) -> None:
    """Show what will be done, and ask once."""
    plan = [f"suspend  {one.reference} ({', '.join(one.roles)})" for one in going]
    plan += [f"offer    {counted(len(held.free), 'item')} to {to}"] if held is not None else []
    if not plan:
        return
    steps.show([f"number   {found.number}", *plan])
    question = f"Suspend {found.number}" * bool(going) or "Offer {} to " + to
    if held is None:
        questions.agree(f"{question}?", yes=run.yes, otherwise="all is as before")
        return
    held_items.agree(
        held, f"{question}, and offer {{}} to {to}?" if going else f"{question}?", yes=run.yes
    )


def _left(run: Steps, found: Enrolments, going: list[Named], held: Held, to: str) -> list[str]:
    """What waits, and who does it."""
    again = elsewhere("person", "leave", found.number, *(["--to", to] if to else []))
    lines = held.told(keeps=run.keeps)
    if held.free and not run.keeps:
        many = counted(len(held.free), "item")
        whole = again if to else f"{again} --to NUMBER"
        lines.append(f"{run.custodians()} hands their {many} over: `{whole}`")
    if len(going) < len(found.active):
        lines.append(f"They can still log in. An administrator suspends them: `{again}`")
    if not (lines or run.lines or run.done.answers):
        lines.append(f"{found.number} is suspended, and holds nothing.")
    return lines


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command(help=_HELP)(leave)
