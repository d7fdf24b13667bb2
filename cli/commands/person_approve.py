"""custody person approve: somebody who asked to join is let in, their fingerprint compared."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands.person_changes import Fingerprint
from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command
from cli.node import custody_key_notices
from cli.node.custody_key_notices import Given
from cli.terminal import output, questions, tables
from cli.terminal.questions import Yes

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.ports.node_answers import Member

_APPROVE = """Approve somebody who asked, after comparing the fingerprint with them by voice. Nobody
approves themselves. Without --fingerprint you are shown who asks, and are asked yourself.

A custodian also needs the custody key. Where you hold it, it is sealed to them at once; else a
custodian who holds it gives it (custody person give-key).

\b
Example:
  custody person approve 4712
  custody person approve 4712 --fingerprint "1f2e 3d4c 5b6a 7988"
"""


def approve(
    who: Annotated[
        str,
        typer.Argument(
            metavar="WHO",
            help="Their service number, or as `custody person list` shows them. Else the one who "
            "asks.",
        ),
    ] = "",
    fingerprint: Fingerprint = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        reference, asked = _asked(session.node.people(), who.strip())
        done = let_in(session, reference, asked, fingerprint=fingerprint, yes=yes)
    output.result({"pseudonym": done.pseudonym, "custodyKey": done.given.custody}, *done.lines)


@dataclass(frozen=True, slots=True)
class LetIn:
    """Who somebody is from now on, and what became of the custody key for them."""

    pseudonym: str
    roles: tuple[str, ...]
    given: Given

    @property
    def lines(self) -> list[str]:
        """What to say of it."""
        roles = f" as {', '.join(sorted(self.roles))}" if self.roles else ""
        return [
            f"Approved{roles}.",
            f"They sign as {self.pseudonym} from now on.",
            *self.given.lines,
        ]


def let_in(
    session: Session, reference: str, asked: Member | None, *, fingerprint: str, yes: bool
) -> LetIn:
    """Approve somebody, after the fingerprint was compared with them.

    Args:
        asked: what the node shows of their request, where there is one.
        fingerprint: as it was compared by voice; empty to show it and ask. yes: they said so.

    Raises:
        VerificationError: another fingerprint. UsageError: it was not compared, or nobody can be
            asked.
    """
    from ledger.app import give_custody_key

    shown = asked.fingerprint if asked is not None else ""
    if fingerprint:
        give_custody_key.require_fingerprint(fingerprint, shown)
    elif asked is not None:
        _agree(asked, yes=yes)
    pseudonym = session.node.approve(reference)
    custody = "waits" if asked is not None and "custodian" in asked.roles else ""
    given = custody_key_notices.pass_on(
        session, pseudonym, custody, compared=fingerprint, shown=shown
    )
    return LetIn(pseudonym, asked.roles if asked is not None else (), given)


def _asked(people: Sequence[Member], who: str) -> tuple[str, Member | None]:
    """Whose request to join is meant: its reference, and what the node shows of it where there is
    one.

    Args:
        who: reference, its first eight characters or more, or service number; empty for the only
            one.

    Raises:
        UsageError: nobody asks, or several do and it is not said which.
    """
    from ledger.domain.errors import UsageError

    asking = [person for person in people if person.state == "requested"]
    found = [
        person
        for person in asking
        if not who
        or who in (person.reference, person.number.strip())
        or (len(who) >= tables.BEGINNING and person.reference.startswith(who))
    ]
    if len(found) == 1:
        return found[0].reference, found[0]
    if re.fullmatch(r"[0-9a-f]{16}", who):
        return who, None  # the node says what became of it
    if not asking:
        raise UsageError(
            f"{who[:80]!r} names no request to join" if who else "nobody asks to join now",
            hint="who is invited and who asks: custody person list",
        )
    names = ", ".join(person.number for person in asking)
    raise UsageError(
        f"{who[:80]!r} names no request to join"
        if who and not found
        else f"{len(asking)} people ask to join",
        hint=f"name one of them ({names}): custody person approve WHO",
    )


def _agree(asked: Member, *, yes: bool) -> None:
    """Show who asks to join, and ask whether the fingerprint was compared with them.

    Raises:
        UsageError: they do not agree, or cannot be asked. Nothing was signed.
    """
    from ledger.domain.errors import UsageError

    if not yes and not questions.can_ask():
        raise UsageError(
            "nothing was signed: somebody joins once the fingerprint that they read to you was "
            "compared, and nobody can be asked here whether it was",
            hint="give the one that you heard: "
            + command("person", "approve", asked.reference, "--fingerprint", "FINGERPRINT"),
        )
    if not STATE.json:
        output.say(
            f"number       {asked.number}",
            f"roles        {', '.join(asked.roles)}",
            f"fingerprint  {asked.fingerprint}",
        )
    questions.agree(
        "Did they read you this fingerprint, and shall they join?",
        yes=yes,
        otherwise="they wait, as before",
    )


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command(help=_APPROVE)(approve)
