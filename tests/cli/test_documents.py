"""What the demonstration leaves and tells is true, and so are the links of the documents."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.support.commands import custody, verified_alone

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def run(line: str, folder: Path, code: int = 0) -> str:
    words = shlex.split(line)
    assert words[0] == ".venv/bin/custody"
    # What it opens, it opens by the words that are printed.
    return custody(
        *words[1:],
        folder=folder,
        code=code,
        before="import os; del os.environ['CUSTODY_PASSPHRASE']",
    ).stdout


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "example.jpg", folder / "docs" / "example.jpg")
    return folder, run(".venv/bin/custody demo docs/example.jpg --output demo-out", folder)


def test_the_demonstration_leaves_what_readme_says_and_prints_commands_that_work(
    demonstrated: tuple[Path, str],
) -> None:
    folder, text = demonstrated
    for name in ("home", "passphrase", "for-the-court", "tampered"):
        assert (folder / "demo-out" / name).exists()
    assert text.index("verdict: verified") < text.index("verdict: failed")
    commands = re.findall(r"^  (\.venv/bin/custody .*)$", text, re.MULTILINE)
    assert len(commands) == 8
    for command in commands:
        run(command, folder, code=1 if "tampered" in command else 0)
    court = folder / "demo-out" / "for-the-court"
    assert {path.name for path in court.iterdir()} == {
        *("example.jpg", "example.jpg.bundle", "trust.json", "READ-ME.html")
    }
    verified_alone("example.jpg", "--trust", "trust.json", folder=court)


def test_every_make_target_that_a_page_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for page in PAGES:
        named = re.findall(r"(?:`|^    )make ([a-z][a-z -]*[a-z])", page.read_text(), re.MULTILINE)
        for target in {target for names in named for target in names.split()}:
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), (page.name, target)


def test_every_link_of_the_documents_leads_somewhere() -> None:
    for path in PAGES:
        for target in re.findall(
            r"\[[^\]\[]+\]\(([^)#]+)\)", re.sub(r"`[^`]*`", "", path.read_text())
        ):
            if not target.startswith("https://"):  # somebody else's page
                assert (path.parent / target).exists(), (path, target)
