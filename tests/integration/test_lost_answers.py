"""An act whose answer was lost on the way is recorded once, or it is said that nobody knows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpcore
import httpx
import pytest

from ledger.adapters.node.client import NodeClient
from ledger.client import physical_items
from ledger.client.reading import retrieval
from ledger.domain.errors import NetworkError, RuleError, UnconfirmedError
from tests.support.desk import Desk


class Cut(httpx.BaseTransport):
    """A way to the node on which the next ``lost`` answers to statements are lost, or ``refused``
    connections do not come about.
    """

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.lost = self.refused = self.asked = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/statements":
            self.asked += 1
            if self.refused:
                self.refused -= 1
                raise httpcore.ConnectError
            answer = self._inner.handle_request(request)
            if self.lost:
                self.lost -= 1
                answer.read()
                raise httpcore.ReadError
            return answer
        return self._inner.handle_request(request)


@pytest.fixture
def desk(founded: Path, tmp_path: Path) -> Iterator[Desk]:
    with Desk(Path(shutil.copytree(founded, tmp_path / "home"))) as opened:
        yield opened


@pytest.fixture
def cut(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[NodeClient, Cut]]:
    way = Cut(desk.transport)
    keyring = desk.home.keyring
    signer = lambda: (keyring.signing_key("person"), keyring.get("person-certificate"))  # noqa: E731
    monkeypatch.setattr("ledger.adapters.node.client._AGAIN", (0.0, 0.0, None))
    with NodeClient("http://home", transport=way, signer=signer) as client:
        yield client, way


def seized(desk: Desk, client: NodeClient) -> str:
    body = {"description": "knife"}
    return str(physical_items.collect(client, desk.person, desk.clock, body, {}).evidence)


def test_a_thing_seized_is_one_item_though_the_answer_was_lost(
    desk: Desk, cut: tuple[NodeClient, Cut]
) -> None:
    client, way = cut
    way.lost = 2
    evidence = seized(desk, client)
    assert [item.evidence for item in desk.client.items()] == [evidence]
    way.lost = 1
    retrieval.record(client, desk.person, desk.clock, evidence, "note", {"text": "seen"})
    assert len(list(desk.client.events(evidence))) == 2


def test_where_every_answer_is_lost_nobody_is_told_to_try_again(
    desk: Desk, cut: tuple[NodeClient, Cut]
) -> None:
    client, way = cut
    way.lost = 99
    with pytest.raises(UnconfirmedError, match="is not known") as told:
        seized(desk, client)
    assert "look whether it is there" in str(told.value.hint)
    assert len(list(desk.client.items())) == 1
    assert way.asked == 3


def test_where_no_connection_came_about_nothing_was_recorded_and_that_is_said(
    desk: Desk, cut: tuple[NodeClient, Cut]
) -> None:
    client, way = cut
    way.refused = 99
    with pytest.raises(NetworkError) as told:
        seized(desk, client)
    assert not isinstance(told.value, UnconfirmedError)
    assert list(desk.client.items()) == []


def test_a_refusal_is_no_lost_answer(desk: Desk, cut: tuple[NodeClient, Cut]) -> None:
    client, way = cut
    evidence = seized(desk, client)
    way.asked, way.lost = 0, 1
    with pytest.raises(RuleError):
        retrieval.record(client, desk.person, desk.clock, evidence, "unsealed", {"number": "S-9"})
    assert way.asked == 2
