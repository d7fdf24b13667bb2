"""custody ipfs migrate"""

from __future__ import annotations

from typing import Any

import typer

from cli.invocation.global_options import Json
from cli.invocation.hints import command, runnable
from cli.terminal import output
from ledger.domain.codecs.text import counted

_HELP = """Move the ciphertext from the home's own disk to its IPFS nodes: send, read everything
again there, then give up the disk.

Nothing is given up here that was not read again, whole, at as many nodes as it shall lie at. It can
be stopped at any moment, and goes on where it was when started again.

\b
Example:
  custody --home ~/evidence ipfs migrate
"""

_ROUND = 3600.0  # seconds


def migrate(as_json: Json = False) -> None:
    from cli.node.session import open_alone
    from ledger.domain.errors import UsageError

    with open_alone() as home:
        if not home.node.replicas.own:
            raise UsageError(
                "the home has no IPFS nodes",
                hint="add one: custody ipfs add NAME --api ADDRESS",
            )
        from ledger.services.storage.replica_status import shortage

        if problem := shortage(home.node):
            raise UsageError(
                problem,
                hint=("add another one, or say that fewer are enough: custody ipfs set --copies N"),
            )
        value, lines = _migrate(home.node)
    output.result(value, *lines)
    raise typer.Exit(0 if value["complete"] else 3)


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command(help=_HELP)(migrate)


def _migrate(node: Any) -> tuple[dict[str, Any], list[str]]:
    from ledger.services.storage import garbage_collection, replica_status

    value: dict[str, Any] = {"sent": 0, "read": 0, "freed": 0, "complete": False, "problems": {}}
    found = replica_status.Synced(goes_on=True)
    while found.goes_on:
        found = replica_status.sync(node, seconds=_ROUND, afresh=not value["sent"])
        value["sent"] += found.done.pinned
    if found.wanting:
        value["problems"] = found.problems
        told = (
            f"{counted(value['sent'], 'copy')} sent; "
            f"{counted(found.wanting, 'item', ('lacks', 'lack'))} a copy still, so "
            "nothing was given up here."
        )
        return value, [
            told,
            *(f"  {name}: {runnable(problem)}" for name, problem in found.problems.items()),
            _again(),
        ]
    bad = _read_everything(node, value)
    if bad:
        return value, [
            (
                f"{counted(len(bad), 'item')} could not be read again whole at their nodes, so "
                "nothing was given up here."
            ),
            _again(),
        ]
    given_up = garbage_collection.give_up(node)
    value |= {"freed": given_up.freed, "complete": True}
    text = (
        f"{counted(value['sent'], 'copy')} sent, {counted(value['read'], 'item')} read "
        "again at their IPFS nodes, "
        f"{output.size(given_up.size)} of ciphertext given up on the home's own disk."
    )
    return value, [text]


def _again() -> str:
    return (
        f"what to do: mend the IPFS nodes ({command('status')} says what is wrong), then run this "
        "again"
    )


def _read_everything(node: Any, value: dict[str, Any]) -> list[str]:
    """Read what was never read again at its replicas; the items for which that did not go."""
    from ledger.services.preservation import fixity

    unread = list(dict.fromkeys(fixity.unread(node)))
    bad = []
    with output.progress("reading", len(unread), unit="items") as advance:
        for evidence in unread:
            readings = fixity.check(node, evidence, fixity.Reading(fixity.RateLimiter(0)))
            value["read"] += 1
            advance(1)
            if not all(reading.is_whole for reading in readings):
                bad.append(evidence)
    return bad
