"""The API: deny by default, one error shape, limits, and answers that tell strangers nothing."""

from __future__ import annotations

import logging
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from api.access import PUBLIC, ROUTES
from ledger.domain import verify as verification
from ledger.domain.codecs.text import b64url
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.names import ROLES
from ledger.domain.log.receipt import parse_checkpoint, verify_checkpoint
from ledger.domain.log.tiles import split_bundle
from tests.support.calls import (
    bearer,
    enrol,
)
from tests.support.desk import Desk, signed_note

STRANGE = "urn:uuid:00000000-0000-4000-8000-000000000000"


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


def test_nobody_registers_a_statement_of_somebody_else(
    desk: Desk, http: httpx.Client, tmp_path: Path
) -> None:
    path = tmp_path / "item"
    path.write_bytes(b"x")
    (item,) = desk.upload(path)
    submission = signed_note(desk, item.evidence)
    headers = bearer(http, *enrol(desk, "officer"))
    answer = http.post("/v1/statements", headers=headers, json={"statements": [submission]})
    assert answer.status_code == 403
    assert desk.client.item(item.evidence).events == 1


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
    revocation_lists.load_crl(http.get("/v1/log/crl").content)


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


def test_the_description_names_the_scheme_by_which_a_session_is_taken(
    desk: Desk, http: httpx.Client
) -> None:
    document = http.get("/openapi.json").json()
    [scheme] = document["components"]["securitySchemes"].values()
    assert (scheme["type"], scheme["scheme"].lower()) == ("http", "dpop")
    refused = http.get("/v1/evidence", headers={"Authorization": "Bearer x"})
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"].lower().startswith("dpop")


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
    assert all(
        f"id='schema-{schema}'" in answer.text for schema in document["components"]["schemas"]
    )
    for gone in ("/redoc", "/docs/oauth2-redirect"):
        assert http.get(gone).status_code == 404
