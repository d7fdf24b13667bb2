"""An item with a long history: what it costs does not keep others from writing, and what is judged
is the history as it is, not as it was when it was read.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ledger.adapters.database.unit import Part
from ledger.domain.bundle import bundle as bundles
from ledger.domain.codecs.text import from_b64url
from ledger.domain.errors import NotFoundError, RuleError
from ledger.domain.log import statement as statements
from ledger.domain.ports.answers import LoggedEvent
from ledger.domain.untrusted.shapes import COUNT, Maybe
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.records import documents, foreign_history
from tests.support.actors import Actor, enrolled, item_of
from tests.support.desk import Desk

HOLD = {"hold": "appeal"}


@pytest.fixture
def item(desk: Desk, tmp_path: Path) -> str:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"a face")
    [done] = desk.upload(path)
    return done.evidence


def noted(desk: Desk, evidence: str, events: int) -> None:
    """So many notes more, in one batch."""
    actor, state = Actor(desk, desk.person, desk.client, None), item_of(desk, evidence)
    batch, head = [], state.head
    for number in range(events):
        signed = actor.sign("note", {"text": "x"}, evidence, seq=state.seq + 1 + number, prev=head)
        batch.append(signed)
        head = digest_of(signed)
    desk.client.register(batch)


def digest_of(submission: dict[str, Any]) -> bytes:
    return statements.parse(from_b64url(submission["statement"], what="statement")).digest


@contextmanager
def queries(desk: Desk) -> Iterator[list[str]]:
    """SQL that the node runs meanwhile."""
    found: list[str] = []
    engine = desk.node.records._engine

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)


@contextmanager
def before_writing(desk: Desk, work: Callable[[], None]) -> Iterator[None]:
    """Do something once, when the node has judged what it could and is about to append."""
    records, todo = desk.node.records, [work]
    write = records.write

    @contextmanager
    def writing() -> Iterator[UnitOfWork]:
        if todo:
            todo.pop()()
        with write() as unit:
            yield unit

    records.write = writing
    try:
        yield
    finally:
        del records.write
    assert not todo


def test_a_long_history_takes_no_more_queries_and_its_key_is_opened_once(
    desk: Desk, item: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bytes] = []
    key = type(desk.node.keys.hpkes[0])
    whole = key.open
    monkeypatch.setattr(
        key, "open", lambda self, grant: (opened.append(b""), whole(self, grant))[1]
    )
    costs = []
    for number, more in enumerate((1, 80)):
        noted(desk, item, more)
        opened.clear()
        with queries(desk) as run:
            desk.record(item, "hold-placed", {"hold": f"h{number}"})
        costs.append((len(run), len(opened)))
    assert costs[0] == costs[1]


def test_a_history_is_not_read_while_others_wait_to_write(
    desk: Desk, item: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted(desk, item, 20)
    writing, read = [False], list[tuple[bool, int]]()
    write, whole = desk.node.records.write, documents.read_events

    @contextmanager
    def watched() -> Iterator[UnitOfWork]:
        with write() as unit:
            writing[0] = True
            try:
                yield unit
            finally:
                writing[0] = False

    def reading(node: Any, unit: UnitOfWork, rows: Any) -> Any:
        read.append((writing[0], len(rows)))
        return whole(node, unit, rows)

    monkeypatch.setattr(desk.node.records, "write", watched)
    monkeypatch.setattr(documents, "read_events", reading)
    desk.record(item, "hold-placed", HOLD)
    assert read == [(False, 21), (True, 0)]


def test_what_was_recorded_since_the_history_was_read_decides_too(desk: Desk, item: str) -> None:
    """Signed ahead by one person, the second hold is sent before the first one is in the log."""
    actor = Actor(desk, desk.person, desk.client, None)
    first = actor.sign("hold-placed", HOLD, item)
    second = actor.sign("hold-placed", HOLD, item, seq=2, prev=digest_of(first))
    with (
        before_writing(desk, lambda: desk.client.register([first])),
        pytest.raises(RuleError, match="in force already"),
    ):
        desk.client.register([second])
    assert item_of(desk, item).seq == 1


def test_an_item_in_which_somebody_has_no_part_is_not_read_for_them(
    desk: Desk, item: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that it takes would tell that it exists."""
    stranger = enrolled(desk, "officer", number="4712")
    read: list[str] = []
    monkeypatch.setattr(documents, "read_events", lambda *_: read.append("read") or iter(()))
    sent = stranger.sign(
        "corrected", {"target": "00" * 32, "pointer": "/body/name", "new": "x", "reason": "x"}, item
    )
    with pytest.raises(NotFoundError, match="no such item"):
        stranger.client.register([sent])
    assert not read


def test_a_thousand_named_items_take_no_more_queries_than_a_few(desk: Desk) -> None:
    """Each was asked for by itself, four queries for each, while nobody else could write."""
    actor = Actor(desk, desk.person, desk.client, None)
    named = [uuid.uuid4().urn for _ in range(60)]
    desk.client.register([actor.opening("collected", {"description": "x"}, one) for one in named])
    costs = []
    for photos in (named[:3], named):
        body = {"description": "x", "photos": photos}
        sent = [actor.opening("collected", body, uuid.uuid4().urn) for _ in range(2)]
        with queries(desk) as run:
            desk.client.register(sent)
        costs.append(len(run))
    assert costs[0] == costs[1]


def test_a_page_of_events_reads_no_more_rows_of_a_longer_history(
    desk: Desk, item: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, whole = list[int](), Part._read

    def reading(self: Part, kind: Any, *more: Any) -> Any:
        found = whole(self, kind, *more)
        rows.append(len(found) if kind is EntryRow else 0)
        return found

    monkeypatch.setattr(Part, "_read", reading)
    costs = []
    for more in (20, 60):
        noted(desk, item, more)
        rows.clear()
        assert page(desk, item, after=4)["next"] == 14
        costs.append(sum(rows))
    assert costs[0] == costs[1] <= 12


def test_no_event_falls_between_two_pages_where_two_stand_at_one_seq(desk: Desk, item: str) -> None:
    """As after a handover that ended otherwise than was signed here."""
    noted(desk, item, 20)
    with desk.node.records.write() as unit:
        row = unit.logs.events(item)[9]
        other = replace(row, log=bytes(32), digest=bytes(32), entry=b"", void=True)
        unit.logs.add_entries([other])
    found, after = list[dict[str, Any]](), -1
    while after is not None:
        answer = page(desk, item, after=after)
        found += answer["events"]
        after = answer["next"]
    assert [(one.seq, one.void) for one in found if one.seq in (8, 9, 10)] == [
        (8, False), (9, False), (9, True), (10, False),
    ]  # fmt: skip
    assert len(found) == 22


def test_what_came_with_an_item_is_parsed_once_for_all_pages(
    desk: Desk, item: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partner decides how long the record is."""
    desk.anchor()
    data, parsed, whole = desk.bundle(item), list[int](), bundles.parse
    monkeypatch.setattr(bundles, "parse", lambda raw: (parsed.append(len(raw)), whole(raw))[1])
    with desk.node.records.write() as unit:
        unit.transfers.put_inherited(item, data)
        first = unit.checkpoints.covering(desk.node.log_id, 1)
        [row] = unit.logs.events(item)
    for _ in range(3):
        with desk.node.records.read() as unit:
            came = replace(row, log=bytes(32))
            assert foreign_history.proven_times(desk.node, unit, [came, row]) == [first.time] * 2
    assert parsed == [len(data)]


def page(desk: Desk, evidence: str, *, after: int) -> Any:
    """One page of ten events, as the API gives it."""
    return desk.client._ask(
        "GET",
        f"/v1/evidence/{evidence}/events",
        {"events": [LoggedEvent], "next": Maybe(COUNT)},
        params={"after": after, "limit": 10},
    )
