"""A home that goes on anchoring while it is audited: what came meanwhile is no fault of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.app import open_audit
from ledger.domain.verify.report import Verdict
from ledger.services.audit import database_comparison, external, internal, self_check
from ledger.services.audit.self_check_findings import SelfCheckFinding
from tests.support.desk import Desk


def between(desk: Desk, work: Callable[..., Any], path: Path) -> Callable[..., Any]:
    """The work, after somebody recorded and the node anchored."""

    def later(*arguments: Any, **options: Any) -> Any:
        def goes_on() -> None:
            path.write_bytes(path.read_bytes() + b"more")
            desk.upload(path)
            desk.anchor()

        thread = threading.Thread(target=goes_on)
        thread.start()
        thread.join()
        return work(*arguments, **options)

    return later


@pytest.mark.parametrize(
    "module", [external, database_comparison], ids=["the chain is read", "rows are compared"]
)
def test_what_is_anchored_while_a_home_is_audited_is_not_called_missing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"evidence")
    desk.upload(path)
    desk.anchor()
    name = "audit" if module is external else "check"
    monkeypatch.setattr(module, name, between(desk, getattr(module, name), path))
    root = desk.trust()
    with open_audit.temporary(root) as state:
        report = internal.audit(desk.node, root, state, internal.InternalOptions(share=1.0))
    assert report.verdict is not Verdict.FAILED, report.as_json()["findings"]


def test_what_is_anchored_while_the_doctor_looks_makes_no_home_older_than_the_chain(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"evidence")
    desk.upload(path)
    desk.anchor()
    contracts = type(desk.node.contracts)
    once = [between(desk, lambda: None, path)]
    latest = contracts.latest

    def looked(self: Any, log: bytes) -> Any:
        if once:
            once.pop()()
        return latest(self, log)

    monkeypatch.setattr(contracts, "latest", looked)
    found = [
        one
        for one in self_check.examine(desk.node, deep=False)
        if isinstance(one, SelfCheckFinding) and one.verdict is Verdict.FAILED
    ]
    assert found == []
