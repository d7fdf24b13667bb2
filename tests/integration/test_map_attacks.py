"""Item maps that an agency, or the thief of its anchoring account, made up: what an audit of its log
says.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ledger.domain.verify.report import Verdict
from tests.support.malice import Agency, World


def test_an_item_map_that_leaves_out_an_entry_is_found_by_whoever_replays_the_log(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contract takes any map: with this one a later event of the item could be hidden."""
    state, nl = world.folder / "kept.audit", world["NL-POL"]
    item = nl.open()
    world.settle()
    hidden = nl.say(item, "none").entry
    with monkeypatch.context() as patch:
        true = type(nl).map_root

        def lying(agency: Agency, size: int, entries: Sequence[bytes] | None = None) -> bytes:
            told = agency.entries if entries is None else list(entries)
            return true(agency, size, [b"" if entry == hidden else entry for entry in told])

        patch.setattr(type(nl), "map_root", lying)
        world.settle()
    nl.say(item, "none")
    world.settle()
    # The map is right again at the next checkpoint: each one is compared.
    for _ in range(2):
        report = world.audit(nl.write(world.folder / "log"), state=state)
        assert (report.verdict, report.codes()) == (Verdict.FAILED, {"map-differs"})


def test_a_note_that_signs_another_map_than_was_anchored_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thief of an anchoring account anchors the public root with a map of nobody's."""
    nl = world["NL-POL"]
    nl.open()
    with monkeypatch.context() as patch:
        patch.setattr(type(nl), "map_root", lambda *_: bytes(32))
        nl.anchor()
    nl.notes[nl.anchored] = nl.note(nl.anchored)
    world.settle()
    report = world.audit(nl.write(world.folder / "log"))
    assert (report.verdict, report.codes()) == (Verdict.FAILED, {"map-differs"})
    assert report.as_json()["counts"] == {"map-differs": 2}
