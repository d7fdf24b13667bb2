"""Ctrl-C or SIGTERM at any moment of any command: a plain word or none, and nothing half-written."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.node import interrupt
from ledger.domain.bundle.bundle import parse
from ledger.domain.errors import UnconfirmedError
from tests.support.commands import ROOT, custody
from tests.support.desk import PASSPHRASE

ROUNDS = 3


@pytest.mark.nightly
def test_ctrl_c_at_any_moment_leaves_nothing_half_written(
    worked: dict[str, Path], tmp_path: Path, rng: random.Random
) -> None:
    home = Path(shutil.copytree(worked["home"], tmp_path / "home"))
    big = tmp_path / "big"
    big.write_bytes(rng.randbytes(30_000_000))
    out = tmp_path / "out"
    evidence = str(worked["evidence"])
    commands = {
        "upload": ["upload", str(big)],
        "get": ["get", evidence, "-o", str(out), "--basis", "x"],
        "bundle": ["bundle", evidence, "-o", str(out), "--basis", "x"],
        "anchor": ["anchor"],
        "init": ["init", "--agency", "NL-POL", "--person", "1"],
        "backup": ["backup", str(tmp_path / "backups"), "--keys", str(tmp_path / "keys")],
    }
    for name, arguments in commands.items():
        for _ in range(ROUNDS):
            place = tmp_path / "new" if name == "init" else home
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", "--home", str(place), *arguments],
                cwd=ROOT, env={**os.environ, "CUSTODY_PASSPHRASE": PASSPHRASE.decode()}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            time.sleep(0.3 + rng.random() * 2.2)
            number = rng.choice([signal.SIGINT, signal.SIGTERM])
            process.send_signal(number)
            _, message = process.communicate(timeout=60)
            assert process.returncode in (0, 128 + number, -number), (
                name,
                process.returncode,
                message,
            )
            assert b"Traceback" not in message, message.decode()
            if out.exists():  # whole, or not at all
                assert (
                    out.read_bytes() == worked["photo"].read_bytes()
                    if name == "get"
                    else parse(out.read_bytes()).statements
                )
                out.unlink()
            if name == "init" and place.exists():
                assert process.returncode == 0 or (place / "home.json").exists()
                shutil.rmtree(place)
    left = [
        path
        for path in tmp_path.rglob("*")
        if path.name.endswith("part") or path.name.startswith(".")
    ]
    assert left == []
    custody("upload", str(big), home=home)
    custody("anchor", home=home)
    custody("doctor", "--deep", home=home)


STRUCK = """
import os, signal, sys
from ledger.adapters.node import client
real = client.NodeClient.register
def register(self, submissions, **more):
    found = real(self, submissions, **more) if {before} else []
    os.kill(os.getpid(), signal.SIG{name})
    return found or real(self, submissions, **more)
client.NodeClient.register = register
"""


@pytest.mark.parametrize("name", ["INT", "TERM"])
@pytest.mark.parametrize("before", [True, False])
def test_whoever_stops_a_command_while_it_is_recorded_is_told_that_it_is(worked: dict[str, Path], tmp_path: Path, name: str, before: bool) -> None:  # fmt: skip
    """Whoever was told that nothing was left did it again, and the log had it twice."""
    home = Path(shutil.copytree(worked["home"], tmp_path / "home"))
    done = custody(
        *("note", worked["evidence"], "--text", "once"),
        home=home,
        code=128 + getattr(signal, f"SIG{name}"),
        before=STRUCK.format(name=name, before=before),
    )
    assert "stopping when the node has answered" in done.stderr
    assert "1 step of this command is recorded" in done.stderr
    assert "nothing half-written" not in done.stderr
    events = json.loads(
        custody("show", worked["evidence"], "--json", "--basis", "x", home=home).stdout
    )["details"]
    assert sum('"once"' in json.dumps(event) for event in events) == 1


STRUCK_AFTER = """
import os, signal, sys
from {module} import {kind} as kind
real = kind.{method}
def struck(self, *arguments, **options):
    found = real(self, *arguments, **options)
    if {path!r} in map(str, arguments) or not {path!r}:
        os.kill(os.getpid(), signal.SIGINT)
    return found
kind.{method} = struck
"""


@pytest.mark.parametrize(
    ("command", "module", "kind", "method", "path"),
    [
        (
            "person invite --number 4799 --role officer -o FILE.card --url https://nl.example",
            "ledger.adapters.node.client",
            "NodeClient",
            "_send",
            "/v1/people/invitations",
        ),
        (
            "--offline upload FILE --case 1 --exhibit 1 --basis x",
            "ledger.client.field.offline",
            "FieldNode",
            "register",
            "",
        ),
    ],
)
def test_whoever_stops_an_invitation_or_work_without_network_is_told_that_it_was_done(
    tmp_path: Path, command: str, module: str, kind: str, method: str, path: str
) -> None:
    home, file = tmp_path / "home", tmp_path / "file"
    roles = [
        argument
        for role in ("officer", "custodian", "administrator")
        for argument in ("--role", role)
    ]
    custody("init", "--agency", "NL-POL", "--person", "4711", *roles, home=home)
    file.write_bytes(b"found")
    custody("field", "prepare", home=home)
    done = custody(
        *(word.replace("FILE", str(file)) for word in command.split()),
        home=home,
        code=130,
        before=STRUCK_AFTER.format(module=module, kind=kind, method=method, path=path),
    )
    assert "1 step of this command is recorded" in done.stderr


def test_whoever_stops_a_command_whose_answer_was_lost_is_told_that_nobody_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        interrupt,
        "_State",
        type(
            "Fresh",
            (),
            {"asked": 0, "deferring": False, "recording": False, "recorded": 0, "unknown": 0},
        ),
    )

    def register() -> None:
        with interrupt.recording(1):
            interrupt._State.asked = signal.SIGINT
            raise UnconfirmedError("no answer")

    with pytest.raises(interrupt.Stopped):
        register()
    assert "is not known" in interrupt.told()
