"""Who may act on an item: whoever knows its name and its head alone does nothing to it, and learns
nothing about it.
"""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.app import bootstrap, create_home
from ledger.client import handover
from ledger.client.handover import Terms
from ledger.client.retrieval import record_access
from ledger.client.upload import Options, Upload
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import DeniedError, NotFoundError, RuleError
from ledger.domain.event.types import TYPES
from ledger.domain.identity.roles import ROLES_BY_TYPE
from ledger.domain.item.parts import PARTS_BY_TYPE
from ledger.services.handovers import offers
from ledger.services.handovers.sync import Synced
from tests.support.actors import Actor, enrolled, item_of
from tests.support.desk import BASIS, PASSPHRASE, Desk

#: Roles that record everything between them, and see no item for being who they are.
UNSEEING = (
    "officer",
    "examiner",
    "reviewer",
    "prosecutor",
    "disclosure-officer",
    "court",
    "court-expert",
)
ABSENT = "urn:uuid:00000000-0000-4000-8000-000000000000"
DIGEST = "ab" * 32
SOON = format_time(int(time.time()) + 86400)
BODIES: dict[str, dict[str, Any]] = {
    "accessed": {"mode": "view"},
    "verified": {"result": "match"},
    "analysed": {"description": "x"},
    "identified": {"identifiers": [{"scheme": "case", "value": "1"}]},
    "moved": {"place": "x"},
    "dispatched": {"carrier": "x"},
    "released": {"counterparty": {"name": "x"}},
    "received": {"counterparty": {"name": "x"}},
    "sealed": {"number": "S-1"},
    "unsealed": {"number": "S-1"},
    "hold-placed": {"hold": "x"},
    "hold-released": {"hold": "x"},
    "restricted": {"handling": ["csam"]},
    "unrestricted": {"handling": ["csam"]},
    "disclosed": {"recipientKind": "court", "mode": "view"},
    "presented": {"court": "x"},
    "ruled": {"ruling": "admitted"},
    "corrected": {"target": DIGEST, "pointer": "/body/name", "new": "x", "reason": "x"},
    "incident": {"kind": "loss", "discovered": "2026-11-01T00:00:00Z"},
    "approved": {"target": DIGEST},
    "refused": {"target": DIGEST},
    "note": {"text": "x"},
    "transfer-offered": {"mode": "custody", "to": {"agency": "RO-DIICOT"}, "expires": SOON},
    "transfer-accepted": {"offer": DIGEST},
    "transfer-declined": {"offer": DIGEST, "reason": "x"},
    "transfer-withdrawn": {"offer": DIGEST, "reason": "x"},
    "transfer-expired": {"offer": DIGEST},
    "voided": {"reason": "x"},
}


@pytest.fixture(scope="module")
def desk(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The first person is officer and custodian; each test makes its own items."""
    with Desk(Path(shutil.copytree(founded, tmp_path_factory.mktemp("acting") / "home"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def stranger(desk: Desk) -> Actor:
    return enrolled(desk, *UNSEEING)


@pytest.fixture(scope="module")
def officer(desk: Desk) -> Actor:
    """Somebody who records items of their own."""
    return enrolled(desk, "officer", "examiner", number="4720")


@pytest.fixture(scope="module")
def custodian(desk: Desk) -> Actor:
    return enrolled(desk, "custodian")


def thing(actor: Actor, **body: Any) -> str:
    """A phone that somebody seized."""
    evidence = uuid.uuid4().urn
    status, answer = actor.submit(
        actor.opening("collected", {"description": "phone", **body}, evidence)
    )
    assert status == 201, answer
    return evidence


def photo(desk: Desk, tmp_path: Path, data: bytes = b"a face" * 500) -> str:
    (tmp_path / "photo.jpg").write_bytes(data)
    return desk.upload(tmp_path / "photo.jpg")[0].evidence


def offered(desk: Desk, evidence: str, to: Actor) -> None:
    handover.offer(
        desk.client,
        desk.person,
        desk.clock,
        evidence,
        Terms("NL-POL", int(time.time()) + 3600, person=to.pseudonym),
    )


def test_every_type_has_a_rule() -> None:
    assert set(PARTS_BY_TYPE) == set(ROLES_BY_TYPE) == set(TYPES)
    signable = {
        name
        for name in TYPES
        if ROLES_BY_TYPE[name] & set(UNSEEING) and TYPES[name].effect not in ("open", "agency")
    }
    assert signable == set(BODIES)


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


def _operations(desk: Desk) -> Iterator[tuple[str, str, str, Any]]:
    """(operation, method, path, body) of every route that takes an item or a statement, with {item}
    and {statement} still open.
    """
    bodies: dict[str, Any] = {
        "details": {"access": "0" * 64},
        "grants": {"access": "0" * 64},
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
    for name, method, path, body in _operations(officer.desk):
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
    assert custodian.client.item(hidden)["evidence"] == hidden


def test_lists_searches_and_duplicates_name_no_hidden_item(
    desk: Desk, stranger: Actor, tmp_path: Path
) -> None:
    hidden = photo(desk, tmp_path, b"only once")
    digest = desk.client.details(hidden, desk.access(hidden))[0]["document"]["body"]["digests"][
        "sha-256"
    ]
    assert stranger.client.duplicates(digest) == []
    assert hidden not in {one["evidence"] for one in stranger.client.items()}
    assert hidden in desk.client.duplicates(digest)


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
    from ledger.services.access.sessions import caller_of

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
    file, journal = tmp_path / "report.pdf", bootstrap.journal_of(tmp_path, desk.home.keyring)
    file.write_bytes(b"report")

    def derive(parent: str) -> tuple[str, str | None]:
        options = Options(body={"kind": "report", "parents": [parent]}, event_type="derived")
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
            stranger.client.lineage(evidence)["links"]
            == [{"parent": parent, "child": evidence, "kind": "part"}],
        )
    assert made[hidden] == made[ABSENT] == (201, True)
    assert officer.client.lineage(hidden)["links"] == []


def test_nobody_offers_to_themselves_under_whichever_name_or_number(
    desk: Desk, officer: Actor
) -> None:
    phone = thing(officer)
    twin = enrolled(desk, "officer", number=" ４７２０ ")  # noqa: RUF001  (the same service number, typed in full-width digits)
    gone = enrolled(desk, "officer")
    with desk.node.records.write() as unit:
        row = unit.person(gone.id)
        assert row is not None
        unit.put_person(replace(row, active=False))
    clerk = enrolled(desk, "administrator")
    for to in (
        {"agency": "NL-POL", "person": officer.pseudonym},
        {"agency": "NL-POL", "person": twin.pseudonym},
        {"agency": "NL-POL", "person": officer.pseudonym.upper()},
        {"agency": "NL-POL", "person": f" {officer.pseudonym}"},
        {"agency": "NL-POL", "person": gone.pseudonym},
        {"agency": "NL-POL", "person": clerk.pseudonym},
        {"agency": "NL-POL"},
        {"agency": "NL-POL", "unit": "west"},
    ):
        with pytest.raises(RuleError):
            officer.record(
                phone, "transfer-offered", {"mode": "custody", "to": to, "expires": SOON}
            )
    with pytest.raises(RuleError, match="themselves"):
        handover.offer(
            officer.client,
            officer.person,
            desk.clock,
            phone,
            Terms("NL-POL", int(time.time()) + 99, person=officer.pseudonym),
        )
    assert item_of(desk, phone).seq == 0


def test_an_offer_is_answered_by_whoever_is_asked_and_nobody_else(
    desk: Desk, officer: Actor, stranger: Actor, custodian: Actor
) -> None:
    phone, asked = thing(officer), enrolled(desk, "examiner")
    answer = officer.record(
        phone,
        "transfer-offered",
        {"mode": "custody", "to": {"agency": "NL-POL", "person": asked.pseudonym}, "expires": SOON},
    )
    body = {"offer": answer["statement"]}
    for event_type, more in (("transfer-accepted", {}), ("transfer-declined", {"reason": "x"})):
        with pytest.raises(NotFoundError):
            stranger.client.register([stranger.sign(event_type, {**body, **more}, phone)])
        for one in (officer, custodian):
            with pytest.raises(DeniedError, match="not for you"):
                one.record(phone, event_type, {**body, **more})
    with pytest.raises(DeniedError, match="not for you"):
        asked.record(phone, "transfer-withdrawn", {**body, "reason": "x"})
    refused = asked.sign("transfer-declined", {**body, "reason": "not mine"}, phone)
    first = asked.client.register([refused])[0]
    with pytest.raises(NotFoundError):
        asked.client.item(phone)
    again = asked.client.register([refused])[0]  # whose first answer was lost
    assert (again["repeated"], again["receipt"]) == (True, first["receipt"])
    assert asked.submit(asked.sign("note", {"text": "x"}, phone))[0] == 404


def test_whoever_refused_an_item_or_was_too_late_keeps_no_key_and_no_part(
    desk: Desk, tmp_path: Path
) -> None:
    item, asked = photo(desk, tmp_path), enrolled(desk, "examiner")
    offered(desk, item, asked)
    handover.withdraw(desk.client, desk.person, desk.clock, item, reason="somebody else takes it")
    with desk.node.records.read() as unit:
        assert unit.grants(item, "content", asked.person.hpke.public.digest) == []
    with pytest.raises(NotFoundError):
        asked.client.item(item)
    handover.share(
        desk.client, desk.person, desk.clock, item, with_person=asked.pseudonym, basis=BASIS
    )
    offered(desk, item, asked)
    handover.withdraw(desk.client, desk.person, desk.clock, item, reason="again")
    assert asked.client.item(item)["offer"] is None, "what was shared before stays shared"


def test_an_officer_who_handed_an_item_over_sees_its_record_and_does_nothing_more_with_the_item(
    desk: Desk, officer: Actor, custodian: Actor
) -> None:
    phone, taker = thing(officer), enrolled(desk, "examiner")
    handover.offer(
        officer.client,
        officer.person,
        desk.clock,
        phone,
        Terms("NL-POL", int(time.time()) + 3600, person=taker.pseudonym),
    )
    handover.accept(taker.client, taker.person, desk.clock, phone)
    assert phone in {one["evidence"] for one in taker.client.items()}
    access = record_access(
        officer.client, officer.person, desk.clock, phone, mode="view", basis=BASIS
    )
    assert officer.client.details(phone, access)[0]["document"]["type"] == "collected"
    officer.record(phone, "note", {"text": "the screen was cracked before"})
    for event_type in (
        "moved",
        "released",
        "sealed",
        "voided",
        "analysed",
        "approved",
        "transfer-withdrawn",
    ):
        with pytest.raises(DeniedError, match="not for you"):
            officer.record(phone, event_type, BODIES[event_type])
    with pytest.raises(DeniedError, match="not for you"):
        officer.record(
            phone,
            "transfer-offered",
            {
                **BODIES["transfer-offered"],
                "to": {"agency": "NL-POL", "person": custodian.pseudonym},
            },
        )
    taker.record(phone, "sealed", {"number": "S-9"})
    custodian.record(phone, "moved", {"place": "vault"})


def test_whom_an_item_was_shared_with_works_on_it_within_their_role_and_does_not_dispose_of_it(
    desk: Desk, tmp_path: Path
) -> None:
    item = photo(desk, tmp_path)
    lab, prosecutor = enrolled(desk, "examiner", "officer"), enrolled(desk, "prosecutor")
    for one in (lab, prosecutor):
        handover.share(
            desk.client, desk.person, desk.clock, item, with_person=one.pseudonym, basis=BASIS
        )
    lab.record(item, "analysed", {"description": "faces"})
    prosecutor.record(item, "hold-placed", {"hold": "appeal"})
    for event_type in ("moved", "voided", "transfer-offered"):
        with pytest.raises(DeniedError, match="not for you"):
            lab.record(item, event_type, BODIES[event_type])


def test_a_thing_is_shared_too_though_it_has_no_key(
    desk: Desk, officer: Actor, custodian: Actor
) -> None:
    phone, prosecutor = thing(officer), enrolled(desk, "prosecutor")
    with pytest.raises(NotFoundError):
        prosecutor.client.item(phone)
    handover.share(
        custodian.client,
        custodian.person,
        desk.clock,
        phone,
        with_person=prosecutor.pseudonym,
        basis=BASIS,
    )
    assert phone in {one["evidence"] for one in prosecutor.client.items()}
    prosecutor.record(phone, "hold-placed", {"hold": "appeal"})


def test_a_second_enrolment_does_not_make_a_second_person_of_anybody(tmp_path: Path) -> None:
    roles = ["administrator", "custodian", "officer"]
    create_home.found(
        tmp_path / "home", agency="NL-POL", person="K-17", roles=roles, passphrase=PASSPHRASE
    )
    with Desk(tmp_path / "home") as desk:
        item = photo(desk, tmp_path)
        twin = enrolled(
            desk, "custodian", "officer", number="\uff4b\u201117\u200b \ufe0f"
        )  # as it may be typed to look like another
        requested = desk.record(item, "disposal-requested", {"reason": "over"})["statement"]
        with pytest.raises(RuleError, match="themselves"):
            twin.record(item, "approved", {"target": requested})
        second = enrolled(desk, "custodian", number="K-18")
        second.record(item, "approved", {"target": requested})


def test_an_old_offer_inside_the_agency_that_names_nobody_is_taken_by_nobody(
    desk: Desk, officer: Actor
) -> None:
    from dataclasses import replace

    phone, other = thing(officer), enrolled(desk, "officer")
    to = {"agency": "NL-POL", "person": other.pseudonym}
    officer.record(phone, "transfer-offered", {"mode": "custody", "to": to, "expires": SOON})
    with desk.node.records.write() as unit:  # as an older version let it through
        row = unit.item(phone)
        assert row is not None
        assert row.state.offer is not None
        unit.put_item(
            replace(row, state=replace(row.state, offer=replace(row.state.offer, person=None)))
        )
    with pytest.raises(NotFoundError):
        other.client.incoming(phone)
    with pytest.raises(NotFoundError):
        other.client.register([other.sign("transfer-accepted", {"offer": DIGEST}, phone)])
