"""Draw the verdict and the timeline of an item as a picture of a terminal, from a real run:
``make picture``.

The picture names no font of another server: whoever looks at it tells nobody.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from tools.scenarios.first_session import FirstSession
from tools.scenarios.terminal import COLUMNS

_ROOT: Final = Path(__file__).parents[1]
_WIDTH: Final = COLUMNS
#: What rich draws, without the fonts that it would fetch.
_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
#: The ten steps between the verdict and the timeline, which the picture leaves out.
_STEPS: Final = re.compile(r"^ 1  .*?(?=^the life of the item )", re.DOTALL | re.MULTILINE)


def draw(command: str, shown: str) -> str:
    """A picture (SVG) of a command and what it showed, good words green and bad ones red."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO())
    console.print(Text(f"$ {command}", style="bold"))
    for line in _STEPS.sub("[... the ten steps ...]\n\n", shown).splitlines():
        text = Text(line)
        text.highlight_regex(r"(?i)\bverified\b", "bold green")
        text.highlight_regex(r"(?i)\bfailed\b", "bold red")
        console.print(text)
    # One id for every run: the same run makes the same picture.
    return _FONTS.sub("", console.export_svg(title="custody", unique_id="custody"))


def main() -> int:
    """Play the first session, and draw what the folder for the court shows."""
    parser = argparse.ArgumentParser(description="Draw the verdict and the timeline of an item.")
    parser.add_argument("--output", type=Path, default=_ROOT / "docs" / "verdict.svg")
    target = parser.parse_args().output
    with tempfile.TemporaryDirectory(prefix="picture-") as folder:
        session = FirstSession(Path(folder))
        session.play()
        shown = session.timeline()
    target.write_text(draw(shown.line, shown.shown))
    return 0


if __name__ == "__main__":
    sys.exit(main())
