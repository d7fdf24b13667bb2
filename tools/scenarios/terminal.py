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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger.domain.errors import ChainError

_LONGEST: Final = 300.0  # seconds of one command
_COLUMNS, _ROWS = 100, 40
#: Control sequences of a terminal: colours and movements of the cursor.
_CONTROL: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Typed:
    """A command that was typed: its line, how it ended, what was shown, and the seconds it took."""

    line: str
    code: int
    shown: str
    seconds: float


@dataclass
class Terminal:
    """A person's machine: a home folder of its own, in which every command is typed.

    Attributes:
        folder: the person's home folder, and the folder that they work in.
        commands: folder of the commands that are found without a path.
        passphrase: what they answer where a passphrase is asked for.
    """

    folder: Path
    commands: Path
    passphrase: str

    def type(self, line: str, **answers: str) -> Typed:
        """Type a command, answer its questions, and wait for its end.

        Args:
            line: the command, as a shell reads it.
            answers: what is answered to a question that holds the word.

        Raises:
            ChainError: it asked something that nobody can answer, or did not end.
        """
        begun = time.monotonic()
        process, screen = self._start(line)
        known = {"passphrase": self.passphrase, **answers}
        raw, answered, deadline = b"", 0, begun + _LONGEST
        while True:
            piece = _read(screen, 0.4)
            if piece is None:
                break
            raw += piece
            waiting = raw[answered:].decode(errors="replace").rpartition("\n")[2]
            if not piece and re.search(r"[:?\]] $", waiting):
                word = next((word for word in known if word in waiting.casefold()), None)
                if word is None:
                    os.kill(process, signal.SIGKILL)
                    raise ChainError(f"{line} asked {waiting.strip()!r}, which was not expected")
                answered = len(raw)
                os.write(screen, known[word].encode() + b"\n")
            if time.monotonic() > deadline:
                os.kill(process, signal.SIGKILL)
                raise ChainError(f"{line} did not end within {_LONGEST:.0f} s")
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        os.close(screen)
        return Typed(line, code, _screen(raw), time.monotonic() - begun)

    @contextmanager
    def leave_running(self, line: str, until: str) -> Iterator[Typed]:
        """Type a command that goes on in a window of its own, until the block ends.

        Args:
            line: the command.
            until: what it shows once it is at work.
        """
        begun = time.monotonic()
        process, screen = self._start(line)
        raw = b""
        try:
            while until not in raw.decode(errors="replace"):
                piece = _read(screen, 0.4)
                if piece is None or time.monotonic() > begun + _LONGEST:
                    raise ChainError(f"{line} did not say {until!r}: {_screen(raw)}")
                raw += piece
                if raw[-40:].decode(errors="replace").casefold().endswith("passphrase: "):
                    os.write(screen, self.passphrase.encode() + b"\n")
            yield Typed(line, 0, _screen(raw), time.monotonic() - begun)
        finally:
            os.kill(process, signal.SIGINT)
            while _read(screen, 60) is not None:
                pass
            os.waitpid(process, 0)
            os.close(screen)

    def _start(self, line: str) -> tuple[int, int]:
        process, screen = pty.fork()
        if process == 0:
            try:
                os.chdir(self.folder)
                os.execve("/bin/sh", ["sh", "-c", f"exec {line}"], self._environment())
            finally:
                os._exit(127)
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        return process, screen

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ") if name in os.environ}
        path = os.pathsep.join([str(self.commands), os.defpath])
        return {**kept, "HOME": str(self.folder), "PATH": path, "TERM": "xterm"}


def _read(screen: int, seconds: float) -> bytes | None:
    """What a terminal showed next: nothing within the time is empty, its end is None."""
    if not select.select([screen], [], [], seconds)[0]:
        return b""
    try:
        return os.read(screen, 65_536) or None
    except OSError as error:
        if error.errno == errno.EIO:  # how Linux tells the end of a terminal
            return None
        raise


def _screen(raw: bytes) -> str:
    """What is left on the screen: a line that was written over holds what came last."""
    text = _CONTROL.sub("", raw.decode(errors="replace")).replace("\r\n", "\n")
    lines = (line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n"))
    return "\n".join(lines).strip("\n")
