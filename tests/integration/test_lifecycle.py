"""What may happen to an item and what may not: seals, holds, retention, decisions, guarded
material, disposal, withholding.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from ledger.client import physical_items
from ledger.client.handovers import copying, handover
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import DeniedError, NotFoundError, RuleError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity.names import ROLES
from ledger.domain.ports.answers import Link
from ledger.domain.verify import verify
from tests.support.actors import enrolled
from tests.support.desk import BASIS, Desk
from tests.support.office import ROLES_OF_FIRST, colleague, office, staffed, upload  # noqa: F401  (fixtures)


def seized(desk: Desk, *seals: str) -> str:
    body = {"description": "phone, black", "seals": [{"number": number} for number in seals]}
    return str(
        physical_items.collect(
            desk.client, desk.person, desk.clock, body, {"basis": BASIS}
        ).evidence
    )


def test_a_thing_is_opened_and_sealed_again_only_as_its_seals_allow(office: Desk) -> None:
    phone = seized(office, "S-1")
    for event_type, body, words in (
        ("unsealed", {"number": "S-9"}, "no seal with that number"),
        ("sealed", {"number": "S-1"}, "already"),
        ("sealed", {"number": "S-2", "replaces": "S-9"}, "is not on the item"),
    ):
        with pytest.raises(RuleError, match=words):
            office.record(phone, event_type, body)
    office.record(phone, "unsealed", {"number": "S-1", "condition": "unbroken"})
    office.record(phone, "sealed", {"number": "S-2"})
    access = office.access(phone, "view")
    assert office.client.record(phone, access)[1].seals == ("S-2",)


def test_a_thing_is_accepted_by_the_colleague_it_is_offered_to_with_the_seals_that_are_on_it(
    office: Desk,
) -> None:
    phone, second = seized(office, "S-1", "S-2"), colleague(office, "second")
    terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=second.pseudonym)
    handover.offer(office.client, office.person, office.clock, phone, terms)
    with pytest.raises(NotFoundError):
        handover.accept(office.client, office.person, office.clock, phone, seals=("S-1", "S-2"))
    with second.working() as (client, person):
        with pytest.raises(RuleError, match="seals on record"):
            handover.accept(client, person, office.clock, phone, seals=("S-1",))
        handover.accept(client, person, office.clock, phone, seals=("S-2", "S-1"))
    assert office.client.item(phone).holder == second.pseudonym
    office.anchor()
    assert verify(office.bundle(phone), office.trust()).verdict.value == "verified"


def test_a_file_offered_to_a_colleague_can_be_opened_by_them_and_only_then(
    office: Desk, tmp_path: Path
) -> None:
    photo, third = upload(office, tmp_path), colleague(office, "third")
    with pytest.raises(NotFoundError):
        third.get(photo)
    terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=third.pseudonym)
    handover.offer(office.client, office.person, office.clock, photo, terms)
    with third.working() as (client, person):
        handover.accept(client, person, office.clock, photo)
    assert third.get(photo) == b"a face" * 1000


def test_an_expired_offer_is_not_accepted_and_ends_as_expired(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, third = upload(office, tmp_path), colleague(office, "third")
    terms = OfferTerms("NL-POL", int(time.time()) + 100, person=third.pseudonym)
    handover.offer(office.client, office.person, office.clock, photo, terms)
    later = int(time.time()) + 200
    monkeypatch.setattr(type(office.clock), "now", lambda self: later)
    with third.working() as (client, person), pytest.raises(RuleError, match="expired"):
        handover.accept(client, person, office.clock, photo)
    handover.withdraw(office.client, office.person, office.clock, photo, reason="nobody came")
    details = office.client.details(photo, office.access(photo, "view"))
    assert details[-2].document["type"] == "transfer-expired"


def test_an_offer_does_not_end_as_expired_before_its_time(office: Desk, tmp_path: Path) -> None:
    photo, third = upload(office, tmp_path), colleague(office, "third")
    terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=third.pseudonym)
    handover.offer(office.client, office.person, office.clock, photo, terms)
    offered = {"offer": office.client.item(photo).head}
    with pytest.raises(RuleError, match="has not expired"):
        office.record(photo, "transfer-expired", offered)
    office.record(photo, "transfer-withdrawn", {**offered, "reason": "changed my mind"})


def test_a_loan_says_until_when_and_an_item_handed_out_is_not_offered(office: Desk) -> None:
    phone, second = seized(office), colleague(office, "second")
    soon = int(time.time()) + 3600
    with pytest.raises(RuleError, match="until when"):
        handover.offer(
            office.client,
            office.person,
            office.clock,
            phone,
            OfferTerms("NL-POL", soon, person=second.pseudonym, mode="loan"),
        )
    office.record(phone, "released", {"counterparty": {"name": "laboratory"}, "purpose": "DNA"})
    with pytest.raises(RuleError, match="not back yet"):
        handover.offer(
            office.client,
            office.person,
            office.clock,
            phone,
            OfferTerms("NL-POL", soon, person=second.pseudonym),
        )
    with pytest.raises(RuleError, match="not back yet"):
        office.record(phone, "released", {"counterparty": {"name": "another laboratory"}})
    office.record(phone, "received", {"counterparty": {"name": "laboratory"}})
    handover.offer(
        office.client,
        office.person,
        office.clock,
        phone,
        OfferTerms("NL-POL", soon, person=second.pseudonym),
    )


@pytest.mark.parametrize(
    ("accounted", "body"),
    [
        ("received", {"counterparty": {"name": "laboratory"}}),
        ("incident", {"kind": "consumed"}),
    ],
)
@pytest.mark.parametrize("end", ["disposed", "returned", "voided"])
def test_a_thing_that_was_handed_out_does_not_end_while_nothing_tells_what_became_of_it(
    office: Desk, end: str, accounted: str, body: dict[str, Any]
) -> None:
    phone, second = seized(office), colleague(office, "second")
    asked = office.record(phone, "disposal-requested", {"reason": "over"}).statement
    approved = second.record(phone, "approved", {"target": asked}).statement
    closing: dict[str, Any] = {
        "disposed": {"scope": "all", "method": "shredded", "approvals": [approved]},
        "returned": {"owner": {"name": "the owner"}},
        "voided": {"reason": "by mistake"},
    }[end]
    office.record(phone, "incident", {"kind": "damage", "discovered": "2026-11-01T00:00:00Z"})
    office.record(phone, "released", {"counterparty": {"name": "laboratory"}})
    office.record(phone, "moved", {"place": "depot"})  # returns are recorded late
    now = format_time(office.clock.now())
    for kind, discovered in (("damage", now), ("breach", now), ("loss", "2026-11-01T00:00:00Z")):
        office.record(phone, "incident", {"kind": kind, "discovered": discovered})
    watcher = enrolled(office, "data-protection-officer")
    with pytest.raises(DeniedError, match="by whoever holds the item, and by custodians"):
        watcher.record(phone, "incident", {"kind": "loss", "discovered": now})
    with pytest.raises(RuleError, match="nothing is recorded of its return"):
        office.record(phone, end, closing)
    more = {"discovered": format_time(office.clock.now())} if accounted == "incident" else {}
    office.record(phone, accounted, body | more)
    office.record(phone, end, closing)


def test_biometric_output_takes_two_approvals_on_its_parent(office: Desk, tmp_path: Path) -> None:
    photo = upload(office, tmp_path)
    analysis = office.record(photo, "analysed", {"description": "face recognition"}).statement
    approvals = [
        colleague(office, "second").record(photo, "approved", {"target": analysis}).statement
    ]
    body: dict[str, Any] = {
        "kind": "ai-output",
        "parents": [photo],
        "approvals": approvals,
        "modelDigest": "ab" * 32,
        "errorRate": "2 %",
    }
    with pytest.raises(RuleError, match="2 colleagues"):
        upload(
            office, tmp_path, members={"handling": ["biometric"]}, body=body, event_type="derived"
        )
    handover.share(
        office.client,
        office.person,
        office.clock,
        photo,
        with_person=colleague(office, "third").pseudonym,
        basis=BASIS,
    )
    noted = office.record(photo, "note", {"text": "to be looked at"}).statement
    other = colleague(office, "third").record(photo, "approved", {"target": noted}).statement
    for named in ([*approvals, other], [other]):  # not of that examination
        with pytest.raises(RuleError, match="both of one examination"):
            upload(
                office,
                tmp_path,
                members={"handling": ["biometric"]},
                body={**body, "approvals": named},
                event_type="derived",
            )
    asked = office.record(photo, "disposal-requested", {"reason": "over"}).statement
    disposal = colleague(office, "third").record(photo, "approved", {"target": asked}).statement
    with pytest.raises(RuleError, match="is no approval on an item"):  # of something else
        upload(
            office,
            tmp_path,
            members={"handling": ["biometric"]},
            body={**body, "approvals": [*approvals, disposal]},
            event_type="derived",
        )
    approvals.append(
        colleague(office, "third").record(photo, "approved", {"target": analysis}).statement
    )
    made = upload(
        office, tmp_path, members={"handling": ["biometric"]}, body=body, event_type="derived"
    )
    links = office.client.lineage(photo).links
    assert Link(photo, made, "derived") in links
    with pytest.raises(RuleError, match="not known here"):
        upload(
            office,
            tmp_path,
            body={"kind": "report", "parents": ["urn:uuid:00000000-0000-4000-8000-000000000000"]},
            event_type="derived",
        )


def test_guarded_material_stays_with_government_and_court_and_the_defence_inspects_it_under_supervision(
    office: Desk, tmp_path: Path
) -> None:
    photo, counsel = upload(office, tmp_path), colleague(office, "counsel")
    handover.share(
        office.client,
        office.person,
        office.clock,
        photo,
        with_person=counsel.pseudonym,
        basis=BASIS,
    )
    office.record(photo, "restricted", {"handling": ["csam"]})  # seen only later for what it is
    with pytest.raises(DeniedError, match="government and court"):
        handover.share(
            office.client,
            office.person,
            office.clock,
            photo,
            with_person=counsel.pseudonym,
            basis=BASIS,
        )
    with pytest.raises(DeniedError, match="csam"):
        copying.disclose(
            office.client,
            office.person,
            office.clock,
            photo,
            copying.Recipient("defence", "B. Counsel"),
            copying.Disclosure("copy"),
        )
    copying.disclose(
        office.client,
        office.person,
        office.clock,
        photo,
        copying.Recipient("court", "Rechtbank"),
        copying.Disclosure("copy"),
    )
    with pytest.raises(DeniedError, match="inspected"):
        counsel.get(photo)
    with pytest.raises(DeniedError, match="supervision"):
        counsel.record(photo, "accessed", {"mode": "inspection"}, {"basis": BASIS})
    counsel.record(
        photo,
        "accessed",
        {"mode": "inspection", "present": [{"name": "officer 1"}]},
        {"basis": BASIS},
    )


def test_an_access_without_a_reason_is_not_recorded(office: Desk, tmp_path: Path) -> None:
    photo = upload(office, tmp_path)
    with pytest.raises(RuleError, match="says why"):
        office.record(photo, "accessed", {"mode": "copy"})


def test_every_cell_of_the_table_of_roles_and_events() -> None:
    """The table in the code, in docs/threat-model.md and what registration enforces are one."""
    from ledger.domain.event.signers import require_role
    from ledger.domain.event.types import TYPES
    from ledger.domain.identity.roles import ROLES_BY_TYPE

    assert set(ROLES_BY_TYPE) == set(TYPES)
    written = _table(Path("docs/roles.md").read_text())
    for event_type in TYPES:
        for role in sorted(ROLES):
            allowed = role in ROLES_BY_TYPE[event_type]
            assert (role in written[event_type]) == allowed, (event_type, role)
            if allowed:
                require_role(event_type, role, frozenset({role}), guest=False)
            else:
                with pytest.raises(RuleError):
                    require_role(event_type, role, frozenset({role}), guest=False)


def _table(text: str) -> dict[str, set[str]]:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    head = rows[0][1:]
    return {
        row[0].strip("`"): {role for role, cell in zip(head, row[1:], strict=True) if cell == "x"}
        for row in rows[2:]
        if row[0].startswith("`")
    }
