"""Members that a giver withholds from what it hands over: nothing is taken without them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.client import copying
from ledger.client.upload import UploadOptions
from ledger.domain.bundle import parcel
from ledger.domain.errors import (
    VerificationError,
)
from ledger.domain.ports.node_and_chain import PartnerApi
from ledger.services.handovers import disclosed_copies, incoming_parcels
from tests.support import consortium
from tests.support.consortium import NL, RO, Consortium, offer

ABSENT = "urn:uuid:00000000-0000-4000-8000-000000000000"


class _LeavingOut:
    """A node that leaves one disclosure of an opening out of what it sends."""

    def __init__(self, api: PartnerApi, number: int) -> None:
        self._api, self._number = api, number

    def _without(self, data: bytes) -> bytes:
        found = parcel.parse(data)
        first, *others = found.documents
        shown = [*first.disclosures]
        del shown[self._number]
        documents = (replace(first, disclosures=tuple(shown)), *others)
        return replace(found, documents=documents).encode()

    def parcel(self, evidence: str) -> bytes:
        return self._without(self._api.parcel(evidence))

    def copy(self, statement: str) -> bytes:
        return self._without(self._api.copy(statement))


def test_nothing_is_taken_of_which_the_giver_withholds_a_member_such_as_the_conditions(
    both: Consortium, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    source = {"evidence": ABSENT, "statement": "ab" * 32, "conditions": ["only case 12"]}
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"a face" * 1000)
    options = UploadOptions(event_type="copied", body={"source": source})
    [done] = giver.upload(file, options=options)
    evidence = done.evidence
    allowed = {"basis": {"purpose": "case 12", "reference": "authorisation 1"}}
    recipient = copying.Recipient("agency", agency=RO)
    copy = copying.Disclosure("copy", members=allowed)
    given = copying.disclose(giver.client, giver.person, giver.clock, evidence, recipient, copy)
    assert both.settle(NL, RO) == {}
    api, statement = taker.node.reach(consortium.address(NL)), bytes.fromhex(given.statement)
    hidden = len(parcel.parse(api.copy(given.statement)).documents[0].disclosures)
    assert hidden >= 2
    lying: list[Any] = [_LeavingOut(api, number) for number in range(hidden)]
    for node in lying:
        with pytest.raises(VerificationError, match="event 0 are withheld from us: /body/"):
            disclosed_copies.fetch(taker.node, NL, node, evidence, statement)
    assert disclosed_copies.fetch(taker.node, NL, api, evidence, statement).evidence == evidence
    offer(giver, evidence, RO, members=allowed)
    both.settle(NL, rounds=2)
    for node in lying:
        with pytest.raises(VerificationError, match="event 0 are withheld from us: /body/"):
            incoming_parcels.receive(taker.node, NL, node, evidence)
        with taker.node.records.read() as unit:
            assert unit.items.get(evidence) is None
    assert both.settle(NL, RO, rounds=3) == {}
    assert taker.client.item(evidence).offer
