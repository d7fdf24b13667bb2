"""Disposals, and what must not be shown: two persons, holds, keys that are gone, withheld members."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.client.handovers import handover
from ledger.client.intake.upload import UploadOptions
from ledger.domain.bundle import bundle as bundles
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import DeniedError, RuleError, UsageError
from ledger.domain.verify import verify
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import SelfCheckFinding
from ledger.services.handovers import erasure
from ledger.services.people import membership
from tests.support.actors import enrolled
from tests.support.desk import BASIS, Desk
from tests.support.office import ROLES_OF_FIRST, colleague, office, staffed, upload  # noqa: F401  (fixtures)


def test_nobody_decides_upon_what_they_recorded_and_nobody_twice(
    office: Desk, tmp_path: Path
) -> None:
    photo, second = upload(office, tmp_path), colleague(office, "second")
    target = office.record(photo, "analysed", {"description": "faces"}).statement
    with pytest.raises(RuleError, match="recorded themselves"):
        office.record(photo, "approved", {"target": target})
    with pytest.raises(RuleError, match="no event of this item"):
        second.record(photo, "approved", {"target": "0" * 64})
    second.record(photo, "approved", {"target": target})
    with pytest.raises(RuleError, match="already"):
        second.record(photo, "refused", {"target": target})


def dispose(office: Desk, item: str) -> str:
    second = colleague(office, "second")
    requested = office.record(item, "disposal-requested", {"reason": "case closed"}).statement
    return str(second.record(item, "approved", {"target": requested}).statement)


def test_no_disposal_without_a_second_person_under_a_hold_or_before_its_time(
    office: Desk, tmp_path: Path
) -> None:
    photo = upload(office, tmp_path)
    closing: dict[str, Any] = {"scope": "all", "method": "keys destroyed", "approvals": []}
    with pytest.raises(RuleError, match="nobody requested"):
        office.record(photo, "disposed", closing)
    asked = office.record(photo, "disposal-requested", {"reason": "case closed"}).statement
    with pytest.raises(RuleError, match="second person"):
        office.record(photo, "disposed", closing)
    second = colleague(office, "second")
    closing["approvals"] = [second.record(photo, "approved", {"target": asked}).statement]
    office.record(photo, "hold-placed", {"hold": "appeal"})
    with pytest.raises(RuleError, match="in force on this item"):
        office.record(photo, "disposed", closing)
    with pytest.raises(RuleError, match="in force on this item"):
        office.record(photo, "returned", {"owner": {"name": "the owner"}})
    with pytest.raises(RuleError, match="already"):
        office.record(photo, "hold-placed", {"hold": "appeal"})
    office.record(photo, "hold-released", {"hold": "appeal"})
    with pytest.raises(RuleError, match="no hold"):
        office.record(photo, "hold-released", {"hold": "appeal"})
    office.record(
        photo, "retention-set", {"rule": "5 years", "until": format_time(int(time.time()) + 10**6)}
    )
    with pytest.raises(RuleError, match="must be kept"):
        office.record(photo, "disposed", closing)
    office.record(
        photo, "retention-set", {"rule": "review", "reason": "shortened by the prosecutor"}
    )
    office.record(photo, "disposed", closing)
    with pytest.raises(RuleError, match="closed"):
        office.record(photo, "moved", {"place": "elsewhere"})


def test_after_a_disposal_nothing_of_the_item_is_left_to_open_and_everything_else_still_verifies(
    office: Desk, tmp_path: Path, rng: random.Random
) -> None:
    secret = rng.randbytes(5000)
    file = tmp_path / "victim.jpg"
    file.write_bytes(secret)
    members = {"identifiers": [{"scheme": "case", "value": "2026-117"}]}
    photo, other = (
        office.upload(file, options=UploadOptions(members, again=True))[0].evidence
        for _ in range(2)
    )
    second = colleague(office, "second")
    handover.share(
        office.client, office.person, office.clock, photo, with_person=second.pseudonym, basis=BASIS
    )
    assert second.get(photo) == secret
    office.anchor()
    with office.node.records.read() as unit:
        sealed = [
            *unit.grants.sealed_to(photo, "content", office.person.hpke.public.digest),
            *unit.grants.sealed_to(photo, "record", office.node.keys.hpkes[0].public.digest),
        ]
        sealed += [unit.documents.get(row.payload) for row in unit.logs.events(photo)]
        cid = unit.items.get(photo).cid
        blocks = [office.node.blocks.get(one) for one in [cid]]
    office.record(
        photo,
        "disposed",
        {"scope": "all", "method": "keys destroyed", "approvals": [dispose(office, photo)]},
    )
    assert erasure.settle(office.node) == 1
    assert erasure.settle(office.node) == 0
    certificate = office.client.disposal(photo)
    assert [confirmation.agency for confirmation in certificate.confirmed] == ["NL-POL"]
    assert certificate.destroyed >= 3
    assert office.client.search("case", "2026-117") == [other]
    for reader in (lambda: office.get(photo), lambda: second.get(photo)):
        with pytest.raises(DeniedError, match="was disposed of"):
            reader()
    raw = b"".join(path.read_bytes() for path in sorted(office.path.rglob("*")) if path.is_file())
    for one in [*sealed, *blocks]:
        assert one[-64:] not in raw
    office.anchor()
    bundle = office.client.bundle(photo, "")
    assert all(statement.document is None for statement in bundles.parse(bundle).statements)
    report = verify(bundle, office.trust())
    assert report.verdict.value == "verified", report.as_json()
    assert report.facts["closed"]
    assert office.get(other) == secret
    assert [
        one for one in examine(office.node, deep=True) if isinstance(one, SelfCheckFinding)
    ] == []


def test_a_node_that_dies_between_disposal_and_destruction_finishes_it(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = upload(office, tmp_path)
    office.record(
        photo,
        "disposed",
        {"scope": "all", "method": "keys destroyed", "approvals": [dispose(office, photo)]},
    )
    with monkeypatch.context() as patched:
        patched.setattr(
            erasure, "_sign", lambda node, row: (_ for _ in ()).throw(KeyboardInterrupt)
        )
        with pytest.raises(KeyboardInterrupt):
            erasure.settle(office.node)
    assert office.client.disposal(photo).confirmed == ()
    erasure.settle(office.node)
    assert len(office.client.disposal(photo).confirmed) == 1


def test_a_bundle_for_a_reader_leaves_out_what_they_must_not_see_and_still_verifies(
    office: Desk, tmp_path: Path
) -> None:
    photo = upload(
        office,
        tmp_path,
        members={"basis": BASIS},
        body={"place": "a victim's address", "collector": {"name": "J. de Vries"}},
    )
    office.record(photo, "moved", {"place": "a second address"})
    office.anchor()
    shown = office.client.bundle(
        photo, office.access(photo), withhold=["/body/place", "0:/body/collector"]
    )
    for word in (b"victim's address", b"second address", b"de Vries"):
        assert word not in shown
        assert word not in b"".join(_disclosed(shown))
    report = verify(shown, office.trust())
    assert report.verdict.value == "verified", report.as_json()
    assert any("/body" in one for one in report.withheld)
    whole = office.client.bundle(photo, office.access(photo), withhold=["1"])
    assert bundles.parse(whole).statements[1].document is None
    for wrong in (["/body/palce"], ["9"], ["/body/content"], ["place"]):
        with pytest.raises(UsageError):
            office.client.bundle(photo, office.access(photo), withhold=wrong)


@pytest.mark.parametrize("left_out", ["/body/place", "0:/body/place", "0"])
def test_a_correction_of_what_is_withheld_says_neither_its_old_nor_its_new_value(
    office: Desk, tmp_path: Path, left_out: str
) -> None:
    photo = upload(office, tmp_path, body={"place": "first address"})
    opening = next(iter(office.client.events(photo))).statement

    def correct(target: str, pointer: str, old: str, new: str) -> str:
        said = {"target": target, "pointer": pointer, "old": old, "new": new, "reason": "typo"}
        return str(office.record(photo, "corrected", said).statement)

    first = correct(opening, "/body/place", "first address", "second address")
    correct(first, "/body/new", "second address", "third address")
    moved = office.record(photo, "moved", {"place": "the depot"}).statement
    correct(moved, "/body/place", "the depot", "the vault")
    office.anchor()
    shown = office.client.bundle(photo, office.access(photo), withhold=[left_out])
    said = shown + b"".join(_disclosed(shown))
    for word in (b"first address", b"second address", b"third address"):
        assert word not in said
    assert (b"the vault" in said) == (left_out != "/body/place")
    report = verify(shown, office.trust())
    assert report.verdict.value == "verified", report.as_json()


def _disclosed(bundle: bytes) -> list[bytes]:
    from ledger.domain.codecs.text import from_b64url

    return [
        from_b64url(text, what="disclosure")
        for statement in bundles.parse(bundle).statements
        for text in statement.disclosures
    ]


def test_a_disposal_is_carried_out_under_the_rule_that_was_approved(
    office: Desk, tmp_path: Path
) -> None:
    photo, second = upload(office, tmp_path), colleague(office, "second")
    asked = {"reason": "case closed", "rule": "wpg-9"}
    requested = office.record(photo, "disposal-requested", asked).statement
    approved = second.record(photo, "approved", {"target": requested}).statement
    closing = {"scope": "all", "method": "keys destroyed", "approvals": [approved]}
    with pytest.raises(RuleError, match="approved under wpg-9"):
        office.record(photo, "disposed", {**closing, "rule": "wpg-13"})
    with pytest.raises(RuleError, match="carried out without a rule"):
        office.record(photo, "disposed", closing)
    office.record(photo, "disposed", {**closing, "rule": "wpg-9"})


def test_a_disposal_that_was_approved_without_a_rule_is_carried_out_under_none(
    office: Desk, tmp_path: Path
) -> None:
    """Any rule would do, of which whoever approved had heard nothing."""
    photo = upload(office, tmp_path)
    closing = {"scope": "all", "method": "burnt", "approvals": [dispose(office, photo)]}
    with pytest.raises(RuleError, match="approved without a rule, and would be carried"):
        office.record(photo, "disposed", {**closing, "rule": "wpg-8"})
    office.record(photo, "disposed", closing)


def test_where_a_disposal_takes_a_rule_none_is_requested_or_approved_without_one(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = upload(office, tmp_path)
    asks = replace(office.node.profile, required={"disposed": ("/body/rule",)})
    monkeypatch.setattr(office.node, "profile", asks)
    with pytest.raises(RuleError, match="/body/rule in 'disposal-requested'") as refusal:
        office.record(photo, "disposal-requested", {"reason": "case closed"})
    assert "--rule RULE" in str(refusal.value.hint)
    assert len(list(office.client.events(photo))) == 1


def test_the_rule_that_was_approved_is_not_corrected_to_another_one(
    office: Desk, tmp_path: Path
) -> None:
    photo = upload(office, tmp_path)
    asked = {"reason": "case closed", "rule": "wpg-9"}
    target = office.record(photo, "disposal-requested", asked).statement
    change = {"target": target, "pointer": "/body/rule", "new": "wpg-8", "reason": "typing"}
    with pytest.raises(RuleError, match="cannot be corrected"):
        office.record(photo, "corrected", change)


def test_a_second_request_says_that_one_waits_for_a_decision(office: Desk, tmp_path: Path) -> None:
    photo, second = upload(office, tmp_path), colleague(office, "second")
    asked = {"reason": "case closed", "rule": "wpg-9"}
    first = office.record(photo, "disposal-requested", asked).statement
    for one in (office, second):
        with pytest.raises(RuleError, match="waits for a decision already: event 1"):
            one.record(photo, "disposal-requested", {**asked, "rule": "wpg-8"})
    second.record(photo, "refused", {"target": first, "reason": "another rule"})
    anew = office.record(photo, "disposal-requested", {**asked, "rule": "wpg-8"}).statement
    approved = second.record(photo, "approved", {"target": anew}).statement
    closing = {"scope": "all", "method": "burnt", "approvals": [approved], "rule": "wpg-8"}
    office.record(photo, "disposed", closing)


@pytest.mark.parametrize("stolen", ["the approval", "the request"])
@pytest.mark.parametrize("anchored", [True, False])
def test_what_a_thief_approved_or_requested_is_no_second_persons_word(
    office: Desk, tmp_path: Path, stolen: str, *, anchored: bool
) -> None:
    photo, second = upload(office, tmp_path), colleague(office, "second")
    first, then = (second, office) if stolen == "the request" else (office, second)
    asked = first.record(photo, "disposal-requested", {"reason": "over"}).statement
    approved = then.record(photo, "approved", {"target": asked}).statement
    if anchored:
        office.anchor()
    closing = {"scope": "all", "method": "keys destroyed", "approvals": [approved]}
    by = office.person.certificate.subject
    membership.suspend(office.node, second.id, by=by, since=int(time.time()) - 60)
    with pytest.raises(RuleError, match="is no second person's word"):
        office.record(photo, "disposed", closing)


@pytest.mark.parametrize("taken_back", ["hold", "retention"])
def test_what_a_thief_took_back_stands_in_the_way_of_a_disposal_all_the_same(
    office: Desk, tmp_path: Path, taken_back: str
) -> None:
    photo, second = upload(office, tmp_path), colleague(office, "second")
    now = int(time.time())
    order, back, body, lifted = {
        "hold": ("hold-placed", "hold-released", {"hold": "appeal"}, {"hold": "appeal"}),
        "retention": (
            "retention-set",
            "retention-set",
            {"rule": "5 years", "until": format_time(now + 10**6)},
            {"rule": "review"},
        ),
    }[taken_back]
    honest = enrolled(office, "custodian")
    honest.record(photo, order, body)
    second.record(photo, back, lifted)  # whoever stole the key
    membership.suspend(office.node, second.id, by=office.person.certificate.subject, since=now - 60)
    honest = enrolled(office, "custodian")
    asked = office.record(photo, "disposal-requested", {"reason": "over"}).statement
    approved = honest.record(photo, "approved", {"target": asked}).statement
    closing = {"scope": "all", "method": "keys destroyed", "approvals": [approved]}
    with pytest.raises(RuleError, match=f"so it takes no {taken_back} back") as refusal:
        office.record(photo, "disposed", closing)
    assert f"order that {taken_back} anew" in str(refusal.value.hint)
    honest.record(photo, order, body)
    honest.record(photo, back, lifted)
    office.record(photo, "disposed", closing)


def test_the_approval_of_a_colleague_who_left_since_counts(office: Desk, tmp_path: Path) -> None:
    photo, second = upload(office, tmp_path), colleague(office, "second")
    approved = dispose(office, photo)
    membership.suspend(office.node, second.id, by=office.person.certificate.subject)
    office.record(
        photo, "disposed", {"scope": "all", "method": "keys destroyed", "approvals": [approved]}
    )
