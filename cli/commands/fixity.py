"""custody fixity"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.invocation.global_options import Json
from cli.invocation.hints import runnable
from cli.items import items, short_ids
from cli.terminal import output, tables
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.adapters.node.client import NodeClient
    from ledger.domain.ports.answers import Fixity, Replica

_HELP = """Read items again at every IPFS node that keeps them, repair what is damaged, and record
the result.

Nothing is decrypted. What was not read is not called good: exit code 3. A node that is down is not
taken for damage. A node that serves does this by itself for items whose last reading is old;
`custody recheck` is the check of one item's decrypted content by a person.

\b
Example:
  custody --home ~/evidence fixity 3f0c1d2e-...
  custody --home ~/evidence fixity --all
"""


def fixity(
    evidence: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ITEM]...", help="Items, as 2026-117/A1 or by id."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All items that IPFS nodes keep.")
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.domain.errors import CustodyError, NetworkError, UsageError

    if bool(evidence) == everything:
        raise UsageError("name items, or say --all", hint="for example: custody fixity --all")
    elsewhere = 0
    found: dict[str, list[Fixity]] = {}
    failed: dict[str, str] = {}
    with open_session() as session:
        wanted = [items.also(session, one).urn for one in evidence or []]
        if everything:
            wanted, elsewhere = _kept_items(session.node)
        with output.progress("reading", len(wanted), unit="items") as advance:
            for item in wanted:
                try:
                    found[item] = read(session.node, item, advance)
                except CustodyError as error:
                    # The node itself does not answer, or nothing else was asked for.
                    if isinstance(error, NetworkError) or len(wanted) == 1:
                        raise
                    failed[item] = error.message
        bad = {
            urn: nodes
            for urn, nodes in found.items()
            if any(node.result != "match" for node in nodes)
        }
        names = short_ids.shorts(session, [*bad, *failed])
    value: dict[str, Any] = {
        "items": [{"evidence": urn, "nodes": nodes} for urn, nodes in found.items()],
        "notRead": elsewhere,
        "failed": failed,
    }
    output.result(value, *_text(found, bad, names, elsewhere), *_failures(failed, names))
    raise typer.Exit(_code(found) or (3 if elsewhere or failed else 0))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(fixity)


def _code(found: dict[str, list[Fixity]]) -> int:
    """Damage that is left is a contradiction, unless all of it is blocks that could not be read;
    what was not read is not whole.
    """
    readings = [node for nodes in found.values() for node in nodes]
    left = [reading for reading in readings if _left(reading)]
    if any(set(reading.bad) - {"unreadable"} for reading in left):
        return 1
    if left:
        return 4
    return 3 if not readings or any(reading.result == "unreachable" for reading in readings) else 0


def _kept_items(node: NodeClient) -> tuple[list[str], int]:
    """Items that IPFS nodes keep, and the number of others that this agency has content of."""
    agency = node.agency().agency
    items = [item for item in node.items() if item.cid is not None and not item.erased]
    kept = [item.evidence for item in items if any(_is_kept(replica) for replica in item.replicas)]
    ours = {item.evidence for item in items if item.custodian == agency}
    return kept, len(ours - set(kept))


def _failures(failed: dict[str, str], names: dict[str, str]) -> list[str]:
    lines = [f"NOT read: {names[urn]}: {problem}" for urn, problem in failed.items()]
    return [*lines, "what to do: run this again for these items"] if lines else []


def _is_kept(replica: Replica) -> bool:
    return replica.state in ("pinned", "damaged")


def read(node: NodeClient, urn: str, advance: Any) -> list[Fixity]:
    """One item at all its nodes, however many calls it takes."""
    while True:
        nodes = node.check_fixity(urn)
        if all(replica.complete or replica.result == "unreachable" for replica in nodes):
            advance(1)
            return nodes


def unrepaired(readings: dict[str, list[Fixity]]) -> bool:
    """Whether something is damaged still."""
    return any(_left(node) for nodes in readings.values() for node in nodes)


def _left(one: Fixity) -> bool:
    return bool(sum(one.bad.values()) > one.repaired or one.unread)


def _text(
    found: dict[str, Any], bad: dict[str, Any], names: dict[str, str], elsewhere: int
) -> list[str]:
    lines: list[str] = []
    if bad:
        rows = [
            [
                names[urn],
                node.node,
                node.result,
                str(sum(node.bad.values())),
                str(node.repaired),
            ]
            for urn, nodes in bad.items()
            for node in nodes
            if node.result != "match"
        ]
        lines += tables.table(
            ["ITEM", "NODE", "FOUND", "BAD BLOCKS", "REPAIRED"],
            rows,
            whole=("ITEM",),
        )
    damaged = [
        urn
        for urn, nodes in bad.items()
        if any(node.result not in ("match", "unreachable") for node in nodes)
    ]
    away = [
        urn for urn, nodes in bad.items() if any(node.result == "unreachable" for node in nodes)
    ]
    lines.append(
        f"{counted(len(found), 'item')} read again: {len(damaged)} with damage, {len(away)} not at "
        "all of their nodes"
    )
    if not found:
        lines.append("nothing was read: no IPFS node keeps an item yet")
    if elsewhere:
        lines.append(
            f"not read: {counted(elsewhere, 'item')} that no IPFS node keeps; "
            f"{runnable('custody doctor --deep')} reads what lies here"
        )
    unwalked = sum(node.unread for nodes in found.values() for node in nodes)
    if unwalked:
        lines.append(
            f"not read: what lies below {counted(unwalked, 'damaged block')}, which name it and of "
            "which no good copy was found"
        )
    if unrepaired(found):
        lines.append(
            "what to do: bring back an IPFS node or a backup that has a good copy, then run "
            "this "
            "again"
        )
    if away:
        lines.append(
            "what to do: start the IPFS nodes that do not answer, then run this again; nothing "
            "says that they lost anything"
        )
    return lines
