"""Documents that name a file that is not there, or a file without saying where it lies."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_NAMED = re.compile(
    r"`((?:[\w.-]+/)*[\w.*-]+\.(?:py|sol|js|toml|cddl))(?::\d+)?`|`((?:ledger|api|cli|tests|tools|benchmarks|contracts|docs)/[\w./*-]*)`"
)


def tracked() -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(listed.stdout.splitlines())


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.name)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    known = tracked()
    wrong = []
    for found in _NAMED.finditer(document.read_text(encoding="utf-8")):
        path = (found[1] or found[2]).rstrip("/")
        there = (
            path in known
            or any(place.startswith(f"{path}/") for place in known)
            or ("*" in path and any(ROOT.glob(path)))
        )
        if not there:
            wrong.append(path)
    assert not wrong, f"{document.name} names what is not there: {sorted(set(wrong))}"


def test_the_rooms_in_the_page_on_architecture_are_those_that_are_enforced() -> None:
    """In the order of the layers, which import-linter keeps."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    enforced = {
        "".join(contract.get("containers", [])): contract.get("layers", [])
        for contract in linter["tool"]["importlinter"]["contracts"]
    }
    for container in ("ledger.domain", "ledger.services"):
        table = page.partition(f"| room of `{container.replace('.', '/')}` |")[2]
        rows = [line.split("|")[1] for line in table.partition("\n\n")[0].splitlines()[2:]]
        written = [set(re.findall(r"`(\w+)`", row)) for row in rows]
        layers = [set(layer.split(" | ")) - {"errors"} for layer in enforced[container]]
        assert written == [layer for layer in layers if layer], container
