"""Requests that tests make by hand, with the proof of possession that each one needs (RFC 9449)."""

from __future__ import annotations

import time

import httpx

from ledger.adapters.node.client import NodeClient
from ledger.domain.codecs.cose import PrivateKey
from ledger.domain.identity import dpop

_KEYS: dict[str, PrivateKey] = {}


def remember(token: str, key: PrivateKey) -> str:
    """The Authorization header of a token whose key is known from now on."""
    _KEYS[token] = key
    return f"DPoP {token}"


def remember_session(client: NodeClient) -> str:
    """The Authorization header of a client's session."""
    client.missing([])
    assert client._token is not None
    assert client._key is not None
    return remember(client._token, client._key)


def add_proof(request: httpx.Request) -> None:
    """An event hook of httpx: proves each request of a session that is known."""
    token = request.headers.get("authorization", "").removeprefix("DPoP ")
    if token in _KEYS and "dpop" not in request.headers:
        path = request.url.raw_path.decode("ascii").partition("?")[0]
        request.headers["DPoP"] = dpop.prove(
            _KEYS[token], method=request.method, url=path, token=token, now=int(time.time())
        )


def client(transport: httpx.BaseTransport, **options: object) -> httpx.Client:
    """An httpx client for an application in this process that proves its requests."""
    return httpx.Client(
        base_url="http://home", transport=transport, event_hooks={"request": [add_proof]}, **options
    )  # type: ignore[arg-type]
