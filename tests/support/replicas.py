"""Homes whose items are kept at real IPFS nodes, and what is known of each copy."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ledger.domain.blocks import dag
from ledger.domain.codecs.text import format_time
from ledger.domain.ports.answers import Recorded
from ledger.rows.storage import ReplicaStateRow
from ledger.services.preservation import fixity
from ledger.services.storage import replica_status
from tests.support.desk import Desk
from tests.support.kubo import Daemon, attach

BIG = 5_300_000  # six leaves and a root


@contextmanager
def working(
    founded: Path, folder: Path, *daemons: Daemon, copies: int = 2, outside: tuple[Daemon, ...] = ()
) -> Iterator[Desk]:
    """A desk whose home keeps items at these nodes; daemons that hang are given up soon."""
    home = Path(shutil.copytree(founded, folder / "home"))
    attach(home, *daemons, copies=copies, outside=outside)
    with Desk(home) as desk:
        for side, group in (
            (desk.node.replicas.own, daemons),
            (desk.node.replicas.outside, outside),
        ):
            for daemon in group:
                side[daemon.name].close()
                side[daemon.name] = daemon.client(timeout=3)
        yield desk


def files(folder: Path, rng: random.Random, *sizes: int) -> list[Path]:
    made = []
    for number, size in enumerate(sizes):
        made.append(folder / f"file-{number}")
        made[-1].write_bytes(rng.randbytes(size))
    return made


def sync(desk: Desk) -> replica_status.Synced:
    return replica_status.sync(desk.node, seconds=60, afresh=True)


def held(desk: Desk, evidence: str) -> dict[str, ReplicaStateRow]:
    with desk.node.records.read() as unit:
        return {row.node: row for row in unit.replicas.named([evidence]).get(evidence, [])}


def states(desk: Desk, evidence: str) -> dict[str, str]:
    return {name: row.state for name, row in held(desk, evidence).items()}


def cid_of(desk: Desk, evidence: str) -> bytes:
    with desk.node.records.read() as unit:
        item = unit.items.get(evidence)
        assert item is not None
        assert item.cid is not None
        return item.cid


def blocks_of(desk: Desk, evidence: str) -> list[bytes]:
    return list(dag.every(desk.node.blocks, cid_of(desk, evidence)))


def keep_reading_again(desk: Desk) -> None:
    for evidence in set(fixity.unread(desk.node)):
        assert all(
            one.is_whole
            for one in fixity.check(desk.node, evidence, fixity.Reading(fixity.RateLimiter(0)))
        )


def offer(desk: Desk, evidence: str, to: dict[str, str] | None = None) -> Recorded:
    body = {
        "mode": "custody",
        "to": to or {"agency": "BE-POL"},
        "expires": format_time(desk.clock.now() + 86400),
    }
    return desk.record(evidence, "transfer-offered", body)
