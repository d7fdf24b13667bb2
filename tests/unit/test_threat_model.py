"""The table of attacks in docs/threat-model.md names real checks, findings and tests, and every
failure that can be found has a row.
"""

from __future__ import annotations

import re
from pathlib import Path

from ledger.domain.audit.checklist import CHECKS, PROMISES, Severity
from ledger.domain.audit.findings import KINDS

ROOT = Path(__file__).parents[2]
TABLE = (
    (ROOT / "docs/threat-model.md")
    .read_text()
    .partition("## Attacks of an agency")[2]
    .partition("\n## ")[0]
)
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLE.splitlines()
    if line.startswith("| ")
][1:]


def test_every_row_names_a_check_a_finding_and_a_test_that_exist() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(ROWS) > 30
    for _, checks, codes, names in ROWS:
        found = re.findall(r"`([a-z-]+)`", codes)
        assert {KINDS[code].check for code in found} <= set(checks.split(", ")), codes
        for name in re.findall(r"`(test_\w+)`", names):
            assert f"def {name}(" in tests, name


def test_every_test_that_the_page_names_exists() -> None:
    page = (ROOT / "docs/threat-model.md").read_text()
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in re.findall(r"`(test_\w+)`", page) if f"def {name}(" not in tests] == []
    assert [
        name for name in re.findall(r"`(tests/[\w/.]+)`", page) if not (ROOT / name).exists()
    ] == []


def test_every_finding_has_a_check_a_promise_and_something_to_do() -> None:
    for code, kind in KINDS.items():
        assert kind.check in CHECKS, code
        assert kind.promise in PROMISES, code
        assert kind.title, code
        assert kind.todo, code
        assert kind.severity in Severity, code


def test_every_finding_that_is_declared_can_be_found() -> None:
    code = "\n".join(
        path.read_text() for path in (ROOT / "ledger").rglob("*.py") if path.name != "findings.py"
    )
    for name in KINDS:
        assert f'"{name}"' in code, name
