"""Whatever others do not answer: the node's own routes answer at once, and nobody is asked for
somebody who has proven nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import anyio.to_thread
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

import api.concurrency
import api.limits
from api import ratelimit
from api.access import ROUTES
from api.concurrency import RESERVE, THREADS, lanes
from api.lockout import LockOut
from api.ratelimit import Rate
from ledger.adapters.node.partner import PartnerClient
from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.errors import BusyError, CustodyError, NetworkError, NotFoundError
from ledger.domain.identity import login
from ledger.domain.identity.names import log_urn
from ledger.services.handovers import disclosed_copies
from ledger.services.node.certificate_authority import Authority, new_pseudonym
from ledger.services.node.outbound_calls import Callouts
from ledger.services.partners import directory
from tests.support import consortium
from tests.support.consortium import NL, RO, Consortium
from tests.support.desk import Desk
from tests.support.serving import served
from tests.support.waiting import wait_until


class Stalled:
    """A server that takes every call and says nothing until it is let go."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*_: Any) -> Any:
            self.asked.append(name)
            self.go.wait(60)
            raise NetworkError("it was let go")

        return call


@contextmanager
def silent(both: Consortium, *, ago: int = 120) -> Iterator[Stalled]:
    """RO does not answer NL any more, and was last looked at so many seconds ago."""
    node, stalled = both[NL].node, Stalled()
    honest, callouts = node.reach, node.callouts
    node.reach = lambda url: stalled if url == consortium.address(RO) else honest(url)
    node.callouts = Callouts()
    _checked(both, ago)
    try:
        yield stalled
    finally:
        stalled.go.set()
        node.reach, node.callouts = honest, callouts
        _checked(both, 0)


def _checked(both: Consortium, ago: int) -> None:
    node = both[NL].node
    with node.records.write() as unit:
        row = unit.partners.get(RO)
        assert row is not None
        unit.partners.put(replace(row, checked=node.clock.now() - ago))


def visitor(both: Consortium) -> PartnerClient:
    """RO's own node, which comes to NL."""
    keys = both[RO].node.keys
    return PartnerClient(
        "http://home",
        transport=both[NL].transport,
        signer=lambda: (keys.service, keys.service_certificate.der),
        logs=lambda: {log_urn(both[NL].node.log_id)},
    )


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "_PATIENCE", 0.3)
    monkeypatch.setattr(ratelimit, "LOGIN", Rate(10_000, 1000))
    monkeypatch.setattr(ratelimit, "_COSTLY", {})


def self_made(url: str, http: httpx.Client) -> bytes:
    """A login with a good challenge, by a certificate of an authority that somebody made up under
    RO's name.
    """
    now = int(time.time())
    key = ec.generate_private_key(ec.SECP256R1())
    authority = Authority.found(RO, now - 1000)
    der = authority.issue(
        key.public_key(),
        agency=RO,
        pseudonym=new_pseudonym(),
        roles=["officer"],
        service=False,
        now=now - 500,
    )
    given = http.post(f"{url}/v1/login/challenge").json()
    nonce = from_b64url(given["nonce"], what="challenge")
    return login.sign(
        key, server=given["server"], nonce=nonce, expires=given["expires"], certificate=der
    )


@pytest.mark.usefixtures("patient")
def test_nobody_is_asked_for_a_stranger_who_names_a_slow_partner(both: Consortium) -> None:
    with (
        silent(both) as stalled,
        served(both[NL]) as node,
        httpx.Client(timeout=20) as http,
        ThreadPoolExecutor(30) as pool,
    ):
        answers = [self_made(node.url, http) for _ in range(30)]
        sent = [
            pool.submit(
                httpx.post, f"{node.url}/v1/login", json={"answer": b64url(answer)}, timeout=20
            )
            for answer in answers
        ]
        begin = time.monotonic()
        assert http.get(f"{node.url}/v1/agency").status_code == 200
        assert {message.result().status_code for message in sent} <= {403, 422}
        assert time.monotonic() - begin < 10
        assert stalled.asked == []
    both[NL].app.state.lockout = LockOut()


@pytest.mark.usefixtures("patient")
def test_somebody_known_waits_for_a_slow_partner_for_moments_once(both: Consortium) -> None:
    with silent(both) as stalled:
        begin = time.monotonic()
        assert visitor(both).exchanged() is not None
        assert 0.2 < time.monotonic() - begin < 5
        assert len(stalled.asked) == 1
        for _ in range(3):
            visitor(both).exchanged()
        assert len(stalled.asked) == 1, "one that did not answer is left alone for a while"
    with silent(both, ago=4000), pytest.raises(BusyError, match="could not be checked"):
        visitor(both).exchanged()
    with silent(both, ago=10) as stalled:
        visitor(both).exchanged()
        assert stalled.asked == [], "fresh enough"


@pytest.mark.usefixtures("patient")
def test_a_slow_partner_does_not_hold_up_the_copies_of_the_others_for_long(
    both: Consortium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disclosed_copies, "_EACH", 0.3)
    with silent(both) as stalled:
        begin = time.monotonic()
        assert both[NL].client.copies() == []
        assert time.monotonic() - begin < 5
        assert stalled.asked == ["copies"]


def test_an_identity_provider_is_not_asked_for_a_stranger(desk: Desk) -> None:
    class Provider:
        issuer, client_id = "https://provider.example", "custody"
        asked = 0

        def subject(self, token: str, nonce: str, now: int) -> str:
            self.asked += 1
            return "somebody"

    desk.node.identity = provider = Provider()
    key = ec.generate_private_key(ec.SECP256R1())
    now = int(time.time())
    authority = Authority.found("NL-POL", now - 1000)
    der = authority.issue(
        key.public_key(),
        agency="NL-POL",
        pseudonym=new_pseudonym(),
        roles=["officer"],
        service=False,
        now=now - 500,
    )
    with httpx.Client(transport=desk.transport, base_url="http://home") as http:
        for nonce in (None, bytes(32)):
            given = http.post("/v1/login/challenge").json()
            used = nonce or from_b64url(given["nonce"], what="challenge")
            answer = login.sign(
                key, server=given["server"], nonce=used, expires=given["expires"], certificate=der
            )
            refused = http.post("/v1/login", json={"answer": b64url(answer), "idToken": "x" * 100})
            assert refused.status_code == 403
    assert provider.asked == 0


def test_a_chain_that_does_not_answer_takes_no_thread_from_other_routes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.concurrency, "_PATIENCE", 0.5)
    monkeypatch.setattr(ratelimit, "ADDRESS", Rate(10_000, 1000))
    go, asked = threading.Event(), []

    def silent_head() -> None:
        asked.append("head")
        go.wait(60)

    monkeypatch.setattr(desk.node.contracts.chain, "head", silent_head, raising=False)
    limits = httpx.Limits(max_connections=80)
    with (
        served(desk) as node,
        httpx.Client(timeout=60, limits=limits) as http,
        ThreadPoolExecutor(60) as pool,
    ):
        sent = [pool.submit(http.get, f"{node.url}/readyz") for _ in range(60)]
        wait_until(lambda: asked)
        begin = time.monotonic()
        for path in ("/healthz", "/v1/agency", "/v1/log/crl"):
            assert http.get(node.url + path).status_code == 200
        assert time.monotonic() - begin < 20  # of the sixty that the chain takes
        wait_until(
            lambda: sum(message.done() for message in sent) >= 50
        )  # those that found no place
        go.set()
        answers = [message.result() for message in sent]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(refused) >= 50
    assert all(
        int(refusal.headers["retry-after"]) > 0 and refusal.json()["error"]["code"] == "busy"
        for refusal in refused
    )


def test_all_lanes_together_leave_threads_for_the_other_routes(desk: Desk) -> None:
    found = lanes("NL-POL")
    assert set(found) <= set(ROUTES)
    assert sum({id(one): one.at_once for one in found.values()}.values()) <= THREADS - RESERVE

    async def limit() -> float:
        async with desk.app.router.lifespan_context(desk.app):
            return anyio.to_thread.current_default_thread_limiter().total_tokens

    assert anyio.run(limit) == THREADS
    pool: Any = desk.node.records._engine.pool
    assert pool.size() + pool._max_overflow > THREADS


def test_calls_of_one_party_are_few_and_a_silent_one_is_left_alone() -> None:
    now = [0.0]
    calls, go = Callouts(at_once=3, each=2, clock=lambda: now[0]), threading.Event()

    def slow() -> None:
        go.wait(30)

    def start(party: str) -> threading.Thread:
        thread = threading.Thread(
            target=lambda: _quietly(lambda: calls.run(party, slow, seconds=30))
        )
        thread.start()
        return thread

    threads = [start("a"), start("a"), start("b")]
    wait_until(lambda: calls._under_way.total() == 3)
    with pytest.raises(BusyError):
        calls.run("a", lambda: 1, seconds=1)
    with pytest.raises(BusyError):
        calls.run("c", lambda: 1, seconds=1)
    go.set()
    for thread in threads:
        thread.join()
    wait_until(lambda: not calls._under_way.total())
    assert calls.run("a", lambda: 1, seconds=5) == 1
    go.clear()
    with pytest.raises(NetworkError, match="within"):
        calls.run("a", slow, seconds=0.05)
    with pytest.raises(NetworkError, match="just now"):
        calls.run("a", lambda: 1, seconds=1)
    assert calls.run("b", lambda: 2, seconds=5) == 2
    go.set()
    now[0] += 31
    wait_until(lambda: not calls._under_way.total())
    assert calls.run("a", lambda: 3, seconds=5) == 3

    def missing() -> None:
        raise NotFoundError("no")

    with pytest.raises(NotFoundError):
        calls.run("a", missing, seconds=5)
    assert calls.run("a", lambda: 4, seconds=5) == 4, "an answer is an answer, whatever it says"


def _quietly(work: Callable[[], object]) -> None:
    with suppress(CustodyError):
        work()


def test_bundles_to_verify_fill_no_more_memory_than_there_is_for_them(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.limits, "VERIFY_TOTAL", 1 << 20)
    with served(desk) as node:
        too_much = httpx.post(
            f"{node.url}/v1/verify", content=b'{"bundle":"' + b"A" * (2 << 20) + b'"}', timeout=20
        )
        assert (too_much.status_code, too_much.json()["error"]["code"]) == (503, "busy")
        for _ in range(5):  # what is over is given back
            small = httpx.post(
                f"{node.url}/v1/verify", json={"bundle": "A" * (400 << 10)}, timeout=20
            )
            assert small.status_code == 200
        stranger = httpx.post(f"{node.url}/v1/login", json={"answer": "A" * (1 << 20)}, timeout=20)
        assert stranger.status_code == 413


def test_a_node_that_was_silent_is_followed_in_the_background(both: Consortium) -> None:
    _checked(both, 120)
    assert both.settle(NL, rounds=1) == {}
    with both[NL].node.records.read() as unit:
        row = unit.partners.get(RO)
    assert row is not None
    assert both[NL].node.clock.now() - row.checked < 60
