"""What may happen to an item and what may not: seals, holds, retention, decisions, guarded
material, disposal, withholding.
"""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.app import create_home
from ledger.client import copying, handover, physical_items
from ledger.client.handover import Terms
from ledger.client.upload import Options
from ledger.domain.bundle import bundle as bundles
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import CustodyError, DeniedError, NotFoundError, RuleError, UsageError
from ledger.domain.identity.names import ROLES
from ledger.domain.verify import verify
from ledger.services.audit.self_check import Finding, examine
from ledger.services.handovers import erasure
from tests.support.desk import BASIS, PASSPHRASE, Desk
from tests.support.people import Colleague, joined

ROLES_OF_FIRST = ["administrator", "officer", "custodian", "examiner", "prosecutor"]


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a second custodian who reviews, and a defence counsel."""
    folder = tmp_path_factory.mktemp("staffed")
    create_home.found(
        folder / "home", agency="NL-POL", person="1", roles=ROLES_OF_FIRST, passphrase=PASSPHRASE
    )
    with Desk(folder / "home") as desk:
        joined(desk, folder / "second", "custodian", "reviewer", number="2")
        joined(desk, folder / "counsel", "defence", number="3")
        joined(desk, folder / "third", "reviewer", "examiner", number="4")
    return folder


@pytest.fixture
def office(staffed: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copytree(staffed, tmp_path / "staffed")
    with Desk(tmp_path / "staffed" / "home") as desk:
        yield desk


def colleague(desk: Desk, name: str) -> Colleague:
    from ledger.adapters.keystore.file import FileKeyring
    from ledger.app.settings import KEYRING

    folder = desk.path.parent / name
    return Colleague(desk, folder, FileKeyring.open(folder / KEYRING, PASSPHRASE), None)  # type: ignore[arg-type]


def upload(desk: Desk, tmp_path: Path, **options: Any) -> str:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"a face" * 1000)
    [done] = desk.upload(file, options=Options(**options))
    return done.evidence


def seized(desk: Desk, *seals: str) -> str:
    body = {"description": "phone, black", "seals": [{"number": number} for number in seals]}
    return str(
        physical_items.collect(desk.client, desk.person, desk.clock, body, {"basis": BASIS})[
            "evidence"
        ]
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
    assert office.client.record(phone, access)[1]["seals"] == ["S-2"]


def test_a_thing_is_accepted_by_the_colleague_it_is_offered_to_with_the_seals_that_are_on_it(
    office: Desk,
) -> None:
    phone, second = seized(office, "S-1", "S-2"), colleague(office, "second")
    terms = Terms("NL-POL", int(time.time()) + 3600, person=second.pseudonym)
    handover.offer(office.client, office.person, office.clock, phone, terms)
    with pytest.raises(NotFoundError):
        handover.accept(office.client, office.person, office.clock, phone, seals=("S-1", "S-2"))
    with second.working() as (client, person):
        with pytest.raises(RuleError, match="seals on record"):
            handover.accept(client, person, office.clock, phone, seals=("S-1",))
        handover.accept(client, person, office.clock, phone, seals=("S-2", "S-1"))
    assert office.client.item(phone)["holder"] == second.pseudonym
    office.anchor()
    assert verify(office.bundle(phone), office.trust()).verdict.value == "verified"


def test_a_file_offered_to_a_colleague_can_be_opened_by_them_and_only_then(
    office: Desk, tmp_path: Path
) -> None:
    photo, third = upload(office, tmp_path), colleague(office, "third")
    with pytest.raises(NotFoundError):
        third.get(photo)
    terms = Terms("NL-POL", int(time.time()) + 3600, person=third.pseudonym)
    handover.offer(office.client, office.person, office.clock, photo, terms)
    with third.working() as (client, person):
        handover.accept(client, person, office.clock, photo)
    assert third.get(photo) == b"a face" * 1000


def test_an_expired_offer_is_not_accepted_and_ends_as_expired(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, third = upload(office, tmp_path), colleague(office, "third")
    terms = Terms("NL-POL", int(time.time()) + 100, person=third.pseudonym)
    handover.offer(office.client, office.person, office.clock, photo, terms)
    later = int(time.time()) + 200
    monkeypatch.setattr(type(office.clock), "now", lambda self: later)
    with third.working() as (client, person), pytest.raises(RuleError, match="expired"):
        handover.accept(client, person, office.clock, photo)
    handover.withdraw(office.client, office.person, office.clock, photo, reason="nobody came")
    details = office.client.details(photo, office.access(photo, "view"))
    assert details[-2]["document"]["type"] == "transfer-expired"


def test_a_loan_says_until_when_and_an_item_handed_out_is_not_offered(office: Desk) -> None:
    phone, second = seized(office), colleague(office, "second")
    soon = int(time.time()) + 3600
    with pytest.raises(RuleError, match="until when"):
        handover.offer(
            office.client,
            office.person,
            office.clock,
            phone,
            Terms("NL-POL", soon, person=second.pseudonym, mode="loan"),
        )
    office.record(phone, "released", {"counterparty": {"name": "laboratory"}, "purpose": "DNA"})
    with pytest.raises(RuleError, match="not back yet"):
        handover.offer(
            office.client,
            office.person,
            office.clock,
            phone,
            Terms("NL-POL", soon, person=second.pseudonym),
        )
    office.record(phone, "received", {"counterparty": {"name": "laboratory"}})
    handover.offer(
        office.client,
        office.person,
        office.clock,
        phone,
        Terms("NL-POL", soon, person=second.pseudonym),
    )


def test_nobody_decides_upon_what_they_recorded_and_nobody_twice(
    office: Desk, tmp_path: Path
) -> None:
    photo, second = upload(office, tmp_path), colleague(office, "second")
    target = office.record(photo, "analysed", {"description": "faces"})["statement"]
    with pytest.raises(RuleError, match="recorded themselves"):
        office.record(photo, "approved", {"target": target})
    with pytest.raises(RuleError, match="no event of this item"):
        second.record(photo, "approved", {"target": "0" * 64})
    second.record(photo, "approved", {"target": target})
    with pytest.raises(RuleError, match="already"):
        second.record(photo, "refused", {"target": target})


def test_biometric_output_takes_two_approvals_on_its_parent(office: Desk, tmp_path: Path) -> None:
    photo = upload(office, tmp_path)
    analysis = office.record(photo, "analysed", {"description": "face recognition"})["statement"]
    approvals = [
        colleague(office, "second").record(photo, "approved", {"target": analysis})["statement"]
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
    approvals.append(
        colleague(office, "third").record(photo, "approved", {"target": analysis})["statement"]
    )
    made = upload(
        office, tmp_path, members={"handling": ["biometric"]}, body=body, event_type="derived"
    )
    links = office.client.lineage(photo)["links"]
    assert {"parent": photo, "child": made, "kind": "derived"} in links
    with pytest.raises(RuleError, match="not known here"):
        upload(
            office,
            tmp_path,
            body={"kind": "report", "parents": ["urn:uuid:00000000-0000-4000-8000-000000000000"]},
            event_type="derived",
        )


def dispose(office: Desk, item: str) -> str:
    second = colleague(office, "second")
    requested = office.record(item, "disposal-requested", {"reason": "case closed"})["statement"]
    return str(second.record(item, "approved", {"target": requested})["statement"])


def test_no_disposal_without_a_second_person_under_a_hold_or_before_its_time(
    office: Desk, tmp_path: Path
) -> None:
    photo = upload(office, tmp_path)
    closing: dict[str, Any] = {"scope": "all", "method": "keys destroyed", "approvals": []}
    with pytest.raises(RuleError, match="nobody requested"):
        office.record(photo, "disposed", closing)
    office.record(photo, "disposal-requested", {"reason": "case closed"})
    with pytest.raises(RuleError, match="second person"):
        office.record(photo, "disposed", closing)
    closing["approvals"] = [dispose(office, photo)]
    office.record(photo, "hold-placed", {"hold": "appeal"})
    with pytest.raises(RuleError, match="holds are in force"):
        office.record(photo, "disposed", closing)
    with pytest.raises(RuleError, match="holds are in force"):
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
    photo, other = (office.upload(file, options=Options(members))[0].evidence for _ in range(2))
    second = colleague(office, "second")
    handover.share(
        office.client, office.person, office.clock, photo, with_person=second.pseudonym, basis=BASIS
    )
    assert second.get(photo) == secret
    office.anchor()
    with office.node.records.read() as unit:
        sealed = [
            *unit.grants(photo, "content", office.person.hpke.public.digest),
            *unit.grants(photo, "record", office.node.keys.hpke.public.digest),
        ]
        sealed += [unit.document(row.payload) for row in unit.events(photo)]
        cid = unit.item(photo).cid
        blocks = [office.node.blocks.get(one) for one in [cid]]
    office.record(
        photo,
        "disposed",
        {"scope": "all", "method": "keys destroyed", "approvals": [dispose(office, photo)]},
    )
    assert erasure.settle(office.node) == 1
    assert erasure.settle(office.node) == 0
    certificate = office.client.disposal(photo)
    assert [one["agency"] for one in certificate["confirmed"]] == ["NL-POL"]
    assert certificate["destroyed"] >= 3
    assert office.client.search("case", "2026-117") == [other]
    for reader in (lambda: office.get(photo), lambda: second.get(photo)):
        with pytest.raises(CustodyError):
            reader()
    raw = b"".join(path.read_bytes() for path in sorted(office.path.rglob("*")) if path.is_file())
    for one in [*sealed, *blocks]:
        assert one[-64:] not in raw
    office.anchor()
    bundle = office.client.bundle(photo, "")
    assert all(one.document is None for one in bundles.parse(bundle).statements)
    report = verify(bundle, office.trust())
    assert report.verdict.value == "verified", report.as_json()
    assert report.facts["closed"]
    assert office.get(other) == secret
    assert [one for one in examine(office.node, deep=True) if isinstance(one, Finding)] == []


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
    assert office.client.disposal(photo)["confirmed"] == []
    erasure.settle(office.node)
    assert len(office.client.disposal(photo)["confirmed"]) == 1


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


def test_a_bundle_for_a_reader_leaves_out_what_they_must_not_see_and_still_verifies(
    office: Desk, tmp_path: Path
) -> None:
    photo = upload(
        office,
        tmp_path,
        members={"basis": BASIS},
        body={"place": "a victim's address", "collector": {"name": "4711"}},
    )
    office.record(photo, "moved", {"place": "a second address"})
    office.anchor()
    shown = office.client.bundle(
        photo, office.access(photo), withhold=["/body/place", "0:/body/collector"]
    )
    for word in (b"victim's address", b"second address", b"4711"):
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


def _disclosed(bundle: bytes) -> list[bytes]:
    from ledger.domain.codecs.text import from_b64url

    return [
        from_b64url(text, what="disclosure")
        for one in bundles.parse(bundle).statements
        for text in one.disclosures
    ]


def test_every_cell_of_the_table_of_roles_and_events() -> None:
    """The table in the code, in docs/threat-model.md and what registration enforces are one."""
    from ledger.domain.event.types import TYPES
    from ledger.domain.identity.roles import ROLES_BY_TYPE, require_role

    assert set(ROLES_BY_TYPE) == set(TYPES)
    written = _table(Path("docs/roles.md").read_text())
    for event_type in TYPES:
        for role in sorted(ROLES):
            allowed = role in ROLES_BY_TYPE[event_type]
            assert (role in written[event_type]) == allowed, (event_type, role)
            if allowed:
                require_role(event_type, role, frozenset({role}))
            else:
                with pytest.raises(RuleError):
                    require_role(event_type, role, frozenset({role}))


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
