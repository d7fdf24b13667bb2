"""What test_api.py and test_logins.py share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import login
from ledger.rows.people import PersonRow
from ledger.services.node.certificate_authority import new_pseudonym
from tests.support import proofs
from tests.support.desk import Desk


@pytest.fixture
def http(desk: Desk) -> Iterator[httpx.Client]:
    with proofs.client(desk.transport) as client:
        yield client


def enrol(desk: Desk, *roles: str) -> tuple[Any, bytes]:
    """Another person of the agency: (key, certificate)."""
    from ledger.domain.crypto.grants import HpkePrivateKey

    key, pseudonym = ec.generate_private_key(ec.SECP256R1()), new_pseudonym()
    der = desk.node.keys.authority.issue(
        key.public_key(),
        agency="NL-POL",
        pseudonym=pseudonym,
        roles=list(roles),
        service=False,
        now=desk.clock.now(),
    )
    public = HpkePrivateKey.generate().public
    with desk.node.records.write() as unit:
        unit.people.put_certificate(certificates.parse(der).digest, der)
        unit.people.put(
            PersonRow(
                certificates.parse(der).subject,
                certificates.parse(der).digest,
                public.kem.encode() + b"\x00" + public.key,
                b"",
                True,
            )
        )
    return key, der


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
