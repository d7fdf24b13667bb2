"""Time stamps that go into a bundle: this agency's own, and those that came with a record from
another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

from ledger.domain.bundle.bundle import Bundle, BundledStatement, BundledTimestamp
from ledger.domain.errors import CustodyError
from ledger.domain.timestamps import tokens
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.timestamps import stamping


def stamped(unit: UnitOfWork, assembled: Bundle, inherited: Bundle | None) -> Bundle:
    """A bundle with every token that is known over its checkpoints, and over those tokens."""
    notes = [sha256(checkpoint.note).digest() for checkpoint in assembled.checkpoints]
    checkpoints = {digest: number for number, digest in enumerate(notes)}
    rows: list[BundledTimestamp] = []
    places: dict[bytes, int] = {}
    own = [row.token for row in stamping.tokens_over(unit, notes)]
    given = [row.token for row in inherited.timestamps] if inherited is not None else []
    for der, imprint in _read(own + given):
        if sha256(der).digest() in places:
            continue
        if imprint in checkpoints:
            row = BundledTimestamp(checkpoints[imprint], None, der)
        elif imprint in places:
            row = BundledTimestamp(None, places[imprint], der)
        else:
            continue  # over a checkpoint that this bundle does not show
        places[sha256(der).digest()] = len(rows)
        rows.append(row)
    lists = dict.fromkeys(stamping.lists_for(unit, [row.token for row in rows]))
    if inherited is not None and rows:
        lists |= dict.fromkeys(inherited.timestamp_lists)
    return replace(assembled, timestamps=tuple(rows), timestamp_lists=tuple(lists))


def stamped_size(given: Bundle, bundled: BundledStatement) -> int | None:
    """The size of the smallest checkpoint of a bundle that a token is over and that covers an
    event; None where there is none.
    """
    sizes = [
        checkpoint.size
        for row in given.timestamps
        if row.checkpoint is not None
        and (checkpoint := given.checkpoints[row.checkpoint]).log == bundled.log
        and bundled.index < checkpoint.size
    ]
    return min(sizes, default=None)


def _read(ders: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Tokens with what they stamp; one that cannot be read goes into no bundle of ours."""
    for der in ders:
        try:
            yield der, tokens.parse(der).imprint
        except CustodyError:
            continue
