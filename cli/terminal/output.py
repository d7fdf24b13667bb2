"""What a person or a script sees: results on stdout, everything else on stderr.

- Everything is printed line by line, and each line is made visible-safe first
  (ledger/domain/untrusted/visible.py): whatever a name, a document, an error or another node holds,
  it cannot begin a line, move the cursor or colour the screen. Line breaks are ours alone: they
  stand between the arguments, never inside them. Nothing else in this package may print (ruff
  refuses it).
- On a terminal a line that is too long goes on under itself (cli/terminal/line_folding.py).
- A result is printed when the work is done, so what goes wrong in printing never changes what was
  recorded: an encoding without a character shows its escape, a reader who has gone (`| head -1`) is
  no failure, and for anything else `finish` says that the work was done, with an exit code of its
  own.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Self, TextIO

from cli.invocation.global_options import STATE
from cli.invocation.hints import in_short, runnable
from cli.terminal.line_folding import folded
from ledger import system
from ledger.domain.errors import (
    CustodyError,
    FormatError,
    FrozenError,
    IncompleteError,
    LockedError,
    NetworkError,
    StorageError,
    UnconfirmedError,
    UnreadableError,
    UsageError,
    VerificationError,
)
from ledger.domain.untrusted import visible as safe
from ledger.domain.untrusted.visible import visible

UNPRINTED: Final = 5  # exit code: done and recorded, but the result could not be printed
# characters of one line: nothing of ours is longer, and a flood would push all else off the screen
_LONGEST: Final = 20_000


class _Printing:
    """How printing went in this run."""

    lost: OSError | None = None
    taken = False


def result(value: Any, *lines: str) -> None:
    """Print a result: JSON for scripts, lines for people. What a node answered is printed with its
    members as they came (see ledger.domain.ports.answers).
    """
    if STATE.json:
        if STATE.former:
            own = value if isinstance(value, dict) else asdict(value)
            value = {**own, "formerNumbers": STATE.former}
        ascii_only = not is_unicode(results())
        text = json.dumps(value, indent=2, ensure_ascii=ascii_only, default=asdict)
        _print(results(), *safe.json_safe(text).split("\n"))
    else:
        show(*lines)


def show(*lines: str) -> None:
    """Print lines on stdout."""
    stream = results()
    _print(stream, *_fitting(stream, lines))


def say(*lines: str) -> None:
    """A message for the person."""
    _print(sys.stderr, *_fitting(sys.stderr, lines))


def ask(question: str) -> None:
    """A question for the person; the answer is typed behind it (cli/terminal/questions.py)."""
    *lines, last = _fitting(sys.stderr, (question,))
    _print(sys.stderr, *lines)
    _print(sys.stderr, last, end=" ")


def ring() -> None:
    """Sound the bell of a terminal: somebody looks elsewhere."""
    if is_terminal(sys.stderr):
        _print(sys.stderr, "", end="\a")


def note(text: str) -> None:
    """Say how far long work is, on stderr, if that is a terminal and output is not JSON."""
    if is_terminal(sys.stderr) and not STATE.json:
        say(text)


#: Commands whose exit code is a verdict: 1 is a contradiction that was found, and nothing else.
_JUDGING: Final = frozenset({"verify", "audit", "monitor", "fixity", "recheck", "doctor"})
#: Of these, those that record nothing.
_LOOKING: Final = frozenset({"verify", "audit", "monitor", "doctor"})
#: Commands that give content back: what could not be reached is never told like content that
#: differs.
_READING: Final = frozenset({"get", "copy", "restore"})


def take_stdout() -> None:
    """Leave stdout to content that is written through it; results go to stderr from now on."""
    _Printing.taken = True


def results() -> TextIO | None:
    """Where results go: stdout, unless content is written there."""
    return sys.stderr if _Printing.taken else sys.stdout


def is_unicode(stream: TextIO | None) -> bool:
    """Whether a stream takes every letter."""
    return (
        str(getattr(stream, "encoding", "utf-8") or "utf-8")
        .lower()
        .replace("_", "-")
        .startswith("utf")
    )


def encodable(stream: TextIO | None, text: str) -> str:
    """Text with escapes for what the stream's encoding lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person looks at a stream, or types there."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def _fitting(stream: TextIO | None, lines: tuple[str, ...]) -> Iterator[str]:
    columns = max(20, shutil.get_terminal_size((100, 24)).columns) if is_terminal(stream) else 0
    for line in lines:
        text = visible(line)
        if isinstance(line, Struck) and text == line and safe.width(text) <= columns:
            yield line.painted()
            continue
        if len(text) > _LONGEST:
            text = f"{text[:_LONGEST]} ({len(text) - _LONGEST} more characters)"
        yield from folded(text, columns) if columns else [text]


def _print(stream: TextIO | None, *lines: str, end: str = "\n") -> None:
    """Write lines; what cannot be written is kept for `finish`, where it was a result."""
    if stream is None:  # it was closed before the program began
        if sys.stderr is not None:  # so these are results
            _Printing.lost = OSError(errno.EBADF, os.strerror(errno.EBADF))
        return
    try:
        for line in lines:
            stream.write(encodable(stream, line) + end)
        stream.flush()
    except (OSError, ValueError) as error:  # a closed file is a ValueError
        if stream is sys.stdout:
            _Printing.lost = (
                error
                if isinstance(error, OSError)
                else OSError(errno.EBADF, os.strerror(errno.EBADF))
            )
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Nothing more goes there: what is still in its buffer would fail once more when the process
    ends.
    """
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
    except (OSError, ValueError):
        return


def finish(code: int) -> int:
    """The exit code of the run, given that of the work: UNPRINTED where the work was done and its
    result could not be printed.
    """
    lost, _Printing.lost, _Printing.taken = _Printing.lost, None, False
    if lost is None or lost.errno == errno.EPIPE:
        return code
    told = lost.strerror or "unknown reason"
    if STATE.command in _LOOKING:
        return tell(
            f"the verdict could not be printed: {told}",
            "nothing was recorded: run it again",
            code or UNPRINTED,
        )
    looking = (
        "custody field status" if STATE.offline else "custody list or custody show ID --basis WHY"
    )
    told = (
        "the work was done, and what it recorded is recorded; only its result could not be "
        f"printed: {told}"
    )
    return tell(told, f"do not repeat the command; look with {looking}", code or UNPRINTED)


def exit_code(error: Exception) -> int:
    """Exit code of a failure (DESIGN section 13; docs/format.md, "Exit codes")."""
    if isinstance(error, UsageError):
        return 2
    if isinstance(error, IncompleteError | UnconfirmedError):
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
    """Print an error with what to do about it.

    Args:
        code: the exit code, where the command knows a better one than ``exit_code`` gives.

    Returns:
        the exit code.
    """
    code = exit_code(error) if code is None else code
    if isinstance(error, CustodyError):
        message, hint = error.message, error.hint
    elif isinstance(error, OSError):
        message, hint = (
            f"{error.strerror or error}: {error.filename or ''}".rstrip(": "),
            "check disk and permissions",
        )
    else:
        # A defect of ours: its class and place, never values, which may be case data.
        message, hint = f"internal error {place_of(error)}", "this is a defect: please report it"
    return tell(message, hint, code)


def tell(message: str, hint: str | None, code: int) -> int:
    """Tell what went wrong and what to do about it, in the one form; returns the exit code."""
    hint = runnable(hint) if hint else hint
    if STATE.json:
        _print(
            sys.stderr,
            safe.json_safe(json.dumps({"error": {"message": message, "hint": hint, "exit": code}})),
        )
        return code
    say(f"custody: {in_short(message)}", *([f"  what to do: {hint}"] if hint else []))
    return code


def place_of(error: BaseException) -> str:
    """Class and place of a defect, without its values."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
    return f"{type(error).__name__} at {place}"


def interrupted(code: int, told: str) -> int:
    """Ctrl-C, or another request to end."""
    say(f"custody: {told}")
    return code


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
    from ledger.domain.codecs.text import format_time

    return format_time(seconds)[:16].replace("T", " ") + " UTC"


def quiet(stream: TextIO) -> TextIO:
    """stderr for a progress bar or a spinner: a terminal that has gone must not stop the work."""
    return _Quiet(stream)  # type: ignore[return-value]


class _Quiet:
    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or not."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError):
            return len(text)

    def flush(self) -> None:
        """Flush, or not."""
        try:
            self._stream.flush()
        except (OSError, ValueError):
            return


class Struck(str):
    """A line that was made safe, of which a part is struck through on a terminal that can."""

    __slots__ = ("part",)
    part: slice

    @classmethod
    def of(cls, line: str, begin: int, end: int) -> Self:
        """A line, and where in it the part begins and ends."""
        made = cls(line)
        made.part = slice(begin, end)
        return made

    def painted(self) -> str:
        """The line with what a terminal acts on."""
        begin, end = self.part.start, self.part.stop
        return f"{self[:begin]}\x1b[9m{self[begin:end]}\x1b[29m{self[end:]}"


def can_strike() -> bool:
    """Whether results go to a terminal that strikes text through."""
    known = os.environ.get("TERM", "") not in ("", "dumb") and not os.environ.get("NO_COLOR")
    return is_terminal(results()) and known and not system.WINDOWS


def wrapped(text: object, columns: int, *, indent: int, further: int = 0) -> list[str]:
    """Text as indented lines of at most so many columns, which no value can end early."""
    import textwrap

    margin = " " * indent
    return textwrap.wrap(
        visible(text),
        columns,
        initial_indent=margin,
        subsequent_indent=margin + " " * further,
        break_on_hyphens=False,
    )


@contextmanager
def progress(what: str, total: int, *, unit: str = "bytes") -> Iterator[Callable[[int], None]]:
    """A progress bar with rate and ETA on stderr; silent where stderr is no terminal or the work is
    short.
    """
    if not is_terminal(sys.stderr) or STATE.json or total < (1 << 20 if unit == "bytes" else 100):
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    class Rate(ProgressColumn):
        def render(self, task: Any) -> str:
            return f"{task.speed:,.1f} {unit}/s" if task.speed else ""

    sized = (DownloadColumn(), TransferSpeedColumn())
    columns = sized if unit == "bytes" else (MofNCompleteColumn(), Rate())
    label = TextColumn("{task.description}", markup=False)
    console = Console(file=quiet(sys.stderr))
    with Progress(
        label, BarColumn(), *columns, TimeRemainingColumn(), console=console, transient=True
    ) as bar:
        task = bar.add_task(visible(what), total=total)
        yield lambda count: bar.advance(task, count)
