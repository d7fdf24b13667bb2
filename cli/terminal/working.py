"""What goes on while nothing is printed: a spinner for a person at a terminal, a plain line for
everybody else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cli.invocation.global_options import STATE
from cli.terminal import output
from ledger.domain.untrusted.visible import visible


@contextmanager
def working(text: str) -> Iterator[None]:
    """Say what is done and why, for as long as it takes."""
    if STATE.json or not output.is_terminal(sys.stderr):
        output.show(f"   ... {text}")
        yield
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=output.quiet(sys.stderr))
    with console.status(Text(visible(text)), spinner="line"):
        yield
