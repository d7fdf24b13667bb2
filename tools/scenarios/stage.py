"""The stage of the story: agencies that are founded, and steps that are told and checked."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.terminal import output
from ledger.domain.errors import ChainError
from tools.scenarios.actors import Actor, free_port, verify
from tools.scenarios.clique_network import CliqueNetwork

NL: Final = "NL-POL"
RO: Final = "RO-DIICOT"
#: Who runs the chain: more than the agencies that work on it.
_SIGNERS: Final = ("The Hague", "Bucharest", "Strasbourg")
_ROLES: Final = (
    "--role administrator --role officer --role custodian --role examiner --role prosecutor"
)
_AGREED: Final = 120.0  # seconds for two nodes and a chain to come to the same state


@dataclass(frozen=True)
class Left:
    """A folder for the court: what in it is verified, and the fingerprint of its trust root."""

    folder: Path
    verified: Path
    fingerprint: str

    @property
    def trust(self) -> Path:
        """The trust root in it."""
        return self.folder / "trust.json"

    @property
    def words(self) -> tuple[str | Path, ...]:
        """The words after ``custody verify``."""
        return self.verified, "--trust", self.trust


class Stage:
    """Agencies, what they leave behind, and how each step is told."""

    def __init__(self, out: Path, network: CliqueNetwork) -> None:
        self.out, self.network = out, network
        self.trust = out / "trust.json"
        self.agencies = {
            code: Actor(out / code.lower(), secrets.token_urlsafe(16), free_port())
            for code in (NL, RO)
        }
        self._number = 0
        self._left: list[Left] = []

    def found(self) -> None:
        """Let two agencies share a chain, neither of which has power over the other."""
        self._step("Two police agencies of two countries share a chain that neither of them rules")
        for name, signer in zip(_SIGNERS, self.network.signers, strict=True):
            self._tell(name, f"seals blocks as 0x{signer.address.hex()}")
        self._tell("", "a block is final once two of them sealed it, or built on it")
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
        key.write_text(self.network.payer.hex())
        made = Actor(self.out, "-").custody(
            "chain deploy --rpc {chain} --founders {nl} --founders {ro} --key {key} --fund 10 "
            "--confirmations 1 -o {trust}",
            chain=self.network.signers[0].rpc,
            nl=cards[NL],
            ro=cards[RO],
            key=key,
            trust=self.trust,
        )
        self._tell("contracts", f"{made['ledger']}: no owner, and it refuses any rewriting")
        for signer, (code, agency) in zip(
            self.network.signers, self.agencies.items(), strict=False
        ):  # each asks a node of its own
            agency.custody(
                "init --rpc {chain} --trust {trust} --confirmations 1",
                chain=signer.rpc,
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

    def _check(self, agency: Actor, item: str, name: str, *, basis: str) -> None:
        """Leave a folder for the court, and let a third party verify it offline, who has nothing
        but it and the fingerprint.
        """
        agency.custody("anchor")
        folder = self.out / "for-the-court" / name
        made = agency.custody(
            "court {item} -o {folder} --basis {basis}", item=item, folder=folder, basis=basis
        )
        left = Left(
            folder,
            folder / (made["file"] or made["bundle"]),
            made["fingerprint"],
        )
        if made["fingerprintWithPins"] is not None:
            raise ChainError(f"{name}: no seals judge its block, which an agency had to pin")
        self._left.append(left)
        self._verify(left)

    def _compare(self) -> None:
        """Let both agencies read out the fingerprint of their chain, and check what the folders
        make a court believe.
        """
        told = {
            code: agency.custody("trust")["fingerprint"] for code, agency in self.agencies.items()
        }
        for code, fingerprint in told.items():
            self._tell(code, f"reads out {fingerprint}")
        if set(told.values()) != {left.fingerprint for left in self._left}:
            raise ChainError("the agencies do not name one fingerprint")
        for left in self._left:
            for agency in self.agencies.values():
                agency.custody("trust --check {trust}", trust=left.trust)
            self._tell("both", f"confirm {left.trust.relative_to(self.out)}")

    def _verify(self, left: Left) -> None:
        shown = verify(*left.words, "--trust-fingerprint", left.fingerprint)
        self._tell("third party", f"{left.folder.name}: {shown[-1]}")

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
