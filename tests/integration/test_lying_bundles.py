"""Bundles of an agency that lies with all its keys: everything in them is signed, logged, anchored
and proven, and the verifier refuses what an honest node would never have taken.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from hashlib import sha512
from pathlib import Path

import pytest

from ledger.domain.bundle import bundle
from ledger.domain.codecs.text import b64url, format_time
from ledger.domain.event import disclosure
from ledger.domain.verify import Verdict, verify_beginning, verify_bundle
from tests.support.commands import custody
from tests.support.lying_bundles import (
    LyingItem,
    file_body,
    found,
    measured,
    prepare,
    refused,
)
from tests.support.lying_cases import DATA, HOLD, OTHER, accept_own_offer, dispose
from tests.support.malice import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = prepare(World(tmp_path, random.Random(2), "NL-POL", "RO-POL"))
    yield world
    world.close()


@pytest.fixture
def item(world: World) -> LyingItem:
    return LyingItem(world, world["NL-POL"])


def test_what_honest_people_signed_is_verified(world: World, item: LyingItem) -> None:
    """Else no refusal below would prove anything."""
    nl, ro = world["NL-POL"], world["RO-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    item.say("note", {"text": "x"}, ro.people["officer"])  # a guest
    item.offer(ro, nl.people["custodian"])
    item.accept(ro, ro.people["custodian"])
    item.say("note", {"text": "x"}, nl.people["officer"], log=ro)
    report = item.verdict(measured(DATA))
    assert report.verdict is Verdict.VERIFIED, report
    assert report.facts["custodian"] == "RO-POL"


def test_a_node_opens_and_disposes_of_no_item_with_its_own_key(
    world: World, item: LyingItem
) -> None:
    nl = world["NL-POL"]
    item.say("acquired", file_body(DATA), nl.service)
    refused(item.verdict(measured(DATA)), 3, "'service'", "'acquired'")


def test_an_auditor_opens_no_item(world: World, item: LyingItem) -> None:
    item.say("acquired", file_body(DATA), world["NL-POL"].certify(["auditor"]))
    refused(item.verdict(measured(DATA)), 3, "'auditor'", "'acquired'")


@pytest.mark.parametrize("shown", [True, False])
def test_a_node_closes_no_item_also_where_the_document_is_withheld(
    world: World, item: LyingItem, shown: bool
) -> None:
    nl = world["NL-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    body = {"scope": "all", "method": "shredded", "approvals": []}
    item.say("disposed", body, nl.service, shown=shown)
    refused(item.verdict(measured(DATA)), 3, "event 1", "'disposed'" if shown else "'close'")


def test_nobody_takes_an_item_by_an_offer_that_they_signed_themselves(
    world: World, item: LyingItem
) -> None:
    """Custody left the agency with an offer that only the taker had signed."""
    nl, ro = world["NL-POL"], world["RO-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    item.offer(ro, ro.people["custodian"])
    item.accept(ro, ro.people["custodian"])
    refused(item.verdict(measured(DATA)), 3, "event 1", "guest")


def test_no_guest_records_what_guests_may_not(world: World, item: LyingItem) -> None:
    nl, ro = world["NL-POL"], world["RO-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    item.say("moved", {"place": "store 3"}, ro.people["officer"])
    refused(item.verdict(measured(DATA)), 3, "event 1", "guest")


def test_no_role_that_a_guest_lacks_counts_for_one(world: World, item: LyingItem) -> None:
    nl, ro = world["NL-POL"], world["RO-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    item.say("note", {"text": "x"}, ro.people["custodian"])
    refused(item.verdict(measured(DATA)), 3, "event 1", "guest")


def test_of_what_is_withheld_the_type_and_role_are_not_called_checked(
    world: World, item: LyingItem
) -> None:
    nl = world["NL-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    item.say("note", {"text": "x"}, nl.people["officer"], shown=False)
    report = item.verdict(measured(DATA))
    assert report.verdict is Verdict.VERIFIED
    assert [one for one in report.findings if "type and role not checked: 1 event" in one]


def test_no_record_of_two_files_passes_for_either(world: World, item: LyingItem) -> None:
    """SHA-256 of one file and SHA-512 of another: each reader measured the one that fits."""
    body = file_body(DATA)
    body["digests"]["sha-512"] = sha512(OTHER).hexdigest()
    item.say("acquired", body, world["NL-POL"].people["officer"])
    report = item.verdict(measured(DATA))
    assert report.verdict is Verdict.INCOMPLETE
    assert "sha-512" in report.steps[9].detail
    both = measured(DATA, **{"sha-512": sha512(DATA).hexdigest()})
    refused(item.verdict(both), 9, "sha-512")


@pytest.mark.parametrize(
    ("event_type", "body", "members"),
    [
        ("note", {"text": "x"}, {"occurred": {"from": "2030-01-01T00:00:00Z"}}),
        ("incident", {"kind": "loss", "discovered": "2030-01-01T00:00:00Z"}, {}),
    ],
)
def test_nobody_signs_today_what_happened_tomorrow(
    world: World,
    item: LyingItem,
    event_type: str,
    body: dict[str, object],
    members: dict[str, object],
) -> None:
    officer = world["NL-POL"].people["officer"]
    item.say("acquired", file_body(DATA), officer)
    item.say(event_type, body, officer, **members)
    refused(item.verdict(measured(DATA)), 2, "event 1", "2030-01-01T00:00:00Z")


@pytest.mark.parametrize(("ahead", "fails"), [(300, False), (301, True)])
def test_as_far_as_clocks_differ_nobody_is_told_to_record_the_future(
    world: World, item: LyingItem, ahead: int, fails: bool
) -> None:
    officer = world["NL-POL"].people["officer"]
    occurred = {"from": format_time(world.clock.now() + ahead)}
    item.say("acquired", file_body(DATA), officer, occurred=occurred)
    verdict = item.verdict(measured(DATA)).verdict
    assert verdict is (Verdict.FAILED if fails else Verdict.VERIFIED)


def test_no_document_shows_each_court_another_file(world: World, item: LyingItem) -> None:
    """One statement, one anchored leaf, two files, each of which was verified."""
    rng = random.Random(3)
    body = file_body(DATA)
    hidden = [
        disclosure.make("digests", file_body(data)["digests"], rng.randbytes(16))
        for data in (DATA, OTHER)
    ]
    del body["digests"]
    body["_sd"] = sorted(b64url(one.digest) for one in hidden)
    body["_sd_names"] = ["digests", "digests"]
    item.say("acquired", body, world["NL-POL"].people["officer"], _sd_alg="sha-256")
    for data, shown in zip((DATA, OTHER), hidden, strict=True):
        refused(item.shown_with(0, shown.encoded).verdict(measured(data)), 1, "none twice")


def test_a_disposal_by_the_rules_is_verified(world: World, item: LyingItem) -> None:
    """Else no refusal below would prove anything; the time to keep it ended before it was anchored,
    and not yet when somebody without network signed.
    """
    nl = world["NL-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    ends = format_time(world.clock.now() + 1000)
    item.say("retention-set", {"rule": "r", "until": ends}, nl.people["custodian"])
    hold = item.say("hold-placed", HOLD, nl.people["custodian"])
    item.say("hold-released", HOLD, nl.people["custodian"])
    dispose(item, nl)
    world.clock.time += 700
    report = item.verdict(measured(DATA))
    assert report.verdict is Verdict.VERIFIED, report
    assert not found(report, "rules of the record") + found(report, "goes against")
    assert hold.document is not None


def test_no_item_is_disposed_of_under_a_hold(world: World, item: LyingItem) -> None:
    nl = world["NL-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    item.say("hold-placed", HOLD, nl.people["custodian"])
    dispose(item, nl)
    refused(item.verdict(measured(DATA)), 8, "event 4", "1 hold is in force")


def test_no_item_is_disposed_of_before_its_time(world: World, item: LyingItem) -> None:
    nl = world["NL-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    ends = format_time(world.clock.now() + 86400)
    item.say("retention-set", {"rule": "r", "until": ends}, nl.people["custodian"])
    dispose(item, nl)
    refused(item.verdict(measured(DATA)), 8, "event 4", "must be kept")


def test_nobody_approves_their_own_disposal_also_where_all_else_is_withheld(
    world: World, item: LyingItem
) -> None:
    nl = world["NL-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    item.say("note", {"text": "x"}, nl.people["officer"], shown=False)
    dispose(item, nl, approver=nl.people["custodian"])
    refused(item.verdict(measured(DATA)), 8, "event 3", "themselves")


def test_nobody_accepts_what_they_offered_themselves(item: LyingItem) -> None:
    accept_own_offer(item)
    refused(item.verdict(measured(DATA)), 8, "event 2", "offered themselves")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("sealed", {"number": "7"}), ("sealed", {"number": "7"})),
        (("note", {"text": "x"}), ("unsealed", {"number": "7"})),
        (("restricted", {"handling": ["csam"]}), ("disclosed", {"recipientKind": "defence"})),
        (("note", {"text": "x"}), ("accessed", {"mode": "view"})),
    ],
)
def test_what_the_record_forbids_is_refused(
    world: World,
    item: LyingItem,
    first: tuple[str, dict[str, object]],
    second: tuple[str, dict[str, object]],
) -> None:
    custodian = world["NL-POL"].people["custodian"]
    item.say("acquired", file_body(DATA), world["NL-POL"].people["officer"])
    item.say(*first, custodian)
    said, body = second
    item.say(said, {"mode": "copy", **body} if said == "disclosed" else body, custodian)
    refused(item.verdict(measured(DATA)), 8, "event 2")


def handed_over(world: World, item: LyingItem, **hold: bool) -> None:
    """The giver places a hold, and the taker disposes of the item."""
    nl, ro = world["NL-POL"], world["RO-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    item.say("hold-placed", HOLD, nl.people["custodian"], **hold)
    item.offer(ro, nl.people["custodian"])
    item.accept(ro, ro.people["custodian"], digests=file_body(DATA)["digests"])
    dispose(item, ro)


def test_a_hold_shown_only_after_the_taker_had_disposed_blames_nobody(
    world: World, item: LyingItem
) -> None:
    handed_over(world, item)
    report = item.verdict(measured(DATA))
    assert report.verdict is Verdict.VERIFIED, report
    assert found(report, "event 6, in the log of RO-POL", "1 hold is in force")


def test_a_hold_of_the_taker_s_own_is_no_matter_of_the_giver(world: World, item: LyingItem) -> None:
    nl, ro = world["NL-POL"], world["RO-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    item.offer(ro, nl.people["custodian"])
    item.accept(ro, ro.people["custodian"], digests=file_body(DATA)["digests"])
    item.say("hold-placed", HOLD, ro.people["custodian"], log=ro)
    dispose(item, ro)
    refused(item.verdict(measured(DATA)), 8, "event 6", "1 hold is in force")


def test_what_hangs_on_a_withheld_event_is_not_called_checked(
    world: World, item: LyingItem
) -> None:
    handed_over(world, item, shown=False)
    report = item.verdict(measured(DATA))
    assert report.verdict is Verdict.VERIFIED
    assert found(report, "rules of the record not checked: 6 events", "(1, 2, 3, 4, 5, 6)")


def test_a_rule_that_asks_for_a_withheld_member_is_neither_kept_nor_broken(
    world: World, item: LyingItem
) -> None:
    """A member that is withheld was taken for one that is not there."""
    nl = world["NL-POL"]
    hidden = disclosure.make("hold", "h-1", random.Random(3).randbytes(16))
    names = {"_sd": [b64url(hidden.digest)], "_sd_names": ["hold"]}
    item.say("acquired", file_body(DATA), nl.people["officer"])
    shown = {"disclosures": (hidden.encoded,), "_sd_alg": "sha-256"}
    item.say("hold-placed", names, nl.people["custodian"], **shown)
    dispose(item, nl)
    refused(item.verdict(measured(DATA)), 8, "event 4", "1 hold is in force")
    report = item.shown_with(1).verdict(measured(DATA))
    assert report.verdict is Verdict.VERIFIED
    assert found(report, "rules of the record not checked", "(1, 2, 3, 4)")


def test_no_later_custodian_spoils_what_was_recorded_before(
    world: World, item: LyingItem, tmp_path: Path
) -> None:
    """A taker signed one event that no honest node takes, and the record of all before failed."""
    nl, ro = world["NL-POL"], world["RO-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    item.say("note", {"text": "x"}, nl.people["officer"])
    item.offer(ro, nl.people["custodian"])
    item.accept(ro, ro.people["custodian"])
    item.say("disposed", {"scope": "all", "method": "x", "approvals": []}, ro.service, log=ro)
    item.say("note", {"text": "x"}, ro.people["officer"], log=ro)
    data, root = item.bundle()
    (tmp_path / "photo.jpg").write_bytes(DATA)
    (tmp_path / "photo.jpg.bundle").write_bytes(data)
    (tmp_path / "trust.json").write_bytes(root.encode())
    words = ("verify", "photo.jpg", "--trust", "trust.json")
    failed = custody(*words, code=1, folder=tmp_path).stdout
    assert "what stands: verified up to event 3, held by RO-POL" in failed
    assert "the first event that is wrong: 4, in the log of RO-POL" in failed
    part = custody(*words, "--until", 3, folder=tmp_path).stdout
    assert part.startswith("VERIFIED: up to event 3, and no later one was judged: this file is")
    assert "2 later events not judged" in part
    assert part.splitlines()[-1].startswith("verdict: verified (up to event 3)")
    custody(*words, "--until", 4, code=1, folder=tmp_path)
    said = custody(*words, "--until", 6, code=2, folder=tmp_path).stderr
    assert "the bundle has events 0 to 5" in said
    told = json.loads(custody("--json", *words, code=1, folder=tmp_path).stdout)["stands"]
    assert (told["event"], told["custodian"], told["nextAgency"]) == (3, "RO-POL", "RO-POL")


def test_what_stands_is_as_long_as_it_can_be(world: World, item: LyingItem) -> None:
    """Against trying every length."""
    nl = world["NL-POL"]
    item.say("acquired", file_body(DATA), nl.people["officer"])
    for number in range(1, 12):
        wrong = number == 8
        item.say(
            "moved" if wrong else "note",
            {"place": "x"} if wrong else {"text": "x"},
            world["RO-POL"].people["officer"] if wrong else nl.people["officer"],
        )
    data, root = item.bundle()
    parsed = bundle.parse(data)
    good = [
        verify_bundle(parsed, root, until=until).verdict is Verdict.VERIFIED for until in range(12)
    ]
    assert good == [True] * 8 + [False] * 4
    stands = verify_beginning(parsed, root)
    assert stands is not None
    assert stands.until == 7
    item.events = [item.events[0]]
    assert verify_beginning(bundle.parse(item.bundle()[0]), root) is None
