"""The pages of docs/guides are true: two people type every command of them, page after page."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from ledger.domain.untrusted.visible import width
from tests.support.terminals import ForkedTerminal
from tools.scenarios.actors import free_port
from tools.scenarios.terminal import COLUMNS, Terminal, Window

ROOT = Path(__file__).parents[2]
GUIDES = ROOT / "docs" / "guides"
#: In the order in which one goes on from the other.
ROLES = ("administrator", "officer", "custodian", "prosecutor", "auditor", "programmer")
#: What a command that goes on in a window of its own shows once it is at work.
AT_WORK = {"custody serve": "serving", "custody person enrol": "administrator"}


def test_a_page_for_each_role_fits_on_two_screens() -> None:
    assert {page.stem for page in GUIDES.glob("*.md")} == set(ROLES)
    for page in GUIDES.glob("*.md"):
        assert len(page.read_text().splitlines()) <= 60, page.name


class Desks:
    """The machines of the administrator and of a colleague, and what is at work on them."""

    def __init__(self, folder: Path, machine: type[Terminal] = Terminal) -> None:
        self.port = free_port()
        self.machines = {
            who: machine(
                folder / name, Path(sys.executable).parent, f"the passphrase of {name}", self.port
            )
            for who, name in (("", "own"), ("colleague", "colleague"))
        }
        self.own, self.other = own, other = folder / "own", folder / "colleague"
        # A court has nothing but the folder that it was given.
        self.machines["court"] = machine(own / "for-the-court", Path(sys.executable).parent, "")
        own.mkdir()
        other.mkdir()
        shutil.copy(ROOT / "docs" / "example.jpg", own / "photo.jpg")
        (other / "report.txt").write_text("what was found\n")
        (own / "notebook").mkdir()
        for number in (1, 2):
            (own / "notebook" / f"page-{number}.txt").write_text(f"page {number}\n" * 20)
        self.windows: list[Window] = []

    def type(self, who: str, line: str) -> None:
        for invitation in self.own.glob("invitation-*.json"):
            shutil.copy(invitation, self.other)  # handed over by a safe way
        line = line.replace(":8000/", f":{self.port}/")
        window = self.machines[who].open(
            line, **{"[y/n]": "y", "an empty line ends": "2026-117/A1\n"}
        )
        for command, said in AT_WORK.items():
            if line.startswith(command):
                window.wait_for(said)
                self.windows.append(window)
                return
        typed = window.wait()
        assert typed.code == 0, f"{line} ended with {typed.code}:\n{typed.shown}"
        if line.startswith("custody") and "--json" not in line:
            assert [one for one in typed.shown.split("\n") if width(one) > COLUMNS] == [], line
        for joining in [window for window in self.windows if "approve" in line]:
            if "enrol" in joining.line:
                assert joining.wait().code == 0, joining.shown
                self.windows.remove(joining)


def test_readme_is_read_in_a_minute_and_its_day_works_as_it_is_printed(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 70
    desks = Desks(tmp_path)
    day = re.findall(r"^    (custody .*)$", readme, re.MULTILINE)
    assert len(day) == 6
    for line in day:
        desks.type("", line)
    [told] = re.findall(r"`(custody verify [^`]*)`", readme)
    desks.type("court", told)


def _lists_a_case(desks: Desks) -> None:
    """The program that logs in, with the keys of the colleague."""
    [home] = [path.parent for path in desks.other.rglob("client.json")]
    done = subprocess.run(
        [sys.executable, GUIDES / "list_case.py", "2026-117"],
        env={
            "PYTHONPATH": str(ROOT),
            "PATH": "",
            "CUSTODY_HOME": str(home),
            "CUSTODY_PASSPHRASE": "the passphrase of colleague",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"^urn:uuid:\S+ (file|part|derived) final$", done.stdout, re.MULTILINE)


def test_every_command_of_the_guides_works_as_it_is_printed(tmp_path: Path) -> None:
    desks = Desks(tmp_path, ForkedTerminal)
    try:
        for role in ROLES:
            page = (GUIDES / f"{role}.md").read_text()
            for who, line in re.findall(r"^(colleague|court|)\$ (.*)$", page, re.MULTILINE):
                desks.type(who, line)
        program = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0]
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=desks.own,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stdout) == (0, "verified\n"), done.stderr
        _lists_a_case(desks)
    finally:
        for window in desks.windows:
            window.stop()
