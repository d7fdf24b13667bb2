"""People are told apart: by service number among colleagues, by pseudonym for everybody else."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cli.node import custody_key_notices
from cli.terminal import output
from ledger.domain.errors import DeniedError
from ledger.domain.identity import enrolment
from ledger.domain.identity.person import PersonId
from ledger.services.access.authorization import Caller, signer
from ledger.services.people import colleagues
from tests.support.actors import Actor, commands_of, enrolled
from tests.support.commands import within
from tests.support.desk import Desk


def caller(office: Desk, actor: Actor) -> Caller:
    with office.node.records.read() as unit:
        return signer(office.node, unit, actor.person.certificate)


@pytest.fixture
def item(office: Desk, tmp_path: Path) -> str:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"a photograph")
    [done] = office.upload(file)
    return done.evidence


@pytest.fixture
def second(office: Desk, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """A colleague with the service number 4712; commands are those of 4711."""
    actor = enrolled(office, "officer", number="4712")
    commands_of(_first(office), monkeypatch)
    return actor


def _first(office: Desk) -> Actor:
    """4711, who founded the node, and is a custodian too."""
    return Actor(office, office.person, office.client, None)  # type: ignore[arg-type]


def test_an_item_is_handed_over_by_service_number_and_each_command_tells_who_holds_it(
    office: Desk, item: str, second: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every line said "officer of NL-POL" and "held by NL-POL", before and after."""
    assert "held by  4711 of NL-POL" in within("show", item)[1]
    code, out, said = within("handover", "offer", item, "--to-person", "47 12")
    assert code == 0, said
    assert "offered to 47 12" in out
    listed = within("handover", "list")[1]
    assert re.search(r"4711 of NL-POL +4712 of NL-POL", listed), listed
    commands_of(second, monkeypatch)
    code, _, said = within("handover", "accept", "--yes")
    assert code == 0, said
    assert re.search(r"from +officer 4711 of NL-POL", said)
    assert "held by  4712 of NL-POL" in within("show", item)[1]
    shown = within("show", item, "--basis", "x")[1]
    assert "handover offered         officer 4711 of NL-POL" in shown
    assert "to: 4712 of NL-POL" in shown
    assert "handover accepted        officer 4712 of NL-POL" in shown
    assert re.search(r"4712 of NL-POL +not yet anchored", within("list")[1])


def test_an_item_is_not_offered_to_whoever_holds_it_already(
    office: Desk, item: str, second: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A custodian could: `handover list` then read "4712 of NL-POL, 4712 of NL-POL"."""
    assert within("handover", "offer", item, "--to-person", "4712")[0] == 0
    commands_of(second, monkeypatch)
    assert within("handover", "accept", item, "--yes")[0] == 0
    commands_of(_first(office), monkeypatch)
    before = office.client.item(item).events
    code, _, said = within("handover", "offer", item, "--to-person", "4712")
    assert code != 0
    assert "holds it already" in said
    assert f"handover {item[9:]} --to NUMBER" in said, "what to do runs as printed"
    assert office.client.item(item).events == before, "it was told before anything was signed"
    # Another enrolment of theirs takes it over: the one that holds it may have lost its keys.
    again = enrolled(office, "officer", number="4712")
    assert within("handover", "offer", item, "--to-person", again.pseudonym)[0] == 0


def test_whoever_holds_an_item_takes_a_custodians_offer_of_it_back(
    office: Desk, item: str, second: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing told how, and whoever held the item was told as the one who offered it."""
    assert within("handover", "offer", item, "--to-person", "4712")[0] == 0
    commands_of(second, monkeypatch)
    assert within("handover", "accept", item, "--yes")[0] == 0
    enrolled(office, "officer", number="4900")
    commands_of(_first(office), monkeypatch)
    assert within("handover", "offer", item, "--to-person", "4900")[0] == 0
    commands_of(second, monkeypatch)
    listed = within("handover", "list")[1]
    assert re.search(r"4711 of NL-POL +4900 of NL-POL", listed), listed
    for refused in (
        ("note", item, "--text", "mine"),
        ("show", item, "--basis", "x"),
        ("handover", "offer", item, "--to-person", "4711"),
    ):
        code, _, said = within(*refused)
        assert code != 0
        assert f"custody handover withdraw {item[9:]} --reason WHY" in said, said
    code, out, said = within("handover", "withdraw", item, "--reason", "it stays with me")
    assert code == 0, said
    assert "taken back; the item stays with whoever holds it" in out
    assert "other agency" not in out, "nobody of another agency was asked"
    assert within("note", item, "--text", "mine")[0] == 0


@pytest.mark.parametrize("columns", [80, 100])
def test_lists_at_a_terminal_are_cut_nowhere_and_their_short_ids_are_taken(
    office: Desk, item: str, second: Actor, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There stood "waits f…", "2026-12-…", "GOOD UNT…" and "4711 of NL-P…"."""
    assert within("handover", "offer", item, "--to-person", "4712")[0] == 0
    monkeypatch.setattr(output, "is_terminal", lambda stream: stream is sys.stdout)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda _: os.terminal_size((columns, 24)))
    monkeypatch.setattr(custody_key_notices, "confirm", lambda session: None)
    listed = {}
    for command in ("handover list", "list", "person list"):
        code, listed[command], said = within(*command.split())
        assert code == 0, said
        assert "…" not in listed[command]
        assert max(map(len, listed[command].splitlines())) <= columns
        assert listed[command].splitlines()[0].split()[0] in ("ITEM", "WHO"), "still a table"
    short = office.client.item(item).opening[:8]
    own = " of NL-POL" if columns == 100 else ""
    until = r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z"
    waits = rf"{short} +4711{own} +4712{own} +waits for an answer +{until} +-"
    assert re.search(waits, listed["handover list"]), listed
    assert within("show", short)[0] == 0


def test_a_bundle_tells_people_apart_by_the_beginning_of_their_pseudonyms(
    office: Desk, item: str, second: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert within("handover", "offer", item, "--to-person", "4712")[0] == 0
    commands_of(second, monkeypatch)
    assert within("handover", "accept", item, "--yes")[0] == 0
    office.anchor()
    bundle, trust = tmp_path / "b.bundle", tmp_path / "t"
    assert within("bundle", item, "-o", bundle, "--basis", "x")[0] == 0
    trust.write_bytes(office.client.trust_root())
    code, out, said = within("verify", bundle, "--trust", trust, "--timeline")
    first = office.person.certificate.pseudonym
    assert code == 0, said
    assert f"held by {second.pseudonym[:8]} of NL-POL" in out
    assert f"file recorded            officer {first[:8]} of NL-POL" in out
    assert f"handover accepted        officer {second.pseudonym[:8]} of NL-POL" in out
    assert not re.search(r"\b471[12]\b", out), "no service number leaves the agency"
    facts = json.loads(within("--json", "verify", bundle, "--trust", trust)[1])["facts"]
    assert (facts["custodian"], facts["holder"]) == ("NL-POL", second.pseudonym)


@pytest.mark.parametrize("kind", ["number", "beginning", "reference", "fingerprint", "typed"])
def test_whoever_is_meant_is_found_by_number_pseudonym_and_its_beginning(
    office: Desk, item: str, second: Actor, kind: str
) -> None:
    typed = {"number": "4712", "beginning": second.pseudonym[:8], "reference": second.pseudonym}
    keys = enrolment.fingerprint(
        enrolment.encode_key(second.person.certificate.key), second.person.hpke.public
    )
    typed |= {"fingerprint": keys, "typed": keys.replace(" ", "-").upper()}
    code, _, said = within("share", item, "--with", typed[kind], "--basis", "x")
    assert code == 0, said
    code, _, said = within("person", "suspend", typed[kind])
    assert code == 0, said
    with office.node.records.read() as unit:
        row = unit.people.get(second.id)
    assert row is not None
    assert not row.active


def test_a_number_that_nobody_has_or_two_have_names_nobody(
    office: Desk, item: str, second: Actor
) -> None:
    code, _, said = within("handover", "offer", item, "--to-person", "4713")
    assert (code, "'4713' names nobody who was let in at NL-POL" in said) == (2, True), said
    other = enrolled(office, "reviewer", number="4712")
    code, _, said = within("handover", "offer", item, "--to-person", "4712")
    assert (code, "may be each of 2" in said) == (2, True), said
    assert second.pseudonym in said
    assert f"{other.pseudonym} (reviewer)" in said
    code, _, said = within("handover", "offer", item)
    assert (code, f"handover {item} --to NUMBER" in said) == (2, True), said


def test_who_of_two_enrolments_is_suspended_already_is_not_taken_for_the_other(
    office: Desk, item: str, second: Actor
) -> None:
    again = enrolled(office, "officer", number="4712")
    assert within("person", "suspend", second.pseudonym)[0] == 0
    assert within("handover", "offer", item, "--to-person", "4712")[0] == 0
    offered = office.client.item(item).offer
    assert offered is not None
    assert offered.person == again.pseudonym


def test_service_numbers_are_told_to_colleagues_and_to_nobody_else(
    office: Desk, second: Actor
) -> None:
    officer = caller(office, second)
    asked = ["4711", office.person.certificate.pseudonym]
    found = colleagues.named(office.node, officer, asked)
    assert [one.number for one in found] == ["4711", "4711"]
    abroad = replace(officer, id=PersonId("RO-DIICOT", officer.id.pseudonym))
    assert colleagues.named(office.node, abroad, asked) == []
    for role in ("defence", "service"):
        outside = replace(officer, roles=frozenset({role, "officer"}))
        assert colleagues.named(office.node, outside, asked) == []
    assert colleagues.named(office.node, officer, ["a", "47", "zzzzzz", "4711@NL-POL"]) == []


def test_a_service_number_that_was_altered_hides_no_colleague(office: Desk, second: Actor) -> None:
    with office.node.records.write() as unit:
        row = unit.people.get(second.id)
        assert row is not None
        unit.people.put(replace(row, number=b"altered"))
    asked = [second.pseudonym, "4711"]
    found = colleagues.named(office.node, caller(office, second), asked)
    assert [one.number for one in found] == ["", "4711"]


def test_a_node_that_tells_no_names_shows_pseudonyms(
    office: Desk, item: str, second: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: object) -> None:
        raise DeniedError("not for you")

    monkeypatch.setattr(office.client, "names", refused)
    short = office.person.certificate.pseudonym[:8]
    assert f"held by  {short} of NL-POL" in within("show", item)[1]
