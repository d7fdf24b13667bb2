"""custody doctor"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.invocation.global_options import Json
from cli.invocation.hints import command, runnable
from cli.terminal import output, part_progress
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.services.audit.self_check_findings import Result

_HELP = """Derive everything in the home again: log, checkpoints against the contract, items,
documents, blocks. Who signed, and whether they might, is judged by `custody audit`.

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
    from cli.node.session import open_beside

    with open_beside() as home:
        from ledger.services.audit.self_check import examine
        from ledger.services.audit.self_check_findings import (
            EntriesWaiting,
            SelfCheckFinding,
            SelfCheckWarning,
            verdict,
        )

        with ExitStack() as parts:
            progress = part_progress.one_at_a_time(parts)
            found: list[Any] = list(examine(home.node, deep=deep, progress=progress))
    findings = [one for one in found if isinstance(one, SelfCheckFinding)]
    waiting = sum(one.count for one in found if isinstance(one, EntriesWaiting))
    judged = verdict(found)
    value = {
        "clean": not findings,
        "verdict": judged.value,
        "waiting": waiting,
        "findings": [
            {
                "part": finding.part,
                "message": finding.message,
                "hint": runnable(finding.hint),
                "verdict": finding.verdict.value,
            }
            for finding in findings
        ],
        "warnings": [
            {"part": one.part, "message": one.message, "hint": runnable(one.hint)}
            for one in found
            if isinstance(one, SelfCheckWarning)
        ],
    }
    output.result(
        value,
        *(line for one in found for line in lines(one)),
        f"verdict: {judged.value}",
        # So that nobody takes the verdict for that of an audit.
        "not judged: whether whoever signed was certified, not revoked, and had the right",
        f"to; for that: {command('audit')}",
    )
    raise typer.Exit(judged.exit_code)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(doctor)


def lines(result: Result) -> list[str]:
    """One result of an examination, for a person."""
    from ledger.services.audit.self_check_findings import (
        EntriesWaiting,
        SelfCheckFinding,
        SelfCheckWarning,
    )

    if isinstance(result, SelfCheckWarning):
        return [
            f"warning {result.part}: {result.message}",
            f"        what to do: {runnable(result.hint)}",
        ]
    if isinstance(result, SelfCheckFinding):
        return [
            f"{_MARKS[result.verdict.value]} {result.part}: {result.message}",
            f"        what to do: {runnable(result.hint)}",
        ]
    if isinstance(result, EntriesWaiting):
        return [
            (
                f"waiting checkpoints: {result.count} of {counted(result.total, 'entry')} to be "
                "anchored still; nothing outside this home vouches for them yet"
            ),
            f"        what to do: {runnable('custody anchor')}",
        ]
    return [
        f"ok      {result.part}: {result.detail}"
        if result.count
        else f"nothing {result.part}: nothing to check"
    ]
