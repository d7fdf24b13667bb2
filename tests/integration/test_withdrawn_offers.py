"""An agency that offers and takes back leaves nothing here for good, and for a while no more than it
may have on offer; what somebody here had a part in stays for the audit.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.client.handovers import handover, offered_item
from ledger.services.handovers import withdrawn
from ledger.services.node.backoff import Backoff
from ledger.services.storage import garbage_collection
from tests.integration.test_audit_inside import audit
from tests.support.consortium import NL, RO, Consortium, offer, upload
from tests.support.lying import rows


def offered_and_back(
    both: Consortium,
    tmp_path: Path,
    meanwhile: Callable[[str], object] = lambda item: None,
    data: bytes = b"there and back",
) -> str:
    """An item that the Dutch agency offered to the Romanian one and took back."""
    nl = both[NL]
    item = upload(nl, tmp_path, data)
    offer(nl, item, RO)
    assert both.settle(NL, RO) == {}
    meanwhile(item)
    handover.withdraw(nl.client, nl.person, nl.clock, item, reason="not now")
    both.settle(NL, RO)
    return item


def mentions(both: Consortium, item: str) -> set[str]:
    """Tables of the Romanian agency that speak of an item."""
    found = rows(both[RO].node)
    return {table for table, all_ in found.items() for row in all_ if item in row.values()}


@pytest.fixture
def week_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(withdrawn, "GRACE", -1)


@pytest.mark.usefixtures("week_over")
def test_the_record_of_an_item_that_was_taken_back_goes_when_its_time_is_over(
    both: Consortium, tmp_path: Path
) -> None:
    ro = both[RO]
    item = offered_and_back(both, tmp_path)
    with ro.node.records.read() as unit:
        documents = [row.payload for row in unit.logs.events(item)]
        assert all(unit.documents.get(document) for document in documents)
    assert mentions(both, item)
    ro.anchor()
    before = audit(ro).codes()
    assert withdrawn.clear(ro.node) >= 1
    assert mentions(both, item) == set()
    with ro.node.records.read() as unit:
        assert not any(unit.documents.get(document) for document in documents)
    assert audit(ro).codes() == before == set()
    assert withdrawn.clear(ro.node) == 0


def test_it_stays_for_a_week(both: Consortium, tmp_path: Path) -> None:
    item = offered_and_back(both, tmp_path)
    withdrawn.clear(both[RO].node)
    assert "item" in mentions(both, item)


@pytest.mark.usefixtures("week_over")
def test_what_is_offered_again_comes_in_anew_and_is_accepted(
    both: Consortium, tmp_path: Path
) -> None:
    nl, ro = both[NL], both[RO]
    data = os.urandom(2 << 20)
    item = offered_and_back(both, tmp_path, data=data)
    assert withdrawn.clear(ro.node) >= 1
    offer(nl, item, RO)
    assert both.settle(NL, RO) == {}
    handover.accept(ro.client, ro.person, ro.clock, item)
    assert both.settle(NL, RO) == {}
    assert ro.get(item) == data
    assert withdrawn.clear(ro.node) == 0
    ro.anchor()
    assert audit(ro).codes() == set()


@pytest.mark.usefixtures("week_over")
def test_what_somebody_here_looked_at_or_answered_stays_for_the_audit(
    both: Consortium, tmp_path: Path
) -> None:
    nl, ro = both[NL], both[RO]
    looked = offered_and_back(
        both, tmp_path, lambda item: offered_item.look(ro.client, ro.person, item)
    )
    answered = upload(nl, tmp_path)
    offer(nl, answered, RO)
    both.settle(NL, RO)
    handover.decline(ro.client, ro.person, ro.clock, answered, reason="no")
    both.settle(NL, RO)
    offer(nl, answered, RO)
    both.settle(NL, RO)
    handover.withdraw(nl.client, nl.person, nl.clock, answered, reason="then not")
    both.settle(NL, RO)
    before = rows(ro.node)
    assert withdrawn.clear(ro.node) == 0
    assert rows(ro.node) == before
    assert {"item", "document"} <= mentions(both, looked)
    with ro.node.records.read() as unit:
        assert unit.tables.rows("release", evidence=looked)
    assert {"item", "document"} <= mentions(both, answered)
    ro.anchor()
    assert audit(ro).codes() == set()


def test_what_was_taken_back_counts_in_the_quota_until_it_is_cleared_away(
    both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl, ro = both[NL], both[RO]
    monkeypatch.setattr(ro.node, "quota", 5 << 20)
    offered_and_back(both, tmp_path, data=os.urandom(4 << 20))
    second = upload(nl, tmp_path, os.urandom(4 << 20))
    offer(nl, second, RO)
    assert "or that it took back this week" in both.settle(NL, RO)[second]
    monkeypatch.setattr(withdrawn, "GRACE", -1)
    assert withdrawn.clear(ro.node) >= 1
    ro.node.backoff = Backoff()
    assert both.settle(NL, RO) == {}
    handover.decline(ro.client, ro.person, ro.clock, second, reason="enough")
    both.settle(NL, RO)


@pytest.mark.usefixtures("week_over")
def test_its_ciphertext_goes_with_the_collection(
    both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ro = both[RO]
    before = set(ro.node.blocks.cids())
    offered_and_back(both, tmp_path, data=os.urandom(3 << 20))
    left = set(ro.node.blocks.cids()) - before
    assert left
    withdrawn.clear(ro.node)
    monkeypatch.setattr(garbage_collection, "LEAST_GRACE", -7200)
    garbage_collection.collect(ro.node, grace=-7200)
    assert not left & set(ro.node.blocks.cids())
