"""The node as a command talks to it: whoever stops the command is told what became of what it asked
for (see cli.interrupt).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from cli import interrupt
from ledger.adapters.node.client import NodeClient
from ledger.adapters.web.client import Answer
from ledger.client.offline import FieldNode
from ledger.domain.ports.answers import Queued, Registered

#: What is done once for each request and cannot be asked for again without doing it twice.
_ONCE: Final = ("/v1/people/", "/v1/enrolments", "/v1/custody-key")


class RecordingNode(NodeClient):
    """A node at an address."""

    def register(
        self, submissions: Sequence[dict[str, Any]], *, field: bool = False
    ) -> list[Registered]:
        """See clientports.NodeApi."""
        with interrupt.recording(len(submissions)):
            return super().register(submissions, field=field)

    def _send(self, method: str, path: str, **options: Any) -> Answer:
        if method == "GET" or not path.startswith(_ONCE):
            return super()._send(method, path, **options)
        with interrupt.recording(1):
            return super()._send(method, path, **options)


class RecordingField(FieldNode):
    """The queue of a folder without network."""

    def register(self, submissions: Sequence[dict[str, Any]]) -> list[Queued]:
        """See clientports.NodeApi."""
        with interrupt.recording(len(submissions)):
            return super().register(submissions)
