"""Several items in one command: only those that are meant, and each told for itself."""

from __future__ import annotations

import json
import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.invocation import named_numbers
from cli.invocation.global_options import STATE
from cli.items import selection
from cli.items.short_ids import Named
from ledger.app.settings import CLIENT
from ledger.client.handovers import offered_item
from ledger.client.handovers.offered_item import OnOffer
from ledger.domain.errors import NetworkError, RuleError, VerificationError
from ledger.domain.event import same_record
from tests.support.commands import done, within
from tests.support.desk import PASSPHRASE, Desk
from tests.support.people import joined
from tests.support.serving import served
from tests.support.terminals import at_terminal


@dataclass
class Office:
    """A home with photo A1, a folder A2 of three files and A20, and a colleague 4712."""

    home: Path
    folder: Path
    who: str

    def run(self, *words: object, typed: str | None = None, code: int = 0) -> tuple[str, str]:
        """A command of the home's person."""
        return done(self.home, *words, typed=typed, code=code)

    def theirs(self, *words: object, typed: str | None = None, code: int = 0) -> tuple[str, str]:
        """A command of the colleague, at the node that the home serves meanwhile."""
        with Desk(self.home) as desk, served(desk) as node:
            known = self.folder / CLIENT
            text = re.sub(r"http://[\w.:]+", node.url, known.read_text())
            known.write_text(text)
            return done(self.folder, *words, typed=typed, code=code)

    def events(self, *numbers: str) -> dict[str, int]:
        """How many events the items of numbers have."""
        found = {}
        for number in numbers:
            shown = json.loads(self.run("--json", "show", number, "--basis", "x")[0])
            found[number] = shown["item"]["events"]
        return found


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an office, which each test gets a copy of."""
    folder = tmp_path_factory.mktemp("office")
    home, pages = folder / "home", folder / "pages"
    pages.mkdir()
    for number in range(3):
        (pages / f"{number}.txt").write_text(f"page {number}")
    made_by = [within("init", "--agency", "NL-POL", "--person", "4711", home=home)]
    for name, exhibit in (("photo.jpg", "A1"), ("pages", "A2"), ("other.txt", "A20")):
        if name != "pages":
            (folder / name).write_text(name)
        made_by.append(within("upload", folder / name, "-c", "2026-117", "-e", exhibit, home=home))
    assert [code for code, _, _ in made_by] == [0] * 4, made_by
    with Desk(home) as desk:
        colleague = joined(desk, folder / "colleague", "officer", "custodian", number="4712")
        (folder / "who").write_text(colleague.pseudonym)
    return folder


@pytest.fixture
def office(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    folder = Path(shutil.copytree(made, tmp_path / "office"))
    monkeypatch.chdir(folder)
    return Office(folder / "home", folder / "colleague", (folder / "who").read_text())


WHY = ("--reason", "typing error")
PARTS = ("2026-117/A2", "2026-117/A2/1", "2026-117/A2/2", "2026-117/A2/3")


def test_an_exhibit_with_its_parts_takes_in_no_other_exhibit(office: Office) -> None:
    others = ("2026-117/A1", "2026-117/A20")
    before = office.events(*PARTS, *others)
    out, _ = office.run("note", "2026-117/A2/", "box 7", "--yes")
    assert "recorded for 4 items" in out
    after = office.events(*PARTS, *others)
    # Each look of events() is one event as well.
    assert {one: after[one] - before[one] for one in after} == {
        **dict.fromkeys(PARTS, 2),
        **dict.fromkeys(others, 1),
    }


@pytest.fixture
def twice(office: Office) -> tuple[list[str], list[str]]:
    """Two exhibits D2, each a folder of two files, of officers who may not see each other's: items
    of this one's, the folder last, and all.
    """
    with Desk(office.home) as desk:
        joined(desk, office.folder.parent / "officer", "officer", number="4713")
    recorded: list[list[str]] = []
    for home in (office.home, office.folder.parent / "officer"):
        pages = office.folder.parent / f"pages-{home.name}"
        pages.mkdir()
        for number in range(2):
            (pages / f"{number}.txt").write_text(f"{home} {number}")
        office.folder = home if home != office.home else office.folder
        run = office.run if home == office.home else office.theirs
        run("upload", pages, "-c", "2026-117", "-e", "D2")
        listed = ("--json", "list", "--case", "2026-117", "--exhibit", "D2")
        recorded.append([one["opening"][:8] for one in json.loads(office.run(*listed)[0])["items"]])
    return recorded[0], recorded[1]


def test_two_exhibits_of_one_number_are_never_taken_for_one_with_its_parts(
    office: Office, twice: tuple[list[str], list[str]]
) -> None:
    """A custodian offered, noted and renumbered both: "2026-117/D2 with its 4 parts"."""
    for words in (("note", "2026-117/D2/", "x"), ("correct", "2026-117/D2/", "-e", "D3", *WHY)):
        _, said = office.run(*words, "--yes", code=2)
        assert "may be each of 2 exhibits: " in said
        assert twice[0][-1] in said
        [words_of_hint] = re.findall(r"by their ids, see: \S+ (.*)", " ".join(said.split()))
        listed = office.run(*words_of_hint.replace("\\ ", "").split())[0]
        assert all(one in listed for one in twice[1])


def test_of_two_exhibits_of_one_number_one_is_corrected_item_by_item(
    office: Office, twice: tuple[list[str], list[str]]
) -> None:
    """Neither could be: the parts of the other one had the number for ever."""
    *parts, whole = twice[0]
    _, said = office.run("correct", whole, "-e", "D3", *WHY, "--yes", code=2)
    assert "2 parts of it would keep the number 2026-117/D2" in said
    assert "correct each of those first, by its id" in said
    for count, part in enumerate(parts, start=1):
        office.run("correct", part, "-e", f"D3/{count}", *WHY, "--yes")
    office.run("correct", whole, "-e", "D3", *WHY, "--yes")
    out, _ = office.run("note", "2026-117/D2/", "x", "--yes")
    assert "recorded for 3 items" in out


def test_whoever_refuses_a_whole_exhibit_is_told_that_one_item_is_refused_at_a_time(
    office: Office,
) -> None:
    """It ended in an internal error."""
    office.run("handover", "offer", "2026-117/A2/", "--to", "4712", "--yes")
    refusing = ("handover", "decline", "--reason", "x", "--yes")
    _, said = office.theirs(*refusing, "2026-117/A2/", code=2)
    assert "may be several items, and one is wanted here" in said
    _, said = office.theirs(*refusing, code=2)
    assert "4 items are on offer" in said
    assert "--all" not in said
    office.theirs("handover", "accept", "--all", "--yes")
    _, said = office.theirs(*refusing, code=2)
    assert "nothing is on offer to you" in said
    assert "`custody handover ITEM --to YOUR-NUMBER`" in said


def test_nothing_is_signed_for_a_whole_case_before_somebody_agreed(office: Office) -> None:
    before = office.events(*PARTS)
    _, said = office.run("note", "2026-117/", "box 7", code=2)
    assert "--yes" in said
    _, said = office.run("note", "2026-117/", "box 7", typed="n\n", code=2)
    assert "Add this note to 6 items (of case 2026-117)?" in said
    assert {one: count + 1 for one, count in before.items()} == office.events(*PARTS)


def test_a_preview_for_a_whole_exhibit_asks_nothing(office: Office) -> None:
    before = office.events("2026-117/A2")
    out, said = office.run("--preview", "note", "2026-117/A2/", "x", typed="n\n")
    assert "nothing was" in out
    assert "[y/N]" not in said
    assert office.events("2026-117/A2") == {"2026-117/A2": before["2026-117/A2"] + 1}


def test_who_lists_an_exhibit_without_its_option_is_told_the_whole_command(office: Office) -> None:
    _, said = office.run("list", "A2", code=2)
    [words] = re.findall(r"to list an exhibit: \S+ (.*)", " ".join(said.split()))
    assert words.endswith("list --exhibit A2")


@pytest.fixture
def offering(office: Office, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The beginning of an offer at a terminal."""
    secret = office.home.parent / "passphrase"
    secret.write_bytes(PASSPHRASE)
    secret.chmod(0o600)
    monkeypatch.setenv("CUSTODY_PASSPHRASE_FILE", str(secret))
    command = ["--home", str(office.home), "handover", "offer"]
    return [*command, "--to", "4712"]


def test_who_agreed_to_all_of_an_exhibit_is_not_asked_for_each_item_again(
    offering: list[str],
) -> None:
    code, said = at_terminal([*offering, "2026-117/A2/"], "[y/N]", b"y\n")
    assert (code, said.count("[y/N]")) == (0, 1), said
    assert "Offer 4 items (2026-117/A2 with its 3 parts) to 4712? [y/N]" in said
    assert "4 items offered to 4712" in said


def test_who_stops_at_the_question_whether_to_sign_is_told_that_nothing_is_recorded(
    offering: list[str],
) -> None:
    """Whom the receiver's number names had been asked by then: that counted as a step recorded."""
    code, said = at_terminal([*offering, "2026-117/A1"], "[y/N]", b"\x03")
    assert code == 128 + signal.SIGINT, said
    assert "stopped; nothing half-written is left" in said


def test_a_closed_item_of_a_case_is_left_out_and_told(office: Office) -> None:
    office.run("record", "void", "2026-117/A20", "--reason", "twice")
    _, said = office.run("record", "move", "2026-117/", "--to", "store 3", typed="y\n")
    assert "1 closed item left out" in said
    assert "Record 'moved' for 5 items (of case 2026-117)?" in said


def test_a_case_whose_number_begins_like_another_ones_hides_no_exhibit(office: Office) -> None:
    """Looked for in case 2026 first, which has no 9/B1: then it was looked for nowhere else."""
    office.run("upload", "photo.jpg", "-c", "2026", "-e", "A1")
    office.run("upload", "other.txt", "-c", "2026/9", "-e", "B1")
    out, _ = office.run("note", "2026/9/B1/", "x", "--yes")
    assert "recorded for 1 item:" in out


@pytest.mark.parametrize("name", ["2026-118/", "2026-117/A3/", "/", "A2/"])
def test_what_is_no_case_and_no_exhibit_means_nothing(office: Office, name: str) -> None:
    _, said = office.run("note", name, "x", "--yes", code=2)
    assert "is no case, and no exhibit of one" in said


def test_what_is_both_a_case_and_an_exhibit_of_another_is_refused(office: Office) -> None:
    office.run("upload", "other.txt", "-c", "2026-117/A2", "-e", "B1")
    _, said = office.run("note", "2026-117/A2/", "x", "--yes", code=2)
    assert "may be a case or an exhibit of one" in said


def test_one_item_that_is_refused_keeps_no_other_from_being_offered(office: Office) -> None:
    """And what is on offer to somebody else is not taken for offered to this one."""
    with Desk(office.home) as desk:
        joined(desk, office.folder.parent / "other", "officer", number="4713")
    office.run("handover", "offer", "2026-117/A2/2", "--to", "4713")
    out, said = office.run("handover", "offer", "2026-117/A2/", "--to", "4712", "--yes", code=3)
    assert "left out" not in said
    assert "3 items offered to 4712" in out
    assert "not done for 1 item" in out


def test_everything_on_offer_is_taken_once_its_terms_were_agreed_to(office: Office) -> None:
    office.run("handover", "offer", "2026-117/A2/", "--to", "4712", "--yes")
    office.run("handover", "offer", "2026-117/A1", "--to", "4712", "--purpose", "a look")
    _, said = office.theirs("handover", "accept", code=2, typed="")
    assert "5 items are on offer" in said
    _, said = office.theirs("handover", "accept", "--all", typed="n\n", code=2)
    assert said.count("custody for good") == 2  # terms that differ are shown for themselves
    assert "purpose  a look" in said
    assert all(name in said for name in ("0.txt", "1.txt", "2.txt", "photo.jpg"))
    out, _ = office.theirs("handover", "accept", "--all", typed="y\n")
    assert "5 items checked and accepted" in out
    held = json.loads(office.theirs("--json", "list")[0])["items"]
    mine = [one for one in held if one["holder"] == office.who]
    assert len(mine) == 5


def test_an_offer_shows_the_numbers_that_stand(office: Office) -> None:
    """What was corrected away may be another item's number by now."""
    why = ("--reason", "typing error", "--yes")
    office.run("correct", "2026-117/A2/", "--exhibit", "C9", *why)
    office.run("correct", "2026-117/A1", "--field", "name", "--new", "right.jpg", *why)
    office.run("handover", "offer", "2026-117/A1", "2026-117/C9/1", "--to", "4712", "--yes")
    _, said = office.theirs("handover", "accept", "--all", typed="n\n", code=2)
    assert "2026-117/C9/1" in said
    assert "A2" not in said
    assert "right.jpg" in said
    assert "photo.jpg" not in said


def test_of_several_offers_the_one_with_other_content_is_not_accepted(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.run("handover", "offer", "2026-117/A2/", "--to", "4712", "--yes")
    check = offered_item.check

    def differs(node: object, person: object, shown: OnOffer, *rest: object) -> bytes | None:
        if shown.opening["body"].get("name") == "1.txt":
            raise VerificationError(9, "the ciphertext does not have the recorded CID")
        return check(node, person, shown, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(offered_item, "check", differs)
    out, _ = office.theirs("handover", "accept", "--all", "--yes", code=3)
    assert "3 items checked and accepted" in out
    assert "the ciphertext does not have the recorded CID" in out
    waiting = json.loads(office.theirs("--json", "handover", "list")[0])["handovers"]
    assert [one["state"] for one in waiting] == ["inside"]


def test_a_thing_is_not_taken_with_others_and_no_seal_is_said_of_several(office: Office) -> None:
    office.run("seize", "phone", "--seal", "S-1", "-c", "2026-117", "-e", "A3")
    for number in ("2026-117/A3", "2026-117/A1"):
        office.run("handover", "offer", number, "--to", "4712")
    _, said = office.theirs("handover", "accept", "--all", "--seal", "S-1", "--yes", code=2)
    assert "seals were found on one thing" in said
    out, _ = office.theirs("handover", "accept", "--all", "--yes", code=3)
    assert "1 item checked and accepted" in out
    assert "a thing is taken by itself" in out


def test_the_bundles_of_a_case_lie_in_one_folder_and_replace_nothing(office: Office) -> None:
    office.run("anchor")
    for _ in range(2):
        office.run("bundle", "2026-117/A2/", "-o", "bundles", "--yes")
    names = sorted(path.name for path in Path("bundles").iterdir())
    assert len(names) == 8
    assert {"0.txt.bundle", "0.txt-2.bundle"} <= set(names)
    _, said = office.run("bundle", "2026-117/A2/", "--force", "--yes", code=2)
    assert "replace nothing" in said


def test_a_key_is_given_for_a_whole_exhibit(office: Office) -> None:
    office.run("share", "2026-117/A2/", "--with", office.who, "--yes")
    office.theirs("get", "2026-117/A2/3", "--basis", "x", "-o", "three.txt")
    assert Path("three.txt").read_text() == "page 2"


def test_a_node_cannot_name_an_item_of_another_exhibit_for_a_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A whole exhibit is what the node lists for it: another item would be given away with it."""
    monkeypatch.setattr(STATE, "urn", "urn:uuid:one")
    monkeypatch.setattr(STATE, "numbers", (("case", "9"), (same_record.PARTS, "A2")))

    def record(case: str, exhibit: str) -> list[Any]:
        numbers = [{"scheme": "case", "value": case}, {"scheme": "exhibit", "value": exhibit}]
        opening = {"type": "acquired", "seq": 0, "identifiers": numbers, "body": {}}
        return [SimpleNamespace(statement="00", document=opening)]

    for exhibit in ("A2", "A2/1", "A2/17"):
        named_numbers.require_named("urn:uuid:one", record("9", exhibit))
    for case, exhibit in (("9", "A20"), ("9", "A1"), ("9", "A2/x"), ("8", "A2/1")):
        with pytest.raises(VerificationError, match="does not have this number"):
            named_numbers.require_named("urn:uuid:one", record(case, exhibit))


def test_a_node_that_is_gone_ends_the_command_and_what_was_left_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("item", "numbers"):  # as they were for whoever tests afterwards
        monkeypatch.setattr(STATE, name, getattr(STATE, name))
    chosen = selection.Chosen(tuple(Named(f"urn:uuid:{name}") for name in "abcd"), whole=True)

    def act(one: Named) -> str:
        if one.short == "a":
            return "done"
        raise RuleError("closed") if one.short == "b" else NetworkError("no answer")

    done = selection.each(chosen, act, "noting")
    assert [one.short for one, _ in done.answers] == ["a"]
    assert [one.short for one, _ in done.refused] == ["b"]
    assert [one.short for one in done.left] == ["c", "d"]
    assert isinstance(done.stopped, NetworkError)
    with pytest.raises(NetworkError):  # nothing was done: the command failed as a whole
        selection.each(selection.Chosen(chosen.items[2:], whole=True), act, "noting")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--to", "RO-DIICOT"), "RO-DIICOT is not known here"),
        (("--to", "RO-DIICOT", "--to-person", "4712"), "'4712' names nobody"),
        (("--to", "ro-diicot"), "'ro-diicot' names nobody who was let in at NL-POL"),
        (("--to", "4712", "--to-person", "4711"), "name one person"),
    ],
)
def test_a_colleagues_number_and_an_agencys_code_are_told_apart_by_their_form(
    office: Office, words: tuple[str, ...], told: str
) -> None:
    """Somebody enrolled under a number that is a partner's code would get what is meant for it."""
    code, _, said = within("handover", "offer", "2026-117/A1", *words, home=office.home)
    assert code in (1, 2)
    assert told in said


def test_a_mark_on_a_folder_says_that_its_files_keep_theirs(office: Office) -> None:
    """Whoever marked the folder took its files for guarded, and the defence copied them."""
    _, said = office.run("record", "restrict", "2026-117/A2", "--handling", "csam")
    assert "3 parts of it, items of their own, keep their marks as they are" in said
    _, said = office.run("record", "restrict", "2026-117/A2/", "--handling", "privileged", "--yes")
    assert "keep their marks" not in said
