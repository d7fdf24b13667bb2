"""A Kubo daemon, or whoever stands before it, that answers one call of its RPC with nonsense: what
replication, reading again, status and doctor make of it. The daemon behind is a real one, and so
are the worker and the other replica, which goes on.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ledger.adapters.ipfs.kubo import Kubo
from ledger.domain.errors import CustodyError
from ledger.domain.ipld import cid as cids
from ledger.domain.verify.report import Verdict
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import IPFS, SelfChecked, SelfCheckFinding
from ledger.services.node.duty_board import Standing
from ledger.services.node.supervision import Loop
from ledger.services.preservation.fixity import FixityPolicy
from ledger.services.storage import replica_status, replication
from ledger.services.workers.replica_worker import ReplicaWorker
from tests.support.desk import Desk
from tests.support.hostile import KINDS, SLOW, Talk, _endless, answer, says
from tests.support.kubo import Daemon
from tests.support.kubo_between import Between, between
from tests.support.replicas import cid_of, files, held, states, sync, working

OTHER = cids.to_text(cids.of(b"something else"))
LINES = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
#: What is JSON, and looks as if Kubo had said it.
SAID: dict[str, list[object]] = {
    "version": [{"Version": 7}, {"Version": ["0.42.0"]}, {"Version": "9.9.9"}],
    "id": [{"ID": 7}, {"ID": "x", "Addresses": "abc"}, {"ID": "x", "Addresses": [7]}],
    "swarm/peers": [{"Peers": 7}, {"Peers": "abc"}, {"Peers": {"a": 1}}],
    "repo/stat": [
        {"RepoSize": -1, "StorageMax": 1}, {"RepoSize": 1, "StorageMax": -1},
        {"RepoSize": "1", "StorageMax": "2"}, {"RepoSize": True, "StorageMax": True},
        {"RepoSize": 2**70, "StorageMax": 1}, {"RepoSize": 1.5, "StorageMax": 2},
    ],
    "block/stat": [{"Key": OTHER, "Size": 1}, {"Key": 7, "Size": 1}, {"Key": OTHER, "Size": -1}],
    "block/get": [{"Data": "x"}],
    "pin/add": [{"Pins": [OTHER]}, {"Pins": "abc"}, {"Pins": []}, {"Progress": -1}, {"Pins": [7]}],
    "pin/ls": [{"Keys": {OTHER: {}}}, {"Keys": [OTHER]}, {"Keys": 7}],
    "block/rm": [{"Hash": OTHER}, {"Hash": 7}, {"Hash": OTHER, "Error": 7}],
    "dag/import": [
        {"Stats": {"BlockCount": -1}}, {"Stats": {"BlockCount": 1000}}, {"Stats": 7},
        {"Stats": {"BlockCount": "x"}},
    ],
}  # fmt: skip
#: Lines that are as they shall be, without end.
ENDLESS = {"block/rm": {"Hash": OTHER}, "pin/add": {"Progress": 1}, "dag/import": {"Root": {}}}
#: Which duty of the node makes a call, and what is due when it does.
DUE = {
    "version": ("keeping-site-a", "small"), "dag/import": ("keeping-site-a", "small"),
    "pin/add": ("keeping-site-a", "small"), "block/stat": ("keeping-site-a", "tree"),
    "pin/rm": ("keeping-site-a", "released"), "block/rm": ("keeping-site-a", "released"),
    "block/get": ("keeping-fixity", "read"), "pin/ls": ("keeping-fixity", "read"),
}  # fmt: skip
STATUS = ("version", "id", "swarm/peers", "repo/stat")
#: An answer without words is one, to a call that asks for nothing but that it is done.
WORDLESS = {"pin/rm", "swarm/connect"}


def talks(path: str) -> Iterator[tuple[str, Talk]]:
    yield from ((name, talk) for name, talk in KINDS.items() if name not in SLOW)
    for value in SAID.get(path, ()):
        yield f"says {value}", says(answer(json.dumps(value).encode()))
    if path in ENDLESS:
        line = json.dumps(ENDLESS[path]).encode() + b"\n"
        yield "lines without end", _endless(LINES, line, 0.01)
    yield "a trickle of a body", SLOW["a trickle of a body"]


@dataclass
class Kept:
    """A home with a small item and a tree at two nodes, of which one may lie."""

    desk: Desk
    server: Between
    small: str
    tree: str
    worker: ReplicaWorker
    clients: tuple[Kubo, Kubo]

    def duty(self, name: str) -> Loop:
        return next(one for one in self.worker._loops if one._duty.name == name)

    def standing(self, name: str) -> Standing:
        return next(row for row in self.desk.node.workers.rows() if row.worker == name)

    def lie(self, path: str, name: str, talk: Talk) -> None:
        """What ends by time alone is asked by a client of little patience."""
        self.server.settle()
        self.server.path, self.server.talk = path, talk
        slow = name in SLOW or name.endswith(("without end", "its length", "closed in the body"))
        client = self.clients[slow]
        client._checked = -1e9 if path == "version" else time.monotonic()
        self.desk.node.replicas.own["site-a"] = client

    def due(self, what: str) -> None:
        evidence = self.tree if what in {"tree", "read"} else self.small
        row = replace(
            held(self.desk, evidence)["site-a"], due=0, place=0, tries=0, problem="", seen=""
        )
        state = {"released": "released", "read": "pinned"}.get(what, "wanted")
        fresh = replace(row, state=state, tries=int(what == "tree"))
        if what == "read":
            fresh = replace(fresh, proof=1)  # long ago
        self.desk.node.put_holdings([fresh])

    def mend(self) -> None:
        """Nobody lies any more, and what was let go is wanted again."""
        self.server.path = ""
        self.desk.node.replicas.own["site-a"] = self.clients[0]
        for evidence in (self.small, self.tree):
            row = held(self.desk, evidence).get("site-a")
            if row is not None and row.state == "released":
                self.desk.node.put_holdings([replace(row, state="wanted", due=0)])


@contextmanager
def kept(founded: Path, folder: Path, daemons: list[Daemon], rng: random.Random) -> Iterator[Kept]:
    with (
        between(daemons[0]) as server,
        working(founded, folder, *daemons[:2]) as desk,
    ):
        own = desk.node.replicas.own
        own["site-a"].close()
        clients = tuple(
            Kubo("site-a", server.api, secret=daemons[0].secret, timeout=timeout)
            for timeout in (5, 0.15)
        )
        own["site-a"] = clients[0]
        small, tree = desk.upload(*files(folder, rng, 20_000, 1_200_000))
        assert sync(desk).problems == {}
        worker = ReplicaWorker(desk.node, FixityPolicy(rate=0))
        yield Kept(desk, server, small.evidence, tree.evidence, worker, clients)
        for client in clients:
            client.close()


@pytest.mark.parametrize("path", DUE)
def test_nonsense_at_a_call_of_replication_is_told_and_the_worker_goes_on(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random, path: str
) -> None:
    name, what = DUE[path]
    with kept(founded, tmp_path, three, rng) as home:
        untold, wrong, slow = [], {}, {}
        for kind, talk in talks(path):
            home.due(what)
            home.lie(path, kind, talk)
            lied, begun = home.server.lied, time.monotonic()
            home.duty(name).once()
            if time.monotonic() - begun > 12:
                slow[kind] = time.monotonic() - begun
            assert home.server.lied > lied, f"the call was not made: {kind}"
            problem = home.standing(name).problem
            rows = [held(home.desk, one).get("site-a") for one in (home.small, home.tree)]
            if "unexpected" in problem:
                wrong[kind] = problem
            if not problem and not any(row and row.problem for row in rows):
                untold.append(kind)
            home.mend()
        assert wrong == {}
        assert slow == {}
        assert path in WORDLESS or untold == []
        for evidence in (home.small, home.tree):
            assert states(home.desk, evidence)["site-b"] == "pinned"
        home.desk.node.put_holdings(
            [
                replace(row, due=0)
                for one in (home.small, home.tree)
                if (row := held(home.desk, one).get("site-a")) is not None
            ]
        )
        assert sync(home.desk).problems == {}
        home.duty(name).once()
        assert home.standing(name).problem == ""
        home.duty("keeping-fixity").once()
        for evidence in (home.small, home.tree):
            assert states(home.desk, evidence) == {"site-a": "pinned", "site-b": "pinned"}


@pytest.mark.parametrize("path", STATUS)
def test_nonsense_about_a_daemon_itself_is_told_by_status_and_doctor_of_that_one(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random, path: str
) -> None:
    with kept(founded, tmp_path, three, rng) as home:
        for kind, talk in talks(path):
            home.lie(path, kind, talk)
            report = {one.name: one for one in replica_status.report(home.desk.node).nodes}
            status = report["site-a"].status
            # An object without peers tells of none.
            assert status is None or (path, status.peers) == ("swarm/peers", 0), kind
            assert report["site-a"].problem or status is not None
            assert "unexpected" not in report["site-a"].problem
            assert report["site-b"].problem == "", kind
        home.mend()
        assert replica_status.report(home.desk.node).nodes[0].problem == ""


@pytest.mark.parametrize("said", [{"Keys": {OTHER: {}}}, {"Keys": 7}, [], None, {"Version": "9.9"}])
def test_what_a_lying_daemon_says_of_its_pins_says_nothing_against_the_home_or_the_other_one(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random, said: object
) -> None:
    """A foreign CID ended the doctor's look at every other replica, and called the home broken."""
    with kept(founded, tmp_path, three, rng) as home:
        path = "version" if said == {"Version": "9.9"} else "pin/ls"
        home.lie(path, "", says(answer(json.dumps(said).encode())))
        found = [
            one for one in examine(home.desk.node, deep=False) if getattr(one, "part", "") == IPFS
        ]
        [bad] = [one for one in found if isinstance(one, SelfCheckFinding)]
        assert "site-a" in bad.message
        assert (bad.verdict, bad.home_is_whole) == (Verdict.INCOMPLETE, True)
        [good] = [one for one in found if isinstance(one, SelfChecked)]
        assert "site-b: 2 pins" in good.detail


@pytest.mark.parametrize("path", ["version", "id", "repo/stat", "pin/add", "swarm/connect"])
def test_a_daemon_that_lies_as_a_source_leaves_the_blocks_to_be_sent_from_here(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random, path: str
) -> None:
    """Only silence did; a version that nobody knows was called the fault of the one that fetches."""
    with kept(founded, tmp_path, three, rng) as home:
        own = home.desk.node.replicas.own
        for kind in ("null", "a list", "no JSON", "a result that is a number", "a redirect"):
            home.lie(path, kind, KINDS[kind])
            asking, asked = ("site-b", "site-a") if path in STATUS else ("site-a", "site-b")
            row = held(home.desk, home.tree)[asking]
            assert own[asked] is not None
            got = replication._from_swarm(home.desk.node, asking, row)
            assert not got or path == "swarm/connect"


def test_nobody_is_led_to_another_address_by_a_redirect(
    founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random
) -> None:
    with kept(founded, tmp_path, three, rng) as home, between(three[2]) as elsewhere:
        target = f"Location: {elsewhere.url}/api/v0/id"
        home.lie("id", "", says(answer(b"{}", "307 Temporary Redirect", target)))
        with pytest.raises(CustodyError, match="redirect"):
            home.clients[0].status()
        assert elsewhere.seen == []
        assert cid_of(home.desk, home.small)
