"""custody show"""

from __future__ import annotations

from typing import Any

import typer

from cli import output
from cli.state import Basis, Evidence, Json

_HELP = """Show an item. Without --basis only what the node keeps in clear; with it the whole record, after your access is signed.

Example: custody --home ~/evidence show 3f0c1d2e-... --basis "case 2026-117, review before hearing"
"""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(help=_HELP)
    def show(evidence: Evidence, basis: Basis = "", as_json: Json = False) -> None:
        from cli.session import basis as basis_member
        from cli.session import evidence_urn, open_session
        from ledger.services import retrieve

        urn = evidence_urn(evidence)
        with open_session() as session:
            details: list[dict[str, Any]] = []
            if basis:
                access = retrieve.record_access(session.node, session.person, session.clock, urn, mode="view", basis=basis_member(basis))
                details = session.node.details(urn, access)
            item = session.node.item(urn)
            events = list(session.node.events(urn))
        value = {"item": item, "events": events, "details": details or None}
        output.result(value, _text(item, events, {one["seq"]: one["document"] for one in details}))


def _text(item: dict[str, Any], events: list[dict[str, Any]], documents: dict[int, Any]) -> str:
    lines = [
        f"item       {item['evidence']}",
        f"held by    {item['custodian']}" + (" (closed)" if item["closed"] else ""),
        f"content    {item['cid'] or 'none'}",
        f"state      {item['state']}",
        "",
    ]
    for event in events:
        document = documents.get(event["seq"])
        what = document["type"] if document else event["effect"]
        proven = f", on the chain by {event['provenTime']}" if event["provenTime"] else f", {event['state']}"
        lines.append(f"{event['time']}  {what}  by {document['actor']['role'] if document else 'someone'} of {event['agency']}{proven}")
        if document:
            lines += [f"    {line}" for line in _describe(document)]
    if not documents:
        lines += ["", 'What happened stays sealed; to read it, say why: --basis "..."']
    return "\n".join(lines)


def _describe(document: dict[str, Any]) -> list[str]:
    body = document["body"]
    lines = [f"{one['scheme']}: {one['value']}" for one in document.get("identifiers", [])]
    if "basis" in document:
        lines.append(f"basis: {document['basis'].get('purpose', '(withheld)')}")
    for name in ("name", "path", "size", "mediaType", "mode", "result", "text", "target", "pointer", "old", "new", "reason", "count"):
        if name in body:
            lines.append(f"{name}: {body[name]}")
    lines += [f"{name}: {value}" for name, value in body.get("digests", {}).items()]
    return lines
