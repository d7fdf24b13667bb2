"""Digests that others stated: never taken for another thing's, and their comparison never lost."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cli.wording import timeline
from ledger.domain.errors import FormatError
from ledger.domain.event import document as documents
from ledger.domain.event.stated_digests import EWF, HASH_LIST, StatedDigest
from tests.unit.test_event import BASE

ONE, OTHER = "1" * 32, "2" * 32


def recorded(*stated: StatedDigest) -> list[dict[str, Any]]:
    """The rows as a document that was built and read again has them."""
    value = copy.deepcopy(BASE)
    value["body"]["stated"] = [row for one in stated for row in one.as_json()]
    event = documents.build(value, {"/body/stated": bytes(16)})
    whole = documents.parse(event.raw, [one.encoded for one in event.disclosures])
    rows: list[dict[str, Any]] = whole.body["stated"]
    return rows


def test_a_digest_that_differs_is_recorded_with_what_was_found_instead() -> None:
    rows = recorded(StatedDigest("md5", ONE, "file", HASH_LIST, OTHER))
    assert rows == [
        {"algorithm": "md5", "value": ONE, "over": "file", "by": "hash list", "checked": False},
        {"algorithm": "md5", "value": OTHER, "over": "file", "by": "custody"},
    ]
    assert list(map(timeline.stated, rows)) == [
        f"md5 of the file: {ONE}, stated by hash list, compared here, and ANOTHER ONE was found",
        f"md5 of the file: {OTHER}, which was found here",
    ]


def test_a_digest_that_nobody_compared_does_not_look_as_if_it_agreed() -> None:
    rows = recorded(StatedDigest("sha-1", "3" * 40, "media", EWF))
    assert rows == [{"algorithm": "sha-1", "value": "3" * 40, "over": "media", "by": "ewf"}]
    assert timeline.stated(rows[0]) == (
        f"sha-1 of the media: {'3' * 40}, stated by ewf, not compared"
    )


def test_a_digest_that_agrees_is_told_as_the_media_s_and_not_the_file_s() -> None:
    [row] = recorded(StatedDigest("md5", ONE, "media", EWF, ONE))
    assert row["checked"] is True
    assert timeline.stated(row) == (
        f"md5 of the media: {ONE}, stated by ewf, compared here, and the same"
    )


def test_a_segment_s_digest_is_not_told_as_that_of_all_segments_joined() -> None:
    rows = recorded(StatedDigest("md5", ONE, "file", HASH_LIST, OTHER, "phone.E02"))
    assert [timeline.stated(row) for row in rows] == [
        (
            f"md5 of the segment phone.E02: {ONE}, stated by hash list, compared here, and ANOTHER ONE"
            " was found"
        ),
        f"md5 of the segment phone.E02: {OTHER}, which was found here",
    ]


@pytest.mark.parametrize(
    ("algorithm", "value", "told"),
    [
        ("md5", "1" * 40, "expected 32 lower-case hex digits of md5, found 40 characters"),
        ("md5", "A" * 32, "expected 32 lower-case hex digits of md5, found 32 characters"),
        ("crc32", "1" * 8, "'crc32' is not known"),
    ],
)
def test_what_is_no_digest_of_its_algorithm_is_refused(
    algorithm: str, value: str, told: str
) -> None:
    with pytest.raises(FormatError, match=told):
        StatedDigest(algorithm, value, "file", HASH_LIST)


def test_what_was_found_must_be_a_digest_too() -> None:
    with pytest.raises(FormatError, match="expected 32 lower-case hex digits"):
        StatedDigest("md5", ONE, "file", HASH_LIST, "unknown")
