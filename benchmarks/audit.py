"""Audits by themselves: entries a second on all cores, and memory that does not grow with the log.

Each log is made by an agency of the tests, with a P-256 signature an entry and five events an item,
and audited by a process of its own, whose peak is measured.
"""

from __future__ import annotations

import base64
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from coincurve import PrivateKey

from ledger.adapters import parallel_decoding
from ledger.adapters.audit_state import SqliteAuditState
from ledger.adapters.chain.contracts import Contracts
from ledger.adapters.chain.local import LocalChain
from ledger.adapters.logfiles import FolderFiles
from ledger.adapters.memory import StoppedClock
from ledger.app.open_audit import about
from ledger.domain.bundle import trust
from ledger.domain.identity.names import log_urn
from ledger.services.audit import external
from tests.support.malice import START, World

_FSCK = Path(__file__).parents[1] / ".build/fsck/fsck"
_AGENCY = "NL-POL"
_CHAIN = 31337


def bench_audit(sizes: tuple[int, ...]) -> Iterator[tuple[int, float, float, float]]:
    """(entries, entries a second, peak MiB of the auditing process, its workers besides, entries a
    second of fsck) of each size.

    Tessera's fsck checks hashes alone: neither signatures, nor people, nor custody, nor a chain. 0
    where it is not built.
    """
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            for step in ("make", "audit"):
                command = [sys.executable, "-m", "benchmarks.audit", step, name, str(size)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
            rate, peak = done.stdout.split()
            peer = _fsck(Path(name), size)
        yield size, float(rate), float(peak), peer


def _fsck(folder: Path, size: int) -> float:
    if not _FSCK.exists():
        return 0
    start = time.perf_counter()
    options = [
        "--public_key",
        str(folder / "key"),
        "--storage_url",
        (folder / "log").as_uri() + "/",
        "--ui=false",
        "-N",
        "2",
    ]
    subprocess.run([str(_FSCK), *options], capture_output=True, check=True, timeout=600)
    return size / (time.perf_counter() - start)


def make(folder: Path, size: int) -> None:
    """An agency's log of ``size`` entries, anchored, with its files and the trust root."""
    world = World(folder, random.Random(1), _AGENCY)
    agency = world[_AGENCY]
    while len(agency.entries) < size:
        item = agency.open()
        for _ in range(4):
            agency.say(item, "none")
    agency.anchor()
    agency.write(folder / "log")
    (folder / "trust.json").write_bytes(world.root.encode())
    key, name = agency.log_key.public_key().public_bytes_raw(), log_urn(agency.log_id)
    digest = sha256(name.encode() + b"\n\x01" + key).hexdigest()[:8]
    (folder / "key").write_text(f"{name}+{digest}+{base64.b64encode(bytes([1]) + key).decode()}")
    world.close()


def audit(folder: Path, size: int) -> None:
    """Audit it; prints entries a second and the peak in MiB."""
    root = trust.parse((folder / "trust.json").read_bytes())
    clock = StoppedClock(START + 100)
    chain = LocalChain(folder / "chain", chain_id=_CHAIN, sealer=PrivateKey().secret, clock=clock)
    contracts = Contracts(chain, root.registry.address, root.ledger.address)
    state = SqliteAuditState(folder / "state", about(root))
    with parallel_decoding.pool() as submit:
        start = time.perf_counter()
        report = external.audit(
            contracts,
            root,
            [FolderFiles(folder / "log")],
            state,
            clock,
            external.ExternalOptions(submit=submit),
        )
        seconds = time.perf_counter() - start
    assert report.verdict.value == "verified", report.as_json()
    assert report.facts[f"entries {_AGENCY}"] >= size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(f"{size / seconds:.0f} {peak:.0f}\n")


if __name__ == "__main__":
    {"make": make, "audit": audit}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
