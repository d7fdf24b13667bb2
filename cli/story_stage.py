"""The stage of the story: agencies that are founded, and steps that are told and checked."""

from __future__ import annotations

import secrets
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from cli import output
from cli.story_actors import Actor, free_port
from ledger.domain.errors import ChainError

NL: Final = "NL-POL"
RO: Final = "RO-DIICOT"
#: The first account that anvil funds; its key is known to everybody and worth nothing.
_DEPLOYER: Final = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
_ROLES: Final = ("administrator", "officer", "custodian", "examiner", "prosecutor")


class Stage:
    """Agencies, what they leave behind, and how each step is told."""

    def __init__(self, out: Path, chain: str) -> None:
        self.out, self.chain = out, chain
        self.agencies = {
            code: Actor(out / code.lower(), secrets.token_urlsafe(16), free_port())
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
        made = Actor(self.out, "-").custody("chain", "deploy", "--rpc", self.chain, *cards, *trust)
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

    def _colleague(self, nl: Actor) -> Actor:
        self._step(
            "A second officer joins the Dutch agency, with keys made on a machine of their own"
        )
        colleague, paper = (
            Actor(self.out / "colleague", secrets.token_urlsafe(16)),
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

    def _holder(self, actor: Actor, item: str) -> str:
        return str(actor.custody("show", item)["item"]["custodian"])

    def _check(self, actor: Actor, item: str, name: str, file: Path) -> None:
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
