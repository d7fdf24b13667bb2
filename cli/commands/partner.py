"""custody partner: other agencies that this node works with."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.invocation.global_options import Json
from cli.terminal import output, tables

_HELP = """Other agencies that share the chain with us.

\b
Example:
  custody --home ~/node partner add https://custody.police.example
  custody --home ~/node partner list
"""
_ADD = """Get to know another agency, as an administrator: its node's keys are compared with what
the registry on chain says.

\b
Example:
  custody --home ~/node partner add https://custody.police.example
"""
_LIST = """List the agencies known here, and whether the registry has them active.

\b
Example:
  custody --home ~/node partner list
"""


def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of their node.")],
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        found = session.node.add_partner(url.rstrip("/"))
    output.result(
        found,
        (f"{found.agency} is known now, at {found.url}; its keys are those of the registry."),
    )


def list_(as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        partners = session.node.partners()
    rows = [
        [
            partner.agency,
            partner.url,
            *(("active", partner.checked) if partner.active else ("NOT ACTIVE", "-")),
        ]
        for partner in partners
    ]
    output.result(
        {"partners": partners},
        *tables.table(["AGENCY", "ADDRESS", "IN THE REGISTRY", "KEYS LOOKED AT"], rows),
    )


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="partner")

    group.command(help=_ADD)(add)

    group.command("list", help=_LIST)(list_)
