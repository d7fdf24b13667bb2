"""custody upload"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import members, output
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
        late: members.Late = "",
        basis_kind: members.BasisKind = "",
        authorisation: members.Authorisation = "",
        authority: members.Authority = "",
        source: Annotated[str, typer.Option("--from", help="Item that it was taken from, such as a seized phone.")] = "",
        method: Annotated[str, typer.Option(help="How it was taken: physical, logical, file-system, cloud ...")] = "",
        tool: Annotated[str, typer.Option(help="Tool that it was taken with.")] = "",
        tool_version: Annotated[str, typer.Option(help="Version of that tool.")] = "",
        place: Annotated[str, typer.Option(help="Where it was taken.")] = "",
        clock_shown: Annotated[str, typer.Option(help="Time that the device showed.")] = "",
        clock_reference: Annotated[str, typer.Option(help="True time at that moment: 2026-11-20T10:00:00Z.")] = "",
        digest: Annotated[list[str] | None, typer.Option(help="Further digests beside sha-256, such as sha-512.")] = None,
        on_duplicate: Annotated[str, typer.Option(help="record or skip content that you have recorded before.")] = "record",
        as_json: Json = False,
    ) -> None:
        from cli.session import evidence_urn
        from ledger.domain.errors import UsageError
        from ledger.services.ingest import Options

        if on_duplicate not in ("record", "skip"):
            raise UsageError(f"--on-duplicate {on_duplicate}", hint="expected record or skip")
        said = members.identifier_members(case, exhibit) | members.basis_member(basis, basis_kind, authorisation, authority)
        said |= members.moment_members(occurred, late) | ({"handling": handling} if handling else {})
        if bool(clock_shown) != bool(clock_reference):
            raise UsageError("the clock of a device takes both --clock-shown and --clock-reference")
        if clock_reference:
            members.past_time(clock_reference, "--clock-reference")
        body: dict[str, Any] = {
            **({"partOf": evidence_urn(source)} if source else {}),
            **({"method": method} if method else {}),
            **({"tool": {"name": tool, **({"version": tool_version} if tool_version else {})}} if tool else {}),
            **({"place": place} if place else {}),
            **({"deviceClock": {"shown": clock_shown, "reference": clock_reference}} if clock_shown else {}),
        }
        options = Options(said, tuple(digest or ()), on_duplicate == "skip", body)
        upload_paths(paths, options)


def upload_paths(paths: list[Path], options: Any) -> None:
    """Upload files and folders, and tell what became of them."""
    from dataclasses import asdict

    from cli.session import open_session
    from ledger.services.ingest import Upload, measure

    _, total = measure([path for path in paths if path.exists()])
    done = []
    with open_session() as session, output.progress("uploading", total) as advance:
        run = Upload(session.person, session.node, session.journal, session.clock, options, advance)
        for item in run.run(paths):
            done.append(item)
            if not STATE.json and len(done) == 20:
                output.say("(more than 20 items: the rest is counted, not listed)")
        status = session.node.status(chain=False, ipfs=False)
    rows = [[item.evidence.removeprefix("urn:uuid:"), output.size(item.size), _outcome(item), item.path] for item in done[:20]]
    lines = output.table(["ITEM", "SIZE", "RECORDED", "PATH"], rows)
    recorded = sum(item.index is not None for item in done)
    lines += [f"same content as {item.duplicates[0]}: {item.path}" for item in done[:20] if item.duplicates]
    waiting = status["integrated"] - status["final"]
    first, *rest = _next(waiting)
    lines += [f"{recorded} items recorded, {output.size(sum(item.size for item in done))}. {first}", *rest]
    output.result({"items": [asdict(item) for item in done], "recorded": recorded, "waiting": waiting}, *lines)


def _next(waiting: int) -> list[str]:
    if STATE.offline:
        return [f"Signed here; {waiting} statements wait for a network.", f"Send them then: custody --home {STATE.home} field send"]
    return [
        f"Signed and in the log; not yet anchored ({waiting} entries wait).",
        f"Anchor now: custody --home {STATE.home} anchor   See how far it is: custody --home {STATE.home} status",
    ]


def _outcome(item: Any) -> str:
    if item.index is None:
        return "skipped"
    place = "waits as no." if STATE.offline else "entry"
    return f"{place} {item.index}" + (", resumed" if item.resumed else "")
