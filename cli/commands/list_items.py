"""custody list"""

from __future__ import annotations

from typing import Annotated

import typer

from cli import items as naming
from cli import labels, output, people, tables
from cli.global_options import Json
from ledger.domain.identity.person import PersonId

_HELP = """List the items that you may see; what is in them stays sealed.

\b
Example:
  custody --home ~/evidence list --case 2026-117
"""


def list_items(
    case: Annotated[str, typer.Option(help="Only items with this case number.")] = "",
    exhibit: Annotated[
        str, typer.Option(help="Only items with this exhibit number, and its parts.")
    ] = "",
    as_json: Json = False,
) -> None:
    from cli.session import open_session
    from ledger.domain.event import same_record

    with open_session() as session:
        wanted = None
        for scheme, value in (("case", case), ("exhibit", exhibit)):
            if value:
                match = set(session.node.search(scheme, value))
                if scheme == "exhibit":
                    match |= set(session.node.search(same_record.PARTS, value))
                wanted = match if wanted is None else wanted & match
        borne = session.node.numbers(case, [exhibit]) if case and exhibit else {}
        if wanted is None:
            items = list(session.node.items())
        else:
            items = [session.node.item(evidence) for evidence in sorted(wanted)]
        own = session.person.certificate.agency
        called = people.named(session, (PersonId(one.custodian, one.holder) for one in items))
    ids = naming.apart({item.evidence: item.opening for item in items})
    rows = [
        [
            ids[item.evidence],
            item.time,
            str(item.events),
            labels.holder(item, called),
            ("closed, " if item.closed else "") + labels.SHORT_STATES.get(item.state, item.state),
        ]
        for item in items
    ]
    headers = ["ITEM", "LATEST EVENT", "EVENTS", "HELD BY", "STATE"]
    short = {
        "HELD BY": tables.colleagues(own),
        "LATEST EVENT": tables.minutes,
    }
    none = ["no items that you may see" + (" have this number" if wanted is not None else "")]
    lines = tables.table(headers, rows, whole=headers, short=short) if rows else none
    for number, bearers in borne.items():
        if len(bearers.meant) > 1:
            named = ", ".join(ids.get(one, one) for one in bearers.meant)
            lines.append(f"{len(bearers.meant)} items bear the number {number}: {named}")
    output.result({"items": items}, *lines)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list", help=_HELP)(list_items)
