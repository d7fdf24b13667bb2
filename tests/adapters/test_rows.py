"""Rows: values that come back from the database as they were written, and are not written to."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, Boolean, Integer, LargeBinary

from ledger.adapters.database.engine import sqlite_url
from ledger.adapters.database.store import SqlRecords
from ledger.domain.identity.person import PersonId
from ledger.domain.item.custody_transitions import ItemState, Offer
from ledger.rows.items import ItemRow
from ledger.rows.table import TABLES, PersonType

WHO = PersonId("NL-POL", "a" * 26)
KINDS = list(TABLES.values())
STATE = ItemState("urn:1", "NL-POL", b"ref", "RO-POL", 3, b"head", 5)


def sample(column: Any, number: int) -> Any:
    """A value of a column, unlike those of its neighbours."""
    if isinstance(column.type, PersonType):
        return PersonId("NL-POL", f"{number:026}")
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, BigInteger):
        return (1 << 40) + number
    if isinstance(column.type, Integer):
        return number
    return bytes([number]) if isinstance(column.type, LargeBinary) else f"text {number}"


def row_of(kind: Any, *, empty: bool = False) -> Any:
    columns = kind.__table__.columns
    return kind(*(None if empty and c.nullable else sample(c, n) for n, c in enumerate(columns)))


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlRecords]:
    path: Path = tmp_path_factory.mktemp("rows") / "ledger.sqlite"
    made = SqlRecords(sqlite_url(path))
    yield made
    made.close()


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_row_comes_back_as_it_was_written_and_is_replaced_whole(
    records: SqlRecords, kind: Any, empty: bool
) -> None:
    row = row_of(kind, empty=empty)
    other = [field.name for field in fields(kind) if field.name not in kind.key()]
    with records.write() as unit:
        unit.tables._put(row)  # type: ignore[attr-defined]
    with records.write() as unit:
        assert unit.tables._find(kind) == [row]  # type: ignore[attr-defined]
        if other:
            changed = replace(row, **{other[-1]: sample(kind.__table__.c[other[-1]], 99)})
            unit.tables._keep(changed)  # type: ignore[attr-defined]
            assert unit.tables._find(kind) == [row]  # type: ignore[attr-defined]
            unit.tables._put(changed)  # type: ignore[attr-defined]
            assert unit.tables._find(kind) == [changed]  # type: ignore[attr-defined]
        unit.tables._drop(kind)  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_row_is_a_value(kind: Any) -> None:
    row = row_of(kind)
    assert row == row_of(kind)
    assert len({row, row_of(kind), pickle.loads(pickle.dumps(row))}) == 1
    with pytest.raises(FrozenInstanceError):
        setattr(row, fields(kind)[0].name, None)


@pytest.mark.parametrize(
    "offer", [None, Offer(b"d", "RO-POL"), Offer(b"d", "RO-POL", 9, "b" * 26)], ids=str
)
def test_where_custody_stands_is_taken_apart_and_put_together_alike(
    records: SqlRecords, offer: Offer | None
) -> None:
    state = replace(STATE, offer=offer)
    row = ItemRow.of(state, None, WHO, 1, b"log", 2)
    assert row.state == state
    assert row.at(STATE).at(state) == row
    gone_on = replace(row.at(replace(state, seq=4, closed=True)), cid=b"cid")
    assert (gone_on.state.seq, gone_on.closed, gone_on.cid, gone_on.opener) == (
        4,
        True,
        b"cid",
        WHO,
    )
    with records.write() as unit:
        unit.items.put(gone_on)
    with records.read() as unit:
        assert unit.items.get("urn:1") == gone_on
