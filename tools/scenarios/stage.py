"""The stage of the story: agencies that are founded, and steps that are told and checked."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cli import output
from ledger.domain.errors import ChainError
from tools.scenarios.actors import Actor, free_port, verify

NL: Final = "NL-POL"
RO: Final = "RO-DIICOT"
#: The first account that anvil funds; its key is known to everybody and worth nothing.
_DEPLOYER: Final = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
_ROLES: Final = (
    "--role administrator --role officer --role custodian --role examiner --role prosecutor"
)
_AGREED: Final = 120.0  # seconds for two nodes and a chain to come to the same state


class Stage:
    """Agencies, what they leave behind, and how each step is told."""

    def __init__(self, out: Path, chain: str) -> None:
        self.out, self.chain = out, chain
        self.trust = out / "trust.json"
        self.agencies = {
            code: Actor(out / code.lower(), secrets.token_urlsafe(16), free_port())
            for code in (NL, RO)
        }
        self._number = 0
        self._left: list[tuple[Path, Path | None]] = []

    def found(self) -> None:
        """Let two agencies share a chain, neither of which has power over the other."""
        self._step("Two police agencies of two countries share a chain that neither of them rules")
        cards = {code: self.out / f"{code.lower()}.json" for code in self.agencies}
        for code, profile in ((NL, "nl"), (RO, "ro")):
            agency = self.agencies[code]
            agency.custody(
                "init --agency {agency} --person 1 --profile {profile} --url {url} --card {card} "
                + _ROLES,
                agency=code,
                profile=profile,
                url=agency.url,
                card=cards[code],
            )
            self._tell(code, "made its own keys; only a card without secrets leaves its machine")
            self._tell("", f"it records by the rules of its country: profile {profile}")
        key = self.out / "deployer.key"
        key.write_text(_DEPLOYER)
        made = Actor(self.out, "-").custody(
            "chain deploy --rpc {chain} --founders {nl} --founders {ro} --key {key} --fund 10 "
            "--confirmations 0 -o {trust}",
            chain=self.chain,
            nl=cards[NL],
            ro=cards[RO],
            key=key,
            trust=self.trust,
        )
        self._tell("contracts", f"{made['ledger']}: no owner, and it refuses any rewriting")
        for code, agency in self.agencies.items():
            agency.custody(
                "init --rpc {chain} --trust {trust} --confirmations 0",
                chain=self.chain,
                trust=self.trust,
            )
            self._tell(code, "compared the contracts' code with its own copy, and joined")

    def _colleague(self, agency: Actor) -> Actor:
        self._step("A second officer joins the Dutch agency, with keys made on their own machine")
        colleague = Actor(self.out / "colleague", secrets.token_urlsafe(16))
        paper = self.out / "invitation.json"
        agency.custody(
            "person invite --number 2 --role custodian --role reviewer -o {paper}", paper=paper
        )
        asked = colleague.custody("person enrol {paper}", paper=paper)
        people = agency.custody("person list")["people"]
        [waiting] = [person for person in people if person["state"] == "requested"]
        self._tell("fingerprint", f"{asked['fingerprint']}, on the colleague's screen")
        self._tell("", f"{waiting['fingerprint']}, in the office: compared by voice")
        agency.custody(
            "person approve {reference} --fingerprint {fingerprint}",
            reference=waiting["reference"],
            fingerprint=asked["fingerprint"],
        )
        colleague.custody("person enrol {paper}", paper=paper)
        return colleague

    def _check(self, agency: Actor, item: str, name: str, *, file: Path | None, basis: str) -> None:
        """Anchor what is recorded, export a bundle, and let a third party verify it, who has
        nothing but it, the file, the trust root and a chain of their choice.
        """
        agency.custody("anchor")
        bundle = self.out / f"{name}.bundle"
        agency.custody(
            "bundle {item} -o {bundle} --basis {basis}", item=item, bundle=bundle, basis=basis
        )
        self._left.append((bundle, file))
        self._verify(bundle, file, "--rpc", self.chain)

    def _verify(self, bundle: Path, file: Path | None, *more: str) -> None:
        shown = verify(*self._to_verify(bundle, file), *more)
        verdict = next(line for line in reversed(shown) if line.startswith("verdict"))
        self._tell("third party", f"{bundle.name}{' with the file' if file else ''}: {verdict}")

    def _to_verify(self, bundle: Path, file: Path | None) -> list[str | Path]:
        """The words after ``custody verify``."""
        return [bundle, *([file] if file else []), "--trust", self.trust]

    @staticmethod
    def _holder(agency: Actor, item: str) -> str:
        return str(agency.custody("show {item}", item=item)["item"]["custodian"])

    @staticmethod
    def _until(reached: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _AGREED
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
