"""custody doctor"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import output
from cli.global_options import Json
from cli.hints import runnable
from cli.labels import counted

if TYPE_CHECKING:
    from ledger.services.audit.self_check_findings import Result

_HELP = """Derive everything in the home again: log, checkpoints against the contract, items,
documents, blocks.

\b
Example:
  custody --home ~/evidence doctor --deep
"""
_MARKS = {"failed": "FAILED ", "unreadable": "UNREADABLE", "incomplete": "not checked"}


def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Read and hash every block as well.")
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.session import open_beside

    with open_beside() as home:
        from ledger.services.audit.self_check import examine
        from ledger.services.audit.self_check_findings import (
            EntriesWaiting,
            SelfCheckFinding,
            SelfCheckWarning,
            verdict,
        )

        with home.node.records.read() as unit:
            log = unit.logs.get(home.node.log_id)
        with output.progress("checking", log.size if log else 0, unit="entries") as advance:
            found: list[Any] = list(examine(home.node, deep=deep, progress=advance))
    findings = [one for one in found if isinstance(one, SelfCheckFinding)]
    waiting = sum(one.count for one in found if isinstance(one, EntriesWaiting))
    judged = verdict(found)
    value = {
        "clean": not findings,
        "verdict": judged.value,
        "waiting": waiting,
        "findings": [
            {
                "part": one.part,
                "message": one.message,
                "hint": runnable(one.hint),
                "verdict": one.verdict.value,
            }
            for one in findings
        ],
        "warnings": [
            {"part": one.part, "message": one.message, "hint": runnable(one.hint)}
            for one in found
            if isinstance(one, SelfCheckWarning)
        ],
    }
    output.result(
        value, *(line for one in found for line in lines(one)), f"verdict: {judged.value}"
    )
    raise typer.Exit(judged.exit_code)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(doctor)


def lines(one: Result) -> list[str]:
    """One result of an examination, for a person."""
    from ledger.services.audit.self_check_findings import (
        EntriesWaiting,
        SelfCheckFinding,
        SelfCheckWarning,
    )

    if isinstance(one, SelfCheckWarning):
        return [
            f"warning {one.part}: {one.message}",
            f"        what to do: {runnable(one.hint)}",
        ]
    if isinstance(one, SelfCheckFinding):
        return [
            f"{_MARKS[one.verdict.value]} {one.part}: {one.message}",
            f"        what to do: {runnable(one.hint)}",
        ]
    if isinstance(one, EntriesWaiting):
        return [
            (
                f"waiting checkpoints: {one.count} of {counted(one.total, 'entry')} to be anchored "
                "still; nothing outside this home vouches for them yet"
            ),
            f"        what to do: {runnable('custody anchor')}",
        ]
    return [
        f"ok      {one.part}: {one.detail}"
        if one.count
        else f"nothing {one.part}: nothing to check"
    ]
