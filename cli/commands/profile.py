"""custody profile: jurisdiction profiles."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.invocation.global_options import Json
from cli.terminal import output, tables

_HELP = """Jurisdiction profiles: what a country's rules ask of records, as data. A home follows the
one chosen with init.

\b
Example:
  custody profile list
  custody profile show nl > my-agency.toml
"""
_LIST = """List the profiles that ship with the program.

\b
Example:
  custody profile list
"""
_SHOW = """Print a profile; a file of one's own is checked on the way.

\b
Example:
  custody profile show nl > my-agency.toml
"""


def list_(as_json: Json = False) -> None:
    from ledger.adapters import profiles

    found = [profiles.load(code) for code in profiles.shipped()]
    rows = [
        [
            one.code,
            one.name,
            ", ".join(one.languages),
            str(len(one.required)),
            str(len(one.retention)),
        ]
        for one in found
    ]
    value = [
        {"code": one.code, "name": one.name, "languages": list(one.languages)} for one in found
    ]
    output.result(
        {"profiles": value},
        *tables.table(["CODE", "NAME", "LANGUAGES", "KINDS WITH RULES", "RETENTION"], rows),
    )


def show(
    code: Annotated[
        str,
        typer.Argument(
            metavar="CODE",
            help="As custody profile list shows it, or a file that ends in .toml.",
        ),
    ],
    as_json: Json = False,
) -> None:
    from ledger.adapters import profiles

    profiles.load(code)
    text = profiles.source(code).decode()
    output.result({"code": code, "toml": text}, *text.rstrip().split("\n"))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="profile")

    group.command("list", help=_LIST)(list_)

    group.command(help=_SHOW)(show)
