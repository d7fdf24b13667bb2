"""custody session, custody alarms: who is logged in, and what auditors must look into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.invocation.global_options import Json
from cli.invocation.hints import runnable
from cli.terminal import output, tables
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.domain.identity.person import PersonId
    from ledger.domain.ports.node_answers import Alarm, OpenSession

_HELP = """Sessions that go on: your own, and for an administrator everybody's.

\b
Example:
  custody --home ~/node session list
  custody --home ~/node session end 0f1e2d3c4b5a69788796a5b4c3d2e1f0
"""
_LOGIN = """Log in now. Needed only where your agency has an identity provider: the session is kept
for the next commands, fifteen minutes.

\b
Example:
  custody --home ~/mine login
"""
_OIDC = """The agency's identity provider (OpenID Connect): where its people log in besides with
their keys.

Register custody there as a public, native client with the redirect http://127.0.0.1/. Whoever is
not linked (custody person link) cannot log in any more. Change it while the node is not served.

\b
Example:
  custody --home ~/node oidc set --issuer https://login.example \\
    --client-id custody --account my.account
  custody --home ~/node oidc off
"""
_ALARMS = """List alarms: people who opened many items within an hour. For auditors, data-protection
officers and administrators.

\b
Example:
  custody --home ~/audit alarms
"""
_LIST = """List sessions that go on.

\b
Example:
  custody --home ~/node session list
"""
_END = """End a session at once; its owner can log in again with their key.

\b
Example:
  custody --home ~/node session end 0f1e2d3c4b5a69788796a5b4c3d2e1f0
"""
_SET = """Rely on an identity provider from the next start on.

\b
Example:
  custody --home ~/node oidc set --issuer https://login.example \\
    --client-id custody --account my.account
"""
_OFF = """Rely on people's keys alone again.

\b
Example:
  custody --home ~/node oidc off
"""


def list_(as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        found, agency = session.node.sessions(), session.person.descriptor.agency
    rows = [[one.id, _who(one, agency), one.since, one.until] for one in found]
    output.result(
        {"sessions": found},
        *tables.table(
            ["SESSION", "WHO", "SINCE", "UNTIL"],
            rows,
            whole=("SESSION", "WHO", "SINCE", "UNTIL"),
            short={"SINCE": tables.minutes, "UNTIL": tables.minutes, "WHO": _own_briefly},
        ),
    )


def end(
    which: Annotated[str, typer.Argument(metavar="SESSION", help="As session list shows it.")],
    as_json: Json = False,
) -> None:
    from cli.items import arguments
    from cli.node.session import open_session

    which = arguments.listed(which, 32, "session", "custody session list")
    with open_session() as session:
        session.node.end_session(which)
    output.result(
        {"ended": which},
        "ended; to keep somebody out: " + runnable("custody person suspend WHO"),
    )


def login(as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        session.node.status(chain=False, ipfs=False)
        who = session.person.certificate.pseudonym
    output.result({"pseudonym": who}, f"logged in as {who}")


def set_(
    issuer: Annotated[str, typer.Option(help="The issuer, exactly as the provider writes it.")],
    client_id: Annotated[str, typer.Option(help="The id under which custody is registered there.")],
    account: Annotated[
        str,
        typer.Option(help="Your own account there (its sub), so that you stay able to log in."),
    ],
    as_json: Json = False,
) -> None:
    from dataclasses import replace

    from cli.node.session import open_alone
    from ledger.adapters import oidc as provider
    from ledger.app import settings
    from ledger.app.settings import OidcSettings
    from ledger.domain.untrusted import hosts
    from ledger.services.people import membership

    with open_alone() as home:
        allowed = hosts.networks(home.settings.networks)
        provider.check_settings(issuer, client_id, allowed)
        home.node.identity = provider.OidcProvider(issuer, client_id, allowed)
        membership.link(home.node, _own(home.keyring), account)
        settings.write(home.path, replace(home.settings, oidc=OidcSettings(issuer, client_id)))
    output.result(
        {"issuer": issuer, "clientId": client_id},
        f"people log in at {issuer} from now on, besides with their keys",
    )


def off(as_json: Json = False) -> None:
    from dataclasses import replace

    from cli.node.session import open_alone
    from ledger.app import settings
    from ledger.app.settings import OidcSettings

    with open_alone() as home:
        settings.write(home.path, replace(home.settings, oidc=OidcSettings()))
    output.result({"issuer": None}, "people log in with their keys alone")


def alarms(as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        found, agency = session.node.alarms(), session.person.descriptor.agency
    rows = [
        [
            one.time,
            one.kind,
            _who(one, agency),
            f"{counted(one.count, 'item')} within {counted(one.seconds // 60, 'minute')}",
        ]
        for one in found
    ]
    headers, short = ["WHEN", "WHAT", "WHO", "HOW MANY"], {"WHEN": tables.minutes}
    lines = tables.table(headers, rows, whole=("WHO",), short=short) if rows else ["no alarms"]
    output.result({"alarms": found}, *lines)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="session")

    group.command("list", help=_LIST)(list_)

    group.command(help=_END)(end)

    app.command(help=_LOGIN)(login)

    oidc = typer.Typer(help=_OIDC, no_args_is_help=True)
    app.add_typer(oidc, name="oidc")

    oidc.command("set", help=_SET)(set_)

    oidc.command(help=_OFF)(off)

    app.command(help=_ALARMS)(alarms)


def _who(one: OpenSession | Alarm, home: str) -> str:
    """Who is meant, as commands take it: a guest never without their agency."""
    from ledger.domain.identity.person import PersonId

    if one.pseudonym is None:
        return f"the node of {one.agency}"
    return PersonId(one.agency, one.pseudonym).shown_at(home)


def _own_briefly(cells: list[str]) -> list[str]:
    """People of the agency by how their pseudonyms begin; guests and nodes as they are."""
    own = iter(tables.beginnings([cell for cell in cells if cell.isalnum()]))
    return [next(own) if cell.isalnum() else cell for cell in cells]


def _own(keyring: Any) -> PersonId:
    from ledger.domain.identity import certificate

    return certificate.parse(keyring.get("person-certificate")).subject
