"""The page of a folder for the court: what it tells of the item, to whom it may be shown."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path

from cli.court import court_page
from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import trust
from ledger.domain.verify import verify_bundle
from tests.support.commands import ROOT, within


def test_the_page_says_where_the_program_is_and_how_its_signature_is_compared(
    tmp_path: Path,
) -> None:
    """It named no place, and a page "Installing" that its reader does not have."""
    vectors = ROOT / "tests" / "vectors" / "bundle"
    root = trust.parse((vectors / "trust.json").read_bytes())
    report = verify_bundle(bundles.parse((vectors / "good.bundle").read_bytes()), root, size=1)
    folder = court_page.CourtFolder(tmp_path, "", "good.bundle", root, report, ())
    page = html.unescape(court_page.render(folder, 0))
    assert "from where its maintainers publish it: ask an agency" in page
    for line in (ROOT / "docs" / "install.md").read_text().splitlines():
        if line.startswith(("    sha256sum ", "    ssh-keygen ")):
            assert line.strip() in page.replace(" \\\n ", "")
    said = replace(folder, releases="https://police.example/custody <b>")
    page = court_page.render(said, 0)
    assert "says where that is: https://police.example/custody &lt;b&gt;. Take it" in page


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


def test_what_an_agency_says_of_releases_is_on_the_page_of_its_folders(
    home_path: Path, tmp_path: Path
) -> None:
    config = json.loads((home_path / "home.json").read_bytes())
    (home_path / "home.json").write_text(json.dumps({**config, "releases": "room 1.12"}))
    (tmp_path / "a.txt").write_text("x")
    code, printed, _ = within("upload", tmp_path / "a.txt", "--json", home=home_path)
    [item] = json.loads(printed)["items"]
    out = tmp_path / "left"
    code, _, said = within("court", item["evidence"], "-o", out, "--basis", "x", home=home_path)
    assert code == 0, said
    assert "says where that is: room 1.12. Take it" in (out / "READ-ME.html").read_text()
