"""The crash campaign: a node is killed with SIGKILL at random moments while a driver records, reads
and anchors over HTTP.

After every restart: each acknowledged event is there exactly once, in order, with the receipt that
was given for it; the doctor finds nothing; interrupted uploads go on and end with the CID that
their first attempt would have had; checkpoints form one chain that the contract holds; nothing
half-written lies anywhere.

    python -m tests.campaigns.soak --kills 200 --seed 1
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from cli.node.servers import Servers
from ledger.adapters.clock import SystemClock
from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.node.client import NodeClient
from ledger.app import bootstrap, create_home, field_folder, person_keys, settings
from ledger.client.intake.content_sealer import ContentEncryptor
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.client.reading import retrieval
from ledger.domain.codecs.digests import MultiDigest
from ledger.domain.codecs.text import from_b64url
from ledger.domain.crypto.content_encryption import Pieces
from ledger.domain.errors import ConflictError, CustodyError, RuleError
from ledger.domain.ipld import cid as cids
from ledger.domain.ports.answers import Registered
from ledger.services.audit import self_check

PASSPHRASE = b"a passphrase of the soak"
BASIS = {"purpose": "soak"}
START = 60.0


@dataclass
class Acknowledged:
    """What the node promised: by statement digest, the index and the receipt that it gave."""

    receipts: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    items: dict[str, Path] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


class Recorder(NodeClient):
    """A client that remembers every answer to a registration."""

    acknowledged: Acknowledged

    def register(self, submissions: Any, **more: Any) -> list[Registered]:
        answers = super().register(submissions, **more)
        with self.acknowledged.lock:
            for answer in answers:
                self.acknowledged.receipts[answer.statement] = (
                    answer.evidence,
                    answer.index,
                    answer.receipt,
                )
        return answers


class Unlocked:
    """A keyring that is open already: stretching the passphrase for every check would take most of
    the campaign.
    """

    def __init__(self, keyring: FileKeyring) -> None:
        self._keyring = keyring

    def keyring(self) -> FileKeyring:
        return self._keyring


class Soak:
    """One campaign in a folder of its own."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.folder, self.home = folder, folder / "home"
        (folder / "passphrase").write_bytes(PASSPHRASE)
        create_home.found(
            self.home,
            agency="NL-POL",
            person="1",
            roles=["officer", "custodian"],
            passphrase=PASSPHRASE,
        )
        self.keyring = FileKeyring.open(self.home / settings.KEYRING, PASSPHRASE)
        self.done = Acknowledged()
        self.pending: dict[Path, str] = {}
        self.counts: Counter[str] = Counter()
        self.files = 0
        self.server: subprocess.Popen[bytes] | None = None

    # The node

    def spawn(self) -> subprocess.Popen[bytes]:
        address = self.home / settings.SERVER
        address.unlink(missing_ok=True)
        options = ["serve", "--port", "0", "--anchor-growth", "3", "--anchor-age", "1"]
        command = [
            sys.executable,
            "-m",
            "cli",
            "--home",
            str(self.home),
            "--passphrase-file",
            str(self.folder / "passphrase"),
        ]
        return subprocess.Popen(
            [*command, *options], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )

    def wait_ready(self, server: subprocess.Popen[bytes]) -> str:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            assert server.poll() is None, f"the node ended by itself with {server.returncode}"
            try:
                url = str(json.loads((self.home / settings.SERVER).read_bytes())["url"])
                with NodeClient(url) as probe:
                    probe.agency()
                return url
            except (OSError, ValueError, CustodyError):
                time.sleep(0.05)
        raise AssertionError("the node did not start in time")

    def client(self, url: str) -> Recorder:
        signer = lambda: (  # noqa: E731
            self.keyring.signing_key("person"),
            self.keyring.get("person-certificate"),
        )
        client = Recorder(
            url,
            signer=signer,
            meant=lambda log: Servers(self.home, self.keyring, url).require(url, log),
        )
        client.acknowledged = self.done
        return client

    # The driver

    def new_file(self, rng: random.Random) -> Path:
        with self.done.lock:
            self.files += 1
            number = self.files
        path = self.folder / f"file-{number:05}"
        path.write_bytes(rng.randbytes(rng.choice([0, 10, 5_000, 300_000, 3_000_000, 7_000_000])))
        return path

    def upload(self, client: Recorder, person: Any, path: Path) -> None:
        journal = field_folder.journal_of(self.home, self.keyring)
        done = list(Upload(person, client, journal, SystemClock(), UploadOptions()).run([path]))[0]
        expected = self.pending.pop(path, None)
        assert expected is None or done.cid == expected, (
            f"{path.name} was resumed and has another CID than its first attempt"
        )
        if expected is not None:
            self.counts["resumed"] += 1
        with self.done.lock:
            self.done.items[done.evidence] = path

    def work(self, url: str, seed: int, stop: threading.Event) -> None:
        """Do what officers do until the node is gone."""
        rng = random.Random(seed)
        with self.client(url) as client:
            try:
                person = person_keys.person_at(self.keyring, client.agency())
                while not stop.is_set():
                    with suppress(
                        ConflictError, RuleError
                    ):  # the other worker was first: read again, sign anew
                        self.step(client, person, rng)
            except CustodyError:
                self.counts["interrupted"] += 1

    def step(self, client: Recorder, person: Any, rng: random.Random) -> None:
        with self.done.lock:
            known = list(self.done.items.items())
        kind = rng.choice(["upload", "upload", "note", "read", "anchor"])
        if kind == "upload" or not known:
            self.upload(client, person, self.new_file(rng))
        elif kind == "note":
            evidence, _ = rng.choice(known)
            retrieval.record(
                client, person, SystemClock(), evidence, "note", {"text": f"note {rng.random()}"}
            )
        elif kind == "read":
            evidence, path = rng.choice(known)
            access = retrieval.record_access(
                client, person, SystemClock(), evidence, mode="copy", basis=BASIS
            )
            out = BytesIO()
            retrieval.fetch(client, person, evidence, access, out)
            assert out.getvalue() == path.read_bytes(), "other bytes than were recorded"
        else:
            client.anchor()
        self.counts[kind] += 1

    # One round

    def round(self) -> None:
        server = self.spawn()
        if self.rng.random() < 0.15:
            time.sleep(self.rng.random() * 2.5)
            self.kill(server)
            self.counts["killed while starting"] += 1
        else:
            url = self.wait_ready(server)
            self.resume(url)
            stop = threading.Event()
            with ThreadPoolExecutor(2) as pool:
                workers = [
                    pool.submit(self.work, url, self.rng.randrange(2**32), stop) for _ in range(2)
                ]
                time.sleep(self.rng.random() * 2)
                self.kill(server)
                stop.set()
                for worker in workers:
                    worker.result()
            self.counts["killed at work"] += 1
        self.check()

    def kill(self, server: subprocess.Popen[bytes]) -> None:
        server.send_signal(signal.SIGKILL)
        server.wait()

    def resume(self, url: str) -> None:
        """Start every interrupted upload again, as a person would."""
        with self.client(url) as client:
            person = person_keys.person_at(self.keyring, client.agency())
            for path in list(self.pending):
                self.upload(client, person, path)

    def check(self) -> None:
        """Look at what lies on the disk with nobody running."""
        self.note_pending()
        opened = bootstrap.open_home(self.home, Unlocked(self.keyring))  # type: ignore[arg-type]
        try:
            findings = [
                one
                for one in self_check.examine(opened.node, deep=True)
                if isinstance(one, self_check.SelfCheckFinding)
            ]
            assert not findings, findings
            node = opened.node
            with node.records.read() as unit:
                log = unit.logs.get(node.log_id)
                assert log is not None
                rows = unit.logs.entries(node.log_id, 0, log.size)
                checkpoints = unit.checkpoints.page(node.log_id)
                from ledger.domain.codecs.text import b64url
                from ledger.services.log import merkle_log

                key, read = node.log_key(unit), merkle_log.reader(unit, node.log_id)
                by_digest = {row.digest.hex(): row for row in rows}
                assert len(by_digest) == len(rows), "an event is in the log twice"
                for digest, (evidence, index, receipt) in self.done.receipts.items():
                    assert digest in by_digest, "an acknowledged event is lost"
                    row = by_digest[digest]
                    assert (row.evidence, row.index) == (evidence, index), (
                        "an acknowledged event has moved"
                    )
                    assert b64url(merkle_log.receipt(key, row, read).encode()) == receipt, (
                        "an acknowledged event has another receipt"
                    )
            assert (
                [row.prev for row in checkpoints] == [0, *(row.size for row in checkpoints[:-1])]
                if checkpoints
                else True
            )
            assert node.contracts.latest(node.log_id).size in {
                0,
                *(row.size for row in checkpoints),
            }
        finally:
            opened.close()
        assert not list(self.home.rglob("*part")), "a half-written file"
        self.counts["checks"] += 1

    def note_pending(self) -> None:
        """Which uploads the journals know of, and the CIDs that their attempts lead to."""
        journal = field_folder.journal_of(self.home, self.keyring)
        records = journal.leftovers()
        journal.close()
        newest = {record["path"]: record for record in records if record["t"] == "begin"}
        for name, record in newest.items():
            path = Path(name)
            key, salt = (
                from_b64url(record[what], what="journal") for what in ("content_key", "salt")
            )
            with ThreadPoolExecutor(2) as pool, path.open("rb", buffering=0) as file:
                sealer = ContentEncryptor(
                    file,
                    path.stat().st_size,
                    Pieces(key, record["evidence"], salt),
                    pool,
                    MultiDigest(()),
                )
                for _ in sealer.blocks():
                    pass
            self.pending[path] = cids.to_text(sealer.root)

    def finish(self) -> None:
        """The last round ends well: everything interrupted is resumed, everything is anchored."""
        server = self.spawn()
        try:
            url = self.wait_ready(server)
            self.resume(url)
            with self.client(url) as client:
                status = client.anchor()
            assert status.final == status.integrated
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=30)
        self.check()
        assert not self.pending


def run(kills: int, seed: int, *, say: Any = lambda text: None) -> Counter[str]:
    """A campaign of ``kills`` rounds; counts of what happened."""
    with tempfile.TemporaryDirectory(prefix="custody-soak-") as name:
        soak = Soak(Path(name), seed)
        for number in range(kills):
            soak.round()
            if number % 10 == 9:
                say(
                    f"{number + 1} kills, {len(soak.done.receipts)} events acknowledged, {dict(soak.counts)}"
                )
        soak.finish()
        soak.counts["events"] = len(soak.done.receipts)
        return soak.counts


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument(
        "--seed", type=int, default=int(os.environ.get("CUSTODY_TEST_SEED", "20261121"))
    )
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    start = time.monotonic()
    counts = run(options.kills, options.seed, say=lambda text: print(text, flush=True))
    print(
        f"{options.kills} kills in {time.monotonic() - start:.0f} s, nothing lost: {dict(counts)}"
    )


if __name__ == "__main__":
    main()
