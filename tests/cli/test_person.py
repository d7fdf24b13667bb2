"""A colleague joins an agency from another machine: invitation, keys, fingerprint, approval, work, suspension."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import ROOT, custody
from tests.support.desk import PASSPHRASE

OTHER = {"CUSTODY_PASSPHRASE": "another person's passphrase"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("person") / "home"
    roles = [word for role in ("administrator", "officer", "custodian") for word in ("--role", role)]
    custody("init", "--agency", "NL-POL", "--person", "4711", *roles, home=home)
    settings = {**os.environ, "CUSTODY_PASSPHRASE": PASSPHRASE.decode()}
    command = [sys.executable, "-m", "cli", "--home", str(home), "serve", "--port", "0"]
    server = subprocess.Popen(command, cwd=ROOT, env=settings, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        assert "serving" in server.stderr.readline()
        yield home
        server.send_signal(signal.SIGINT)
        server.wait(timeout=40)
    finally:
        server.kill()
        server.communicate()


def test_from_invitation_to_suspension(served: Path, tmp_path: Path, rng: random.Random) -> None:
    mine, invitation = tmp_path / "mine", tmp_path / "invitation.json"
    custody("person", "invite", "--number", "4712", "--role", "officer", "-o", invitation, home=served)
    assert invitation.stat().st_mode & 0o077 == 0
    assert (
        "exists already" in custody("person", "invite", "--number", "1", "--role", "officer", "-o", invitation, home=served, code=2).stderr
    )

    asked = custody("person", "enrol", invitation, home=mine, environment=OTHER).stdout
    [fingerprint] = re.findall(r"^  ((?:[0-9a-f]{4} ?){4})$", asked, re.MULTILINE)
    assert "not enrolled yet" in custody("status", home=mine, environment=OTHER, code=2).stderr

    listed = json.loads(custody("person", "list", "--json", home=served).stdout)["people"]
    [waiting] = [one for one in listed if one["state"] == "requested"]
    assert waiting["fingerprint"] == fingerprint
    shown = custody("person", "list", home=served).stdout
    assert f"4712 asks to join with the fingerprint {fingerprint}" in shown
    assert f"person approve {waiting['reference']}" in shown
    custody("person", "approve", waiting["reference"], home=served)
    done = json.loads(custody("person", "enrol", invitation, "--json", home=mine, environment=OTHER).stdout)
    assert done["pseudonym"]

    path = tmp_path / "file.bin"
    path.write_bytes(rng.randbytes(50_000))
    uploaded = json.loads(custody("upload", path, "--json", home=mine, environment=OTHER).stdout)["items"][0]["evidence"]
    custody("get", uploaded, "-o", tmp_path / "out", "--basis", "x", home=mine, environment=OTHER)
    assert (tmp_path / "out").read_bytes() == path.read_bytes()
    assert "may not" in custody("person", "list", home=mine, environment=OTHER, code=1).stderr
    assert {path.name for path in mine.iterdir()} == {"client.json", "keyring.json", "client"}

    suspended = json.loads(custody("person", "suspend", done["pseudonym"], "--json", home=served).stdout)
    assert suspended["revoked"]
    refused = custody("status", home=mine, environment=OTHER, code=1).stderr
    assert "login refused" in refused
    table = custody("person", "list", home=served).stdout
    assert re.search(rf"^{done['pseudonym']} +4712 +suspended +officer", table, re.MULTILINE), table


def test_mistakes_are_told_plainly(served: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    for text in (
        "",
        "{}",
        "[]",
        '{"v": 2}',
        '{"v":1,"server":"file:///x","agency":"A","log":"l","descriptor":"d","code":"c","expires":"e"}',
    ):
        broken.write_text(text)
        assert "not an invitation" in custody("person", "enrol", broken, home=tmp_path / "mine", code=2).stderr
    assert not (tmp_path / "mine").exists()
    assert "cannot read" in custody("person", "enrol", tmp_path / "none", home=tmp_path / "mine", code=2).stderr
    done = custody("person", "invite", "--number", "1", "--role", "king", "-o", tmp_path / "x", home=served, code=2)
    assert "roles are one or more of" in done.stderr
    assert not (tmp_path / "x").exists()
    assert "nobody waits" in custody("person", "approve", "0" * 16, home=served, code=1).stderr
