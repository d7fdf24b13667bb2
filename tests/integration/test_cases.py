"""Cases as histories of their own: who sees and changes one, what is never said about one, and what
the sealed names of its items are told to.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from ledger.app import open_audit
from ledger.client import opening, physical_items
from ledger.client.intake.upload import UploadOptions
from ledger.client.reading import retrieval
from ledger.domain.codecs.text import evidence_bytes, new_case, subject_bytes
from ledger.domain.crypto import content_encryption
from ledger.domain.errors import (
    ConflictError,
    CustodyError,
    DeniedError,
    FormatError,
    NotFoundError,
    RuleError,
    UsageError,
)
from ledger.domain.event.case_types import subjects
from ledger.domain.event.signing import seal_keys, sign_event
from ledger.domain.event.types import TYPES
from ledger.domain.verify import procedure
from ledger.rows.logs import EntryRow
from ledger.services.access import guard_marks
from ledger.services.audit import internal
from ledger.services.records import documents
from ledger.services.registration import reindexing
from tests.support.desk import BASIS, Desk
from tests.support.office import colleague, office, staffed  # noqa: F401  (fixtures)
from tests.support.people import Colleague, joined

NUMBER = "2026-117"


def numbers(case: str = NUMBER, exhibit: str = "") -> dict[str, Any]:
    found = [{"scheme": "case", "value": case}]
    return {"identifiers": [*found, *([{"scheme": "exhibit", "value": exhibit}] * bool(exhibit))]}


def opened(desk: Desk, number: str = NUMBER, urn: str = "", **body: str) -> str:
    urn = urn or new_case()
    opening.record(desk.client, desk.person, desk.clock, "case-opened", body, numbers(number), urn)
    return urn


def opened_by(who: Colleague, number: str = NUMBER) -> str:
    urn = new_case()
    with who.working() as (client, person):
        opening.record(client, person, who.desk.clock, "case-opened", {}, numbers(number), urn)
    return urn


def thing(desk: Desk, exhibit: str, case: str = NUMBER, **members: Any) -> str:
    return physical_items.collect(
        desk.client, desk.person, desk.clock, {"description": f"thing {exhibit}"},
        numbers(case, exhibit) | members,
    ).evidence  # fmt: skip


def to(who: Colleague) -> dict[str, Any]:
    return {"to": {"agency": "NL-POL", "person": who.pseudonym}}


def urns(client: Any, **wanted: Any) -> set[str]:
    return {one.evidence for one in client.find(**wanted)}


def findings(desk: Desk) -> list[str]:
    desk.anchor()
    root = desk.trust()
    with open_audit.temporary(root) as state:
        report = internal.audit(desk.node, root, state, internal.InternalOptions(share=1.0))
    return [str(one.as_json()) for one in report.findings]


@pytest.fixture
def officer(office: Desk, tmp_path: Path) -> Colleague:
    return joined(office, tmp_path / "officer", "officer", number="5")


def test_a_case_stands_in_no_list_of_items_and_no_item_in_that_of_cases(office: Desk) -> None:
    case, item = opened(office), thing(office, "A1")
    client = office.client
    assert urns(client) == {item} == {one.evidence for one in client.items()}
    assert urns(client, case=NUMBER) == {item} == set(client.search("case", NUMBER))
    assert urns(client, kind="case") == {case} == urns(client, kind="case", case=" 2026-117")
    assert urns(client, kind="case", case="2026-118") == set()
    assert urns(client, among=[case, item]) == {case, item}, "whoever names it means it"
    assert urns(client, beginning=client.item(case).opening[:8]) == set()
    assert client.item(case).kind == "case"


def test_what_is_about_items_is_never_said_about_a_case_and_the_other_way_round(
    office: Desk,
) -> None:
    """Each type has one answer, and documents that contradict it are refused when they are read."""
    about = {name: subjects(name, one.effect) for name, one in TYPES.items()}
    agency = {"log-opened", "descriptor-published", "crl-published"}
    case = {"case-opened", "case-assigned", "case-closed", "listed"}
    both = {"accessed", "note", "corrected"}
    assert {name for name, one in about.items() if one == {"agency"}} == agency
    assert {name for name, one in about.items() if one == {"case"}} == case
    assert {name for name, one in about.items() if one == {"item", "case"}} == both
    rest = set(TYPES) - agency - case - both
    assert {name for name, one in about.items() if one == {"item"}} == rest
    item = thing(office, "A1")
    for event_type, body in (("listed", {}), ("case-closed", {"reason": "x"})):
        with pytest.raises(UsageError, match="does not fit the type"):
            office.record(item, event_type, body)


def test_a_case_is_offered_to_nobody_whatever_the_statement_says(office: Desk) -> None:
    case = opened(office)
    body = {"mode": "custody", "to": {"agency": "RO-DNA"}, "expires": "2030-01-01T00:00:00Z"}
    with pytest.raises(UsageError, match="does not fit the type"):
        office.record(case, "transfer-offered", body)
    with pytest.raises(UsageError, match="does not fit the type"):
        office.record(case, "disposed", {"scope": "all", "method": "x", "approvals": []})


def test_somebody_who_was_not_assigned_gets_the_answer_of_a_case_that_does_not_exist(
    office: Desk,
    officer: Colleague,
) -> None:
    case, absent = opened(office), new_case()
    with officer.working() as (client, _):
        told = []
        for urn in (case, absent):
            with pytest.raises(NotFoundError) as refused:
                client.item(urn)
            told.append(str(refused.value))
            with pytest.raises(NotFoundError):
                list(client.events(urn))
            with pytest.raises(NotFoundError):
                list(client.listing(urn, [urn]))
        assert told[0] == told[1]
        assert urns(client, kind="case") == set() == urns(client, kind="case", case=NUMBER)
    office.record(case, "case-assigned", to(officer))
    with officer.working() as (client, _):
        assert urns(client, kind="case", case=NUMBER) == {case}


def test_being_assigned_a_case_shows_it_and_none_of_its_items(
    office: Desk,
    officer: Colleague,
) -> None:
    """Else whoever opens the number of others sees what they have under it."""
    case, item = opened(office), thing(office, "A1")
    office.record(case, "case-assigned", to(officer))
    officer.record(case, "note", {"text": "mine"})
    own = opened_by(officer, "2026-118")
    thing(office, "B1", "2026-118")
    with officer.working() as (client, _):
        assert urns(client) == set()
        with pytest.raises(NotFoundError):
            client.item(item)
    for urn in (case, own):
        officer.record(urn, "listed", {}, {"basis": BASIS})
        with officer.working() as (client, _):
            assert [page.items for page in client.listing(urn, [item, urn])] == [()]


def test_whoever_is_assigned_a_case_neither_assigns_nor_closes_it(
    office: Desk,
    officer: Colleague,
    tmp_path: Path,
) -> None:
    case = opened(office)
    office.record(case, "case-assigned", to(officer))
    other = joined(office, tmp_path / "other", "officer", number="6")
    with pytest.raises(DeniedError):
        officer.record(case, "case-assigned", to(other))
    with pytest.raises(DeniedError):
        officer.record(case, "case-closed", {"reason": "x"})
    with pytest.raises(RuleError, match="themselves"):
        colleague(office, "second").record(case, "case-assigned", to(colleague(office, "second")))
    office.client.suspend(other.pseudonym)
    with pytest.raises(RuleError, match="active here"):
        office.record(case, "case-assigned", to(other))


def test_one_number_has_one_open_case_for_those_who_see_it_and_nothing_is_told_to_others(
    office: Desk,
    officer: Colleague,
) -> None:
    case = opened(office)
    with pytest.raises(ConflictError, match="open under that number"):
        opened(office, "2026-117 ")
    hidden = opened_by(officer)  # as if there were none
    assert urns(office.client, kind="case", case=NUMBER) == {case, hidden}
    for urn in (case, hidden):
        office.record(urn, "case-closed", {"reason": "judgment"})
    assert opened(office)


@pytest.mark.parametrize("said", [{}, {"identifiers": [{"scheme": "exhibit", "value": "A1"}]}])
def test_a_case_has_a_number(office: Desk, said: dict[str, Any]) -> None:
    with pytest.raises(RuleError, match="one number"):
        opening.record(
            office.client, office.person, office.clock, "case-opened", {}, said, new_case()
        )


def test_after_its_end_nothing_but_notes_and_readings_follow(
    office: Desk,
    officer: Colleague,
) -> None:
    case = opened(office)
    office.record(case, "case-closed", {"reason": "judgment"})
    office.record(case, "note", {"text": "the appeal was withdrawn"})
    office.access(case, "view")
    with pytest.raises(RuleError, match="closed"):
        office.record(case, "case-assigned", to(officer))


def test_a_corrected_number_finds_the_case_by_both_and_no_item(office: Desk) -> None:
    case = opened(office)
    thing(office, "A1")
    new = [{"scheme": "case", "value": "2026-171"}]
    head = office.client.item(case).head
    body = {"target": head, "pointer": "/identifiers", "new": new, "reason": "a slip"}
    office.record(case, "corrected", body)
    client = office.client
    assert urns(client, kind="case", case="2026-171") == {case}
    assert urns(client, kind="case", case=NUMBER) == {case}
    assert set(client.search("case", "2026-171")) == set()
    before = tokens(office)
    with office.node.records.write() as unit:
        unit.items.put_index_form(0)
    assert reindexing.bring_up(office.node) == 2
    assert tokens(office) == before


def tokens(desk: Desk) -> set[tuple[bytes, str]]:
    with desk.node.records.read() as unit:
        return {(row["token"], row["evidence"]) for row in unit.tables.rows("blind_index")}


def test_the_names_of_items_are_told_under_a_signed_purpose_alone_for_a_day(
    office: Desk,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case, item = opened(office), thing(office, "A1")
    asked = [item, thing(office, "A2", handling=["csam"]), thing(office, "B1", "2026-118")]
    client = office.client
    with pytest.raises(DeniedError, match="nobody said today"):
        list(client.listing(case, asked))
    office.record(case, "note", {"text": "no purpose"})
    office.access(case, "view")
    with pytest.raises(DeniedError, match="nobody said today"):
        list(client.listing(case, asked))
    retrieval.record(client, office.person, office.clock, case, "listed", {}, {"basis": BASIS})
    [found] = client.listing(case, asked)
    assert [(one.evidence, one.exhibit, one.name, one.size) for one in found.items] == [
        (item, "A1", "thing A1", None)
    ], "neither guarded material nor another case's item"
    assert found.purpose == BASIS["purpose"]
    with colleague(office, "second").working() as (second, _), pytest.raises(DeniedError):
        list(second.listing(case, asked))
    now = office.clock.now()
    monkeypatch.setattr(office.node.clock, "now", lambda: now + 86_401)
    with pytest.raises(DeniedError, match="nobody said today"):
        list(client.listing(case, asked))


def test_a_record_is_read_once_for_its_marks_and_its_name(
    office: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that of an item which nobody asked for not at all."""
    case = opened(office)
    asked, other = thing(office, "A1"), thing(office, "A2")
    retrieval.record(
        office.client, office.person, office.clock, case, "listed", {}, {"basis": BASIS}
    )
    guard_marks._KNOWN.clear()
    read: list[str] = []
    opens = documents.content_encryption.open_document
    entries = {row.payload: row.evidence for row in entries_of(office, [case, asked, other])}

    def counted(key: bytes, digest: bytes, sealed: bytes) -> bytes:
        read.append(entries[digest])
        return opens(key, digest, sealed)

    monkeypatch.setattr(documents.content_encryption, "open_document", counted)
    list(office.client.listing(case, [asked]))
    assert read.count(asked) == 1
    assert other not in read


def entries_of(desk: Desk, evidence: list[str]) -> list[EntryRow]:
    with desk.node.records.read() as unit:
        return [row for urn in evidence for row in unit.logs.events(urn)]


def test_a_purpose_without_words_opens_nothing(office: Desk) -> None:
    case = opened(office)
    office.record(case, "listed", {})
    with pytest.raises(DeniedError):
        list(office.client.listing(case, [case]))


def test_an_item_has_no_listing(office: Desk) -> None:
    item = thing(office, "A1")
    office.access(item, "view")
    with pytest.raises(NotFoundError, match="not a case"):
        list(office.client.listing(item, [item]))


def test_whoever_only_watches_is_told_no_name(office: Desk, tmp_path: Path) -> None:
    case = opened(office)
    thing(office, "A1")
    auditor = joined(office, tmp_path / "auditor", "auditor", number="7")
    with auditor.working() as (client, _):
        assert urns(client, kind="case") == {case}
        assert urns(client, kind="case", case=NUMBER) == set(), "not found by its sealed number"
        with pytest.raises(DeniedError):
            list(client.listing(case, [case]))
    with pytest.raises((DeniedError, RuleError)):
        auditor.record(case, "listed", {}, {"basis": BASIS})


def test_a_key_of_a_case_with_the_uuid_of_an_item_is_none_of_the_item(office: Desk) -> None:
    item = thing(office, "A1")
    case = item.replace("urn:uuid:", "urn:custody:case:")
    assert subject_bytes(case) != subject_bytes(item) == evidence_bytes(item)
    key = content_encryption.new_key()
    stolen = seal_keys(office.person, item, record_key=key, content_key=None, commitment=None)
    signed = sign_event(
        office.person, "case-opened", {}, evidence=case, seq=0, prev=None,
        time=office.clock.now(), members=numbers(), sealed_keys=stolen,
    )  # fmt: skip
    with pytest.raises(FormatError, match="another item"):
        office.client.register([signed.submission])
    assert opened(office, urn=case)
    assert office.client.item(item).events == 1


@pytest.mark.parametrize("wrong", ["urn:custody:case:x", "urn:custody:case:", "urn:custody:cases"])
def test_a_case_by_another_name_is_refused(office: Desk, wrong: str) -> None:
    with pytest.raises(CustodyError):
        opened(office, urn=wrong)


def test_the_bundle_of_a_case_verifies_and_says_what_was_recorded(office: Desk) -> None:
    case = opened(office, name="Harbour")
    office.record(case, "case-closed", {"reason": "judgment"})
    office.anchor()
    data = office.bundle(case)
    report = procedure.verify(data, office.trust())
    assert report.verdict == "verified", report


def test_a_file_beside_a_record_of_no_file_is_not_said_to_be_withheld(office: Desk) -> None:
    for subject in (opened(office), thing(office, "A1")):
        office.anchor()
        measured = procedure.FileDigest(1, {"sha-256": "0" * 64})
        report = procedure.verify(office.bundle(subject), office.trust(), file=measured)
        assert (report.verdict, report.withheld) == ("incomplete", [])
        assert "which is of no file" in report.steps[9].detail


def test_an_audit_from_inside_writes_cases_again_and_finds_an_edited_one(
    office: Desk,
    officer: Colleague,
) -> None:
    case = opened(office)
    thing(office, "A1")
    office.record(case, "case-assigned", to(officer))
    said = {"basis": BASIS}
    retrieval.record(office.client, office.person, office.clock, case, "listed", {}, said)
    list(office.client.listing(case, [case]))
    assert findings(office) == []
    with sqlite3.connect(office.path / "ledger.sqlite") as database:
        database.execute("DELETE FROM share WHERE evidence = ?", (case,))
    assert any("share" in one for one in findings(office))


def test_options_of_uploads_do_not_find_the_case_for_an_item(office: Desk, tmp_path: Path) -> None:
    """A file is recorded for a case by its number; what is recorded for it is an item of it."""
    opened(office)
    file = tmp_path / "a.txt"
    file.write_text("a")
    [done] = office.upload(file, options=UploadOptions(numbers(exhibit="A1"), again=True))
    assert urns(office.client, case=NUMBER) == {done.evidence}
