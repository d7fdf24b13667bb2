"""Real Kubo daemons on loopback: a repository as `custody ipfs init` makes it, and a process that
stops with the tests.
"""

from __future__ import annotations

import base64
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from ledger.adapters.ipfs import repository
from ledger.adapters.ipfs.kubo import Kubo
from ledger.adapters.keystore.file import Unlocking
from ledger.app import settings
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld import unixfs
from ledger.domain.ipld.unixfs import Block
from tests.support.commands import ROOT
from tests.support.desk import PASSPHRASE

BINARY = ROOT / ".build" / "kubo" / "ipfs"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Daemon:
    """One repository and its daemon; ``swarm_key`` of another one joins its swarm."""

    def __init__(self, path: Path, *, swarm_key: Path | None = None, name: str = "") -> None:
        assert BINARY.exists(), "the tests need Kubo: run `make kubo`"
        self.path = path
        self.name = name or path.name
        self.made = repository.create(
            path,
            swarm_key=swarm_key,
            api_port=free_port(),
            listen=f"/ip4/127.0.0.1/tcp/{free_port()}",
            binary=str(BINARY),
        )
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def api(self) -> str:
        return self.made.api

    @property
    def secret(self) -> str:
        return (self.path / repository.SECRET).read_text().strip()

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **repository.ENVIRONMENT, "IPFS_PATH": str(self.path)}

    def start(self, *, wait: bool = True, before: Callable[[], None] | None = None) -> None:
        with (self.path.parent / f"{self.path.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "daemon"],
                env=self.environment,
                stdout=log,
                stderr=log,
                preexec_fn=before,  # noqa: PLW1509
            )
        if wait:
            self.wait()

    def wait(self) -> None:
        deadline = time.monotonic() + 60
        port = int(self.api.rpartition("/")[2])
        while True:
            assert self.process is not None
            assert self.process.poll() is None, (
                self.path.parent / f"{self.path.name}.log"
            ).read_text()
            with socket.socket() as found:
                if found.connect_ex(("127.0.0.1", port)) == 0:
                    return
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=30)
            self.process = None

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
        if number == signal.SIGSTOP:  # a thread of it that still runs would answer once more
            os.waitpid(self.process.pid, os.WUNTRACED)

    def run(self, *arguments: str, data: bytes | None = None) -> bytes:
        """The `ipfs` command against this repository's daemon."""
        auth = ["--api-auth", f"basic:{self.secret}"] if self.process is not None else []
        done = subprocess.run(
            [BINARY, *auth, *arguments],
            env=self.environment,
            input=data,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def client(self, *, timeout: float = 20) -> Kubo:
        return Kubo(self.name, self.api, secret=self.secret, timeout=timeout)

    def block_file(self, cid: bytes) -> Path:
        """Where the flatfs keeps a block: by its multihash in base32, sharded by the next to last
        two characters.
        """
        name = base64.b32encode(cid[2:]).decode().rstrip("=")
        return self.path / "blocks" / name[-3:-1] / f"{name}.data"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()


@contextmanager
def swarm(folder: Path, *names: str) -> Iterator[list[Daemon]]:
    """Daemons in one private swarm, all started and not yet introduced to one another."""
    daemons: list[Daemon] = []
    try:
        for name in names:
            daemons.append(
                Daemon(
                    folder / name,
                    swarm_key=daemons[0].path / repository.SWARM_KEY if daemons else None,
                )
            )
        for daemon in daemons:
            daemon.start(wait=False)
        for daemon in daemons:
            daemon.wait()
        yield daemons
    finally:
        for daemon in daemons:
            daemon.kill()


def attach(home: Path, *daemons: Daemon, copies: int = 2, outside: tuple[Daemon, ...] = ()) -> None:
    """Let a home keep its items at these nodes, as `custody ipfs add` does."""
    keyring = Unlocking(home / settings.KEYRING, PASSPHRASE).keyring()
    for daemon in (*daemons, *outside):
        keyring.put(settings.IPFS_SECRET.format(daemon.name), daemon.secret.encode())
    keyring.save()
    nodes = tuple(
        settings.IpfsNode(daemon.name, daemon.api, daemon in outside)
        for daemon in (*daemons, *outside)
    )
    settings.write(home, replace(settings.read(home), ipfs=settings.IpfsSettings(nodes, copies)))


def load(kubo: Kubo, roots: Sequence[bytes], blocks: Iterable[Block]) -> None:
    """Store blocks and pin what is above them."""
    kubo.put(blocks)
    kubo.pin(roots)


def trees(rng: random.Random, *counts: int) -> list[tuple[bytes, list[Block]]]:
    """Trees of so many leaves of 100 KB: each root, and all its blocks."""
    made = []
    for count in counts:
        builder, blocks = unixfs.Builder(), []
        for _ in range(count):
            data = rng.randbytes(100_000)
            leaf = Block(cids.of(data), data)
            blocks += [leaf, *builder.add(leaf.cid, len(data))]
        root, rest = builder.finish()
        made.append((root, blocks + rest))
    return made
