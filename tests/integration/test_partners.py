"""A partner's node that lies in each of its answers: nothing that is here is replaced, nothing about anything else is written."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.domain import bundle as bundles
from ledger.domain import cose, grants, parcel
from ledger.domain import statement as statements
from ledger.domain.bundle import Bundle, BundledStatement, LogRef
from ledger.domain.encoding import evidence_bytes
from ledger.domain.errors import ChainError, ConflictError, CustodyError, DeniedError, IncompleteError, VerificationError
from ledger.domain.identity.names import agency_id
from ledger.domain.parcel import Parcel
from ledger.domain.records import EntryRow
from ledger.domain.statement import Claims
from ledger.services import copies, copying, erasure, handing, handovers, intake, outcomes, partners
from ledger.services.backoff import Backoff
from ledger.services.node import Node
from tests.support import consortium
from tests.support.consortium import NL, RO, US, Consortium, offer, upload
from tests.support.desk import Desk
from tests.support.people import joined

TABLES = (
    "entry",
    "document",
    "disclosure",
    "grant",
    "item",
    "crossing",
    "inherited",
    "link",
    "blind_index",
    "certificate",
    "erasure",
    "given",
)


def rows(node: Node) -> dict[str, list[dict[str, Any]]]:
    """All that partners' answers could touch."""
    with node.records.read() as unit:
        return {table: unit.rows(table) for table in TABLES}


class Lying:
    """A partner's node whose answers go through ``lies``, by method."""

    def __init__(self, api: Any, lies: dict[str, Callable[..., Any]]) -> None:
        self._api, self._lies = api, lies

    def __getattr__(self, name: str) -> Any:
        honest = getattr(self._api, name)
        lie = self._lies.get(name)
        return honest if lie is None else lambda *given: lie(honest(*given), *given)


@contextmanager
def lying(desk: Desk, code: str, **lies: Callable[..., Any]) -> Iterator[None]:
    """What an agency's node says to ``desk``, altered."""
    honest = desk.node.reach
    desk.node.reach = lambda url: Lying(honest(url), lies) if url == consortium.address(code) else honest(url)
    try:
        yield
    finally:
        desk.node.reach = honest
        desk.node.backoff = Backoff()


def repacked(data: bytes, change: Callable[[Parcel, Bundle], tuple[Parcel, Bundle]]) -> bytes:
    one, bundle = change(parcel.parse(data), bundles.parse(parcel.parse(data).bundle))
    return replace(one, bundle=bundle.encode()).encode()


def own_keys(desk: Desk, evidence: str) -> list[bytes]:
    """Keys made anew for an item and sealed to a desk's own node and custodians, where those that count lie."""
    with desk.node.records.read() as unit:
        ours = desk.node.descriptor(unit)
        bindings = [grants.parse(one).binding for one in unit.grants(evidence, "content", ours.custody.digest)]
    item = evidence_bytes(evidence)
    made = [grants.seal(os.urandom(32), ours.node, evidence=item, scope="record")]
    made += [grants.seal(os.urandom(32), ours.custody, evidence=item, scope="content", binding=one) for one in bindings]
    return [one.encode() for one in made]


def unsigned(desk: Desk, signer: Desk, evidence: str) -> BundledStatement:
    """An event about another item that nobody signed, in a third agency's log."""
    item = desk.client.item(evidence)
    log = desk.node.contracts.log_id(agency_id(US), 0)
    claims = Claims(signer.node.agency, evidence, log, int(time.time()), item["events"], bytes.fromhex(item["head"]), "close")
    message = statements.sign(signer.person.key, claims, os.urandom(32), os.urandom(32), b"").message
    return BundledStatement(
        1, 77, cose.Sign1(message.protected, message.headers, message.payload, bytes(64)).encode(), None, (), None, None
    )


def test_an_outcome_that_brings_keys_or_events_of_other_items_replaces_nothing(both: Consortium, tmp_path: Path) -> None:
    nl, ro = both[NL], both[RO]
    kept, other = upload(nl, tmp_path, b"kept " * 500), upload(nl, tmp_path, b"other " * 500)
    offer(nl, kept, RO)
    both.settle(NL, RO)
    handing.decline(ro.client, ro.person, ro.clock, kept, reason="no")
    for _ in range(3):
        handovers.settle(ro.node, timeout=30)
    stray = unsigned(nl, ro, other)
    lies: dict[str, Callable[[Parcel, Bundle], tuple[Parcel, Bundle]]] = {
        "an event of another item": lambda one, b: (one, replace(b, logs=(*b.logs, LogRef(US, 0)), statements=(*b.statements, stray))),
        "another place in the log": lambda one, b: (one, _last(b, index=b.statements[-1].index + 1)),
        "no receipt": lambda one, b: (one, _last(b, receipt=None, first=None)),
        "another log": lambda one, b: (one, replace(b, logs=tuple(LogRef(x.agency, x.number + (x.agency == RO)) for x in b.logs))),
        "no handover": lambda one, b: (one, replace(b, hops=())),
        "another outcome": lambda one, b: (one, replace(b, hops=tuple(replace(hop, outcome=1) for hop in b.hops))),
        "another item's name": lambda one, b: (one, replace(b, evidence=other)),
        "an altered document": lambda one, b: (
            replace(one, documents=tuple(replace(d, sealed=d.sealed[:-1] + b"x") for d in one.documents)),
            b,
        ),
    }
    before = rows(nl.node)
    for name, lie in lies.items():
        with lying(nl, RO, parcel=lambda data, _, lie=lie: repacked(data, lie)):
            assert kept in handovers.sync(nl.node).problems, name
        assert rows(nl.node) == before, name
    keys = own_keys(nl, kept)
    with lying(nl, RO, parcel=lambda data, _: repacked(data, lambda one, b: (replace(one, grants=tuple(keys)), b))):
        handovers.sync(nl.node)
    assert rows(nl.node)["grant"] == before["grant"], "an outcome brings no key at all"
    assert both.settle(NL, RO) == {}
    assert nl.client.item(kept)["custodian"] == NL
    assert nl.get(kept) == b"kept " * 500
    assert nl.get(other) == b"other " * 500
    assert {row["evidence"] for row in rows(nl.node)["entry"] if row not in before["entry"]} == {kept, other}  # accesses of this test


def _last(bundle: Bundle, **changes: Any) -> Bundle:
    return replace(bundle, statements=(*bundle.statements[:-1], replace(bundle.statements[-1], **changes)))


def test_an_item_that_comes_back_brings_no_keys_in_place_of_those_that_are_here(both: Consortium, tmp_path: Path) -> None:
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path, b"there and back" * 100)
    offer(nl, evidence, RO)
    both.settle(NL, RO)
    handing.accept(ro.client, ro.person, ro.clock, evidence)
    both.settle(NL, RO)
    before = rows(nl.node)
    offer(ro, evidence, NL)
    both.settle(RO)
    keys = own_keys(nl, evidence)
    with lying(nl, RO, parcel=lambda data, _: repacked(data, lambda one, b: (replace(one, grants=tuple(keys)), b))):
        handovers.sync(nl.node)
    assert [row for row in rows(nl.node)["grant"] if row in before["grant"]] == before["grant"]
    both.settle(NL, RO)
    handing.accept(nl.client, nl.person, nl.clock, evidence)
    assert both.settle(NL, RO) == {}
    assert nl.get(evidence) == b"there and back" * 100


def test_an_offered_item_brings_its_own_keys_and_nothing_else(trio: Consortium, tmp_path: Path) -> None:
    nl, ro = trio[NL], trio[RO]
    evidence, other = upload(nl, tmp_path), upload(ro, tmp_path, b"theirs")
    offer(nl, evidence, RO)
    trio.settle(NL)
    ro.node.backoff = Backoff()
    with ro.node.records.read() as unit:
        ours, strangers = ro.node.descriptor(unit), partners.descriptor(ro.node, unit, US)
    more = {
        "a key for somebody else": grants.seal(os.urandom(32), strangers.node, evidence=evidence_bytes(evidence), scope="record"),
        "a second record key": grants.seal(os.urandom(32), ours.node, evidence=evidence_bytes(evidence), scope="record"),
        "another content's": grants.seal(
            os.urandom(32), ours.custody, evidence=evidence_bytes(evidence), scope="content", binding=bytes(32)
        ),
        "another item's": grants.seal(os.urandom(32), ours.node, evidence=evidence_bytes(other), scope="record"),
    }
    before = rows(ro.node)
    for name, grant in more.items():
        with lying(ro, NL, parcel=lambda data, _, grant=grant: _with_grant(data, grant.encode())):
            assert evidence in handovers.sync(ro.node).problems, name
        assert rows(ro.node) == before, name
    api = ro.node.reach(consortium.address(NL))
    with pytest.raises(VerificationError, match="is held by NL-POL"):
        intake.receive(ro.node, US, api, evidence)
    listed = [{"evidence": other, "giver": NL, "taker": RO, "offer": "00" * 32, "state": "open"}]
    with lying(ro, NL, exchanged=lambda _: listed, parcel=lambda _, __: api.parcel(evidence)):
        assert other in handovers.sync(ro.node).problems
    assert rows(ro.node) == before
    handing.withdraw(nl.client, nl.person, nl.clock, evidence, reason="enough")
    trio.settle(NL, RO)


def _with_grant(data: bytes, grant: bytes) -> bytes:
    one = parcel.parse(data)
    return replace(one, grants=(*one.grants, grant)).encode()


def test_what_fails_leaves_nothing_on_the_disk_and_waits_longer_each_time(both: Consortium, tmp_path: Path) -> None:
    nl, ro = both[NL], both[RO]
    data = os.urandom(6 << 20)
    evidence = upload(nl, tmp_path, data)
    offer(nl, evidence, RO)
    both.settle(NL)
    asked = []

    def wrong(found: bytes, which: str, start: int, end: int) -> bytes:
        asked.append(start)
        return bytes(found[:-1]) + bytes([found[-1] ^ 1])

    def drops(found: bytes, which: str, start: int, end: int) -> bytes:
        if start:
            raise ConflictError("gone")
        return found

    before, known = ro.node.blocks.size(), set(ro.node.blocks.cids())
    with lying(ro, NL, ciphertext=drops):
        assert "gone" in handovers.sync(ro.node).problems[evidence]
    assert (ro.node.blocks.size(), set(ro.node.blocks.cids())) == (before, known)
    with lying(ro, NL, ciphertext=wrong):
        for _ in range(4):
            told = handovers.sync(ro.node).problems[evidence]
        assert "failed 1 times; tried again at" in told
        assert asked == [0, 4 << 20], "it was not fetched again at once"
        assert (ro.node.blocks.size(), set(ro.node.blocks.cids())) == (before, known)
    assert both.settle(NL, RO) == {}
    handing.accept(ro.client, ro.person, ro.clock, evidence)
    both.settle(NL, RO)
    assert ro.get(evidence) == data


def test_blocks_that_another_item_uses_are_not_discarded_with_a_failed_intake(both: Consortium, tmp_path: Path) -> None:
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path, os.urandom(3 << 20))
    offer(nl, evidence, RO)
    both.settle(NL, RO)
    handing.accept(ro.client, ro.person, ro.clock, evidence)
    both.settle(NL, RO)
    with ro.node.records.read() as unit:
        item = unit.item(evidence)
    assert item is not None
    assert item.cid is not None
    intake._discard(ro.node, list(ro.node.blocks.cids()), -1)
    assert ro.node.blocks.missing([item.cid]) == []
    assert len(ro.get(evidence)) == 3 << 20


def test_an_agency_fills_no_more_of_the_disk_than_its_quota(both: Consortium, tmp_path: Path) -> None:
    nl, ro = both[NL], both[RO]
    first, second = upload(nl, tmp_path, os.urandom(2 << 20)), upload(nl, tmp_path, os.urandom(2 << 20))
    before, ro.node.quota = ro.node.quota, 3 << 20
    try:
        offer(nl, first, RO)
        assert both.settle(NL, RO) == {}
        offer(nl, second, RO)
        told = both.settle(NL, RO)[second]
        assert f"the limit of {3 << 20}" in told
        assert "on offer here that nobody has answered" in told
        handing.decline(ro.client, ro.person, ro.clock, first, reason="room for the other")
        both.settle(NL, RO)
        ro.node.backoff = Backoff()
        assert both.settle(NL, RO) == {}
        assert ro.client.item(second)["offer"]
    finally:
        ro.node.quota = before
    handing.decline(ro.client, ro.person, ro.clock, second, reason="no")
    both.settle(NL, RO)


def test_names_of_items_made_up_by_a_partner_end_in_silence() -> None:
    attempts, wrong = Backoff(), VerificationError(2, "no")
    for number in range(50):
        assert attempts.waits(NL, f"item {number}", 1000) == ""
        attempts.failed(NL, f"item {number}", wrong, 1000)
    assert "50 items from NL-POL fail" in attempts.waits(NL, "another", 1001)
    assert attempts.waits(RO, "another", 1001) == ""
    assert attempts.waits(NL, "another", 1031) == ""
    pauses = [attempts.failed(NL, "item 0", wrong, 2000).due - 2000 for _ in range(12)]
    assert pauses[:3] == [60, 120, 240]
    assert pauses[-1] == 6 * 3600
    passing = [attempts.failed(RO, "item", IncompleteError(7, "soon"), 0).due for _ in range(6)]
    assert passing == [0, 0, 0, 2, 4, 8]
    assert attempts.waits(NL, "item 0", 0) == "", "a clock that was set back holds up nothing"
    for number in range(1000):
        attempts.failed(US, f"item {number}", wrong, 0)
    assert len([key for key in attempts._failures if key[0] == US]) <= 100


def test_a_copy_that_another_agency_disclosed_or_another_statement_is_not_taken(trio: Consortium, tmp_path: Path) -> None:
    nl, ro = trio[NL], trio[RO]
    evidence = upload(nl, tmp_path)
    recipient = copying.Recipient("prosecutor", agency=RO)
    first = copying.disclose(nl.client, nl.person, nl.clock, evidence, recipient, copying.Disclosure("copy"))["statement"]
    second = copying.disclose(nl.client, nl.person, nl.clock, evidence, recipient, copying.Disclosure("copy"))["statement"]
    trio.settle(NL)
    api = ro.node.reach(consortium.address(NL))
    before = rows(ro.node)
    assert copies.fetch(ro.node, NL, api, evidence, bytes.fromhex(second)).disclosed["type"] == "disclosed"
    with pytest.raises(VerificationError, match="by another agency than US-HSI"):
        copies.fetch(ro.node, US, api, evidence, bytes.fromhex(second))
    other = Lying(api, {"copy": lambda _, __: api.copy(first)})
    with pytest.raises(VerificationError, match="not the one that was disclosed"):
        copies.fetch(ro.node, NL, other, evidence, bytes.fromhex(second))
    ours = upload(nl, tmp_path, b"ours")
    with pytest.raises(DeniedError):
        api.tell_copy(second, ours)
    assert rows(ro.node) == before
    assert nl.client.lineage(evidence)["copies"][0]["taken"] in ("", None)


def test_a_disposal_of_another_item_of_the_same_name_destroys_nothing(both: Consortium, tmp_path: Path) -> None:
    """Names are chosen by whoever opens an item: the holder opens another one of that name in a log of its own, and closes it."""
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path)
    offer(nl, evidence, RO)
    both.settle(NL, RO)
    handing.accept(ro.client, ro.person, ro.clock, evidence)
    both.settle(NL, RO)
    made = upload(ro, tmp_path, b"another one")
    ro.record(made, "voided", {"reason": "by mistake"})
    handovers.settle(ro.node, timeout=30)
    close = ro.client.item(made)["head"]
    from ledger.services import export

    impostor = export.bundle(ro.node, made, shown=None, prove=False)
    with pytest.raises(VerificationError, match="not in its log"):
        outcomes.check_closing(nl.node, RO, impostor.encode(), evidence, bytes.fromhex(close))
    renamed = replace(impostor, evidence=evidence).encode()
    told = [{"evidence": evidence, "disposal": close, "log": ro.node.log_id.hex(), "events": 2, "head": close, "time": 0}]

    class Impostor:
        def disposals(self) -> list[dict[str, Any]]:
            return told

        def closing(self, _: str) -> bytes:
            return renamed

    with pytest.raises(VerificationError, match="another history"):
        erasure.learn(nl.node, RO, Impostor())  # type: ignore[arg-type]
    with nl.node.records.read() as unit:
        assert unit.erasure(evidence) is None
        assert unit.has_grants(evidence, "content")


def test_a_disposal_that_is_not_proven_yet_destroys_nothing_and_our_node_signs_for_its_closing_alone(
    trio: Consortium, tmp_path: Path
) -> None:
    nl, ro = trio[NL], trio[RO]
    evidence = upload(nl, tmp_path)
    offer(nl, evidence, RO)
    trio.settle(NL, RO)
    handing.accept(ro.client, ro.person, ro.clock, evidence)
    trio.settle(NL, RO)
    second = joined(ro, tmp_path / "second", "custodian", number="77")
    requested = ro.record(evidence, "disposal-requested", {"reason": "case closed"})["statement"]
    approved = second.record(evidence, "approved", {"target": requested})["statement"]
    ro.record(evidence, "disposed", {"scope": "all", "method": "keys destroyed", "approvals": [approved]})
    erasure.settle(ro.node)
    honest = nl.node.reach(consortium.address(RO))
    assert evidence not in {one["evidence"] for one in honest.disposals()}, "not told before it is anchored"
    handovers.settle(ro.node, timeout=30)
    [told] = [one for one in honest.disposals() if one["evidence"] == evidence]

    def unproven(data: bytes, _: str) -> bytes:
        found = bundles.parse(data)
        return _last(found, receipt=None, first=None).encode()

    with lying(nl, RO, closing=unproven), pytest.raises(CustodyError):
        erasure.learn(nl.node, RO, nl.node.reach(consortium.address(RO)))
    with nl.node.records.read() as unit:
        assert unit.erasure(evidence) is None
        assert unit.has_grants(evidence, "content")
    assert erasure.learn(nl.node, RO, honest) == 1
    sent: list[Any] = []
    for change in ({"log": "11" * 32}, {"log": trio[US].node.log_id.hex()}, {"events": 1}, {"time": int(time.time()) + 10_000}):
        lie = [{**told, **change}]
        lies = {"disposals": lambda _, lie=lie: lie, "register": lambda answer, *given: sent.append(given)}
        with lying(nl, RO, **lies), pytest.raises(VerificationError, match="in another place"):
            erasure.settle(nl.node)
    assert sent == []
    assert trio.settle(NL, RO) == {}
    assert {one["agency"] for one in ro.client.disposal(evidence)["confirmed"]} == {NL, RO}


def test_one_custodian_that_does_not_answer_holds_up_no_other_disposal(trio: Consortium, tmp_path: Path) -> None:
    nl, ro = trio[NL], trio[RO]
    from ledger.domain.records import ErasureRow

    with nl.node.records.write() as unit:
        for number, code in enumerate((RO, US)):
            unit.put_erasure(ErasureRow(f"urn:uuid:0000000{number}-0000-4000-8000-000000000000", bytes(32), code, "due"))
    trio.down = {RO}
    try:
        with pytest.raises(CustodyError):
            erasure.settle(nl.node)
    finally:
        trio.down = set()
    with nl.node.records.write() as unit:
        states = {row.custodian: row.state for row in unit.erasures(("due", "dropped"), 10)}
        assert states == {RO: "dropped", US: "dropped"}, "each came as far as it could"
        for row in unit.erasures(("due", "dropped"), 10):
            unit.put_erasure(replace(row, state="done"))
    assert ro.node.agency == RO


def test_a_revocation_list_is_taken_back_by_nobody(both: Consortium) -> None:
    nl, ro = both[NL], both[RO]
    api = nl.node.reach(consortium.address(RO))
    old = api.crl()
    ro.node.keys.authority  # noqa: B018  (the CA is at hand there)
    time.sleep(1.1)
    fresh = api.fresh_crl(int(time.time()))
    assert fresh != old
    assert partners.add(nl.node, consortium.address(RO)).agency == RO
    with lying(nl, RO, crl=lambda _: old), pytest.raises(ChainError, match="older revocation list"):
        partners.add(nl.node, consortium.address(RO))
    with nl.node.records.read() as unit:
        row = unit.partner(RO)
    assert row is not None
    assert row.crl == fresh
    clock = nl.node.clock
    try:
        nl.node.clock = _Back(clock, 10_000)
        with pytest.raises(ChainError, match="from the future"):
            partners.add(nl.node, consortium.address(RO))
    finally:
        nl.node.clock = clock


class _Back:
    """A clock that is behind."""

    def __init__(self, clock: Any, seconds: int) -> None:
        self._clock, self._seconds = clock, seconds

    def now(self) -> int:
        return int(self._clock.now()) - self._seconds


def test_rows_from_outside_are_inserted_and_never_written_over(desk: Desk) -> None:
    row = EntryRow(b"L" * 32, 7, b"entry", b"D" * 32, "urn:uuid:1", 1, "none", 1, NL, b"C" * 32, b"P" * 32, 0)
    with desk.node.records.write() as unit:
        unit.keep_entry(row)
        unit.keep_entry(row)
        for other in (replace(row, entry=b"other", digest=b"E" * 32), replace(row, index=8), replace(row, log=b"M" * 32)):
            with pytest.raises(ConflictError):
                unit.keep_entry(other)
        for data in (b"first", b"second"):
            unit.keep_document(b"d" * 32, "urn:uuid:1", data)
            unit.keep_disclosure(b"s" * 32, b"d" * 32, 0, data)
            unit.keep_grant("urn:uuid:1", "record", b"r" * 32, b"", data)
            unit.put_certificate(b"c" * 32, data)
        assert unit.document(b"d" * 32) == b"first"
        assert unit.disclosures(b"d" * 32) == [(b"s" * 32, b"first")]
        assert unit.grants("urn:uuid:1", "record", b"r" * 32) == [b"first"]
        assert unit.certificate(b"c" * 32) == b"first"
        assert [one.entry for one in unit.events("urn:uuid:1")] == [b"entry"]
