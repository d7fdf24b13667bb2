"""custody show"""

from __future__ import annotations

import textwrap
from typing import Any, Final

import typer

from cli import output, words
from cli.state import Basis, Evidence, Json

_HELP = """Show an item. Without --basis only what the node keeps in clear; with it the whole record, after your access is signed.

\b
Example:
  custody --home ~/evidence show 3f0c1d2e-... --basis "case 2026-117, hearing"
"""
_MARGIN: Final = " " * 12


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


def _replica(one: dict[str, Any]) -> str:
    good = f", last good {one['proof'][:16].replace('T', ' ')}" if one["proof"] else ""
    return f"{one['node']}: {words.REPLICAS[one['state']]}{good}" + (f" ({one['problem']})" if one["problem"] else "")


def _text(item: dict[str, Any], events: list[dict[str, Any]], documents: dict[int, Any]) -> str:
    lines = [
        f"item     {item['evidence']}",
        f"held by  {item['custodian']}" + (" (closed)" if item["closed"] else ""),
        f"content  {item['cid'] or 'none'}",
        f"state    {words.STATES[item['state']]}",
        *(f"kept at  {_replica(one)}" for one in item["replicas"]),
        "",
    ]
    day = ""
    for event in events:
        date, _, clock = event["time"].removesuffix("Z").partition("T")
        if date != day:
            lines += [date, ""] if not day else ["", date, ""]
            day = date
        lines += _entry(clock, event, documents.get(event["seq"]))
    lines += ["", "times are UTC"]
    if not documents:
        lines.append('What happened stays sealed. To read it, say why: --basis "..."')
    return "\n".join(lines)


def _entry(clock: str, event: dict[str, Any], document: dict[str, Any] | None) -> list[str]:
    """One event of the timeline: what in plain words, by whom, what it says, and how far it is proven."""
    what = words.EVENTS.get(document["type"], document["type"]) if document else words.EFFECTS.get(event["effect"], event["effect"])
    who = f"{document['actor']['role']} of {event['agency']}" if document else event["agency"]
    lines = [f"  {clock}  {what:<24} {who}"]
    proven = f"on the chain by {event['provenTime']}" if event["provenTime"] else words.STATES[event["state"]]
    for text in [*(_describe(document) if document else []), proven]:
        lines += textwrap.wrap(text, 78, initial_indent=_MARGIN, subsequent_indent=_MARGIN + "  ", break_on_hyphens=False)
    return lines


def _describe(document: dict[str, Any]) -> list[str]:
    body = document["body"]
    lines = [f"{one['scheme']}: {one['value']}" for one in document.get("identifiers", [])]
    if "basis" in document:
        lines.append(f"why: {document['basis'].get('purpose', '(withheld)')}")
    for name, word in words.MEMBERS.items():
        if name in body:
            value = f"{output.size(body[name])} ({body[name]} bytes)" if name == "size" else body[name]
            lines.append(f"{word}: {value}")
    return lines + [f"{name}: {value}" for name, value in body.get("digests", {}).items()]
