"""What the item map costs: a batch of new entries in a map of a million subjects, and a proof."""

from __future__ import annotations

import random
import time
from hashlib import sha256
from pathlib import Path

from benchmarks.inside import Row, desk_in
from ledger.domain.log import item_map, map_tiles
from ledger.rows.logs import MapTileRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.log import stored_map

_BATCH = 10_000
_PROOFS = 1_000


def _subject(number: int) -> str:
    return f"urn:uuid:{sha256(number.to_bytes(8, 'big')).hexdigest()[:32]}"


def _grow(unit: UnitOfWork, log: bytes, start: int, end: int, kept: int) -> bytes:
    """One new subject an entry, read and written as a checkpoint does; the root."""
    hashed = bytes(32)
    new = {item_map.key_of(log, _subject(at)): [(at, hashed)] for at in range(start, end)}
    root, tiles = map_tiles.update(lambda among: unit.logs.map_tiles(log, among, kept), new)
    stored_map.keep(unit, log, stored_map.DerivedMap(root, root, {end: tiles}))
    return root


def _written() -> int:
    """Bytes that this process has handed to disks so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("wchar")).split()[1])


def bench_item_map(folder: Path, size: int) -> list[Row]:
    """A map grown to ``size`` subjects, then a batch more, settled as at finality, and proofs."""
    with desk_in(folder) as desk:
        log, kept = bytes(32), 0
        for end in range(size // 4, size + 1, size // 4):
            with desk.node.records.write() as unit:
                _grow(unit, log, kept, end, kept)
                unit.logs.settle_map(log, end)
            kept = end
        end, before, start = size + _BATCH, _written(), time.perf_counter()
        busy = time.process_time()
        with desk.node.records.write() as unit:
            root = _grow(unit, log, size, end, size)
        batch, busy = time.perf_counter() - start, time.process_time() - busy
        written, before, start = _written() - before, _written(), time.perf_counter()
        with desk.node.records.write() as unit:
            unit.logs.settle_map(log, end)
        settled, cleared = time.perf_counter() - start, _written() - before
        spans, busy_proofs = [], time.process_time()
        for _ in range(_PROOFS):
            subject = _subject(random.randrange(2 * end))
            start = time.perf_counter()
            with desk.node.records.read() as unit:
                stored_map.prove(unit, log, end, root, subject)
            spans.append(time.perf_counter() - start)
        spans.sort()
        busy_proofs = time.process_time() - busy_proofs
        with desk.node.records.read() as unit:
            tiles = unit.tables.count(MapTileRow.__table__.name)
    return [
        (
            f"item map of {size:,}: {_BATCH:,} entries more, durable",
            f"{batch:.2f} s ({busy:.2f} of the processor), {written / 1e6:.1f} MB",
        ),
        (
            "the tiles that they replaced removed, at finality",
            f"{settled:.2f} s, {cleared / 1e6:.1f} MB",
        ),
        (
            f"proof in a map of {end:,}, {tiles:,} tiles: median / p95",
            f"{spans[_PROOFS // 2] * 1e3:.3f} / {spans[_PROOFS * 95 // 100] * 1e3:.3f} ms",
        ),
        (
            "the same, of the processor: mean",
            f"{busy_proofs / _PROOFS * 1e3:.3f} ms",
        ),
    ]
