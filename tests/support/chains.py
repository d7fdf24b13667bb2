"""Real chains for the tests: a Hardhat node and anvil on loopback, started here and stopped here."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from ledger.adapters.chain.rpc import RpcChain
from ledger.domain.errors import CustodyError

ROOT = Path(__file__).parents[2]
ANVIL = ROOT / "node_modules" / ".bin" / "anvil"
HARDHAT = ROOT / "node_modules" / ".bin" / "hardhat"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(kind: str) -> Iterator[str]:
    """URL of a fresh chain with London rules or newer."""
    port = free_port()
    command = {
        "anvil": [
            str(ANVIL),
            "--port",
            str(port),
            "--silent",
            "--hardfork",
            "paris",
            "--chain-id",
            "31337",
        ],
        "hardhat": [str(HARDHAT), "node", "--hostname", "127.0.0.1", "--port", str(port)],
    }[kind]
    assert shutil.which(command[0]), f"{command[0]} is missing: run make test"
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                with closing(RpcChain(url, timeout=2)) as chain:
                    chain.chain_id()
                break
            except CustodyError:
                assert process.poll() is None, f"{kind} ended by itself"
                assert time.monotonic() < deadline, f"{kind} did not start"
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=10)
