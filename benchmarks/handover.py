"""A handover between two agencies on one anvil, step by step; nodes in this process, so that no
step waits for a poll.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ledger.client.handovers import handover
from ledger.domain.event.offer_terms import OfferTerms
from ledger.services.handovers import sync
from tests.support import consortium
from tests.support.chains import running
from tests.support.consortium import NL, RO
from tests.support.desk import Desk


def _taken(taker: Desk) -> None:
    """A large item comes in from round to round."""
    while not (done := sync.sync(taker.node)).received:
        assert not done.problems, done.problems


def bench_handover(mib: int) -> Iterator[tuple[str, float]]:
    """(title, seconds) of each step for a file of ``mib`` MiB, and of the first step that a person
    waits for.
    """
    with tempfile.TemporaryDirectory() as name, running("anvil") as url:
        folder = Path(name)
        consortium.found(folder, url, NL, RO)
        file = folder / "file.bin"
        with file.open("wb") as out:
            for _ in range(mib):
                out.write(os.urandom(1 << 20))
        with consortium.opened(folder, NL, RO) as agencies:
            giver, taker = agencies[NL], agencies[RO]
            yield _timed(f"upload of {mib} MiB, for comparison", lambda: giver.upload(file))
            [item] = [item.evidence for item in giver.client.items()]
            terms = OfferTerms(RO, int(time.time()) + 86400)
            yield _timed(
                "offer: key re-wrapped and signed",
                lambda: handover.offer(giver.client, giver.person, giver.clock, item, terms),
            )
            yield _timed(
                "offer anchored and taken by the contract",
                lambda: sync.settle(giver.node, timeout=60),
            )
            yield _timed(
                "record verified and ciphertext fetched by the taker", lambda: _taken(taker)
            )
            yield _timed(
                "checked (decrypted, re-hashed) and accepted",
                lambda: handover.accept(taker.client, taker.person, taker.clock, item),
            )
            yield _timed(
                "acceptance anchored and taken by the contract",
                lambda: sync.settle(taker.node, timeout=60),
            )
            yield _timed("giver learns of it", lambda: sync.sync(giver.node))
            assert giver.client.item(item).custodian == taker.client.item(item).custodian == RO


def _timed(title: str, work: Callable[[], object]) -> tuple[str, float]:
    start = time.perf_counter()
    work()
    return title, time.perf_counter() - start
