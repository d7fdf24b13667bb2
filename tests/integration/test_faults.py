"""Every storage and chain call fails once: one clear error, a retry that succeeds, and nothing
wrong afterwards.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from ledger.app import field_folder
from ledger.client.intake.upload import Upload, UploadOptions, UploadResult
from ledger.domain.errors import CustodyError, NetworkError, StorageError, UnreadableError
from ledger.services.audit import self_check
from tests.support.desk import Desk
from tests.support.faults import Fault, Faulty, FaultyRecords

HINT = "do something about it"
STORAGE = [
    StorageError(name, hint=HINT)
    for name in ("disk full", "input/output error", "read-only file system")
]
NETWORK = [
    NetworkError(name, hint=HINT)
    for name in ("timed out", "connection reset", "connection refused")
]


class Bench:
    """A desk whose ports may fail, and operations to try on it."""

    def __init__(self, desk: Desk, folder: Path, rng: random.Random) -> None:
        self.desk, self.folder, self.rng = desk, folder, rng
        self.fault = Fault()
        self.number = 0
        self.journal: Callable[[Any], Any] = lambda journal: journal
        self.client: Any = desk.client
        self.uploaded: dict[Path, UploadResult] = {}

    def new_file(self) -> Path:
        self.number += 1
        path = self.folder / f"file-{self.number}"
        path.write_bytes(self.rng.randbytes(1_200_000))
        return path

    def upload(self, *paths: Path) -> None:
        journal = self.journal(field_folder.journal_of(self.desk.path, self.desk.home.keyring))
        run = Upload(self.desk.person, self.client, journal, self.desk.clock, UploadOptions())
        self.uploaded |= zip(paths, run.run(list(paths)), strict=True)

    def audit(self) -> None:
        findings = [
            one
            for one in self_check.examine(self.desk.node, deep=True)
            if isinstance(one, self_check.SelfCheckFinding)
        ]
        assert findings == []
        assert not list((self.desk.path / "client" / "journal").glob("*.journal")), (
            "every upload ended"
        )
        assert not list(self.desk.path.rglob("*part"))


@pytest.fixture
def bench(desk: Desk, tmp_path: Path, rng: random.Random) -> Bench:
    return Bench(desk, tmp_path, rng)


def fail_each_call(
    bench: Bench,
    operation: Callable[[], Callable[[], None]],
    errors: list[Any],
    *,
    after: bool = False,
) -> int:
    """Run the operation with its first call failing, then its second, and so on until it makes no
    more calls.

    Returns:
        How many calls it made: a test in which that is none tests nothing.
    """
    kinds = cycle(errors)
    for at in range(1, 1000):
        run = operation()
        bench.fault.arm(at, next(kinds), after=after)
        told = None
        try:
            run()
        except CustodyError as error:
            told = error
        assert told is None or (told.message and told.hint)
        reached, names = bench.fault.count, bench.fault.names
        bench.fault.arm(0)
        if told is not None:
            run()
        if reached < at:
            return at - 1
        assert names
    raise AssertionError("it never ended")


def upload_of(bench: Bench) -> Callable[[], Callable[[], None]]:
    def prepare() -> Callable[[], None]:
        path = bench.new_file()
        return lambda: bench.upload(path)

    return prepare


def check_uploads(bench: Bench) -> None:
    """Every file is one item, whatever happened on the way."""
    evidence = {one.evidence for one in bench.uploaded.values()}
    assert len(evidence) == bench.number
    assert {item.evidence for item in bench.desk.client.items()} == evidence
    bench.desk.client.anchor()
    bench.audit()


@pytest.mark.parametrize("after", [False, True], ids=["before", "answer lost"])
def test_the_database_fails_during_an_upload(bench: Bench, after: bool) -> None:
    node = bench.desk.node
    node.records = FaultyRecords(node.records, bench.fault)
    assert fail_each_call(bench, upload_of(bench), STORAGE, after=after) > 20
    check_uploads(bench)


def test_the_block_store_fails_during_an_upload(bench: Bench) -> None:
    node = bench.desk.node
    node.blocks = Faulty(node.blocks, bench.fault)
    assert fail_each_call(bench, upload_of(bench), STORAGE) > 3
    check_uploads(bench)


def test_the_block_store_loses_an_answer_during_an_upload(bench: Bench) -> None:
    node = bench.desk.node
    node.blocks = Faulty(node.blocks, bench.fault)
    assert fail_each_call(bench, upload_of(bench), STORAGE, after=True) > 3
    check_uploads(bench)


def test_the_journal_fails_during_an_upload(bench: Bench) -> None:
    bench.journal = lambda journal: Faulty(journal, bench.fault, skip=("close", "append"))
    assert fail_each_call(bench, upload_of(bench), STORAGE) >= 3
    check_uploads(bench)


@pytest.mark.parametrize("after", [False, True], ids=["before", "answer lost"])
def test_the_network_fails_during_an_upload(bench: Bench, after: bool) -> None:
    bench.client = Faulty(bench.desk.client, bench.fault)
    assert fail_each_call(bench, upload_of(bench), NETWORK, after=after) >= 2
    check_uploads(bench)


def anchor_of(bench: Bench) -> Callable[[], Callable[[], None]]:
    def prepare() -> Callable[[], None]:
        bench.upload(bench.new_file())

        def run() -> None:
            bench.desk.client.anchor()
            status = bench.desk.client.status()
            assert status.final == status.integrated

        return run

    return prepare


def check_anchors(bench: Bench) -> None:
    """No checkpoint twice, and none that the contract does not hold."""
    with bench.desk.node.records.read() as unit:
        rows = unit.checkpoints.page(bench.desk.node.log_id)
    assert [row.prev for row in rows] == [0, *(row.size for row in rows[:-1])]
    assert len({row.transaction for row in rows}) == len(rows)
    assert all(row.state == "final" for row in rows)
    bench.audit()


@pytest.mark.parametrize("after", [False, True], ids=["before", "answer lost"])
def test_the_chain_fails_during_anchoring(bench: Bench, after: bool) -> None:
    contracts = bench.desk.node.contracts
    contracts.chain = Faulty(contracts.chain, bench.fault)
    assert fail_each_call(bench, anchor_of(bench), NETWORK, after=after) > 8
    check_anchors(bench)


@pytest.mark.parametrize("after", [False, True], ids=["before", "answer lost"])
def test_the_database_fails_during_anchoring(bench: Bench, after: bool) -> None:
    node = bench.desk.node
    node.records = FaultyRecords(node.records, bench.fault)
    assert fail_each_call(bench, anchor_of(bench), STORAGE, after=after) > 20
    check_anchors(bench)


def reading_of(
    bench: Bench, read: Callable[[str, str, bytes], object]
) -> Callable[[], Callable[[], None]]:
    waiting: list[Path] = []

    def prepare() -> Callable[[], None]:
        if not waiting:
            waiting.extend(bench.new_file() for _ in range(20))
            bench.upload(*waiting)
            bench.desk.client.anchor()
        # One of its own for each run: every reading adds an event, and so a call.
        path = waiting.pop()
        evidence = bench.uploaded[path].evidence
        access = bench.desk.access(evidence, "export")

        def run() -> None:
            assert read(evidence, access, path.read_bytes())

        return run

    return prepare


@pytest.mark.parametrize("port", ["records", "blocks", "chain"])
def test_a_port_fails_while_somebody_reads(bench: Bench, port: str) -> None:
    desk = bench.desk
    if port == "records":
        desk.node.records = FaultyRecords(desk.node.records, bench.fault)
    elif port == "blocks":
        desk.node.blocks = Faulty(desk.node.blocks, bench.fault)
    else:
        desk.node.contracts.chain = Faulty(desk.node.contracts.chain, bench.fault)
    errors = {
        "records": STORAGE,
        "blocks": [UnreadableError("bad sector", hint=HINT)],
        "chain": NETWORK,
    }[port]

    reads: list[Callable[[str, str, bytes], object]] = [
        lambda evidence, access, data: desk.get(evidence) == data,
        lambda evidence, access, data: desk.access(evidence, "export"),
        lambda evidence, access, data: desk.client.details(evidence, access),
        lambda evidence, access, data: desk.client.bundle(evidence, access),
    ]
    calls = [fail_each_call(bench, reading_of(bench, read), errors) for read in reads]
    assert sum(calls) > 2
    desk.client.anchor()
    bench.audit()


def test_a_restored_older_home_anchors_nothing_that_does_not_extend_the_chain(bench: Bench) -> None:
    """The chain knows more than the home: as after a restore from an old backup."""
    desk = bench.desk
    bench.upload(bench.new_file())
    desk.client.anchor()
    with desk.node.records.write() as unit:
        unit.checkpoints.drop(desk.node.log_id, unit.checkpoints.page(desk.node.log_id)[-1].size)
    with closing(sqlite3.connect(desk.path / "ledger.sqlite")) as database, database:
        database.execute("DELETE FROM chain_transaction")
    with pytest.raises(
        CustodyError, match="holds a checkpoint of 4 entries, this home knows of 0"
    ) as error:
        desk.client.anchor()
    assert "restore the newest backup" in (error.value.hint or "")
