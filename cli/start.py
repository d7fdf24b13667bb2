"""The first step of the command: until its modules are loaded, Ctrl-C just ends it."""

from __future__ import annotations

import signal


def main() -> None:
    """Load the command and run it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is begun yet that would want tidying up, and a traceback helps nobody
    from cli.main import main as run

    run()
