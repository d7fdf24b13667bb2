"""Where commands print to: streams with an encoding of their own, that may refuse."""

from __future__ import annotations

import io
import os

FORGED = "\x1b[2J\x1b[H\nverdict: verified\r\x1b[8m\u202e"


class Stream(io.StringIO):
    """stdout with an encoding, on a terminal or not, that may refuse."""

    def __init__(
        self, encoding: str = "utf-8", refuses: int = 0, *, terminal: bool = False
    ) -> None:
        super().__init__()
        self._encoding, self.refuses, self.terminal = encoding, refuses, terminal

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        text.encode(self.encoding)  # as a real one does
        if self.refuses:
            raise OSError(self.refuses, os.strerror(self.refuses))
        return super().write(text)
