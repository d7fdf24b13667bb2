"""custody dispose request: somebody asks for the disposal of an item, or of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command, elsewhere
from cli.items import exhibits, selection, short_ids
from cli.terminal import output
from cli.terminal.questions import Yes
from cli.wording import event_members
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.items.short_ids import Named
    from cli.node.session import Session
    from ledger.domain.ports.answers import Recorded

_REQUEST = """Request the disposal of an item, or of an exhibit with its parts, such as a folder
with its files: each of them is an item of its own.

\b
Example:
  custody --home ~/node dispose request 3f0c1d2e-... \\
    --reason "case closed" --rule wpg-9
  custody dispose request 2026-117/A2/ --reason "case closed"
"""


def request(
    evidence: selection.Several,
    reason: Annotated[str, typer.Option(help="Why.")],
    rule: Annotated[
        str, typer.Option(help="Rule by which it is disposed of, as your profile names it.")
    ] = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.client.reading import retrieval

    body = {"reason": reason, **named(rule)}
    hindrances = dict[str, str]()
    with open_session() as session:
        chosen = selection.find(session, evidence)
        tell_parts(session, chosen, reason)
        selection.agree(chosen, "Request the disposal of {}?", yes=yes)

        def ask(one: Named) -> Recorded:
            # The node judges the disposal itself for it, which is not what is previewed.
            if not STATE.preview and (hindrance := _hindrance(session, one.urn, rule)):
                hindrances[one.short] = hindrance
            return retrieval.record(
                session.node, session.person, session.clock, one.urn, "disposal-requested", body
            )

        done = selection.each(chosen, ask, "requesting")
    approve = f"`{elsewhere('dispose', 'approve', evidence[0], *evidence[1:])}`"
    if chosen.alone:
        [(_, answer)] = done.answers
        output.result(
            answer,
            f"requested; a colleague approves it with their own keys: {approve}",
            *(f"note: now it could not be carried out: {why}" for why in hindrances.values()),
        )
        return
    many = counted(len(done.answers), "item")
    selection.tell(
        done,
        f"requested for {many}; a colleague approves it with their own keys: {approve}",
        *(
            f"note: now it could not be carried out for {short}: {why}"
            for short, why in hindrances.items()
        ),
    )


def tell_parts(session: Session, chosen: selection.Chosen, reason: str = "WHY") -> None:
    """Say that parts of what is disposed of are not disposed of with it: whoever disposes of a
    folder would take its files for gone.
    """
    if STATE.offline:
        return
    for one, parts in exhibits.beside(session, chosen.items):
        left = sum(not item.closed for item in short_ids.as_told(session, parts).values())
        if not left:
            continue
        output.say(
            f"{one.short}: {counted(left, 'part')} of it, items of their own, not disposed of by "
            "that"
        )
        numbers = dict(one.numbers)
        if "case" in numbers and "exhibit" in numbers:
            whole = f"{numbers['case']}/{numbers['exhibit']}/"
            output.say(
                f"to take them in: {command('dispose', 'request', whole, '--reason', reason)}"
            )
        else:
            output.say(f"see which: {command('tree', one.short)}")


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command(help=_REQUEST)(request)


def named(rule: str) -> dict[str, str]:
    """The rule by which something is disposed of, as a member; none where none was named."""
    return {"rule": rule} if rule else {}


def _hindrance(session: Session, urn: str, rule: str) -> str:
    """What keeps the item from being disposed of now, such as a hold: as far as whoever asks may
    carry a disposal out themselves, and the node tells them.
    """
    from ledger.client.reading import retrieval
    from ledger.domain.errors import DeniedError, RuleError

    body = {
        "scope": "all",
        "method": "as requested",
        "approvals": [event_members.UNREAD],
        **named(rule),
    }
    parts = (session.node, session.person, session.clock, urn)
    try:
        retrieval.rehearse(*parts, "disposed", body)
    except RuleError as error:
        return error.message
    except DeniedError:
        return ""
    return ""
