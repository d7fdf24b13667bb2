"""Logins and tokens: for one server, one key and one request, and of nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from api.lockout import SECONDS, LockOut
from ledger.domain.codecs import cbor, cose
from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.errors import DeniedError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import dpop, login
from ledger.services.node.certificate_authority import Authority, new_pseudonym
from tests.support.calls import (
    bearer,
    enrol,
    token_for,
)
from tests.support.clocks import Ahead
from tests.support.desk import Desk


def test_a_node_that_came_before_its_agency_was_known_here_is_not_locked_out(
    desk: Desk, http: httpx.Client
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    authority = Authority.found("RO-DIICOT", desk.clock.now())
    der = authority.issue(
        key.public_key(),
        agency="RO-DIICOT",
        pseudonym=new_pseudonym(),
        roles=["service"],
        service=True,
        now=desk.clock.now(),
    )
    assert {token_for(http, key, der).status_code for _ in range(9)} == {403}


@pytest.mark.parametrize("tag", range(0xA0, 0xA9), ids=hex)
def test_a_certificate_with_a_name_of_any_kind_is_malformed_and_no_error_of_the_node(
    http: httpx.Client, desk: Desk, tag: int
) -> None:
    """Two kinds of names the library knows and does not read (x400Address, ediPartyName)."""
    key, der = enrol(desk, "officer")
    uri = b"\x86" + bytes([len("urn:custody:role:officer")]) + b"urn:custody:role:officer"
    assert uri in der
    answer = token_for(http, key, der.replace(uri, bytes([tag]) + uri[1:]))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")


def test_challenges_that_nobody_answers_do_not_pile_up(
    desk: Desk, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        assert http.post("/v1/login/challenge").status_code == 200
    monkeypatch.setattr(desk.node, "clock", Ahead(desk.clock, 1000))
    http.post("/v1/login/challenge")
    with desk.node.records.read() as unit:
        assert len(unit.tables.rows("challenge")) == 1


def test_a_login_by_a_stranger_for_another_server_or_replayed_is_refused(
    desk: Desk, http: httpx.Client
) -> None:
    key, der = enrol(desk, "officer")
    stranger = ec.generate_private_key(ec.SECP256R1())
    assert token_for(http, key, der).status_code == 200
    assert token_for(http, stranger, der).status_code == 422
    assert token_for(http, key, der, server="urn:custody:log:" + "0" * 64).status_code == 403
    assert token_for(http, key, der, nonce=b"x" * 32).status_code == 403
    challenge = http.post("/v1/login/challenge").json()
    answer = b64url(
        login.sign(
            key,
            server=challenge["server"],
            nonce=from_b64url(challenge["nonce"], what="n"),
            expires=challenge["expires"],
            certificate=der,
        )
    )
    assert [http.post("/v1/login", json={"answer": answer}).status_code for _ in range(2)] == [
        200,
        403,
    ]


def test_a_statement_is_no_login_and_a_suspended_person_has_no_session(
    desk: Desk, http: httpx.Client
) -> None:
    key, der = enrol(desk, "officer")
    headers = bearer(http, key, der)
    challenge = http.post("/v1/login/challenge").json()
    payload = cbor.encode(
        {
            "server": challenge["server"],
            "nonce": from_b64url(challenge["nonce"], what="n"),
            "expires": challenge["expires"],
        }
    )
    signed = cose.sign(key, {cose.TYP: "application/vnd.custody.statement+cose"}, payload)
    message = cose.Sign1(
        signed.protected, signed.headers, payload, signed.signature, {cose.X5CHAIN: der}
    )
    assert http.post("/v1/login", json={"answer": b64url(message.encode())}).status_code == 400
    with desk.node.records.write() as unit:
        person = unit.people.get(certificates.parse(der).subject)
        assert person is not None
        unit.people.put(replace(person, active=False))
    assert http.get("/v1/status", headers=headers).status_code == 401
    assert token_for(http, key, der).status_code == 403


def test_a_token_is_worth_nothing_without_the_key_or_for_another_request(
    desk: Desk, http: httpx.Client
) -> None:
    desk.client.missing([])
    token = desk.client._token or ""
    good = desk.client.prove("GET", "/v1/status")
    plain = httpx.Client(base_url="http://home", transport=desk.transport)
    assert plain.get("/v1/status", headers=good).status_code == 200
    stranger = ec.generate_private_key(ec.SECP256R1())
    now = desk.clock.now()

    def proof(key: Any = None, **changes: Any) -> dict[str, str]:
        values = {"method": "GET", "url": "/v1/status", "token": token, "now": now, **changes}
        return {**good, "DPoP": dpop.prove(key or desk.person.key, **values)}

    refused = {
        "again": good,
        "none": {"Authorization": good["Authorization"]},
        "as a bearer token": {"Authorization": f"Bearer {token}", "DPoP": proof()["DPoP"]},
        "another key": proof(stranger),
        "another method": proof(method="POST"),
        "another path": proof(url="/v1/people"),
        "another token": proof(token="x"),
        "too old": proof(now=now - 1000),
        "too new": proof(now=now + 1000),
        "garbage": {**good, "DPoP": "a.b.c"},
        "too long": {**good, "DPoP": "a" * 5000},
        "unsigned": {**good, "DPoP": jwt.encode({"jti": "x"}, None, algorithm="none")},
        "symmetric": {**good, "DPoP": jwt.encode({"jti": "x"}, "k" * 32, algorithm="HS256")},
    }
    for name, headers in refused.items():
        answer = plain.get("/v1/status", headers=headers)
        assert answer.status_code == 401, name
        assert token not in answer.text
    for host in ("home/v1/people?", "home/v1/people#", "x@home", "home:0"):
        told = {**proof(url="/v1/people"), "Host": host}
        assert plain.get("/v1/status", headers=told).status_code == 401, host
    assert plain.get("/v1/status?chain=false", headers=proof()).status_code == 200


def test_a_proof_that_names_the_stolen_tokens_key_but_is_signed_by_another_is_refused(
    desk: Desk,
) -> None:
    desk.client.missing([])
    stranger, now = ec.generate_private_key(ec.SECP256R1()), desk.clock.now()
    token = desk.client._token or ""
    made = dpop.prove(stranger, method="GET", url="/v1/status", token=token, now=now)
    claims = jwt.decode(made, options={"verify_signature": False})
    forged = jwt.encode(
        claims,
        stranger,
        algorithm="ES256",
        headers={"typ": dpop.TYPE, "jwk": dpop.jwk_of(desk.person.key.public_key())},
    )
    with pytest.raises(DeniedError):
        dpop.check(
            forged,
            desk.person.key.public_key(),
            method="GET",
            path="/v1/status",
            token=token,
            now=now,
        )


def test_whoever_fails_to_log_in_again_and_again_waits_and_nobody_else_does(
    desk: Desk, http: httpx.Client
) -> None:
    key, der = enrol(desk, "officer")
    stranger, _ = enrol(desk, "officer")
    assert [token_for(http, stranger, der).status_code for _ in range(7)] == [422] * 5 + [429] * 2
    answer = token_for(http, key, der)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 901
    other, other_der = enrol(desk, "officer")
    assert token_for(http, other, other_der).status_code == 200
    now = [0.0]
    lock = LockOut(lambda: now[0])
    for _ in range(5):
        assert lock.wait("1.2.3.4", b"a") == 0
        lock.note("1.2.3.4", b"a", succeeded=False)
    assert lock.wait("1.2.3.4", b"a") > 0
    assert lock.wait("1.2.3.5", b"a") == 0, "nobody locks somebody else out from elsewhere"
    now[0] = SECONDS + 1
    assert lock.wait("1.2.3.4", b"a") == 0
    lock.note("1.2.3.4", b"a", succeeded=True)
