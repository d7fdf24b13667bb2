"""Rows of a table, page by page behind the last key: where all are meant, none is cut off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from ledger.rows.unit_of_work import Database, UnitOfWork

SIZE: Final = 500
K = TypeVar("K")
R = TypeVar("R")


def every(
    records: Database,
    first: K,
    fetch: Callable[[UnitOfWork, K, int], list[R]],
    key: Callable[[R], K],
) -> Iterator[R]:
    """All rows, each page in a transaction of its own: whoever works on them meanwhile holds up
    nobody.

    Args:
        first: a key before all others. fetch: a page of so many rows behind a key, in the order of
            keys.
    """
    after = first
    while True:
        with records.read() as unit:
            rows = fetch(unit, after, SIZE)
        yield from rows
        if len(rows) < SIZE:
            return
        after = key(rows[-1])
