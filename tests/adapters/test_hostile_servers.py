"""Every client against every kind of nonsense: one typed error, within its time, and in little
memory.
"""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.adapters import logfiles, oidc, webhook
from ledger.adapters.chain import abi
from ledger.adapters.chain.contracts import Contracts, Delays, Founder, deploy
from ledger.adapters.chain.rpc import RpcChain
from ledger.adapters.ipfs.kubo import Kubo
from ledger.adapters.node import partner
from ledger.adapters.node.client import NodeClient
from ledger.adapters.web.client import Answer, Patience, WebError
from ledger.domain.errors import ChainError, CustodyError, NetworkError
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld.unixfs import Block
from tests.support.hostile import ANSWERS, BODIES, KINDS, SLOW, Hostile, every, hostile

SHORT = Patience(connect=1.0, between=0.7, total=1.5)
LIMIT = 12.0  # seconds: three tries that were told to come again, on a busy machine
MEMORY = (
    48 << 20
)  # bytes; a list of 16 MiB and what is made of it. The bomb alone unfolds to 256 MiB
ITEM = "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
BLOCK = Block(cids.of(b"x"), b"x")
KEY = ec.generate_private_key(ec.SECP256R1())
Call = Callable[[Any], object]


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Hostile]]:
    with every(KINDS) as found:
        yield found


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (partner, oidc, webhook, logfiles):
        monkeypatch.setattr(module, "_PATIENCE", SHORT)
    monkeypatch.setattr(partner, "_LARGE", SHORT)


def signer() -> tuple[Any, bytes]:
    return KEY, b"certificate"


def logged_in(client: Any) -> Any:
    """Calls that need a session, as if a log-in had gone well: what comes after it is nonsense too."""
    client._token, client._key = "token", KEY
    return client


NODE: dict[str, Call] = {
    "agency": lambda one: one.agency(),
    "log-in": lambda one: one.search("case", "1"),
    "items": lambda one: list(logged_in(one).items()),
    "item": lambda one: logged_in(one).item(ITEM),
    "events": lambda one: list(logged_in(one).events(ITEM)),
    "missing": lambda one: logged_in(one).missing([BLOCK.cid]),
    "register": lambda one: logged_in(one).register([]),
    "details": lambda one: logged_in(one).record(ITEM, "0" * 64),
    "grants": lambda one: logged_in(one).grants(ITEM, "0" * 64),
    "status": lambda one: logged_in(one).status(),
    "people": lambda one: logged_in(one).people(),
    "enrolment": lambda one: one.enrolment("x" * 32),
    "handovers": lambda one: logged_in(one).handovers(),
    "incoming": lambda one: logged_in(one).incoming(ITEM),
    "copies": lambda one: NodeClient.copies(logged_in(one)),
    "disposal": lambda one: logged_in(one).disposal(ITEM),
    "lineage": lambda one: logged_in(one).lineage(ITEM),
    "fixity": lambda one: logged_in(one).check_fixity(ITEM),
}
PARTNER: dict[str, Call] = {
    "descriptor": lambda one: one.descriptor(),
    "versions": lambda one: one.versions(),
    "exchanged": lambda one: one.exchanged(),
    "exchanged, logged in": lambda one: logged_in(one).exchanged(),
    "copies": lambda one: logged_in(one).copies(),
    "disposals": lambda one: logged_in(one).disposals(),
}
CHAIN: dict[str, Call] = {
    "chain_id": lambda one: one.chain_id(),
    "head": lambda one: one.head(),
    "final": lambda one: one.final(),
    "block": lambda one: one.block(7),
    "nonce": lambda one: one.nonce(bytes(20)),
    "fees": lambda one: one.fees(),
    "logs": lambda one: one.logs([bytes(20)], 0, 3),
    "prove": lambda one: one.prove(bytes(20), [bytes(32)], 1),
    "latest": lambda one: Contracts(one, bytes(20), bytes(20)).latest(bytes(32)),
    "agency": lambda one: Contracts(one, bytes(20), bytes(20)).standing(bytes(32)),
    "agencies": lambda one: Contracts(one, bytes(20), bytes(20)).agencies(),
    "events": lambda one: Contracts(one, bytes(20), bytes(20)).events(0, 3),
    "deploy": lambda one: deploy(one, bytes([1]) * 32, [Founder("NL-POL", bytes(20), bytes(20), bytes(20), bytes(32))], Delays(1, 1, 1)),
}  # fmt: skip
KUBO: dict[str, Call] = {
    "status": lambda one: one.status(),
    "size": lambda one: one.size(),
    "put": lambda one: one.put([BLOCK]),
    "get": lambda one: one.get(BLOCK.cid),
    "pin": lambda one: one.pin([BLOCK.cid]),
    "pinned": lambda one: one.pinned([BLOCK.cid]),
}


def _oidc(url: str) -> Iterator[tuple[str, Callable[[], object]]]:
    token = jwt.encode({"sub": "x"}, KEY, algorithm="ES256", headers={"kid": "k"})
    yield "discover", lambda: oidc.discover(url)
    yield "subject", lambda: oidc.OidcProvider(url, "custody").subject(token, "n", 0)
    yield (
        "exchange",
        lambda: oidc._exchange(f"{url}/token", url, "custody", "code", "verifier", url),
    )


def _node(url: str) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, call in NODE.items():
        yield (
            name,
            lambda call=call: _using(
                NodeClient(url, signer=signer, patience=SHORT, meant=lambda _: None), call
            ),
        )


class Every(frozenset[str]):
    """Whatever log a server names."""

    def __contains__(self, log: object) -> bool:
        return True


def _partner(url: str) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, call in PARTNER.items():
        yield (
            name,
            lambda call=call: _using(partner.PartnerClient(url, signer=signer, logs=Every), call),
        )


def _chain(url: str) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, call in CHAIN.items():
        yield name, lambda call=call: _using(RpcChain(url, timeout=0.5), call)


def _kubo(url: str) -> Iterator[tuple[str, Callable[[], object]]]:
    address = f"/ip4/127.0.0.1/tcp/{url.rpartition(':')[2]}"
    for name, call in KUBO.items():
        yield (
            name,
            lambda call=call: _using(
                Kubo("liar", address, secret="user:password", timeout=0.15), call
            ),
        )


def _log(url: str) -> Iterator[tuple[str, Callable[[], object]]]:
    yield "get", lambda: _using(logfiles.WebFiles(url), lambda WebFile: WebFile.get("tile/0/000"))


def _using(client: Any, call: Call) -> object:
    with closing(client):
        return call(client)


CLIENTS = {
    "node": _node,
    "partner": _partner,
    "chain": _chain,
    "identity provider": _oidc,
    "IPFS daemon": _kubo,
    "log": _log,
}


def _outcome(call: Callable[[], object]) -> tuple[object, float]:
    start = time.monotonic()
    try:
        found: object = call()
    except Exception as error:  # noqa: BLE001  (which one it is, is what the test is about)
        found = error
    return found, time.monotonic() - start


@pytest.mark.parametrize("client", CLIENTS)
def test_nonsense_is_one_typed_error_in_time(client: str, servers: dict[str, Hostile]) -> None:
    with ThreadPoolExecutor(6) as pool:
        running = {
            (kind, name): pool.submit(_outcome, call)
            for kind, server in servers.items()
            for number, (name, call) in enumerate(CLIENTS[client](server.url))
            # One call of each client waits for those that never end: all calls wait in the same
            # place. And a person's own node may send 256 MiB of documents at once, which is its
            # limit.
            if (number == 0 or kind not in SLOW)
            and not (name in {"details", "incoming"} and kind == "a body without end")
        }
        found = {key: future.result() for key, future in running.items()}
    kinds = (NetworkError, ChainError) if client != "IPFS daemon" else (CustodyError,)
    wrong = {key: outcome for key, (outcome, _) in found.items() if not isinstance(outcome, kinds)}
    assert not {key: pair for key, pair in wrong.items() if not _is_an_answer(client, *key, pair)}
    assert not {key: seconds for key, (_, seconds) in found.items() if seconds > LIMIT}
    assert not [line for server in servers.values() for line in server.seen if b"followed" in line]


@pytest.mark.parametrize("kind", ["a gzip bomb", "a body without end", "a head without end", "a line without end", "deep lists", "hex without end"])  # fmt: skip
@pytest.mark.parametrize("client", CLIENTS)
def test_what_unfolds_or_never_ends_fills_no_memory(
    client: str, kind: str, servers: dict[str, Hostile]
) -> None:
    _, call = next(iter(CLIENTS[client](servers[kind].url)))
    _outcome(call)  # what is imported on the way does not count
    tracemalloc.start()
    try:
        _outcome(call)
        assert tracemalloc.get_traced_memory()[1] < MEMORY
    finally:
        tracemalloc.stop()


def _is_an_answer(client: str, kind: str, call: str, found: object) -> bool:
    """What a server says in these cases is an answer that makes sense, if a surprising one."""
    if client == "identity provider" and call == "exchange":
        return type(found).__name__ == "DeniedError"  # an object without a token is a refusal there
    if isinstance(found, CustodyError):
        # It refused in its own words, as a node may; or it has no such block or receipt, as a chain
        # may.
        return (client in {"node", "partner"} and kind == "never authorised") or (client, kind) == (
            "chain",
            "a result that is null",
        )
    return (client, kind, call) in {
        ("chain", "a result that is a list", "logs"),
        ("chain", "a result that is a list", "events"),
    }


@pytest.mark.parametrize("kind", ["a gzip bomb", "a redirect", "a body without end", "a trickle of a body", "closed in the head", "come again in a century"])  # fmt: skip
def test_an_alarm_that_meets_nonsense_is_a_clear_error(kind: str) -> None:
    with hostile(KINDS[kind]) as server:
        outcome, seconds = _outcome(lambda: webhook.send(f"{server.url}/alarm?x=1", [], 7))
    assert isinstance(outcome, NetworkError)
    assert seconds < LIMIT
    assert server.seen == [b"POST /alarm?x=1 HTTP/1.1"]


def test_more_bytes_than_were_asked_for_are_refused_unread() -> None:
    """A giver that answers a range with everything it has fills no memory."""
    with (
        hostile(KINDS["a body without end"]) as server,
        closing(partner.PartnerClient(server.url, signer=signer, logs=Every)) as client,
        pytest.raises(NetworkError, match="sent more"),
    ):
        logged_in(client).ciphertext(ITEM, 0, 1 << 20)


@pytest.mark.parametrize("value", [b"{}", b"[]", b"1", b'[""]'], ids=str)
def test_an_answer_of_many_tiny_values_fills_no_memory(value: bytes) -> None:
    data = b"[" + (value + b",") * ((4 << 20) // (len(value) + 1)) + value + b"]"
    answer = Answer("the node", 200, httpx.Headers(), data)
    tracemalloc.start()
    with pytest.raises(WebError, match="answered nonsense: too many values for its length"):
        answer.json([object])
    assert tracemalloc.get_traced_memory()[1] < 2 * len(data)
    tracemalloc.stop()


def test_an_answer_whose_text_is_full_of_commas_and_brackets_is_taken() -> None:
    data = b'{"note":"' + b"[1,2,{3}]," * 400_000 + b'"}'
    assert len(Answer("the node", 200, httpx.Headers(), data).json({"note": str})["note"]) > 1 << 20


def test_a_chain_that_says_very_much_of_a_refusal_is_told_in_short() -> None:
    """It stands in what the node tells of itself, and in its log."""
    text = (32).to_bytes(32, "big") + (10**6).to_bytes(32, "big") + b"x" * 10**6
    [code] = [one for one, known in abi._errors().items() if known[0] == "AgencyRegistryBadCode"]
    assert len(abi.explain_revert(code + text)) < 400
    assert len(abi.explain_revert(b"none of ours" * 10**5)) < 400


def test_a_provider_that_does_not_answer_is_not_asked_by_every_login() -> None:
    with hostile(SLOW["silence"]) as server:
        provider = oidc.OidcProvider(server.url, "custody")
        token = jwt.encode({"sub": "x"}, KEY, algorithm="ES256", headers={"kid": "k"})
        outcomes: list[object] = []
        threads = [
            threading.Thread(
                target=lambda: outcomes.append(_outcome(lambda: provider.subject(token, "n", 0))[0])
            )
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(isinstance(outcome, NetworkError) for outcome in outcomes)
        assert len(server.seen) == 1


def test_a_token_nested_without_end_is_no_log_in() -> None:
    from ledger.domain.codecs.text import b64url
    from ledger.domain.errors import DeniedError

    for head in (
        b"[" * 9000,
        b'{"alg":"RS256","kid":' + b"[" * 9000,
        b'{"alg":["RS256"]}',
        b'{"alg":null}',
        b"7",
    ):
        with pytest.raises(DeniedError):
            oidc.OidcProvider("http://127.0.0.1:9", "custody").subject(
                f"{b64url(head)}.e30.AA", "n", 0
            )


def test_the_kinds_are_all_there() -> None:
    assert len(KINDS) == len(BODIES) + len(ANSWERS) + len(SLOW)
