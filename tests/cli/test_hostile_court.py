"""The folder for the court, where a node lies or another user of the machine waits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.court import withholding
from cli.node.session import Session
from cli.terminal import output
from ledger.adapters.clock import SystemClock
from ledger.adapters.node.client import NodeClient
from ledger.client.reading import retrieval
from ledger.domain.bundle import trust
from ledger.domain.event.signing import Person
from tests.support.commands import custody, within
from tests.support.ownership import given_away


def test_a_node_that_leaves_in_what_was_to_be_left_out_reaches_no_court(
    worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`bundle` checked what the node made of --withhold, and `court` passed it on."""
    real = NodeClient.bundle

    def whole(self: NodeClient, urn: str, access: str, *, withhold: list[str]) -> bytes:
        assert withhold == ["/body/name"]
        return real(self, urn, access)

    monkeypatch.setattr(NodeClient, "bundle", whole)
    folder = tmp_path / "court"
    code, printed, said = within(
        *("court", worked["evidence"], "-o", folder, "--basis", "x", "--withhold", "/body/name"),
        home=worked["home"],
    )
    assert (code, printed, folder.exists()) == (1, "", False)
    assert "shows what was to be left out" in said


def test_a_node_that_gives_the_bundle_of_another_thing_reaches_no_court(
    worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a thing without content there is no file that would differ: the folder was VERIFIED."""
    numbers = ("--case", "C2", "--exhibit")
    things = [
        json.loads(custody("seize", "phone", *numbers, name, "--json", home=worked["home"]).stdout)
        for name in ("P1", "P2")
    ]
    custody("anchor", home=worked["home"])
    meant, other = (thing["evidence"] for thing in things)
    real = NodeClient.bundle

    def another(self: NodeClient, urn: str, access: str, *, withhold: list[str]) -> bytes:
        opened = retrieval.record_access(
            *(self, self_person[0], SystemClock(), other), mode="export", basis={"purpose": "x"}
        )
        return real(self, other, opened, withhold=withhold)

    self_person: list[Person] = []
    monkeypatch.setattr(NodeClient, "bundle", another)
    signing = withholding.record_export

    def seen(session: Session, urn: str, basis: dict[str, Any]) -> str:
        self_person.append(session.person)
        return signing(session, urn, basis)

    monkeypatch.setattr(withholding, "record_export", seen)
    folder = tmp_path / "court"
    code, printed, said = within("court", meant, "-o", folder, "--basis", "x", home=worked["home"])
    assert (code, printed, folder.exists()) == (1, "", False)
    assert "the bundle of another item" in said


def test_nothing_is_left_in_a_folder_of_another_user_of_the_machine(
    worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In /tmp anybody makes for-the-court first, and owns what is left there."""
    theirs, link = tmp_path / "theirs", tmp_path / "for-the-court"
    theirs.mkdir()
    given_away(theirs, monkeypatch)
    link.symlink_to(theirs)
    for folder in (theirs, link):
        given = ("court", worked["evidence"], "-o", folder, "--basis", "x")
        code, printed, said = within(*given, home=worked["home"])
        assert (code, printed) == (2, "")
        assert "belongs to somebody else" in said
        assert list(theirs.iterdir()) == []


@pytest.mark.parametrize("name", ["notes.txt", "trust.json"])
def test_what_somebody_puts_into_the_folder_meanwhile_is_neither_removed_nor_written_over(
    worked: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Of two who left a folder of one name, the one who failed removed what the other had left."""
    real, folder = NodeClient.trust_root, tmp_path / "court"

    def meanwhile(self: NodeClient, pin: int | None = None) -> bytes:
        (folder / name).write_text("somebody else's")
        root = trust.parse(real(self, pin))
        return (
            root.encode() if name == "trust.json" else replace(root, ledger=root.registry).encode()
        )

    monkeypatch.setattr(NodeClient, "trust_root", meanwhile)
    code, printed, said = within(
        *("court", worked["evidence"], "-o", folder, "--basis", "x"), home=worked["home"]
    )
    assert code == (output.UNPRINTED if name == "trust.json" else 1), said
    assert [path.name for path in folder.iterdir()] == [name]
    assert (folder / name).read_text() == "somebody else's"
    assert "no folder was left" in printed or code == 1
