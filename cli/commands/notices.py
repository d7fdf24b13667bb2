"""custody notices: who is told by e-mail that something waits, and by which mail server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.invocation.global_options import Json
from cli.invocation.hints import command, runnable
from cli.terminal import output, tables

if TYPE_CHECKING:
    from ledger.app.bootstrap import OpenHome
    from ledger.app.notices import NoticeSettings
    from ledger.domain.identity.person import PersonId

_HELP = """Notices by e-mail: that something waits in somebody's inbox, with counts and short ids;
nothing about people or cases.

They are sent while the home is served. Change them while it is not.

\b
Example:
  custody notices set --host mail.example --from custody@police.example \\
    --user custody --password-file mail-password
  custody notices add 4712 --to a.person@police.example
"""
_SET = """Say which mail server takes notices. The way to it is TLS, and its certificate is checked.

The password is read from a file that you alone can read, and kept sealed in the keyring: the file
is needed no longer.

\b
Example:
  custody notices set --host mail.example --from custody@police.example \\
    --user custody --password-file mail-password
"""
_ADD = """Let somebody be told, as soon as something waits for them or once a day.

\b
Example:
  custody notices add 4712 --to a.person@police.example --daily
"""
_REMOVE = """Tell somebody nothing more.

\b
Example:
  custody notices remove 4712
"""
_LIST = """Show who is told, how, and what became of their last mail.

\b
Example:
  custody notices list
"""
_TEST = """Send somebody a mail that says nothing but that it is a test.

\b
Example:
  custody notices test 4712
"""
_OFF = """Send nothing to anybody, and forget server, password and addresses.

\b
Example:
  custody notices off
"""
Who = Annotated[
    str, typer.Argument(metavar="WHO", help="Their service number, or how their pseudonym begins.")
]


def set_(
    host: Annotated[str, typer.Option(help="Name of the mail server.")],
    sender: Annotated[str, typer.Option("--from", help="Address that mails come from.")],
    tls: Annotated[
        str, typer.Option(help="starttls, tls, or none for a server on this machine.")
    ] = "starttls",
    port: Annotated[
        int | None,
        typer.Option(help="Port, if not 587 (starttls), 465 (tls) or 25.", min=1, max=65535),
    ] = None,
    user: Annotated[str, typer.Option(help="Name to log in by, if it asks for one.")] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="File with the password, which others cannot read.")
    ] = None,
    as_json: Json = False,
) -> None:
    from ledger.app import notices

    server = notices.server(host, port, tls, sender, user, password_file)
    with _changing() as (home, found):
        notices.write(home.keyring, replace(found, server=server))
    output.result(
        {"host": server.host, "port": server.port, "tls": server.guard, "from": server.sender},
        f"notices go by {server.host}:{server.port} from the next start on",
        f"try it: {command('notices', 'test', 'WHO')}"
        if found.people
        else f"say who is told: {command('notices', 'add', 'WHO', '--to', 'ADDRESS')}",
    )


def add(
    who: Who,
    to: Annotated[str, typer.Option(help="Their e-mail address.")],
    daily: Annotated[
        bool, typer.Option("--daily", help="One mail a day at most, not as soon as it waits.")
    ] = False,
    as_json: Json = False,
) -> None:
    from ledger.app import notices

    with _changing() as (home, found):
        person = _meant(home, who)
        notices.write(home.keyring, notices.with_person(found, person, to, daily=daily))
    when = "once a day at most" if daily else "as soon as something waits"
    lines = [f"{who} is told {when}, from the next start on"]
    if found.server is None:
        lines.append(runnable("name the mail server: custody notices set --host HOST --from FROM"))
    output.result({"person": str(person), "daily": daily}, *lines)


def remove(who: Who, as_json: Json = False) -> None:
    from ledger.app import notices
    from ledger.domain.errors import UsageError

    with _changing() as (home, found):
        person = _meant(home, who)
        if person not in found.people:
            raise UsageError(f"{who!r} is told nothing", hint="see: custody notices list")
        notices.write(home.keyring, notices.without_person(found, person))
    output.result({"person": str(person)}, f"{who} is told nothing more")


def list_(as_json: Json = False) -> None:
    from ledger.app import notices
    from ledger.domain.codecs.text import format_time
    from ledger.services.inbox.notices import Told

    with _changing() as (home, found):
        told = notices.read_told(home.path)
    rows = []
    for person, one in found.people.items():
        last = told.get(person, Told())
        state = "refused" if last.refused else "not known" if last.unsure else "taken"
        rows.append(
            [
                person.pseudonym[: tables.BEGINNING],
                one.address,
                "daily" if one.daily else "at once",
                format_time(last.sent) if last.sent else "none yet",
                state if last.sent else "-",
            ]
        )
    server = found.server
    way = f"{server.host}:{server.port} ({server.guard})" if server is not None else "none"
    headers = ["WHO", "ADDRESS", "WHEN", "LAST MAIL", "WHICH WAS"]
    output.result(
        {
            "server": None if server is None else {"host": server.host, "port": server.port},
            "people": [
                dict(zip(("who", "address", "when", "last", "state"), row, strict=True))
                for row in rows
            ],
        },
        f"mail server: {way}",
        *(
            tables.table(headers, rows, whole=headers, short={"LAST MAIL": tables.minutes})
            if rows
            else ["nobody is told anything"]
        ),
    )


def send_test(who: Who, as_json: Json = False) -> None:
    from ledger.domain.errors import NetworkError, UsageError

    with _changing() as (home, found):
        person = _meant(home, who)
    if found.server is None or person not in found.people:
        raise UsageError(
            f"{who!r} has no address here, or there is no mail server",
            hint="see: custody notices list",
        )
    sent = found.server.send(
        found.people[person].address, "custody: a test", "This is a test of notices."
    )
    if sent != "taken":
        said = "refuses that address" if sent == "refused" else "did not say whether it took it"
        raise NetworkError(f"the mail server {said}", hint="see: custody notices list")
    output.result({"sent": sent}, "the mail server took it: look whether it arrives")


def off(as_json: Json = False) -> None:
    from cli.node.session import open_alone
    from ledger.app import notices

    with open_alone() as home:
        home.keyring.put(notices.ENTRY, b"")
        home.keyring.save()
    output.result({"server": None}, "nobody is told anything by mail")


@contextmanager
def _changing() -> Iterator[tuple[OpenHome, NoticeSettings]]:
    """The home, which nobody serves meanwhile, and its settings."""
    from cli.node.session import open_alone
    from ledger.app import notices

    with open_alone() as home:
        yield home, notices.read(home.keyring)


def _meant(home: OpenHome, who: str) -> PersonId:
    """The one person of the agency whom somebody names.

    Raises:
        UsageError: nobody, or several.
    """
    from ledger.domain.errors import UsageError
    from ledger.domain.identity import certificate
    from ledger.services.access import authorization
    from ledger.services.people import colleagues

    own = certificate.parse(home.keyring.get("person-certificate"))
    with home.node.records.read() as unit:
        caller = authorization.signer(home.node, unit, own)
    found = colleagues.named(home.node, caller, [who.strip()])
    among = [one for one in found if one.active and one.person.agency == home.node.agency]
    if len(among) != 1:
        what = "nobody who is active" if not among else f"each of {len(among)} enrolments"
        raise UsageError(
            f"{who[:80]!r} names {what} of {home.node.agency}",
            hint="give a service number, or the pseudonym as custody person list shows it",
        )
    return among[0].person


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="notices")

    group.command("set", help=_SET)(set_)

    group.command(help=_ADD)(add)

    group.command(help=_REMOVE)(remove)

    group.command("list", help=_LIST)(list_)

    group.command("test", help=_TEST)(send_test)

    group.command(help=_OFF)(off)
