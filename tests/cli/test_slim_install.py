"""What a stranger installs: the wheel and its base, in an environment that holds nothing else."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.commands import ROOT
from tests.support.releasing import Installed

VECTORS = ROOT / "tests" / "vectors"
BUNDLE, TRUST = VECTORS / "bundle" / "good.bundle", VECTORS / "bundle" / "trust.json"
MOST_PACKAGES, MOST_BYTES = 25, 100 * 1000 * 1000


def size_of(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def test_the_base_is_small(slim: Installed, capsys: pytest.CaptureFixture[str]) -> None:
    packages = sorted(path.name for path in slim.packages.glob("*.dist-info"))
    size = size_of(slim.packages)
    with capsys.disabled():
        print(f"\nthe base: {len(packages)} packages, {size / 1e6:.0f} MB")
    assert len(packages) <= MOST_PACKAGES, packages
    assert size <= MOST_BYTES


def test_the_base_needs_no_more_than_it_declares(slim: Installed) -> None:
    code = (
        "from importlib.metadata import distributions, requires; import re\n"
        "found = {re.sub('[-_.]+', '-', d.metadata['Name']).lower() for d in distributions()}\n"
        "def here(one): return not re.search('extra|sys_platform', one.partition(';')[2])\n"
        "asked = filter(here, requires('custody-ledger'))\n"
        "wanted = {re.split('[ <>=!;~[(]', one)[0] for one in asked}\n"
        "print(sorted(wanted - found))"
    )
    assert slim.run("-c", code).stdout.strip() == "[]"


def test_every_vector_is_judged_by_the_base_alone(slim: Installed) -> None:
    runner = slim.folder / "runner"
    runner.mkdir()
    for name in ("pytest", "_pytest", "pluggy", "iniconfig", "packaging", "py"):
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        found = Path(spec.origin)
        found = found.parent if found.name == "__init__.py" else found
        (runner / found.name).symlink_to(found)
    shutil.copytree(VECTORS, slim.folder / "vectors")
    done = slim.run(
        *("-m", "pytest", "-q", "-c", os.devnull, "--rootdir", slim.folder / "vectors"),
        *("-p", "no:cacheprovider", slim.folder / "vectors" / "test_vectors.py"),
        path=runner,
    )
    [passed] = re.findall(r"^(\d+) passed in", done.stdout, re.MULTILINE)
    assert int(passed) > len(list(VECTORS.glob("bundle/*.bundle")))


def test_a_bundle_is_verified_by_the_base_alone(slim: Installed) -> None:
    told = slim.custody("verify", BUNDLE, "--trust", TRUST, "--timeline").stdout
    assert "verdict: verified" in told
    forged = VECTORS / "bundle" / "signature-changed.bundle"
    assert "verdict: failed" in slim.custody("verify", forged, "--trust", TRUST, code=1).stdout


class _OtherChain(BaseHTTPRequestHandler):
    """Answers as a node of some other chain does."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": "0x7"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def other_chain() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _OtherChain) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_chain_is_asked_by_the_base_alone(slim: Installed, other_chain: str) -> None:
    told = slim.custody("verify", BUNDLE, "--trust", TRUST, "--rpc", other_chain, code=3).stdout
    assert "the chain that you asked is another one than the trust root names" in told


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        (["list"], "client"),
        (["upload", "photo.jpg"], "client"),
        (["person", "list"], "client"),
        (["init", "--agency", "NL-POL", "--person", "4711"], "node"),
        (["serve"], "node"),
        (["audit"], "node"),
        (["demo", "photo.jpg"], "node"),
    ],
    ids=lambda one: one[0] if isinstance(one, list) else one,
)
def test_a_command_whose_extra_is_missing_says_how_to_install_it(
    slim: Installed, command: list[str], extra: str
) -> None:
    told = slim.custody(*command, code=2).stderr
    lock = {"client": "requirements-client.lock", "node": "requirements.lock"}[extra]
    assert f"{slim.python} -I -m pip install --require-hashes -r {lock};" in told
    assert len(told.splitlines()) == 2
    told = slim.custody("--json", *command, code=2).stderr
    assert json.loads(told)["error"]["exit"] == 2


def test_help_is_there_without_the_extra(slim: Installed) -> None:
    assert "Usage: custody serve" in slim.custody("serve", "--help").stdout
    assert "upload" in slim.custody("--help").stdout
    assert slim.custody("--version").stdout.startswith("custody ")
