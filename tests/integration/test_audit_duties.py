"""What an agency owes its items, audited from inside after time has passed; and that a long honest
life raises no alarm.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.memory import StoppedClock
from ledger.client.handovers import handover
from ledger.client.reading import retrieval
from ledger.domain.audit.checklist import Status
from ledger.domain.codecs.text import format_time
from ledger.domain.item import history_rules
from ledger.domain.verify.report import Verdict
from ledger.rows.releases import ReleaseRow
from ledger.services.handovers import erasure
from tests.integration.test_audit_inside import audit
from tests.integration.test_disposals import dispose
from tests.integration.test_lifecycle import seized
from tests.support.desk import BASIS, Desk
from tests.support.office import colleague, office, staffed, upload

__all__ = ["office", "staffed"]
DAY = 86400


@pytest.fixture
def later(office: Desk) -> object:
    """Moves the node's clock on by so many seconds."""

    def move(seconds: int) -> None:
        office.node.clock = StoppedClock(int(time.time()) + seconds)

    return move


def test_an_item_kept_beyond_its_retention_and_a_hold_that_ran_out(
    office: Desk, tmp_path: Path, later
) -> None:
    photo, phone = upload(office, tmp_path), seized(office, "S-1")
    office.record(
        photo,
        "retention-set",
        {"rule": "a year", "until": format_time(int(time.time()) + 365 * DAY)},
    )
    office.record(
        phone,
        "hold-placed",
        {"hold": "appeal", "expires": format_time(int(time.time()) + 30 * DAY)},
    )
    office.anchor()
    assert audit(office).codes() == set()
    later(40 * DAY)
    assert audit(office).codes() == {"hold-expired"}
    later(400 * DAY)
    assert audit(office).codes() == {"hold-expired", "retention-over"}


def test_what_an_altered_node_took_against_the_record_is_found_from_inside(
    office: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = seized(office, "S-1")
    with monkeypatch.context() as patched:  # a node whose program is altered
        patched.setattr(history_rules, "require_allowed", lambda *_, **__: None)
        office.record(phone, "sealed", {"number": "S-1"})
    office.record(phone, "note", {"text": "x"})
    office.anchor()
    report = audit(office)
    [told] = [one for one in report.findings if one.code == "record-rule"]
    assert (told.place, told.found) == (
        f"event 1 of {phone}",
        "a seal with that number is on the item already",
    )
    assert report.codes() == {"record-rule"}


def test_what_was_done_with_a_thing_while_somebody_else_had_it_is_told_until_its_return_is_recorded(
    office: Desk,
) -> None:
    phone, now = seized(office, "S-1"), int(time.time())
    party = {"counterparty": {"name": "laboratory"}}
    for hours, event_type, body in (
        (9, "moved", {"place": "depot"}),  # recorded late, and before it was handed out
        (8, "released", party),
        (2, "moved", {"place": "shelf 7"}),
        (1, "unsealed", {"number": "S-1"}),
    ):
        happened(office, phone, event_type, body, now - hours * 3600)
    report = audit(office)
    places = [each.place for each in report.findings if each.code == "thing-elsewhere"]
    assert places == [f"event {seq} of {phone}" for seq in (3, 4)], report.as_json()
    assert report.verdict is not Verdict.FAILED
    happened(office, phone, "received", party, now - 3 * 3600)
    assert "thing-elsewhere" not in audit(office).codes()


def happened(desk: Desk, evidence: str, event_type: str, body: dict[str, Any], at: int) -> None:
    told = {"occurred": {"from": format_time(at)}, "late": "in the evening"}
    retrieval.record(desk.client, desk.person, desk.clock, evidence, event_type, body, told)


def test_a_disposal_that_was_never_carried_out(
    office: Desk, tmp_path: Path, later, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = upload(office, tmp_path)
    office.record(
        photo,
        "disposed",
        {"scope": "all", "method": "keys destroyed", "approvals": [dispose(office, photo)]},
    )
    office.anchor()
    assert audit(office).codes() == set()
    later(2 * DAY)
    report = audit(office)
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"disposal-waits"}), (
        "the clock alone proves nothing"
    )
    monkeypatch.setattr(office.node.contracts.chain._opened(), "_clock", office.node.clock)
    upload(office, tmp_path)
    office.anchor()
    report = audit(office)
    assert (report.verdict, "disposal-overdue" in report.codes()) == (Verdict.FAILED, True)


def test_a_life_with_shares_approvals_corrections_and_a_disposal_audits_clean(
    office: Desk, tmp_path: Path
) -> None:
    photo, other = upload(office, tmp_path), upload(office, tmp_path)
    second = colleague(office, "second")
    handover.share(
        office.client, office.person, office.clock, photo, with_person=second.pseudonym, basis=BASIS
    )
    second.get(photo)
    office.record(photo, "note", {"text": "looked at"})
    office.record(
        photo,
        "disposed",
        {"scope": "all", "method": "keys destroyed", "approvals": [dispose(office, photo)]},
    )
    erasure.settle(office.node)
    office.get(other)
    office.anchor()
    report = audit(office)
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), [
        finding.as_json() for finding in report.findings
    ]


def test_a_document_that_comes_back_after_its_keys_were_destroyed(
    office: Desk, tmp_path: Path
) -> None:
    photo = upload(office, tmp_path)
    with office.node.records.read() as unit:
        [row] = unit.logs.events(photo)
        sealed = unit.documents.get(row.payload)
    office.record(
        photo,
        "disposed",
        {"scope": "all", "method": "keys destroyed", "approvals": [dispose(office, photo)]},
    )
    erasure.settle(office.node)
    office.anchor()
    with office.node.records.write() as unit:
        unit.documents.put(row.payload, photo, sealed)
    assert audit(office).codes() == {"document-left"}


def test_a_disposal_that_is_put_back_to_unsigned_right_after_it_was_signed_for(
    office: Desk, tmp_path: Path
) -> None:
    """The signature and the end of the disposal are one transaction: nothing lags behind."""
    photo = upload(office, tmp_path)
    closing = {"scope": "all", "method": "keys destroyed"}
    office.record(photo, "disposed", {**closing, "approvals": [dispose(office, photo)]})
    erasure.settle(office.node)
    office.anchor()
    assert audit(office).codes() == set()
    with office.node.records.write() as unit:
        row = unit.erasures.get(photo)
        assert row is not None
        assert row.state == "done"
        unit.erasures.put(replace(row, state="dropped"))
    assert audit(office).codes() == {"row-edited"}


def test_a_key_handed_to_somebody_else_before_the_record_was_destroyed(
    office: Desk, tmp_path: Path
) -> None:
    """What the document said went with it; who signed, and for whom, stands in the statement."""
    photo = upload(office, tmp_path)
    office.get(photo)
    office.record(
        photo,
        "disposed",
        {"scope": "all", "method": "keys destroyed", "approvals": [dispose(office, photo)]},
    )
    erasure.settle(office.node)
    office.anchor()
    assert audit(office).codes() == set()
    with office.node.records.write() as unit:
        [row] = [
            stored
            for stored in unit.tables.rows("release", evidence=photo)
            if stored["kind"] == "content"
        ]
        unit.releases.put(ReleaseRow(**(row | {"recipient": "somebodyelse"})))
    assert audit(office).codes() == {"release-unlogged"}


def test_a_document_that_cannot_be_opened_ends_no_other_check(office: Desk, tmp_path: Path) -> None:
    photo = upload(office, tmp_path)
    office.get(photo)
    office.anchor()
    with closing(sqlite3.connect(office.path / "ledger.sqlite", isolation_level=None)) as database:
        database.execute("UPDATE document SET sealed = zeroblob(99) WHERE evidence = ?", (photo,))
    report = audit(office)
    assert "document-differs" in report.codes()
    assert report.status("content") is not Status.NOT_ASKED, report.as_json()
    assert not [finding for finding in report.findings if finding.place == "the home"]
