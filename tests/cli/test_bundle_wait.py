"""`custody bundle --wait`: no bundle that verifies as incomplete because somebody was quick."""

from __future__ import annotations

import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.court import anchoring_wait
from ledger.domain.bundle import bundle
from tests.support.commands import within
from tests.support.desk import Desk


def test_a_bundle_that_waits_has_every_event_anchored(home_path: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "photo.jpg", tmp_path / "photo.jpg.bundle"
    file.write_bytes(b"evidence")
    code, printed, _ = within(
        "upload", file, "--case", "2026-117", "--exhibit", "A1", home=home_path
    )
    assert code == 0, printed
    words = ("bundle", "2026-117/A1", "--basis", "court", "-o", out)
    code, printed, _ = within(*words, home=home_path)
    assert (code, "not anchored yet" in printed) == (0, True)
    out.unlink()
    code, printed, said = within(*words, "--wait", home=home_path)
    assert (code, "Check it" in printed) == (0, True), said
    assert "not anchored yet: anchoring the log" in printed
    assert all(row.receipt for row in bundle.parse(out.read_bytes()).statements)


def test_whoever_waits_for_a_node_waits_no_longer_than_its_log_may_take(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchoring_wait, "_LOOK", 0.1)
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"evidence")
    [done] = desk.upload(file)
    session: Any = SimpleNamespace(node=desk.client, served=True)
    assert not anchoring_wait.wait(session, done.evidence, 1, seconds=0.3)
    other = threading.Timer(0.3, desk.anchor)
    other.start()
    try:
        assert anchoring_wait.wait(session, done.evidence, 1, seconds=60)
    finally:
        other.join()


def test_a_wait_is_told_in_the_unit_that_somebody_counts_in() -> None:
    longest = [anchoring_wait._at_most(seconds) for seconds in (30, 300, 3600, 7200, 86400, 172800)]
    assert longest == [
        "at most a minute",
        "at most 5 minutes",
        "at most an hour",
        "at most 2 hours",
        "at most a day",
        "at most 2 days",
    ]
