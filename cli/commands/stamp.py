"""custody stamp: time from others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.invocation.global_options import Json
from cli.invocation.hints import command
from cli.terminal import output, tables
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ledger.app.time_settings import TimeAuthoritySettings
    from ledger.domain.timestamps.authorities import TimeAuthority

_HELP = """Time from authorities that belong to no agency (RFC 3161).

The chain says when something was recorded. Where an agency runs its chain alone, that is its own
word; a time authority's is somebody else's. Each is asked after a checkpoint is final, and learns
one hash, which says nothing of any item. Nothing waits for it.

\b
Example:
  custody stamp add example https://time.example/tsr --roots roots.pem
  custody --home ~/evidence stamp now
"""
_ADD = """Ask a time authority from now on. It is asked once for a random number, to see that its
answer leads to the roots that you give.

Its roots, and the policies whose tokens count, go into the trust roots that this home writes from
now on: whoever verifies believes no others. Change it while the node is not served.

\b
Example:
  custody stamp add example https://time.example/tsr --roots roots.pem
"""
_REMOVE = """Ask a time authority no longer. What it stamped is kept, and counts for whoever has a
trust root that names it. One that is distrusted stays, for trust roots to tell that.

\b
Example:
  custody --home ~/evidence stamp remove example
"""
_DISTRUST = """Say from when a time authority is not trusted: its key was stolen, for example.

In trust roots that are written from now on no token of it counts, whatever time it says, but those
that another authority had stamped before. So it is for whoever shares a root with it. It is not
asked any more, and its entry stays. An earlier time may be given later; a later one only after
--withdraw.

\b
Example:
  custody --home ~/evidence stamp distrust example --from 2026-11-28T12:00:00Z
"""
_NOW = """Ask every time authority now for the newest checkpoint that is final.

\b
Example:
  custody --home ~/evidence stamp now
"""
_LIST = """What time authorities stamped: which checkpoint, and when they saw it.

\b
Example:
  custody --home ~/evidence stamp list
"""
_STATUS = """Which time authorities are asked, and what they saw last.

\b
Example:
  custody --home ~/evidence stamp status
"""
#: Asked when a home is made, where agency and number are asked for as well.
_OFFERED = (
    "Nobody but your agency says yet when something was recorded. A time authority (RFC 3161) "
    "would say it too; it is sent one hash of each checkpoint, and nothing else. Its address, or "
    "Enter for none:"
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="What it is called in reports.")]


def add(
    name: Name,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where it answers.")],
    roots: Annotated[
        Path, typer.Option(metavar="FILE", help="Certificates that its own lead to, PEM or DER.")
    ],
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OID",
            help="Policy whose tokens count; may be repeated. Else that of its first token.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_alone

    with open_alone() as home:
        added = _remember(home.path, name, url, roots, policy or [])
    output.result(
        {"name": added.name, "policies": list(added.policies)},
        f"{added.name} answers, by policy {', '.join(added.policies)}.",
        "It is asked for each checkpoint that is final, and learns one hash.",
        f"Next: {command('stamp', 'now')}",
    )


def offer(home: Path) -> None:
    """Ask whoever makes a home at a terminal for a time authority. The home is made: what fails
    here is told, with the command that does it later.
    """
    from cli.terminal import questions
    from ledger.domain.errors import CustodyError
    from ledger.domain.untrusted import hosts

    url = questions.text(_OFFERED)
    roots = questions.text("File with the root certificates that it publishes:") if url else ""
    if not url or not roots:
        return
    try:
        name = hosts.parse(url, what="time authority").host
        added = _remember(home, name, url, Path(roots), [])
    except CustodyError as error:
        later = command("stamp", "add", "NAME", "URL", "--roots", "FILE")
        output.say(f"it is not asked: {error.message}", f"  what to do: {later}")
        return
    output.say(f"{added.name} is asked, by policy {', '.join(added.policies)}")


def _remember(home: Path, name: str, url: str, roots: Path, policies: list[str]) -> TimeAuthority:
    """Try a time authority, and keep it in the settings of a home.

    Raises:
        UsageError: the home has one of that name, or distrusts it. NetworkError, FormatError,
            VerificationError: it does not answer, or its answer leads to none of the roots.
    """
    import secrets
    from dataclasses import replace

    from cli.items.arguments import read_file
    from ledger.adapters.time_authority import HttpTimeAuthority
    from ledger.app import settings, time_settings
    from ledger.app.time_settings import TimeAuthoritySettings
    from ledger.domain.codecs.text import b64url
    from ledger.domain.errors import UsageError
    from ledger.domain.timestamps import authorities
    from ledger.domain.timestamps.authorities import TimeAuthority
    from ledger.domain.untrusted import hosts

    what = "time authority"
    config = settings.read(home)
    known = config.time_authorities
    if any(one.name == name for one in known):
        raise UsageError(
            f"there is a time authority {name!r} already",
            hint=f"take another name, or forget it first: {command('stamp', 'remove', name)}",
        )
    wanted = tuple(authorities.check_policy(one, what) for one in policies)
    found = TimeAuthority(
        authorities.check_name(name, what),
        authorities.read_certificates(read_file(roots)),
        wanted,
    )
    allowed = hosts.networks(config.networks)
    token = HttpTimeAuthority(found, url, allowed).stamp(secrets.token_bytes(32))
    found = replace(found, policies=wanted or (token.policy,))
    authorities.find(token, [found])
    time_settings.require_trusted(known, found, token)
    kept = TimeAuthoritySettings(
        found.name, url, tuple(b64url(root) for root in found.roots), found.policies
    )
    settings.write(home, replace(config, time_authorities=(*known, kept)))
    return found


def remove(name: Name, as_json: Json = False) -> None:
    from ledger.app import time_settings

    _change(lambda known: time_settings.remove(known, name))
    output.result({"name": name}, f"{name} is asked no longer")


def distrust(
    name: Name,
    since: Annotated[
        str, typer.Option("--from", metavar="TIME", help="From when; else from now on.")
    ] = "",
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="It was recorded by mistake: trust it again.")
    ] = False,
    as_json: Json = False,
) -> None:
    from ledger.adapters.clock import SystemClock
    from ledger.app import time_settings
    from ledger.domain.codecs.text import format_time, parse_time
    from ledger.domain.errors import UsageError

    if withdraw and since:
        raise UsageError("--withdraw takes no --from", hint="leave out one of the two")
    time = format_time(parse_time(since, what="--from") if since else SystemClock().now())
    changed = _change(
        lambda known: (
            time_settings.withdraw(known, name)
            if withdraw
            else time_settings.distrust(known, name, time)
        )
    )
    both = " and ".join(one for one in changed if one != name)
    output.result(
        {"name": name, "distrustedFrom": None if withdraw else time},
        (f"{name} is trusted again" if withdraw else f"{name} is not trusted from {time} on")
        + ", by trust roots that are written from now on",
        *([f"So is {both}, which shares a root with it."] if both else []),
        f"Next: {command('trust')}",
    )


def now(as_json: Json = False) -> None:
    from cli.node.session import open_session
    from ledger.domain.errors import UsageError

    with open_session() as session:
        found = session.node.stamp()
    if not found.authorities:
        raise UsageError(
            "this home asks no time authority",
            hint="name one: custody stamp add NAME URL --roots FILE",
        )
    lines = [
        f"{one.authority} saw {counted(one.size, 'entry')} at {one.time}" for one in found.stamps
    ]
    lines += [f"{name} gave none: {problem}" for name, problem in found.problems.items()]
    output.result(found, *(lines or ["every authority has the newest final checkpoint already"]))
    if found.problems:
        raise typer.Exit(3)


def list_(as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        found = list(session.node.timestamps())
    rows = [[one.authority, str(one.size), one.time] for one in found]
    lines = tables.table(["AUTHORITY", "ENTRIES", "SEEN"], rows) if rows else ["no time stamps yet"]
    output.result({"stamps": found}, *lines)


def status(as_json: Json = False) -> None:
    from cli.commands.status import time_lines
    from cli.node.session import open_session

    with open_session() as session:
        found = session.node.status(chain=False, ipfs=False)
    value = {"authorities": found.timeAuthorities, "anchoredAlone": found.anchoredAlone}
    output.result(value, *(time_lines(found) or ["no time authority is asked"]))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="stamp")

    group.command(help=_ADD)(add)

    group.command(help=_REMOVE)(remove)

    group.command(help=_DISTRUST)(distrust)

    group.command(help=_NOW)(now)

    group.command("list", help=_LIST)(list_)

    group.command(help=_STATUS)(status)


def _change(
    how: Callable[[Sequence[TimeAuthoritySettings]], tuple[TimeAuthoritySettings, ...]],
) -> list[str]:
    """Change the time authorities of the home.

    Returns:
        the names of those that are kept, and others than before.
    """
    from dataclasses import replace

    from cli.node.session import open_alone
    from ledger.app import settings

    with open_alone() as home:
        known = home.settings.time_authorities
        kept = how(known)
        settings.write(home.path, replace(home.settings, time_authorities=kept))
    return [one.name for one in kept if one not in known]
