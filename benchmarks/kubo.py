"""The main job through Kubo beside plain `ipfs add` of the same files: two daemons of the same
build and settings, fsync on for both.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.support.kubo import BINARY, Daemon

_CUSTODY = [sys.executable, "-m", "cli"]
_SECRET = "benchmark"


def bench_kubo(mib: int, files: int, repeat: int) -> Iterator[tuple[str, list[float], int]]:
    """(title, seconds of each round, peak KiB) of each measurement; rounds of peer and custody
    alternate.
    """
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as name:
        folder = Path(name)
        (folder / "passphrase").write_text(_SECRET)
        large, many = folder / "large.bin", folder / "many"
        with large.open("wb") as file:
            for _ in range(mib):
                file.write(os.urandom(1 << 20))
        many.mkdir()
        for number in range(files):
            (many / f"{number:06}").write_bytes(os.urandom(10240))
        for title, path in ((f"{mib} MiB", large), (f"{files} files of 10 KiB", many)):
            peer, acknowledged, pinned, peaks = [], [], [], [0, 0]
            for number in range(repeat):
                peer.append(_plain(folder / f"plain-{number}", path))
                times, peak = _custody(folder / f"round-{number}", folder / "passphrase", path)
                acknowledged.append(times[0])
                pinned.append(times[1])
                peaks = [max(pair) for pair in zip(peaks, peak, strict=True)]
            yield f"ipfs add, {title}", peer, 0
            yield f"custody upload, {title}: acknowledged", acknowledged, peaks[0]
            yield f"custody upload, {title}: pinned in Kubo", pinned, peaks[1]


def _plain(folder: Path, path: Path) -> float:
    with Daemon(folder) as daemon:
        command = [
            str(BINARY),
            "--api-auth",
            f"basic:{daemon.secret}",
            "add",
            "-r",
            "-Q",
            str(path),
        ]
        start = time.perf_counter()
        subprocess.run(command, env=daemon.environment, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - start
    shutil.rmtree(folder)
    return seconds


def _custody(
    folder: Path, passphrase: Path, path: Path
) -> tuple[tuple[float, float], tuple[int, int]]:
    """Seconds until everything is acknowledged and until it is pinned; peak KiB of the command and
    of the node.
    """
    folder.mkdir()
    custody = [*_CUSTODY, "--home", str(folder / "home"), "--passphrase-file", str(passphrase)]
    _run([*custody, "init", "--agency", "NL-POL", "--person", "1"])
    with Daemon(folder / "kubo") as daemon:
        _run(
            [
                *custody,
                "ipfs",
                "add",
                "kubo",
                "--api",
                daemon.api,
                "--secret-file",
                str(daemon.path / "rpc-secret"),
            ]
        )
        _run([*custody, "ipfs", "set", "--copies", "1"])
        with _serving(custody) as server:
            start = time.perf_counter()
            process = subprocess.Popen([*custody, "upload", str(path)], stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            if status:
                raise SystemExit("custody upload failed")
            acknowledged = time.perf_counter() - start
            items = len(list(path.iterdir())) + 1 if path.is_dir() else 1
            with closing(
                sqlite3.connect(f"file:{folder / 'home' / 'ledger.sqlite'}?mode=ro", uri=True)
            ) as db:
                while (
                    db.execute("SELECT count(*) FROM holding WHERE state = 'pinned'").fetchone()[0]
                    < items
                ):
                    time.sleep(0.02)
            pinned = time.perf_counter() - start
            peak = int(
                Path(f"/proc/{server.pid}/status").read_text().partition("VmHWM:")[2].split()[0]
            )
    shutil.rmtree(folder)
    return (acknowledged, pinned), (usage.ru_maxrss, peak)


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def _serving(custody: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [*custody, "serve", "--port", "0", "--anchor-age", "3600", "--anchor-growth", "100000000"],
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stderr is not None
        process.stderr.readline()
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)
