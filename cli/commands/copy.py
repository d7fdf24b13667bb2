"""custody copy, custody copies, custody tree: what was given away, and where things came from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from cli.invocation.global_options import STATE, Evidence, Json
from cli.items import items, same_numbers, short_ids
from cli.node import clear_copies
from cli.terminal import output, tables
from cli.wording import record_options
from ledger.domain.ports.answers import documents_of

if TYPE_CHECKING:
    from ledger.domain.ports.answers import Link

_HELP = """Copies that other agencies gave us.

\b
Example:
  custody --home ~/ro copy list
  custody --home ~/ro copy take 3f0c1d2e-... --basis "request 12/2026"
"""
_TAKE = """Fetch a copy that another agency gave us, check it, and record it as an item of our own
with its source.

\b
Example:
  custody --home ~/ro copy take 3f0c1d2e-... --basis "request 12/2026"
"""
_TREE = """Show where an item came from, what came from it, and who holds copies.

\b
Example:
  custody --home ~/evidence tree 3f0c1d2e-...
"""
_KINDS = {"derived": "made from it", "copy": "copy of it", "part": "part of it"}
_LIST = """List copies that other agencies gave us and that can be taken.

\b
Example:
  custody --home ~/ro copy list
"""


def list_(as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        copies = session.node.copies()
        ids = short_ids.shorts(session, (copy.taken for copy in copies if copy.taken))
    there = short_ids.beginnings(copy.evidence for copy in copies)
    rows = [
        [
            there[copy.evidence],
            copy.giver,
            copy.until,
            ids.get(copy.taken, "not taken"),
        ]
        for copy in copies
    ]
    headers = ["ITEM THERE", "FROM", "UNTIL", "TAKEN AS"]
    none = "no copies that can be taken, as far as the nodes of other agencies answered"
    told = tables.table(headers, rows, short={"UNTIL": tables.minutes})
    output.result({"copies": copies}, *(told if rows else [none]))


def take(
    evidence: Evidence,
    basis: record_options.Purpose = "",
    basis_kind: record_options.BasisKind = "",
    authorisation: record_options.Authorisation = "",
    authority: record_options.Authority = "",
    resume: record_options.Resume = False,
    restart: record_options.Restart = False,
    as_json: Json = False,
) -> None:
    from dataclasses import asdict

    from cli.node.session import open_session
    from ledger.client.handovers import copying
    from ledger.domain.errors import NotFoundError

    said = record_options.basis_member(basis, basis_kind, authorisation, authority)
    interrupted = record_options.interruption(resume, restart)
    with open_session() as session:
        given = session.node.copies()
        if not given:
            raise NotFoundError("nobody gave us a copy", hint="see: custody copy list")
        urn = items.among(
            (copy.evidence for copy in given), evidence, "an item that we were given a copy of"
        )
        found = [copy for copy in given if copy.evidence == urn]
        with clear_copies.folder(
            STATE.home
        ) as folder:  # the file lies there in clear while it is recorded
            done = copying.take(
                session.node,
                session.person,
                session.journal,
                session.clock,
                found[-1],
                folder,
                said,
                interrupted=interrupted,
            )
        openings = session.node.recorded([], [done.evidence])
        opened = documents_of(one.opening for one in openings)
        same = same_numbers.lines(session, done.evidence, opened)
        name = short_ids.shorts(session, [done.evidence])[done.evidence]
    output.result(
        asdict(done) | {"path": None},
        f"recorded as {name}, a copy of {short_ids.beginnings([urn])[urn]} of {found[-1].giver}",
        *same,
    )


def tree(evidence: Evidence, as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        urn = items.urn_of(session, evidence)
        lineage = session.node.lineage(urn)
        family = {item for link in lineage.links for item in (link.parent, link.child)}
        ids = short_ids.shorts(session, [urn, *sorted(family)])
    lines = _branches(lineage.links, urn, ids)
    taken = short_ids.beginnings(copy.taken for copy in lineage.copies if copy.taken)
    for copy in lineage.copies:
        held = f"holds {taken[copy.taken]}" if copy.taken else f"may fetch it until {copy.until}"
        lines.append(f"copy for {copy.recipient}: {held}")
    output.result(lineage, *lines)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="copy")

    group.command("list", help=_LIST)(list_)

    group.command(help=_TAKE)(take)

    app.command(help=_TREE)(tree)


def _branches(links: Sequence[Link], urn: str, ids: dict[str, str]) -> list[str]:
    """The family as a tree from its roots, the item itself marked.

    Args:
        ids: how each is called; those that nobody may see here by how their whole ids begin.
    """
    children: dict[str, list[tuple[str, str]]] = {}
    for link in links:
        children.setdefault(link.parent, []).append((link.child, link.kind))
    below = {child for family in children.values() for child, _ in family}
    lines: list[str] = []
    shown: set[str] = set()

    def draw(item: str, kind: str, depth: int) -> None:
        mark = "  <- this one" if item == urn else ""
        again = " (see above)" if item in shown and item in children else ""
        note = f"  {_KINDS.get(kind, kind)}" if kind else ""
        lines.append("   " * depth + ("└─ " if depth else "") + ids[item] + note + again + mark)
        if item not in shown:
            shown.add(item)
            for child, what in sorted(children.get(item, [])):
                draw(child, what, depth + 1)

    for root in sorted(set(children) - below) or [urn]:
        draw(root, "", 0)
    return lines
