"""A home on a shared chain while the chain is silent, refuses, or is another one."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import consortium
from tests.support.chains import free_port, running
from tests.support.commands import custody


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of a consortium whose chain has gone."""
    folder = tmp_path_factory.mktemp("outage")
    with running("anvil") as url:
        consortium.found(folder, url, "NL-POL")
    return folder / "NL-POL"


def at(home: Path, folder: Path, url: str) -> Path:
    """A copy of the home whose chain is to be found at another address."""
    copy = Path(shutil.copytree(home, folder / "home"))
    settings = json.loads((copy / "home.json").read_text())
    settings["chain"]["url"] = url
    (copy / "home.json").write_text(json.dumps(settings))
    return copy


@contextmanager
def another_chain() -> Iterator[str]:
    """A JSON-RPC service of chain 1, as a provider is that fails over to another network."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": "0x1"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_chain_that_is_down_keeps_nobody_from_recording(joined: Path, tmp_path: Path) -> None:
    home = at(joined, tmp_path, f"http://127.0.0.1:{free_port()}")
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"\xff\xd8evidence")
    custody("upload", file, "--case", "1", "--exhibit", "A", "--basis", "x", home=home)
    assert json.loads(custody("list", "--json", home=home).stdout)["items"]
    told = custody("status", home=home, code=3)
    assert "PROBLEM" in told.stdout
    assert "entries     " in told.stdout
    found = json.loads(custody("doctor", "--json", home=home, code=3).stdout)
    assert found["verdict"] == "incomplete"


def test_another_chain_than_the_homes_refutes_nothing_of_the_home(
    joined: Path, tmp_path: Path
) -> None:
    with another_chain() as url:
        home = at(joined, tmp_path, url)
        told = custody("status", home=home, code=3)
        assert f"the chain that answers is 1, expected 31337: {urlsplit(url).netloc}" in told.stdout
        done = custody("doctor", "--json", home=home, code=3)
        assert json.loads(done.stdout)["verdict"] == "incomplete"
        assert "31337" in done.stdout
