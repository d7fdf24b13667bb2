"""The story and a consortium of three, as their users run them: nodes as processes of their own, on real chains."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.support.chains import free_port, running
from tests.support.commands import ROOT, custody
from tests.support.consortium import DEPLOYER
from tests.support.desk import PASSPHRASE


def test_the_story_from_seizure_to_disposal(tmp_path: Path) -> None:
    done = custody("demo", "--story", "--output", tmp_path / "story", timeout=900)
    assert "Every step came out as told" in done.stdout
    assert done.stdout.count("verdict: verified") >= 4
    for words in ("handover accepted", "shown in court", "disposal requested", "analysed"):
        assert words in done.stdout


@contextmanager
def serving(home: Path, port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "cli", "--home", str(home), "serve", "--port", str(port), "--anchor-age", "2"]
    settings = {**os.environ, "CUSTODY_PASSPHRASE": PASSPHRASE.decode()}
    server = subprocess.Popen(command, cwd=ROOT, env=settings, stderr=subprocess.PIPE, text=True)
    try:
        assert server.stderr is not None
        assert "serving" in server.stderr.readline()
        yield
        server.send_signal(signal.SIGINT)
        server.wait(timeout=40)
    finally:
        server.kill()
        server.communicate()


def until(ask: Any, wanted: Any) -> None:
    deadline = time.monotonic() + 120
    while (found := ask()) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


@pytest.mark.parametrize("kind", ["hardhat"])
def test_three_agencies_on_one_chain_hand_an_item_round(kind: str, tmp_path: Path) -> None:
    codes, ports = ("NL-POL", "RO-DIICOT", "US-HSI"), [free_port() for _ in range(3)]
    homes = {code: tmp_path / code for code in codes}
    (tmp_path / "key").write_text(DEPLOYER.hex())
    with ExitStack() as stack:
        url = stack.enter_context(running(kind))
        for code, port in zip(codes, ports, strict=True):
            roles = ("--role", "administrator", "--role", "officer", "--role", "custodian")
            address, card = f"http://127.0.0.1:{port}", tmp_path / f"{code}.json"
            custody("init", "--agency", code, "--person", "1", *roles, "--url", address, "--card", card, home=homes[code])
        cards = [word for code in codes for word in ("--founders", tmp_path / f"{code}.json")]
        chosen = ("--key", tmp_path / "key", "--fund", "10", "--confirmations", "0", "-o", tmp_path / "trust.json")
        custody("chain", "deploy", "--rpc", url, *cards, *chosen)
        for code, port in zip(codes, ports, strict=True):
            custody("init", "--rpc", url, "--trust", tmp_path / "trust.json", "--confirmations", "0", home=homes[code])
            stack.enter_context(serving(homes[code], port))
        for code in codes:
            for other, port in zip(codes, ports, strict=True):
                if other != code:
                    custody("partner", "add", f"http://127.0.0.1:{port}", home=homes[code])
        file = tmp_path / "photo.jpg"
        file.write_bytes(os.urandom(100_000))
        item = json.loads(custody("--json", "upload", file, home=homes[codes[0]]).stdout)["items"][0]["evidence"]

        def offered(code: str) -> list[str]:
            rows = json.loads(custody("--json", "handover", "list", home=homes[code]).stdout)["handovers"]
            return [one["taker"] for one in rows if one["evidence"] == item and one["state"] == "open"]

        def holder(code: str) -> str:
            return str(json.loads(custody("--json", "show", item, home=homes[code]).stdout)["item"]["custodian"])

        for giver, taker in pairwise(codes):
            custody("handover", "offer", item, "--to", taker, "--purpose", "analysis", "--basis", "mla 1", home=homes[giver])
            until(lambda taker=taker: offered(taker), [taker])  # type: ignore[misc]
            custody("handover", "accept", item, home=homes[taker])
            until(lambda taker=taker: holder(taker), taker)  # type: ignore[misc]
            until(lambda giver=giver: holder(giver), taker)  # type: ignore[misc]
        last = homes[codes[-1]]
        custody("get", item, "-o", tmp_path / "copy", "--basis", "check", home=last)
        assert (tmp_path / "copy").read_bytes() == file.read_bytes()
        custody("anchor", home=last)
        custody("bundle", item, "-o", tmp_path / "bundle", "--basis", "court", home=last)
        found = custody("verify", tmp_path / "bundle", file, "--trust", tmp_path / "trust.json", "--rpc", url, "--timeline")
        assert "held by US-HSI" in found.stdout
        assert found.stdout.count("handover accepted") == 2
        assert "NOT ACTIVE" not in custody("partner", "list", home=last).stdout
