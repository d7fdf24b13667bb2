"""The API fuzzed from its own description: valid and invalid requests, with and without a session."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from api.access import PUBLIC, ROUTES
from ledger.client.intake.upload import UploadOptions
from tests.conftest import SEED
from tests.support import proofs
from tests.support.desk import Desk

EXAMPLES = 12
schemathesis.serializer.alias("application/vnd.ipld.car", "application/octet-stream")
PLANTED = "PLANTED-Jane-Roe"


class Borrowed(httpx.BaseTransport):
    """The transport of a desk that others use afterwards: closing a client must not close it."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._inner.handle_request(request)


@pytest.fixture(scope="module")
def http(shared_desk: Desk) -> Iterator[httpx.Client]:
    with proofs.client(Borrowed(shared_desk.transport)) as client:
        yield client


def operations() -> list[str]:
    return sorted(ROUTES)


def operation_named(desk: Desk, name: str) -> Any:
    schema = schemathesis.openapi.from_dict(desk.app.openapi())
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.definition.raw["operationId"] == name:
            return operation
    raise AssertionError(name)


def send(http: httpx.Client, case: Any, token: str | None) -> httpx.Response:
    options = case.as_transport_kwargs(base_url="http://home")
    headers = {
        str(name): str(value)
        for name, value in options.pop("headers").items()
        if name.lower() not in ("authorization", "host", "dpop")
    }
    if token is not None:
        headers["Authorization"] = f"DPoP {token}"
    body = {name: options[name] for name in ("json", "data", "content") if name in options}
    if "data" in body:
        data = body.pop("data")
        body["content"] = data if isinstance(data, (bytes, str)) else json.dumps(data)
    safe = {name: value.encode("utf-8", "surrogatepass") for name, value in headers.items()}
    return http.request(
        options["method"], options["url"], params=options.get("params"), headers=safe, **body
    )


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", operations())
def test_no_request_makes_the_node_fail(
    shared_desk: Desk, http: httpx.Client, name: str, mode: GenerationMode
) -> None:
    operation = operation_named(shared_desk, name)
    seen: list[int] = []

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case: Any) -> None:
        proofs.remember_session(shared_desk.client)
        for token in (None, "made-up", shared_desk.client._token):
            try:
                answer = send(http, case, token)
            except (
                httpx.InvalidURL,
                UnicodeEncodeError,
                httpx.UnsupportedProtocol,
                httpx.LocalProtocolError,
            ):
                continue  # no client can send it
            seen.append(answer.status_code)
            assert answer.status_code < 500, answer.text
            assert answer.headers["x-content-type-options"] == "nosniff"
            if answer.status_code >= 400:
                assert set(answer.json()) == {"error"}
                assert set(answer.json()["error"]) == {"code", "message", "hint", "step"}
            if ROUTES[name] != PUBLIC and token != shared_desk.client._token:
                # 404 and 405: the fuzzed path leads to no route at all.
                assert answer.status_code in (401, 404, 405, 414, 431), answer.text

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            run()
        except Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, "there is nothing to send"
            return
    assert seen


class Listening(httpx.BaseTransport):
    """A transport that writes down addresses and headers, but for those that are secret."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner, self.asked = inner, list[str]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = [
            item for item in request.headers.items() if item[0] not in ("authorization", "dpop")
        ]
        self.asked.append(f"{request.url} {headers}")
        return self._inner.handle_request(request)


def mistakes(evidence: str) -> list[tuple[str, str, object]]:
    """Requests that repeat the planted word to the node, all of them wrong."""
    item = f"/v1/evidence/{evidence}"
    statement = {"statement": PLANTED, "document": PLANTED, "disclosures": [PLANTED]}
    return [
        ("POST", "/v1/statements", {"statements": [statement]}),
        ("POST", "/v1/evidence/search", {"scheme": PLANTED, "value": [PLANTED]}),
        ("POST", "/v1/evidence/search", {"scheme": "case", "value": PLANTED, PLANTED: 1}),
        ("POST", "/v1/evidence/duplicates", {"sha256": PLANTED}),
        ("POST", "/v1/blocks/missing", {"cids": [PLANTED]}),
        ("POST", f"{item}/details", {"access": PLANTED}),
        ("POST", f"{item}/grants", {"access": "0" * 64, PLANTED: PLANTED}),
        ("POST", "/v1/login", {"answer": PLANTED}),
        ("PUT", "/v1/blocks", PLANTED),
    ]


def test_nothing_of_the_case_is_in_logs_errors_and_addresses(
    desk: Desk, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A whole job with planted words, and every mistake that repeats them to the node."""
    refused: list[str] = []
    desk.client._web._transport = listening = Listening(desk.transport)
    path = tmp_path / f"{PLANTED}.jpg"
    path.write_bytes(b"content of " + PLANTED.encode() + bytes(12_345))
    members = {
        "identifiers": [{"scheme": "case", "value": PLANTED}],
        "basis": {"purpose": PLANTED},
        "handling": ["victim-identity"],
    }
    with caplog.at_level(logging.DEBUG):
        item = desk.upload(path, options=UploadOptions(members))[0]
        desk.record(item.evidence, "note", {"text": PLANTED})
        assert desk.client.search("case", PLANTED) == [item.evidence]
        assert desk.get(item.evidence) == path.read_bytes()
        desk.client.anchor()
        session = {"Authorization": proofs.remember_session(desk.client)}
        with proofs.client(listening, headers=session) as http:
            for method, where, body in mistakes(item.evidence):
                answer = http.request(method, where, json=body)
                assert answer.status_code >= 400, where
                refused.append(answer.text)
            report = http.post("/v1/verify", json={"bundle": PLANTED})
            refused.append(report.text)  # no error: it says what is wrong with the bundle
    told = capfd.readouterr()
    digest, size = item.digests["sha-256"], str(item.size)
    for place, text in (
        ("logs", caplog.text),
        ("output", told.out + told.err),
        ("errors", "".join(refused)),
        ("addresses", "\n".join(listening.asked)),
    ):
        for word in (PLANTED, digest, size):
            assert word not in text, f"{word} in {place}"
    raw = b"".join(file.read_bytes() for file in desk.path.rglob("*") if file.is_file())
    for word in (PLANTED, digest):
        assert word.encode() not in raw, f"{word} on the disk"
