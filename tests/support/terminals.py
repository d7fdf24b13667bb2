"""Commands at a pseudo-terminal of their own."""

from __future__ import annotations

import os
import select
import shlex
import time

from tests.support import forked
from tests.support.commands import ROOT
from tools.scenarios.terminal import Process, Terminal


def at_terminal(
    command: list[str], question: str, typed: bytes, *, before: str = ""
) -> tuple[int, str]:
    """A command at a pseudo-terminal of its own; what is typed waits for the question.

    Args:
        before: source that is run in its process before the command.
    """
    settings = {name: value for name, value in os.environ.items() if name != "CUSTODY_PASSPHRASE"}
    master, slave = os.openpty()
    child = forked.Command(
        command, environment=settings, folder=ROOT, before=before, terminal=slave
    )
    said, end, asked = b"", time.monotonic() + 60, False
    try:
        while time.monotonic() < end:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                part = os.read(master, 4096)
            except OSError:  # the other side was closed
                break
            if not part:
                break
            said += part
            if not asked and question.encode() in said:
                asked = True
                os.write(master, typed)
        code = child.wait(60)
    finally:
        child.kill()
        os.close(master)
    return code, said.decode(errors="replace")


class ForkedTerminal(Terminal):
    """A person's machine whose commands are forked (tests/support/forked.py): dozens are typed."""

    def _begin(self, line: str) -> tuple[Process, int]:
        name, *words = shlex.split(line)
        if name != "custody":
            return super()._begin(line)
        screen, slave = os.openpty()
        return forked.Command(
            words, environment=self._environment(), folder=self.folder, terminal=slave
        ), screen
