"""Lists by what somebody looks for: what is hidden is in none, and what is sealed stays sealed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ledger.adapters.database import item_lists as conditions
from ledger.adapters.web.client import WebError
from ledger.domain.codecs.text import format_time
from ledger.rows.items import ItemFilter
from ledger.services.access import item_lists
from ledger.services.access.item_lists import Wanted
from ledger.services.access.sessions import caller_of
from tests.support.actors import Actor, enrolled
from tests.support.desk import BASIS, Desk
from tests.support.strangers import (  # noqa: F401  (fixtures)
    custodian,
    desk,
    officer,
    photo,
    stranger,
    thing,
)


def found(actor: Actor, **wanted: Any) -> list[str]:
    return [item.evidence for item in actor.client.find(**wanted)]


def opening(actor: Actor, evidence: str) -> str:
    """The digest of the statement that opened an item."""
    return next(iter(actor.client.events(evidence))).statement


def numbered(actor: Actor, case: str, exhibit: str) -> str:
    evidence = f"urn:uuid:{abs(hash((case, exhibit))) % 16**8:08x}-0000-4000-8000-00000000000a"
    identifiers = [{"scheme": "case", "value": case}, {"scheme": "exhibit", "value": exhibit}]
    signed = actor.opening(
        "collected", {"description": "x"}, evidence, members={"identifiers": identifiers}
    )
    assert actor.submit(signed)[0] == 201
    return evidence


def test_a_short_id_of_a_hidden_item_is_answered_as_one_that_no_item_has(
    officer: Actor, stranger: Actor
) -> None:
    hidden = thing(officer)
    digest = opening(officer, hidden)
    absent = "".join(f"{15 - int(digit, 16):x}" for digit in digest)
    for digits in (4, 8, 40, 64):
        asked = [
            stranger.raw("POST", "/v1/evidence/find", json={"beginning": one[:digits]})
            for one in (digest, absent)
        ]
        assert asked[0] == asked[1]
        assert found(officer, beginning=digest[:digits]) == [hidden]
    by_id = hidden.removeprefix("urn:uuid:")
    assert found(stranger, beginning=by_id[:8]) == []
    assert found(stranger, among=[hidden]) == []
    assert found(officer, beginning=by_id[:13]) == [hidden]


def test_a_short_id_names_an_item_by_the_statement_that_opened_it_and_by_no_later_one(
    officer: Actor,
) -> None:
    item = thing(officer)
    later = officer.record(item, "note", {"text": "x"}).statement
    assert found(officer, beginning=later[:16]) == []
    assert found(officer, beginning=opening(officer, item)[:16]) == [item]


def test_what_is_on_offer_to_somebody_is_found_by_its_short_id_before_they_take_it(
    desk: Desk, officer: Actor, stranger: Actor
) -> None:
    item = thing(officer)
    digest = opening(officer, item)
    taker = enrolled(desk, "examiner")
    to = {"agency": "NL-POL", "person": taker.pseudonym}
    expires = format_time(desk.clock.now() + 3600)
    body = {"to": to, "mode": "custody", "expires": expires}
    assert found(taker, beginning=digest[:8]) == []
    officer.record(item, "transfer-offered", body, {"basis": BASIS})
    assert found(taker, beginning=digest[:8]) == found(taker, among=[item]) == [item]
    assert found(taker, standing="offered") == [], "it stands in no list of theirs yet"
    assert found(stranger, beginning=digest[:8]) == []


@contextmanager
def counting(desk: Desk) -> Iterator[list[int]]:
    """Steps of the database, which no machine's mood changes."""
    steps = [0]

    def on_checkout(connection: Any, *_: Any) -> None:
        connection.set_progress_handler(lambda: steps.__setitem__(0, steps[0] + 1), 1)

    event.listen(desk.node.records._engine, "checkout", on_checkout)
    try:
        yield steps
    finally:
        event.remove(desk.node.records._engine, "checkout", on_checkout)


@pytest.mark.parametrize("by", ["short id", "whole id", "half id", "case", "text"])
def test_a_list_takes_no_longer_for_items_of_others_that_it_would_find(
    desk: Desk, officer: Actor, stranger: Actor, by: str
) -> None:
    thing(stranger)
    hidden = numbered(officer, "2026-9", f"C{by}")
    digits, short = hidden.removeprefix("urn:uuid:"), opening(officer, hidden)[:8]
    beside = short[:-1] + ("0" if short[-1] != "0" else "1")
    there, absent = {
        "short id": (
            ItemFilter(beginning=short),
            ItemFilter(beginning=beside),
        ),
        "whole id": (ItemFilter(beginning=digits), ItemFilter(beginning=digits[:-1] + "b")),
        "half id": (ItemFilter(beginning=digits[:14]), ItemFilter(beginning=digits[:13] + "9")),
    }.get(by, (ItemFilter(), ItemFilter()))
    numbers = [{by: one} if by in ("case", "text") else {} for one in ("2026-9", "2026-8")]
    counted = []
    with counting(desk) as steps:
        for clear, number in zip((there, absent), numbers, strict=True):
            stranger.client.status(chain=False)
            caller = caller_of(desk.node, stranger.client._token or "")
            assert caller is not None
            wanted = Wanted(clear, **number)
            with desk.node.records.read() as unit:
                steps[0] = 0
                rows, _ = item_lists.page(
                    desk.node, unit, caller, wanted, after=None, newest=False, limit=100
                )
                assert rows == []
                counted.append(steps[0])
    assert counted[0] == counted[1] > 0


def test_a_short_id_is_looked_up_in_an_index_and_no_table_is_read_through(desk: Desk) -> None:
    seen: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        seen.append((statement, parameters))

    engine = desk.node.records._engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        with desk.node.records.read() as unit:
            unit.items.filtered(
                ItemFilter(beginning="abcd"), after=None, newest=False, limit=9, person=None
            )
    finally:
        event.remove(engine, "before_cursor_execute", note)
    [(statement, parameters)] = [one for one in seen if "entry" in one[0]]
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    told = [str(row[-1]) for row in plan]
    assert any("entry" in line and "digest>" in line for line in told), told
    assert not [line for line in told if line.startswith("SCAN")], told


def test_whoever_only_watches_finds_nothing_by_numbers_and_lists_all_the_same(
    desk: Desk, officer: Actor
) -> None:
    """An auditor would learn from a search what a sealed document holds."""
    item = numbered(officer, "2026-71", "W1")
    watcher = enrolled(desk, "auditor")
    assert item in found(watcher)
    for wanted in ({"case": "2026-71"}, {"exhibit": "W1"}, {"text": "W1"}):
        assert found(watcher, **wanted) == []
        assert found(officer, **wanted) == [item]


def test_filters_leave_out_what_they_are_to_leave_out(
    desk: Desk, officer: Actor, custodian: Actor, tmp_path: Path
) -> None:
    own = numbered(officer, "2026-72", "F1")
    part = numbered(officer, "2026-72", "F1/1")
    whole = {"partOf": own, "description": "x"}
    piece = thing(officer, **whole)
    file = photo(desk, tmp_path, b"file of 72" * 99)
    assert found(officer, case=" 2026-72 ", exhibit="f1") == [own, part]
    assert found(officer, case="2026-72", exhibit="F1/1") == [part]
    assert found(officer, text="f1", case="2026-73") == []
    assert piece in found(officer, kind="part")
    assert own not in found(officer, kind="part")
    assert own in found(officer, kind="thing")
    assert found(custodian, kind="file", among=[own, file]) == [file]
    me = officer.pseudonym
    assert found(custodian, opener=me, among=[own, file]) == [own]
    assert found(custodian, holder=me, among=[own, file]) == [own]
    assert found(custodian, custodian="RO-DIICOT") == []
    now = desk.clock.now()
    assert found(custodian, since=now + 60) == []
    assert found(custodian, until=now + 60, among=[own]) == [own]
    assert found(custodian, until=now - 3600) == []
    officer.record(own, "voided", {"reason": "test"})
    assert found(officer, standing="closed", among=[own, part]) == [own]
    assert found(officer, standing="open", among=[own, part]) == [part]
    assert found(officer, case="2026-72", newest=True) == [part, own]


@pytest.mark.parametrize("newest", [False, True])
def test_what_stands_behind_many_items_that_do_not_fit_is_found_all_the_same(
    officer: Actor, monkeypatch: pytest.MonkeyPatch, newest: bool
) -> None:
    """A page looks at so many items at most, and an empty one is no end."""
    monkeypatch.setattr(conditions, "LOOKED_AT", 2)
    monkeypatch.setattr("ledger.adapters.node.finding._PAGE", 2)
    whole = numbered(officer, "2026-74", f"L{newest}")
    fitting = []
    for _ in range(3):
        fitting.append(thing(officer, partOf=whole))
        for _ in range(5):
            thing(officer)
    told = found(officer, kind="part", newest=newest)
    assert [item for item in told if item in fitting] == (fitting[::-1] if newest else fitting)


@pytest.mark.parametrize("newest", [False, True])
def test_a_node_whose_list_never_ends_keeps_nobody_turning_pages(
    officer: Actor, monkeypatch: pytest.MonkeyPatch, newest: bool
) -> None:
    monkeypatch.setattr(officer.client, "_ask", lambda *_, **__: {"items": [], "next": 7})
    with pytest.raises(WebError, match="a list that does not go on"):
        found(officer, newest=newest)
