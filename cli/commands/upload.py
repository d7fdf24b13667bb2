"""custody upload"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import output
from cli.state import STATE, Json

_HELP = """Hash, encrypt, store and record files and folders where they are collected.

Each file becomes an item of its own with a signed record; a folder becomes one more item that lists them. An upload that
was interrupted goes on where it was when you start it again.

\b
Example:
  custody --home ~/evidence upload phone.img --case 2026-117 --exhibit A1
"""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(help=_HELP)
    def upload(
        paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files and folders.")],
        case: Annotated[str, typer.Option(help="Case number; searchable, never in clear.")] = "",
        exhibit: Annotated[str, typer.Option(help="Exhibit number; searchable, never in clear.")] = "",
        basis: Annotated[str, typer.Option(help="Legal basis in words, part of the signed record.")] = "",
        handling: Annotated[list[str] | None, typer.Option(help="Handling code such as victim-identity; may be repeated.")] = None,
        occurred: Annotated[str, typer.Option(help="When it was collected, if not now: 2026-11-20T10:00:00Z.")] = "",
        digest: Annotated[list[str] | None, typer.Option(help="Further digests beside sha-256, such as sha-512.")] = None,
        on_duplicate: Annotated[str, typer.Option(help="record or skip content that you have recorded before.")] = "record",
        as_json: Json = False,
    ) -> None:
        from ledger.domain.encoding import parse_time
        from ledger.domain.errors import UsageError
        from ledger.services.ingest import Options, Upload, measure

        if on_duplicate not in ("record", "skip"):
            raise UsageError(f"--on-duplicate {on_duplicate}", hint="expected record or skip")
        members: dict[str, Any] = {}
        identifiers = [{"scheme": scheme, "value": value} for scheme, value in (("case", case), ("exhibit", exhibit)) if value]
        if identifiers:
            members["identifiers"] = identifiers
        if basis.strip():
            members["basis"] = {"purpose": basis.strip()}
        if handling:
            members["handling"] = handling
        if occurred:
            parse_time(occurred, what="--occurred")
            members["occurred"] = {"from": occurred}
        options = Options(members, tuple(digest or ()), on_duplicate == "skip")
        _run(paths, options, Upload, measure)


def _run(paths: list[Path], options: Any, upload_class: Any, measure: Any) -> None:
    from dataclasses import asdict

    from cli.session import open_session

    _, total = measure([path for path in paths if path.exists()])
    done = []
    with open_session() as session, output.progress("uploading", total) as advance:
        run = upload_class(session.person, session.node, session.journal, session.clock, options, advance)
        for item in run.run(paths):
            done.append(item)
            if not STATE.json and len(done) == 20:
                output.say("(more than 20 items: the rest is counted, not listed)")
        status = session.node.status(chain=False, ipfs=False)
    rows = [[item.evidence.removeprefix("urn:uuid:"), output.size(item.size), _outcome(item), item.path] for item in done[:20]]
    text = output.table(["ITEM", "SIZE", "RECORDED", "PATH"], rows)
    recorded = sum(item.index is not None for item in done)
    for item in done[:20]:
        if item.duplicates:
            text += f"\nsame content as {item.duplicates[0]}: {item.path}"
    waiting = status["integrated"] - status["final"]
    text += (
        f"\n{recorded} items recorded, {output.size(sum(item.size for item in done))}. "
        f"Signed and in the log; not yet anchored ({waiting} entries wait)."
        f"\nAnchor now: custody --home {STATE.home} anchor   See how far it is: custody --home {STATE.home} status"
    )
    output.result({"items": [asdict(item) for item in done], "recorded": recorded, "waiting": waiting}, text)


def _outcome(item: Any) -> str:
    if item.index is None:
        return "skipped"
    return f"entry {item.index}" + (", resumed" if item.resumed else "")
