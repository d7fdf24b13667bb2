"""A partner's node that lies about copies, disposals and revocations: nothing that is here is
replaced or destroyed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.ratelimit import LISTS
from ledger.adapters.database.engine import sqlite_url
from ledger.adapters.database.store import SqlRecords
from ledger.adapters.memory import StoppedClock
from ledger.client.handovers import copying, handover
from ledger.domain.bundle import bundle as bundles
from ledger.domain.errors import (
    ChainError,
    ConflictError,
    CustodyError,
    VerificationError,
)
from ledger.domain.ports.answers import DisposalNote, Lineage
from ledger.rows.agencies import CrlRow
from ledger.rows.logs import EntryRow
from ledger.services.handovers import disclosed_copies, erasure, outcomes, sync
from ledger.services.partners import directory
from tests.support import consortium
from tests.support.actors import item_of
from tests.support.clocks import Ahead
from tests.support.consortium import NL, RO, US, Consortium, offer, upload
from tests.support.desk import Desk
from tests.support.lying import Lying, lying, rows, with_last
from tests.support.people import joined


def test_a_copy_that_another_agency_disclosed_or_another_statement_is_not_taken(
    trio: Consortium, tmp_path: Path
) -> None:
    nl, ro = trio[NL], trio[RO]
    evidence = upload(nl, tmp_path)
    recipient = copying.Recipient("prosecutor", agency=RO)
    first = copying.disclose(
        nl.client, nl.person, nl.clock, evidence, recipient, copying.Disclosure("copy")
    ).statement
    second = copying.disclose(
        nl.client, nl.person, nl.clock, evidence, recipient, copying.Disclosure("copy")
    ).statement
    trio.settle(NL)
    api = ro.node.reach(consortium.address(NL))
    before = rows(ro.node)
    assert (
        disclosed_copies.fetch(ro.node, NL, api, evidence, bytes.fromhex(second)).events[-1][
            "document"
        ]["type"]
        == "disclosed"
    )
    with pytest.raises(VerificationError, match="by another agency than US-HSI"):
        disclosed_copies.fetch(ro.node, US, api, evidence, bytes.fromhex(second))
    other = Lying(api, {"copy": lambda _, __: api.copy(first)})
    with pytest.raises(VerificationError, match="not the one that was disclosed"):
        disclosed_copies.fetch(ro.node, NL, other, evidence, bytes.fromhex(second))
    assert rows(ro.node) == before


def test_whoever_says_which_item_is_their_copy_learns_of_no_item_by_it(
    both: Consortium, tmp_path: Path
) -> None:
    nl, ro = both[NL], both[RO]
    evidence, ours = upload(nl, tmp_path), upload(nl, tmp_path, b"ours")
    names = (ours, "urn:uuid:00000000-0000-4000-8000-000000000000")
    recipient = copying.Recipient("prosecutor", agency=RO)
    given = [
        copying.disclose(
            nl.client, nl.person, nl.clock, evidence, recipient, copying.Disclosure("copy")
        ).statement
        for _ in names
    ]
    both.settle(NL)
    before = item_of(nl, ours)
    for statement, name in zip(given, names, strict=True):
        ro.node.reach(consortium.address(NL)).tell_copy(
            statement, name
        )  # their word, and the same answer
    assert {copy.taken for copy in nl.client.lineage(evidence).copies} == set(names)
    assert item_of(nl, ours) == before
    assert nl.client.lineage(ours) == Lineage((), ())


def test_a_disposal_of_another_item_of_the_same_name_destroys_nothing(
    both: Consortium, tmp_path: Path
) -> None:
    """Names are chosen by whoever opens an item: the holder opens another one of that name in a log
    of its own, and closes it.
    """
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path)
    offer(nl, evidence, RO)
    both.settle(NL, RO)
    handover.accept(ro.client, ro.person, ro.clock, evidence)
    both.settle(NL, RO)
    made = upload(ro, tmp_path, b"another one")
    ro.record(made, "voided", {"reason": "by mistake"})
    sync.settle(ro.node, timeout=30)
    close = ro.client.item(made).head
    from ledger.services.bundles import export

    impostor = export.bundle(ro.node, made, shown=None, prove=False)
    with pytest.raises(VerificationError, match="not in its log"):
        outcomes.check_closing(nl.node, RO, impostor.encode(), evidence, bytes.fromhex(close))
    renamed = replace(impostor, evidence=evidence).encode()
    told = [DisposalNote(evidence, close, ro.node.log_id.hex(), 2, close, 0)]

    class Impostor:
        def disposals(self, after: str = "") -> list[DisposalNote]:
            return told

        def closing(self, _: str) -> bytes:
            return renamed

    with pytest.raises(VerificationError, match="another history"):
        erasure.learn(nl.node, RO, Impostor())  # type: ignore[arg-type]
    with nl.node.records.read() as unit:
        assert unit.erasures.get(evidence) is None
        assert unit.grants.are_left(evidence, "content")


def disposed_by_another(trio: Consortium, tmp_path: Path, number: str = "77") -> str:
    """An item that RO took over from NL, and disposed of; not anchored yet."""
    nl, ro = trio[NL], trio[RO]
    evidence = upload(nl, tmp_path)
    offer(nl, evidence, RO)
    trio.settle(NL, RO)
    handover.accept(ro.client, ro.person, ro.clock, evidence)
    trio.settle(NL, RO)
    second = joined(ro, tmp_path / "second", "custodian", number=number)
    requested = ro.record(evidence, "disposal-requested", {"reason": "case closed"}).statement
    approved = second.record(evidence, "approved", {"target": requested}).statement
    ro.record(
        evidence, "disposed", {"scope": "all", "method": "keys destroyed", "approvals": [approved]}
    )
    erasure.settle(ro.node)
    return evidence


def test_a_disposal_that_is_not_proven_yet_destroys_nothing_and_our_node_signs_for_its_closing_alone(
    trio: Consortium, tmp_path: Path
) -> None:
    nl, ro = trio[NL], trio[RO]
    evidence = disposed_by_another(trio, tmp_path)
    honest = nl.node.reach(consortium.address(RO))
    assert evidence not in {disposal.evidence for disposal in honest.disposals()}, (
        "not told before it is anchored"
    )
    sync.settle(ro.node, timeout=30)
    [told] = [disposal for disposal in honest.disposals() if disposal.evidence == evidence]

    def unproven(data: bytes, _: str) -> bytes:
        found = bundles.parse(data)
        return with_last(found, receipt=None, first=None).encode()

    failed: list[CustodyError] = []

    def trying(_: str, work: Callable[[], object]) -> None:
        try:
            work()
        except CustodyError as error:
            failed.append(error)

    with lying(nl, RO, closing=unproven):
        erasure.learn(nl.node, RO, nl.node.reach(consortium.address(RO)), trying=trying)
    assert len(failed) == 1
    with nl.node.records.read() as unit:
        assert unit.erasures.get(evidence) is None
        assert unit.grants.are_left(evidence, "content")
    erasure.learn(nl.node, RO, honest)
    assert erasure.settle(nl.node) == 1
    sent: list[Any] = []
    for change in (
        {"log": "11" * 32},
        {"log": trio[US].node.log_id.hex()},
        {"events": 1},
        {"time": int(time.time()) + 10_000},
    ):
        lie = [replace(told, **change)]
        lies = {
            "disposals": lambda _, *given, lie=lie: lie,
            "register": lambda answer, *given: sent.append(given),
        }
        with lying(nl, RO, **lies):
            erasure.learn(nl.node, RO, nl.node.reach(consortium.address(RO)), trying=trying)
        assert "in another place" in str(failed[-1])
    assert len(failed) == 5
    assert sent == []
    assert trio.settle(NL, RO) == {}
    assert {confirmation.agency for confirmation in ro.client.disposal(evidence).confirmed} == {
        NL,
        RO,
    }


def test_a_disposal_that_does_not_verify_is_that_items_problem_and_slows_nothing_else_down(
    both: Consortium, tmp_path: Path
) -> None:
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path)
    told = DisposalNote(evidence, "no digest", "00" * 32, 2, "00" * 32, 0)
    offer(nl, evidence, RO)
    both.settle(NL, RO)
    handover.accept(ro.client, ro.person, ro.clock, evidence)
    both.settle(NL, RO)
    with lying(nl, RO, disposals=lambda *_: [told]), nl.node.records.read() as unit:
        [partner] = [one for one in unit.partners.all() if one.agency == RO]
        problems = sync.turn(nl.node, partner, lambda: False).problems
        assert list(problems) == [evidence], problems
        assert "tried again at" in sync.turn(nl.node, partner, lambda: False).problems[evidence]


def test_one_custodian_that_does_not_answer_holds_up_no_other_disposal(
    trio: Consortium, tmp_path: Path
) -> None:
    nl, ro = trio[NL], trio[RO]
    from ledger.rows.handovers import ErasureRow

    with nl.node.records.write() as unit:
        for number, code in enumerate((RO, US)):
            unit.erasures.put(
                ErasureRow(
                    f"urn:uuid:0000000{number}-0000-4000-8000-000000000000", bytes(32), code, "due"
                )
            )
    trio.down = {RO, US}
    try:
        assert erasure.settle(nl.node) == 2, "no other agency is asked"
        assert {"RO-DIICOT", "US-HSI"} <= sync.sync(nl.node).problems.keys()
    finally:
        trio.down = set()
    with nl.node.records.write() as unit:
        states = {
            row.custodian: row.state for row in unit.erasures.in_states(("due", "dropped"), 10)
        }
        assert states == {RO: "dropped", US: "dropped"}, "each came as far as it could"
        for row in unit.erasures.in_states(("due", "dropped"), 10):
            unit.erasures.put(replace(row, state="done"))
    assert ro.node.agency == RO


def test_a_revocation_list_is_taken_back_by_nobody(both: Consortium) -> None:
    nl, ro = both[NL], both[RO]
    api = nl.node.reach(consortium.address(RO))
    old = api.crl()
    there = ro.node.clock
    ro.node.clock = Ahead(there, 2)
    fresh = api.fresh_crl(int(time.time()) + 2)
    ro.node.clock = there
    assert fresh != old
    assert directory.add(nl.node, consortium.address(RO)).agency == RO
    with lying(nl, RO, crl=lambda _: old), pytest.raises(ChainError, match="older revocation list"):
        directory.add(nl.node, consortium.address(RO))
    with nl.node.records.read() as unit:
        row = unit.partners.get(RO)
    assert row is not None
    assert row.crl == fresh
    clock = nl.node.clock
    try:
        nl.node.clock = Ahead(clock, -10_000)
        with pytest.raises(ChainError, match="from the future"):
            directory.add(nl.node, consortium.address(RO))
    finally:
        nl.node.clock = clock


def test_rows_from_outside_are_inserted_and_never_written_over(desk: Desk) -> None:
    row = EntryRow(
        b"L" * 32, 7, b"entry", b"D" * 32, "urn:uuid:1", 1, "none", 1, NL, b"C" * 32, b"P" * 32, 0
    )
    with desk.node.records.write() as unit:
        unit.logs.keep_entry(row)
        unit.logs.keep_entry(row)
        for other in (
            replace(row, entry=b"other", digest=b"E" * 32),
            replace(row, index=8),
            replace(row, log=b"M" * 32),
        ):
            with pytest.raises(ConflictError):
                unit.logs.keep_entry(other)
        for data in (b"first", b"second"):
            unit.documents.keep(b"d" * 32, "urn:uuid:1", data)
            unit.documents.keep_disclosure(b"s" * 32, b"d" * 32, 0, data)
            unit.grants.keep("urn:uuid:1", "record", b"r" * 32, b"", data)
            unit.people.put_certificate(b"c" * 32, data)
        assert unit.documents.get(b"d" * 32) == b"first"
        assert unit.documents.disclosures(b"d" * 32) == [(b"s" * 32, b"first")]
        assert unit.grants.sealed_to("urn:uuid:1", "record", b"r" * 32) == [b"first"]
        assert unit.people.certificate(b"c" * 32) == b"first"
        assert [event.entry for event in unit.logs.events("urn:uuid:1")] == [b"entry"]


def test_a_partner_that_asks_for_a_new_revocation_list_a_second_gets_a_few(
    both: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each one is an entry of our log, anchored at our cost; and after 65,535 the newest was no
    longer seen, revocations with it.
    """
    nl, ro = both[NL], both[RO]
    api, clock = nl.node.reach(consortium.address(RO)), ro.node.clock
    with ro.node.records.read() as unit:
        before = unit.authority.newest_crl()
        log = unit.logs.get(ro.node.log_id)
    assert before is not None
    assert log is not None
    now = clock.now()
    for later in range(1, 120):
        monkeypatch.setattr(ro.node, "clock", StoppedClock(now + later))
        api.fresh_crl(now + later)
    monkeypatch.setattr(ro.node, "clock", clock)
    with ro.node.records.read() as unit:
        newest, grown = unit.authority.newest_crl(), unit.logs.get(ro.node.log_id)
    assert newest is not None
    assert grown is not None
    assert 1 < newest.number - before.number <= LISTS.burst
    assert grown.size - log.size == newest.number - before.number


def test_the_newest_revocation_list_counts_however_many_there_are(tmp_path: Path) -> None:
    records = SqlRecords(sqlite_url(tmp_path / "x.sqlite"))
    with records.write() as unit:
        for number in range(1, 70_001):
            unit.authority.put_crl(CrlRow(number, b"", number))
    with records.read() as unit:
        newest = unit.authority.newest_crl()
    records.close()
    assert newest is not None
    assert newest.number == 70_000
