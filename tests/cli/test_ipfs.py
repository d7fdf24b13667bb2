"""IPFS nodes from the command line: docs/operations.md as it stands, and a move that dies in the
middle.
"""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import ROOT, custody, serving, settings_of_commands
from tests.support.desk import PASSPHRASE
from tests.support.kubo import BINARY, Daemon, attach, free_port

IPFS_NODES = (
    (ROOT / "docs" / "operations.md")
    .read_text()
    .partition("\n## IPFS nodes\n")[2]
    .split("\n## ")[0]
)


@contextmanager
def session(folder: Path) -> Iterator[Any]:
    """Runs lines of the page in a folder: ports are exchanged for free ones, daemons are stopped at
    the end.
    """
    ports = {port: str(free_port()) for port in ("5001", "5002", "4001", "4002")}
    settings = settings_of_commands()
    settings["PATH"] = f"{BINARY.parent}{os.pathsep}{settings['PATH']}"
    daemons: list[subprocess.Popen[bytes]] = []

    def run(line: str) -> subprocess.CompletedProcess[str] | None:
        words = shlex.split(
            re.sub(r"\b(?:" + "|".join(ports) + r")\b", lambda found: ports[found[0]], line)
        )
        if words[-1] == "&":
            variables = dict(word.split("=", 1) for word in words if "=" in word)
            log = (folder / f"{len(daemons)}.log").open("wb")
            daemons.append(
                subprocess.Popen(
                    words[len(variables) : -1],
                    cwd=folder,
                    env=settings | variables,
                    stdout=log,
                    stderr=log,
                )
            )
            log.close()
            deadline = time.monotonic() + 60
            while b"Daemon is ready" not in Path(log.name).read_bytes():
                assert time.monotonic() < deadline, Path(log.name).read_text()
                time.sleep(0.05)
            return None
        assert words[0] == "custody"
        return custody(*words[1:], folder=folder, environment={"PATH": settings["PATH"]}, code=None)

    try:
        yield run
    finally:
        for daemon in daemons:
            daemon.kill()
            daemon.wait()


def test_every_command_of_the_page_on_ipfs_nodes_works(
    founded: Path, tmp_path: Path, rng: random.Random
) -> None:
    shutil.copytree(founded, tmp_path / "home")
    (tmp_path / "photo.jpg").write_bytes(rng.randbytes(2_500_000))
    with session(tmp_path) as run:
        assert run("custody --home home upload photo.jpg").returncode == 0
        lines = re.findall(r"^\$ (.*)$", IPFS_NODES, re.MULTILINE)
        assert len(lines) == 10
        for line in lines:
            done = run(line)
            assert done is None or done.returncode == 0, line + done.stdout + done.stderr
            assert done is None or "Warning" not in done.stderr, done.stderr
            if line.endswith("status"):
                assert re.search(r"^site-a +ok +0\.42\.0 .* 1 +0 +0$", done.stdout, re.MULTILINE), (
                    done.stdout
                )
        listed = json.loads(run("custody --home home --json list").stdout)["items"][0]
        assert {
            replica["node"]: (replica["state"], replica["reads"] > 0)
            for replica in listed["replicas"]
        } == dict.fromkeys(("site-a", "site-b"), ("pinned", True))
        shown = run(f"custody --home home show {listed['evidence']}").stdout
        assert "kept at  site-a: there, last good" in shown
        assert (
            run(f"custody --home home get {listed['evidence']} -o out.jpg --basis x").returncode
            == 0
        )
        assert (tmp_path / "out.jpg").read_bytes() == (tmp_path / "photo.jpg").read_bytes()
        assert not [
            path
            for path in (tmp_path / "home" / "blocks").glob("pack-*.car")
            if path.stat().st_size > 1000
        ]
        assert "ok      ipfs: site-a: 1 pin," in run("custody --home home doctor --deep").stdout
        settings = (tmp_path / "home" / "home.json").read_text()
        assert (tmp_path / "site-a" / "rpc-secret").read_text().strip() not in settings
        assert run("custody --home home ipfs set --copies 3 --fixity-days 7").returncode == 0
        assert "items lie at 3 IPFS nodes of 2" in run("custody --home home ipfs set").stdout
        done = run("custody --home home ipfs sync")
        assert done.returncode == 3
        assert "the home knows 2" in done.stdout
        assert run("custody --home home ipfs remove site-b").returncode == 0
        left = run("custody --home home status").stdout
        assert "FORGOTTEN   IPFS node site-b, removed" in left
        assert left.count("site-b") == 1


@pytest.fixture
def full(founded: Path, tmp_path: Path, three: list[Daemon], rng: random.Random) -> Path:
    """A home with some items on its own disk, and two nodes that have nothing of it yet."""
    home = Path(shutil.copytree(founded, tmp_path / "home"))
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}.bin").write_bytes(rng.randbytes(20_000 if number % 3 else 9_000_000))
    custody("upload", folder, home=home)
    attach(home, *three[:2])
    return home


@pytest.mark.nightly
def test_a_move_killed_again_and_again_ends_whole_and_loses_nothing(
    full: Path, tmp_path: Path, rng: random.Random
) -> None:
    command = [sys.executable, "-m", "cli", "--home", str(full), "ipfs", "migrate"]
    settings = {**os.environ, "CUSTODY_PASSPHRASE": PASSPHRASE.decode()}
    for _ in range(3):
        process = subprocess.Popen(
            command, cwd=ROOT, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(0.6 + rng.random() * 1.5)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = json.loads(custody("ipfs", "migrate", "--json", home=full).stdout)
    assert done["complete"]
    assert not done["problems"]
    items = json.loads(custody("list", "--json", home=full).stdout)["items"]
    assert len(items) == 13
    assert all(
        replica["state"] == "pinned" and replica["reads"]
        for item in items
        for replica in item["replicas"]
    )
    given = {path.read_bytes() for path in (tmp_path / "files").iterdir()}
    for item in items[:2]:
        custody("get", item["evidence"], "-o", tmp_path / "out", "--basis", "x", home=full)
        given.remove((tmp_path / "out").read_bytes())
        (tmp_path / "out").unlink()
    assert len(given) == 10
    assert "ok      content" in custody("doctor", "--deep", home=full, code=3).stdout


def test_a_move_without_all_nodes_gives_nothing_up(full: Path, three: list[Daemon]) -> None:
    three[1].kill()
    before = sum(path.stat().st_size for path in (full / "blocks").glob("pack-*.car"))
    done = custody("ipfs", "migrate", home=full, code=3)
    assert "nothing was given up" in done.stdout
    assert "site-b" in done.stdout
    assert "what to do" in done.stdout
    assert sum(path.stat().st_size for path in (full / "blocks").glob("pack-*.car")) == before


def test_a_node_that_serves_sends_by_itself_and_answers_sync_and_fixity(
    full: Path, three: list[Daemon]
) -> None:
    with serving(full, "--port", "0"):
        deadline = time.monotonic() + 60
        while json.loads(custody("ipfs", "sync", "--json", home=full, code=None).stdout)["wanting"]:
            assert time.monotonic() < deadline
        assert "13 items read again: 0 with damage" in custody("fixity", "--all", home=full).stdout
        status = json.loads(custody("status", "--json", home=full).stdout)["ipfs"]
        assert [(node["name"], node["pinned"], node["damaged"]) for node in status["nodes"]] == [
            ("site-a", 13, 0),
            ("site-b", 13, 0),
        ]


def test_mistakes_with_nodes_are_told_plainly(
    founded: Path, tmp_path: Path, three: list[Daemon]
) -> None:
    home = Path(shutil.copytree(founded, tmp_path / "home"))
    secret = three[0].path / "rpc-secret"
    wrong = tmp_path / "wrong"
    wrong.write_text("custody:nonsense")
    for arguments, words in (
        (("add", "Site A", "--api", three[0].api), "is not a name"),
        (("add", "a", "--api", "localhost:5001"), "is not an RPC address"),
        (("add", "a", "--api", three[0].api), "refuses us"),
        (("add", "a", "--api", three[0].api, "--secret-file", wrong), "refuses us"),
        (
            ("add", "a", "--api", three[0].api, "--secret-file", tmp_path / "none"),
            "cannot read the secret file",
        ),
        (("remove", "a"), "no IPFS node 'a'"),
        (("migrate",), "no IPFS nodes"),
        (("init", tmp_path / "new", "--ipfs", "no-such-program"), "no 'no-such-program' was found"),
    ):
        done = custody("ipfs", *arguments, home=home, code=2)
        assert words in done.stderr
        assert "what to do" in done.stderr
    dead = custody(
        "ipfs", "add", "a", "--api", f"/ip4/127.0.0.1/tcp/{free_port()}", home=home, code=1
    )
    assert "does not answer" in dead.stderr
    custody("ipfs", "add", "a", "--api", three[0].api, "--secret-file", secret, home=home)
    assert (
        "already"
        in custody(
            "ipfs", "add", "a", "--api", three[0].api, "--secret-file", secret, home=home, code=2
        ).stderr
    )
    assert "say --all" in custody("fixity", home=home, code=2).stderr
