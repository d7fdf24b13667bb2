"""What waits for whoever asks, and what changed since they looked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import CallerDep, GuardedRoute, NodeDep
from api.schemas_inbox import ChangedOut, InboxOut, WaitingOut
from ledger.domain.codecs.text import format_time
from ledger.services.inbox import looking

router = APIRouter(route_class=GuardedRoute, prefix="/v1", tags=["inbox"])


@router.get("/inbox", operation_id="inbox")
def inbox(
    node: NodeDep,
    caller: CallerDep,
    after: Annotated[int, Query(ge=-1, lt=1 << 63)] = -1,
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
    since: Annotated[int | None, Query(ge=0, lt=1 << 63)] = None,
) -> InboxOut:
    """A page over the items that the caller may see; the first one also has what is about no single
    item. `since`: the size that the log had at the last look.
    """
    found = looking.look(node, caller, after=after, limit=limit, since=since)
    return InboxOut(
        waiting=[
            WaitingOut(
                kind=one.kind,
                evidence=one.evidence or None,
                subject=one.subject,
                count=one.count,
                since=_told(one.since),
                due=_told(one.due),
                told=one.told,
                hint=one.hint,
            )
            for one in found.waiting
        ],
        changed=[
            ChangedOut(evidence=one.evidence, count=one.count, time=format_time(one.time))
            for one in found.changed
        ],
        size=found.size,
        looked=found.looked,
        next=found.next,
    )


def _told(time: int | None) -> str | None:
    return None if time is None else format_time(time)
