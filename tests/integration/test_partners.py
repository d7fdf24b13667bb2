"""A partner's node that lies about items on their way: nothing that is here is replaced, nothing
about anything else is written.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.client.handovers import handover
from ledger.domain.blocks import dag
from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import parcel
from ledger.domain.bundle.bundle import Bundle, BundledStatement, LogRef
from ledger.domain.bundle.parcel import Parcel
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.codecs import cose
from ledger.domain.codecs.text import evidence_bytes
from ledger.domain.crypto import grants
from ledger.domain.errors import ConflictError, IncompleteError, VerificationError
from ledger.domain.identity.names import agency_id
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Claims
from ledger.domain.ports.answers import Exchanged
from ledger.domain.verify import verify
from ledger.services.handovers import incoming_parcels, sync
from ledger.services.node.backoff import Backoff
from ledger.services.partners import directory
from tests.support import consortium
from tests.support.consortium import NL, RO, US, Consortium, offer, upload
from tests.support.desk import Desk
from tests.support.lying import lying, own_keys, repacked, rows, with_last


def unsigned(desk: Desk, signer: Desk, evidence: str) -> BundledStatement:
    """An event about another item that nobody signed, in a third agency's log."""
    item = desk.client.item(evidence)
    log = desk.node.contracts.log_id(agency_id(US), 0)
    claims = Claims(
        signer.node.agency,
        evidence,
        log,
        int(time.time()),
        item.events,
        bytes.fromhex(item.head),
        "close",
    )
    message = statements.sign(
        signer.person.key, claims, os.urandom(32), os.urandom(32), b""
    ).message
    return BundledStatement(
        1,
        77,
        cose.Sign1(message.protected, message.headers, message.payload, bytes(64)).encode(),
        None,
        (),
        None,
        None,
    )


def test_an_outcome_that_brings_keys_or_events_of_other_items_replaces_nothing(
    both: Consortium, tmp_path: Path
) -> None:
    nl, ro = both[NL], both[RO]
    kept, other = upload(nl, tmp_path, b"kept " * 500), upload(nl, tmp_path, b"other " * 500)
    offer(nl, kept, RO)
    both.settle(NL, RO)
    handover.decline(ro.client, ro.person, ro.clock, kept, reason="no")
    for _ in range(3):
        sync.settle(ro.node, timeout=30)
    stray = unsigned(nl, ro, other)
    lies: dict[str, Callable[[Parcel, Bundle], tuple[Parcel, Bundle]]] = {
        "an event of another item": lambda one, b: (
            one,
            replace(b, logs=(*b.logs, LogRef(US, 0)), statements=(*b.statements, stray)),
        ),
        "another place in the log": lambda one, b: (
            one,
            with_last(b, index=b.statements[-1].index + 1),
        ),
        "no receipt": lambda one, b: (one, with_last(b, receipt=None, first=None)),
        "another log": lambda one, b: (
            one,
            replace(b, logs=tuple(LogRef(x.agency, x.number + (x.agency == RO)) for x in b.logs)),
        ),
        "no handover": lambda one, b: (one, replace(b, hops=())),
        "another outcome": lambda one, b: (
            one,
            replace(b, hops=tuple(replace(hop, outcome=1) for hop in b.hops)),
        ),
        "another item's name": lambda one, b: (one, replace(b, evidence=other)),
        "an altered document": lambda one, b: (
            replace(
                one, documents=tuple(replace(d, sealed=d.sealed[:-1] + b"x") for d in one.documents)
            ),
            b,
        ),
    }
    before = rows(nl.node)
    for name, lie in lies.items():
        with lying(nl, RO, parcel=lambda data, _, lie=lie: repacked(data, lie)):
            assert kept in sync.sync(nl.node).problems, name
        assert rows(nl.node) == before, name
    keys = own_keys(nl, kept)
    with lying(
        nl,
        RO,
        parcel=lambda data, _: repacked(
            data, lambda byte_, b: (replace(byte_, grants=tuple(keys)), b)
        ),
    ):
        sync.sync(nl.node)
    assert rows(nl.node)["grant"] == before["grant"], "an outcome brings no key at all"
    assert both.settle(NL, RO) == {}
    assert nl.client.item(kept).custodian == NL
    assert nl.get(kept) == b"kept " * 500
    assert nl.get(other) == b"other " * 500
    assert {row["evidence"] for row in rows(nl.node)["entry"] if row not in before["entry"]} == {
        kept,
        other,
    }  # accesses of this test


def test_an_item_that_comes_back_brings_no_keys_in_place_of_those_that_are_here(
    both: Consortium, tmp_path: Path
) -> None:
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path, b"there and back" * 100)
    offer(nl, evidence, RO)
    both.settle(NL, RO)
    handover.accept(ro.client, ro.person, ro.clock, evidence)
    both.settle(NL, RO)
    before = rows(nl.node)
    offer(ro, evidence, NL)
    both.settle(RO)
    keys = own_keys(nl, evidence)
    with lying(
        nl,
        RO,
        parcel=lambda data, _: repacked(
            data, lambda byte_, b: (replace(byte_, grants=tuple(keys)), b)
        ),
    ):
        sync.sync(nl.node)
    assert [row for row in rows(nl.node)["grant"] if row in before["grant"]] == before["grant"]
    both.settle(NL, RO)
    handover.accept(nl.client, nl.person, nl.clock, evidence)
    assert both.settle(NL, RO) == {}
    assert nl.get(evidence) == b"there and back" * 100


def test_an_offered_item_brings_its_own_keys_and_nothing_else(
    trio: Consortium, tmp_path: Path
) -> None:
    nl, ro = trio[NL], trio[RO]
    evidence, other = upload(nl, tmp_path), upload(ro, tmp_path, b"theirs")
    offer(nl, evidence, RO)
    trio.settle(NL)
    ro.node.backoff = Backoff()
    with ro.node.records.read() as unit:
        ours, strangers = ro.node.descriptor(unit), directory.descriptor(ro.node, unit, US)
    more = {
        "a key for somebody else": grants.seal(
            os.urandom(32), strangers.node, evidence=evidence_bytes(evidence), scope="record"
        ),
        "a second record key": grants.seal(
            os.urandom(32), ours.node, evidence=evidence_bytes(evidence), scope="record"
        ),
        "another content's": grants.seal(
            os.urandom(32),
            ours.custody,
            evidence=evidence_bytes(evidence),
            scope="content",
            binding=bytes(32),
        ),
        "another item's": grants.seal(
            os.urandom(32), ours.node, evidence=evidence_bytes(other), scope="record"
        ),
    }
    before = rows(ro.node)
    for name, grant in more.items():
        with lying(ro, NL, parcel=lambda data, _, grant=grant: _with_grant(data, grant.encode())):
            assert evidence in sync.sync(ro.node).problems, name
        assert rows(ro.node) == before, name
    api = ro.node.reach(consortium.address(NL))
    with pytest.raises(VerificationError, match="is held by NL-POL"):
        incoming_parcels.receive(ro.node, US, api, evidence)
    listed = [Exchanged(other, NL, RO, "00" * 32, 0, "open")]
    with lying(ro, NL, exchanged=lambda _: listed, parcel=lambda _, __: api.parcel(evidence)):
        assert other in sync.sync(ro.node).problems
    assert rows(ro.node) == before
    handover.withdraw(nl.client, nl.person, nl.clock, evidence, reason="enough")
    trio.settle(NL, RO)


def _with_grant(data: bytes, grant: bytes) -> bytes:
    parse = parcel.parse(data)
    return replace(parse, grants=(*parse.grants, grant)).encode()


def test_an_open_offer_with_an_end_and_documents_in_clear_are_not_taken_in(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    """No commitment binds them: they would have been kept, and verified as part of the record."""
    nl, ro = both[NL], both[RO]
    item = upload(nl, tmp_path, b"open " * 500)
    offer(nl, item, RO)
    for _ in range(3):
        sync.settle(nl.node, timeout=30)

    def ended(**end: object) -> Callable[[Bundle], Bundle]:
        return lambda b: replace(b, hops=(*b.hops[:-1], replace(b.hops[-1], **end)))

    lies = {
        "a time of its end": ended(time=1 << 40),
        "an outcome": ended(outcome_digest=b"x" * 32),
        "a document in clear": lambda b: with_last(b, document=b"what nobody signed"),
        "a disclosure in clear": lambda b: with_last(b, disclosures=("what nobody signed",)),
    }
    before = rows(ro.node)
    for name, lie in lies.items():
        with lying(
            ro, NL, parcel=lambda data, _, lie=lie: repacked(data, lambda p, b: (p, lie(b)))
        ):
            assert item in sync.sync(ro.node).problems, name
        assert rows(ro.node) == before, name
    whole = bundles.parse(nl.bundle(item))
    confirm = consortium.confirmed(nl)
    verdicts = [
        verify(lie(whole).encode(), root, confirm=confirm).verdict.value  # type: ignore[arg-type]
        for lie in (lambda b: b, lies["a time of its end"], lies["an outcome"])
    ]
    assert verdicts == ["verified", "failed", "failed"]
    assert both.settle(NL, RO) == {}
    assert ro.client.item(item).custodian == NL


def test_what_fails_leaves_nothing_on_the_disk_and_waits_longer_each_time(
    both: Consortium, tmp_path: Path
) -> None:
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
        assert "gone" in sync.sync(ro.node).problems[evidence]
    assert (ro.node.blocks.size(), set(ro.node.blocks.cids())) == (before, known)
    with lying(ro, NL, ciphertext=wrong):
        for _ in range(4):
            told = sync.sync(ro.node).problems[evidence]
        assert "failed 1 time; tried again at" in told
        assert asked == [0, 4 << 20], "it was not fetched again at once"
        assert (ro.node.blocks.size(), set(ro.node.blocks.cids())) == (before, known)
    assert both.settle(NL, RO) == {}
    handover.accept(ro.client, ro.person, ro.clock, evidence)
    both.settle(NL, RO)
    assert ro.get(evidence) == data


def test_blocks_that_another_item_uses_are_not_discarded_with_a_failed_intake(
    both: Consortium, tmp_path: Path
) -> None:
    nl, ro = both[NL], both[RO]
    evidence = upload(nl, tmp_path, os.urandom(3 << 20))
    offer(nl, evidence, RO)
    both.settle(NL, RO)
    handover.accept(ro.client, ro.person, ro.clock, evidence)
    both.settle(NL, RO)
    with ro.node.records.read() as unit:
        item = unit.items.get(evidence)
    assert item is not None
    assert item.cid is not None
    incoming_parcels._discard(ro.node, list(ro.node.blocks.cids()), -1)
    assert ro.node.blocks.missing([item.cid]) == []
    assert len(ro.get(evidence)) == 3 << 20


def test_an_item_that_is_offered_again_and_whose_leaves_were_cleared_away_comes_in_whole(
    both: Consortium, tmp_path: Path
) -> None:
    """The root alone had been asked for since, so that the daily collection had left that and taken
    the rest.
    """
    nl, ro = both[NL], both[RO]
    data = os.urandom(3 << 20)
    evidence = upload(nl, tmp_path, data)
    offer(nl, evidence, RO)
    both.settle(NL, RO)
    handover.decline(ro.client, ro.person, ro.clock, evidence, reason="not now")
    both.settle(NL, RO)
    with ro.node.records.read() as unit:
        item = unit.items.get(evidence)
    assert item is not None
    assert item.cid is not None
    leaves = [one for one in dag.every(ro.node.blocks, item.cid) if one != item.cid]
    assert ro.node.blocks.discard(leaves, kept=()).blocks == len(leaves) > 1
    offer(nl, evidence, RO)
    assert both.settle(NL, RO) == {}
    handover.accept(ro.client, ro.person, ro.clock, evidence)
    both.settle(NL, RO)
    assert ro.get(evidence) == data


def test_an_agency_fills_no_more_of_the_disk_than_its_quota(
    both: Consortium, tmp_path: Path
) -> None:
    nl, ro = both[NL], both[RO]
    first, second = (
        upload(nl, tmp_path, os.urandom(2 << 20)),
        upload(nl, tmp_path, os.urandom(2 << 20)),
    )
    before, ro.node.quota = ro.node.quota, 3 << 20
    try:
        offer(nl, first, RO)
        assert both.settle(NL, RO) == {}
        offer(nl, second, RO)
        told = both.settle(NL, RO)[second]
        assert f"the limit of {3 << 20}" in told
        assert "on offer here that nobody has answered" in told
        handover.decline(ro.client, ro.person, ro.clock, first, reason="room for the other")
        both.settle(NL, RO)
        ro.node.backoff = Backoff()
        assert both.settle(NL, RO) == {}
        assert ro.client.item(second).offer
    finally:
        ro.node.quota = before
    handover.decline(ro.client, ro.person, ro.clock, second, reason="no")
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
