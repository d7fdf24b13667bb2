"""Time from others: tokens of time authorities over this agency's checkpoints."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Final

from fastapi import APIRouter, Query

from api.deps import CallerDep, GuardedRoute, NodeDep
from api.schemas_timestamps import StampedOut, TimeStampOut, TimeStampsOut
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import CustodyError
from ledger.rows.timestamps import TimeStampRow
from ledger.services.timestamps import stamping

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["agency"])
_PAGE: Final = 100


@router.post("/timestamps", operation_id="stamp")
def stamp(node: NodeDep, caller: CallerDep) -> StampedOut:
    """Ask every time authority for a token over the newest final checkpoint, where it has none
    yet; `problems` says of each authority that gave none why.
    """
    made, problems = [], {}
    asked = stamping.asked(node)
    for api in asked:
        try:
            row = stamping.stamp(node, api)
        except CustodyError as error:
            problems[api.authority.name] = error.message
            continue
        with suppress(CustodyError):  # the worker goes on trying, and tells
            stamping.fetch_lists(node, api)
        if row is not None:
            made.append(_out(row))
    return StampedOut(
        authorities=[api.authority.name for api in asked],
        stamps=made,
        problems=problems,
    )


@router.get("/timestamps", operation_id="list_timestamps")
def list_timestamps(
    node: NodeDep, caller: CallerDep, after: Annotated[int, Query(ge=-1, lt=1 << 48)] = -1
) -> TimeStampsOut:
    """Tokens in the order of checkpoints, those over more than `after` entries; `next`, where there
    are more, is the `after` of the page behind.
    """
    with node.records.read() as unit:
        rows = unit.timestamps.page(after=after, limit=_PAGE)
        if len(rows) == _PAGE and rows[0].size != rows[-1].size:
            # A page ends with a checkpoint: the rest of its tokens is in the next one.
            rows = [row for row in rows if row.size != rows[-1].size]
            return TimeStampsOut(stamps=[_out(row) for row in rows], next=rows[-1].size)
    return TimeStampsOut(stamps=[_out(row) for row in rows], next=None)


def _out(row: TimeStampRow) -> TimeStampOut:
    return TimeStampOut(authority=row.authority, size=row.size, time=format_time(row.time))
