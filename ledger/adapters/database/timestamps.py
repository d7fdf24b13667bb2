"""Tokens of time authorities, and revocation lists for them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from ledger.adapters.database.unit import Part
from ledger.rows.timestamps import TimeAuthorityListRow, TimeStampRow

_T = TimeStampRow.__table__.c
_L = TimeAuthorityListRow.__table__.c


class TimeStamps(Part):
    """Tokens of time authorities, and revocation lists for them."""

    def keep(self, row: TimeStampRow) -> None:
        self._put(row)

    def over(self, imprints: Sequence[bytes]) -> list[TimeStampRow]:
        order = (_T.size, _T.authority, _T.imprint)
        return self._rows(TimeStampRow, _T.imprint.in_(imprints), order=order)

    def stamped_from(self, log: bytes, size: int) -> int | None:
        beyond = (_T.log == log, _T.size >= size)
        rows = self._rows(TimeStampRow, *beyond, order=_T.size, limit=1)
        return rows[0].size if rows else None

    def newest(self) -> list[TimeStampRow]:
        self.flush(TimeStampRow)
        order = (_T.size.desc(), _T.time.desc())
        return [
            row
            for name in self._db.execute(select(_T.authority).distinct()).scalars().all()
            for row in self._rows(TimeStampRow, _T.authority == name, order=order, limit=1)
        ]

    def page(self, *, after: int = -1, limit: int = 100) -> list[TimeStampRow]:
        order = (_T.size, _T.time, _T.authority)
        return self._rows(TimeStampRow, _T.size > after, order=order, limit=limit)

    def said_since(self, time: int) -> list[TimeStampRow]:
        return self._rows(TimeStampRow, _T.time >= time, order=(_T.time, _T.authority))

    def count(self, authority: str) -> int:
        self.flush(TimeStampRow)
        query = select(func.count()).where(_T.authority == authority)
        return int(self._db.execute(query).scalar_one())

    def keep_list(self, row: TimeAuthorityListRow) -> None:
        self._keep(row)

    def lists(self, start: int, end: int) -> list[TimeAuthorityListRow]:
        within = (_L.issued >= start, _L.issued <= end)
        return self._rows(TimeAuthorityListRow, *within, order=(_L.issued, _L.digest))
