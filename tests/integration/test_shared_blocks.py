"""Two items of one ciphertext: whoever opens an item names its blocks, and no item takes those of
another one with it when it goes.
"""

from __future__ import annotations

import copy
import os
import threading
import uuid
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from ledger.client.handovers import handover
from ledger.domain.blocks import dag
from ledger.domain.codecs.text import evidence_bytes, format_time
from ledger.domain.crypto import content_encryption, grants
from ledger.domain.errors import NotFoundError
from ledger.domain.event.signing import seal_keys, sign_event
from ledger.domain.ipld.unixfs import Block
from ledger.services.handovers import erasure, incoming_parcels, outgoing_parcels
from ledger.services.node.transfer_progress import Transfer, Transfers
from ledger.services.records import documents
from ledger.services.storage import garbage_collection, placement
from tests.support.consortium import NL, RO, US, Consortium, offer, upload
from tests.support.desk import Desk
from tests.support.disposals import dispose

CONTENT = b"the only proof" * 200_000
_MEMBERS = ("size", "mediaType", "content", "digests", "name")


def twin(desk: Desk, opening: dict[str, Any], **seen: Any) -> str:
    """An item of somebody's own with the ciphertext of another one."""
    urn = uuid.uuid4().urn
    body = {
        name: value for name, value in copy.deepcopy(opening["body"]).items() if name in _MEMBERS
    } | seen
    content = content_encryption.parse_content(body["content"], body["size"])
    sealed = seal_keys(
        desk.person,
        urn,
        record_key=content_encryption.new_key(),
        content_key=content_encryption.new_key(),
        commitment=content.commitment,
    )
    members = {"occurred": {"from": opening["time"], "clock": "system"}}
    signed = sign_event(
        desk.person,
        "acquired",
        body,
        evidence=urn,
        seq=0,
        prev=None,
        time=desk.clock.now(),
        sealed_keys=sealed,
        members=members,
    )
    desk.client.register([signed.submission])
    return urn


def missing(desk: Desk, evidence: str) -> int:
    with desk.node.records.read() as unit:
        item = unit.items.get(evidence)
    assert item is not None
    assert item.cid is not None
    return len(desk.node.blocks.missing(list(dag.every(desk.node.blocks, item.cid))))


def opening_of(desk: Desk, evidence: str) -> dict[str, Any]:
    document = desk.client.details(evidence, desk.access(evidence, "view"))[0].document
    assert document is not None
    return document


def test_an_item_disposed_of_takes_no_block_of_another_one_with_it(
    desk: Desk, tmp_path: Path
) -> None:
    kept = upload(desk, tmp_path, CONTENT)
    junk = twin(desk, opening_of(desk, kept))
    dispose(desk, junk)
    desk.anchor()
    erasure.settle(desk.node)
    assert missing(desk, kept) == 0
    assert desk.get(kept) == CONTENT
    dispose(desk, kept)
    desk.anchor()
    erasure.settle(desk.node)
    assert list(desk.node.blocks.cids()) == [], "the last one takes them"


def test_an_item_that_replicas_keep_gives_up_no_block_that_another_one_needs_here(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = upload(desk, tmp_path, CONTENT)
    junk = twin(desk, opening_of(desk, kept))
    with desk.node.records.write() as unit:
        unit.replicas.put_target(junk, 1)
    monkeypatch.setattr(placement, "is_kept", lambda node, held, copies: copies == 1)
    garbage_collection.give_up(desk.node)
    assert missing(desk, kept) == 0


def test_a_partner_destroys_no_content_through_an_item_of_its_own(
    trio: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl, us = trio[NL], trio[US]
    kept = upload(nl, tmp_path, CONTENT)
    offer(nl, kept, US)
    trio.settle(NL, US)
    opening = us.client._send("GET", f"/v1/handovers/{kept}/record").json(dict)["events"][0][
        "document"
    ]
    blocks = [Block(cid, us.node.blocks.get(cid)) for cid in us.node.blocks.cids()]
    handover.decline(us.client, us.person, us.clock, kept, reason="not ours")
    trio.settle(NL, US)
    us.client.put_blocks(blocks)
    junk = twin(us, opening)
    item = us.client.item(junk)
    with nl.node.records.read() as unit:
        custody = nl.node.descriptor(unit).custody
    binding = content_encryption.parse_content(
        opening["body"]["content"], opening["body"]["size"]
    ).commitment
    sealed = grants.seal(
        content_encryption.new_key(),
        custody,
        evidence=evidence_bytes(junk),
        scope="content",
        binding=binding,
    )
    body = {"mode": "custody", "to": {"agency": NL}, "expires": format_time(us.clock.now() + 86400)}
    head = bytes.fromhex(item.head)
    signed = sign_event(
        us.person,
        "transfer-offered",
        body,
        evidence=junk,
        seq=1,
        prev=head,
        time=us.clock.now(),
        sealed_keys=[sealed],
    )
    us.client.register([signed.submission])
    trio.settle(US, NL)
    handover.withdraw(us.client, us.person, us.clock, junk, reason="sorry")
    trio.settle(US, NL)
    dispose(us, junk)
    us.anchor()
    with monkeypatch.context() as patch:
        patch.setattr(
            erasure, "holders", lambda unit, evidence: {NL, US, RO}
        )  # their node lies about who held it
        trio.settle(US, NL)
    with nl.node.records.read() as unit:
        told = unit.erasures.get(junk)
    assert missing(nl, kept) == 0
    assert nl.get(kept) == CONTENT
    assert told is None or told.state in ("due", "done")


def test_an_offer_that_is_taken_back_hands_out_nothing_from_that_moment_on(
    both: Consortium, tmp_path: Path
) -> None:
    us = both[RO]
    evidence = upload(us, tmp_path, uuid.uuid4().bytes * 20_000)
    offer(us, evidence, NL)
    both.settle(RO, NL)
    handover.withdraw(us.client, us.person, us.clock, evidence, reason="sorry")
    with (
        pytest.raises(NotFoundError),
        us.node.records.read() as unit,
    ):  # though the contract does not know yet
        outgoing_parcels.require_offered(us.node, unit, NL, evidence)


def test_an_item_offered_again_keeps_its_blocks_when_anothers_transfer_of_them_fails(
    trio: Consortium, tmp_path: Path
) -> None:
    """Whoever knows a ciphertext sends it under a name of their own, lets it lie, and fails once
    the same is relied on.
    """
    nl, ro = trio[NL], trio[RO]
    evidence = upload(ro, tmp_path, CONTENT)
    offer(ro, evidence, NL)
    trio.settle(RO, NL)
    with nl.node.records.read() as unit:
        item = unit.items.get(evidence)
        opening = documents.read_event(nl.node, unit, unit.logs.events(evidence)[0])
    assert item is not None
    assert item.cid is not None
    assert opening is not None
    content = content_encryption.parse_content(opening.body["content"], opening.body["size"])
    handover.decline(nl.client, nl.person, nl.clock, evidence, reason="not now")
    trio.settle(NL, RO)
    blocks = list(dag.every(nl.node.blocks, item.cid))
    nl.node.blocks.discard(blocks, kept=())
    with nl.node.records.read() as unit:
        theirs = Transfer(US, uuid.uuid4().urn, content, unit.items.newest_place())
    nl.node.transfers.begin(theirs)
    data = b"".join(
        bytes(ro.node.blocks.get(link.cid))
        for _, link in dag.leaves(ro.node.blocks, item.cid, content.ciphertext_size)
    )
    nl.node.transfers.go_on(
        nl.node.blocks, theirs, lambda start, end: data[start:end], lambda: False
    )
    assert theirs.fresh == set(blocks)
    offer(ro, evidence, NL)
    assert trio.settle(RO, NL) == {}
    handover.accept(nl.client, nl.person, nl.clock, evidence)
    trio.settle(NL, RO)
    incoming_parcels.discard(nl.node, US, theirs.evidence)
    assert nl.node.blocks.missing(blocks) == []
    assert nl.get(evidence) == CONTENT


def test_what_is_disposed_of_takes_no_block_that_a_transfer_under_way_counts_on(both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    nl, ro = both[NL], both[RO]
    evidence = upload(ro, tmp_path, os.urandom(9 << 20))
    offer(ro, evidence, NL)
    real, tried = Transfers._range, list[int]()

    def disposing(self: Transfers, store: Any, transfer: Transfer, *arguments: Any) -> None:
        if store is nl.node.blocks and transfer.done and not tried:
            for cid in sorted(transfer.blocks):
                tried.append(garbage_collection.forget(nl.node, cid).blocks)
        real(self, store, transfer, *arguments)

    monkeypatch.setattr(Transfers, "_range", disposing)
    assert both.settle(RO, NL) == {}
    assert set(tried) == {0}
    handover.accept(nl.client, nl.person, nl.clock, evidence)
    both.settle(NL, RO)
    assert len(nl.get(evidence)) == 9 << 20


def test_a_silent_replica_is_asked_by_nobody_who_holds_the_store(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each upload, registration and reading waited for an IPFS node, as long as that said nothing."""
    evidence, other = (
        upload(desk, tmp_path, os.urandom(3 << 20)),
        upload(desk, tmp_path, b"another one"),
    )
    with desk.node.records.read() as unit:
        item, second = unit.items.get(evidence), unit.items.get(other)
    assert item is not None
    assert item.cid is not None
    assert second is not None
    assert second.cid is not None
    store = desk.node.blocks
    blocks = {cid: bytes(store.get(cid)) for cid in dag.every(store, item.cid)}
    store.discard(list(blocks), kept=())
    held = list[bool]()

    class Replica:
        def get(self, cid: bytes) -> bytes:
            free = Queue[bool]()
            asking = threading.Thread(
                target=lambda: free.put(
                    store.own.missing([cid]) == [cid] and desk.node.transfers.of(US) == []
                )
            )
            asking.start()
            asking.join(5)
            held.append(free.empty())
            return blocks[cid]

    class Several(dict[str, Replica]):
        def names(self) -> list[str]:
            return list(self)

    monkeypatch.setattr(desk.node.blocks, "_replicas", Several(one=Replica()))
    garbage_collection.collect(desk.node)
    garbage_collection.forget(desk.node, second.cid)
    garbage_collection.give_up(desk.node)
    assert held == [False] * len(held)
    assert held
    store.put([Block(cid, data) for cid, data in blocks.items()])
