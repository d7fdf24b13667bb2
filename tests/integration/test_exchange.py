"""What agencies exchange: nothing altered, foreign or false is taken in; copies and disposals reach
whom they must and nobody else.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ledger.adapters.node import signed_records
from ledger.app import field_folder
from ledger.client.handovers import copying, handover
from ledger.client.intake.upload import UploadOptions
from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import parcel
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.crypto import content_encryption
from ledger.domain.errors import (
    DemandError,
    DeniedError,
    IncompleteError,
    NotFoundError,
    RuleError,
    VerificationError,
)
from ledger.domain.event.signing import seal_keys, sign_event
from ledger.domain.ports.answers import CopyRecord, DisposalNote, Link
from ledger.domain.verify import verify
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import SelfCheckFinding
from ledger.services.handovers import erasure, incoming_parcels, sync
from ledger.services.registration import service_events
from tests.support import consortium
from tests.support.consortium import NL, RO, US, Consortium, confirmed, offer, upload
from tests.support.people import joined

ABSENT = "urn:uuid:00000000-0000-4000-8000-000000000000"


def test_an_altered_record_or_ciphertext_from_another_agency_is_not_taken_in(
    both: Consortium, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    both.settle(NL, rounds=2)
    api = taker.node.reach(consortium.address(NL))

    class Lying:
        def __init__(self, alter: str) -> None:
            self.alter = alter

        def parcel(self, which: str) -> bytes:
            found = parcel.parse(api.parcel(which))
            if self.alter == "sealed document":
                document = found.documents[0]
                changed = replace(
                    document, sealed=document.sealed[:-1] + bytes([document.sealed[-1] ^ 1])
                )
                found = replace(found, documents=(changed, *found.documents[1:]))
            if self.alter == "missing document":
                found = replace(found, documents=found.documents[:-1])
            if self.alter == "shorter bundle":
                bundle = bundles.parse(found.bundle)
                found = replace(
                    found, bundle=replace(bundle, statements=bundle.statements[:-1]).encode()
                )
            return found.encode()

        def ciphertext(self, which: str, start: int, end: int) -> bytes:
            data = bytes(api.ciphertext(which, start, end))
            return data[:-1] + bytes([data[-1] ^ 1]) if self.alter == "ciphertext" else data

    for alter, kind, match in (
        ("sealed document", VerificationError, "document was altered"),
        ("missing document", VerificationError, "documents are missing"),
        ("shorter bundle", IncompleteError, "nothing shown here explains"),
        ("ciphertext", VerificationError, "does not have the recorded CID"),
    ):
        with pytest.raises(kind, match=match):
            incoming_parcels.receive(taker.node, NL, Lying(alter), evidence)  # type: ignore[arg-type]
        with taker.node.records.read() as unit:
            assert unit.items.get(evidence) is None
    assert both.settle(NL, RO, rounds=3) == {}
    assert taker.client.item(evidence).offer


def test_another_agencys_item_under_the_name_of_one_of_ours_replaces_nothing(
    both: Consortium, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    ours = upload(taker, tmp_path, b"the real one")
    sealed = seal_keys(
        giver.person,
        ours,
        record_key=content_encryption.new_key(),
        content_key=None,
        commitment=None,
    )
    signed = sign_event(
        giver.person,
        "collected",
        {"description": "an impostor"},
        evidence=ours,
        seq=0,
        prev=None,
        time=giver.clock.now(),
        sealed_keys=sealed,
    )
    giver.client.register([signed.submission])
    before = taker.client.item(ours)
    offer(giver, ours, RO)
    problems = both.settle(NL, RO)
    assert "under that name" in problems[ours]
    assert replace(taker.client.item(ours), state="") == replace(before, state="")
    assert taker.get(ours) == b"the real one"
    handover.withdraw(giver.client, giver.person, giver.clock, ours, reason="an impostor")
    both.settle(NL, RO)


def test_another_node_records_nothing_about_items_that_it_never_held(
    both: Consortium, tmp_path: Path
) -> None:
    host, stranger = both[NL], both[RO].node
    evidence = upload(host, tmp_path)
    item = host.client.item(evidence)
    log = host.node.log_id.hex()
    told = DisposalNote(evidence, "00" * 32, log, item.events, item.head, 0)
    api = stranger.reach(consortium.address(NL))
    for event_type, body in (
        ("keys-destroyed", {"scope": ["content"]}),
        ("verified", {"result": "mismatch"}),
    ):
        answers = set()
        for name in (evidence, ABSENT):
            named = replace(told, evidence=name)
            with pytest.raises(NotFoundError) as caught:
                service_events.submit(stranger, api, NL, named, event_type, body)
            answers.add((caught.value.message, caught.value.hint))
        assert len(answers) == 1, "a hidden item and an absent one are one answer"
    assert host.client.item(evidence).events == item.events


def test_a_strangers_node_gets_no_parcel(trio: Consortium, tmp_path: Path) -> None:
    evidence = upload(trio[NL], tmp_path)
    offer(trio[NL], evidence, RO)
    trio.settle(NL, RO, rounds=2)
    stranger = trio[US].node.reach(consortium.address(NL))
    assert stranger.exchanged() == []
    statement = trio[NL].client.item(evidence).head
    for path in (
        "/v1/exchange/{}/parcel",
        "/v1/exchange/{}/content",
        "/v1/exchange/{}/closing",
        "/v1/exchange/copies/{}",
    ):
        names = (statement, "cd" * 32) if "copies" in path else (evidence, ABSENT)
        answers = set()
        for name in names:
            with pytest.raises(NotFoundError) as caught:
                stranger._send("GET", path.format(name), headers={"Range": "bytes=0-9"})  # type: ignore[attr-defined]
            answers.add((caught.value.message, caught.value.hint))
        assert len(answers) == 1, path
    with pytest.raises(DeniedError):
        trio[NL].client._send("GET", f"/v1/exchange/{evidence}/parcel")
    for path in ("/v1/evidence", "/v1/people", "/v1/status"):
        with pytest.raises(DeniedError):
            stranger._send("GET", path)  # type: ignore[attr-defined]


def test_a_copy_given_abroad_is_an_item_of_its_own_and_both_sides_know_who_holds_it(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    recipient, what = (
        copying.Recipient("prosecutor", agency=RO),
        copying.Disclosure("copy", conditions=("this case only",)),
    )
    statement = copying.disclose(
        giver.client, giver.person, giver.clock, evidence, recipient, what
    ).statement
    assert both.settle(NL, RO) == {}
    [offered] = [copy for copy in taker.client.copies() if copy.evidence == evidence]
    assert offered.statement == statement
    assert not [copy for copy in both[US].client.copies() if copy.evidence == evidence]
    (tmp_path / "workplace").mkdir()
    journal = field_folder.journal_of(taker.path, taker.home.keyring)
    made = copying.take(
        taker.client, taker.person, journal, taker.clock, offered, tmp_path / "workplace", {}
    )
    assert taker.get(made.evidence) == b"evidence" * 1000
    assert giver.client.lineage(evidence).copies[0].taken == made.evidence
    other = upload(taker, tmp_path, b"another item")
    with pytest.raises(RuleError, match="not on record as this copy"):
        taker.client.copy_taken(offered, other)
    assert Link(evidence, made.evidence, "copy") in taker.client.lineage(made.evidence).links
    opening = taker.client.details(made.evidence, taker.access(made.evidence))[0].document
    assert opening["body"]["source"] == {
        "evidence": evidence,
        "statement": statement,
        "conditions": ["this case only"],
    }
    with pytest.raises(DemandError, match="1 condition on onward use"):
        offer(taker, made.evidence, US)
    offer(
        taker, made.evidence, US, members={"basis": {"purpose": "trial", "reference": "letter 88"}}
    )
    assert giver.client.item(evidence).custodian == NL
    with pytest.raises(NotFoundError):
        both[US].node.reach(consortium.address(NL)).copy(statement)


def test_a_copy_that_is_shown_otherwise_than_it_was_disclosed_is_not_taken(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence, other = upload(giver, tmp_path), upload(giver, tmp_path, b"another item")
    for item in (evidence, other):
        copying.disclose(
            giver.client,
            giver.person,
            giver.clock,
            item,
            copying.Recipient("agency", agency=RO),
            copying.Disclosure("copy"),
        )
    assert both.settle(NL, RO) == {}
    one, two = (
        next(copy for copy in taker.client.copies() if copy.evidence == item)
        for item in (evidence, other)
    )
    found, swapped = taker.client.copy_record(one), taker.client.copy_record(two)
    opening = {**swapped.opening, "evidence": evidence}
    shown = replace(swapped.events[0], document=opening)
    for lie, match in (
        (replace(found, opening=opening), "another opening or disclosure"),
        (replace(found, events=(shown, *found.events[1:])), "about another item"),
        (replace(found, events=(found.events[0], *found.events[2:])), "does not follow"),
        (replace(found, events=found.events[:-1]), "does not lead to"),
    ):
        with pytest.raises(VerificationError, match=match):
            signed_records.require_copy(lie, evidence, one.statement, "the node", recipient=RO)
    with pytest.raises(VerificationError, match=f"as the disclosure to {US} an event of type"):
        signed_records.require_copy(found, evidence, one.statement, "the node", recipient=US)
    other_agency = replace(one, recipient=NL)
    with pytest.raises(VerificationError, match=f"lists a copy for {NL} as one for {RO}"):
        copying.take(
            taker.client,
            taker.person,
            field_folder.journal_of(taker.path, taker.home.keyring),
            taker.clock,
            other_agency,
            tmp_path,
            {},
        )


def test_an_event_that_discloses_nothing_is_not_taken_for_the_disclosure_of_a_copy(
    both: Consortium, tmp_path: Path
) -> None:
    giver = both[NL]
    evidence = upload(giver, tmp_path)
    events = tuple(giver.client.details(evidence, giver.access(evidence, "view")))
    first, last = events[0].document, events[-1].document
    assert first is not None
    assert last is not None
    record = CopyRecord(events, first, last, ())
    with pytest.raises(VerificationError, match=f"as the disclosure to {RO} an event of type"):
        signed_records.require_copy(record, evidence, events[-1].statement, "it", recipient=RO)


def test_a_copy_is_guarded_as_its_item_was_when_it_was_given(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    """What it shows is often seen only after it was opened: the copy came as unmarked."""
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    giver.record(evidence, "restricted", {"handling": ["csam"]})
    copying.disclose(
        giver.client,
        giver.person,
        giver.clock,
        evidence,
        copying.Recipient("agency", agency=RO),
        copying.Disclosure("copy"),
    )
    assert both.settle(NL, RO) == {}
    [offered] = [copy for copy in taker.client.copies() if copy.evidence == evidence]
    (tmp_path / "workplace").mkdir()
    journal = field_folder.journal_of(taker.path, taker.home.keyring)
    made = copying.take(
        taker.client, taker.person, journal, taker.clock, offered, tmp_path / "workplace", {}
    )
    access = taker.access(made.evidence)
    assert taker.client.record(made.evidence, access)[1].handling == ("csam",)


def test_a_copy_of_what_one_recorded_oneself_is_taken_under_the_number_that_the_case_has(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    """Its number came with it, and nobody here can choose another one."""
    giver, taker = both[NL], both[RO]
    numbers = [{"scheme": "case", "value": "2026-117"}, {"scheme": "exhibit", "value": "A1"}]
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"evidence" * 1000)
    options = UploadOptions({"identifiers": numbers})
    evidence = [desk.upload(file, options=options)[0].evidence for desk in (giver, taker)][0]
    recipient, what = copying.Recipient("agency", agency=RO), copying.Disclosure("copy")
    copying.disclose(giver.client, giver.person, giver.clock, evidence, recipient, what)
    assert both.settle(NL, RO) == {}
    [offered] = [copy for copy in taker.client.copies() if copy.evidence == evidence]
    (tmp_path / "workplace").mkdir()
    journal = field_folder.journal_of(taker.path, taker.home.keyring)
    made = copying.take(
        taker.client, taker.person, journal, taker.clock, offered, tmp_path / "workplace", {}
    )
    assert taker.get(made.evidence) == b"evidence" * 1000


def test_a_disposal_reaches_every_agency_that_held_the_item_before(
    trio: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    evidence = upload(trio[NL], tmp_path)
    for giver, taker in ((trio[NL], trio[RO]), (trio[RO], trio[US])):
        offer(giver, evidence, taker.node.agency)
        trio.settle(rounds=3)
        handover.accept(taker.client, taker.person, taker.clock, evidence)
        trio.settle(rounds=3)
    taker = trio[US]
    second = joined(taker, tmp_path / "second", "custodian", number="2")
    requested = taker.record(evidence, "disposal-requested", {"reason": "case closed"}).statement
    approved = second.record(evidence, "approved", {"target": requested}).statement
    taker.record(
        evidence, "disposed", {"scope": "all", "method": "keys destroyed", "approvals": [approved]}
    )
    # NL follows once RO, to which it gave the item, has confirmed it.
    assert trio.settle(rounds=8) == {}
    told = taker.client.disposal(evidence)
    assert {confirmation.agency for confirmation in told.confirmed} == {NL, RO, US}
    for desk in trio.desks.values():
        with desk.node.records.read() as unit:
            assert not any(unit.grants.are_left(evidence, scope) for scope in ("content", "record"))
            assert not [
                row
                for row in unit.logs.events(evidence)
                if unit.documents.get(row.payload) is not None
            ]
        with pytest.raises(DeniedError, match="was disposed of"):
            desk.get(evidence)
        assert [
            one for one in examine(desk.node, deep=True) if isinstance(one, SelfCheckFinding)
        ] == []
    sync.settle(taker.node, timeout=30)
    report = verify(taker.client.bundle(evidence, ""), root, confirm=confirmed(taker))  # type: ignore[arg-type]
    assert (report.verdict.value, report.facts["closed"]) == ("verified", True), report.as_json()


def test_a_disposal_that_the_holder_did_not_sign_destroys_nothing(
    both: Consortium, tmp_path: Path
) -> None:
    giver = both[NL]
    evidence = upload(giver, tmp_path)
    api = both[RO].node.reach(consortium.address(NL))

    class Lying:
        def disposals(self) -> list[DisposalNote]:
            return [DisposalNote(evidence, "00" * 32, "00" * 32, 2, "00" * 32, 0)]

        def closing(self, which: str) -> bytes:
            return bytes(giver.bundle(which))

    erasure.learn(giver.node, RO, Lying())  # type: ignore[arg-type]
    with giver.node.records.read() as unit:
        assert unit.erasures.get(evidence) is None
    offer(giver, evidence, RO)
    both.settle(NL, RO)
    handover.accept(both[RO].client, both[RO].person, both[RO].clock, evidence)
    both.settle(NL, RO)
    with pytest.raises(VerificationError):
        erasure.learn(giver.node, RO, Lying())  # type: ignore[arg-type]
    with giver.node.records.read() as unit:
        assert unit.erasures.get(evidence) is None
        assert unit.grants.are_left(evidence, "content")
    assert evidence not in {disposal.evidence for disposal in api.disposals()}
