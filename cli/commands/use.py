"""custody use"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command
from cli.terminal import output
from cli.wording import record_options
from ledger.domain.errors import UsageError

_HELP = """Work on a case in this folder, and in those below it: what is recorded here without
--case is recorded for it, and A1 means its exhibit A1. Each command says which case it took. It is
kept in your home, sealed. Without a case: which one it is.

\b
Example:
  custody use 2026-117
  custody use --none
"""


def use(
    case: Annotated[str, typer.Argument(metavar="[CASE]", help="Its number.")] = "",
    none: Annotated[bool, typer.Option("--none", help="No case in this folder any more.")] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import unlock
    from ledger.app.used_cases import UsedCases

    if case and none:
        raise UsageError("--none names no case", hint="give a case, or --none")
    record_options.require_numbers(case, "")
    folder, cases = Path.cwd(), UsedCases(STATE.home, unlock().keyring())
    if case or none:
        cases.use(folder, case.strip())
    found = cases.of(folder)
    told = (
        f"what is recorded in {folder} without --case is recorded for case {found}"
        if found
        else f"no case is worked on in {folder}; choose one: {command('use', 'CASE')}"
    )
    output.result({"folder": str(folder), "case": found}, told)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(use)
