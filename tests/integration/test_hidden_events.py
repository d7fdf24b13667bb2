"""An agency, or whoever exports a bundle, hides what a log holds about an item: no verdict says that
nothing is missing, and each says who could have hidden it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle.bundle import Bundle, EntryLink
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain import contract_layout
from ledger.domain.chain.contract_layout import ContractName
from ledger.domain.chain.finality import Pinned
from ledger.domain.codecs.text import format_time
from ledger.domain.identity.names import agency_id
from ledger.domain.log import item_map
from ledger.domain.verify import Status, Verdict, VerificationReport, verify_bundle
from ledger.domain.verify.state import ProvenContractState
from tests.support import lying_cases
from tests.support.commands import custody
from tests.support.lying_bundles import Event, LyingItem, anchor, found, prepare
from tests.support.malice import World
from tests.support.malice_agency import Item


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = prepare(World(tmp_path, random.Random(2), "NL-POL", "RO-POL"))
    yield world
    world.close()


@pytest.fixture
def item(world: World) -> LyingItem:
    item = LyingItem(world, world["NL-POL"])
    lying_cases.acquire(item)
    return item


def shown(item: LyingItem) -> tuple[Bundle, TrustRoot]:
    data, root = item.bundle()
    return bundles.parse(data), root


def incomplete(report: VerificationReport, *words: str) -> None:
    """Require that step 8 alone is open, for a reason in these words, and that it claims nothing."""
    assert report.verdict is Verdict.INCOMPLETE, report.as_json()
    opened = [one for one in report.steps.values() if one.status is Status.NOT_CHECKED]
    assert [one.number for one in opened] == [8]
    assert all(word in opened[0].detail for word in words), opened[0].detail
    assert opened[0].hint.startswith("ask ")


def missing(report: VerificationReport, *words: str) -> None:
    incomplete(report, "later events may be missing", *words)
    assert report.facts["completeAsOf"] is None


def test_what_is_complete_says_as_of_when_and_by_whose_word(item: LyingItem) -> None:
    bundle, root = shown(item)
    report = verify_bundle(bundle, root)
    assert report.verdict is Verdict.VERIFIED, report.as_json()
    newest = bundle.checkpoints[-1]
    # A service list was logged behind it, not anchored yet: the checkpoint is still the newest.
    assert report.facts["completeBy"] == ["NL-POL"]
    assert report.facts["completeAsOf"] >= format_time(newest.time)
    assert found(report, "newer revocation list", "not checked")


def test_a_later_event_that_is_left_out(item: LyingItem) -> None:
    item.say("note", {"text": "he was not there"}, item.origin.people["officer"])
    _, *later = item.events
    del item.events[1:]
    bundle, root = shown(item)
    missing(verify_bundle(bundle, root), "map of NL-POL proves other entries")
    # Nor does its bare hash do, which makes the list good: the event itself is wanted.
    [listed] = bundle.lists
    entry = later[0].statement.entry
    link = EntryLink(item.origin.entries.index(entry), item_map.entry_hash(entry))
    told = replace(bundle, lists=(replace(listed, links=(link,)),))
    missing(verify_bundle(told, root), "entries in the log of NL-POL are not shown")


def test_a_void_branch_that_is_left_out(item: LyingItem) -> None:
    """What stands beside the branch may be why somebody else never took the item."""
    item.say("note", {"text": "x"}, item.origin.people["officer"])
    item.say_beside(1, "note", {"text": "y"}, item.origin.people["officer"])
    bundle, root = shown(item)
    report = verify_bundle(bundle, root)
    assert report.verdict is Verdict.VERIFIED
    assert found(report, "beside the branch", "NL-POL")
    hidden = replace(bundle, statements=bundle.statements[:-1])
    missing(verify_bundle(hidden, root), "NL-POL")


def test_an_entry_that_hangs_on_nothing_is_shown_and_spoils_nothing(item: LyingItem) -> None:
    """An exporter may leave nothing out that the log took, whatever it is."""
    agency = item.origin
    elsewhere = Item(item.urn, item.ref, agency.code, 4, b"\x05" * 32)
    junk = agency.statement(elsewhere, "none")
    agency.log(junk)
    missing(verify_bundle(*shown(item)), "map of NL-POL proves other entries")
    item.beside.append(Event(agency, junk, None))
    report = verify_bundle(*shown(item))
    assert report.verdict is Verdict.VERIFIED, report.as_json()
    assert [one["standing"] for one in report.beside] == ["apart"]
    assert found(report, "beside the branch", "it hangs on no event of this item")


@pytest.mark.parametrize("code", ["NL-POL", "RO-POL"])
def test_a_log_whose_list_is_left_out(item: LyingItem, world: World, code: str) -> None:
    lying_cases.hand_over(item)
    bundle, root = shown(item)
    report = verify_bundle(bundle, root)
    assert report.verdict is Verdict.VERIFIED
    assert report.facts["completeBy"] == ["NL-POL", "RO-POL"]
    kept = tuple(
        row
        for row in bundle.lists
        if bundle.logs[bundle.checkpoints[row.checkpoint].log].agency != code
    )
    report = verify_bundle(replace(bundle, lists=kept), root)
    missing(report, f"log of {code} holds of this item is not listed")


def test_entries_of_an_earlier_log_that_are_left_out(item: LyingItem) -> None:
    """The giver's log took a note of another branch, before the handover."""
    item.say_beside(1, "note", {"text": "y"}, item.origin.people["officer"])
    lying_cases.hand_over(item)
    item.beside.clear()
    missing(verify_bundle(*shown(item)), "map of NL-POL proves other entries")


def test_an_old_bundle_shown_as_a_new_one(item: LyingItem, world: World) -> None:
    """The exporter takes an older checkpoint, which has the event that it would rather not show
    behind it: the record is complete as of then, and says so.
    """
    anchor(item.origin)
    size = item.origin.anchored
    before = item.origin.checkpoints[size]
    world.clock.time += 40 * 86400
    item.say("note", {"text": "x"}, item.origin.people["officer"])
    del item.events[1:]
    item.listed["NL-POL"] = size
    bundle, root = shown(item)
    report = verify_bundle(bundle, root)
    assert report.verdict is Verdict.VERIFIED, report.as_json()
    assert report.facts["completeAsOf"] == format_time(before.time - 1)
    report = verify_bundle(bundle, root, as_of=before.time)
    incomplete(report, "complete as of", "which is before")


class Told(ProvenContractState):
    """What a bundle proves, but for what the registry says of the custodian."""

    def __init__(self, bundle: Bundle, root: TrustRoot, *, log: int = 0, status: int = 1) -> None:
        assert bundle.chain is not None
        super().__init__(bundle.chain, root)
        self._slot = contract_layout.agency_slot(agency_id("NL-POL"))
        self._told = status << 160 | log << 168

    def read(self, contract: ContractName, slot: bytes, *, step: int, what: str) -> bytes:
        word = super().read(contract, slot, step=step, what=what)
        return self._told.to_bytes(32, "big") if slot == self._slot else word


def test_an_agency_that_went_on_in_another_log_and_shows_the_one_that_it_left(
    item: LyingItem,
) -> None:
    bundle, root = shown(item)
    assert verify_bundle(bundle, root, state=Told(bundle, root)).verdict is Verdict.VERIFIED
    report = verify_bundle(bundle, root, state=Told(bundle, root, log=1))
    missing(report, "current log of NL-POL", "is not listed")


def test_a_retired_custodian_is_not_called_complete(item: LyingItem) -> None:
    bundle, root = shown(item)
    report = verify_bundle(bundle, root, state=Told(bundle, root, status=3))
    missing(report, "NL-POL is retired", "successor", "not checked")


def test_a_block_that_is_not_final_dates_nothing(item: LyingItem) -> None:
    bundle, root = shown(item)
    report = verify_bundle(bundle, replace(root, finality=(Pinned({1: bytes(32)}),)))
    assert report.verdict is not Verdict.VERIFIED
    assert (report.facts["completeAsOf"], report.facts["completeBy"]) == (None, [])


def test_a_map_that_denies_an_event_is_a_finding_about_whose_it_is(item: LyingItem) -> None:
    item.origin.denied.add(item.events[0].statement.entry)
    report = verify_bundle(*shown(item))
    missing(report, "map of NL-POL says that its log has nothing")
    assert found(report, "NL-POL", "proves an entry of it")


def test_a_false_map_hides_an_event_and_is_the_signed_word_of_its_agency(item: LyingItem) -> None:
    """Nobody can tell by the bundle: the report says whose word it is. A replay of the log finds
    it.
    """
    event = item.say("note", {"text": "x"}, item.origin.people["officer"])
    item.origin.denied.add(event.statement.entry)
    del item.events[1:]
    report = verify_bundle(*shown(item))
    assert report.verdict is Verdict.VERIFIED
    assert report.facts["completeBy"] == ["NL-POL"]
    # Whoever holds the event shows it, and its agency is named.
    item.events.append(event)
    missing(verify_bundle(*shown(item)), "map of NL-POL proves other entries")


def test_a_newer_revocation_list_is_told_as_not_checked(item: LyingItem) -> None:
    """The list that a bundle shows is the exporter's choice among those since the event."""
    report = verify_bundle(*shown(item))
    assert found(report, "whether a newer revocation list is in the logs: not checked")


def test_a_part_of_a_record_claims_nothing_of_what_came_later(item: LyingItem) -> None:
    item.say("note", {"text": "x"}, item.origin.people["officer"])
    bundle, root = shown(item)
    report = verify_bundle(bundle, root, until=0)
    assert report.verdict is Verdict.VERIFIED
    assert report.facts["completeAsOf"] is None
    assert found(report, "not asked of a part")


def test_a_bundle_of_long_ago_is_told_with_its_age(item: LyingItem, tmp_path: Path) -> None:
    data, root = item.bundle()
    (tmp_path / "photo.jpg").write_bytes(lying_cases.DATA)
    (tmp_path / "photo.jpg.bundle").write_bytes(data)
    (tmp_path / "trust.json").write_bytes(root.encode())
    words = ("verify", "photo.jpg", "--trust", "trust.json")
    told = " ".join(custody(*words, folder=tmp_path).stdout.split())
    assert "complete as of 2026-09-2" in told
    assert "days ago: ask NL-POL for a newer bundle" in told
    asked = custody(*words, "--as-of", "2026-09-01T00:00:00Z", folder=tmp_path).stdout
    assert "asked: none missing up to 2026-09-01T00:00:00Z" in " ".join(asked.split())
    asked = custody(*words, "--as-of", "2026-10-01T00:00:00Z", code=3, folder=tmp_path).stdout
    assert "which is before 2026-10-01T00:00:00Z" in " ".join(asked.split())
