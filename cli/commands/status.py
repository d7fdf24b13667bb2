"""custody status"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command, runnable
from cli.items import short_ids
from cli.terminal import output, tables
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.domain.ports.node_answers import Chain, Ipfs, NodeStatus

#: Roles that may anchor.
_ANCHORING: Final = frozenset({"administrator", "custodian", "officer"})
_HELP = """How far the log is anchored, and in which block; the IPFS nodes, certificates that end
soon, and what to do about each problem.

\b
Example:
  custody --home ~/evidence status
"""


def status(as_json: Json = False) -> None:
    from cli.node.session import open_session
    from ledger.domain.errors import UsageError

    if STATE.offline:
        raise UsageError(
            "how far the log is, the node alone knows",
            hint="see what waits here: custody field status",
        )
    with open_session() as session:
        found = session.node.status()
        anchors = bool(session.person.certificate.roles & _ANCHORING)
    home = STATE.found
    output.result(
        found,
        f"home        {home.path}",
        f"            found by {home.by}",
        *text(found, anchors=anchors),
    )
    if found.chain is not None and found.chain.problem:
        raise typer.Exit(3)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(status)


def text(found: NodeStatus, *, anchors: bool = True) -> list[str]:
    """The status in words; entries are counted from 0, so that "final 5" means that entries 0 to 4
    are final.

    Args:
        anchors: whether a role of theirs may anchor.
    """
    newest = found.newest
    lines = [
        f"agency      {found.agency} (version {found.descriptorVersion} of its published keys)",
        f"log         {short_ids.short_digest(found.log.rpartition(':')[2])}",
        (
            f"entries     {found.integrated} in the log, {found.submitted} sent, "
            f"{found.anchored} anchored, {found.final} final"
        ),
    ]
    if found.nextDescriptorFrom:
        lines.insert(
            1,
            f"next keys   version {found.descriptorVersion + 1} is published, in force from "
            f"{found.nextDescriptorFrom}",
        )
    if waiting := found.integrated - found.final:
        lines.append(
            f"waiting     {counted(waiting, 'entry', ('is', 'are'))} not final, proven to nobody "
            f"yet: {runnable('custody anchor') if anchors else 'a custodian anchors them'}"
        )
    if newest:
        place = f"block {newest.block}, gas {newest.gas}" if newest.block else "not mined yet"
        lines.append(f"newest      {counted(newest.size, 'entry')}, {newest.state}, {place}")
    lines += _chain(found.chain) if found.chain is not None else []
    lines += time_lines(found)
    lines.append(f"stored      {output.size(found.storedBytes)} of encrypted content")
    if found.frozen:
        lines.append(f"FROZEN      {found.frozen}: run {runnable('custody doctor')}")
    for certificate in found.certificates or ():
        lines += [
            f"{_ending(certificate.message):<12}{certificate.message}",
            f"  what to do: {runnable(certificate.hint)}",
        ]
    for worker in found.workers or ():
        if worker.failures:
            lines += [
                (
                    f"FAILING     {worker.worker}, since {worker.since or 'it began'}, "
                    f"{counted(worker.failures, 'time')}: "
                    f"{worker.problem}"
                )
            ]
            lines += [f"  what to do: {runnable(worker.hint)}"] if worker.hint else []
    if found.ipfs:
        lines += _ipfs(found.ipfs)
    return lines


def time_lines(found: NodeStatus) -> list[str]:
    """Who else saw the log, and when; or that nobody did."""
    known = found.timeAuthorities or ()
    asked = any(one.distrustedFrom is None for one in known)
    lines = []
    if found.anchoredAlone:
        todo = ("stamp", "now") if asked else ("stamp", "add", "NAME", "URL", "--roots", "FILE")
        lines = [
            f"time        anchored by nobody but {found.anchoredAlone} itself",
            f"  what to do: {command(*todo)}",
        ]
    for one in known:
        if one.distrustedFrom:
            told = f"{one.name} is not trusted from {one.distrustedFrom} on"
            lines += [f"time        {told}, and not asked"]
            continue
        seen = (
            f"saw {counted(one.size, 'entry')} at {one.time}"
            if one.time
            else "has seen nothing yet"
        )
        lines.append(f"time        {one.name} {seen} ({counted(one.count, 'time stamp')})")
    return lines


def _ending(message: str) -> str:
    """What is the matter with a certificate, by what the node says of it."""
    if " ended at " in message:
        return "ENDED"
    return "NOT YET" if " is good from " in message else "ENDS SOON"


def _chain(chain: Chain) -> list[str]:
    at = "PROBLEM" if chain.problem else f"at block {chain.head}"
    lines = [f"chain       {chain.id} {at}", f"            {chain.label}"]
    if chain.problem:
        lines += [f"            {chain.problem}", f"  what to do: {runnable(chain.hint)}"]
    return [*lines, f"registry    {chain.registry}", f"ledger      {chain.ledger}"]


def _ipfs(ipfs: Ipfs) -> list[str]:
    proof = output.moment(ipfs.oldest_proof) if ipfs.oldest_proof else "none yet"
    lines = [
        "",
        (
            f"ipfs        items shall lie at {counted(ipfs.copies, 'node')}; "
            f"{counted(ipfs.wanting, 'item', ('lacks', 'lack'))} a copy; oldest proof {proof}"
        ),
    ]
    rows = []
    problems = [(ipfs.problem, ipfs.hint)] if ipfs.problem else []
    for node in ipfs.nodes:
        status = node.status
        said = (
            [status.version, str(status.peers), output.size(status.size)]
            if status
            else ["-", "-", "-"]
        )
        name = node.name + (" (outside)" if node.outside else "")
        rows.append(
            [
                name,
                "ok" if status and not node.problem else "PROBLEM",
                *said,
                *(str(count) for count in (node.pinned, node.waiting, node.damaged)),
            ]
        )
        if node.problem:
            problems.append((f"{node.name}: {node.problem}", node.hint))
    lines += tables.table(
        ["NODE", "STATE", "KUBO", "PEERS", "SIZE", "PINNED", "WAITING", "DAMAGED"], rows
    )
    lines += [
        f"FORGOTTEN   IPFS node {one.name}: it may keep {counted(one.items, 'item')}"
        for one in ipfs.forgotten
    ]
    for problem, hint in problems:
        lines += [problem, f"  what to do: {runnable(hint)}"]
    return lines
