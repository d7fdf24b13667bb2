"""Planted names, numbers, sizes and digests, and everything that others can see: none of it shows
any of them.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.adapters.node.client import NodeClient
from ledger.client import physical_items
from ledger.client.handovers import copying, handover
from ledger.client.intake.upload import UploadOptions
from ledger.domain.errors import (
    CustodyError,
    DeniedError,
    FormatError,
    NetworkError,
    RuleError,
    UsageError,
)
from ledger.domain.event.offer_terms import OfferTerms
from tests.support import consortium
from tests.support.calls import bearer, enrol
from tests.support.chains import running
from tests.support.consortium import Consortium
from tests.support.desk import Desk

NL, RO = "NL-POL", "RO-DIICOT"
SIZE = 1_234_567
PLANTED = {
    "case": "PLANTED-CASE-117",
    "name": "planted-name.jpg",
    "place": "Planted Street 7",
    "person": "Planted Person",
    "reason": "planted reason",
    "seal": "PLANTED-SEAL",
    "service": "PLANTED-4711",
}


@pytest.fixture(scope="module")
def agencies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Consortium, str]]:
    folder = tmp_path_factory.mktemp("leaks")
    with running("anvil") as url:
        consortium.found(folder, url, NL, RO)
        with consortium.opened(folder, NL, RO) as both:
            yield both, url


@dataclass
class Overheard:
    """The addresses that clients asked for, and the errors that they were answered with."""

    urls: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture
def overheard(monkeypatch: pytest.MonkeyPatch) -> Overheard:
    heard, real = Overheard(), NodeClient._send

    def listening(self: NodeClient, method: str, path: str, **options: Any) -> Any:
        heard.urls.append(f"{path} {options.get('params')}")
        try:
            return real(self, method, path, **options)
        except CustodyError as error:
            heard.errors.append(f"{error.message} {error.hint}")
            raise

    monkeypatch.setattr(NodeClient, "_send", listening)
    return heard


def test_chain_ipfs_log_urls_errors_and_logs_show_nothing_of_a_case(
    agencies: tuple[Consortium, str],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    overheard: Overheard,
) -> None:
    both, url = agencies
    caplog.set_level(logging.DEBUG)
    data = (b"planted content " * (SIZE // 16 + 1))[:SIZE]
    _work(both, tmp_path, data)
    seen = _stored(both, url) | {
        "urls": "\n".join(overheard.urls).encode(),
        "errors": "\n".join(overheard.errors).encode(),
        "logs": caplog.text.encode(),
    }
    assert len(seen["errors"]) > 100
    assert len(seen["chain"]) > 1000
    digest = hashlib.sha256(data)
    planted = {name: word.encode() for name, word in PLANTED.items()}
    planted |= {
        "digest": digest.digest(),
        "digest in hex": digest.hexdigest().encode(),
        "size": str(SIZE).encode(),
        "content": data[:64],
    }
    for place, content in seen.items():
        for name, word in planted.items():
            assert word not in content, f"{name} in {place}"
    assert SIZE.to_bytes(4, "big") not in seen["chain"] + seen["log"]


def _work(both: Consortium, folder: Path, data: bytes) -> None:
    """A case from seizure to disclosure, with the planted words wherever people type."""
    giver, taker = both[NL], both[RO]
    basis = {"purpose": PLANTED["reason"], "reference": PLANTED["case"]}
    evidence = _record(giver, folder, data, basis)
    both.settle(NL, RO, rounds=1)
    terms = OfferTerms(
        RO,
        int(time.time()) + 3600,
        purpose=PLANTED["reason"],
        conditions=(PLANTED["place"],),
        members={"basis": basis},
    )
    handover.offer(giver.client, giver.person, giver.clock, evidence, terms)
    both.settle(NL, RO)
    handover.accept(taker.client, taker.person, taker.clock, evidence, condition=PLANTED["person"])
    both.settle(NL, RO)
    recipient = copying.Recipient("prosecutor", PLANTED["person"], agency=NL)
    what = copying.Disclosure("copy", members={"basis": basis})
    copying.disclose(taker.client, taker.person, taker.clock, evidence, recipient, what)
    taker.record(evidence, "note", {"text": PLANTED["reason"]})
    for desk in (giver, taker):
        _provoke(desk, evidence)
    both.settle(NL, RO)


def _record(desk: Desk, folder: Path, data: bytes, basis: dict[str, str]) -> str:
    """A file and a thing of the case; the file's item."""
    file = folder / PLANTED["name"]
    file.write_bytes(data)
    members = {"identifiers": [{"scheme": "case", "value": PLANTED["case"]}], "basis": basis}
    body = {"place": PLANTED["place"], "collector": {"name": PLANTED["person"]}}
    [done] = desk.upload(file, options=UploadOptions(members, body=body))
    thing = {"description": PLANTED["name"], "seals": [{"number": PLANTED["seal"]}]}
    physical_items.collect(desk.client, desk.person, desk.clock, thing, members)
    return done.evidence


def _stored(both: Consortium, url: str) -> dict[str, bytes]:
    """What lies where others can read it, or whoever takes a disk."""
    desks = (both[NL], both[RO])
    return {
        "chain": _chain(url),
        "log": b"".join(_public_log(desk) for desk in desks),
        "blocks": b"".join(
            desk.node.blocks.get(cid) for desk in desks for cid in desk.node.blocks._spool.cids()
        ),
        "databases": b"".join(
            path.read_bytes() for desk in desks for path in desk.path.glob("ledger.sqlite*")
        ),
    }


def _provoke(desk: Desk, evidence: str) -> None:
    """Errors of every kind, with case data in what is asked."""
    client = desk.client
    asked: list[tuple[type[CustodyError], Any]] = [
        (FormatError, lambda: client.search(PLANTED["case"] * 20, PLANTED["case"])),
        (
            FormatError,
            lambda: client._send(
                "POST",
                "/v1/evidence/search",
                json={"scheme": "case", "value": PLANTED["case"], PLANTED["name"]: 1},
            ),
        ),
        (
            RuleError,
            lambda: desk.record(
                evidence, "sealed", {"number": PLANTED["seal"], "replaces": PLANTED["seal"]}
            ),
        ),
        (
            UsageError,
            lambda: desk.record(evidence, "moved", {"place": PLANTED["place"], "from": ""}),
        ),
        (DeniedError, lambda: client.details(evidence, "0" * 64)),
        (
            DeniedError,
            lambda: client.bundle(evidence, "0" * 64, withhold=["/body/" + PLANTED["name"]]),
        ),
        (UsageError, lambda: client.invite(PLANTED["service"], [PLANTED["person"]])),
        (
            FormatError,
            lambda: client._send(
                "POST",
                "/v1/statements",
                json={"statements": [{"statement": "AA", "document": "AA"}]},
            ),
        ),
    ]
    for error, ask in asked:
        with pytest.raises(error):
            ask()


def _chain(url: str) -> bytes:
    """Every byte that anybody sent to the chain."""
    import requests

    def ask(method: str, *params: Any) -> Any:
        return requests.post(
            url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, timeout=10
        ).json()["result"]

    data = b""
    for number in range(int(ask("eth_blockNumber"), 16) + 1):
        for transaction in ask("eth_getBlockByNumber", hex(number), True)["transactions"]:
            data += bytes.fromhex(transaction["input"][2:])
    return data


def _public_log(desk: Desk) -> bytes:
    """What anybody may fetch of the log, and the entries that auditors may."""
    found = b""
    with desk.node.records.read() as unit:
        log = unit.logs.get(desk.node.log_id)
        found += b"".join(row.entry for row in unit.logs.entries(desk.node.log_id, 0, log.size))
    for path in (
        "/v1/log/checkpoint",
        "/v1/log/crl",
        "/v1/agency",
        f"/v1/log/tile/0/000.p/{log.size}",
    ):
        found += desk.client._send("GET", path, authenticated=False).content
    return found


def test_why_work_of_the_node_fails_and_at_which_address_is_nothing_for_the_defence(
    desk: Desk, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = NetworkError("the chain did not answer", where="10.0.0.7:8545 took no connection")

    def silent() -> None:
        raise fault

    monkeypatch.setattr(desk.node, "chain_head", silent)
    desk.node.workers.record("anchoring", 1, problem=fault.message, hint="", following=2)
    told = {
        role: http.get("/v1/status", headers=bearer(http, *enrol(desk, role)))
        for role in ("officer", "defence")
    }
    assert told["officer"].text.count("10.0.0.7:8545") == 2
    assert "10.0.0.7" not in told["defence"].text
    assert told["defence"].json()["chain"]["problem"] == "the chain did not answer"
    assert [one["problem"] for one in told["defence"].json()["workers"]] == ["it fails"]
    waiting = http.get("/v1/inbox", headers=bearer(http, *enrol(desk, "defence")))
    assert [one["told"] for one in waiting.json()["waiting"]] == ["it fails"]
