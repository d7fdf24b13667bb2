"""People without a part in an item, and a body of each type of event that they may try."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.codecs.text import format_time
from tests.support.actors import Actor, enrolled
from tests.support.desk import Desk

#: Roles that record everything between them, and see no item for being who they are.
UNSEEING = (
    "officer",
    "examiner",
    "reviewer",
    "prosecutor",
    "disclosure-officer",
    "court",
    "court-expert",
)


DIGEST = "ab" * 32


SOON = format_time(int(time.time()) + 86400)


BODIES: dict[str, dict[str, Any]] = {
    "accessed": {"mode": "view"},
    "verified": {"result": "match"},
    "analysed": {"description": "x"},
    "identified": {"identifiers": [{"scheme": "case", "value": "1"}]},
    "moved": {"place": "x"},
    "dispatched": {"carrier": "x"},
    "released": {"counterparty": {"name": "x"}},
    "received": {"counterparty": {"name": "x"}},
    "sealed": {"number": "S-1"},
    "unsealed": {"number": "S-1"},
    "hold-placed": {"hold": "x"},
    "hold-released": {"hold": "x"},
    "restricted": {"handling": ["csam"]},
    "unrestricted": {"handling": ["csam"]},
    "disclosed": {"recipientKind": "court", "mode": "view"},
    "presented": {"court": "x"},
    "ruled": {"ruling": "admitted"},
    "corrected": {"target": DIGEST, "pointer": "/body/name", "new": "x", "reason": "x"},
    "incident": {"kind": "loss", "discovered": "2026-11-01T00:00:00Z"},
    "approved": {"target": DIGEST},
    "refused": {"target": DIGEST},
    "note": {"text": "x"},
    "transfer-offered": {"mode": "custody", "to": {"agency": "RO-DIICOT"}, "expires": SOON},
    "transfer-accepted": {"offer": DIGEST},
    "transfer-declined": {"offer": DIGEST, "reason": "x"},
    "transfer-withdrawn": {"offer": DIGEST, "reason": "x"},
    "transfer-expired": {"offer": DIGEST},
    "voided": {"reason": "x"},
}


@pytest.fixture(scope="module")
def desk(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """The first person is officer and custodian; each test makes its own items."""
    with Desk(Path(shutil.copytree(founded, tmp_path_factory.mktemp("acting") / "home"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def stranger(desk: Desk) -> Actor:
    return enrolled(desk, *UNSEEING)


@pytest.fixture(scope="module")
def officer(desk: Desk) -> Actor:
    """Somebody who records items of their own."""
    return enrolled(desk, "officer", "examiner", number="4720")


@pytest.fixture(scope="module")
def custodian(desk: Desk) -> Actor:
    return enrolled(desk, "custodian")


def thing(actor: Actor, **body: Any) -> str:
    """A phone that somebody seized."""
    evidence = uuid.uuid4().urn
    status, answer = actor.submit(
        actor.opening("collected", {"description": "phone", **body}, evidence)
    )
    assert status == 201, answer
    return evidence


def photo(desk: Desk, tmp_path: Path, data: bytes = b"a face" * 500) -> str:
    (tmp_path / "photo.jpg").write_bytes(data)
    return desk.upload(tmp_path / "photo.jpg")[0].evidence
