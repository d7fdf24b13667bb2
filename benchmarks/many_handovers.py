"""A whole case handed over in one command: to a colleague, and to another agency on one anvil; what
each step takes, and what the chain is asked for. Nodes in this process, so that no step waits for a
poll. Seconds are those of the processor: the chain is a process of its own.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from ledger.adapters.chain.rpc import RpcChain
from ledger.client.handovers import handover
from ledger.domain.errors import NetworkError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.services.handovers import incoming_parcels, sync
from tests.support import consortium
from tests.support.chains import running
from tests.support.consortium import NL, RO
from tests.support.desk import Desk
from tests.support.people import joined

_DAY = 86400
_MINUTES = 600.0


def bench_many(count: int) -> Iterator[tuple[str, float, str]]:
    """(title, seconds of the processor, what besides) of each step for so many files of 1 KiB; to
    another agency for as many as it takes in before somebody there answers.
    """
    with tempfile.TemporaryDirectory() as name, running("anvil") as url:
        folder = Path(name)
        consortium.found(folder, url, NL, RO)
        files = folder / "files"
        files.mkdir()
        for number in range(count):
            (files / f"{number:06}").write_bytes(os.urandom(1024))
        with consortium.opened(folder, NL, RO) as agencies, closing(RpcChain(url)) as chain:
            giver, taker = agencies[NL], agencies[RO]
            yield _timed("uploaded, for comparison", lambda: giver.upload(files))
            items = [item.evidence for item in giver.client.items()]
            yield from _inside(giver, folder, items)
            before = chain.head().number
            # So many of one agency lie at another one unanswered, and no more.
            yield from _abroad(giver, taker, items[: incoming_parcels.MOST - 1])
            blocks = range(before + 1, chain.head().number + 1)
            yield "on the chain", 0.0, _asked(chain, blocks)


def _inside(giver: Desk, folder: Path, items: list[str]) -> Iterator[tuple[str, float, str]]:
    who = joined(giver, folder / "colleague", "officer", number="4712")
    terms = OfferTerms(NL, int(time.time()) + _DAY, who.pseudonym)
    yield _timed("offered to a colleague", lambda: _offer(giver, items, terms))
    with who.working() as (client, person):
        yield _timed(
            "checked and accepted by the colleague",
            lambda: [handover.accept(client, person, giver.clock, one) for one in items],
        )
        own = OfferTerms(NL, int(time.time()) + _DAY, giver.person.certificate.subject.pseudonym)
        for one in items:
            handover.offer(client, person, giver.clock, one, own)
    for one in items:
        handover.accept(giver.client, giver.person, giver.clock, one)


def _abroad(giver: Desk, taker: Desk, items: list[str]) -> Iterator[tuple[str, float, str]]:
    terms = OfferTerms(RO, int(time.time()) + _DAY)
    yield _timed("offered to another agency", lambda: _offer(giver, items, terms))
    yield _timed("offers anchored, each taken by the contract", lambda: _settle(giver))
    yield _timed("records verified, ciphertext fetched", lambda: _take_in(taker, len(items)))
    yield _timed(
        "checked and accepted by the other agency",
        lambda: [handover.accept(taker.client, taker.person, taker.clock, one) for one in items],
    )
    yield _timed("answers anchored, each taken by the contract", lambda: _settle(taker))
    yield _timed("learnt by the giver", lambda: _learn(giver, len(items)))
    assert all(giver.client.item(one).custodian == RO for one in items)


def _offer(desk: Desk, items: list[str], terms: OfferTerms) -> None:
    for one in items:
        handover.offer(desk.client, desk.person, desk.clock, one, terms)


def _settle(desk: Desk) -> None:
    while True:
        try:
            sync.settle(desk.node, timeout=100 * _MINUTES)
        except NetworkError:  # anvil has no receipt yet of what it mined: it is looked at again
            continue
        return


def _take_in(desk: Desk, count: int) -> None:
    got, end = 0, time.monotonic() + 100 * _MINUTES
    while got < count:
        done = sync.sync(desk.node, seconds=_MINUTES)
        got += len(done.received)
        assert not done.problems, done.problems
        assert time.monotonic() < end


def _learn(desk: Desk, count: int) -> None:
    done = 0
    while done < count:
        found = sync.sync(desk.node, seconds=_MINUTES)
        assert found.settled, found.problems
        done += len(found.settled)


def _asked(chain: RpcChain, blocks: range) -> str:
    found = [chain._ask("eth_getBlockByNumber", hex(one), False) for one in blocks]
    sent = sum(len(block["transactions"]) for block in found)
    gas = sum(int(block["gasUsed"], 16) for block in found)
    return f"{sent:,} transactions, {gas:,} gas"


def _timed(title: str, work: Callable[[], object]) -> tuple[str, float, str]:
    start, begun = time.process_time(), time.monotonic()
    work()
    return title, time.process_time() - start, f"{time.monotonic() - begun:.1f} s by the clock"
