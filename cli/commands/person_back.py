"""custody person: an invitation taken back, a suspension lifted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command
from cli.node import custody_key_notices, people
from cli.terminal import output, questions, tables
from cli.terminal.questions import Yes

if TYPE_CHECKING:
    from ledger.domain.ports.node_answers import Member

_REVOKE = """Take an invitation back, as an administrator: nobody joins with it any more, whoever
has it. Somebody who asked already is not approved by it.

\b
Example:
  custody person revoke-invitation 4712
"""
_REINSTATE = """Lift a suspension, as an administrator: the same person with the same keys, in the
roles that they had.

The revoked certificate stays revoked for ever; a new one is issued, which they fetch themselves.
Keys that were called stolen are never good again: whoever had to be suspended with --since joins
anew.

\b
Example:
  custody person reinstate 4712
"""


def revoke_invitation(
    who: Annotated[
        str,
        typer.Argument(
            metavar="WHO", help="Service number, or as `custody person list` shows the invitation."
        ),
    ],
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        found = _invitation(session.node.people(), who.strip())
        session.node.revoke_invitation(found.reference)
    output.result(
        {"reference": found.reference, "number": found.number},
        f"The invitation for {found.number} is good no more.",
    )


def _invitation(listed: Sequence[Member], who: str) -> Member:
    """The open invitation that is meant.

    Raises:
        UsageError: none, or several.
    """
    from ledger.domain.errors import UsageError
    from ledger.domain.event.normalization import number_form

    invited = [one for one in listed if one.state in ("invited", "requested")]
    found = [
        one
        for one in invited
        if number_form(one.number) == number_form(who)
        or (len(who) >= tables.BEGINNING and one.reference.startswith(who))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(f"{one.reference} ({one.state})" for one in found)
        raise UsageError(
            f"{len(found)} invitations are for {who[:80]!r}: {several}",
            hint="name one: custody person revoke-invitation REFERENCE",
        )
    raise UsageError(
        f"no open invitation is for {who[:80]!r}", hint="who is invited: custody person list"
    )


def reinstate(
    who: Annotated[str, typer.Argument(metavar="WHO", help="Service number or pseudonym.")],
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    questions.require(yes=yes)
    with open_session() as session:
        who = people.reference(session, who)
        told = session.node.names([who])
        if not STATE.json:
            for one in told:
                output.say(f"number  {one.number}", f"roles   {', '.join(one.roles)}")
        questions.agree(
            "Shall they work here again, with the keys that they had?",
            yes=yes,
            otherwise="they stay suspended",
            hint=f"with new keys instead: {command('person', 'invite', 'NUMBER')}",
        )
        custody = session.node.reinstate(who)
        given = custody_key_notices.pass_on(session, who, custody, compared="", shown="")
    output.result(
        {"pseudonym": who, "custodyKey": given.custody},
        f"{who} is suspended no more, under a new certificate.",
        "They fetch it with: `custody person fetch`",
        *given.lines,
    )


def warned(listed: Sequence[Member], number: str) -> list[str]:
    """What is told to whoever invites somebody under a service number that was invited or enrolled
    before: two people might come by it, or one with two pairs of keys.
    """
    from ledger.domain.event.normalization import number_form

    lines = []
    for one in listed:
        if number_form(one.number) != number_form(number):
            continue
        if one.state in ("invited", "requested"):
            back = command("person", "revoke-invitation", one.reference)
            lines.append(
                f"{one.number} was invited before, on {one.since[:10]}, and that invitation is "
                f"good still. To take it back: {back}"
            )
        elif one.state == "suspended":
            back = command("person", "reinstate", one.reference)
            lines.append(f"{one.number} is suspended. To let the same keys back: {back}")
        else:
            lines.append(
                f"{one.number} is enrolled already, as {one.reference}, and will be it twice"
            )
    return lines


def register(group: typer.Typer) -> None:
    """Add the commands to the group."""
    group.command("revoke-invitation", help=_REVOKE)(revoke_invitation)

    group.command(help=_REINSTATE)(reinstate)
