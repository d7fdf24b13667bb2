"""Lines that a barcode scanner types, each with Enter behind it, answered one by one.

- an empty line ends them, as does the end of the input: a person presses Enter, a script closes the
  pipe
- what is wrong with one is told at once, with the terminal's bell, since whoever scans looks at the
  thing and not at the screen; the others go on
- what would be wrong with all of them ends the command, which tells what was done until then
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

import typer

from cli.invocation.global_options import STATE
from cli.invocation.hints import runnable
from cli.items import selection
from cli.terminal import output, questions
from ledger.domain.codecs.text import counted
from ledger.domain.errors import CustodyError, UsageError

#: What speaks against one scan, and not against the others.
_OF_ONE: Final = (*selection.OF_ONE, UsageError)
_LONGEST: Final = 512
#: What scanners put around a line: spaces, and control characters that mark its beginning and end.
_AROUND: Final = "".join(map(chr, range(33))) + "\x7f"


class KnownError(CustodyError):
    """It was done already: nothing is to be done, and nothing is missing."""


@dataclass
class Scans:
    """What became of each scan, in their order."""

    done: list[dict[str, Any]] = field(default_factory=list)
    refused: list[dict[str, str | None]] = field(default_factory=list)
    known: list[dict[str, str | None]] = field(default_factory=list)
    stopped: CustodyError | None = None


def each(act: Callable[[str], tuple[dict[str, Any], str]]) -> Scans:
    """Do something for each line that comes, and answer it.

    Args:
        act: returns what was done, for scripts, and the answer.

    Raises:
        CustodyError: what ends the command struck before anything was done.
    """
    scans = Scans()
    for text in _lines():
        try:
            value, answer = act(text)
        except (*_OF_ONE, KnownError) as error:
            among = scans.known if isinstance(error, KnownError) else scans.refused
            among.append({"scanned": text, "message": error.message, "hint": error.hint})
            _refuse(text, error)
        except CustodyError as error:
            if not scans.done:
                raise
            scans.stopped = error
            break
        else:
            scans.done.append(value)
            if not STATE.json:
                output.show(answer)
    return scans


def tell(scans: Scans, what: str, more: dict[str, Any]) -> None:
    """Print what became of all of them, and end with 3 where some were refused.

    Args:
        what: was done with those that were not. more: members for scripts.
    """
    if not (scans.done or scans.refused or scans.known or scans.stopped):
        raise UsageError(
            "nothing was scanned, so nothing was recorded",
            hint="scan the label of an item, or type its number, one a line",
        )
    value = {**more, "items": scans.done, "refused": scans.refused, "known": scans.known}
    names = [f"  {one['scanned']}: {one['message']}" for one in scans.refused]
    output.result(
        value,
        f"{counted(len(scans.done), 'item')} {what}",
        *([f"NOT recorded: {counted(len(scans.refused), 'scan')}"] if names else []),
        *names,
    )
    if scans.stopped is not None:
        raise typer.Exit(output.failure(scans.stopped, output.exit_code(scans.stopped)))
    if scans.refused:
        raise typer.Exit(selection.INCOMPLETE if scans.done else 1)


def _lines() -> Iterator[str]:
    """What was scanned, without what stands around it, until an empty line."""
    stream = sys.stdin
    if stream is None:
        return
    with suppress(AttributeError, OSError, ValueError):  # no stream of a system; read from already
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    while line := _typed(stream):
        text = line.strip(_AROUND)
        while line and not line.endswith("\n"):  # of a line that is too long, the rest
            line = stream.readline(_LONGEST)
        if not text:
            return
        yield text


def _typed(stream: TextIO) -> str:
    """What is scanned next; empty at the end."""
    if questions.can_ask():
        output.ask("scan an item (an empty line ends):")
    return stream.readline(_LONGEST)


def _refuse(text: str, error: CustodyError) -> None:
    """Tell that nothing was recorded, so that it is heard."""
    output.ring()
    if not STATE.json:
        hint = [f"  what to do: {runnable(error.hint)}"] if error.hint else []
        output.say(f"NOT recorded: {text[:80]}: {error.message}", *hint)
