"""What a person or a script sees: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer

from cli.hints import runnable
from cli.state import STATE
from ledger.domain.errors import (
    CustodyError,
    FormatError,
    FrozenError,
    IncompleteError,
    LockedError,
    NetworkError,
    StorageError,
    UnreadableError,
    UsageError,
    VerificationError,
)


def result(value: Any, text: str) -> None:
    """Print a result: JSON for scripts, text for people; what is no Unicode (in names of files) as escapes."""
    shown = json.dumps(value, indent=2, ensure_ascii=False) if STATE.json else text
    print(shown.encode("utf-8", "backslashreplace").decode())


def say(text: str) -> None:
    """A message for the person."""
    typer.echo(text.encode("utf-8", "backslashreplace").decode(), err=True)


def note(text: str) -> None:
    """How far long work is, for the person at a terminal; nothing where nobody looks."""
    if sys.stderr.isatty() and not STATE.json:
        say(text)


#: Commands whose exit code is a verdict: 1 is a contradiction that was found, and nothing else.
_JUDGING: Final = frozenset({"verify", "audit", "monitor", "fixity", "recheck", "doctor"})
#: Commands that give content back: what could not be reached is never told like content that differs.
_READING: Final = frozenset({"get", "copy", "restore"})


def exit_code(error: Exception) -> int:
    """Exit code of a failure (DESIGN section 13; docs/format.md, "Exit codes")."""
    if isinstance(error, UsageError):
        return 2
    if isinstance(error, IncompleteError):
        return 3
    if isinstance(error, UnreadableError):
        return 4
    if STATE.command in _JUDGING:
        if isinstance(error, VerificationError | FrozenError):
            return 1
        # A defect of ours and a failing disk refute nothing either.
        read = isinstance(error, CustodyError) and not isinstance(error, StorageError | FormatError)
        return 3 if read or isinstance(error, LockedError) else 4
    return 3 if STATE.command in _READING and isinstance(error, NetworkError | LockedError) else 1


def failure(error: Exception, code: int | None = None) -> int:
    """Tell a failure; returns its exit code, which a command may know better."""
    code = exit_code(error) if code is None else code
    if isinstance(error, CustodyError):
        message, hint = error.message, error.hint
    elif isinstance(error, OSError):
        message, hint = f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), "check disk and permissions"
    else:
        # A defect of ours: its class and place, never values, which may be case data.
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
        message, hint = f"internal error {type(error).__name__} at {place}", "this is a defect: please report it"
    hint = runnable(hint) if hint else hint
    if STATE.json:
        print(json.dumps({"error": {"message": message, "hint": hint, "exit": code}}), file=sys.stderr)
        return code
    say(f"custody: {message}")
    if hint:
        say(f"  what to do: {hint}")
    return code


def interrupted() -> int:
    """Ctrl-C."""
    say("custody: stopped; nothing half-written is left, and an upload goes on where it was when started again")
    return 130


def size(count: int) -> str:
    """Bytes in binary units."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024 or unit == "GiB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{count} B"


def moment(seconds: int) -> str:
    """A time in UTC, to the minute."""
    from ledger.domain.encoding import format_time

    return format_time(seconds)[:16].replace("T", " ") + " UTC"


def table(headers: list[str], rows: list[list[str]], *, whole: Collection[str] = ()) -> str:
    """A table that fits the terminal: columns shrink from the widest, with an ellipsis.

    Args:
        whole: headers of columns that are never cut: a name without its end could be somebody else's, and no command takes it.
    """
    import shutil

    width = shutil.get_terminal_size((100, 24)).columns
    widths = [max(len(row[column]) for row in [headers, *rows]) for column in range(len(headers))]
    elastic = [column for column, header in enumerate(headers) if header not in whole]
    while sum(widths) + 2 * (len(widths) - 1) > width and max((widths[column] for column in elastic), default=0) > 8:
        widths[max(elastic, key=lambda column: widths[column])] -= 1

    def line(cells: list[str]) -> str:
        cut = [cell if len(cell) <= wide else cell[: wide - 1] + "…" for cell, wide in zip(cells, widths, strict=True)]
        return "  ".join(cell.ljust(wide) for cell, wide in zip(cut, widths, strict=True)).rstrip()

    return "\n".join([line(headers), *(line(row) for row in rows)])


@contextmanager
def progress(what: str, total: int, *, unit: str = "bytes") -> Iterator[Callable[[int], None]]:
    """A progress bar with rate and ETA on stderr; silent where stderr is no terminal or the work is short."""
    if not sys.stderr.isatty() or STATE.json or total < (1 << 20 if unit == "bytes" else 100):
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (DownloadColumn(), TransferSpeedColumn()) if unit == "bytes" else (MofNCompleteColumn(),)
    with Progress(TextColumn(what), BarColumn(), *columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
