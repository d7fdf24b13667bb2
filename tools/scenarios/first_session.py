"""The first session: fourteen jobs in the order of a first day, each typed at a terminal by
somebody who knows nothing but README.md, ``--help`` and what the last command told them.

Run it with ``make first-session``: it writes docs/first-session.md anew, and ends with 1 where the
session was worse than it may be.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cli import output
from ledger.domain.errors import ChainError
from tools.scenarios.actors import free_port
from tools.scenarios.terminal import Terminal, Typed

_ROOT: Final = Path(__file__).parents[2]
_PAGE: Final = _ROOT / "docs" / "first-session.md"
_LONGEST: Final = 60  # characters of a command, a path counted as one
_REFUSED: Final = 1  # commands that may be refused
_MINUTES: Final = 10


@dataclass(frozen=True)
class Step:
    """A command of a job, who typed it, and where they had it from."""

    job: str
    who: str
    typed: Typed
    source: str

    @property
    def length(self) -> int:
        """Characters to type, where a path counts as one."""
        return len(re.sub(r"(?<=\s)[^\s]*[/.][^\s]*", "P", self.typed.line))


@dataclass
class Session:
    """Two colleagues, each at their own machine, and what they typed so far."""

    folder: Path
    steps: list[Step] = field(default_factory=list)
