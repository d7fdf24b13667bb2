"""Screens that matter, as somebody sees them at a terminal of 80 columns and 24 lines: captured in
a session of their own, with what differs from run to run masked, and kept as text in
tests/cli/screens. ``make screens`` writes them anew.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cli.terminal import output
from ledger.domain.errors import ChainError
from tools.scenarios.first_session import AGREED, FirstSession
from tools.scenarios.terminal import Typed

_ROOT: Final = Path(__file__).parents[2]
#: Where they are kept.
FOLDER: Final = _ROOT / "tests" / "cli" / "screens"
#: What differs from run to run, and what stands for it, of the same width where it can be.
_VOLATILE: Final[tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]] = (
    (r"127\.0\.0\.1:\d+", "127.0.0.1:8000"),
    (r"(?:\d{5} ){7}\d{5}", " ".join(["00000"] * 8)),
    (r"\d{4}-\d\d-\d\d(?!\d)", "2026-11-20"),
    (r"(?<=T)\d\d:\d\d(?=Z)|(?<=\d )\d\d:\d\d(?=Z)", "10:00"),
    (r"\d\d:\d\d:\d\d", "10:00:00"),
    (r"0x[0-9a-f]{40}", "0x" + "c0" * 20),
    (r"bafkrei[a-z2-7]{52}", "bafkrei" + "a" * 52),
    (r"bafkrei[a-z2-7]{9}(?=\.\.\.)", "bafkrei" + "a" * 9),
    (r"urn:uuid:[0-9a-f-]{36}", "urn:uuid:00000000-0000-4000-8000-000000000000"),
    (r"signed \d+ s after", "signed 0 s after"),
    (r"seed \d+", "seed 0"),
)
#: How many entries, rows and blocks there are by then: nodes that serve anchor when they like.
_COUNTED: Final = ("audit",)
_HOME_CHAIN: Final = re.compile(r"^  chain +(\d+)", re.MULTILINE)
_PSEUDONYM: Final = re.compile(r"\b[a-z2-7]{26}\b")
_SHORT: Final = re.compile(r"(?<![\w-])[0-9a-f]{8}(?![\w-])")


class Screens(FirstSession):
    """A day at two machines, of which some screens are kept.

    Attributes:
        kept: what was typed and shown, by the name of the screen, in the order of the day.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.kept: dict[str, tuple[str, Typed]] = {}

    def play(self) -> None:
        """Play the day."""
        anna, ben = (self._machines[who].folder for who in ("anna", "ben"))
        self._lay_out(anna)
        item = "2026-117/A1"
        self._keep_screen("help", "anna", "custody --help")
        self._type("anna", "custody init --agency NL-POL --person 4711")
        self._keep_screen("upload", "anna", f"custody upload photo.jpg {self.CASE} A1")
        self._keep_screen("upload-folder", "anna", f"custody upload notebook {self.CASE} A2")
        self._keep_screen("list", "anna", "custody list")
        self._keep_screen("status", "anna", "custody status")
        self._type("anna", f"custody bundle {item}")
        self._keep_screen("verify-incomplete", "anna", "custody verify photo.jpg", expected=3)
        self._type("anna", "custody anchor")
        self._keep_screen("show", "anna", f"custody show {item} --basis hearing")
        self._type("anna", "custody anchor")
        self._type("anna", f"custody bundle {item} -o whole.bundle")
        verify = "custody verify whole.bundle"
        self._keep_screen("verify-verified", "anna", f"{verify} photo.jpg")
        self._tamper(anna)
        self._keep_screen("verify-failed", "anna", f"{verify} tampered.jpg", expected=1)
        self._keep_screen("verify-timeline", "anna", f"{verify} photo.jpg --timeline")
        self._serving = self._machines["anna"].open("custody serve")
        try:
            self._join(anna, ben)
            offer = "custody handover"
            self._keep_screen("offer-preview", "anna", f"{offer} {item} --to 4712 --preview")
            whole = f"{offer} 2026-117/A2/ --to 4712"
            self._keep_screen("offer-folder", "anna", whole, expected=2, **{"[y/n]": "n"})
            self._type("anna", f"{offer} 2026-117/A2/1 --to 4712", **AGREED)
            self._keep_screen("inbox", "ben", "custody inbox")
            self._type("anna", "custody anchor")
            self._keep_screen("audit", "anna", "custody audit")
        finally:
            self._serving.stop()
        self._keep_screen("court", "anna", f"custody court {item}")

    def _keep_screen(
        self, name: str, who: str, line: str, *, expected: int = 0, **answers: str
    ) -> None:
        typed = self._type(who, line, expected=expected, **answers)
        if typed.code != expected:
            raise ChainError(f"{line} ended with {typed.code}: {typed.shown}")
        self.kept[name] = (who, typed)

    def masked(self) -> dict[str, str]:
        """The screens, without what differs from run to run: the same item, person or chain has the
        same mask in all of them.
        """
        everything = "\n".join(step.typed.shown for step in self.steps)
        people = dict.fromkeys(_PSEUDONYM.findall(everything))
        chains = dict.fromkeys(_HOME_CHAIN.findall(everything))
        items: dict[str, str] = {}
        return {
            name: self._mask(name, who, typed, (list(people), list(chains)), items)
            for name, (who, typed) in self.kept.items()
        }

    def _mask(
        self,
        name: str,
        who: str,
        typed: Typed,
        known: tuple[list[str], list[str]],
        items: dict[str, str],
    ) -> str:
        people, chains = known
        text = typed.shown.replace(str(self._machines[who].folder), f"/home/{who}")
        for number, person in enumerate(people, start=1):
            named = f"person{number:02}" + "a" * 18
            text = text.replace(person, named).replace(person[:8], named[:8])
        for chain in chains:
            text = text.replace(chain, "1000000000")
        for pattern, mask in _VOLATILE:
            text = re.sub(pattern, mask, text)

        def item(match: re.Match[str]) -> str:
            return items.setdefault(match[0], f"item{len(items) + 1:04}")

        text = _SHORT.sub(item, text)
        if name in _COUNTED:
            text = re.sub(r"^(?!trust root).*", _without_numbers, text, flags=re.MULTILINE)
        return f"$ {typed.line}\n{text}\n"


def _without_numbers(line: re.Match[str]) -> str:
    return re.sub(r"\d+", "0", line[0])


def main() -> int:
    """Play the day, and write its screens."""
    parser = argparse.ArgumentParser(description="Screens that matter, at 80 columns.")
    parser.add_argument("--output", type=Path, default=FOLDER)
    target = parser.parse_args().output
    with tempfile.TemporaryDirectory(prefix="screens-", dir="/tmp") as folder:
        screens = Screens(Path(folder))
        try:
            screens.play()
        except ChainError as error:
            output.say(f"the day ended early: {error.message}")
            return 1
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, text in screens.masked().items():
        (target / f"{name}.txt").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
