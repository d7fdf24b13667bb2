"""custody seize: a thing, not a file."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli.invocation.global_options import Json
from cli.items import exhibits, named_cases, short_ids
from cli.terminal import output
from cli.wording import labels, record_options

_HELP = """Record a thing that was seized: a phone, a disk, a notebook. Files taken from it are
uploaded with --from.

\b
Example:
  custody --home ~/evidence seize "phone, black" --make Fairphone --model 5 \\
    --imei 490154203237518 --seal S-1 --case 2026-117 --exhibit A1
"""


def seize(
    description: Annotated[
        str, typer.Argument(metavar="DESCRIPTION", help="What it is, in words.")
    ],
    case: record_options.Case = "",
    exhibit: record_options.Exhibit = "",
    make: Annotated[str, typer.Option(help="Make.")] = "",
    model: Annotated[str, typer.Option(help="Model.")] = "",
    serial: Annotated[str, typer.Option(help="Serial number.")] = "",
    imei: Annotated[list[str] | None, typer.Option(help="IMEI; may be repeated.")] = None,
    state: Annotated[
        str, typer.Option(help="State in which it was found: on, locked, damaged ...")
    ] = "",
    packaging: Annotated[str, typer.Option(help="How it is packed.")] = "",
    seal: Annotated[
        list[str] | None, typer.Option(help="Number of a seal; may be repeated.")
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option(help="Name of a witness; may be repeated.")
    ] = None,
    place: Annotated[str, typer.Option(help="Where it was found.")] = "",
    collector: Annotated[str, typer.Option(help="Who took it, where that is somebody else.")] = "",
    part_of: exhibits.PartOf = "",
    replaces: exhibits.Replaces = "",
    handling: record_options.Handling = None,
    basis: record_options.Purpose = "",
    basis_kind: record_options.BasisKind = "",
    authorisation: record_options.Authorisation = "",
    authority: record_options.Authority = "",
    occurred: record_options.Occurred = "",
    late: record_options.Late = "",
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.client import physical_items
    from ledger.domain.codecs.text import format_time

    texts = {"make": make, "model": model, "serial": serial}
    device: dict[str, Any] = {name: value for name, value in texts.items() if value} | (
        {"imei": imei} if imei else {}
    )
    plain = {"stateFound": state, "packaging": packaging, "place": place}
    body: dict[str, Any] = {
        "description": description,
        **({"device": device} if device else {}),
        **{name: value for name, value in plain.items() if value},
        **({"seals": [{"number": one} for one in seal]} if seal else {}),
        **({"witnesses": [{"name": name} for name in witness]} if witness else {}),
        **({"collector": {"name": collector}} if collector else {}),
    }
    said = record_options.basis_member(basis, basis_kind, authorisation, authority)
    said |= record_options.handling_member(handling)
    with open_session() as session:
        belongs, numbers = exhibits.of_thing(session, case, exhibit, part_of, replaces)
        body |= belongs
        said |= numbers
        closed = named_cases.closed(session, numbers.get("identifiers", []))
        moment = record_options.moment_members(occurred or format_time(session.clock.now()), late)
        answer = physical_items.collect(
            session.node, session.person, session.clock, body, said | moment
        )
    short = short_ids.short_digest(answer.statement)
    lines = [labels.recorded(answer, f"recorded as {short},")]
    if answer.state == "queued":  # no number finds it there: who looks those up is the node
        lines.append(f"named without network by its id: {short}")
    output.result(answer, *lines, *closed)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(seize)
