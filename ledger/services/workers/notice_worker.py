"""The node's notices by e-mail, under supervision as its other background work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ledger.services.inbox.notices import DUTY, Notices
from ledger.services.node.context import Node
from ledger.services.node.supervision import Duty, Round, Worker

_CHECK: Final = 60.0  # seconds between two looks
_FIRST: Final = 30.0  # and after a failure, doubled up to a minute
_SEE: Final = "see whom and by which server: custody notices list (stop the node first)"


class NoticeWorker(Worker):
    """One duty. What fails for one person keeps nobody else from being told."""

    def __init__(self, node: Node, opened: Callable[[], Notices | None]) -> None:
        """What is set and was told is read in the first round: where that fails, it is told as
        every failure is, and the node serves all the same.
        """
        self._node, self._open = node, opened
        self._notices: Notices | None = None
        super().__init__(node, (Duty(DUTY, self.round, first=_CHECK, pause=_FIRST),))

    def round(self) -> Round:
        """Tell what is new."""
        if self._notices is None:
            self._notices = self._open()
        if self._notices is None:
            return Round(_CHECK)
        problems = self._notices.round(self._node, self.stopping.is_set)
        return Round(_CHECK, "; ".join(problems), _SEE if problems else "")
