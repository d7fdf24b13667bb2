"""Handovers between agencies: keys re-wrapped, steps taken by the contract, its outcome the same on both sides."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.domain.trust import TrustRoot
from ledger.domain.verify import verify
from ledger.services import handing
from ledger.services.handing import Terms
from tests.support import consortium
from tests.support.chains import running
from tests.support.consortium import Consortium
from tests.support.desk import Desk

NL, RO = "NL-POL", "RO-DIICOT"


@pytest.fixture(scope="module", params=["anvil"])
def chain(request: pytest.FixtureRequest) -> Iterator[str]:
    with running(request.param) as url:
        yield url


@pytest.fixture
def root(chain: str, tmp_path: Path) -> TrustRoot:
    return consortium.found(tmp_path, chain, NL, RO)


@pytest.fixture
def both(root: TrustRoot, tmp_path: Path) -> Iterator[Consortium]:
    with consortium.opened(tmp_path, NL, RO) as agencies:
        yield agencies


def upload(desk: Desk, tmp_path: Path, data: bytes = b"evidence" * 1000) -> str:
    file = tmp_path / "photo.jpg"
    file.write_bytes(data)
    [done] = desk.upload(file)
    return done.evidence


def offer(desk: Desk, evidence: str, agency: str, **more: object) -> None:
    terms = Terms(agency, int(time.time()) + 86400, **more)  # type: ignore[arg-type]
    handing.offer(desk.client, desk.person, desk.clock, evidence, terms)


def confirmed(desk: Desk) -> object:
    chain = desk.node.contracts.chain
    return lambda number, digest: {chain.block(number).hash}


def test_an_item_handed_abroad_verifies_from_the_new_holder(both: Consortium, root: TrustRoot, tmp_path: Path) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    assert both.settle() == {}
    assert taker.client.item(evidence)["offer"]["agency"] == RO
    handing.accept(taker.client, taker.person, taker.clock, evidence, condition="as sent")
    both.settle()
    assert giver.client.item(evidence)["custodian"] == RO
    assert taker.client.item(evidence)["custodian"] == RO
    assert taker.get(evidence) == b"evidence" * 1000
    taker.anchor()
    report = verify(taker.bundle(evidence), root, confirm=confirmed(taker))  # type: ignore[arg-type]
    assert report.verdict.value == "verified", report.as_json()
    assert report.facts["handoversAbroad"] == 1
