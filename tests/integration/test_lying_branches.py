"""Bundles of agencies that signed more than one continuation of an item: one answer, whoever shows
them and in whatever order.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ledger.domain.bundle import bundle
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import VerificationError
from ledger.domain.identity import certificate as certificates
from ledger.domain.verify import Verdict, verify_bundle
from ledger.services.bundles import unpacking
from tests.support import lying_cases
from tests.support.lying_bundles import LyingItem, found, measured, prepare, refused
from tests.support.lying_cases import DATA
from tests.support.malice import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = prepare(World(tmp_path, random.Random(2), "NL-POL", "RO-POL"))
    yield world
    world.close()


@pytest.fixture
def item(world: World) -> LyingItem:
    return LyingItem(world, world["NL-POL"])


def test_a_bundle_that_shows_a_fork_is_judged_by_the_branch_that_counts(
    world: World, item: LyingItem
) -> None:
    """Whoever shows the other branch, or the same in another order, gets no other answer."""
    lying_cases.fork(item)
    report = item.verdict(measured(DATA))
    assert report.verdict is Verdict.VERIFIED, report
    [told] = report.as_json()["beside"]
    assert (told["seq"], told["log"], told["standing"]) == (1, "NL-POL", "fork")
    assert told["statement"] == item.beside[0].statement.digest.hex()
    assert [one["seq"] for one in report.events] == [0, 1]
    lying_cases.other_branch(other := LyingItem(world, item.origin))
    refused(other.verdict(measured(DATA)), 2, "stands out of order")


def test_what_stands_beside_a_branch_is_in_the_log_or_fails(world: World, item: LyingItem) -> None:
    """An agency would be blamed for what it never took into its log."""
    lying_cases.fork(item)
    data, root = item.bundle()
    parsed = bundle.parse(data)
    *branch, beside = parsed.statements
    for row in (
        replace(beside, receipt=branch[-1].receipt),
        replace(beside, index=branch[-1].index),
        replace(beside, document=item.events[1].document),
        branch[-1],
    ):
        changed = replace(parsed, statements=(*branch, row))
        assert verify_bundle(changed, root).verdict is Verdict.FAILED
    twice = replace(parsed, statements=(*branch, beside, beside))
    assert verify_bundle(twice, root).verdict is Verdict.FAILED


def test_what_is_judged_up_to_an_event_leaves_out_what_stands_beside(
    world: World, item: LyingItem
) -> None:
    lying_cases.fork(item)
    item.say("note", {"text": "z"}, item.origin.people["officer"])
    data, root = item.bundle()
    parsed = bundle.parse(data)
    for until, left in ((0, 2), (1, 1), (2, 0), (3, 0)):
        report = verify_bundle(parsed, root, until=until)
        assert report.verdict is Verdict.VERIFIED, report
        assert found(report, f"{left} later event") if left else not found(report, "later event")
        assert len(report.beside) == (0 if left else 1)


def test_who_took_an_item_by_nobody_s_offer_is_not_called_its_custodian(
    world: World, item: LyingItem
) -> None:
    lying_cases.taken_by_nobody_s_offer(item)
    report = item.verdict(measured(DATA))
    assert report.verdict is Verdict.INCOMPLETE
    assert "from NL-POL to an agency that is not named here" in report.steps[8].detail
    assert "custodian" not in report.facts
    data, root = item.bundle()
    assert verify_bundle(bundle.parse(data), root, until=0).verdict is Verdict.VERIFIED


def test_a_node_takes_nothing_from_a_log_that_has_two_histories_of_the_item(
    world: World, item: LyingItem
) -> None:
    """Whoever goes on from one of them would stand by what the other one denies."""
    node: Any = SimpleNamespace(contracts=world.contracts, agency="RO-POL")
    acquired = LyingItem(world, item.origin)
    lying_cases.acquire(acquired)
    unpacking.verify_bundle(node, bundle.parse(acquired.bundle()[0]))
    lying_cases.fork(item)
    with pytest.raises(VerificationError, match="more than one history"):
        unpacking.verify_bundle(node, bundle.parse(item.bundle()[0]))


@pytest.mark.parametrize(("seconds", "fails"), [(90 * 86400, False), (90 * 86400 + 1, True)])
def test_no_offer_is_good_for_longer_than_ninety_days(
    world: World, item: LyingItem, seconds: int, fails: bool
) -> None:
    nl = world["NL-POL"]
    lying_cases.acquire(item)
    to = {"agency": nl.code, "person": certificates.parse(nl.people["examiner"].der).pseudonym}
    ends = format_time(world.clock.now() + seconds)
    terms = {"mode": "custody", "to": to, "expires": ends}
    item.say("transfer-offered", terms, nl.people["custodian"])
    report = item.verdict(measured(DATA))
    assert report.verdict is (Verdict.FAILED if fails else Verdict.VERIFIED), report
