"""custody network: private networks in which others may be reached."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.invocation.global_options import Json
from cli.terminal import output

_HELP = """Networks in which other agencies' nodes and the identity provider may be, beside public
addresses.

Addresses of this machine and of private networks are reached only where they are allowed here:
otherwise another agency could make this node call whatever listens there. Change it while the node
is not served.

\b
Example:
  custody --home ~/node network allow 10.20.0.0/16
  custody --home ~/node network list
  custody --home ~/node network forbid 10.20.0.0/16
"""
_ALLOW = """Allow a network, or a single address.

\b
Example:
  custody --home ~/node network allow 10.20.0.0/16
"""
_FORBID = """Allow a network no longer.

\b
Example:
  custody --home ~/node network forbid 10.20.0.0/16
"""
_LIST = """List the networks that are allowed.

\b
Example:
  custody --home ~/node network list
"""
Network = Annotated[
    str, typer.Argument(metavar="NETWORK", help="10.20.0.0/16, fd00:1::/64, or one address.")
]


def allow(network: Network, as_json: Json = False) -> None:
    _change(network, wanted=True)


def forbid(network: Network, as_json: Json = False) -> None:
    _change(network, wanted=False)


def list_(as_json: Json = False) -> None:
    from cli.invocation.global_options import STATE
    from ledger.app import settings

    _tell(settings.read(STATE.home).networks)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="network")

    group.command(help=_ALLOW)(allow)

    group.command(help=_FORBID)(forbid)

    group.command("list", help=_LIST)(list_)


def _change(text: str, *, wanted: bool) -> None:
    from dataclasses import replace

    from cli.node.session import open_alone
    from ledger.app import settings
    from ledger.domain.errors import UsageError
    from ledger.domain.untrusted import hosts

    [network] = hosts.networks([text])
    name = str(network)
    with open_alone() as home:
        before = home.settings.networks
        if not wanted and name not in before:
            raise UsageError(f"{name} is not allowed here", hint="see: custody network list")
        after = (
            tuple(sorted({*before, name}))
            if wanted
            else tuple(network for network in before if network != name)
        )
        settings.write(home.path, replace(home.settings, networks=after))
    _tell(after)


def _tell(networks: tuple[str, ...]) -> None:
    text = (
        "allowed beside public addresses: " + ", ".join(networks)
        if networks
        else "public addresses alone"
    )
    output.result({"networks": list(networks)}, text)
