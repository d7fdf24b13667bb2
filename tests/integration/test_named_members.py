"""What an event names by text is there: a member that a correction names, an approval, another
item; or nothing is recorded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger.client.intake.upload import UploadOptions
from ledger.client.reading import retrieval
from ledger.domain.errors import DeniedError, RuleError, VerificationError
from ledger.domain.ports.answers import LoggedEvent
from tests.support.desk import Desk
from tests.support.people import joined


@pytest.fixture
def photo(office: Desk, tmp_path: Path) -> str:
    (tmp_path / "photo.jpg").write_bytes(b"a photo")
    [done] = office.upload(tmp_path / "photo.jpg")
    return done.evidence


def rehearse(desk: Desk, item: str, body: dict[str, Any]) -> None:
    retrieval.rehearse(desk.client, desk.person, desk.clock, item, "corrected", body)


def events(desk: Desk, item: str) -> list[LoggedEvent]:
    return list(desk.client.events(item))


@pytest.mark.parametrize(
    ("pointer", "words"),
    [
        ("/body/nmae", "no such field"),
        ("body/name", "no such field"),
        ("/body/name/", "no such field"),
        ("/body/name/0", "no such field"),
        ("/body/digests/-1", "no such field"),
        ("/body", "cannot be corrected"),
        ("/time", "cannot be corrected"),
        ("/actor/role", "cannot be corrected"),
        ("/body/content/cid", "cannot be corrected"),
        ("/handling", "cannot be corrected"),
    ],
)
def test_a_correction_names_a_member_that_is_there_and_may_be_corrected(
    office: Desk, photo: str, pointer: str, words: str
) -> None:
    [opening] = events(office, photo)
    body = {"target": opening.statement, "pointer": pointer, "new": "x", "reason": "typing"}
    with pytest.raises(RuleError, match=words) as told:
        rehearse(office, photo, body)
    assert "/body/name" in str(told.value.hint)
    assert "/body/content" not in str(told.value.hint)
    with pytest.raises(RuleError, match=words):
        office.record(photo, "corrected", body)
    assert len(events(office, photo)) == 1


def test_members_of_members_and_of_lists_and_corrections_themselves_can_be_corrected(
    office: Desk, photo: str
) -> None:
    seals = [{"number": "S-1"}, {"number": "S-2"}]
    office.record(photo, "dispatched", {"carrier": "post", "seals": seals})
    sent = events(office, photo)[-1].statement
    opened = events(office, photo)[0].statement
    for target, pointer, new in (
        (sent, "/body/seals/1/number", "x"),
        (opened, "/body/digests/sha-256", "00" * 32),
    ):
        body = {"target": target, "pointer": pointer, "new": new, "reason": "typing"}
        rehearse(office, photo, body)
        office.record(photo, "corrected", body)
    again = {"target": events(office, photo)[-1].statement, "pointer": "/body/new"}
    office.record(photo, "corrected", {**again, "new": "11" * 32, "reason": "typing again"})


def test_the_old_value_of_a_correction_is_the_one_that_stands_after_earlier_corrections(
    office: Desk, photo: str
) -> None:
    opened = events(office, photo)[0].statement

    def correct(old: Any, new: Any, pointer: str = "/body/name", target: str = opened) -> str:
        body = {"target": target, "pointer": pointer, "old": old, "new": new, "reason": "typing"}
        rehearse(office, photo, body)
        return str(office.record(photo, "corrected", body).statement)

    for wrong in ("a.jpg", "", None, 1):
        with pytest.raises(RuleError, match="not the one that stands"):
            correct(wrong, "b.jpg")
    first = correct("photo.jpg", "b.jpg")
    with pytest.raises(RuleError, match="not the one that stands"):
        correct("photo.jpg", "c.jpg")
    correct("b.jpg", "c.jpg", "/body/new", first)  # the correction itself was wrong
    correct("c.jpg", "photo.jpg")
    noted = str(office.record(photo, "note", {"text": "x", "ext": {"a": {"nl": "x"}}}).statement)
    correct("x", "y", "/body/ext/a/nl", noted)
    correct({"nl": "y"}, "z", "/body/ext/a", noted)
    with pytest.raises(RuleError, match="no such field"):
        correct("y", "z", "/body/ext/a/nl", noted)
    with pytest.raises(RuleError, match="cannot be corrected"):
        correct(opened, first, "/body/target", first)


def test_true_is_no_number_where_an_old_value_is_compared(office: Desk, photo: str) -> None:
    office.record(photo, "note", {"text": "x", "ext": {"count": 1}})
    target = events(office, photo)[-1].statement
    body = {"target": target, "pointer": "/body/ext/count", "new": 2, "reason": "typing"}
    for old in (True, "1", [1]):
        with pytest.raises(RuleError, match="not the one that stands"):
            office.record(photo, "corrected", {**body, "old": old})
    office.record(photo, "corrected", {**body, "old": 1})


def test_whoever_may_not_correct_learns_no_members(
    office: Desk, photo: str, tmp_path: Path
) -> None:
    watcher = joined(office, tmp_path / "mine", "data-protection-officer", number="31")
    [opening] = events(office, photo)
    body = {"target": opening.statement, "pointer": "/body/nmae", "new": "x", "reason": "y"}
    with watcher.working() as (client, person):
        with pytest.raises(DeniedError, match="may record"):
            retrieval.rehearse(client, person, office.clock, photo, "corrected", body)
        with pytest.raises(VerificationError, match="actor"):
            retrieval.rehearse(client, office.person, office.clock, photo, "corrected", body)


def test_an_item_is_derived_by_approvals_that_there_are(
    office: Desk, photo: str, tmp_path: Path
) -> None:
    (tmp_path / "report.txt").write_bytes(b"a report")
    [opening] = events(office, photo)
    for digest in ("ab" * 32, opening.statement):
        body = {"kind": "report", "parents": [photo], "approvals": [digest]}
        options = UploadOptions({}, body=body, event_type="derived")
        with pytest.raises(RuleError, match="is no approval on an item"):
            office.upload(tmp_path / "report.txt", options=options)
    assert len(list(office.client.items())) == 1


def test_an_item_is_not_replaced_by_itself(office: Desk, photo: str) -> None:
    with pytest.raises(RuleError, match="its own item"):
        office.record(photo, "voided", {"reason": "twice", "replacement": photo})
    assert len(events(office, photo)) == 1
