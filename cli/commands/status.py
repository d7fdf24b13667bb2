"""custody status"""

from __future__ import annotations

from typing import Any

import typer

from cli import output
from cli.hints import runnable
from cli.state import Json

_HELP = """How far the log is anchored, and in which block; the IPFS nodes, certificates that end
soon, and what to do about each problem.

\b
Example:
  custody --home ~/evidence status
"""

_COUNTS = ("pinned", "waiting", "damaged")


def status(as_json: Json = False) -> None:
    from cli.session import open_session

    with open_session() as session:
        found = session.node.status()
    output.result(found, *text(found))
    if found["chain"]["problem"]:
        raise typer.Exit(3)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(status)


def text(found: dict[str, Any]) -> list[str]:
    """The status in words; entries are counted from 0, so that "final 5" means that entries 0 to 4
    are final.
    """
    newest = found["newest"]
    lines = [
        f"agency      {found['agency']} (descriptor version {found['descriptorVersion']})",
        f"log         {found['log']}",
        (
            f"entries     {found['integrated']} in the log, {found['submitted']} sent, "
            f"{found['anchored']} anchored, {found['final']} final"
        ),
    ]
    if waiting := found["integrated"] - found["final"]:
        lines.append(
            f"waiting     {waiting} entries are not final yet, so nothing outside proves them: "
            f"{runnable('custody anchor')}"
        )
    if newest:
        place = (
            f"block {newest['block']}, gas {newest['gas']}" if newest["block"] else "not mined yet"
        )
        lines.append(f"newest      {newest['size']} entries, {newest['state']}, {place}")
    chain = found["chain"]
    at = "PROBLEM" if chain["problem"] else f"at block {chain['head']}"
    lines.append(f"chain       {chain['id']} {at} ({chain['label']})")
    if chain["problem"]:
        lines += [f"            {chain['problem']}", f"  what to do: {chain['hint']}"]
    lines += [
        f"contracts   registry {chain['registry']}, ledger {chain['ledger']}",
        f"stored      {output.size(found['storedBytes'])} of ciphertext",
    ]
    if found["frozen"]:
        lines.append(f"FROZEN      {found['frozen']}: run {runnable('custody doctor')}")
    for one in found["certificates"] or []:
        lines += [f"ENDS SOON   {one['message']}", f"  what to do: {runnable(one['hint'])}"]
    for one in found["workers"] or []:
        if one["failures"]:
            lines += [
                (
                    f"FAILING     {one['worker']}, since {one['since']}, {one['failures']} times: "
                    f"{one['problem']}"
                )
            ]
            lines += [f"  what to do: {one['hint']}"] if one["hint"] else []
    if found["ipfs"]:
        lines += _ipfs(found["ipfs"])
    return lines


def _ipfs(found: dict[str, Any]) -> list[str]:
    proof = output.moment(found["oldest_proof"]) if found["oldest_proof"] else "none yet"
    lines = [
        "",
        (
            f"ipfs        items shall lie at {found['copies']} nodes; {found['wanting']} lack one; "
            f"oldest proof {proof}"
        ),
    ]
    rows = []
    problems = [(found["problem"], found["hint"])] if found["problem"] else []
    for node in found["nodes"]:
        status = node["status"]
        said = (
            [status["version"], str(status["peers"]), output.size(status["size"])]
            if status
            else ["-", "-", "-"]
        )
        name = node["name"] + (" (outside)" if node["outside"] else "")
        rows.append(
            [
                name,
                "ok" if status and not node["problem"] else "PROBLEM",
                *said,
                *(str(node[one]) for one in _COUNTS),
            ]
        )
        if node["problem"]:
            problems.append((f"{node['name']}: {node['problem']}", node["hint"]))
    lines += output.table(
        ["NODE", "STATE", "KUBO", "PEERS", "SIZE", "PINNED", "WAITING", "DAMAGED"], rows
    )
    lines += [
        f"FORGOTTEN   IPFS node {one['name']}: it may keep {one['items']} items"
        for one in found["forgotten"]
    ]
    for problem, hint in problems:
        lines += [problem, f"  what to do: {runnable(hint)}"]
    return lines
