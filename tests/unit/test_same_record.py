"""Marks and numbers: what counts as one file of one case, and what the mark does not tell."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.domain.event import same_record

ITEM = "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"


def document(number: str = "A1", **body: Any) -> dict[str, Any]:
    said = {"name": "IMG.jpg", "size": 1, "digests": {"sha-256": "00" * 32}}
    identifiers = [{"scheme": "case", "value": "1"}, {"scheme": "exhibit", "value": number}]
    return {"type": "acquired", "identifiers": identifiers, "body": said | body}


def test_a_mark_tells_nothing_of_the_content() -> None:
    other = document(size=2, digests={"sha-256": "ff" * 32}, mediaType="image/jpeg")
    assert same_record.mark(document()) == same_record.mark(other)


@pytest.mark.parametrize(
    "other",
    [
        document("A2"),
        document(name="img.jpg"),
        document(partOf=ITEM),
        document(path="DCIM/IMG.jpg"),
        {**document(), "type": "gathered"},
        {**document(), "identifiers": document()["identifiers"][1:]},
    ],
)
def test_another_number_name_source_or_case_has_another_mark(other: dict[str, Any]) -> None:
    assert same_record.mark(document()) != same_record.mark(other)


def test_what_is_derived_or_a_thing_has_no_mark() -> None:
    assert same_record.mark({**document(), "type": "derived"}) is None
    assert same_record.mark({**document(), "type": "collected"}) is None


def test_exhibits_with_a_stroke_of_their_own_are_no_parts_of_one_another() -> None:
    assert not same_record.is_same(document("A/1"), document("A/2"), numbered=True)
    assert same_record.is_same(document("A/1"), document("a/1 "), numbered=True)
    assert same_record.is_same(document("A/1/7"), document("A/1/1"), numbered=False)
    assert not same_record.is_same(document("A/1/7"), document("A/2/1"), numbered=False)


@pytest.mark.parametrize(
    ("number", "whole"),
    [("A1/17", "A1"), ("A1", "A1"), ("A1/0", "A1/0"), ("/1", "/1"), ("A/1/2", "A/1")],
)
def test_the_whole_of_a_number(number: str, whole: str) -> None:
    assert same_record.whole(number) == whole


def correction(seq: int, target: str, pointer: str, new: object) -> dict[str, Any]:
    body = {"target": target, "pointer": pointer, "new": new, "reason": "typo"}
    return {"type": "corrected", "seq": seq, "body": body}


def test_numbers_that_an_earlier_version_let_be_corrected_to_nonsense_are_none() -> None:
    opening = {
        "type": "collected",
        "seq": 0,
        "body": {},
        "identifiers": [
            {"scheme": "case", "value": "2026-117"},
            {"scheme": "exhibit", "value": "E1"},
        ],
    }
    for pointer, new in (("/identifiers/1/value", 5), ("/identifiers", "E1"), ("/identifiers", 1)):
        documents = {"a": opening, "b": correction(1, "a", pointer, new)}
        assert same_record.numbers(documents) == []


def test_a_correction_of_which_something_is_withheld_changes_nothing_and_stops_nobody() -> None:
    opening = {
        "type": "collected",
        "seq": 0,
        "body": {},
        "identifiers": [
            {"scheme": "case", "value": "2026-117"},
            {"scheme": "exhibit", "value": "E1"},
        ],
    }
    for name in ("target", "pointer", "new"):
        change = correction(1, "a", "/identifiers/1/value", "E7")
        del change["body"][name]
        assert same_record.numbers({"a": opening, "b": change}) == [("2026-117", "e1")]
