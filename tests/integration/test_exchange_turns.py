"""Nobody's many rows hide another's, and nobody's slow node holds up another's exchange, our own
duties or the end of the process.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from cli.commands.handover import _rounds
from ledger.domain.errors import NetworkError, RuleError
from ledger.domain.identity.person import PersonId
from ledger.domain.ports.answers import Coming, Copy, Exchanged
from ledger.rows.agencies import PartnerRow
from ledger.rows.handovers import DisclosedCopyRow, ErasureRow, TransferStepRow
from ledger.rows.items import ShareRow
from ledger.services.handovers import (
    disclosed_copies,
    erasure,
    incoming_parcels,
    outgoing_parcels,
    sync,
)
from ledger.services.node import transfer_progress
from ledger.services.onchain import transfer_steps
from ledger.services.workers.handover_worker import HandoverWorker, _Agency
from tests.support import consortium
from tests.support.consortium import NL, RO, US, Consortium, offer, upload
from tests.support.desk import Desk
from tests.support.lying import lying


def name(number: int) -> str:
    """Of an item that comes before any that is made here: names are chosen by whoever opens an
    item.
    """
    return f"urn:uuid:00000000-0000-4000-8000-{number:012x}"


def clear(unit: Any, table: str, begin: str) -> None:
    """Take away the rows of items whose names begin so."""
    unit.flush()
    unit._db.execute(text(f"delete from {table} where evidence like 'urn:uuid:{begin}%'"))


@contextmanager
def rows(desk: Desk, put: Callable[[Any, int], None], table: str) -> Iterator[None]:
    """A thousand rows as others, or years, would have left them."""
    with desk.node.records.write() as unit:
        for number in range(1000):
            put(unit, number)
    try:
        yield
    finally:
        with desk.node.records.write() as unit:
            clear(unit, table, "00000000")


def test_a_thousand_offers_of_one_agency_hide_nobody_elses_and_count_in_its_quota(
    trio: Consortium, tmp_path: Path
) -> None:
    nl, ro = trio[NL], trio[RO]
    evidence = upload(nl, tmp_path)
    offer(nl, evidence, RO)

    def put(unit: Any, number: int) -> None:
        unit.transfers.put(
            TransferStepRow(
                name(number),
                0,
                US,
                NL,
                number.to_bytes(32, "big"),
                int(time.time()) + 80_000,
                "open",
                1,
            )
        )

    with rows(nl, put, "crossing"):
        sync.settle(nl.node, timeout=30)
        assert evidence in {
            one.evidence for one in ro.node.reach(consortium.address(NL)).exchanged()
        }
        assert [row.giver for row in transfer_steps.every(nl.node, ("open",), giver=NL)] == [NL]
        with pytest.raises(RuleError, match="1000 items on offer here"):
            incoming_parcels._require_room(nl.node, US, evidence, 1)
        incoming_parcels._require_room(nl.node, RO, evidence, 1)


def test_what_lies_here_is_opened_once_and_not_again_with_every_item_behind_it(
    both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl, ro = both[NL], both[RO]
    items = [upload(nl, tmp_path, os.urandom(1000)) for _ in range(4)]
    for evidence in items:
        offer(nl, evidence, RO)
    measured, opened = incoming_parcels._bytes_here, list[str]()

    def measure(node: Any, evidence: str) -> int:
        opened.append(evidence)
        return measured(node, evidence)

    monkeypatch.setattr(incoming_parcels, "_bytes_here", measure)
    assert both.settle() == {}
    assert {item.evidence for item in ro.client.items()} >= set(items)
    assert len(opened) == len(set(opened))


def test_a_parcel_for_which_there_is_no_room_is_not_fetched(
    both: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming_parcels, "MOST", 0)
    with pytest.raises(RuleError, match="no further one is taken in"):
        incoming_parcels.receive(both[RO].node, NL, None, name(1))  # type: ignore[arg-type]


def test_the_disposal_behind_a_thousand_others_is_told(both: Consortium) -> None:
    ro = both[RO]
    with ro.node.records.write() as unit:
        unit.erasures.put(
            ErasureRow("urn:uuid:ffffffff-0000-4000-8000-000000000000", bytes(32), RO, "done")
        )
        unit.transfers.put(
            TransferStepRow(
                "urn:uuid:ffffffff-0000-4000-8000-000000000000",
                0,
                RO,
                NL,
                bytes(32),
                1,
                "concluded",
                1,
                1,
            )
        )

    def put(unit: Any, number: int) -> None:
        unit.erasures.put(ErasureRow(name(number), number.to_bytes(32, "big"), RO, "done"))

    with rows(ro, put, "erasure"):
        found = [row.evidence for row in erasure._rows(ro.node, ("done",), RO, held=NL)]
        assert len(list(erasure._rows(ro.node, ("done",), RO))) >= 1001
    assert "urn:uuid:ffffffff-0000-4000-8000-000000000000" in found
    assert name(0) not in found
    with ro.node.records.write() as unit:
        for table in ("erasure", "crossing"):
            clear(unit, table, "ffffffff")


def test_slow_agencies_however_many_leave_two_threads_to_those_that_were_quick() -> None:
    nobody: Any = None  # no turn is taken: only who would be next
    exchanger = HandoverWorker(nobody)
    slow = {
        f"RO-S{number}": _Agency(PartnerRow(f"RO-S{number}", ""), took=60.0) for number in range(8)
    }
    quick = _Agency(PartnerRow(US, ""), due=1.0, took=0.4)  # it waits for less long than they do
    new = _Agency(PartnerRow(RO, ""), due=2.0)
    exchanger._agencies = {**slow, US: quick, RO: new}
    turns = [loop._duty.round.keywords["longest"] for loop in exchanger._loops[1:]]
    taken = [exchanger._next(longest) for longest in turns]
    assert [one.row.agency for one in taken if one][:2] == [US, RO]
    assert {one.row.agency for one in taken[2:] if one} <= set(slow)
    assert all(taken)


def test_a_thousand_copies_that_ran_out_hide_none_that_may_be_fetched(both: Consortium) -> None:
    nl = both[NL]

    def put(unit: Any, number: int) -> None:
        until = int(time.time()) + 9000 if number == 999 else 1_700_000_000 + number
        unit.copies.put(DisclosedCopyRow((number + 1).to_bytes(32, "big"), name(number), RO, until))

    with rows(nl, put, "given"):
        assert [
            row.evidence
            for row in disclosed_copies.for_agency(nl.node, RO)
            if row.evidence.startswith("urn:uuid:00000000")
        ] == [name(999)]


def test_a_list_that_is_longer_than_a_page_goes_on_in_the_next_call_and_begins_again_at_its_end(
    both: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing_parcels, "PAGE", 2)
    known = [Exchanged(name(number), NL, RO, "00" * 32, 0, "open") for number in range(5)]
    node = both[NL].node

    def ask(after: str = "") -> list[dict[str, Any]]:
        return [row for row in known if row.evidence > after][:2]

    def call() -> list[str]:
        return [one.evidence for one in outgoing_parcels.page(node, "a test", ask)]

    assert [call() for _ in range(4)] == [
        [name(0), name(1)],
        [name(2), name(3)],
        [name(4)],
        [name(0), name(1)],
    ]
    for _ in outgoing_parcels.page(node, "cut", ask):
        break
    assert [one.evidence for one in outgoing_parcels.page(node, "cut", ask)] == [name(1), name(2)]
    stubborn = [
        [one.evidence for one in outgoing_parcels.page(node, "odd", lambda *_: known[:2])]
        for _ in range(3)
    ]
    assert stubborn == [[name(0), name(1)]] * 3, "a node that ignores where it was asked to begin"


def test_somebody_with_parts_in_very_many_items_sees_every_one_of_them(
    both: Consortium, tmp_path: Path
) -> None:
    nl = both[NL]
    evidence, person = upload(nl, tmp_path), PersonId(NL, "many")
    with nl.node.records.write() as unit:
        for number in range(10_000):
            unit.items.put_share(ShareRow(name(number), person, bytes(32)))
        unit.items.put_share(ShareRow(evidence, person, bytes(32)))
        found = unit.items.page(after=-1, limit=10, person=person, evidence=None)
        assert [item.state.evidence for item in found] == [evidence]
        for number in range(10_000):
            unit.items.put_token(b"t" * 32, name(number))
        unit.items.put_token(b"t" * 32, evidence)
        found = unit.items.page(after=-1, limit=10, person=person, evidence=None, token=b"t" * 32)
        assert [item.state.evidence for item in found] == [evidence], (
            "however many others have the same case"
        )
        for table in ("share", "blind_index"):
            clear(unit, table, "00000000")
        clear(unit, "share", evidence.removeprefix("urn:uuid:"))
        clear(unit, "blind_index", evidence.removeprefix("urn:uuid:"))


def test_an_agency_that_does_not_give_its_copies_leaves_places_for_others(
    both: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    monkeypatch.setattr("api.routes.copies._MOMENT", 0.3)

    class Silent:
        def copy_content(self, *_: Any) -> bytes:
            free.wait(30)
            raise NetworkError("nothing came")

    node = both[NL].node
    monkeypatch.setattr(node, "reach", lambda _: Silent())
    copy = Copy(RO, NL, name(1), "11" * 32, "2027-01-01T00:00:00Z", "")
    try:
        for wait in (5.0, 0.3):
            begin = time.monotonic()
            with pytest.raises(NetworkError):
                both[NL].client.copy_range(copy, 0, 10)
            assert time.monotonic() - begin < 5, wait
        assert node.copying._under_way[RO] == 1, "it was left alone the second time"
        assert node.copying.run(US, lambda: 7, seconds=1) == 7
    finally:
        free.set()


def test_one_slow_agency_holds_up_neither_another_nor_our_own_duties_nor_a_call_nor_the_end(trio: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    nl, ro, us = trio[NL], trio[RO], trio[US]
    large, small = upload(us, tmp_path, os.urandom(9 << 20)), upload(ro, tmp_path, os.urandom(9000))
    offer(us, large, NL)
    offer(ro, small, NL)
    trio.settle(US, RO, rounds=2)
    asked, free = threading.Event(), threading.Event()

    def slow(data: bytes, *_: Any) -> bytes:
        asked.set()
        assert free.wait(60)
        return data

    with lying(nl, US, ciphertext=slow), nl.node.records.write() as unit:
        unit.erasures.put(ErasureRow(name(1), bytes(32), US, "due"))
    exchanger = HandoverWorker(nl.node)
    try:
        with lying(nl, US, ciphertext=slow):
            exchanger.start()
            assert asked.wait(60)
            monkeypatch.setattr(sync, "_MOMENT", 0.1)
            begin = time.monotonic()
            done = sync.sync(nl.node, seconds=20)
            assert time.monotonic() - begin < 15
            assert f"exchange {US} is under way" in done.problems[US]
            deadline = time.monotonic() + 20
            while nl.client.item(small).offer is None:
                assert time.monotonic() < deadline
            with nl.node.records.read() as unit:
                row = unit.erasures.get(name(1))
            assert row is not None
            assert row.state == "dropped"
            threading.Timer(
                0.2, free.set
            ).start()  # the range under way ends; no other one is asked for
            begin = time.monotonic()
            exchanger.stop()
            assert time.monotonic() - begin < 10
            assert not any(loop.is_alive() for loop in exchanger._loops)
        assert nl.node.transfers.of(US)[0].done == transfer_progress.RANGE
        assert trio.settle(NL, rounds=1).get(large) is None
        assert nl.client.item(large).offer
        assert nl.node.transfers.of(US) == []
    finally:
        free.set()
        exchanger.stop()


def test_a_transfer_goes_on_where_it_stopped_and_one_that_is_too_slow_leaves_nothing(both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path, os.urandom(9 << 20))
    offer(nl, evidence, RO)
    both.settle(NL)
    starts: list[int] = []

    def count(data: bytes, _: str, start: int, __: int) -> bytes:
        starts.append(start)
        return data

    before = set(ro.node.blocks.cids())
    with lying(ro, NL, ciphertext=count):
        api = ro.node.reach(consortium.address(NL))
        monkeypatch.setattr(transfer_progress, "GRACE", -1e9)
        with pytest.raises(NetworkError, match="fewer than 64 KiB a second"):
            incoming_parcels.receive(ro.node, NL, api, evidence)
        assert set(ro.node.blocks.cids()) == before
        monkeypatch.undo()
        assert not incoming_parcels.receive(ro.node, NL, api, evidence, lambda: True)
        [transfer] = ro.node.transfers.of(NL)
        ro.node.quota, kept = 9 << 20, ro.node.quota
        with pytest.raises(RuleError, match="beyond the limit"):
            incoming_parcels._require_room(ro.node, NL, "another", 1 << 20)
        ro.node.quota = kept
        assert not incoming_parcels.receive(ro.node, NL, api, evidence, lambda: True)
        assert incoming_parcels.receive(ro.node, NL, api, evidence, lambda: True)
    assert starts == [0, 0, 4 << 20, 8 << 20]
    assert ro.node.transfers.of(NL) == []
    assert ro.node.blocks.missing(list(transfer.blocks)) == []


def test_a_large_item_comes_in_where_no_process_goes_on_behind_the_command(both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """Transfers live in memory: a command that ends after one round would begin each large item
    anew for ever.
    """
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path, os.urandom(9 << 20))
    small = upload(nl, tmp_path, os.urandom(9000))
    offer(nl, evidence, RO)
    offer(nl, small, RO)
    sync.settle(nl.node, timeout=30)
    monkeypatch.setattr(sync, "_SLICE", 0.0)  # a range a round
    served = _rounds(SimpleNamespace(node=ro.client, served=True))
    assert served.received == (small,)
    assert 0 < served.coming.done < served.coming.size
    found = _rounds(SimpleNamespace(node=ro.client, served=False))
    assert (found.received, found.coming, found.problems) == (
        (evidence,),
        Coming(0, 0),
        {},
    )
    assert ro.client.item(evidence).offer is not None


def test_a_round_that_brings_nothing_more_ends_where_no_process_goes_on_behind_it(both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path, os.urandom(9 << 20))
    offer(nl, evidence, RO)
    sync.settle(nl.node, timeout=30)
    monkeypatch.setattr(sync, "_SLICE", 0.0)
    sync.sync(ro.node)

    def gone(*_: Any) -> bytes:
        raise NetworkError("no answer in 10 s")

    with lying(ro, NL, ciphertext=gone):
        found = _rounds(SimpleNamespace(node=ro.client, served=False))
    assert "no answer" in found.problems[evidence]
    assert 0 < found.coming.done < found.coming.size
