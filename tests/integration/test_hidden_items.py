"""Items that somebody must not know of: one answer, on every route, for hidden and absent."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ledger.app import field_folder
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import RuleError
from ledger.domain.ports.answers import Link
from ledger.services.access import authorization, lineage
from ledger.services.access.sessions import caller_of
from ledger.services.handovers import offers
from ledger.services.handovers.sync import Synced
from ledger.services.records import record_keys
from tests.support.actors import Actor, enrolled, item_of
from tests.support.desk import BASIS, Desk
from tests.support.strangers import (  # noqa: F401  (fixtures)
    BODIES,
    DIGEST,
    SOON,
    UNSEEING,
    custodian,
    desk,
    officer,
    photo,
    stranger,
    thing,
)

ABSENT = "urn:uuid:00000000-0000-4000-8000-000000000000"


def test_an_officer_who_knows_urn_and_head_records_nothing_of_any_type_and_is_told_as_of_an_absent_item(
    officer: Actor, stranger: Actor
) -> None:
    hidden = thing(officer)
    state = item_of(officer.desk, hidden)
    for event_type, body in BODIES.items():
        members = {"members": {"basis": BASIS}} if event_type == "accessed" else {}
        places = [
            (state.seq + 1, state.head),
            (state.seq + 7, state.head),
            (state.seq + 1, b"\x07" * 32),
        ]
        for seq, prev in places:
            answers = [
                stranger.submit(stranger.sign(event_type, body, one, seq=seq, prev=prev, **members))
                for one in (hidden, ABSENT)
            ]
            assert answers[0] == answers[1], (event_type, answers)
            assert answers[0][0] == 404, (event_type, answers)
    assert item_of(officer.desk, hidden) == state


def test_one_hidden_item_refuses_a_whole_batch_with_the_same_words(
    officer: Actor, stranger: Actor
) -> None:
    hidden, own = thing(officer), thing(stranger)
    good = stranger.sign("note", {"text": "mine"}, own)
    head = item_of(officer.desk, hidden).head
    answers = [
        stranger.submit(good, stranger.sign("note", {"text": "x"}, one, seq=1, prev=head))
        for one in (hidden, ABSENT)
    ]
    assert answers[0] == answers[1]
    assert item_of(stranger.desk, own).seq == 0


def test_an_item_is_not_opened_under_the_name_of_a_hidden_one_and_nothing_of_it_is_told(
    officer: Actor, stranger: Actor
) -> None:
    hidden = thing(officer)
    officer.record(hidden, "note", {"text": "x"})
    status, answer = stranger.submit(
        stranger.opening("collected", {"description": "an impostor"}, hidden)
    )
    assert status == 409
    assert b"known under that name" in answer
    assert item_of(officer.desk, hidden).seq == 1


def operations(desk: Desk) -> Iterator[tuple[str, str, str, Any]]:
    """(operation, method, path, body) of every route that takes an item or a statement, with {item}
    and {statement} still open.
    """
    bodies: dict[str, Any] = {
        "details": {"access": "0" * 64},
        "grants": {"access": "0" * 64},
        "rehearse": {"document": "e30"},
        "bundle": {"access": "0" * 64},
        "set_copies": {"copies": 0},
        "copy_taken": {"copy": "{item}"},
        "tell_copy": {"copy": "{item}"},
    }
    for path, methods in desk.app.openapi()["paths"].items():
        for method, operation in methods.items():
            name = operation["operationId"]
            if "{evidence}" in path or "{statement}" in path or name in bodies:
                yield name, method.upper(), path.replace("{agency}", "RO-DIICOT"), bodies.get(name)


def test_hidden_and_absent_items_are_one_answer_on_every_route_and_malformed_ones_are_refused(
    officer: Actor, stranger: Actor, custodian: Actor
) -> None:
    hidden = thing(officer)
    statement = item_of(officer.desk, hidden).head.hex()
    pairs = {
        "hidden": (hidden, statement),
        "absent": (ABSENT, "cd" * 32),
        "malformed": ("urn:uuid:nonsense", "xyz"),
    }
    found = {}
    for name, method, path, body in operations(officer.desk):
        answers = {}
        for which, (item, digest) in pairs.items():
            filled = path.replace("{evidence}", item).replace("{statement}", digest)
            sent = {"copy": item} if body is not None and "copy" in body else body
            query = "?mode=view" if name == "readable" else ""
            answers[which] = stranger.raw(
                method, filled + query, **({"json": sent} if sent is not None else {})
            )
        assert answers["hidden"] == answers["absent"], (name, answers)
        assert 400 <= answers["hidden"][0] < 500, (name, answers)
        assert 400 <= answers["malformed"][0] < 500, (name, answers)
        if answers["hidden"][0] != 403:
            assert answers["malformed"][0] == 400, (name, answers)
        found[name] = answers["hidden"]
    asked = {
        "show_evidence",
        "list_events",
        "readable",
        "rehearse",
        "details",
        "grants",
        "content",
        "bundle",
        "lineage",
        "disposal",
        "check_fixity",
    }
    assert asked | {
        "incoming",
        "incoming_content",
        "receipt",
        "copy_record",
        "copy_range",
        "copy_taken",
        "parcel",
    } <= set(found)
    assert {found[name] for name in (*asked, "receipt")} == {found["show_evidence"]}, (
        "one answer, whatever the route"
    )
    assert custodian.client.item(hidden).evidence == hidden


def test_lists_searches_and_duplicates_name_no_hidden_item(
    desk: Desk, stranger: Actor, tmp_path: Path
) -> None:
    hidden = photo(desk, tmp_path, b"only once")
    digest = desk.client.details(hidden, desk.access(hidden))[0].document["body"]["digests"][
        "sha-256"
    ]
    assert stranger.client.duplicates(digest) == []
    assert hidden not in {item.evidence for item in stranger.client.items()}
    assert hidden in desk.client.duplicates(digest)


def test_whoever_only_watches_finds_no_item_by_what_its_documents_say(
    desk: Desk, tmp_path: Path
) -> None:
    """A search by a case number, or a file at hand, tells what a sealed document holds."""
    file, case = tmp_path / "photo.jpg", {"scheme": "case", "value": "2026-117"}
    file.write_bytes(b"only once")
    [done] = desk.upload(file, options=UploadOptions(members={"identifiers": [case]}))
    item, digest = done.evidence, sha256(b"only once").hexdigest()
    for number, roles in enumerate((["administrator", "examiner"], ["auditor", "officer"])):
        watcher = enrolled(desk, *roles, number=f"470{number}")
        assert item in {item.evidence for item in watcher.client.items()}
        assert watcher.client.search("case", "2026-117") == []
        assert watcher.client.duplicates(digest) == []
    journal = field_folder.journal_of(tmp_path, desk.home.keyring)
    run = Upload(watcher.person, watcher.client, journal, desk.clock, UploadOptions())
    [mine] = run.run([file])
    assert mine.duplicates == ()
    assert watcher.client.duplicates(digest) == [mine.evidence]
    for number, roles in enumerate((["custodian"], ["custodian", "auditor"])):
        keeper = enrolled(desk, *roles, number=f"480{number}")
        assert item in keeper.client.duplicates(digest)
        assert keeper.client.search("case", "2026-117") == [item]


def test_a_search_finds_all_items_of_a_case_however_many_pages_they_are(
    officer: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It told the first 500 of a case, and nothing of there being more."""
    monkeypatch.setattr("api.routes.lists._FOUND", 3)
    members = {"identifiers": [{"scheme": "case", "value": "2026-555"}]}
    named, body = [uuid.uuid4().urn for _ in range(7)], {"description": "phone"}
    sent = [officer.opening("collected", body, one, members=members) for one in named]
    assert officer.submit(*sent)[0] == 201
    assert officer.client.search("case", "2026-555") == named


def test_a_search_takes_no_longer_for_the_items_of_others_that_it_would_find(
    desk: Desk, officer: Actor, stranger: Actor
) -> None:
    """Counted in steps of the database, which no machine's mood changes."""
    node, steps, counted = desk.node, [0], list[int]()

    def on_checkout(connection: Any, *_: Any) -> None:
        connection.set_progress_handler(lambda: steps.__setitem__(0, steps[0] + 1), 1)

    event.listen(node.records._engine, "checkout", on_checkout)
    token = record_keys.identifier_token(node, "case", "2026-999")
    thing(stranger)
    thing(officer)
    mine = {item.evidence for item in stranger.client.items()}
    try:
        for _ in range(2):
            caller = caller_of(node, stranger.client._token or "")
            with node.records.read() as unit:
                steps[0] = 0
                assert not authorization.visible_items(node, unit, caller, limit=500, token=token)
                counted.append(steps[0])
            with node.records.write() as unit:
                items = unit.items.page(after=-1, limit=500, person=None, evidence=None)
                for item in {item.evidence for item in items} - mine:
                    unit.items.put_token(token, item)
    finally:
        event.remove(node.records._engine, "checkout", on_checkout)
    assert counted[0] == counted[1] > 0


def test_a_round_of_exchange_names_no_hidden_item_to_whoever_starts_it(
    officer: Actor, stranger: Actor, custodian: Actor
) -> None:
    hidden = thing(officer)
    done = Synced(
        [hidden],
        [hidden],
        {hidden: "does not verify", ABSENT: "does not verify", "RO-DIICOT": "does not answer"},
    )
    node = officer.desk.node

    def seen(actor: Actor) -> Synced:
        actor.client.status(chain=False)
        caller = caller_of(node, actor.client._token or "")
        assert caller is not None
        return offers.shown(node, caller, done)

    assert seen(stranger) == Synced([], [], {"RO-DIICOT": "does not answer"})
    assert seen(custodian) == done
    assert seen(officer).received == [hidden]


@pytest.mark.parametrize(
    ("event_type", "member"),
    [("collected", "photos"), ("analysed", "outputs"), ("voided", "replacement")],
)
def test_a_hidden_item_is_not_drawn_in_by_its_name(
    officer: Actor, stranger: Actor, event_type: str, member: str
) -> None:
    hidden, own = thing(officer), thing(stranger)

    def answer(actor: Actor, named: str) -> tuple[int, bytes]:
        value: Any = named if member == "replacement" else [named]
        if event_type == "collected":
            return actor.submit(
                actor.opening("collected", {"description": "x", member: value}, uuid.uuid4().urn)
            )
        extra = {"description": "x"} if event_type == "analysed" else {"reason": "x"}
        return actor.submit(actor.sign(event_type, {**extra, member: value}, own))

    assert answer(stranger, hidden) == answer(stranger, ABSENT)
    assert answer(stranger, hidden)[0] == 409
    other = thing(stranger)
    assert answer(stranger, other)[0] == 201


def test_nothing_is_derived_from_a_hidden_item(
    desk: Desk, officer: Actor, stranger: Actor, tmp_path: Path
) -> None:
    file, journal = tmp_path / "report.pdf", field_folder.journal_of(tmp_path, desk.home.keyring)
    file.write_bytes(b"report")

    def derive(parent: str) -> tuple[str, str | None]:
        options = UploadOptions(body={"kind": "report", "parents": [parent]}, event_type="derived")
        try:
            list(Upload(stranger.person, stranger.client, journal, desk.clock, options).run([file]))
        except RuleError as error:
            return error.message, error.hint
        return "recorded", None

    assert derive(thing(officer)) == derive(ABSENT) != ("recorded", None)
    assert derive(thing(stranger)) == ("recorded", None)


def test_items_opened_in_one_batch_may_name_one_another(stranger: Actor) -> None:
    first, second = uuid.uuid4().urn, uuid.uuid4().urn
    batch = [
        stranger.opening("collected", {"description": "photo of it"}, first),
        stranger.opening("collected", {"description": "phone", "photos": [first]}, second),
    ]
    assert stranger.submit(*batch)[0] == 201


def test_what_somebody_says_their_item_is_part_of_shows_nothing_and_reaches_no_hidden_item(
    officer: Actor, stranger: Actor
) -> None:
    hidden = thing(officer)
    made = {}
    for parent in (hidden, ABSENT):
        evidence = uuid.uuid4().urn
        status, _ = stranger.submit(
            stranger.opening("collected", {"description": "x", "partOf": parent}, evidence)
        )
        made[parent] = (
            status,
            stranger.client.lineage(evidence).links == (Link(parent, evidence, "part"),),
        )
    assert made[hidden] == made[ABSENT] == (201, True)
    assert officer.client.lineage(hidden).links == ()


def test_what_strangers_say_came_from_an_item_hides_nothing_that_did(
    officer: Actor, stranger: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an item is part of is anybody's word: five hundred of them were all that was looked
    at.
    """
    monkeypatch.setattr(lineage, "_LIMIT", 3)
    parent, own = thing(officer), "urn:uuid:ffffffff-ffff-4fff-bfff-fffffffffff0"
    body = {"description": "x", "partOf": parent}
    claimed = [f"urn:uuid:00000000-0000-4000-8000-00000000000{number}" for number in range(4)]
    assert stranger.submit(*(stranger.opening("collected", body, one) for one in claimed))[0] == 201
    assert officer.submit(officer.opening("collected", body, own))[0] == 201
    assert officer.client.lineage(parent).links == (Link(parent, own, "part"),)


def test_offers_of_others_cost_nothing_and_ones_own_are_told_page_by_page(
    officer: Actor, stranger: Actor, custodian: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each offer of anybody's was judged by itself, for everybody who asked what waits for them."""
    offered, expires = [], format_time(officer.desk.clock.now() + 3600)
    to = {"agency": "NL-POL", "person": custodian.pseudonym}
    for _ in range(3):
        offered.append(thing(officer))
        body = {"to": to, "mode": "custody", "expires": expires}
        officer.record(offered[-1], "transfer-offered", body, {"basis": BASIS})
    judged, whole = list[str](), authorization.parts_of

    def judging(node: Any, unit: Any, caller: Any, evidence: str, item: Any) -> Any:
        judged.append(evidence)
        return whole(node, unit, caller, evidence, item)

    monkeypatch.setattr(authorization, "parts_of", judging)
    monkeypatch.setattr("ledger.adapters.node.finding._PAGE", 2)
    assert not set(offered) & {handover.evidence for handover in stranger.client.handovers()}
    assert not set(offered) & set(judged)
    for whose in (officer, custodian):
        assert [handover.evidence for handover in whose.client.handovers()][-3:] == offered
