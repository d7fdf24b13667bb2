"""Draw what a command shows as a picture of a terminal, from a real run: ``make picture``.

The picture names no font of another server: whoever looks at it tells nobody.
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

_ROOT: Final = Path(__file__).parents[1]
_WIDTH: Final = 100
#: What rich draws, without the fonts that it would fetch.
_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def draw(command: str, shown: str) -> str:
    """A picture (SVG) of a command and what it showed, good words green and bad ones red."""
    console = Console(record=True, width=_WIDTH, file=io.StringIO())
    console.print(Text(f"$ {command}", style="bold"))
    for line in shown.splitlines():
        text = Text(line)
        text.highlight_regex(r"\b(ok|verified)\b", "bold green")
        text.highlight_regex(r"(?i)\b(failed)\b", "bold red")
        console.print(text)
    # One id for every run: the same run makes the same picture.
    drawn = console.export_svg(title="custody", unique_id="custody")
    return _FONTS.sub("", drawn)


def main() -> int:
    """Run the demonstration, verify what it left, and draw the verdict and the timeline."""
    parser = argparse.ArgumentParser(description="Draw the verdict and the timeline of an item.")
    parser.add_argument("--output", type=Path, default=_ROOT / "docs" / "verdict.svg")
    target = parser.parse_args().output
    with tempfile.TemporaryDirectory() as folder:
        left = Path(folder) / "demo-out"
        custody = [sys.executable, "-m", "cli"]
        subprocess.run(
            [*custody, "demo", "docs/example.jpg", "--output", left],
            cwd=_ROOT,
            check=True,
            capture_output=True,
        )
        court = left / "for-the-court"
        words = ["verify", "example.jpg", "--trust", "trust.json", "--timeline"]
        done = subprocess.run(
            [*custody, *words], cwd=court, check=True, capture_output=True, text=True
        )
    target.write_text(draw("custody " + " ".join(words), done.stdout))
    return 0


if __name__ == "__main__":
    sys.exit(main())
