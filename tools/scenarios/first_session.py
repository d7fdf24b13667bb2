"""The first session: fourteen jobs in the order of a first day, and the verdict of a stranger once
every process has ended. Each command is typed at a terminal by somebody who knows nothing but
README.md, ``--help`` and what the last command told them.

Run it with ``make first-session``: it writes docs/first-session.md anew, and ends with 1 where the
session was worse than it may be.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.terminal import output
from ledger.domain.errors import ChainError
from tools.scenarios.actors import free_port
from tools.scenarios.sources import source_of
from tools.scenarios.terminal import Terminal, Typed, Window

_ROOT: Final = Path(__file__).parents[2]
#: The answer to a question whether to sign.
AGREED: Final[dict[str, Any]] = {"[y/n]": "y"}
_LONGEST: Final = 60  # characters of a command, besides what its paths have
_MOST_REFUSED: Final = 1
_MOST_SECONDS: Final = 600.0
#: A word that names a file.
_PATH: Final = re.compile(r"\S+\.(?:jpg|json|bundle)(?=\s|$)")


@dataclass(frozen=True)
class Step:
    """A command of the session: for which job, at whose machine, and where it was told."""

    job: str
    who: str
    typed: Typed
    source: str
    expected: int

    @property
    def length(self) -> int:
        """Characters to type; those of paths are not counted."""
        return len(_PATH.sub("", self.typed.line))

    @property
    def is_refused(self) -> bool:
        """Whether it ended otherwise than the person meant."""
        return self.typed.code != self.expected


class FirstSession:
    """Two colleagues, each at a machine of their own, and what they typed so far."""

    CASE: Final = "--case 2026-117 --exhibit"

    def __init__(self, folder: Path, machine: type[Terminal] = Terminal) -> None:
        commands, port = Path(sys.executable).parent, free_port()
        self._machines = {
            who: machine(folder / who, commands, f"a passphrase of {who}'s own", port)
            for who in ("anna", "ben")
        }
        for owned in self._machines.values():
            owned.folder.mkdir(parents=True)
        self._machines["court"] = machine(folder / "court", commands, "")
        self.steps: list[Step] = []
        self._job = ""
        self._serving: Window

    def play(self) -> None:
        """Play the fourteen jobs, and let a stranger judge when every process has ended."""
        anna, ben = (self._machines[who].folder for who in ("anna", "ben"))
        self._lay_out(anna)
        item = "2026-117/A1"

        self._job = "1. set up"
        self._type("anna", "custody init --agency NL-POL --person 4711")
        self._job = "2. record a photo"
        self._type("anna", f"custody upload photo.jpg {self.CASE} A1")
        self._job = "3. record a folder"
        self._type("anna", f"custody upload notebook {self.CASE} A2")
        self._job = "4. list"
        self._type("anna", "custody list")
        self._job = "5. show"
        self._type("anna", f"custody show {item}")
        self._job = "6. note"
        self._type("anna", f'custody note {item} --text "seen on arrival"')
        self._job = "7. get the file back"
        self._type("anna", f"custody get {item} -o copy.jpg")
        self._job = "8. bundle"
        self._type("anna", "custody anchor")
        self._type("anna", f"custody bundle {item}")
        self._job = "9. verify"
        self._type("anna", "custody verify photo.jpg")
        self._job = "10. verify a tampered copy"
        self._tamper(anna)
        self._type("anna", "custody verify photo.jpg.bundle tampered.jpg", expected=1)
        self._serving = self._machines["anna"].open("custody serve")
        try:
            self._join(anna, ben)
            self._job = "12. hand over"
            self._type("anna", f"custody handover {item} --to 4712", **AGREED)
            self._job = "13. take it"
            self._type("ben", "custody handover list")
            self._type("ben", "custody handover accept", **AGREED)
            self._job = "14. audit"
            self._type("anna", "custody anchor")
            self._type("anna", "custody audit")
        finally:
            self._serving.stop()
        self._job = "15. a stranger's verdict"
        self._type("anna", f"custody court {item}")
        # Moved to a machine on which there is nothing else, as a court would get it.
        (anna / "for-the-court").rename(self._machines["court"].folder)
        self._type("court", "custody verify photo.jpg --trust trust.json")

    @staticmethod
    def _lay_out(anna: Path) -> None:
        """What lies in a folder before the day begins: a photo, and a folder of three files."""
        shutil.copy(_ROOT / "docs" / "example.jpg", anna / "photo.jpg")
        (anna / "notebook").mkdir()
        for number in range(1, 4):
            (anna / "notebook" / f"page-{number}.txt").write_text(f"page {number}\n" * 40)

    @staticmethod
    def _tamper(anna: Path) -> None:
        """Lay a copy of the photo beside it, of which one bit differs."""
        changed = bytearray((anna / "photo.jpg").read_bytes())
        changed[len(changed) // 2] ^= 1
        (anna / "tampered.jpg").write_bytes(changed)

    def timeline(self) -> Typed:
        """After the session: what the folder shows with the timeline."""
        return self._machines["court"].type(
            "custody verify photo.jpg --trust trust.json --timeline"
        )

    def _join(self, anna: Path, ben: Path) -> None:
        self._job = "11. invite and approve a colleague"
        self._keep("anna", self._serving.wait_for("serving"))
        self._type("anna", "custody person invite 4712 --role officer")
        invitation = "invitation-4712.json"
        shutil.copy(anna / invitation, ben / invitation)
        joining = self._machines["ben"].open(f"custody person enrol {invitation}")
        joining.wait_for("administrator")
        self._type("anna", "custody person approve 4712", **AGREED)
        self._keep("ben", joining.wait())

    def _type(self, who: str, line: str, *, expected: int = 0, **answers: str) -> Typed:
        typed = self._machines[who].type(line, **answers)
        self._keep(who, typed, expected)
        return typed

    def _keep(self, who: str, typed: Typed, expected: int = 0) -> None:
        source = source_of(typed.line, (step.typed.shown for step in self.steps))
        self.steps.append(Step(self._job, who, typed, source, expected))
        output.note(f"{self._job}: {typed.line} ({typed.seconds:.1f} s)")

    def told(self, step: Step) -> str:
        """What a command showed, with a home folder that is nobody's, and the port of every day."""
        machine = self._machines[step.who]
        shown = step.typed.shown.replace(str(machine.folder), f"/home/{step.who}")
        return shown.replace(f"127.0.0.1:{machine.port}", "127.0.0.1:8000")

    def faults(self) -> list[str]:
        """What is worse in the session than it may be, a sentence each."""
        steps = self.steps
        refused = [step for step in steps if step.is_refused]
        seconds = sum(step.typed.seconds for step in steps)
        return [
            *(
                f"nothing tells this command: {step.typed.line}"
                for step in steps
                if not step.source
            ),
            *(
                f"{step.length} characters, where {_LONGEST} are the most: {step.typed.line}"
                for step in steps
                if step.length > _LONGEST
            ),
            *(
                f"{step.typed.line} ended with {step.typed.code}: {step.typed.shown}"
                for step in refused
                if len(refused) > _MOST_REFUSED
            ),
            *([f"it took {seconds:.0f} s"] if seconds > _MOST_SECONDS else []),
        ]


def page(session: FirstSession) -> str:
    """The transcript as a page of the documents."""
    steps = session.steps
    seconds = sum(step.typed.seconds for step in steps)
    refused = sum(step.is_refused for step in steps)
    lines = [
        "# The first session",
        "",
        "For whoever wants to see a first day before they try one.",
        "",
        "Fourteen jobs, as they were typed and answered, and the verdict of a stranger once every",
        "process has ended. `make first-session` plays them anew at the terminals of these people",
        "and writes this page.",
        "",
        f"{len(steps)} commands, {refused} of them refused, {seconds:.0f} seconds of waiting; the",
        f"longest is {max(step.length for step in steps)} characters long, paths not counted.",
        "",
        "| job | who | command | told by | characters | seconds |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {step.job} | {step.who} | `{step.typed.line}` | {step.source} | {step.length} "
        f"| {step.typed.seconds:.1f} |"
        for step in steps
    ]
    job = ""
    for step in steps:
        if step.job != job:
            lines += ["", f"## {step.job.partition(' ')[2].capitalize()}"]
        job = step.job
        lines += ["", "```text", f"{step.who}$ {step.typed.line}", session.told(step), "```"]
    return "\n".join([*lines, ""])


def main() -> int:
    """Play the session and write its page; 1 where something is worse than it may be."""
    parser = argparse.ArgumentParser(description="Fourteen jobs of a first day.")
    parser.add_argument("--output", type=Path, default=_ROOT / "docs" / "first-session.md")
    target = parser.parse_args().output
    with tempfile.TemporaryDirectory(prefix="first-session-") as folder:
        session = FirstSession(Path(folder))
        try:
            session.play()
        except ChainError as error:
            output.say(f"the first session ended early: {error.message}")
            return 1
    faults = session.faults()
    target.write_text(page(session))
    output.say(*faults)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
