"""The story (three geth signers), and docs/consortium.md as it stands (Hardhat): nodes as processes
of their own, on real chains.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.chains import free_port, running
from tests.support.commands import ROOT, custody, serving, verified_alone
from tests.support.consortium import DEPLOYER


@pytest.mark.nightly
@pytest.mark.timeout(1500)  # seventy commands, each a process of its own
def test_the_story_from_seizure_to_disposal(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.scenarios.story", "--output", tmp_path / "story"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1400
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every step came out as told" in done.stdout
    assert done.stdout.count("verdict: verified") >= 4
    for words in ("handover accepted", "shown in court", "disposal requested", "analysed"):
        assert words in done.stdout
    offered = [
        shlex.split(line)
        for line in re.findall(r"^  (\.venv/bin/custody verify .*)$", done.stdout, re.MULTILINE)
    ]
    left = tmp_path / "story" / "for-the-court"
    assert {path.name for path in left.iterdir()} == {
        *("image-in-romania", "image-before-disposal", "image-after-disposal")
    }
    assert {Path(words[2]).parent for words in offered} == set(left.iterdir())
    for words in offered:  # every node and the chain have ended
        verified_alone(*words[2:])
    for folder in left.iterdir():
        assert (folder / "READ-ME.html").is_file()
        assert (folder / "phone.img").exists() == (folder.name != "image-after-disposal")


def until(ask: Any, wanted: Any) -> None:
    deadline = time.monotonic() + 120
    while (found := ask()) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


@pytest.mark.nightly
@pytest.mark.timeout(1500)
def test_every_command_of_the_page_on_agencies_works_on_a_chain_of_its_own(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "consortium.md").read_text()
    lines = [shlex.split(line) for line in re.findall(r"^\$ (custody .*)$", page, re.MULTILINE)]
    assert len(lines) > 35
    ports = {name: str(free_port()) for name in ("NL", "RO", "US")}
    (tmp_path / "deployer.key").write_text(DEPLOYER.hex())
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(os.urandom(100_000))
    item, taking, kept = "", "", list[list[str]]()
    with ExitStack() as stack:
        url = stack.enter_context(running("hardhat"))
        known = {"$RPC": url, **{f"${name}_PORT": port for name, port in ports.items()}}
        known |= {f"${name}": f"http://127.0.0.1:{port}" for name, port in ports.items()}
        for words in lines:
            given = [
                known.get(word, word).replace("ITEM", item)
                if word.startswith("$") or word == "ITEM"
                else word
                for word in words[1:]
            ]
            if given[-1] == "&":
                at = given.index("serve")
                stack.enter_context(serving(tmp_path / given[1], "--port", *given[at + 2 : -1]))
                continue
            if given[2:4] in (["handover", "accept"], ["dispose", "carry-out"]):
                given.append("--yes")  # the page is for a person at a terminal, who is asked
            if given[2:4] == ["handover", "accept"] or given[2:4] == ["copy", "take"]:
                until_in(item, tmp_path / given[1], given[2])
            if item and ("disclose" in given or "US-HSI" in given):
                until_held(item, tmp_path / "ro", "RO-DIICOT")
            if "bundle" in given:
                until_held(item, tmp_path / "us", "US-HSI")
                custody("anchor", home=tmp_path / "us")
            if given[2:4] == ["copy", "take"]:  # as it was told, and as the list there has it
                listed = custody("copy", "list", home=tmp_path / given[1]).stdout
                assert taking in listed
                given[4] = taking
            done = custody(*given, folder=tmp_path)
            if "disclose" in given:
                [taking] = re.findall(r"`custody copy take (\S+) --basis WHY`", done.stdout)
            if "upload" in given and not item:
                listed = custody("--json", "list", home=tmp_path / given[1]).stdout
                item = json.loads(listed)["items"][0]["evidence"].removeprefix("urn:uuid:")
            if given[0] == "verify":
                assert re.search(r"held by \w+ of US-HSI", done.stdout)
                kept.append(given[1:])
            if given[0] == "verify" and "--timeline" in given:
                assert "on condition: this case only" in done.stdout
                assert done.stdout.count("handover accepted") == 2

    [offline] = [words for words in kept if "--rpc" not in words]
    verified_alone(*offline, folder=tmp_path)  # every node and the chain have ended


def until_in(item: str, home: Path, verb: str) -> None:
    until(lambda: item in custody("--json", verb, "list", home=home).stdout, True)


def until_held(item: str, home: Path, agency: str) -> None:
    until(
        lambda: json.loads(custody("--json", "show", item, home=home).stdout)["item"]["custodian"],
        agency,
    )
