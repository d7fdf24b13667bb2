"""Clients that take connections and give nothing back: they keep neither others out nor the node
from ending. Over real sockets.
"""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
import uvicorn

import api.limits
import cli.node.connections
import cli.node.serving
from api import ratelimit
from api.proxies import trusted
from api.ratelimit import Rate
from cli.node.connections import Connections
from tests.support.desk import Desk
from tests.support.serving import served
from tests.support.waiting import wait_until

EACH = 8
BODY = b"POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
PAGES = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 60


def opened(address: tuple[str, int], sent: bytes = b"") -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    connection.settimeout(10)
    connection.connect(address)
    if sent:
        connection.sendall(sent)
    return connection


def test_nobody_is_refused_between_the_address_being_told_and_the_server_having_begun() -> None:
    """The file and the line that tell it are written first: a command that read them and was quick
    heard that nothing listens there.
    """
    with (
        cli.node.serving.listen("127.0.0.1", 0) as listener,
        opened(listener.getsockname()) as early,
    ):
        listener.settimeout(10)
        taken, address = listener.accept()
        with taken:
            assert address == early.getsockname()


def wait_until_stuck(server: uvicorn.Server) -> None:
    """Until answers wait that the system takes no more of."""
    wait_until(
        lambda: any(
            connection.transport.get_write_buffer_size()
            for connection in list(server.server_state.connections)
        )
    )


def wait_until_it_is_their_turn(server: uvicorn.Server) -> None:
    """Until nobody is being answered, nor will be without a further sign: whoever comes then finds
    silent ones alone.
    """

    def stays(one: Any) -> bool:
        asked_more = b"\r\n\r\n" in one.conn.trailing_data[0]
        return one.waits() and (one.flow.write_paused or not asked_more)

    wait_until(
        lambda: all(stays(connection) for connection in list(server.server_state.connections))
    )


def test_whoever_never_reads_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four clients asked for sixty pages each and read none: their connections, closed for uvicorn,
    were there for ever.
    """
    monkeypatch.setattr(api.limits, "PART_TIMEOUT", 0.5)
    with served(desk) as node, ExitStack() as held:
        for _ in range(4):
            held.enter_context(opened(node.address, PAGES))
        wait_until_stuck(node.server)
        wait_until(lambda: not node.server.server_state.connections, seconds=10)


def test_whoever_reads_slowly_gets_all_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long answer over a slow line takes longer than the time for a part of it."""
    monkeypatch.setattr(api.limits, "PART_TIMEOUT", 0.4)
    monkeypatch.setattr(cli.node.serving, "_STEP", 1024)
    with served(desk) as node, opened(node.address) as connection:
        size = len(httpx.get(f"{node.url}/openapi.json").content)
        connection.sendall(
            PAGES.replace(b"x\r\n\r\n", b"x\r\nConnection: close\r\n\r\n", 1)[
                : len(PAGES) // 60 + 19
            ]
        )
        begin, got = time.monotonic(), 0
        while part := connection.recv(2048):
            got += len(part)
            time.sleep(0.02)
        assert time.monotonic() - begin > 0.8
        assert got > size


@pytest.mark.parametrize("sent", [PAGES, BODY], ids=["reads nothing", "half a body"])
def test_a_client_does_not_keep_the_node_from_ending(
    sent: bytes, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After SIGTERM the node waited for it, with its home locked and its address in server.json."""
    monkeypatch.setattr(cli.node.serving, "END_TIMEOUT", 1)
    with served(desk) as node, opened(node.address, sent):
        if sent == PAGES:
            wait_until_stuck(node.server)
        else:  # the node has the head, and waits for the rest of the body
            wait_until(
                lambda: any(
                    connection.cycle for connection in list(node.server.server_state.connections)
                )
            )
        node.server.should_exit = True
        node.thread.join(8)
        assert not node.thread.is_alive()


def answered(url: str) -> int:
    """What a newcomer is answered; 0 where they do not get through."""
    try:
        return httpx.get(f"{url}/healthz", timeout=30).status_code
    except httpx.TransportError:
        return 0


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HT", BODY, PAGES],
    ids=["nothing", "half a head", "half a body", "reads nothing"],
)
def test_one_address_does_not_keep_others_out(
    sent: bytes, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """256 sockets that said nothing, and everybody else was told 503. Here others even come from
    the same address: what it may ask for in a second is not what is tried.
    """
    monkeypatch.setattr(ratelimit, "ADDRESS", Rate(10_000, 1000))
    with served(desk, Connections(each=EACH)) as node, ExitStack() as held:
        for _ in range(3 * EACH):
            held.enter_context(opened(node.address, sent))
            time.sleep(0.01)
        wait_until_it_is_their_turn(node.server)
        assert answered(node.url) == 200
        assert len(node.server.server_state.connections) <= EACH + 1


class Peer:
    def __init__(self, heard: float, *, waits: bool = True) -> None:
        self.heard, self._waits, self.ended = heard, waits, False

    def waits(self) -> bool:
        return self._waits

    def abort(self) -> None:
        self.ended = True


def test_the_longest_silent_goes_first_and_nobody_who_waits_for_the_node() -> None:
    connections = Connections(each=3, most=5)
    busy, old, young = Peer(1, waits=False), Peer(2), Peer(3)
    assert all(connections.admit(one, "10.0.0.1") for one in (busy, old, young))
    assert connections.admit(Peer(4, waits=False), "10.0.0.1")
    assert (busy.ended, old.ended, young.ended) == (False, True, False)
    assert connections.admit(Peer(5, waits=False), "10.0.0.1")
    assert young.ended
    assert not connections.admit(Peer(6), "10.0.0.1"), "all of its own are being answered"
    others = [Peer(7), Peer(8)]
    assert all(connections.admit(other, "10.0.0.2") for other in others)
    assert connections.admit(Peer(9), "10.0.0.3"), "the whole server is full: somebody silent goes"
    assert [other.ended for other in others] == [True, False]
    connections.leave(busy)
    assert connections.admit(Peer(10), "10.0.0.1")


def test_a_named_proxy_speaks_for_many_and_one_ipv6_network_is_one_address() -> None:
    connections = Connections(trusted(["10.0.0.5/32"], "x-forwarded-for"), each=2)
    assert all(connections.admit(Peer(n, waits=False), "10.0.0.5") for n in range(20))
    assert [connections.admit(Peer(n, waits=False), f"2001:db8::{n}") for n in range(3)] == [
        True,
        True,
        False,
    ]
    assert cli.node.connections.EACH * 4 <= cli.node.connections.MOST


def test_whoever_hangs_up_in_the_middle_of_a_body_is_no_error_of_the_node(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """A broken uplink, and any stranger, filled the log with failures that ask to be reported."""
    seen: list[int] = []
    desk.node.telemetry.request = lambda operation, status, seconds: seen.append(status)  # type: ignore[method-assign]
    with served(desk) as node:
        for _ in range(3):
            opened(node.address, BODY).close()
        wait_until(lambda: len(seen) >= 3, seconds=10)
    assert seen == [499] * 3
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


def test_what_a_stranger_sends_that_is_no_http_writes_no_lines_into_the_log(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    upgrade = (
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n"
    )
    with served(desk) as node:
        for sent in (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"\x16\x03\x01\r\n\r\n", upgrade):
            with opened(node.address, sent) as connection:
                while connection.recv(1 << 16):
                    pass
    assert caplog.records == []


def test_no_path_leads_to_an_address_that_the_request_names(desk: Desk) -> None:
    with served(desk) as node:
        for path in ("/v1/verify/", "/v1/agency/", "/docs/"):
            answer = httpx.get(node.url + path, headers={"Host": "elsewhere.example"})
            assert (answer.status_code, answer.headers.get("location")) == (404, None)
