"""custody ipfs add, remove, set: which IPFS nodes a home knows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.invocation.global_options import Json
from cli.invocation.hints import command
from cli.terminal import output
from ledger.domain.codecs.text import counted

_ADD = """Let the home keep its ciphertext at an IPFS node. Its daemon must be running; stop
`custody serve` first.

Nodes in a swarm that other agencies share are added with --outside: an item lies there only while
it is offered or disclosed to another agency.

\b
Example:
  custody --home ~/evidence ipfs add site-a --api /ip4/127.0.0.1/tcp/5001 \\
    --secret-file /srv/ipfs/rpc-secret
"""
_REMOVE = """Forget an IPFS node. What is pinned there stays pinned; the items get other nodes as
far as there are some.

What it may keep stays in view: `status` and certificates of disposal name it, and one that is added
again is asked. With --destroyed you say that nothing is left there: its repository is deleted, or
its disk destroyed.

\b
Example:
  custody --home ~/evidence ipfs remove site-a
  custody --home ~/evidence ipfs remove site-a --destroyed
"""
_SET = """At how many IPFS nodes items shall lie, and how often they are read again. Without
options: what is set.

\b
Example:
  custody --home ~/evidence ipfs set --copies 3 --fixity-days 14
"""


def add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What you call it: letters, digits, hyphens.")
    ],
    api: Annotated[str, typer.Option(help="Multiaddress of its RPC.")],
    secret_file: Annotated[
        Path | None,
        typer.Option(help="File with its RPC secret, as `custody ipfs init` writes it."),
    ] = None,
    outside: Annotated[
        bool, typer.Option("--outside", help="Its swarm is shared with other agencies.")
    ] = False,
    as_json: Json = False,
) -> None:
    import re

    from cli.node.session import open_alone
    from ledger.domain.errors import UsageError

    if not re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", name):
        raise UsageError(
            f"{name!r} is not a name for a node",
            hint="use lower-case letters, digits and hyphens, for example site-a",
        )
    with open_alone() as home:
        from ledger.app import bootstrap, settings
        from ledger.services.storage import removed_nodes

        if any(node.name == name for node in home.settings.ipfs.nodes):
            raise UsageError(
                f"there is an IPFS node {name!r} already",
                hint=f"forget it first: custody ipfs remove {name}",
            )
        node = settings.IpfsNode(name, api, outside)
        secret = (
            settings.read_secret(secret_file, what="secret") if secret_file is not None else b""
        )
        replica = bootstrap.open_replica(node, secret.decode("utf-8", "replace"))
        try:
            status = replica.status()
            again = removed_nodes.remember(home.node, name, replica, peer=status.peer)
        finally:
            replica.close()
        if secret:
            home.keyring.put(settings.IPFS_SECRET.format(name), secret)
            home.keyring.save()
        _write(home, replace(home.settings.ipfs, nodes=(*home.settings.ipfs.nodes, node)))
    lines = [
        f"{name} runs Kubo {status.version} as {status.peer}.",
        (
            "New items go there from now on. Send those that are here already: "
            + command("ipfs", "sync")
        ),
    ]
    if again:
        lines.insert(
            1, f"It has {counted(again, 'item')} pinned that a removed node was known to keep."
        )
    output.result(
        {"name": name, "version": status.version, "peer": status.peer, "outside": outside},
        *lines,
    )


def remove(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    destroyed: Annotated[
        bool, typer.Option("--destroyed", help="What it kept is destroyed: you say so.")
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_alone
    from ledger.domain.errors import UsageError

    with open_alone() as home:
        from ledger.services.storage import removed_nodes

        kept = tuple(node for node in home.settings.ipfs.nodes if node.name != name)
        known = len(kept) < len(home.settings.ipfs.nodes)
        count = 0
        if known:
            _write(home, replace(home.settings.ipfs, nodes=kept))
            count = removed_nodes.forget(home.node, name)
        if destroyed:
            count = removed_nodes.strike_out(home.node, name)
        if not known and not count:
            raise UsageError(f"there is no IPFS node {name!r}", hint="see: custody status")
    text = f"{name} is forgotten"
    if destroyed:
        text += f"; it is no longer said to keep {counted(count, 'item')}"
    elif count:
        text += f"; it may keep {counted(count, 'item')}, which `custody status` goes on saying"
    output.result({"name": name, "items": count}, text)


def set_(
    copies: Annotated[
        int | None, typer.Option(help="IPFS nodes at which an item shall lie.", min=1, max=20)
    ] = None,
    fixity_days: Annotated[
        float | None, typer.Option(help="Days after which an item is read again.", min=0.01)
    ] = None,
    fixity_rate: Annotated[
        float | None,
        typer.Option(help="MiB a second for reading again by schedule; 0: no limit.", min=0),
    ] = None,
    as_json: Json = False,
) -> None:
    from dataclasses import asdict

    from cli.node.session import open_alone

    given: dict[str, Any] = {
        "copies": copies,
        "fixity_days": fixity_days,
        "fixity_rate": fixity_rate,
    }
    with open_alone() as home:
        ipfs = replace(
            home.settings.ipfs,
            **{name: value for name, value in given.items() if value is not None},
        )
        if ipfs != home.settings.ipfs:
            _write(home, ipfs)
    text = (
        f"items lie at {ipfs.copies} IPFS nodes of {len(ipfs.nodes)}, and are read again "
        f"every {ipfs.fixity_days:g} days "
        f"at {ipfs.fixity_rate:g} MiB/s"
    )
    output.result(asdict(ipfs), text)


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command(help=_ADD)(add)

    group.command(help=_REMOVE)(remove)

    group.command("set", help=_SET)(set_)


def _write(home: Any, ipfs: Any) -> None:
    from ledger.app import settings

    settings.write(home.path, replace(home.settings, ipfs=ipfs))
