"""The story: an item's life across two countries, told in plain words.

Two nodes that trust nobody, a chain between them that three signers seal, and a third party who
checks without any network. Every step is a command of ``custody`` in a process of its own, as a
person would type it.

Run it with ``make story``, or ``python -m tools.scenarios.story --output FOLDER``.
"""

from __future__ import annotations

import argparse
import secrets
import shlex
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from cli.terminal import outfile, output
from ledger.adapters import files
from ledger.domain.codecs.text import counted
from ledger.domain.errors import ChainError, CustodyError
from tools.scenarios import clique_network
from tools.scenarios.actors import Actor, verify
from tools.scenarios.stage import NL, RO, Stage

_WARRANT: Final = '--basis "search warrant 2026/117" --basis-kind warrant'
_SEIZED: Final = f'{_WARRANT} --authorisation "RC 2026/117" --case 2026-117'
_ORDER: Final = '--basis "EIO 2026/117"'


class _Story(Stage):
    """The steps, in order."""

    def tell(self) -> None:
        """Tell it from seizure to disposal."""
        nl, ro = self.agencies[NL], self.agencies[RO]
        nl.custody("partner add {url}", url=ro.url)
        ro.custody("partner add {url}", url=nl.url)
        colleague = self._colleague(nl)
        image = self._seizure(nl)
        self._abroad(nl, ro, image)
        self._analysis(nl, ro, image)
        self._court_and_back(nl, ro, image)
        self._disposal(nl, colleague, image)
        self._step("Before every process ends, the court asks both agencies for the fingerprint")
        self._compare()

    def conclude(self) -> None:
        """Verify what is left when chain and nodes are gone, and read it as a court does."""
        self._step("No chain, no node, no network: a third party verifies each folder again")
        for left in self._left:
            self._verify(left)
        self._step("What a court reads, from the last folder made before the keys were destroyed")
        [last] = [left for left in self._left if left.folder.name == "image-before-disposal"]
        output.show(*verify(*last.words, "--trust-fingerprint", last.fingerprint, "--timeline"))
        output.show(
            "",
            "Every step came out as told. Nobody had to trust anybody: see "
            f"{self.out / 'for-the-court'}",
            "Try it yourself:",
        )
        for left in self._left:
            output.show(f"  .venv/bin/custody verify {shlex.join(map(str, left.words))}")

    def _seizure(self, nl: Actor) -> str:
        self._step("A phone is seized in The Hague and sealed; its image and a folder are recorded")
        phone = nl.custody(
            'seize "phone, black" --make Fairphone --seal S-1 --place "The Hague" '
            f'--witness "A. Witness" --exhibit A1 {_SEIZED}'
        )["evidence"]
        self._tell("phone", f"{phone}, in a bag with seal S-1")
        nl.custody(
            "record unseal {phone} --number S-1 --condition unbroken --purpose imaging", phone=phone
        )
        file = self.out / "phone.img"
        file.write_bytes(secrets.token_bytes(3 << 20))
        [image] = nl.custody(
            "upload {file} --from {phone} --method physical --tool imager --exhibit A1-1 "
            + _SEIZED,
            file=file,
            phone=phone,
        )["items"]
        nl.custody("record seal {phone} --number S-2 --replaces S-1", code=1, phone=phone)
        nl.custody("record seal {phone} --number S-2 --position bag", phone=phone)
        self._tell("image", f"{image['evidence']}, sha-256 {image['digests']['sha-256']}")
        self._tell("seals", "S-1 opened for imaging, S-2 put on")
        self._tell("", "replacing S-1 once more was refused: it is not on the phone any more")
        folder = self.out / "notebook"
        folder.mkdir()
        for number in range(3):
            (folder / f"page-{number}.txt").write_text(f"page {number}\n" * 50)
        recorded = nl.custody(f"upload {{folder}} --exhibit A2 {_SEIZED}", folder=folder)["items"]
        self._tell(
            "folder",
            f"{counted(len(recorded) - 1, 'file')}, each an item, and a sealed list of them",
        )
        return str(image["evidence"])

    def _abroad(self, nl: Actor, ro: Actor, image: str) -> None:
        self._step("The image is handed over to Romania: both sign, and the contract decides")
        nl.custody(
            "handover offer {image} --to {agency} --purpose analysis --basis-kind eio "
            f'--on-condition "no onward transfer" {_ORDER}',
            image=image,
            agency=RO,
        )
        self._tell(NL, "offered it, its key sealed to the Romanian custodians")
        self._tell("", "nothing else can be recorded meanwhile")
        self._until(lambda: self._is_offered(ro, image))
        self._tell(RO, "fetched record and ciphertext")
        self._tell("", "verified both against the chain before any person saw them")
        ro.custody('handover accept {image} --yes --condition "as described"', image=image)
        self._until(lambda: self._holder(nl, image) == RO and self._holder(ro, image) == RO)
        self._tell("custody", f"is {RO}'s now, in both agencies' books and in the contract")
        self._check(ro, image, "image-in-romania", basis="for the court")

    def _analysis(self, nl: Actor, ro: Actor, image: str) -> None:
        self._step("The image is analysed; a copy of the report goes to the Dutch prosecutor")
        ro.custody(
            'record analyse {image} --what "chat extraction" --tool extractor --tool-version 3.1',
            image=image,
        )
        file = self.out / "report.txt"
        file.write_text("the report\n")
        report = ro.custody(
            "derive {file} --kind report --parent {image} --tool extractor "
            f'--reviewer "B. Second" --case 2026-117 {_ORDER}',
            file=file,
            image=image,
        )["items"][0]["evidence"]
        self._tell("report", f"{report}, derived from the image")
        ro.custody(
            "disclose {report} --kind prosecutor --to {agency} "
            f'--on-condition "this case only" {_ORDER}',
            report=report,
            agency=NL,
        )
        self._until(
            lambda: report in [copy["evidence"] for copy in nl.custody("copy list")["copies"]]
        )
        copy = nl.custody(f"copy take {{report}} {_ORDER}", report=report)["evidence"]
        self._tell("copy", f"{copy} in The Hague, with its source on record")
        self._tell("", "the register of both sides shows who holds what")

    def _court_and_back(self, nl: Actor, ro: Actor, image: str) -> None:
        self._step("The image is shown in court in Bucharest; custody goes back to the Netherlands")
        court = "Tribunalul București"
        ro.custody(
            "record present {image} --court {court} --docket 1234/3/2026 --mark P-3",
            image=image,
            court=court,
        )
        ro.custody(
            "record rule {image} --ruling admitted --court {court}", image=image, court=court
        )
        offer = f"handover offer {{image}} --to {NL} --purpose return --basis-kind eio {_ORDER}"
        ro.custody(offer, code=2, image=image)
        self._tell("condition", "the item came with one on onward use")
        self._tell("", "without the authorisation's reference nothing leaves")
        ro.custody(f'{offer} --authorisation "NL letter 88"', image=image)
        self._until(lambda: self._is_offered(nl, image, to=NL))
        nl.custody("handover accept {image} --yes", image=image)
        self._until(lambda: self._holder(ro, image) == NL and self._holder(nl, image) == NL)
        self._tell("custody", f"is {NL}'s again")

    def _disposal(self, nl: Actor, colleague: Actor, image: str) -> None:
        self._step("The case is closed: two persons dispose of the image, and all keys of it go")
        carry_out = 'dispose carry-out {image} --method "keys destroyed" --rule wpg-9 --yes'
        nl.custody("record hold {image} --name appeal", image=image)
        nl.custody('dispose request {image} --reason "case closed" --rule wpg-9', image=image)
        colleague.custody("dispose approve {image} --yes", image=image)
        nl.custody(carry_out, code=1, image=image)
        self._tell("hold", "while the appeal was open the disposal was refused; it is lifted now")
        nl.custody("record lift {image} --name appeal", image=image)
        self._check(nl, image, "image-before-disposal", basis="for the court")
        disposal = nl.custody(carry_out, image=image)["disposal"]
        self._tell("keys", f"{disposal['destroyed']} destroyed in The Hague")
        self._until(lambda: {NL, RO} <= self._confirmed(nl, image))
        self._tell("keys", "destroyed in Bucharest too, signed for in the Dutch log")
        nl.custody("get {image} -o {file} --basis try", code=1, image=image, file=self.out / "none")
        self._tell("content", "cannot be opened by anybody any more")
        self._check(nl, image, "image-after-disposal", basis="disposal")
        self._tell("the record", "still verifies: who held it, in which order, and how it ended,")
        self._tell("", "without a word of what it was")

    @staticmethod
    def _is_offered(agency: Actor, item: str, *, to: str = "") -> bool:
        handovers = agency.custody("handover list")["handovers"]
        return any(
            handover["evidence"] == item and to in ("", handover["taker"]) for handover in handovers
        )

    @staticmethod
    def _confirmed(agency: Actor, item: str) -> set[str]:
        """The agencies that signed that they destroyed their keys of an item."""
        certificate = agency.custody("dispose certificate {item}", item=item)
        return {confirmation["agency"] for confirmation in certificate["confirmed"]}


def tell(out: Path) -> None:
    """Tell the story, and leave its folders for the court.

    Raises:
        UsageError: no geth, or the folder holds something else.
        ChainError: a step did not come out as told.
    """
    clique_network.require_geth()
    outfile.require_folder(out)
    files.renew_folder(out, "the story")
    with ExitStack() as stack:
        nodes = Path(stack.enter_context(TemporaryDirectory(prefix="story-chain-")))
        network = stack.enter_context(clique_network.running(nodes))
        story = _Story(out, network)
        story.found()
        for agency in story.agencies.values():
            stack.enter_context(agency.serving())
        story.tell()
    # Chain and nodes have ended: nothing of them may be needed to verify what is left.
    story.conclude()


def main() -> int:
    """Run the story from the command line; 0 where every step came out as told."""
    parser = argparse.ArgumentParser(description="An item's life across two countries.")
    parser.add_argument("--output", type=Path, default=Path("story-out"), help="an empty folder")
    try:
        tell(parser.parse_args().output)
    except ChainError as error:
        output.say(f"custody: the story ended early: {error.message}")
        return 1
    except CustodyError as error:
        return output.failure(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
