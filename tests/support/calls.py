"""Log-ins made by hand, step by step, as a client makes them."""

from __future__ import annotations

from typing import Any

import httpx

from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.identity import login
from tests.support import proofs
from tests.support.actors import enrolled
from tests.support.desk import Desk


def enrol(desk: Desk, *roles: str) -> tuple[Any, bytes]:
    """Another person of the agency: (key, certificate)."""
    person = enrolled(desk, *roles).person
    return person.key, person.certificate.der


def token_for(http: httpx.Client, key: Any, der: bytes, **changes: Any) -> httpx.Response:
    challenge = http.post("/v1/login/challenge").json()
    values = {
        "server": challenge["server"],
        "nonce": from_b64url(challenge["nonce"], what="n"),
        "expires": challenge["expires"],
        **changes,
    }
    return http.post(
        "/v1/login", json={"answer": b64url(login.sign(key, certificate=der, **values))}
    )


def bearer(http: httpx.Client, key: Any, der: bytes) -> dict[str, str]:
    return {"Authorization": proofs.remember(token_for(http, key, der).json()["token"], key)}
