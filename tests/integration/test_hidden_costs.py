"""Hidden and absent items cost the same look-ups: how long an answer takes tells nothing either."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as listening
from sqlalchemy.engine import Engine

from ledger.domain.errors import NotFoundError
from ledger.rows.handovers import DisclosedCopyRow
from ledger.services.handovers import disclosed_copies, erasure, outgoing_parcels
from tests.integration.test_hidden_items import ABSENT, operations
from tests.support.actors import Actor, item_of
from tests.support.desk import BASIS, Desk
from tests.support.disposals import dispose
from tests.support.strangers import BODIES, desk, photo, stranger  # noqa: F401  (fixtures)


@contextmanager
def looking() -> Iterator[list[str]]:
    """The queries that are made meanwhile."""
    asked: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        asked.append(statement)

    listening.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        listening.remove(Engine, "before_cursor_execute", note)


def cost(call: Callable[[], object]) -> tuple[object, list[str]]:
    with looking() as asked:
        answer = call()
    assert asked
    return answer, asked


@pytest.fixture
def hidden(desk: Desk, tmp_path: Path) -> str:
    """An item with keys and several events, of which strangers must not know."""
    item = photo(desk, tmp_path, tmp_path.name.encode() * 99)
    desk.record(item, "note", {"text": "x"})
    return item


def test_every_route_asks_the_same_for_a_hidden_and_an_absent_item(
    desk: Desk, stranger: Actor, hidden: str
) -> None:
    stranger.client.status(chain=False)
    pairs = ((hidden, item_of(desk, hidden).head.hex()), (ABSENT, "cd" * 32))
    for name, method, path, body in operations(desk):
        found = []
        for item, statement in pairs:
            filled = path.replace("{evidence}", item).replace("{statement}", statement)
            sent = None if body is None else {**body, **({"copy": item} if "copy" in body else {})}
            if sent is not None and "access" in sent:
                sent["access"] = statement
            query = "?mode=view" if name == "readable" else ""
            options = {"json": sent} if sent is not None else {}
            found.append(
                cost(lambda f=filled + query, o=options, m=method: stranger.raw(m, f, **o))  # type: ignore[misc]
            )
        assert found[0] == found[1], name


def test_every_event_asks_the_same_of_a_hidden_and_an_absent_item(
    desk: Desk, stranger: Actor, hidden: str
) -> None:
    state = item_of(desk, hidden)
    desk.node.standings["RO-DIICOT"] = desk.clock.now()  # the registry was asked just now
    for event_type, body in BODIES.items():
        members = {"members": {"basis": BASIS}} if event_type == "accessed" else {}
        found = []
        for item in (hidden, ABSENT):
            signed = stranger.sign(
                event_type, body, item, seq=state.seq + 1, prev=state.head, **members
            )
            found.append(cost(lambda signed=signed: stranger.submit(signed)))  # type: ignore[misc]
        assert found[0] == found[1], event_type


def test_another_agencys_node_finds_no_item_by_how_long_a_refusal_takes(
    desk: Desk, hidden: str, tmp_path: Path
) -> None:
    gone = photo(desk, tmp_path, b"gone" * 99)
    dispose(desk, gone)
    erasure.settle(desk.node)
    given = b"\x08" * 32
    with desk.node.records.write() as unit:
        unit.copies.put(DisclosedCopyRow(given, hidden, "US-FBI", desk.clock.now() + 99))
    with desk.node.records.read() as unit:

        def refused(ask: Callable[[], object]) -> list[str]:
            def call() -> None:
                with pytest.raises(NotFoundError):
                    ask()

            return cost(call)[1]

        for ask in (
            lambda item: erasure.closing(desk.node, "RO-DIICOT", item),
            lambda item: outgoing_parcels.shared(desk.node, unit, "RO-DIICOT", item),
            lambda item: outgoing_parcels.require_offered(desk.node, unit, "RO-DIICOT", item),
        ):
            asked = [refused(lambda item=item: ask(item)) for item in (gone, hidden, ABSENT)]  # type: ignore[misc]  # noqa: B023
            assert asked[0] == asked[1] == asked[2]
        asked = [
            refused(
                lambda one=one: disclosed_copies.require_given(desk.node, unit, "RO-DIICOT", one)
            )  # type: ignore[misc]
            for one in (given, b"\x07" * 32)
        ]
        assert asked[0] == asked[1]
