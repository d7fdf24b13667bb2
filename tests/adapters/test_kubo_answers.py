"""Kubo's answers, addresses and repositories: nonsense is one clear error, and a repository is private and whole."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.ipfs import repository
from ledger.adapters.ipfs.kubo import Kubo
from ledger.adapters.ipfs.rpc import url_of
from ledger.domain.errors import (
    FormatError,
    NetworkError,
    StorageError,
    UsageError,
    VerificationError,
)
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from tests.support.kubo import BINARY, Daemon, load

MIB = 1 << 20


def test_a_wrong_secret_is_refused_and_never_shown(three: list[Daemon]) -> None:
    with closing(Kubo("site-a", three[0].api, secret="custody:GUESSED")) as kubo:
        for call in (kubo.status, kubo.size, lambda: list(kubo.cids())):
            with pytest.raises(UsageError, match="refuses us") as error:
                call()
            assert "GUESSED" not in f"{error.value.message}{error.value.hint}"


def test_no_proxy_of_the_environment_gets_the_secret(
    three: list[Daemon], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login other password other")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with closing(three[0].client(timeout=5)) as kubo:
        assert kubo.status().version
        assert list(kubo.cids())


@pytest.mark.parametrize(
    "address",
    [
        "",
        "127.0.0.1:5001",
        "/ip4/127.0.0.1/tcp/99999",
        "/ip4/1.2.3.4/udp/1",
        "/unix/x",
        "/ip4/a@b/tcp/1",
        "/ip4/a/tcp/1/p2p/x",
    ],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(UsageError):
        url_of(address)


class Liar(BaseHTTPRequestHandler):
    """A daemon that answers what the test wants."""

    answers: dict[str, bytes]

    #: Bytes that follow for ever, one after another, to each path.
    endless: dict[str, Iterator[bytes]]

    def do_POST(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/api/v0/")
        if path in self.endless:
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):  # until the caller has had enough
                for line in self.endless[path]:
                    self.wfile.write(line)
                    time.sleep(0.02)
            return
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        body = self.answers.get(path, b"{}")
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def liar(
    *, timeout: float = 5, endless: dict[str, Iterator[bytes]] | None = None, **answers: bytes
) -> Iterator[Kubo]:
    known = {
        "version": b'{"Version":"0.42.0"}',
        "dag/import": b'{"Stats":{"BlockCount":1,"BlockBytesCount":1}}',
    }
    handler = type(
        "Handler",
        (Liar,),
        {
            "answers": known | {name.replace("_", "/"): body for name, body in answers.items()},
            "endless": endless or {},
        },
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with closing(
            Kubo("liar", f"/ip4/127.0.0.1/tcp/{server.server_address[1]}", timeout=timeout)
        ) as kubo:
            yield kubo
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_daemon_that_names_other_cids_or_counts_is_not_believed(rng: random.Random) -> None:
    one, other = (Block(cids.of(data), data) for data in (rng.randbytes(100), rng.randbytes(100)))
    pins = json.dumps({"Pins": [cids.to_text(other.cid)]}).encode()
    listed = json.dumps({"Keys": {cids.to_text(other.cid): {"Type": "recursive"}}}).encode()
    with liar(pin_add=pins) as kubo, pytest.raises(VerificationError, match="another CID"):
        load(kubo, [one.cid], [one])
    with (
        liar(pin_add=b'{"Pins":[]}') as kubo,
        pytest.raises(VerificationError, match="did not confirm"),
    ):
        load(kubo, [one.cid], [one])
    with (
        liar(dag_import=b'{"Stats":{"BlockCount":7}}') as kubo,
        pytest.raises(VerificationError, match="7 blocks of 1"),
    ):
        kubo.put([one])
    with liar(pin_ls=listed) as kubo, pytest.raises(VerificationError):
        kubo.pinned([one.cid])
    with liar(block_get=other.data) as kubo, pytest.raises(VerificationError, match="altered"):
        kubo.get(one.cid)
    with liar(block_get=bytes(5 * MIB)) as kubo, pytest.raises(VerificationError, match="altered"):
        kubo.get(one.cid)


def test_an_answer_that_is_nonsense_is_one_clear_error(rng: random.Random) -> None:
    block = Block(cids.of(b"x"), b"x")
    for body in (b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"Version":7}'):
        with (
            liar(version=body) as kubo,
            pytest.raises(NetworkError, match=r"answered nonsense \(version\): expected"),
        ):
            kubo.status()
    for version in (b'"x.y"', b'"0.30.0"', b'"1.42.0"'):
        with (
            liar(version=b'{"Version":' + version + b"}") as kubo,
            pytest.raises(UsageError, match=r"expected 0\.42"),
        ):
            kubo.status()
    for body in (
        b"[]",
        b"null",
        b"{",
        b'{"Pins":7}',
        b'{"Pins":[7]}',
        b'{"Progress":-1}',
        b"x" * (2 * MIB),
        b'{"Progress":"many"}',
    ):
        with (
            liar(pin_add=body) as kubo,
            pytest.raises(NetworkError, match=r"answered nonsense \(pin/add\): expected"),
        ):
            kubo.pin([block.cid])
    for body in (b"[]", b"null", b"{"):
        with (
            liar(pin_ls=body) as kubo,
            pytest.raises(NetworkError, match=r"answered nonsense \(pin/ls\): expected"),
        ):
            kubo.pinned([block.cid])
    with liar(pin_ls=b'{"Keys":{"x":1}}') as kubo, pytest.raises(VerificationError, match="CID"):
        kubo.pinned([block.cid])
    for body in (b"[]", b"null", b"{", b'{"Stats":7}', b'{"Stats":{"BlockCount":"x"}}'):
        with (
            liar(dag_import=body) as kubo,
            pytest.raises(NetworkError, match=r"answered nonsense \(dag/import\): expected"),
        ):
            kubo.put([block])


def test_progress_that_never_ends_holds_no_upload(rng: random.Random) -> None:
    """A pin that counts on for ever held its caller for a day: a block at a time, or beyond all
    that there is.
    """
    blocks = [Block(cids.of(data), data) for data in (rng.randbytes(100), rng.randbytes(100))]
    roots = [block.cid for block in blocks]
    for counts, known in ((count(1), 2), (count(1 << 50), 2), (iter(lambda: 1, 0), 2)):
        lines = (b'{"Progress":%d}\n' % number for number in counts)
        begun = time.monotonic()
        with (
            liar(timeout=1, endless={"pin/add": lines}) as kubo,
            pytest.raises(NetworkError, match=r"did not end a pin in time|waits for blocks"),
        ):
            kubo.pin(roots, blocks=known)
        assert time.monotonic() - begun < 10
    slow = (b'{"Progress":%d}\n' % (number // 200) for number in count())
    with (
        liar(timeout=1, endless={"pin/add": slow}) as kubo,
        pytest.raises(NetworkError, match=r"did not end a pin in time|waits for blocks"),
    ):
        kubo.pin(roots)


def test_a_block_over_the_limit_or_under_a_foreign_cid_never_leaves(kubo: Kubo) -> None:
    big = bytes(5 * MIB)
    for block in (Block(cids.of(big), big), Block(cids.of(b"a"), b"b")):
        with pytest.raises(FormatError):
            kubo.put([block])
    assert kubo.missing([cids.of(big), cids.of(b"a")]) == [cids.of(big), cids.of(b"a")]


def test_a_repository_is_private_fsynced_and_whole_or_not_there(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "repo")
    config = json.loads((daemon.path / "config").read_bytes())
    assert config["Datastore"]["Spec"]["mounts"][0]["sync"] is True
    assert config["Bootstrap"] == []
    assert config["Routing"] == {"Type": "none"}
    assert config["Addresses"]["API"].startswith("/ip4/127.0.0.1/")
    assert config["Addresses"]["Gateway"] == []
    assert all(
        config[name]["Enabled"] is False
        for name in ("AutoConf", "AutoTLS", "Provide", "HTTPRetrieval")
    )
    assert "auto" not in json.dumps(config["DNS"]) + json.dumps(config["Ipns"])
    for name in ("config", repository.SWARM_KEY, repository.SECRET):
        assert (daemon.path / name).stat().st_mode & 0o077 == 0
    for arguments, match in (
        ({"binary": "no-such-ipfs"}, "no-such-ipfs"),
        ({"swarm_key": tmp_path / "none"}, "cannot read"),
        ({"swarm_key": daemon.path / "config"}, "no swarm key"),
        ({"peers": ["/ip4/1.2.3.4/tcp/1"]}, "not a peer"),
    ):
        with pytest.raises(UsageError, match=match):
            repository.create(tmp_path / "other", **{"binary": str(BINARY), **arguments})
    with pytest.raises(UsageError, match="not empty"):
        repository.create(daemon.path, binary=str(BINARY))
    with pytest.raises(StorageError, match="failed"):
        repository.create(tmp_path / "other", binary="false")
    assert sorted(os.listdir(tmp_path)) == ["repo"]


def test_a_daemon_without_its_swarm_key_does_not_start(tmp_path: Path) -> None:
    daemon = Daemon(tmp_path / "repo")
    (daemon.path / repository.SWARM_KEY).unlink()
    daemon.start(wait=False)
    assert daemon.process is not None
    assert daemon.process.wait(timeout=30) != 0


def test_what_a_daemon_keeps_or_does_not_confirm_is_not_said_to_be_removed(
    rng: random.Random,
) -> None:
    """Pinned by its administrator too, a block stayed, and the node was said to have let go of it."""
    block, other = (cids.to_text(cids.of(rng.randbytes(100))) for _ in range(2))

    def told(cid: str, problem: str = "") -> bytes:
        return json.dumps({"Hash": cid, "Error": problem}).encode() + b"\n"

    root = cids.from_text(block)
    for body, expected in (
        (told(block), True),
        (told(block, "not found"), True),
        (told(block, "pinned: recursive"), False),
        (told(block, f"pinned via {other}"), False),
    ):
        with liar(block_rm=body) as kubo:
            assert kubo.unpin(root) is expected
    for body in (b"", told(block, "input/output error")):
        with liar(block_rm=body) as kubo, pytest.raises(NetworkError, match="remove"):
            kubo.unpin(root)
    with liar(block_rm=told(other)) as kubo, pytest.raises(VerificationError, match="another CID"):
        kubo.unpin(root)
