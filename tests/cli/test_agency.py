"""Keys of an agency that give way to others, from the command line, while the node is served:
docs/operations.md as it stands.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

from tests.support.commands import ROOT, custody, serving, within
from tests.support.waiting import wait_until

PAGE = (
    (ROOT / "docs" / "operations.md")
    .read_text()
    .partition("\n## Keys of the agency that change hands\n")[2]
    .split("\n## ")[0]
)
LINES = [
    line.split("#")[0]
    for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
#: The delay of the registry, in seconds: a day would be waited for.
_DELAY = 6
_SHORT = (
    "from dataclasses import replace; from ledger.app import deploy_contracts as it; "
    f"it.deploy.__defaults__ = (replace(it._ALONE, descriptor={_DELAY}),)"
)


def test_an_agency_whose_keys_are_stolen_goes_on_while_it_is_served(tmp_path: Path) -> None:
    home = tmp_path / "node"
    custody("init", "--agency", "NL-POL", "--person", "4711", home=home, before=_SHORT)
    (tmp_path / "keys").mkdir()
    with serving(home, "--port", "0"):
        before = _recorded(home, tmp_path, "before")
        for number, line in enumerate(LINES):
            version = _status(home)["descriptorVersion"]
            words = shlex.split(
                line.replace("~/node", str(home))
                .replace("/mnt/backups", str(tmp_path / "backups"))
                .replace("/media/keys", str(tmp_path / "keys"))
            )
            done = custody(*words[1:])
            if "agency" not in words:
                continue
            assert f"Version {version + 1} of the descriptor is published" in done.stdout
            middle = _recorded(home, tmp_path, f"middle-{number}")
            wait_until(lambda since=version: _status(home)["descriptorVersion"] > since)
            after = _recorded(home, tmp_path, f"after-{number}")
            again = tmp_path / f"again-{number}.bundle"
            evidence = json.loads(custody("list", "--json", home=home).stdout)["items"][-1]
            custody("bundle", evidence["evidence"], "-o", again, "--basis", "court", home=home)
            custody("trust", "-o", tmp_path / f"trust-{number}.json", home=home)
            for bundle in (before, middle, after, again):
                trust = tmp_path / f"trust-{number}.json"
                told = custody("verify", bundle, "--trust", trust, code=None).stdout
                # All but the access that an export signed, which is not anchored yet.
                assert re.match("VERIFIED: |INCOMPLETE: nothing contradicts the record", told), told
                assert re.search(r"anchored in the contract +ok\n", told), told
    assert _status(home)["descriptorVersion"] == 1 + sum("agency" in line for line in LINES)
    custody("anchor", home=home)
    custody("doctor", home=home)


def _status(home: Path) -> Any:
    return json.loads(custody("status", "--json", home=home).stdout)


def _recorded(home: Path, folder: Path, name: str) -> Path:
    """The bundle of an item that is recorded and anchored now."""
    file, bundle = folder / f"{name}.txt", folder / f"{name}.bundle"
    file.write_text(name)
    [item] = json.loads(custody("upload", file, "--json", home=home).stdout)["items"]
    custody("anchor", home=home)
    custody("bundle", item["evidence"], "-o", bundle, "--basis", "court", home=home)
    return bundle


def test_only_whoever_has_the_governors_key_changes_keys_of_the_agency(tmp_path: Path) -> None:
    home = tmp_path / "node"
    custody("init", "--agency", "NL-POL", "--person", "4711", home=home)
    taken = (
        "from ledger.adapters.keystore.file import FileKeyring as it; "
        "names = it.names; it.names = lambda self: [n for n in names(self) if n != 'governor']"
    )
    done = custody("agency", "rotate-log-key", home=home, before=taken, code=None)
    assert (done.returncode, "governor's key" in done.stderr) == (1, True), done.stderr
    assert _status(home)["descriptorVersion"] == 1


def test_keys_that_are_not_in_force_yet_are_told_with_their_time(tmp_path: Path) -> None:
    def told(*words: str, codes: tuple[int, ...] = (0,)) -> str:
        code, printed, said = within(*words, home=tmp_path / "node")
        assert code in codes, said
        return " ".join(printed.split())

    told("init", "--agency", "NL-POL", "--person", "4711")
    assert json.loads(told("status", "--json"))["nextDescriptorFrom"] is None
    first = told("agency", "rotate-node-key")
    [since] = re.findall(r"Version 2 .* is published, in force from (\S+)\. ", first)
    assert "The next rotation waits for that. Then make a backup: custody" in first
    assert f"is published already, in force from {since}. " in told("agency", "rotate-node-key")
    assert json.loads(told("status", "--json"))["nextDescriptorFrom"] == since
    assert f"version 2 is published, in force from {since}" in told("status")
    doctor = told("doctor", codes=(0, 3))
    assert f"version 2 of the descriptor is published, in force from {since}" in doctor
