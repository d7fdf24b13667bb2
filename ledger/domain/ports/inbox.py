"""What a node answers about what waits for somebody; see answers for how."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from ledger.domain.ports.answers import Count, Evidence, Time

_KIND: Final = re.compile(r"[a-z]{1,20}(?:-[a-z]{1,20}){0,3}")


@dataclass(frozen=True, slots=True)
class WaitingLine:
    """Something that waits: for ``evidence``, or about the person or the duty ``subject``; one line
    stands for ``count`` of the kind. ``told`` and ``hint``: the node's own words.
    """

    kind: Annotated[str, _KIND]
    evidence: Evidence | None
    subject: str
    count: Count
    since: Time | None
    due: Time | None
    told: str
    hint: str


@dataclass(frozen=True, slots=True)
class ChangedItem:
    """An item of which others recorded ``count`` events since the last look."""

    evidence: Evidence
    count: Count
    time: Time


@dataclass(frozen=True, slots=True)
class InboxPage:
    """A page of what waits and what changed; ``size``: entries in the log now; ``looked``: items
    that were looked at; ``next``: behind which the next page begins.
    """

    waiting: tuple[WaitingLine, ...]
    changed: tuple[ChangedItem, ...]
    size: Count
    looked: Count
    next: Count | None
