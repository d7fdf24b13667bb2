"""Documents that name a file that is not there, or a file without saying where it lies."""

from __future__ import annotations

import re
import subprocess
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
            or any(one.startswith(f"{path}/") for one in known)
            or ("*" in path and any(ROOT.glob(path)))
        )
        if not there:
            wrong.append(path)
    assert not wrong, f"{document.name} names what is not there: {sorted(set(wrong))}"
