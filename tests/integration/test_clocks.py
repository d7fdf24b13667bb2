"""Clocks that differ: a reader's, a colleague's, and a node's own that was wrong for a while."""

from __future__ import annotations

import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from ledger.client.handovers import handover
from ledger.client.reading import retrieval
from ledger.domain.errors import ChainError, RuleError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.rows.storage import ReplicaStateRow
from ledger.services.partners import directory
from ledger.services.registration import agency_statements
from ledger.services.storage import garbage_collection
from ledger.services.workers.anchoring_worker import AnchoringPolicy, AnchoringWorker, due
from tests.support import consortium
from tests.support.consortium import NL, RO, Consortium, upload
from tests.support.desk import BASIS, Desk
from tests.support.lying import lying
from tests.support.people import joined


class Off:
    """A clock that is wrong by so many seconds."""

    def __init__(self, by: int) -> None:
        self.by = by

    def now(self) -> int:
        return int(time.time()) + self.by


@pytest.mark.parametrize("by", [1, 2, 30, 290])
def test_a_reader_whose_clock_runs_ahead_gets_what_they_signed_for(
    desk: Desk, tmp_path: Path, by: int
) -> None:
    item, out = upload(desk, tmp_path, b"content"), BytesIO()
    access = retrieval.record_access(
        desk.client, desk.person, Off(by), item, mode="copy", basis=BASIS
    )
    retrieval.fetch(desk.client, desk.person, item, access, out)
    assert out.getvalue() == b"content"


@pytest.mark.parametrize("by", [400, -3700])
def test_an_access_that_opens_nothing_is_not_in_the_log(
    desk: Desk, tmp_path: Path, by: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = upload(desk, tmp_path, b"content")
    monkeypatch.setattr(desk.node, "clock", Off(7200))
    with pytest.raises(RuleError, match="the node's clock says"):
        retrieval.record_access(
            desk.client, desk.person, Off(7200 + by), item, mode="copy", basis=BASIS
        )
    assert desk.client.item(item).events == 1


def test_whoever_dates_ahead_keeps_nobody_from_recording(desk: Desk, tmp_path: Path) -> None:
    item = upload(desk, tmp_path, b"content")
    retrieval.record(desk.client, desk.person, Off(299), item, "note", {"text": "from the future"})
    retrieval.record(desk.client, desk.person, Off(0), item, "note", {"text": "from now"})
    assert desk.client.item(item).events == 3


def test_a_clock_that_was_wrong_for_a_minute_shuts_nobody_out_for_a_year(
    both: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl, ro = both[NL], both[RO]
    worker = AnchoringWorker(nl.node, AnchoringPolicy())
    with monkeypatch.context() as patch:
        patch.setattr(nl.node, "clock", Off(400 * 86400))
        assert worker._publish_crl().problem == ""
    with pytest.raises(ChainError, match="from the future"):
        directory.add(ro.node, consortium.address(NL))
    assert "issued at" in worker._publish_crl().problem
    assert directory.add(ro.node, consortium.address(NL)).agency == NL
    assert worker._publish_crl().problem == ""


def test_a_clock_that_was_behind_for_a_minute_keeps_nobody_out_for_a_day(
    both: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list that it issued was older than the one that the others had, and refused by them until
    the next day.
    """
    nl, ro = both[NL], both[RO]
    worker = AnchoringWorker(nl.node, AnchoringPolicy())
    with nl.node.records.write() as unit:
        agency_statements.publish_crl(nl.node, unit)
    directory.add(ro.node, consortium.address(NL))
    with monkeypatch.context() as patch:
        patch.setattr(nl.node, "clock", Off(-3600))
        assert "issued at" in worker._publish_crl().problem
    with pytest.raises(ChainError, match="an older revocation list than before"):
        directory.add(ro.node, consortium.address(NL))
    assert worker._publish_crl().problem == ""
    assert directory.add(ro.node, consortium.address(NL)).agency == NL


def test_a_list_that_follows_one_of_a_moment_ahead_is_not_refused_as_older(
    both: Consortium,
) -> None:
    """Block times run ahead by seconds, and a list for such a time was asked for. Somebody who was
    suspended within that minute shut everybody of their agency out.
    """
    nl, ro = both[NL], both[RO]
    with nl.node.records.write() as unit:
        ahead = agency_statements.fresh_crl(nl.node, unit, nl.node.clock.now() + 50)
    assert ahead is not None
    directory.add(ro.node, consortium.address(NL))
    with nl.node.records.write() as unit:
        assert agency_statements.publish_crl(nl.node, unit).issued == ahead.issued
    assert directory.add(ro.node, consortium.address(NL)).agency == NL


@pytest.mark.parametrize("days", [2, 400])
def test_a_list_from_the_future_comes_in_on_no_way_and_one_that_is_kept_keeps_no_right_one_out(
    both: Consortium, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    nl, ro = both[NL], both[RO]
    with monkeypatch.context() as patch:
        patch.setattr(nl.node, "clock", Off(days * 86400))
        directory.renew_crl(ro.node, NL, int(time.time()) + 5)  # as a bundle asks for one
        poison = nl.node.reach(consortium.address(NL)).crl()
    with ro.node.records.read() as unit:
        row = directory.known(unit, NL)
    assert revocation_lists.crl_issued(row.crl) <= time.time() + 60
    with ro.node.records.write() as unit:
        unit.partners.put(replace(row, crl=poison))
    AnchoringWorker(nl.node, AnchoringPolicy())._publish_crl()
    assert directory.add(ro.node, consortium.address(NL)).agency == NL
    with ro.node.records.read() as unit:
        assert revocation_lists.crl_issued(directory.known(unit, NL).crl) <= time.time() + 60


def test_a_version_that_is_shown_again_and_again_costs_no_calls_of_the_chain(
    both: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    ro, calls = both[RO], list[int]()
    asked = type(ro.node.contracts).descriptor_commitment
    monkeypatch.setattr(
        type(ro.node.contracts),
        "descriptor_commitment",
        lambda *given: calls.append(1) or asked(*given),
    )
    for change in (lambda rows: rows * 4000, lambda rows: [*rows, replace(rows[-1], version=99)]):
        with (
            lying(ro, NL, versions=change),
            pytest.raises(ChainError, match="twice, or before its time"),
        ):
            directory.add(ro.node, consortium.address(NL))
    assert len(calls) == 2


def test_an_entry_that_is_dated_a_year_ahead_is_anchored_all_the_same(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(desk, tmp_path, b"content")
    desk.anchor()
    with monkeypatch.context() as patch:
        patch.setattr(desk.node, "clock", Off(400 * 86400))
        assert AnchoringWorker(desk.node, AnchoringPolicy())._publish_crl().problem == ""
    assert due(desk.node, AnchoringPolicy(growth=256, age=60))


def test_an_offer_that_has_expired_shows_nothing_any_more(
    both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = both[NL]
    item, taker = (
        upload(desk, tmp_path, b"content"),
        joined(desk, tmp_path / "taker", "officer", number="8"),
    )
    terms = OfferTerms(desk.node.agency, desk.clock.now() + 60, person=taker.pseudonym)
    handover.offer(desk.client, desk.person, desk.clock, item, terms)
    with taker.client() as client:
        monkeypatch.setattr(desk.node, "clock", Off(120))
        for ask in (lambda: client.incoming(item), lambda: client.incoming_content(item, 0, 100)):
            with pytest.raises(RuleError, match="expired"):
                ask()


def test_a_clock_that_was_ahead_puts_nothing_off_until_the_day_that_it_said(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daily collection, a reading that proves that a copy is whole, and the removal of what was
    disposed of waited for more than a year.
    """
    worker, collected = AnchoringWorker(desk.node, AnchoringPolicy()), list[int]()
    monkeypatch.setattr(garbage_collection, "collect", lambda _: collected.append(1))
    for days in (400, 1, 2):
        with monkeypatch.context() as patch:
            patch.setattr(desk.node, "clock", Off(days * 86400))
            worker._clear_away()
    assert len(collected) == 3

    item, now = upload(desk, tmp_path, b"x" * 3000), desk.clock.now()
    ahead = now + 400 * 86400
    with desk.node.records.read() as unit:
        row = unit.items.get(item)
    assert row is not None
    assert row.cid is not None
    kept = ReplicaStateRow(item, "site", row.cid, "pinned", ahead, proof=ahead, reads=1)
    desk.node.put_holdings([kept])
    with desk.node.records.read() as unit:
        assert unit.replicas.oldest_proofs(["site"], now - 30 * 86400, now - 86400, now, 10) == [
            kept
        ]
    gone = replace(kept, state="released")
    desk.node.put_holdings([gone])
    with desk.node.records.read() as unit:
        assert unit.replicas.due("site", now, 10) == [gone]
