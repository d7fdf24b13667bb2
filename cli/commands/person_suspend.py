"""custody person suspend: somebody is shut out, or nothing of theirs counts since a theft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.invocation import completion
from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command
from cli.node import custody_key_notices, people
from cli.terminal import moments, output, questions
from cli.terminal.questions import Yes

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.ports.node_answers import Revoked

_SUSPEND = """Suspend a person: from this moment they can do nothing here, and every verifier learns
of it.

What they signed until now is anchored and goes on verifying; so that this holds also for what they
signed as a guest elsewhere, verifiers refuse their certificate as of some days ahead. A custodian
keeps the custody key that they have, until it is rotated.

With --since nothing of theirs that was anchored after that time counts: for stolen keys. Every item
in which they recorded something after it fails verification from then on, and nobody can take that
back: you are told so, and asked.

\b
Example:
  custody --home ~/node person suspend uhsvsxgbeqkdjg7gd2vbcbfsna
"""


Since = Annotated[
    str,
    typer.Option(help="For stolen keys: 2026-11-20T10:00:00Z. Nothing signed after it counts."),
]


def suspend(
    who: Annotated[
        str,
        typer.Argument(
            metavar="WHO",
            help="Service number or pseudonym; a guest is WHO@AGENCY.",
            autocompletion=completion.people,
        ),
    ],
    since: Since = "",
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    moment = since_of(since, yes=yes)
    with open_session() as session:
        typed, who = who, people.reference(session, who)
        done = shut_out(session, who, moment, yes=yes)
    back = (
        [f"To lift it: {command('person', 'reinstate', typed)}"]
        if moment is None and "@" not in typed
        else []
    )
    output.result(done.value, *done.lines, *back, *done.others, *done.doubtful)


@dataclass(frozen=True, slots=True)
class ShutOut:
    """Who was suspended, by reference and, where it may be told, service number; and what the node
    says of it.
    """

    who: str
    number: str
    told: Revoked
    kept: tuple[str, ...]

    @property
    def value(self) -> dict[str, Any]:
        """What a script is told."""
        return {
            "pseudonym": self.who,
            "number": self.number or None,
            "revoked": self.told.revoked,
            "keepsCustodyKey": self.told.keepsCustodyKey,
            "alsoActive": self.told.alsoActive or (),
            "certifiedSince": self.told.certifiedSince or (),
        }

    @property
    def lines(self) -> list[str]:
        """What a person is told of it."""
        called = f"{self.number}: {self.who}" if self.number else self.who
        return [
            f"{called} is suspended from now on, and revoked as of {self.told.revoked}.",
            *self.kept,
        ]

    @property
    def others(self) -> list[str]:
        """Other keys of theirs, which go on."""
        return [
            f"The same service number is enrolled as {other} too, which goes on. To suspend it as "
            f"well: {command('person', 'suspend', other)}"
            for other in self.told.alsoActive or ()
        ]

    @property
    def doubtful(self) -> list[str]:
        """Whom a thief of an administrator's keys may have let in."""
        return [
            f"{other} got a certificate since then, maybe by whoever had the stolen keys. Ask them "
            f"and whoever let them in; if that was not right: {command('person', 'suspend', other)}"
            for other in self.told.certifiedSince or ()
        ]


def since_of(text: str, *, yes: bool) -> int | None:
    """The moment of a theft, where one was said; it takes a yes, which is asked for.

    Raises:
        UsageError: no moment, or nobody can be asked.
    """
    if not text:
        return None
    moment = moments.read(text, "--since").seconds
    questions.require(yes=yes)
    return moment


def shut_out(session: Session, who: str, moment: int | None, *, yes: bool) -> ShutOut:
    """Suspend somebody, as of the moment of a theft where there was one.

    Raises:
        UsageError: they do not agree that what was signed since then counts no more.
    """
    if moment is not None:
        _agree_to_break(who, moment, yes=yes)
    done = session.node.suspend(who, since=moment)
    kept = custody_key_notices.kept(session, who) if done.keepsCustodyKey else []
    number = next((one.number for one in session.node.names([who]) if one.reference == who), "")
    return ShutOut(who, number, done, tuple(kept))


def _agree_to_break(who: str, moment: int, *, yes: bool) -> None:
    """Say what a revocation that reaches back takes from honest items too, and ask for it."""
    from ledger.domain.codecs.text import format_time

    if not STATE.json:
        output.say(
            f"Nothing that {who} signed counts any more",
            f"if it was anchored after {format_time(moment)}. Every item in which they recorded",
            "something after it fails verification from now on, also where that was honest work.",
            "Nobody can take it back, or move the moment to a later one.",
        )
    questions.agree(
        "Were their keys in other hands by then, and shall all of that fail?",
        yes=yes,
        otherwise="they are not suspended",
        hint=(
            "to suspend them and keep what they recorded until now: "
            + command("person", "suspend", who)
        ),
    )


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command(help=_SUSPEND)(suspend)
