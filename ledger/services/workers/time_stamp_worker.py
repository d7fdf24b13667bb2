"""The node's background work with time authorities, a loop for each: one that is silent holds up
neither another nor anything else.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from ledger.domain.errors import CustodyError
from ledger.domain.ports.time_authority import TimeAuthorityApi
from ledger.services.node.context import Node
from ledger.services.node.supervision import Duty, Round, Worker
from ledger.services.timestamps import stamping

_SPACING: Final = 60.0  # seconds between two requests of one authority, at least
_LISTS: Final = 6 * 3600  # seconds between two looks for revocation lists
_LONGEST: Final = 3600.0  # seconds between two tries of what goes on failing


class TimeStampWorker(Worker):
    """Does nothing where the home names no time authority.

    Args:
        spacing: seconds between two requests of one authority.
    """

    def __init__(self, node: Node, spacing: float = _SPACING) -> None:
        self._node = node
        self._spacing = spacing
        self._looked: dict[str, int] = {}
        super().__init__(
            node,
            (
                Duty(
                    f"time-{api.authority.name}",
                    partial(self._round, api),
                    first=min(spacing, 1),
                    pause=max(spacing, 1.0),
                    longest=_LONGEST,
                )
                for api in stamping.asked(node)
            ),
        )

    def _round(self, api: TimeAuthorityApi) -> Round:
        try:
            stamping.stamp(self._node, api)
            self._fetch_lists(api)
        except CustodyError as error:
            error.hint = error.hint or "see: custody stamp list"
            raise
        return Round(self._spacing)

    def _fetch_lists(self, api: TimeAuthorityApi) -> None:
        name, now = api.authority.name, self._node.clock.now()
        if 0 <= now - self._looked.get(name, -_LISTS) < _LISTS:
            return
        self._looked[name] = now  # also where it fails: tokens do not wait for lists
        stamping.fetch_lists(self._node, api)
