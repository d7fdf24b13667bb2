"""Somebody at a terminal of their own: commands are typed, questions are answered, and what the
screen shows in the end is kept.
"""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from ledger.domain.errors import ChainError

_LONGEST: Final = 300.0  # seconds of one command
_QUIET: Final = 0.4  # seconds in which nothing is shown: whatever stands there is a question
#: Of the screen: what a person has who never changed it.
COLUMNS: Final = 80
ROWS: Final = 24
#: What a screen does: control sequences, ends of lines, a cursor that goes back; else it shows.
_ACTS: Final = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|[\r\n\b]|[^\x1b\r\n\b]+|.", re.DOTALL)
_QUESTION: Final = re.compile(r"[:?\]] $")


def displayed(written: str) -> str:
    """What a terminal shows of what was written to it: lines that were written over, such as a bar
    of progress, hold what came last, and what was erased is gone.
    """
    lines, row, column = [""], 0, 0
    for act in _ACTS.finditer(written):
        text, ending = act[0], act[2]
        if ending == "K":
            lines[row] = "" if act[1] == "2" else lines[row][:column]
        elif ending == "A":
            row = max(row - int(act[1] or 1), 0)
        elif text == "\n":
            row += 1
            lines += [""] * (row == len(lines))
        elif text == "\r":
            column = 0
        elif text == "\b":
            column = max(column - 1, 0)
        elif ending is None and text != "\x1b":
            lines[row] = (
                f"{lines[row]:<{column}}"[:column] + text + lines[row][column + len(text) :]
            )
            column += len(text)
    return "\n".join(line.rstrip() for line in lines).strip("\n")


@dataclass(frozen=True)
class Typed:
    """A command that was typed: its line, how it ended, what was shown, and the seconds it took."""

    line: str
    code: int
    shown: str
    seconds: float


class Process(Protocol):
    """The process of a command."""

    @property
    def pid(self) -> int:
        """Its number."""

    def wait(self) -> int:
        """Wait for its end; its exit code, negative where a signal ended it."""


@dataclass(frozen=True)
class _Child:
    pid: int

    def wait(self) -> int:
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Window:
    """A command at work in a window of its own.

    Attributes:
        line: the command as it was typed.
    """

    def __init__(self, line: str, process: Process, screen: int, answers: dict[str, str]) -> None:
        self.line = line
        self._process, self._screen = process, screen
        self._answers = answers
        self._raw, self._answered = b"", 0
        self._begun = time.monotonic()

    @property
    def shown(self) -> str:
        """What was on the screen, with what left it at the top."""
        return displayed(self._raw.decode(errors="replace"))

    def wait_for(self, text: str) -> Typed:
        """Answer what is asked until the command shows a text; it goes on after it.

        Raises:
            ChainError: it ended before, asked something unknown, or took too long.
        """
        while text not in self.shown:
            if not self._go_on():
                raise ChainError(f"{self.line} ended without {text!r}: {self.shown}")
        return Typed(self.line, 0, self.shown, time.monotonic() - self._begun)

    def wait(self) -> Typed:
        """Answer what is asked until the command ends.

        Raises:
            ChainError: it asked something unknown, or took too long.
        """
        while self._go_on():
            pass
        code = self._process.wait()
        os.close(self._screen)
        return Typed(self.line, code, self.shown, time.monotonic() - self._begun)

    def stop(self) -> None:
        """End the command as Ctrl-C does."""
        os.kill(self._process.pid, signal.SIGINT)
        self.wait()

    def _go_on(self) -> bool:
        """Take what is shown next, or answer a question; false once the command has ended."""
        if time.monotonic() > self._begun + _LONGEST:
            self._give_up(f"did not end within {_LONGEST:.0f} s")
        piece = self._read()
        if piece is None:
            return False
        self._raw += piece
        asked = self._raw[self._answered :].decode(errors="replace").rpartition("\n")[2]
        if _QUESTION.search(asked):
            word = next((word for word in self._answers if word in asked.casefold()), None)
            if word is not None:
                self._answered = len(self._raw)
                os.write(self._screen, self._answers[word].encode() + b"\n")
            elif not piece:
                self._give_up(f"asked {asked.strip()!r}, to which there is no answer")
        return True

    def _read(self) -> bytes | None:
        """What is shown next: nothing within a moment is empty, the end is None."""
        if not select.select([self._screen], [], [], _QUIET)[0]:
            return b""
        try:
            return os.read(self._screen, 65_536) or None
        except OSError as error:
            if error.errno == errno.EIO:  # how Linux tells the end of a terminal
                return None
            raise

    def _give_up(self, why: str) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        raise ChainError(f"{self.line} {why}: {self.shown}")


@dataclass(frozen=True)
class Terminal:
    """A person's machine: a home folder of its own, in which every command is typed.

    Attributes:
        folder: the person's home folder, and the folder that they work in.
        commands: folder of the commands that are found without a path.
        passphrase: what they answer where a passphrase is asked for.
        port: where a node is served that is said no port.
    """

    folder: Path
    commands: Path
    passphrase: str
    port: int = 8000

    def type(self, line: str, **answers: str) -> Typed:
        """Type a command, answer its questions, and wait for its end.

        Args:
            line: the command, as a shell reads it.
            answers: what is answered to a question that holds the word.

        Raises:
            ChainError: it asked something that nobody can answer, or did not end.
        """
        return self.open(line, **answers).wait()

    def open(self, line: str, **answers: str) -> Window:
        """Type a command in a window of its own, in which it goes on."""
        process, screen = self._begin(line)
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        known = {"passphrase": self.passphrase, "the same": self.passphrase}
        return Window(line, process, screen, known | answers)

    def _begin(self, line: str) -> tuple[Process, int]:
        """The process of a command, and the screen that it writes on."""
        process, screen = pty.fork()
        if process == 0:
            try:
                os.chdir(self.folder)
                os.execve("/bin/sh", ["sh", "-c", f"exec {line}"], self._environment())
            finally:
                os._exit(127)
        return _Child(process), screen

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL") if name in os.environ}
        path = os.pathsep.join([str(self.commands), os.defpath])
        # In one zone everywhere: where the machine has another, each event has a line more.
        own = {"HOME": str(self.folder), "CUSTODY_PORT": str(self.port), "TZ": "UTC"}
        return {**kept, **own, "PATH": path, "TERM": "xterm"}
