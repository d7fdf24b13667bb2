"""Bodies of what waits for somebody."""

from __future__ import annotations

from api.schemas import Strict


class WaitingOut(Strict):
    """Something that waits; see `ledger/services/inbox/waiting.py`. ``evidence`` is None where it
    is about no single item; ``told`` and ``hint``: what the node says of its own matters.
    """

    kind: str
    evidence: str | None
    subject: str
    count: int
    since: str | None
    due: str | None
    told: str
    hint: str


class ChangedOut(Strict):
    """An item of which others recorded something since the caller looked."""

    evidence: str
    count: int
    time: str


class InboxOut(Strict):
    """A page: ``size`` is how many entries the log has now, to be sent as `since` at the next look;
    ``looked``: items that were looked at; ``next``: behind which the next page begins.
    """

    waiting: list[WaitingOut]
    changed: list[ChangedOut]
    size: int
    looked: int
    next: int | None
