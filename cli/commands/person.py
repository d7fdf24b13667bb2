"""custody person: the people of an agency."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import custody_key_notices, labels, outfile, output, people, questions, tables
from cli.commands import person_back, person_changes, person_enrol
from cli.commands.person_changes import Fingerprint
from cli.global_options import STATE, Json
from cli.hints import command, elsewhere
from cli.questions import Yes

if TYPE_CHECKING:
    from ledger.domain.ports.node_answers import Member

_HELP = """People of the agency: invite, enrol, approve, suspend, list.

\b
Example:
  custody person invite 4712 --role officer
  custody person enrol invitation-4712.json
  custody person approve 4712
"""
_INVITE = """Invite somebody, as an administrator. Hand the file over by a safe way: whoever has it
can ask in that person's place.

\b
Example:
  custody person invite 4712 --role officer
  custody person invite 4801 --role custodian --role officer \\
    --url https://custody.example -o invitation.json
"""
_APPROVE = """Approve somebody who asked, after comparing the fingerprint with them by voice. Nobody
approves themselves. Without --fingerprint you are shown who asks, and are asked yourself.

A custodian also needs the custody key. Where you hold it, it is sealed to them at once; else a
custodian who holds it gives it (custody person give-key).

\b
Example:
  custody person approve 4712
  custody person approve 4712 --fingerprint "1f2e 3d4c 5b6a 7988"
"""
_GIVE_KEY = """Give the agency's custody key to a colleague who became a custodian, as a custodian
who holds it.

Let them read you the fingerprint of their keys (custody person fetch shows it). The key is sealed
to them here; they take it with their next command.

\b
Example:
  custody --home ~/mine person give-key uhsvsxgbeqkdjg7gd2vbcbfsna \\
    --fingerprint "1f2e 3d4c 5b6a 7988"
"""
_LIST = """List the people of the agency, and open invitations, as an administrator.

\b
Example:
  custody --home ~/node person list
"""


def invite(
    given: Annotated[
        str, typer.Argument(metavar="NUMBER", help="Service number; kept sealed, never in the log.")
    ] = "",
    number: Annotated[str, typer.Option(help="The service number, in place of NUMBER.")] = "",
    role: Annotated[
        list[str] | None, typer.Option(help="Roles; may be repeated. Else officer.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Where to write the invitation. Else invitation-NUMBER.json."
        ),
    ] = None,
    url: Annotated[
        str,
        typer.Option(help="Where the person reaches the node; else the one that serves now."),
    ] = "",
    force: outfile.Force = False,
    as_json: Json = False,
) -> None:
    from cli.served import only_here, served_at
    from cli.session import open_session
    from ledger.app import enrolling
    from ledger.domain.errors import UsageError

    if bool(given.strip()) == bool(number.strip()):
        raise UsageError(
            "one service number is needed, of the person to invite",
            hint="custody person invite 4712 --role officer",
        )
    number = given or number
    server = url or STATE.server or served_at(STATE.home)
    if not server:
        raise UsageError(
            "nobody could reach this node",
            hint="start it with custody serve, in another terminal, or give the --url at which it "
            "will be reached",
        )
    path = out or Path(f"invitation-{re.sub(r'[^A-Za-z0-9-]', '-', number.strip())[:40]}.json")
    with outfile.writing(path, force=force) as file, open_session() as session:
        before = person_back.warned(session.node.people(), number)
        made = enrolling.invitation(
            session.node, server=server, number=number, roles=role or ["officer"]
        )
        file.otherwise(  # the code is a secret that no terminal shall show
            {"path": None, "expires": made.expires, "server": made.server},
            f"An invitation was made that nobody has; it ends by itself at {made.expires}.",
            hint="invite them again, with another --output",
            code=1,
        )
        file.write(made.encode())
    lines = [
        f"Invitation written to {path}, good until {made.expires}.",
        "Hand it over by a safe way.",
        f"They join with: {elsewhere('person', 'enrol', path.name)}",
        f"Once they read their fingerprint to you: {command('person', 'approve', number.strip())}",
        *only_here(made.server),
    ]
    value = {"path": str(path), "expires": made.expires, "server": made.server, "before": before}
    output.result(value, *lines, *before)


def list_(as_json: Json = False) -> None:
    from cli.session import open_session

    with open_session() as session:
        custody_key_notices.confirm(session)
        people = session.node.people()
        waiting = [
            line
            for person in people
            if person.custodyKey == "waits"
            for line in custody_key_notices.needed(session, person.reference, person.fingerprint)
        ]
    rows = [
        [
            person.reference,
            person.number,
            person.state,
            ", ".join(person.roles),
            labels.CUSTODY_KEY[person.custodyKey],
        ]
        for person in people
    ]
    headers = ["WHO", "NUMBER", "STATE", "ROLES", "CUSTODY KEY"]
    lines = tables.table(headers, rows, whole=headers, short={"WHO": tables.beginnings})
    for person in people:
        if person.state == "requested":
            lines += [
                f"{person.number} asks to join, with the fingerprint {person.fingerprint}:",
                "compare it with them by voice, then",
                "  "
                + command(
                    "person", "approve", person.reference, "--fingerprint", person.fingerprint
                ),
            ]
    output.result({"people": people}, *lines, *waiting)


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
    from cli.session import open_session
    from ledger.app import give_custody_key

    with open_session() as session:
        reference, asked = _asked(session.node.people(), who.strip())
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
    roles = f" as {', '.join(sorted(asked.roles))}" if asked is not None else ""
    output.result(
        {"pseudonym": pseudonym, "custodyKey": given.custody},
        f"Approved{roles}.",
        f"They sign as {pseudonym} from now on.",
        *given.lines,
    )


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


def give_key(
    who: Annotated[str, typer.Argument(metavar="WHO", help="As `custody person list` shows it.")],
    fingerprint: Annotated[str, typer.Option(help="Of their keys, as they read it to you.")],
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.app import give_custody_key

    with open_session() as session:
        who = people.reference(session, who)
        person = give_custody_key.give(session.keyring, session.node, who, fingerprint=fingerprint)
    output.result(
        {"pseudonym": person.pseudonym, "custodyKey": "sealed"},
        custody_key_notices.sealed_text(person.pseudonym),
    )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="person")

    group.command(help=_INVITE)(invite)

    person_enrol.register(group)

    group.command("list", help=_LIST)(list_)

    group.command(help=_APPROVE)(approve)

    group.command("give-key", help=_GIVE_KEY)(give_key)

    person_changes.register(group)

    person_back.register(group)
