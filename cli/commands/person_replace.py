"""custody person replace: after lost keys, or a forgotten passphrase, somebody goes on with new
ones.

Up to three people take four steps: an administrator suspends the old keys and invites, the person
joins, the administrator approves, a custodian offers each item to the new keys. A run does what can
be done next by whoever types it, which follows from who is enrolled, suspended and invited: what
was interrupted goes on when it is typed again (docs/adr/0025-lost-keys-and-leaving.md).
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.commands import person_approve, person_invite, person_items, person_suspend
from cli.commands.person_changes import Fingerprint
from cli.commands.person_suspend import Since
from cli.invocation import completion
from cli.invocation.global_options import Json
from cli.invocation.hints import command
from cli.items import held_items, steps
from cli.items.steps import Steps
from cli.node import enrolments
from cli.terminal import outfile, questions
from cli.terminal.questions import Yes
from ledger.domain.codecs.text import counted
from ledger.domain.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.node.enrolments import Enrolments
    from ledger.domain.ports.node_answers import Member, Named

_HELP = """Give somebody new keys in the place of lost ones, or of a forgotten passphrase, and let
their items follow.

As an administrator: the old keys are suspended, the person is invited anew in the same roles, and
let in once you compared the fingerprint. As a custodian: each item under the old keys is offered to
the new ones, once you compared the fingerprint too. You are shown what will happen, and asked; the
same command goes on until nothing is left. --since is for stolen keys, and for no others.

\b
Example:
  custody person replace 4712
  custody person replace 4712 --fingerprint "1f2e 3d4c 5b6a 7988" --yes
"""
_REASON: Final = "the holder has new keys"
Reason = Annotated[str, typer.Option(help="Why items change hands; signed with each offer.")]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the options say."""

    since: int | None
    out: Path | None
    url: str
    force: bool
    fingerprint: str


def replace(
    who: Annotated[
        str,
        typer.Argument(
            metavar="WHO",
            help="Service number; where they have several keys, the pseudonym of the lost ones.",
            autocompletion=completion.people,
        ),
    ],
    fingerprint: Fingerprint = "",
    since: Since = "",
    reason: Reason = _REASON,
    out: person_invite.Out = None,
    url: person_invite.Url = "",
    force: outfile.Force = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    moment = person_suspend.since_of(since, yes=yes)
    wanted = _Wanted(moment, out, url, force, fingerprint)
    with open_session() as session:
        run = Steps(session, reason, yes)
        run.require_part()
        with run.going_on():
            _go_on(run, who, wanted)
    run.tell("the new keys")


def _go_on(run: Steps, who: str, wanted: _Wanted) -> None:
    """Take the next steps."""
    found, compared = enrolments.find(run.session, who), wanted.fingerprint
    run.value |= {"number": found.number, "suspended": [], "invitation": None}
    lost = _lost(found)
    if run.administers:
        compared = _administer(run, found, lost, wanted)
        found = enrolments.find(run.session, found.number)
    elif lost is not None:
        raise person_items.not_yet(found, f"the keys of {lost.reference} are not suspended")
    if not run.behind:
        person_items.follow(run, found, compared)


def _lost(found: Enrolments) -> Named | None:
    """The enrolment whose keys are to be suspended now. By their number, somebody's keys are
    replaced once: a command that is typed again must not suspend what it let in.

    Raises:
        UsageError: they have several that are active, and it is not said which.
    """
    if found.meant is not None:
        return found.meant if found.meant.active else None
    if len(found.active) > 1:
        several = ", ".join(f"{one.reference} ({', '.join(one.roles)})" for one in found.active)
        raise UsageError(
            f"{found.number} works with {len(found.active)} pairs of keys: {several}",
            hint="name the lost ones by pseudonym",
        )
    return found.active[0] if found.active and not found.suspended else None


def _administer(run: Steps, found: Enrolments, lost: Named | None, wanted: _Wanted) -> str:
    """Suspend, invite, approve: whichever comes next.

    Returns:
        the fingerprint that was compared; empty where none was.
    """
    if wanted.since is not None and lost is None:
        raise UsageError(
            "nothing was done: --since is for keys that are suspended now, and those of "
            f"{found.number} are suspended already",
            hint="custody person suspend WHO --since TIME",
        )
    listed = run.session.node.people()
    invited = enrolments.invitations(listed, found.number)
    goes_on = any(one is not lost for one in found.active)
    if lost is None and goes_on:
        return wanted.fingerprint
    if lost is None and invited:
        return _let_in(run, found, invited, wanted)
    _suspend_and_invite(run, found, lost, listed, wanted, anew=not goes_on)
    return wanted.fingerprint


def _suspend_and_invite(
    run: Steps,
    found: Enrolments,
    lost: Named | None,
    listed: Sequence[Member],
    wanted: _Wanted,
    *,
    anew: bool,
) -> None:
    """Suspend the lost keys where they are not yet, and only then invite, since a suspension ends
    every invitation; both after one question, and once the invitation can be written.
    """
    from cli.node.served import only_here

    session, number = run.session, found.number
    server = person_invite.reached_at(wanted.url) if anew else ""
    path = wanted.out or person_invite.free_path_for(number, force=wanted.force)
    since = {one.reference: one.since for one in listed}
    old = lost or max(found.suspended, key=lambda one: since.get(one.reference, ""))
    holders = {one.reference for one in (*found.suspended, old)}
    held = held_items.find(session, holders)
    plan = [f"number   {number}", f"roles    {', '.join(old.roles)}"]
    if lost is not None:
        plan.append(f"suspend  {lost.reference}: every session and login ends now")
        plan += [
            f"end      the invitation of {one.since[:10]}"
            for one in enrolments.invitations(listed, number)
        ]
    if anew:
        plan.append(f"invite   {number} anew, in these roles: {path}")
    plan += [f"open     {line}" for line in held.opened()]
    plan.append(f"then     a custodian offers {counted(held.count, 'item')} to the new keys")
    question = "Suspend these keys" if lost is not None else "They are suspended. Go on"
    with ExitStack() as stack:
        # What is shown is what will be done: a file that cannot be written is told before.
        file = stack.enter_context(outfile.writing(path, force=wanted.force)) if anew else None
        steps.show(plan)
        questions.agree(
            f"{question}{f', and invite {number} anew' * anew}?",
            yes=run.yes,
            otherwise="all is as before",
        )
        if lost is not None:
            shut = person_suspend.shut_out(session, lost.reference, wanted.since, yes=run.yes)
            run.value["suspended"] = [shut.value]
            run.lines += [*shut.lines, *shut.doubtful]
        if file is None:
            return
        made = person_invite.write(
            session, file, server=server, number=number, roles=list(old.roles), before=run.lines
        )
    run.value["invitation"] = person_invite.as_json_of(made, path)
    run.lines += person_invite.told(made, path)
    run.behind += [
        f"Once they asked to join, go on with: {command('person', 'replace', number)}",
        *held.told(keeps=run.keeps),
        "What was not sent from the old machine is not here: they record it anew.",
        *only_here(made.server),
    ]


def _let_in(run: Steps, found: Enrolments, invited: Sequence[Member], wanted: _Wanted) -> str:
    """Approve whoever asked to join anew; tell what waits where nobody did yet.

    Returns:
        the fingerprint that was compared.
    """
    if len(invited) > 1:
        raise UsageError(
            f"{len(invited)} invitations are for {found.number}",
            hint="take back those that are not theirs: custody person revoke-invitation REFERENCE",
        )
    [asked] = invited
    if asked.state == "invited":
        back = command("person", "revoke-invitation", asked.reference)
        run.behind += [
            f"{found.number} was invited on {asked.since[:10]}, and did not ask to join yet.",
            f"If nobody has that invitation, take it back, then go on here: {back}",
        ]
        return ""
    steps.show([f"approve  {found.number}, who asks with {asked.fingerprint}"], asked=False)
    if not wanted.fingerprint and (run.yes or not questions.can_ask()):
        raise person_items.uncompared(found.number)
    done = person_approve.let_in(
        run.session, asked.reference, asked, fingerprint=wanted.fingerprint, yes=False
    )
    run.value["custodyKey"] = done.given.custody
    run.lines += done.lines
    return asked.fingerprint


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command(help=_HELP)(replace)
