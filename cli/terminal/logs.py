"""What the node logs, for whoever runs it: on stderr, one visible-safe line a record."""

from __future__ import annotations

import logging
import sys

from cli.terminal import output
from ledger.domain.untrusted.visible import visible


class LineFormatter(logging.Formatter):
    """One record, one line: a partner's answer cannot write a second one. Of an exception class and
    place are told, never its values.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        text = f"{record.levelname.lower()} {record.name}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1] is not None:
            text += f" ({output.place_of(record.exc_info[1])})"
        return visible(text)


class _Handler(logging.StreamHandler):  # type: ignore[type-arg]
    """To whatever stderr is now; a log that cannot be written stops no work."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        self.stream = sys.stderr
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (the name that logging calls)
        """Say nothing: there is nowhere to say it."""


def install() -> None:
    """Let all that is logged in this process go through here, other libraries' records too."""
    handler = _Handler(sys.stderr)
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
