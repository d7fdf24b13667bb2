"""Logs of any size that somebody claims, with entries invented to go with it: an audit reads what
its own bounds say, and tells what it left out.
"""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.audit_state import SqliteAuditState
from ledger.adapters.chain.contracts import address_of, wait
from ledger.adapters.logfiles import FolderFiles, WebFiles
from ledger.app.open_audit import about
from ledger.domain.audit.report import AuditReport
from ledger.domain.log import merkle, tiles
from ledger.domain.log import receipt as receipts
from ledger.domain.verify.report import Verdict
from ledger.services.audit import external, fetching, run_bounds
from tests.support.log_trees import reader
from tests.support.malice import World
from tests.support.malice_agency import Agency

HUGE = merkle.MAX_SIZE  # what the contract takes


class Inventing:
    """A web server that shows a log's files, and invents entries and tiles behind them without
    end.
    """

    def __init__(self, folder: Path, true: list[bytes], invented: bytes) -> None:
        self.asked: list[str] = []
        self.endless = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.lstrip("/")
                outer.asked.append(path)
                kept = folder / path
                if kept.is_file():
                    self._answer(kept.read_bytes())
                elif path.startswith("tile/"):
                    place = tiles.parse_path(path.removeprefix("tile/"))
                    known = [] if place.level else true[256 * place.index :][: place.width]
                    entries = known + [invented] * (place.width - len(known))
                    row = b"".join(map(merkle.leaf_hash, entries))
                    self._answer(tiles.join_bundle(entries) if place.level is None else row)
                elif outer.endless and path.startswith(outer.endless):
                    self.send_response(200)
                    self.end_headers()
                    while True:
                        self.wfile.write(bytes(1 << 20))
                else:
                    self.send_error(404)

            def _answer(self, data: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Nothing is written."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """Whoever asked went away."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def entries(self) -> list[str]:
        return [path for path in self.asked if path.startswith("tile/entries/")]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def inventing(agency: Agency, size: int, root: bytes, entries: int) -> Iterator[Inventing]:
    """The agency's true files, the first ``entries`` of them, under a head of any size."""
    folder = agency.write(agency.world.folder / "shown", size=entries)
    head = receipts.sign_checkpoint(
        agency.log_key, log_id=agency.log_id, size=min(size, HUGE), root=root
    ).note
    head = head.replace(str(HUGE).encode(), str(size).encode()) if size > HUGE else head
    (folder / "checkpoint").write_bytes(head)
    for number, note in agency.notes.items():
        (folder / "checkpoints" / str(number)).write_bytes(note)
    server = Inventing(folder, agency.entries[:entries], agency.entries[-1])
    try:
        yield server
    finally:
        server.close()


def audit(world: World, url: str, state: Path | None = None, **options: Any) -> AuditReport:
    world.clock.time += 1
    kept, web = SqliteAuditState(state, about(world.root)), WebFiles(url)
    chosen = external.ExternalOptions(**options)
    try:
        return external.audit(world.contracts, world.root, [web], kept, world.clock, chosen)
    finally:
        web.close()
        kept.close()


def anchor_invented(agency: Agency, size: int) -> bytes:
    """Anchor a tree of so many leaves, of which those behind the true ones never were."""
    leaves = agency.leaves()
    true = reader(leaves)

    @lru_cache(maxsize=4096)
    def node(level: int, index: int) -> bytes:
        if (index + 1) << level <= len(leaves):
            return true(level, index)
        if index << level >= len(leaves):
            return sha256(f"{level} {index}".encode()).digest()
        return merkle.node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    old, root = agency.anchored, merkle.root_of(size, node)
    proof = merkle.consistency_proof(old, size, node) if old else []
    contracts = agency.world.contracts
    nonce = contracts.chain.nonce(address_of(agency.anchorer))
    raw = contracts.sign_anchor(agency.anchorer, nonce, (old, size, root, bytes(32)), proof)
    wait(contracts.chain, contracts.chain.send(raw))
    note = receipts.sign_checkpoint(agency.log_key, log_id=agency.log_id, size=size, root=root).note
    agency.anchored, agency.notes[size] = size, note
    return root


def test_a_head_of_entries_that_nobody_signed_costs_nothing_and_is_not_called_verified(
    world: World,
) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    count = len(nl.entries)
    with inventing(nl, HUGE, bytes(32), count) as server:
        report = audit(world, server.url)
        asked = len(server.entries)
    assert report.verdict is Verdict.INCOMPLETE, report.as_json()
    assert report.codes() == {"overdue"}
    assert f"{count} anchored, {HUGE - count} wait" in report.findings[0].found
    assert asked == 1


def test_a_head_of_more_entries_than_any_log_can_have_refutes_nothing(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    with inventing(nl, 1 << 52, bytes(32), len(nl.entries)) as server:
        report = audit(world, server.url)
        assert not server.entries
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"beyond-limit"})
    assert str(1 << 52) in report.findings[0].found


def test_entries_invented_for_an_anchored_size_are_not_read_without_end(world: World) -> None:
    """The contract takes any size with a proof: a proof does not bind it."""
    nl = world["NL-POL"]
    nl.open()
    root = anchor_invented(nl, HUGE)
    with inventing(nl, HUGE, root, 0) as server:
        report = audit(world, server.url)
        assert not server.entries
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"beyond-limit"})
    assert "entries from 0 on were not read" in report.findings[0].found
    assert f"read up to entry 0 of {HUGE}" in report.details["entries"]


def test_what_is_anchored_before_the_invented_entries_is_judged_once_and_the_rest_is_named(
    world: World,
) -> None:
    nl, state = world["NL-POL"], world.folder / "kept"
    for _ in range(300):
        nl.open()
    world.settle()
    count = len(nl.entries)
    root = anchor_invented(nl, 1 << 40)
    with inventing(nl, 1 << 40, root, count) as server:
        for looked_at in (2, 0):
            server.asked.clear()
            report = audit(world, server.url, state)
            assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"beyond-limit"})
            assert f"entries from {count} on were not read" in report.findings[0].found
            assert len(server.entries) == looked_at
            assert report.facts["entries NL-POL"] == count


def test_an_auditor_who_reads_as_much_finds_that_the_entries_are_invented(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    root = anchor_invented(nl, 5000)
    with inventing(nl, 5000, root, 0) as server:
        few, enough = (audit(world, server.url, most=most) for most in (4999, 5000))
    assert few.codes() == {"beyond-limit"}
    assert enough.verdict is Verdict.FAILED
    assert "root-differs" in enough.codes()


def test_entries_longer_than_anybodys_end_a_run_and_refute_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl = world["NL-POL"]
    for _ in range(2000):
        nl.open()
    world.settle()
    monkeypatch.setattr(run_bounds, "_OTHERWISE", 20_000)
    monkeypatch.setattr(run_bounds, "_AN_ENTRY", 100)  # those here have some 600
    with inventing(nl, len(nl.entries), bytes(32), len(nl.entries)) as server:
        head = nl.note(len(nl.entries))
        (world.folder / "shown/checkpoint").write_bytes(head)
        report = audit(world, server.url)
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"beyond-limit"})
    assert "one run reads" in report.findings[0].found


def test_a_file_without_end_is_cut_off(world: World) -> None:
    nl = world["NL-POL"]
    nl.open()
    world.settle()
    shown = len(nl.entries)
    with inventing(nl, shown, bytes(32), shown) as server:
        (world.folder / "shown/checkpoint").write_bytes(nl.note(shown))
        for path in (world.folder / "shown/certs").iterdir():
            path.unlink()
        server.endless = "certs/"
        tracemalloc.start()
        report = audit(world, server.url)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert report.verdict is Verdict.UNREADABLE
    assert report.codes() == {"unreachable"}
    assert peak < 40 << 20


def test_contradictions_without_end_are_kept_up_to_a_number(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl, state = world["NL-POL"], world.folder / "kept"
    nl.entries += [b"nonsense"] * 10_000
    world.settle()
    monkeypatch.setattr(run_bounds, "FAULTS", 1000)
    report = world.audit(nl.write(world.folder / "nl"), state=state, kind=FolderFiles)
    assert report.verdict is Verdict.FAILED
    assert report.codes() == {"entry-malformed", "beyond-limit"}
    assert report.counts["entry-malformed"] < 5000
    again = world.audit(nl.write(world.folder / "nl"), state=state, kind=FolderFiles)
    assert again.counts["entry-malformed"] > report.counts["entry-malformed"]


def test_certificates_without_end_are_not_all_held_in_memory(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl = world["NL-POL"]
    for _ in range(40):
        nl.open(who=nl.certify(["officer"]))
    world.settle()
    monkeypatch.setattr(fetching, "_HELD", 3)
    report = world.audit_all()
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()
