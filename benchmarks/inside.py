"""What the log and the services cost by themselves: registration, proofs, growth, verification."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ledger.app import create_home
from ledger.domain.bundle import trust
from ledger.domain.codecs.text import from_b64url
from ledger.domain.event.signing import sign_event
from ledger.domain.log import merkle
from ledger.domain.log import statement as statements
from ledger.domain.log.tiles import HEIGHT, WIDTH
from ledger.domain.verify import verify
from ledger.rows.logs import LogRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.bundles import export
from ledger.services.log import merkle_log
from ledger.services.log.merkle_log import entry_row
from ledger.services.registration import registration
from ledger.services.registration.registration import Submission
from tests.support.desk import PASSPHRASE, Desk

Row = tuple[str, str]


def submission(value: dict[str, Any]) -> Submission:
    """The JSON form of the API as the service takes it."""
    return Submission(
        from_b64url(value["statement"], what="statement"),
        from_b64url(value["document"], what="document"),
        tuple(value["disclosures"]),
        tuple(from_b64url(grant, what="grant") for grant in value["grants"]),
    )


def desk_in(folder: Path) -> Desk:
    """A fresh home."""
    create_home.found(
        folder / "home",
        agency="NL-POL",
        person="1",
        roles=["officer", "custodian"],
        passphrase=PASSPHRASE,
    )
    return Desk(folder / "home")


def notes(desk: Desk, items: list[Any], rounds: int) -> list[list[Submission]]:
    """Batches of signed events, one for each item, signed before the clock starts."""
    states = {item.evidence: desk.client.item(item.evidence) for item in items}
    heads = {name: (state.events, bytes.fromhex(state.head)) for name, state in states.items()}
    batches = []
    for _ in range(rounds):
        batch = []
        for item in items:
            seq, head = heads[item.evidence]
            signed = sign_event(
                desk.person,
                "note",
                {"text": "benchmark"},
                evidence=item.evidence,
                seq=seq,
                prev=head,
                time=desk.clock.now(),
            )
            heads[item.evidence] = (seq + 1, signed.statement.digest)
            batch.append(submission(signed.submission))
        batches.append(batch)
    return batches


def bench_registration(folder: Path, rounds: int = 10) -> list[Row]:
    """Signed events through the services in batches of 256, durable after each."""
    with desk_in(folder) as desk:
        files = []
        for number in range(256):
            path = folder / f"item-{number}"
            path.write_bytes(number.to_bytes(2, "big"))
            files.append(path)
        items = desk.upload(*files)
        batches = notes(desk, items, rounds)
        times = []
        for batch in batches:
            start = time.perf_counter()
            registration.register(desk.node, batch, caller=desk.person.certificate.subject)
            times.append(time.perf_counter() - start)
        rate = 256 / statistics.median(times)
        evidence = items[0].evidence
        desk.anchor()
        data = export.bundle(desk.node, evidence).encode()
        root = trust.parse(desk.trust().encode())
        verify(data, root)
        spans = [timed(lambda: verify(data, root)) for _ in range(50)]
        events = rounds + 1
        return [
            ("registered events, batches of 256", f"{rate:8.0f} /s"),
            (
                f"verification of a bundle of {events} events, warm",
                f"{statistics.median(spans) * 1e3:8.2f} ms",
            ),
        ]


def timed(call: Callable[[], object]) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def grow(unit: UnitOfWork, log: bytes, size: int) -> None:
    """Tiles of a log of ``size`` made-up leaves."""
    row = [random.randbytes(32) for _ in range(size)]
    level = 0
    while row:
        for index in range(0, len(row), WIDTH):
            unit.logs.put_tile(log, level, index // WIDTH, b"".join(row[index : index + WIDTH]))
        for _ in range(HEIGHT):
            row = [merkle.node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
        level += 1
    unit.logs.put(LogRow(log, "NL-POL", 0, size, ""))


def bench_log(folder: Path, sizes: tuple[int, ...]) -> list[Row]:
    """Appends and inclusion proofs in logs of several sizes, from SQLite on disk."""
    rows: list[Row] = []
    with desk_in(folder) as desk:
        files = [folder / "item"]
        files[0].write_bytes(b"x")
        item = desk.upload(*files)[0]
        samples = notes(desk, [item], 300)
        for number, size in enumerate(sizes):
            log = bytes([number]) * 32
            with desk.node.records.write() as unit:
                grow(unit, log, size)
            proofs, appends = [], []
            for _ in range(1000):
                index = random.randrange(size)
                start = time.perf_counter()
                with desk.node.records.read() as unit:
                    path = merkle.inclusion_proof(index, size, merkle_log.reader(unit, log))
                proofs.append(time.perf_counter() - start)
                assert len(path) <= size.bit_length()
            for (sample,) in samples:
                # The same statement in several logs, for the measurement only.
                row = replace(
                    entry_row(log, statements.parse(sample.statement)), digest=random.randbytes(32)
                )
                start = time.perf_counter()
                with desk.node.records.write() as unit:
                    merkle_log.append(unit, log, [row])
                appends.append(time.perf_counter() - start)
            proofs.sort()
            rows.append(
                (
                    f"inclusion proof, log of {size:,}: median / p95",
                    f"{proofs[500] * 1e3:.3f} / {proofs[950] * 1e3:.3f} ms",
                )
            )
            rows.append(
                (
                    f"durable append of one entry, log of {size:,}: median",
                    f"{statistics.median(appends) * 1e3:.3f} ms",
                )
            )
    return rows
