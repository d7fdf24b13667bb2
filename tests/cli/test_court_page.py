"""The page of a folder for the court: what it tells of the item, to whom it may be shown."""

from __future__ import annotations

import re
from pathlib import Path

from cli import court_page
from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import trust
from ledger.domain.verify import verify_bundle
from tests.support.commands import ROOT


def test_the_page_tells_who_holds_the_item_and_each_step_of_its_handovers(tmp_path: Path) -> None:
    """It said "Held by NL-POL", and nothing of how it had come to them."""
    vectors = ROOT / "tests" / "vectors" / "bundle"
    root = trust.parse((vectors / "trust.json").read_bytes())
    parsed = bundles.parse((vectors / "good.bundle").read_bytes())
    report = verify_bundle(parsed, root, size=1)
    folder = court_page.CourtFolder(tmp_path, "", "good.bundle", root, report, ())
    page = re.sub(r"<[^>]*>", "|", court_page.render(folder, 0))
    assert "handover" not in page
    steps = [{**report.events[0], "effect": effect} for effect in ("offer", "accept")]
    report.events[:] = steps
    page = re.sub(r"<[^>]*>", "|", court_page.render(folder, 0))
    for event, words in zip(steps, ("handover offered", "handover accepted"), strict=True):
        assert f"{words}||by {event['agency']}, {event['time']}" in page
    holder, agency = report.facts["holder"], report.facts["custodian"]
    assert f"Held by||{holder[:8]} of {agency}" in page
    assert holder not in page
