"""custody person: the people of an agency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.commands import (
    person_approve,
    person_back,
    person_changes,
    person_enrol,
    person_invite,
    person_leave,
    person_replace,
    person_suspend,
)
from cli.invocation.global_options import Json
from cli.invocation.hints import command
from cli.node import custody_key_notices, people
from cli.terminal import output, tables
from cli.wording import labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ledger.domain.ports.node_answers import Member

_HELP = """People of the agency: invite, enrol, approve, suspend, replace lost keys, list.

\b
Example:
  custody person invite 4712 --role officer
  custody person enrol invitation-4712.json
  custody person approve 4712
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


def list_(as_json: Json = False) -> None:
    from cli.node.session import open_session

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
    sharing = _sharing(people)
    for alike in sharing:
        named = " and ".join(f"{one.number} ({one.state})" for one in alike)
        lines += [
            f"{named} have the same keys:",
            "one folder took several invitations. Approve none before you asked each of them.",
        ]
    shared = [[one.reference for one in alike] for alike in sharing]
    output.result({"people": people, "sharingKeys": shared}, *lines, *waiting)


def _sharing(people: Sequence[Member]) -> list[list[Member]]:
    """Persons who have one fingerprint of keys: whoever has those acts for each of them."""
    found: dict[str, list[Member]] = {}
    for person in people:
        if person.fingerprint:
            found.setdefault(person.fingerprint, []).append(person)
    return [alike for alike in found.values() if len(alike) > 1]


def give_key(
    who: Annotated[str, typer.Argument(metavar="WHO", help="As `custody person list` shows it.")],
    fingerprint: Annotated[str, typer.Option(help="Of their keys, as they read it to you.")],
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
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

    person_invite.register(group)

    person_enrol.register(group)

    group.command("list", help=_LIST)(list_)

    person_approve.register(group)

    group.command("give-key", help=_GIVE_KEY)(give_key)

    person_suspend.register(group)

    person_changes.register(group)

    person_back.register(group)

    person_replace.register(group)

    person_leave.register(group)
