"""Members that a giver withholds from what it hands over: nothing is taken without them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.app import field_folder
from ledger.client.handovers import copying
from ledger.client.intake.upload import UploadOptions
from ledger.domain.bundle import parcel
from ledger.domain.codecs.text import from_b64url
from ledger.domain.errors import (
    VerificationError,
)
from ledger.domain.event import document as documents
from ledger.domain.ports.node_and_chain import PartnerApi
from ledger.services.handovers import disclosed_copies, incoming_parcels
from tests.support import consortium
from tests.support.consortium import NL, RO, Consortium, offer, upload

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


def test_a_copy_of_which_the_own_node_hides_a_member_is_not_taken(
    both: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be recorded here under another name than it was given with."""
    giver, taker = both[NL], both[RO]
    item = upload(giver, tmp_path)
    recipient = copying.Recipient("agency", agency=RO)
    copying.disclose(
        giver.client, giver.person, giver.clock, item, recipient, copying.Disclosure("copy")
    )
    assert both.settle(NL, RO) == {}
    [copy] = [one for one in taker.client.copies() if one.evidence == item]
    found = taker.client.copy_record(copy)
    raw = from_b64url(found.events[0].signed.document or "", what="document")
    hidden = documents.parse(raw, found.events[0].signed.disclosures[1:]).value
    first = replace(found.events[0], document=hidden)
    lie = replace(found, opening=hidden, events=(first, *found.events[1:]))
    monkeypatch.setattr(taker.client, "copy_record", lambda _: lie)
    journal = field_folder.journal_of(taker.path, taker.home.keyring)
    with pytest.raises(VerificationError, match="does not show all of the record: event 0: /body/"):
        copying.take(taker.client, taker.person, journal, taker.clock, copy, tmp_path, {})
