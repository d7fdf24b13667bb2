"""The story: an item's life across two countries, told in plain words, with two nodes that trust
nobody and a third party who checks.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli import outfile, output
from ledger.adapters import files
from ledger.domain.errors import ChainError, UsageError

NL: Final = "NL-POL"
RO: Final = "RO-DIICOT"
#: The first account that anvil funds; its key is known to everybody and worth nothing.
_DEPLOYER: Final = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
_START: Final = 60.0  # seconds for a process to answer
_ROLES: Final = ("administrator", "officer", "custodian", "examiner", "prosecutor")


def run(out: Path) -> int:
    """Tell it; 0 where every step came out as told.

    Raises:
        UsageError: no anvil, or the folder holds something else.
    """
    anvil = shutil.which(
        "anvil", path=os.pathsep.join(["node_modules/.bin", os.environ.get("PATH", "")])
    )
    if anvil is None:
        raise UsageError(
            "the story needs anvil, a chain for trying things out",
            hint="make node installs it, then make story",
        )
    outfile.require_folder(out)
    files.renew_folder(out, "custody demo --story")
    with ExitStack() as stack:
        chain = stack.enter_context(_chain(anvil))
        story = _Story(out, chain)
        story.found()
        for agency in story.agencies.values():
            stack.enter_context(agency.serving())
        story.tell()
    # chain and nodes have ended: nothing of them may be needed to verify what is left
    story.conclude()
    return 0


@contextmanager
def _chain(anvil: str) -> Iterator[str]:
    """A fresh chain on loopback, ended with the story."""
    port = _free_port()
    command = [anvil, "--port", str(port), "--silent", "--hardfork", "paris", "--chain-id", "31337"]
    with _process(command, dict(os.environ)):
        _await_port(port)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(  # noqa: S603  (our own programs, no shell)
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_port(port: int) -> None:
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise ChainError(f"nothing answered on port {port} within {_START:.0f} s")


@dataclass
class _Actor:
    """Somebody at a terminal: a home or a client folder, and their own passphrase."""

    folder: Path
    passphrase: str
    port: int = 0

    def custody(self, *arguments: str | Path, code: int = 0) -> Any:
        """Run a command as this person; its JSON result. Any other exit code than expected ends the
        story.
        """
        command = [
            sys.executable,
            "-m",
            "cli",
            "--home",
            str(self.folder),
            "--json",
            *map(str, arguments),
        ]
        environment = {**os.environ, "CUSTODY_PASSPHRASE": self.passphrase}
        done = subprocess.run(  # noqa: S603  (ourselves)
            command, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
        if done.returncode != code:
            raise ChainError(
                f"custody {' '.join(map(str, arguments[:2]))} ended with {done.returncode}: "
                f"{done.stderr.strip()[-400:]}"
            )
        return json.loads(done.stdout) if done.stdout.strip() else json.loads(done.stderr)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Their node, as a process of its own."""
        command = [
            sys.executable,
            "-m",
            "cli",
            "--home",
            str(self.folder),
            "serve",
            "--port",
            str(self.port),
            "--anchor-age",
            "5",
        ]
        with _process(command, {**os.environ, "CUSTODY_PASSPHRASE": self.passphrase}):
            _await_port(self.port)
            yield


class _Story:
    """The steps, in order."""

    def __init__(self, out: Path, chain: str) -> None:
        self.out, self.chain = out, chain
        self.agencies = {
            code: _Actor(out / code.lower(), secrets.token_urlsafe(16), _free_port())
            for code in (NL, RO)
        }
        self._number = 0
        self._left: list[tuple[Path, Path | None]] = []

    def found(self) -> None:
        """Two agencies share a chain, and neither has power over the other."""
        self._step(
            "Two police agencies of two countries found a consortium on a chain that neither "
            "of "
            "them rules"
        )
        roles = [word for role in _ROLES for word in ("--role", role)]
        for code, profile in ((NL, "nl"), (RO, "ro")):
            actor = self.agencies[code]
            url, card = f"http://127.0.0.1:{actor.port}", self.out / f"{code.lower()}.json"
            actor.custody(
                "init",
                "--agency",
                code,
                "--person",
                "1",
                *roles,
                "--profile",
                profile,
                "--url",
                url,
                "--card",
                card,
            )
            self._tell(
                code,
                (
                    "made its own keys; only a card without secrets leaves its machine (profile "
                    f"{profile})"
                ),
            )
        key = self.out / "deployer.key"
        key.write_text(_DEPLOYER)
        cards = [
            word
            for code in (NL, RO)
            for word in ("--founders", str(self.out / f"{code.lower()}.json"))
        ]
        trust = (
            "--key",
            key,
            "--fund",
            "10",
            "--confirmations",
            "0",
            "-o",
            self.out / "trust.json",
        )
        made = _Actor(self.out, "-").custody("chain", "deploy", "--rpc", self.chain, *cards, *trust)
        self._tell(
            "contracts", f"{made['ledger']}: no owner, and it refuses any rewriting by itself"
        )
        for code in (NL, RO):
            self.agencies[code].custody(
                "init",
                "--rpc",
                self.chain,
                "--trust",
                self.out / "trust.json",
                "--confirmations",
                "0",
            )
            self._tell(
                code, "compared the contracts' code with its own copy, byte for byte, and joined"
            )

    def tell(self) -> None:
        """From seizure to disposal."""
        nl, ro = self.agencies[NL], self.agencies[RO]
        nl.custody("partner", "add", f"http://127.0.0.1:{ro.port}")
        ro.custody("partner", "add", f"http://127.0.0.1:{nl.port}")
        colleague = self._colleague(nl)
        image = self._seizure(nl)
        self._abroad(nl, ro, image)
        self._analysis(nl, ro, image)
        self._court_and_back(nl, ro, image)
        self._disposal(nl, colleague, image)
        self._step(
            "The Dutch agency pins the blocks of these bundles in the trust root, and every "
            "process of this story ends"
        )
        pinned = self.out / "pinned.json"
        nl.custody(
            "trust", "-o", pinned, *(word for bundle, _ in self._left for word in ("--pin", bundle))
        )
        pinned.replace(self.out / "trust.json")
        self._tell(
            "trust root",
            "judges these blocks by itself from now on; it is handed to the court in person",
        )

    def conclude(self) -> None:
        """Chain and nodes are gone; the third party verifies all that is left, and a court reads
        it.
        """
        self._step(
            "No chain, no node, no network: a third party verifies every bundle that is left"
        )
        for bundle, file in self._left:
            self._verify(bundle, file)
        self._step(
            "What a court reads: the life of the item, from the last bundle made before its "
            "keys "
            "were destroyed"
        )
        bundle, _ = next(one for one in self._left if one[0].stem == "image-before-disposal")
        self._verify(bundle, None, timeline=True)
        output.show(
            "",
            f"Every step came out as told. Nobody had to trust anybody: look into {self.out}",
            "Try it yourself:",
        )
        for bundle, file in self._left:
            words = [
                "verify",
                bundle,
                *([file] if file else []),
                "--trust",
                self.out / "trust.json",
            ]
            output.show(f"  .venv/bin/custody {shlex.join(map(str, words))}")

    def _colleague(self, nl: _Actor) -> _Actor:
        self._step(
            "A second officer joins the Dutch agency, with keys made on a machine of their own"
        )
        colleague, paper = (
            _Actor(self.out / "colleague", secrets.token_urlsafe(16)),
            self.out / "invitation.json",
        )
        nl.custody(
            "person",
            "invite",
            "--number",
            "2",
            "--role",
            "custodian",
            "--role",
            "reviewer",
            "-o",
            paper,
        )
        asked = colleague.custody("person", "enrol", paper)
        [waiting] = [
            one for one in nl.custody("person", "list")["people"] if one["state"] == "requested"
        ]
        self._tell(
            "fingerprint",
            f"{asked['fingerprint']}, compared by voice with {waiting['fingerprint']}",
        )
        nl.custody("person", "approve", waiting["reference"])
        colleague.custody("person", "enrol", paper)
        return colleague

    def _seizure(self, nl: _Actor) -> str:
        self._step(
            "A phone is seized in The Hague and sealed; its image and a folder of files are "
            "recorded"
        )
        why = (
            "--basis",
            "search warrant 2026/117",
            "--basis-kind",
            "warrant",
            "--authorisation",
            "RC 2026/117",
        )
        case = ("--case", "2026-117", "--exhibit")
        phone = nl.custody(
            "seize",
            "phone, black",
            "--make",
            "Fairphone",
            "--seal",
            "S-1",
            "--place",
            "The Hague",
            "--witness",
            "A. Witness",
            *case,
            "A1",
            *why,
        )["evidence"]
        self._tell("phone", f"{phone}, in a bag with seal S-1")
        nl.custody(
            "record",
            "unseal",
            phone,
            "--number",
            "S-1",
            "--condition",
            "unbroken",
            "--purpose",
            "imaging",
        )
        file = self.out / "phone.img"
        file.write_bytes(secrets.token_bytes(3 << 20))
        [made] = nl.custody(
            "upload",
            file,
            "--from",
            phone,
            "--method",
            "physical",
            "--tool",
            "imager",
            *case,
            "A1-1",
            *why,
        )["items"]
        nl.custody("record", "seal", phone, "--number", "S-2", "--replaces", "S-1", code=1)
        nl.custody("record", "seal", phone, "--number", "S-2", "--position", "bag")
        self._tell("image", f"{made['evidence']}, sha-256 {made['digests']['sha-256']}")
        self._tell(
            "seals",
            (
                "S-1 opened for imaging, S-2 put on; replacing S-1 once more was refused: it is "
                "not "
                "on the phone any more"
            ),
        )
        folder = self.out / "notebook"
        folder.mkdir()
        for number in range(3):
            (folder / f"page-{number}.txt").write_text(f"page {number}\n" * 50)
        found = nl.custody("upload", folder, *case, "A2", *why)["items"]
        self._tell(
            "folder",
            (
                f"{len(found) - 1} files, each an item of its own, and the folder as a sealed list "
                "of them"
            ),
        )
        return str(made["evidence"])

    def _abroad(self, nl: _Actor, ro: _Actor, image: str) -> None:
        self._step(
            "The image is handed over to the Romanian agency: both sign, and the contract decides"
        )
        terms = (
            "--purpose",
            "analysis",
            "--basis",
            "EIO 2026/117",
            "--basis-kind",
            "eio",
            "--on-condition",
            "no onward transfer",
        )
        nl.custody("handover", "offer", image, "--to", RO, *terms)
        self._tell(
            NL,
            (
                "offered it; its key is sealed to the Romanian custodians, and nothing else can be "
                "recorded meanwhile"
            ),
        )
        self._until(
            lambda: any(
                one["evidence"] == image for one in ro.custody("handover", "list")["handovers"]
            )
        )
        self._tell(
            RO,
            (
                "fetched record and ciphertext, and verified both against the chain before any "
                "person saw them"
            ),
        )
        ro.custody("handover", "accept", image, "--condition", "as described")
        self._until(lambda: self._holder(nl, image) == RO and self._holder(ro, image) == RO)
        self._tell("custody", f"is {RO}'s now, in both agencies' books and in the contract")
        self._check(ro, image, "image-in-romania", self.out / "phone.img")

    def _analysis(self, nl: _Actor, ro: _Actor, image: str) -> None:
        self._step(
            "The image is analysed; the report is an item of its own, and a copy of it goes to "
            "the Dutch prosecutor"
        )
        ro.custody(
            "record",
            "analyse",
            image,
            "--what",
            "chat extraction",
            "--tool",
            "extractor",
            "--tool-version",
            "3.1",
        )
        report = self.out / "report.txt"
        report.write_text("the report\n")
        made = ro.custody(
            "derive", report, "--kind", "report", "--parent", image, "--tool", "extractor",
            "--reviewer", ("B. " "Second"),
            "--basis", "EIO 2026/117", "--case", "2026-117",
        )["items"][0]["evidence"]  # fmt: skip
        self._tell("report", f"{made}, derived from the image")
        ro.custody(
            "disclose",
            made,
            "--kind",
            "prosecutor",
            "--to",
            NL,
            "--basis",
            "EIO 2026/117",
            "--on-condition",
            "this case only",
        )
        self._until(
            lambda: any(one["evidence"] == made for one in nl.custody("copy", "list")["copies"])
        )
        copy = nl.custody("copy", "take", made, "--basis", "EIO 2026/117")["evidence"]
        self._tell(
            "copy",
            (
                f"{copy} in The Hague, with its source on record; the register of both sides shows "
                "who holds what"
            ),
        )

    def _court_and_back(self, nl: _Actor, ro: _Actor, image: str) -> None:
        self._step(
            "The image is shown in court in Bucharest; then custody goes back to the Netherlands"
        )
        ro.custody(
            "record",
            "present",
            image,
            "--court",
            "Tribunalul București",
            "--docket",
            "1234/3/2026",
            "--mark",
            "P-3",
        )
        ro.custody(
            "record", "rule", image, "--ruling", "admitted", "--court", "Tribunalul București"
        )
        terms = ("--purpose", "return", "--basis", "EIO 2026/117", "--basis-kind", "eio")
        ro.custody("handover", "offer", image, "--to", NL, *terms, code=1)
        self._tell(
            "condition",
            (
                "the item came with one on onward use: without the authorisation's reference "
                "nothing "
                "leaves"
            ),
        )
        ro.custody(
            "handover", "offer", image, "--to", NL, *terms, "--authorisation", "NL letter 88"
        )
        self._until(
            lambda: any(
                one["evidence"] == image and one["taker"] == NL
                for one in nl.custody("handover", "list")["handovers"]
            )
        )
        nl.custody("handover", "accept", image)
        self._until(lambda: self._holder(ro, image) == NL and self._holder(nl, image) == NL)
        self._tell("custody", f"is {NL}'s again")

    def _disposal(self, nl: _Actor, colleague: _Actor, image: str) -> None:
        self._step(
            "The case is closed: two persons dispose of the image, and every holder destroys "
            "its "
            "keys"
        )
        nl.custody("record", "hold", image, "--name", "appeal")
        nl.custody("dispose", "request", image, "--reason", "case closed", "--rule", "wpg-9")
        colleague.custody("dispose", "approve", image)
        nl.custody(
            "dispose", "carry-out", image, "--method", "keys destroyed", "--rule", "wpg-9", code=1
        )
        self._tell("hold", "while the appeal was open the disposal was refused; it is lifted now")
        nl.custody("record", "lift", image, "--name", "appeal")
        self._check(nl, image, "image-before-disposal", self.out / "phone.img")
        done = nl.custody(
            "dispose", "carry-out", image, "--method", "keys destroyed", "--rule", "wpg-9"
        )["disposal"]
        self._tell("keys", f"{done['destroyed']} destroyed in The Hague")
        self._until(
            lambda: (
                {NL, RO}
                <= {
                    one["agency"]
                    for one in nl.custody("dispose", "certificate", image)["confirmed"]
                }
            )
        )
        self._tell("keys", "destroyed in Bucharest too, signed for in the Dutch log")
        nl.custody("get", image, "-o", self.out / "nothing", "--basis", "try", code=1)
        self._tell("content", "cannot be opened by anybody any more")
        nl.custody("anchor")
        after = self.out / "image-after-disposal.bundle"
        nl.custody("bundle", image, "-o", after, "--basis", "disposal")
        self._left.append((after, None))
        self._verify(after, None, rpc=self.chain)
        self._tell(
            "the record",
            (
                "still verifies: who held it, in which order, that it was disposed of - without a "
                "word of what it was"
            ),
        )

    def _holder(self, actor: _Actor, item: str) -> str:
        return str(actor.custody("show", item)["item"]["custodian"])

    def _check(self, actor: _Actor, item: str, name: str, file: Path) -> None:
        """Export a bundle and let a third party verify it, who has nothing but it, the file, the
        trust root and a chain of their choice.
        """
        actor.custody("anchor")
        path = self.out / f"{name}.bundle"
        actor.custody("bundle", item, "-o", path, "--basis", "for the court")
        self._left.append((path, file))
        self._verify(path, file, rpc=self.chain)

    def _verify(
        self, bundle: Path, file: Path | None, *, rpc: str = "", timeline: bool = False
    ) -> None:
        command = [
            sys.executable,
            "-m",
            "cli",
            "verify",
            str(bundle),
            *([str(file)] if file else []),
        ]
        command += [
            "--trust",
            str(self.out / "trust.json"),
            *(["--rpc", rpc] if rpc else []),
            *(["--timeline"] if timeline else []),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603  (ourselves)
        shown = (
            done.stdout
            if timeline
            else next(
                line for line in reversed(done.stdout.splitlines()) if line.startswith("verdict")
            )
        )
        if timeline:
            output.show(*shown.split("\n"))
        else:
            self._tell("third party", f"{bundle.name}{' with the file' if file else ''}: {shown}")
        if done.returncode != 0:
            raise ChainError(
                f"the third party does not verify {bundle.name}: {done.stdout}{done.stderr}"
            )

    def _until(self, reached: Any) -> None:
        deadline = time.monotonic() + 120
        while not reached():
            if time.monotonic() > deadline:
                raise ChainError("the nodes did not come to an agreement in time")
            time.sleep(0.5)

    def _step(self, text: str) -> None:
        self._number += 1
        output.show("", f"{self._number}. {text}", "")

    @staticmethod
    def _tell(name: str, text: str) -> None:
        output.show(f"   {name:<12} {text}")


def tell(out: Path) -> int:
    """Run the story, and tell plainly where it did not come out."""
    try:
        return run(out)
    except ChainError as error:
        output.say(f"custody: the story ended early: {error.message}")
        return 1
