"""What a request about an item with a long history costs, and for how long it keeps others from
writing.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.inside import desk_in, notes
from ledger.client.reading import retrieval
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.registration import registration
from tests.support.desk import Desk

_REPEAT = 9


@contextmanager
def _watched(desk: Desk) -> Iterator[list[float]]:
    """Seconds of each write transaction of the node, while this lasts."""
    records, spans = desk.node.records, list[float]()
    write = records.write

    @contextmanager
    def timed_write() -> Iterator[UnitOfWork]:
        with write() as unit:
            start = time.perf_counter()
            try:
                yield unit
            finally:
                spans.append(time.perf_counter() - start)

    records.write = timed_write
    try:
        yield spans
    finally:
        del records.write


def bench_history(folder: Path, events: int = 2000) -> list[tuple[str, str]]:
    """Requests about an item of so many events: medians, and the longest write transaction."""
    with desk_in(folder) as desk:
        file = folder / "item"
        file.write_bytes(b"x")
        [item] = desk.upload(file)
        evidence = item.evidence
        while (had := desk.client.item(evidence).events) < events:
            rounds = min(registration.MAX_BATCH, events - had)
            batch = [note for [note] in notes(desk, [item], rounds)]
            registration.register(desk.node, batch, caller=desk.person.certificate.subject)
        parts: Any = (desk.client, desk.person, desk.clock, evidence)
        holds = iter(range(_REPEAT + 1))
        access = desk.access(evidence, "view")
        disposal = {"scope": "all", "method": "keys destroyed", "approvals": ["00" * 32]}
        calls: dict[str, Callable[[], object]] = {
            "a note": lambda: desk.record(evidence, "note", {"text": "x"}),
            "a hold": lambda: desk.record(evidence, "hold-placed", {"hold": f"h{next(holds)}"}),
            "a rehearsal": lambda: _refused(
                lambda: retrieval.rehearse(*parts, "disposed", disposal)
            ),
            "details": lambda: desk.client.details(evidence, access),
            "all pages of events": lambda: list(desk.client.events(evidence)),
        }
        rows = []
        for title, call in calls.items():
            call()
            with _watched(desk) as spans:
                found = statistics.median(_span(call) for _ in range(_REPEAT))
            held = f", write transaction at most {max(spans) * 1e3:.1f} ms" if spans else ""
            rows.append((f"{title}, item of {events:,} events", f"{found * 1e3:8.1f} ms{held}"))
    return rows


def _refused(call: Callable[[], object]) -> None:
    from ledger.domain.errors import RuleError

    try:
        call()
    except RuleError:
        return
    raise AssertionError("a disposal under a hold")


def _span(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
