"""The story: an item's life across two countries, told in plain words, with two nodes that trust
nobody and a third party who checks.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
from contextlib import ExitStack
from pathlib import Path

from cli import outfile, output
from cli.story_actors import Actor, local_chain
from cli.story_stage import NL, RO, Stage
from ledger.adapters import files
from ledger.domain.errors import ChainError, UsageError


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
        chain = stack.enter_context(local_chain(anvil))
        story = _Story(out, chain)
        story.found()
        for agency in story.agencies.values():
            stack.enter_context(agency.serving())
        story.tell()
    # chain and nodes have ended: nothing of them may be needed to verify what is left
    story.conclude()
    return 0


class _Story(Stage):
    """The steps, in order."""

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

    def _seizure(self, nl: Actor) -> str:
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

    def _abroad(self, nl: Actor, ro: Actor, image: str) -> None:
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

    def _analysis(self, nl: Actor, ro: Actor, image: str) -> None:
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

    def _court_and_back(self, nl: Actor, ro: Actor, image: str) -> None:
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

    def _disposal(self, nl: Actor, colleague: Actor, image: str) -> None:
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


def tell(out: Path) -> int:
    """Run the story, and tell plainly where it did not come out."""
    try:
        return run(out)
    except ChainError as error:
        output.say(f"custody: the story ended early: {error.message}")
        return 1
