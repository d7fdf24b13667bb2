"""custody doctor"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from cli import output
from cli.state import Json

_HELP = """Derive everything in the home again: log, checkpoints against the contract, items, documents, blocks.

\b
Example:
  custody --home ~/evidence doctor --deep
"""


def register(app: typer.Typer) -> None:
    """Add the command."""

    @app.command(help=_HELP)
    def doctor(
        deep: Annotated[bool, typer.Option("--deep", help="Read and hash every block as well.")] = False, as_json: Json = False
    ) -> None:
        from cli.session import open_beside

        with open_beside() as home:
            from ledger.services.doctor import Finding, examine

            with home.node.records.read() as unit:
                log = unit.log(home.node.log_id)
            with output.progress("checking", log.size if log else 0, unit="entries") as advance:
                found: list[Any] = list(examine(home.node, deep=deep, progress=advance))
        findings = [one for one in found if isinstance(one, Finding)]
        lines = []
        for one in found:
            if isinstance(one, Finding):
                lines += [f"FAILED  {one.part}: {one.message}", f"        what to do: {one.hint}"]
            else:
                lines.append(f"ok      {one.part}: {one.detail}")
        value = {
            "clean": not findings,
            "findings": [{"part": one.part, "message": one.message, "hint": one.hint} for one in findings],
        }
        output.result(value, "\n".join(lines))
        raise typer.Exit(1 if findings else 0)
