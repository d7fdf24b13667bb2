"""custody person invite: a file by which somebody joins from their own machine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.commands import person_back
from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command, elsewhere
from cli.terminal import outfile, output
from cli.terminal.outfile import Target

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.app.enrolling import Invitation

_INVITE = """Invite somebody, as an administrator. Hand the file over by a safe way: whoever has it
can ask in that person's place.

\b
Example:
  custody person invite 4712 --role officer
  custody person invite 4801 --role custodian --role officer \\
    --url https://custody.example -o invitation.json
"""


Out = Annotated[
    Path | None,
    typer.Option(
        "-o", "--output", help="Where to write the invitation. Else invitation-NUMBER.json."
    ),
]
Url = Annotated[
    str, typer.Option(help="Where the person reaches the node; else the one that serves now.")
]


def invite(
    given: Annotated[
        str, typer.Argument(metavar="NUMBER", help="Service number; kept sealed, never in the log.")
    ] = "",
    number: Annotated[str, typer.Option(help="The service number, in place of NUMBER.")] = "",
    role: Annotated[
        list[str] | None, typer.Option(help="Roles; may be repeated. Else officer.")
    ] = None,
    out: Out = None,
    url: Url = "",
    force: outfile.Force = False,
    as_json: Json = False,
) -> None:
    from cli.node.served import only_here
    from cli.node.session import open_session
    from ledger.domain.errors import UsageError

    if bool(given.strip()) == bool(number.strip()):
        raise UsageError(
            "one service number is needed, of the person to invite",
            hint="custody person invite 4712 --role officer",
        )
    number = given or number
    server, path = reached_at(url), out or path_for(number)
    with outfile.writing(path, force=force) as file, open_session() as session:
        before = person_back.warned(session.node.people(), number)
        made = write(session, file, server=server, number=number, roles=role or ["officer"])
    lines = [
        *told(made, path),
        f"Once they read their fingerprint to you: {command('person', 'approve', number.strip())}",
        *only_here(made.server),
    ]
    output.result(as_json_of(made, path) | {"before": before}, *lines, *before)


def reached_at(url: str) -> str:
    """The address at which somebody who is invited reaches the node: as whoever invites does, where
    nobody says.

    Raises:
        UsageError: there is none.
    """
    from cli.node.served import served_at
    from ledger.app import settings
    from ledger.domain.errors import UsageError

    server = url or STATE.server
    if not server:
        joined = settings.is_client(STATE.home)
        server = settings.read_client(STATE.home).server if joined else served_at(STATE.home)
    if not server:
        raise UsageError(
            "nobody could reach this node",
            hint="start it with custody serve, in another terminal, or give the --url at which it "
            "will be reached",
        )
    return server


def path_for(number: str) -> Path:
    """Where an invitation is written where nobody says."""
    return Path(f"invitation-{re.sub(r'[^A-Za-z0-9-]', '-', number.strip())[:40]}.json")


def free_path_for(number: str, *, force: bool) -> Path:
    """The same where an older invitation may lie there still: beside it, unless it is to be
    overwritten.
    """
    path, at = path_for(number), 1
    while not force and path.exists():
        at += 1
        path = path_for(number).with_stem(f"{path_for(number).stem}-{at}")
    return path


def write(
    session: Session,
    file: Target,
    *,
    server: str,
    number: str,
    roles: list[str],
    before: Sequence[str] = (),
) -> Invitation:
    """Invite somebody, and write the invitation: the code is a secret that no terminal shall
    show.

    Args:
        before: what was done already, told where it cannot be written.
    """
    from ledger.app import enrolling

    made = enrolling.invitation(session.node, server=server, number=number, roles=roles)
    file.otherwise(
        {"path": None, "expires": made.expires, "server": made.server},
        *before,
        f"An invitation was made that nobody has; it ends by itself at {made.expires}.",
        hint="invite them again, with another --output",
        code=1,
    )
    file.write(made.encode())
    return made


def as_json_of(made: Invitation, path: Path) -> dict[str, Any]:
    """What a script is told of an invitation."""
    return {"path": str(path), "expires": made.expires, "server": made.server}


def told(made: Invitation, path: Path) -> list[str]:
    """What a person is told of an invitation."""
    return [
        f"Invitation written to {path}, good until {made.expires}.",
        "Hand it over by a safe way.",
        f"They join with: {elsewhere('person', 'enrol', path.name)}",
    ]


def register(group: typer.Typer) -> None:
    """Add the command to the group."""
    group.command(help=_INVITE)(invite)
