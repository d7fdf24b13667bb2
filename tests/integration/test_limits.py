"""A node under people who want it to fall, over real sockets: too large, too slow, too often."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from http.client import HTTPResponse
from pathlib import Path
from select import select
from typing import Any

import httpx
import pytest

import api.limits
import cli.node.serving
from api.concurrency import Lane, lanes
from api.limits import VERIFY_LIMIT, Held
from api.ratelimit import ADDRESS, LOGIN, SESSION, RateLimiter
from ledger.domain.errors import BusyError
from ledger.domain.ipld import car
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from tests.support import proofs
from tests.support.desk import Desk
from tests.support.serving import served

SLOW = 0.6


@pytest.fixture
def address(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    monkeypatch.setattr(api.limits, "PART_TIMEOUT", SLOW)
    monkeypatch.setattr(api.limits, "BODY_TIMEOUT", 2 * SLOW)
    monkeypatch.setattr(cli.node.serving, "HEAD_TIMEOUT", SLOW)
    with served(desk) as node:
        yield node.address


def exchange(address: tuple[str, int], *parts: bytes, pause: float = 0.0) -> bytes:
    """Send parts, with pauses until there is an answer, then read until the node ends the connection."""
    with socket.create_connection(address, timeout=10) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                if pause and select([connection], [], [], pause)[0]:
                    break
        except OSError:
            pass  # cut off while sending
        answer = b""
        try:
            while data := connection.recv(65536):
                answer += data
        except ConnectionResetError:
            pass
        return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def session(desk: Desk, method: str, path: str) -> dict[str, str]:
    desk.client.missing([])
    return desk.client.prove(method, path)


def test_answers_do_not_wait_for_acknowledgements_of_the_network(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Nagle's algorithm on, every single answer came 40 ms late."""
    found: list[int] = []
    made = cli.node.serving.PatientProtocol.connection_made

    def looked(self: cli.node.serving.PatientProtocol, transport: Any) -> None:
        found.append(
            transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        )
        made(self, transport)

    monkeypatch.setattr(cli.node.serving.PatientProtocol, "connection_made", looked)
    exchange(address, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert found == [1]


def test_a_head_that_never_ends_is_cut_off(address: tuple[str, int]) -> None:
    start = time.monotonic()
    assert (
        exchange(address, b"GET /v1/agency HTTP/1.1\r\nHost: x\r\n", *[b"X: y\r\n"] * 40, pause=0.1)
        == b""
    )
    assert time.monotonic() - start < 40 * 0.1 + 2


def test_a_connection_that_says_nothing_is_cut_off(address: tuple[str, int]) -> None:
    assert exchange(address) == b""


def test_a_second_head_that_never_ends_is_cut_off_too(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(b"GET /v1/agency HTTP/1.1\r\nHost: x\r\n\r\n")
        first = HTTPResponse(connection)
        first.begin()
        assert (first.status, bool(first.read())) == (200, True)
        start = time.monotonic()
        with suppress(OSError):  # cut off while sending
            while time.monotonic() - start < 20 * SLOW:
                connection.sendall(b"G")
                if select([connection], [], [], 0.1)[0] and not connection.recv(1):
                    break
        assert time.monotonic() - start < 20 * SLOW


def test_a_body_that_never_arrives_is_cut_off(address: tuple[str, int]) -> None:
    head = b"POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    answer = exchange(address, head, b"{")
    assert status_of(answer) == 408
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "too-slow"


def test_a_body_that_drips_is_cut_off_in_the_end(address: tuple[str, int]) -> None:
    head = b"POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    assert status_of(exchange(address, head, *[b" "] * 30, pause=0.1)) == 408


def test_a_body_over_the_limit_is_refused_declared_or_not(
    address: tuple[str, int], desk: Desk
) -> None:
    def head() -> bytes:
        lines = "".join(
            f"{name}: {value}\r\n" for name, value in session(desk, "PUT", "/v1/blocks").items()
        )
        return b"PUT /v1/blocks HTTP/1.1\r\nHost: x\r\n" + lines.encode()

    assert status_of(exchange(address, head() + b"Content-Length: 99999999999\r\n\r\n")) == 413
    assert status_of(
        exchange(address, head() + b"Content-Length: 9999999999999999999999999\r\n\r\n")
    ) in (400, 413)
    chunk = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    assert (
        status_of(exchange(address, head() + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 12))
        == 413
    )


def test_whoever_may_not_send_blocks_is_refused_before_sending_them(
    address: tuple[str, int],
) -> None:
    head = b"PUT /v1/blocks HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4000000\r\n\r\n"
    assert status_of(exchange(address, head)) == 401


def test_a_segment_of_tiny_blocks_is_refused_before_they_are_stored(
    desk: Desk, http: httpx.Client
) -> None:
    """Two hundred thousand in eight megabytes took twenty times that in memory, and the store for
    a quarter of a minute.
    """

    def sent(count: int, size: int) -> httpx.Response:
        made = (number.to_bytes(4, "big") * (size // 4) for number in range(count))
        data = car.header([]) + b"".join(car.section(Block(cids.of(one), one)) for one in made)
        return http.put("/v1/blocks", content=data, headers=headers)

    headers = {
        "Authorization": proofs.remember_session(desk.client),
        "Content-Type": "application/vnd.ipld.car",
    }
    assert sent(2_000, 4).status_code == 400
    assert desk.client.missing([cids.of(bytes(4))]) == [cids.of(bytes(4))]
    assert sent(1_000, 4112).json() == {"stored": 1_000}, "of a thousand small files"
    assert sent(30, 4).json() == {"stored": 30}, "the last ones of a few larger files"


def test_long_paths_and_headers_are_refused(address: tuple[str, int]) -> None:
    url = "http://{}:{}".format(*address)
    for path, headers, status in (
        ("/v1/agency?" + "x" * 3000, {}, 414),
        ("/" + "x" * 3000, {}, 414),
        ("/v1/agency", {"X-Long": "y" * 20_000}, 431),
    ):
        answer = httpx.get(url + path, headers=headers, timeout=10)
        assert answer.status_code == status
        assert set(answer.json()["error"]) == {"code", "message", "hint", "step"}
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert status_of(
        exchange(
            address, b"GET /v1/agency HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"
        )
    ) in (400, 431)


def test_an_answer_that_nobody_reads_does_not_hold_the_node(
    address: tuple[str, int], desk: Desk
) -> None:
    """More connections than the node has patience for, none of them reading."""
    held = []
    for _ in range(20):
        connection = socket.create_connection(address, timeout=10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        held.append(connection)
    answer = httpx.get("http://{}:{}/v1/agency".format(*address), timeout=10)
    assert answer.status_code == 200
    for connection in held:
        connection.close()


def test_too_many_logins_are_told_to_come_later(address: tuple[str, int]) -> None:
    url = "http://{}:{}/v1/login/challenge".format(*address)
    with httpx.Client() as http:
        answers = [http.post(url) for _ in range(int(LOGIN.burst) + 5)]
        assert [answer.status_code for answer in answers[: int(LOGIN.burst)]] == [200] * int(
            LOGIN.burst
        )
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1
        assert answers[-1].json()["error"]["code"] == "too-many"
        assert http.get("http://{}:{}/v1/agency".format(*address)).status_code == 200, (
            "other calls have a bucket of their own"
        )


def test_the_page_of_a_node_is_counted_like_every_call_of_a_stranger(
    address: tuple[str, int],
) -> None:
    url = "http://{}:{}/".format(*address)
    with httpx.Client() as http:
        assert 429 in [http.get(url).status_code for _ in range(int(ADDRESS.burst) * 3)]


def test_nobody_passes_for_the_commands_own_calls(address: tuple[str, int]) -> None:
    """Their exemption is no address: a header that a proxy may set must not give it to a stranger."""
    url = "http://{}:{}/v1/login/challenge".format(*address)
    with httpx.Client(headers={"X-Forwarded-For": "custody.local", "Custody.Local": "1"}) as http:
        assert [http.post(url).status_code for _ in range(int(LOGIN.burst) + 5)][-1] == 429


def test_buckets_fill_again_are_apart_and_bounded() -> None:
    now = [0.0]
    limiter = RateLimiter(lambda: now[0])

    def scope(path: str, *, token: str = "", client: str = "1.2.3.4") -> dict[str, object]:
        headers = [(b"authorization", token.encode())] if token else []
        return {"path": path, "headers": headers, "client": (client, 1)}

    limiter.know(b"a")
    limiter.know(b"b")
    for _ in range(int(SESSION.burst)):
        assert limiter.wait(scope("/v1/evidence", token="a")) == 0
    assert limiter.wait(scope("/v1/evidence", token="a")) == 1
    assert limiter.wait(scope("/v1/evidence", token="b")) == 0, (
        "one session does not use up another's"
    )
    assert limiter.wait(scope("/v1/agency", token="")) == 0
    now[0] += 1
    assert limiter.wait(scope("/v1/evidence", token="a")) == 0
    for number in range(30_000):
        limiter.wait(scope("/v1/agency", client=f"10.0.{number // 256}.{number % 256}"))
    assert len(limiter._buckets._left) <= 10_000
    assert limiter.wait(scope("/v1/login", client="6.6.6.6")) == 0
    made_up = [
        limiter.wait(scope("/v1/evidence", token=f"t{number}", client="6.6.6.6"))
        for number in range(30_000)
    ]
    assert made_up.count(0) == int(ADDRESS.burst), "whoever makes tokens up has what a stranger has"
    assert (
        sum(limiter.wait(scope("/v1/login", client="6.6.6.6")) == 0 for _ in range(50))
        < LOGIN.burst
    ), "and forgets no bucket by it"


def test_guests_who_call_without_end_leave_our_own_people_their_places() -> None:
    """One access is good for an hour of bundles: two hundred calls kept everybody from `status`."""

    async def stay(lane: Lane, agency: str) -> None:
        async with lane.place(agency):
            await asyncio.sleep(60)

    async def run(lane: Lane) -> None:
        guests = [
            asyncio.ensure_future(stay(lane, agency))
            for agency in ("US-HSI", "RO-DIICOT")
            for _ in range(100)
        ]
        await asyncio.sleep(0)
        for own in ("NL-POL", "NL-POL", ""):
            async with asyncio.timeout(1), lane.place(own):
                pass
        for guest in guests:
            guest.cancel()
        refused = await asyncio.gather(*guests, return_exceptions=True)
        assert sum(isinstance(refusal, BusyError) for refusal in refused) > 150, refused

    found = lanes("NL-POL")
    for name in ("bundle", "content", "incoming_content", "status"):
        asyncio.run(run(found[name]))


def test_a_person_who_calls_without_end_leaves_colleagues_their_places() -> None:
    """Histories of thousands of events, asked for without end, kept everybody from recording."""

    async def stay(lane: Lane, person: str) -> None:
        async with lane.place("NL-POL", person):
            await asyncio.sleep(60)

    async def run(lane: Lane) -> None:
        heavy = [asyncio.ensure_future(stay(lane, "heavy")) for _ in range(200)]
        await asyncio.sleep(0)
        async with asyncio.timeout(1), lane.place("NL-POL", "colleague"):
            pass
        for one in heavy:
            one.cancel()
        refused = await asyncio.gather(*heavy, return_exceptions=True)
        assert sum(isinstance(refusal, BusyError) for refusal in refused) > 140, refused

    found = lanes("NL-POL")
    assert found["register"] is not found["details"] is found["rehearse"]
    for name in ("details", "grants", "register", "bundle", "content", "list_evidence"):
        asyncio.run(run(found[name]))


def test_an_agency_that_calls_without_end_leaves_others_their_places() -> None:
    """One session on forty connections kept an agency's own people from their node."""
    found = lanes("NL-POL")
    assert found["parcel"] is not found["status"]
    assert found["offered_content"] is not found["content"]
    assert found["readiness"] is not found["trust_root"]
    lane = found["parcel"]
    assert found["tell_copy"] is lane

    async def run() -> None:
        async with AsyncExitStack() as stack:
            for _ in range(lane.at_once // 2):
                await stack.enter_async_context(lane.place("US-HSI"))
            waiting = [asyncio.ensure_future(_hold(lane, "US-HSI")) for _ in range(100)]
            await asyncio.sleep(0)
            async with lane.place("RO-DIICOT"), lane.place("RO-DIICOT"):
                pass
            for pending in waiting:
                pending.cancel()
            refused = await asyncio.gather(*waiting, return_exceptions=True)
            assert sum(isinstance(refusal, BusyError) for refusal in refused) > 80

    asyncio.run(run())


async def _hold(lane: Lane, agency: str) -> None:
    async with lane.place(agency):
        pass


def test_bodies_that_one_address_does_not_end_leave_room_for_bundles_of_others() -> None:
    held = Held()
    assert held.add("6.6.6.6", VERIFY_LIMIT)
    assert not held.add("6.6.6.6", 1)
    held.add("6.6.6.6", -1)
    assert held.add("1.2.3.4", VERIFY_LIMIT)
    held.add("6.6.6.6", -VERIFY_LIMIT)
    assert held.add("6.6.6.6", 1)


def test_a_body_of_opening_brackets_ends_no_process(tmp_path: Path) -> None:
    """Libraries of the chain raise the recursion limit so far that the parser's stack overflows: an
    anonymous request killed the node.
    """
    code = """
from contextlib import suppress
import ledger.adapters.chain.local, ledger.adapters.chain.rpc
from ledger.adapters.chain import contracts
with suppress(AttributeError):  # imports what signs
    contracts.sign_transaction(None, b"", to=None, data=b"", gas=0, nonce=0)
from fastapi import FastAPI
from cli.node.in_process_transport import InProcess
from ledger.adapters.web.client import ANYWHERE, Web
from pydantic import BaseModel
class Body(BaseModel):
    answer: str
app = FastAPI()
@app.post("/login")
def login(body: Body) -> None: ...
with InProcess(app) as transport:
    web = Web("http://home", who="the node", reach=ANYWHERE, transport=transport)
    print(web.call("POST", "/login", limit=10000, content=b"[" * 500_000, headers={"Content-Type": "application/json"}).status)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) in {(0, "400"), (0, "422")}, done.stderr[-500:]
