"""custody ipfs: the IPFS nodes that keep the ciphertext."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.commands import ipfs_migrate, ipfs_nodes
from cli.invocation.global_options import Evidence, Json
from cli.invocation.hints import command, quoted, runnable
from cli.items import items
from cli.terminal import output
from ledger.domain.codecs.text import counted

_HELP = """IPFS nodes (Kubo) that keep the ciphertext: create repositories, add nodes, fill them.
docs/operations.md tells the whole.

\b
Example:
  custody ipfs init site-a
  custody --home ~/evidence ipfs add site-a --api /ip4/127.0.0.1/tcp/5001 \\
    --secret-file site-a/rpc-secret
  custody --home ~/evidence status
"""
_INIT = """Create a repository for Kubo, as docs/operations.md says: private swarm, everything
fsynced, RPC on loopback with a secret.

\b
Example:
  custody ipfs init /srv/ipfs
  custody ipfs init /srv/ipfs --swarm-key swarm.key \\
    --listen /ip4/10.0.0.2/tcp/4001
"""
_SYNC = """Send to the IPFS nodes what they shall keep, now, and wait. A node that serves does this
by itself.

\b
Example:
  custody --home ~/evidence ipfs sync
"""
_TARGET = """Say at how many IPFS nodes one item shall lie, where that is not the home's own number.

\b
Example:
  custody --home ~/evidence ipfs copies 3f0c1d2e-... 3
"""


def init(
    path: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of the new repository (IPFS_PATH).")
    ],
    swarm_key: Annotated[
        Path | None,
        typer.Option(help="swarm.key of the swarm to join; without it a new swarm begins."),
    ] = None,
    api_port: Annotated[
        int, typer.Option(help="Port of the RPC, on loopback.", min=1, max=65535)
    ] = 5001,
    listen: Annotated[
        str, typer.Option(help="Where peers of the swarm reach it.")
    ] = "/ip4/127.0.0.1/tcp/4001",
    peer: Annotated[
        list[str] | None, typer.Option(help="A peer to stay connected to; may be repeated.")
    ] = None,
    storage_max: Annotated[str, typer.Option(help="StorageMax of the repository.")] = "1TB",
    ipfs: Annotated[str, typer.Option(help="Kubo's program.")] = "ipfs",
    as_json: Json = False,
) -> None:
    from ledger.adapters.ipfs import repository

    made = repository.create(
        path,
        swarm_key=swarm_key,
        api_port=api_port,
        listen=listen,
        peers=peer or [],
        storage_max=storage_max,
        binary=ipfs,
    )
    start = " ".join(
        [f"{name}={quoted(value)}" for name, value in repository.ENVIRONMENT.items()]
        + [f"IPFS_PATH={quoted(str(path))}", quoted(ipfs), "daemon"]
    )
    secret = path / repository.SECRET
    lines = [
        f"Repository created in {path}.",
        f"  peer       {made.swarm}",
        (
            f"  swarm key  {path / repository.SWARM_KEY} (copy it by a safe way to the other "
            "nodes of the swarm)"
        ),
        f"Start it: {start}",
        "Then: " + command("ipfs", "add", path.name, "--api", made.api, "--secret-file", secret),
    ]
    output.result(
        {
            "path": str(path),
            "peer": made.swarm,
            "api": made.api,
            "secretFile": str(secret),
            "start": start,
        },
        *lines,
    )


def sync(as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        totals = run_sync(session.node)
    output.result(totals, *sync_text(totals))
    raise typer.Exit(3 if totals["wanting"] or totals["problems"] else 0)


def copies(
    evidence: Evidence,
    number: Annotated[int, typer.Argument(metavar="N", min=1, max=20)],
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        named = items.find(session, evidence)
        session.node.set_copies(named.urn, number)
    output.result(
        {"evidence": named.urn, "copies": number},
        (
            f"{named.short} shall lie at {counted(number, 'IPFS node')}; send it there now: "
            f"{runnable('custody ipfs sync')}"
        ),
    )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="ipfs")
    ipfs_nodes.register(group)
    ipfs_migrate.register(group)

    group.command(help=_INIT)(init)

    group.command(help=_SYNC)(sync)

    group.command(help=_TARGET)(copies)


def run_sync(node: Any) -> dict[str, Any]:
    """Send until nothing is wanting, or nothing more can be done."""
    totals: dict[str, Any] = {"pinned": 0, "removed": 0, "failed": 0, "problems": {}, "wanting": 0}
    afresh = True
    while True:
        found = node.sync_replicas(afresh=afresh)
        afresh = False
        for name in ("pinned", "removed", "failed"):
            totals[name] += getattr(found, name)
        totals["problems"], totals["wanting"] = found.problems, found.wanting
        if not found.goesOn:
            return totals
        output.note(
            f"{counted(totals['pinned'], 'copy')} sent and pinned, "
            f"{counted(totals['wanting'], 'item', ('lacks', 'lack'))} one still"
        )


def sync_text(totals: dict[str, Any]) -> list[str]:
    """What a sending did, and what to do about what is left."""
    lines = [
        (
            f"{counted(totals['pinned'], 'copy')} sent and pinned, {totals['removed']} "
            f"removed, {counted(totals['wanting'], 'item', ('lacks', 'lack'))} a copy still"
        )
    ]
    lines += [f"  {name}: {runnable(problem)}" for name, problem in totals["problems"].items()]
    if totals["failed"]:
        lines.append(
            f"  {counted(totals['failed'], 'copy')} put off: their blocks cannot be read; look "
            f"with: {runnable('custody doctor')}"
        )
    if totals["wanting"]:
        lines.append(
            f"what to do: see {runnable('custody status')}, mend the IPFS nodes, then run this "
            "again"
        )
    return lines
