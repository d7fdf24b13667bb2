"""An agency whose node serves, and its people, each with a home of their own that reaches it over
the network of this machine.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.commands import ROOT, done, settings_of_commands, within

_FINGERPRINT = re.compile(r"(?:[0-9a-f]{4} ){3}[0-9a-f]{4}")


@dataclass
class ServedAgency:
    """The folder with all homes; that of the node is called ``node``."""

    folder: Path
    number: Iterator[int]
    pseudonyms: dict[str, str] = field(default_factory=dict)

    def home(self, name: str) -> Path:
        return self.folder / name

    def type(self, name: str, *words: object, typed: str | None = None, code: int = 0) -> str:
        """What somebody types and is shown."""
        out, said = done(self.home(name), *words, typed=typed, code=code)
        return out + said

    def json(self, name: str, *words: object, code: int = 0) -> Any:
        return json.loads(done(self.home(name), *words, "--json", code=code)[0])

    def join(self, name: str, *roles: str, number: str = "") -> str:
        """Somebody new; their number."""
        number = number or str(next(self.number))
        invitation = self.folder / f"{name}.json"
        given = [word for role in roles or ("officer",) for word in ("--role", role)]
        self.type("node", "person", "invite", number, *given, "-o", invitation)
        self.enrol(name, invitation)
        self.type("node", "person", "approve", number, "--yes")
        self.enrol(name, invitation)
        return number

    def enrol(self, name: str, invitation: Path) -> str:
        """Ask to join, or take the certificate; the fingerprint that the person reads."""
        done = self.json(name, "person", "enrol", invitation)
        self.pseudonyms[name] = done["pseudonym"]
        return str(done["fingerprint"])

    def upload(self, name: str, *contents: str) -> list[str]:
        """Items of somebody, a file each."""
        paths = []
        for number, content in enumerate(contents):
            path = self.folder / f"{name}-{next(self.number)}-{number}.txt"
            path.write_text(content)
            paths.append(path)
        found = self.json(name, "upload", *paths)["items"]
        return [str(one["evidence"]) for one in found]

    def pseudonym(self, name: str) -> str:
        return self.pseudonyms[name]

    def items(self) -> dict[str, Any]:
        """Every item, as the node keeps it in clear."""
        return {one["evidence"]: one for one in self.json("node", "list")["items"]}

    def events(self) -> dict[str, int]:
        """How many events each item has."""
        return {urn: one["events"] for urn, one in self.items().items()}

    def holders(self, items: list[str]) -> set[str]:
        listed = self.items()
        return {str(listed[item]["holder"]) for item in items}

    def states(self, number: str) -> dict[str, str]:
        """How each enrolment and invitation under a number stands."""
        listed = self.json("node", "person", "list")["people"]
        return {one["reference"]: one["state"] for one in listed if one["number"] == number}


@contextmanager
def serving(folder: Path) -> Iterator[ServedAgency]:
    """An agency with 4711, who is everything and at home on the node, the custodian ``keeper`` and
    the administrator ``chief``.
    """
    agency = ServedAgency(folder, count(5000))
    assert (
        within("init", "--agency", "NL-POL", "--person", "4711", home=agency.home("node"))[0] == 0
    )
    command = [sys.executable, "-m", "cli", "--home", str(agency.home("node")), "serve"]
    server = subprocess.Popen(
        [*command, "--port", "0"],
        cwd=ROOT,
        env=settings_of_commands() | {"PATH": os.environ["PATH"]},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        assert "serving" in server.stderr.readline()
        agency.join("keeper", "custodian", number="4801")
        agency.join("chief", "administrator", number="9001")
        agency.type("keeper", "list")  # takes the custody key
        yield agency
        server.send_signal(signal.SIGINT)
        server.wait(timeout=40)
    finally:
        server.kill()
        server.communicate()
