"""Commands at a pseudo-terminal of their own."""

from __future__ import annotations

import os
import pty
import select
import time

from tests.support.commands import ROOT


def at_terminal(command: list[str], question: str, typed: bytes) -> tuple[int, str]:
    """A command at a pseudo-terminal of its own; what is typed waits for the question."""
    child, master = pty.fork()
    if child == 0:
        os.chdir(ROOT)
        settings = {
            name: value for name, value in os.environ.items() if name != "CUSTODY_PASSPHRASE"
        }
        os.execve(command[0], command, settings)
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
        status = os.waitpid(child, 0)[1]
    finally:
        os.close(master)
    return os.waitstatus_to_exitcode(status), said.decode(errors="replace")
