"""The first step of the command: until its modules are loaded, Ctrl-C just ends it."""

from __future__ import annotations

import os
import signal


def main() -> None:
    """Load the command and run it."""
    signal.signal(
        signal.SIGINT, signal.SIG_DFL
    )  # nothing is begun yet that would want tidying up, and a traceback helps nobody
    # Whatever the shell's umask: evidence, keys and records are their owner's alone. What is public
    # sets its mode itself.
    os.umask(0o077)
    # Where the caller closed one of these, the first file that is opened would take its place, and
    # be printed into.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    from cli.main import main as run

    run()
