"""The API: deny by default, one error shape, limits, and answers that tell strangers nothing."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from api.access import PUBLIC, ROUTES
from api.lockout import SECONDS, LockOut
from ledger.domain import verify as verification
from ledger.domain.codecs import cbor, cose
from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.errors import DeniedError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import dpop, login
from ledger.domain.identity.names import ROLES
from ledger.domain.log.receipt import parse_checkpoint, verify_checkpoint
from ledger.domain.log.tiles import split_bundle
from ledger.domain.ports.rows import PersonRow
from ledger.services.node.certificate_authority import Authority, new_pseudonym
from tests.support import proofs
from tests.support.desk import Desk

STRANGE = "urn:uuid:00000000-0000-4000-8000-000000000000"


@pytest.fixture
def http(desk: Desk) -> Iterator[httpx.Client]:
    with proofs.client(desk.transport) as client:
        yield client


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
        unit.put_certificate(certificates.parse(der).digest, der)
        unit.put_person(
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


def operations(desk: Desk) -> list[tuple[str, str, str]]:
    """(operation id, method, path with strange parameters) of every route."""
    found = []
    for path, methods in desk.app.openapi()["paths"].items():
        for method, operation in methods.items():
            filled = (
                path.replace("{evidence}", STRANGE)
                .replace("{digest}", "0" * 64)
                .replace("{statement}", "0" * 64)
            )
            found.append(
                (
                    operation["operationId"],
                    method.upper(),
                    filled.replace("{version}", "9").replace("{path}", "0/000"),
                )
            )
    return found


def test_every_route_is_in_the_table_and_every_role_known(desk: Desk) -> None:
    assert {name for name, _, _ in operations(desk)} == set(ROUTES)
    for roles in ROUTES.values():
        assert roles <= ROLES | PUBLIC


def test_without_a_session_every_private_route_says_the_same(
    desk: Desk, http: httpx.Client
) -> None:
    for name, method, path in operations(desk):
        if ROUTES[name] == PUBLIC:
            continue
        for headers in (
            {},
            {"Authorization": "DPoP wrong"},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic eDp5"},
        ):
            answer = http.request(
                method,
                path,
                headers={"Range": "bytes=0-1", "Custody-Access": "0" * 64, **headers},
                json={},
            )
            assert answer.status_code == 401, (name, answer.text)
            assert answer.json()["error"]["code"] == "unauthenticated"


@pytest.mark.parametrize("role", sorted(ROLES - {"service"}))
def test_the_table_of_role_and_route_holds_cell_by_cell(
    desk: Desk, http: httpx.Client, role: str
) -> None:
    headers = bearer(http, *enrol(desk, role))
    for name, method, path in operations(desk):
        if ROUTES[name] == PUBLIC or name == "anchor":
            continue
        answer = http.request(
            method,
            path,
            headers={"Range": "bytes=0-1", "Custody-Access": "0" * 64, **headers},
            json={},
        )
        assert (
            answer.status_code == 403
            and answer.json()["error"]["message"] == "your role may not do this"
        ) == (role not in ROUTES[name]), (name, answer.text)
        assert answer.status_code < 500


def test_a_hidden_item_and_an_absent_one_get_the_same_answer(
    desk: Desk, http: httpx.Client, tmp_path: Path
) -> None:
    path = tmp_path / "item"
    path.write_bytes(b"secret")
    (item,) = desk.upload(path)
    headers = bearer(http, *enrol(desk, "officer"))
    for method, tail in (
        ("GET", ""),
        ("GET", "/events"),
        ("POST", "/details"),
        ("POST", "/grants"),
        ("POST", "/bundle"),
    ):
        answers = [
            http.request(
                method,
                f"/v1/evidence/{one}{tail}",
                headers=headers,
                json={"access": "0" * 64} if method == "POST" else None,
            )
            for one in (item.evidence, STRANGE)
        ]
        assert answers[0].status_code == answers[1].status_code == 404
        assert answers[0].content == answers[1].content
    assert http.get("/v1/evidence", headers=headers).json()["items"] == []
    found = http.post(
        "/v1/evidence/duplicates", headers=headers, json={"sha256": item.digests["sha-256"]}
    )
    assert found.json() == {"evidence": []}


def test_administrators_and_auditors_see_records_never_content(
    desk: Desk, http: httpx.Client, tmp_path: Path
) -> None:
    path = tmp_path / "item"
    path.write_bytes(b"secret")
    (item,) = desk.upload(path)
    for role in ("administrator", "auditor"):
        headers = bearer(http, *enrol(desk, role))
        assert http.get(f"/v1/evidence/{item.evidence}", headers=headers).status_code == 200
        for tail in ("details", "grants", "bundle"):
            answer = http.post(
                f"/v1/evidence/{item.evidence}/{tail}", headers=headers, json={"access": "0" * 64}
            )
            assert answer.status_code == 403


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
        person = unit.person(certificates.parse(der).subject)
        assert person is not None
        unit.put_person(replace(person, active=False))
    assert http.get("/v1/status", headers=headers).status_code == 401
    assert token_for(http, key, der).status_code == 403


def test_nobody_registers_a_statement_of_somebody_else(
    desk: Desk, http: httpx.Client, tmp_path: Path
) -> None:
    from ledger.domain.event.signing import sign_event

    path = tmp_path / "item"
    path.write_bytes(b"x")
    (item,) = desk.upload(path)
    head = bytes.fromhex(desk.client.item(item.evidence)["head"])
    signed = sign_event(
        desk.person,
        "note",
        {"text": "x"},
        evidence=item.evidence,
        seq=1,
        prev=head,
        time=desk.clock.now(),
    )
    headers = bearer(http, *enrol(desk, "officer"))
    answer = http.post("/v1/statements", headers=headers, json={"statements": [signed.submission]})
    assert answer.status_code == 403
    assert desk.client.item(item.evidence)["events"] == 1


def test_every_error_has_the_one_shape(desk: Desk, http: httpx.Client) -> None:
    headers = bearer(http, *enrol(desk, "custodian"))
    for answer in (
        http.get("/nowhere"),
        http.get("/v1/evidence/nonsense", headers=headers),
        http.delete("/v1/status"),
        http.post("/v1/statements", headers=headers, json={"statements": []}),
        http.post("/v1/statements", headers=headers, content=b"{"),
        http.put(
            "/v1/blocks",
            headers={**headers, "Content-Type": "application/vnd.ipld.car"},
            content=b"nonsense",
        ),
        http.put("/v1/blocks", headers=headers, content=b"x" * (9 << 20)),
        http.get("/v1/log/tile/0/999"),
        http.get("/v1/log/tile/9/000"),
        http.get("/v1/evidence?limit=100000", headers=headers),
        http.post("/v1/verify", json={"bundle": "AA", "size": 1}),
    ):
        assert 400 <= answer.status_code < 500, answer.text
        assert set(answer.json()) == {"error"}
        assert set(answer.json()["error"]) == {"code", "message", "hint", "step"}
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_defect_tells_nothing_but_its_place(
    desk: Desk,
    http: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*arguments: object) -> None:
        raise ValueError("PLANTED case data")

    monkeypatch.setattr("api.routes.agency._trust", broken)
    with caplog.at_level(logging.ERROR):
        answer = http.get("/v1/trust")
    assert answer.status_code == 500
    assert "PLANTED" not in answer.text + caplog.text
    assert "ValueError" in caplog.text


def test_log_files_are_those_of_the_specification(desk: Desk, http: httpx.Client) -> None:
    note = parse_checkpoint(http.get("/v1/log/checkpoint").content)
    verify_checkpoint(note, desk.person.descriptor.log_key)
    hashes = http.get(f"/v1/log/tile/0/000.p/{note.size}").content
    headers = bearer(http, *enrol(desk, "auditor"))
    entries = split_bundle(
        http.get(f"/v1/log/tile/entries/000.p/{note.size}", headers=headers).content
    )
    from ledger.domain.log.merkle import leaf_hash
    from tests.support.oracle import mth

    assert b"".join(map(leaf_hash, entries)) == hashes
    assert mth([leaf_hash(entry) for entry in entries]) == note.root
    proof = http.get(
        "/v1/log/proofs/inclusion", params={"index": 0, "size": note.size}, headers=headers
    ).json()
    assert proof["root"] == note.root.hex()
    consistency = http.get(
        "/v1/log/proofs/consistency", params={"old": 1, "size": note.size}, headers=headers
    )
    assert consistency.status_code == 200
    assert (
        http.get(
            "/v1/log/proofs/inclusion", params={"index": 0, "size": 10**6}, headers=headers
        ).status_code
        == 404
    )
    certificate = http.get(
        f"/v1/log/certs/{desk.node.keys.service_certificate.digest.hex()}", headers=headers
    )
    assert certificate.content == desk.node.keys.service_certificate.der
    certificates.load_crl(http.get("/v1/log/crl").content)


def test_the_server_verifies_digests_and_never_takes_a_file(
    desk: Desk, http: httpx.Client, tmp_path: Path
) -> None:
    path = tmp_path / "item"
    path.write_bytes(b"evidence")
    (item,) = desk.upload(path)
    desk.anchor()
    request = {
        "bundle": b64url(desk.bundle(item.evidence)),
        "size": item.size,
        "digests": item.digests,
    }
    assert http.post("/v1/verify", json=request).json()["verdict"] == verification.Verdict.VERIFIED
    assert http.post("/v1/verify", json={**request, "size": 1}).json()["verdict"] == "failed"


def test_health_readiness_and_documentation_answer(http: httpx.Client) -> None:
    assert http.get("/healthz").json() == {"status": "ok"}
    assert http.get("/readyz").json() == {"status": "ready"}
    document = http.get("/openapi.json").json()
    assert document["info"]["title"] == "Custody ledger"


def test_the_description_of_the_api_loads_and_runs_nothing_from_anywhere(
    http: httpx.Client,
) -> None:
    answer = http.get("/docs")
    assert answer.status_code == 200
    policy = answer.headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert policy[0].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[0]
    assert answer.headers["x-frame-options"] == "DENY"
    for word in ("<script", "<link", "<img", "src=", "https://", "http://", " style=", " onclick"):
        assert word not in answer.text.lower().replace("https://custody", "").replace(
            "http://127.0.0.1", ""
        ), word
    style = answer.text[answer.text.index("<style>") + 7 : answer.text.index("</style>")]
    assert b64encode(sha256(style.encode()).digest()).decode() in policy[0]
    document = http.get("/openapi.json").json()
    operations = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]
    assert all(f"id='{one}'" in answer.text for one in operations), "every operation is described"
    assert all(f"id='schema-{one}'" in answer.text for one in document["components"]["schemas"])
    for gone in ("/redoc", "/docs/oauth2-redirect"):
        assert http.get(gone).status_code == 404


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
            url="/v1/status",
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
