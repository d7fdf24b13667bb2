"""Things that happen at once, and clocks that jump: no corruption, a plain answer."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ledger.adapters.memory import StoppedClock
from ledger.app import field_folder, settings
from ledger.client.reading import retrieval
from ledger.domain.errors import RuleError, VerificationError
from ledger.services.audit import self_check
from ledger.services.storage import garbage_collection
from tests.support.desk import PASSPHRASE, Desk


def clean(desk: Desk) -> bool:
    return not [
        one
        for one in self_check.examine(desk.node, deep=True)
        if isinstance(one, self_check.SelfCheckFinding)
    ]


def test_two_nodes_on_one_home_are_one_and_the_second_says_so(
    home_path: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "passphrase"
    secret.write_bytes(PASSPHRASE)
    command = [
        sys.executable,
        "-m",
        "cli",
        "--home",
        str(home_path),
        "--passphrase-file",
        str(secret),
        "serve",
        "--port",
        "0",
    ]
    first = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while not (home_path / settings.SERVER).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        second = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert second.returncode == 1
        assert f"in use by process {first.pid}" in second.stderr.decode()
        assert "what to do" in second.stderr.decode()
        assert json.loads((home_path / settings.SERVER).read_bytes())["url"].startswith(
            "http://127.0.0.1:"
        )
    finally:
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=30)


def test_two_uploads_of_one_file_at_once_are_two_items_that_know_of_each_other(
    desk: Desk, tmp_path: Path, rng: random.Random
) -> None:
    path = tmp_path / "file"
    path.write_bytes(rng.randbytes(2_500_000))
    with ThreadPoolExecutor(2) as pool:
        one, two = (
            future.result()[0] for future in [pool.submit(desk.upload, path) for _ in range(2)]
        )
    assert one.evidence != two.evidence
    assert one.cid != two.cid, "two attempts never share a salt"
    # Whichever was registered last was told of the other; which one that is, is chance.
    assert one.duplicates == (two.evidence,) or two.duplicates == (one.evidence,)
    assert desk.get(one.evidence) == desk.get(two.evidence) == path.read_bytes()
    assert not list((desk.path / "client" / "journal").glob("*"))
    assert clean(desk)


def test_uploads_during_anchoring_are_all_there_and_end_anchored(
    desk: Desk, tmp_path: Path, rng: random.Random
) -> None:
    stop = threading.Event()

    def anchor() -> int:
        rounds = 0
        while not stop.is_set():
            desk.client.anchor()
            rounds += 1
        return rounds

    paths = [tmp_path / f"file-{number}" for number in range(8)]
    for path in paths:
        path.write_bytes(rng.randbytes(400_000))
    with ThreadPoolExecutor(3) as pool:
        anchoring = pool.submit(anchor)
        items = [item for done in pool.map(desk.upload, paths) for item in done]
        stop.set()
        assert anchoring.result() > 0
    status = desk.client.anchor()
    assert status.final == status.integrated == 3 + len(paths)
    assert sorted(item.index for item in items) == list(range(3, 3 + len(paths)))
    assert clean(desk)


def test_collection_during_uploads_takes_nothing_from_them(
    desk: Desk, tmp_path: Path, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(garbage_collection, "LEAST_GRACE", 0)
    stop = threading.Event()

    def collect() -> int:
        rounds = 0
        while not stop.is_set():
            garbage_collection.collect(desk.node, grace=3700)
            rounds += 1
        return rounds

    paths = [tmp_path / f"file-{number}" for number in range(6)]
    for path in paths:
        path.write_bytes(rng.randbytes(3_000_000))
    with ThreadPoolExecutor(3) as pool:
        collecting = pool.submit(collect)
        items = [item for done in pool.map(desk.upload, paths) for item in done]
        stop.set()
        assert collecting.result() > 0
    assert [desk.get(item.evidence) for item in items] == [path.read_bytes() for path in paths]
    assert clean(desk)


def test_a_clock_that_jumps_back_is_told_and_corrupts_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    item = desk.upload(path)[0]
    desk.client.anchor()
    ahead = StoppedClock(desk.clock.now() + 290)  # as far as a clock may run ahead of the node's
    retrieval.record(desk.client, desk.person, ahead, item.evidence, "note", {"text": "ahead"})
    earlier = desk.clock.now() - 120
    with monkeypatch.context() as patch:
        patch.setattr(type(desk.clock), "now", lambda self: earlier)
        with pytest.raises(RuleError, match="lies before the previous event") as error:
            desk.record(item.evidence, "note", {"text": "too early"})
        assert "the clock of the computer" in (error.value.hint or "")
        other = desk.upload(path)[0]
        status = desk.client.anchor()
        assert status.final == status.integrated
    desk.record(item.evidence, "note", {"text": "in time"})
    assert desk.get(other.evidence) == b"x"
    status = desk.client.anchor()
    assert status.final == status.integrated
    assert clean(desk)


def test_a_clock_set_back_behind_the_founding_is_told_plainly(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x")
    earlier = desk.clock.now() - 86400
    monkeypatch.setattr(type(desk.clock), "now", lambda self: earlier)
    with pytest.raises(VerificationError, match="and this computer's clock says"):
        desk.upload(path)


def test_a_clock_far_ahead_is_refused_before_anything_is_in_the_log(
    desk: Desk, tmp_path: Path
) -> None:
    class Fast:
        def now(self) -> int:
            return desk.clock.now() + 3600

    from ledger.client.intake.upload import Upload, UploadOptions

    path = tmp_path / "file"
    path.write_bytes(b"x")
    journal = field_folder.journal_of(desk.path, desk.home.keyring)
    with pytest.raises(RuleError, match="and the node's clock says"):
        list(Upload(desk.person, desk.client, journal, Fast(), UploadOptions()).run([path]))
    assert not list(desk.client.items())
