"""Handovers between agencies: keys re-wrapped, steps taken by the contract, its outcome the same on both sides."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger import wiring
from ledger.domain import bundle as bundles
from ledger.domain import envelope, parcel
from ledger.domain.encoding import format_time
from ledger.domain.errors import ConflictError, CustodyError, DeniedError, NotFoundError, RuleError, VerificationError
from ledger.domain.trust import TrustRoot
from ledger.domain.verify import verify
from ledger.services import copying, erasure, handing, handovers, intake, ownevents
from ledger.services.doctor import Finding, examine
from ledger.services.handing import Terms
from ledger.services.ingest import Options
from ledger.services.node import Node
from ledger.services.signing import seal_keys, sign_event
from tests.support import consortium
from tests.support.chains import running
from tests.support.consortium import Consortium
from tests.support.desk import Desk
from tests.support.people import joined

NL, RO, US = "NL-POL", "RO-DIICOT", "US-HSI"


@pytest.fixture(scope="module")
def chain() -> Iterator[str]:
    with running("anvil") as url:
        yield url


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("consortium")


@pytest.fixture(scope="module")
def root(chain: str, folder: Path) -> TrustRoot:
    return consortium.found(folder, chain, NL, RO, US)


@pytest.fixture(scope="module")
def three(root: TrustRoot, folder: Path) -> Iterator[Consortium]:
    with consortium.opened(folder, NL, RO, US) as agencies:
        yield agencies


@pytest.fixture
def both(three: Consortium) -> Consortium:
    """Two of the agencies do the work; the third one is there all the while."""
    return three


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
    assert both.settle(NL, RO, rounds=3) == {}
    assert taker.client.item(evidence)["offer"]["agency"] == RO
    handing.accept(taker.client, taker.person, taker.clock, evidence, condition="as sent")
    both.settle(NL, RO, rounds=3)
    assert giver.client.item(evidence)["custodian"] == RO
    assert taker.client.item(evidence)["custodian"] == RO
    assert taker.get(evidence) == b"evidence" * 1000
    taker.anchor()
    report = verify(taker.bundle(evidence), root, confirm=confirmed(taker))  # type: ignore[arg-type]
    assert report.verdict.value == "verified", report.as_json()
    assert report.facts["handoversAbroad"] == 1


def judged(desk: Desk, evidence: str, root: TrustRoot) -> str:
    handovers.settle(desk.node, timeout=30)
    report = verify(desk.bundle(evidence), root, confirm=confirmed(desk))  # type: ignore[arg-type]
    return f"{report.verdict.value} {report.facts.get('custodian')} {report.facts.get('handoversAbroad')}"


def test_a_refused_item_stays_with_the_giver_and_the_keys_that_came_along_are_destroyed(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    both.settle(NL, RO, rounds=2)
    handing.decline(taker.client, taker.person, taker.clock, evidence, reason="the seal is broken")
    both.settle(NL, RO, rounds=3)
    for desk in (giver, taker):
        assert desk.client.item(evidence)["custodian"] == NL
        assert desk.client.item(evidence)["offer"] is None
    assert judged(giver, evidence, root) == "verified NL-POL 1"
    assert giver.get(evidence)
    with taker.node.records.read() as unit:
        assert not unit.has_grants(evidence, "content")
    assert not [one for one in taker.client.handovers() if one["evidence"] == evidence]


def test_nothing_else_follows_an_open_offer_and_nobody_else_answers_it(both: Consortium, tmp_path: Path) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    with pytest.raises(RuleError, match="an offer is open"):
        giver.record(evidence, "note", {"text": "one more thing"})
    with pytest.raises(RuleError, match="an offer is open"):
        offer(giver, evidence, RO)
    with pytest.raises(NotFoundError):
        handing.accept(giver.client, giver.person, giver.clock, evidence)
    both.settle(NL, RO, rounds=3)
    with pytest.raises(RuleError, match="offer is open"):
        taker.record(evidence, "note", {"text": "not mine yet"})


def test_an_offer_taken_back_before_it_reached_the_chain_leaves_no_trace_there(both: Consortium, root: TrustRoot, tmp_path: Path) -> None:
    giver = both[NL]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    handing.withdraw(giver.client, giver.person, giver.clock, evidence, reason="wrong addressee")
    both.settle(NL, RO, rounds=3)
    assert giver.client.item(evidence)["offer"] is None
    assert judged(giver, evidence, root) == "verified NL-POL 0"
    offer(giver, evidence, RO)
    both.settle(NL, RO, rounds=3)
    handing.accept(both[RO].client, both[RO].person, both[RO].clock, evidence)
    both.settle(NL, RO, rounds=3)
    assert judged(both[RO], evidence, root) == "verified RO-DIICOT 1"


def test_what_is_not_the_recorded_file_on_arrival_is_refused_and_stays_with_the_giver(both: Consortium, tmp_path: Path) -> None:
    giver, taker = both[NL], both[RO]
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"not what the record says")
    [done] = giver.upload(file, options=Options(body={"digests": {"sha-256": "ab" * 32}}))
    offer(giver, done.evidence, RO)
    both.settle(NL, RO)
    with pytest.raises(VerificationError, match="recorded size and digests") as caught:
        handing.accept(taker.client, taker.person, taker.clock, done.evidence)
    assert "decline" in (caught.value.hint or "")
    handing.decline(taker.client, taker.person, taker.clock, done.evidence, reason="another digest than recorded")
    both.settle(NL, RO)
    assert {desk.client.item(done.evidence)["custodian"] for desk in (giver, taker)} == {NL}
    told = giver.client.details(done.evidence, giver.access(done.evidence, "view"))[-2]["document"]["body"]
    assert told["reason"] == "another digest than recorded"


def test_an_offer_that_expired_is_not_accepted_and_ends_the_same_on_both_sides(both: Consortium, root: TrustRoot, tmp_path: Path) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    expires = int(time.time()) + 8
    handing.offer(giver.client, giver.person, giver.clock, evidence, Terms(RO, expires))
    both.settle(NL, RO, rounds=2)
    assert taker.client.item(evidence)["offer"]["expires"] == format_time(expires)
    time.sleep(max(expires + 1 - time.time(), 0))
    with pytest.raises(RuleError, match="expired"):
        handing.accept(taker.client, taker.person, taker.clock, evidence)
    handing.withdraw(giver.client, giver.person, giver.clock, evidence, reason="nobody answered")
    both.settle(NL, RO)
    for desk in (giver, taker):
        assert (desk.client.item(evidence)["custodian"], desk.client.item(evidence)["offer"]) == (NL, None)
    assert judged(giver, evidence, root) == "verified NL-POL 1"
    details = giver.client.details(evidence, giver.access(evidence, "view"))
    assert "transfer-expired" in [one["document"]["type"] for one in details]


@pytest.mark.parametrize("first", [NL, RO])
def test_a_withdrawal_that_races_an_acceptance_ends_the_same_on_both_sides(
    both: Consortium, root: TrustRoot, tmp_path: Path, first: str
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    both.settle(NL, RO, rounds=3)
    handing.withdraw(giver.client, giver.person, giver.clock, evidence, reason="needed here")
    handing.accept(taker.client, taker.person, taker.clock, evidence)
    both.settle(first, rounds=2)
    both.settle(NL, RO, rounds=3)
    winner, moved = (RO, 1) if first == RO else (NL, 1)
    for desk in (giver, taker):
        item = desk.client.item(evidence)
        assert (item["custodian"], item["offer"]) == (winner, None)
        void = [one for one in desk.client.events(evidence) if one["void"]]
        assert len(void) == (desk.node.agency != winner)
        assert not [one for one in desk.client.handovers() if one["evidence"] == evidence]
    assert judged(both[winner], evidence, root) == f"verified {winner} {moved}"
    assert both[winner].get(evidence)
    for desk in (giver, taker):
        assert [one for one in examine(desk.node, deep=True) if isinstance(one, Finding)] == []


def test_an_item_goes_on_to_a_third_agency_and_comes_back(three: Consortium, root: TrustRoot, tmp_path: Path) -> None:
    evidence = upload(three[NL], tmp_path)
    for giver, taker in ((NL, RO), (RO, US), (US, NL)):
        offer(three[giver], evidence, taker)
        assert three.settle() == {}
        desk = three[taker]
        handing.accept(desk.client, desk.person, desk.clock, evidence)
        assert three.settle() == {}
        assert {three[code].client.item(evidence)["custodian"] for code in (giver, taker)} == {taker}
        assert desk.get(evidence) == b"evidence" * 1000
    assert judged(three[NL], evidence, root) == "verified NL-POL 3"
    with pytest.raises(ConflictError, match="gone on"):
        three[RO].bundle(evidence)
    three[NL].record(evidence, "note", {"text": "back again"})
    assert judged(three[NL], evidence, root) == "verified NL-POL 3"


def test_an_altered_record_or_ciphertext_from_another_agency_is_not_taken_in(both: Consortium, tmp_path: Path) -> None:
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
                one = found.documents[0]
                changed = replace(one, sealed=one.sealed[:-1] + bytes([one.sealed[-1] ^ 1]))
                found = replace(found, documents=(changed, *found.documents[1:]))
            if self.alter == "missing document":
                found = replace(found, documents=found.documents[:-1])
            if self.alter == "shorter bundle":
                bundle = bundles.parse(found.bundle)
                found = replace(found, bundle=replace(bundle, statements=bundle.statements[:-1]).encode())
            return found.encode()

        def ciphertext(self, which: str, start: int, end: int) -> bytes:
            data = bytes(api.ciphertext(which, start, end))
            return data[:-1] + bytes([data[-1] ^ 1]) if self.alter == "ciphertext" else data

    for alter in ("sealed document", "missing document", "shorter bundle", "ciphertext"):
        with pytest.raises(CustodyError):
            intake.receive(taker.node, NL, Lying(alter), evidence)  # type: ignore[arg-type]
        with taker.node.records.read() as unit:
            assert unit.item(evidence) is None
    assert both.settle(NL, RO, rounds=3) == {}
    assert taker.client.item(evidence)["offer"]


def test_another_agencys_item_under_the_name_of_one_of_ours_replaces_nothing(both: Consortium, tmp_path: Path) -> None:
    giver, taker = both[NL], both[RO]
    ours = upload(taker, tmp_path, b"the real one")
    sealed = seal_keys(giver.person, ours, record_key=envelope.new_key(), content_key=None, commitment=None)
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
    assert {**taker.client.item(ours), "state": ""} == {**before, "state": ""}
    assert taker.get(ours) == b"the real one"
    handing.withdraw(giver.client, giver.person, giver.clock, ours, reason="an impostor")
    both.settle(NL, RO)


def test_another_node_records_nothing_about_items_that_it_never_held(both: Consortium, tmp_path: Path) -> None:
    host, stranger = both[NL], both[RO].node
    evidence = upload(host, tmp_path)
    item = host.client.item(evidence)
    told = {"evidence": evidence, "log": host.node.log_id.hex(), "events": item["events"], "head": item["head"], "time": 0}
    api = stranger.reach(consortium.address(NL))
    for event_type, body in (("keys-destroyed", {"scope": ["content"]}), ("verified", {"result": "mismatch"})):
        with pytest.raises(CustodyError):
            ownevents.submit(stranger, api, told, event_type, body)
    assert host.client.item(evidence)["events"] == item["events"]


def test_a_strangers_node_gets_no_parcel(three: Consortium, tmp_path: Path) -> None:
    evidence = upload(three[NL], tmp_path)
    offer(three[NL], evidence, RO)
    three.settle(NL, RO, rounds=2)
    stranger = three[US].node.reach(consortium.address(NL))
    assert stranger.exchanged() == []
    for ask in (lambda: stranger.parcel(evidence), lambda: stranger.ciphertext(evidence, 0, 10)):
        with pytest.raises(NotFoundError):
            ask()
    with pytest.raises(DeniedError):
        three[NL].client._send("GET", f"/v1/exchange/{evidence}/parcel")
    for path in ("/v1/evidence", "/v1/people", "/v1/status"):
        with pytest.raises(DeniedError):
            stranger._send("GET", path)  # type: ignore[attr-defined]


def test_a_node_that_dies_at_any_step_of_a_handover_goes_on_where_it_was(chain: str, tmp_path: Path, rng: random.Random) -> None:
    """Calls of the chain and transactions of the database are cut at random on both sides; the homes are opened anew each time."""
    root = consortium.found(tmp_path, chain, NL, RO)
    with consortium.opened(tmp_path, NL, RO) as agencies:
        evidence = upload(agencies[NL], tmp_path)
        offer(agencies[NL], evidence, RO)
    answered, cuts = False, 0
    for attempt in range(400):
        with consortium.opened(tmp_path, NL, RO) as agencies:
            code = (NL, RO)[attempt % 2]
            desk = agencies[code]
            allowed = rng.randrange(2, 16)
            with cut(desk, after=allowed) as done:
                for _ in range(3):
                    handovers.settle(desk.node, timeout=20)
                    handovers.sync(desk.node)
            cuts += done()
            if not answered and code == RO and agencies[RO].client.handovers():
                handing.accept(desk.client, desk.person, desk.clock, evidence)
                answered = True
            states = [agencies[one].node for one in (NL, RO)]
            if answered and all(_custodian(node, evidence) == RO for node in states) and attempt > 11:
                break
    assert answered
    assert cuts >= 4, cuts
    with consortium.opened(tmp_path, NL, RO) as agencies:
        agencies.settle()
        for desk in (agencies[NL], agencies[RO]):
            assert _custodian(desk.node, evidence) == RO
            assert [one for one in examine(desk.node, deep=True) if isinstance(one, Finding)] == []
        assert judged(agencies[RO], evidence, root) == "verified RO-DIICOT 1"


def _custodian(node: Node, evidence: str) -> str:
    with node.records.read() as unit:
        item = unit.item(evidence)
    return item.state.custodian if item is not None else ""


class _Died(Exception):
    pass


@contextmanager
def cut(desk: Desk, *, after: int) -> Iterator[Callable[[], int]]:
    """The process dies before the ``after``-th call of the chain or write to the database."""
    left, died = after, 0
    chain, records = desk.node.contracts.chain, desk.node.records
    send, write, receipt = chain.send, records.write, chain.receipt

    def spend() -> None:
        nonlocal left, died
        left -= 1
        if left <= 0:
            died = 1
            raise _Died

    def cutting(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **more: Any) -> Any:
            spend()
            found = function(*arguments, **more)
            spend()
            return found

        return call

    chain.send, chain.receipt, records.write = cutting(send), cutting(receipt), cutting(write)
    try:
        with suppress(_Died):
            yield lambda: died
    finally:
        chain.send, chain.receipt, records.write = send, receipt, write


def test_a_copy_given_abroad_is_an_item_of_its_own_and_both_sides_know_who_holds_it(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    recipient, what = copying.Recipient("prosecutor", agency=RO), copying.Disclosure("copy", conditions=("this case only",))
    statement = copying.disclose(giver.client, giver.person, giver.clock, evidence, recipient, what)["statement"]
    assert both.settle(NL, RO) == {}
    [offered] = [one for one in taker.client.copies() if one["evidence"] == evidence]
    assert offered["statement"] == statement
    assert not [one for one in both[US].client.copies() if one["evidence"] == evidence]
    (tmp_path / "workplace").mkdir()
    journal = wiring.journal_of(taker.path, taker.home.keyring)
    made = copying.take(taker.client, taker.person, journal, taker.clock, offered, tmp_path / "workplace", {})
    assert taker.get(made.evidence) == b"evidence" * 1000
    assert giver.client.lineage(evidence)["copies"][0]["taken"] == made.evidence
    assert {"parent": evidence, "child": made.evidence, "kind": "copy"} in taker.client.lineage(made.evidence)["links"]
    opening = taker.client.details(made.evidence, taker.access(made.evidence))[0]["document"]
    assert opening["body"]["source"] == {"evidence": evidence, "statement": statement, "conditions": ["this case only"]}
    with pytest.raises(RuleError, match="conditions on onward use"):
        offer(taker, made.evidence, US)
    offer(taker, made.evidence, US, members={"basis": {"purpose": "trial", "reference": "letter 88"}})
    assert giver.client.item(evidence)["custodian"] == NL
    with pytest.raises(NotFoundError):
        both[US].node.reach(consortium.address(NL)).copy(statement)


def test_a_disposal_reaches_an_agency_that_held_the_item_before(both: Consortium, root: TrustRoot, tmp_path: Path) -> None:
    giver, taker = both[NL], both[RO]
    evidence = upload(giver, tmp_path)
    offer(giver, evidence, RO)
    both.settle(NL, RO)
    handing.accept(taker.client, taker.person, taker.clock, evidence)
    both.settle(NL, RO)
    second = joined(taker, tmp_path / "second", "custodian", number="2")
    requested = taker.record(evidence, "disposal-requested", {"reason": "case closed"})["statement"]
    approved = second.record(evidence, "approved", {"target": requested})["statement"]
    taker.record(evidence, "disposed", {"scope": "all", "method": "keys destroyed", "approvals": [approved]})
    assert both.settle(NL, RO) == {}
    told = taker.client.disposal(evidence)
    assert {one["agency"] for one in told["confirmed"]} == {NL, RO}
    for desk in (giver, taker):
        with desk.node.records.read() as unit:
            assert not any(unit.has_grants(evidence, scope) for scope in ("content", "record"))
            assert not [row for row in unit.events(evidence) if unit.document(row.payload) is not None]
        with pytest.raises(CustodyError):
            desk.get(evidence)
        assert [one for one in examine(desk.node, deep=True) if isinstance(one, Finding)] == []
    handovers.settle(taker.node, timeout=30)
    report = verify(taker.client.bundle(evidence, ""), root, confirm=confirmed(taker))  # type: ignore[arg-type]
    assert (report.verdict.value, report.facts["closed"]) == ("verified", True), report.as_json()


def test_a_disposal_that_the_holder_did_not_sign_destroys_nothing(both: Consortium, tmp_path: Path) -> None:
    giver = both[NL]
    evidence = upload(giver, tmp_path)
    api = both[RO].node.reach(consortium.address(NL))

    class Lying:
        def disposals(self) -> list[dict[str, Any]]:
            return [{"evidence": evidence, "disposal": "00" * 32, "log": "00" * 32, "events": 2, "head": "00" * 32, "time": 0}]

        def closing(self, which: str) -> bytes:
            return bytes(giver.bundle(which))

    assert erasure.learn(giver.node, RO, Lying()) == 0  # type: ignore[arg-type]
    offer(giver, evidence, RO)
    both.settle(NL, RO)
    handing.accept(both[RO].client, both[RO].person, both[RO].clock, evidence)
    both.settle(NL, RO)
    with pytest.raises(VerificationError):
        erasure.learn(giver.node, RO, Lying())  # type: ignore[arg-type]
    with giver.node.records.read() as unit:
        assert unit.erasure(evidence) is None
        assert unit.has_grants(evidence, "content")
    assert api.disposals() == [] or evidence not in {one["evidence"] for one in api.disposals()}
