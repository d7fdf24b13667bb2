"""A node that lies about what is on record, to people who work with it in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from cli.node import session
from cli.node.recording import RecordingNode
from tests.support.actors import Actor, enrolled
from tests.support.desk import Desk

#: What becomes of an answer: another one, or None where it was changed in place.
Lie = Callable[[dict[str, Any]], Any]


def truth(found: dict[str, Any]) -> None:
    """No lie."""


class Lying(httpx.BaseTransport):
    """The node, but for what it says of records, of where an item stands, and of what was
    registered.
    """

    def __init__(self, honest: httpx.BaseTransport, colleague: Actor) -> None:
        self._honest = honest
        self.colleague = colleague
        self.record = self.item = self.listed = self.offer = self.registered = truth
        self.second = False  # whether the second person works with it

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._honest.handle_request(request)
        answer.read()
        lie = self._lie(request)
        if lie is truth or answer.status_code >= 400:
            return httpx.Response(
                answer.status_code, headers=answer.headers, content=answer.content
            )
        found = json.loads(answer.content)
        return httpx.Response(answer.status_code, json=lie(found) or found)

    def _lie(self, request: httpx.Request) -> Lie:
        path = request.url.path
        if path.endswith(("/details", "/record")):
            return self.record
        if path == "/v1/statements":
            return self.registered
        if path.endswith("/events"):
            return self.listed
        if path.endswith("/offer"):
            return self.offer
        return self.item if path.rpartition("/")[2].startswith("urn:uuid:") else truth


@pytest.fixture
def lying(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lying]:
    """The node of a desk, for the commands of its person and of a colleague."""
    colleague: Actor = enrolled(desk, "custodian", "reviewer")
    transport = Lying(desk.transport, colleague)

    @contextmanager
    def opened(**_: Any) -> Iterator[Any]:
        client, person = nodes[transport.second]
        yield SimpleNamespace(
            node=client, person=person, clock=desk.clock, served=True, home=None, used_case=""
        )

    monkeypatch.setattr(session, "open_session", opened)
    with (
        RecordingNode(
            "http://home", transport=transport, signer=desk.client._signer
        ) as node_client,
        RecordingNode("http://home", transport=transport, signer=colleague.client._signer) as other,
    ):
        nodes = {False: (node_client, desk.person), True: (other, colleague.person)}
        yield transport
