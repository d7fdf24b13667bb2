"""The page at /: whoever opens the address of a node in a browser learns what it is."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from api import front_page
from ledger.client.intake.upload import UploadOptions
from ledger.services.node.duty_board import Standing
from ledger.services.workers.anchoring_worker import AnchoringPolicy, AnchoringWorker
from ledger.services.workers.handover_worker import HandoverWorker
from tests.support.desk import Desk

CASE = [{"scheme": "case", "value": "2026-117"}]


def test_the_page_of_a_node_says_what_it_is_and_nothing_of_any_case(
    desk: Desk, http: httpx.Client, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/` was a 404."""
    [item] = desk.upload(photo, options=UploadOptions({"identifiers": CASE}))
    answer = http.get("/")
    assert answer.status_code == 200
    assert "Evidence node of NL-POL" in answer.text
    assert "in service" in answer.text

    named = (item.evidence, photo.name, str(desk.path), desk.person.certificate.pseudonym)
    for secret in ("2026-117", *named):
        assert secret not in answer.text.replace("photo.jpg --trust", ""), secret
    desk.anchor()
    # It said of a lone agency's own chain that not even the agency could change it.
    alone = http.get("/").text
    assert "anchored, on a chain that this agency runs alone" in alone
    assert "not even the agency" not in alone
    monkeypatch.setattr(desk.node.contracts.chain, "label", "consortium chain")
    assert "All of them are anchored for good" in http.get("/").text
    for path in re.findall('href="([^"]*)"', answer.text):
        assert http.get(path).status_code == 200, path
    assert http.post("/").status_code == 405


def test_the_page_of_a_node_loads_and_runs_nothing(desk: Desk, http: httpx.Client) -> None:
    answer = http.get("/")
    style = answer.text[answer.text.index("<style>") + 7 : answer.text.index("</style>")]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    [policy] = answer.headers.get_list("content-security-policy")
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    strange = (
        "<script",
        "<link",
        "<img",
        "<form",
        "src=",
        "http:",
        "https:",
        " style=",
        " onclick",
    )
    assert [word for word in strange if word in answer.text.lower()] == []


def test_a_node_that_has_stopped_says_so_without_a_reason(desk: Desk, http: httpx.Client) -> None:
    with desk.node.records.write() as unit:
        log = unit.logs.get(desk.node.log_id)
        assert log is not None
        unit.logs.put(replace(log, frozen="entries <b>of case 2026-117</b>"))
    text = http.get("/").text
    assert "It takes no records" in text
    assert "in service" not in text
    assert "2026-117" not in text


def test_background_work_that_fails_is_told_in_words_and_without_its_problem(
    desk: Desk, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [
        Standing("anchoring", failures=3, problem="no chain at 10.1.2.3"),
        Standing("exchange-2", failures=1, problem="RO-DIICOT"),
    ]
    monkeypatch.setattr(desk.node.workers, "failing", lambda: failing)
    text = http.get("/").text
    assert "anchoring its log in the chain, exchanging with other agencies" in text
    assert "10.1.2.3" not in text
    assert "RO-DIICOT" not in text


def test_every_background_work_has_words_on_the_page(desk: Desk) -> None:
    workers = (AnchoringWorker(desk.node, AnchoringPolicy(1, 1)), HandoverWorker(desk.node))
    names = {loop._duty.name.partition("-")[0] for worker in workers for loop in worker._loops}
    assert names | {"keeping"} == set(front_page._WORK)
