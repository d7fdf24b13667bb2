"""A node whose records are not what the format allows: a clear error, and nothing signed for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger.client.reading import retrieval
from ledger.domain.files import media_types
from ledger.domain.files.manifest import MEDIA_TYPE
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.lying_node import Lie, Lying, lying, truth  # noqa: F401  (fixtures)
from tests.support.strangers import desk, photo  # noqa: F401  (fixtures)


def put(*path: Any) -> Lie:
    """Another value at a place of the first event, or none where the value is None."""
    *way, value = path

    def lie(found: dict[str, Any]) -> None:
        place = found["events"][0]
        for name in way[:-1]:
            place = place[name]
        if value is None:
            del place[way[-1]]
        else:
            place[way[-1]] = value

    return lie


LIES: dict[str, Lie] = {
    "no events": lambda found: found | {"events": []},
    "events that are none": lambda found: found | {"events": [1]},
    "no number": put("seq", None),
    "another beginning": lambda found: found | {"events": found["events"][1:]},
    "a document that is a list": put("document", [1]),
    "no body": put("document", "body", None),
    "a body that is text": put("document", "body", "x"),
    "a size that is text": put("document", "body", "size", "9"),
    "a size below nothing": put("document", "body", "size", -1),
    "no digests": put("document", "body", "digests", None),
    "withheld digests": lambda found: (
        found["events"][0]["document"]["body"].pop("digests"),
        found["events"][0]["document"].update(_sd_alg="sha-256"),
        found["events"][0]["document"]["body"].update(_sd=["A" * 43], _sd_names=["digests"]),
        None,
    )[-1],
    "digests of nothing withheld": put("document", "body", "_sd", 5),
    "a name that is a number": put("document", "body", "name", 7),
    "a kind that is a list": put("document", "body", "mediaType", ["x"]),
    "content without its salt": put("document", "body", "content", "salt", None),
    "an actor that is none": put("document", "actor", 1),
    "no actor": put("document", "actor", None),
    "another item": put("document", "evidence", "urn:uuid:3f0c1d2e-0000-4000-8000-000000000000"),
    "another place": put("document", "seq", 1),
    "a statement that is none": put("statement", "x"),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_record_of_another_form_is_nonsense_and_nothing_is_signed_for_it(
    desk: Desk, lying: Lying, tmp_path: Path, lie: str
) -> None:
    item = photo(desk, tmp_path)
    desk.record(item, "disposal-requested", {"reason": "x"})
    lying.record = LIES[lie]
    commands = [
        ["get", item, "-o", str(tmp_path / "out"), "--basis", "x"],
        ["recheck", item, "--basis", "x"],
        ["show", item, "--basis", "x"],
        ["dispose", "approve", item, "--yes"],
        ["record", "approve", item, "--event", "1", "--yes"],
        ["disclose", item, "--kind", "court", "--basis", "x"],
    ]
    for command in commands:
        lying.second = "approve" in command
        code, out, said = within(*command)
        assert (out, "internal error" in said) == ("", False), said
        assert "answered nonsense" in said, said
        assert code == (3 if command[0] in ("get", "recheck") else 1)
    assert not (tmp_path / "out").exists()
    lying.record = truth
    kinds = [
        detail.document["type"] for detail in desk.client.details(item, desk.access(item, "view"))
    ]
    assert not {"approved", "verified"} & set(kinds)


@pytest.mark.parametrize("data", [b"", b"{", b"[1]", b'{"members":5}', b"\xff" * 9])
def test_a_file_that_was_recorded_as_a_manifest_and_is_none_is_given_and_said_to_be_none(
    desk: Desk, lying: Lying, tmp_path: Path, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list").write_bytes(data)
    monkeypatch.setattr(media_types, "of_name", lambda name: MEDIA_TYPE)
    item = desk.upload(tmp_path / "list")[0].evidence
    code, out, said = within("get", item, "-o", tmp_path / "out", "--basis", "x")
    assert code == 3, said
    assert "recorded as the manifest of a folder, and is none" in " ".join(out.split())
    assert (tmp_path / "out").read_bytes() == data


def test_content_of_any_size_is_asked_for_range_by_range() -> None:
    """The list of ranges of what a node says to be petabytes long filled the memory."""
    ranges = retrieval._ahead(lambda start, end: bytes(end - start), 2**53)
    assert next(ranges)[0] == 0
    ranges.close()


def test_a_node_that_answers_twice_gets_no_match_of_what_was_not_compared(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    """What is signed as expected is what was compared; the record is asked for once."""
    item = photo(desk, tmp_path)
    answers = 0

    def lie(found: dict[str, Any]) -> None:
        nonlocal answers
        answers += 1
        if answers == 1:
            found["events"][0]["document"]["body"]["digests"] = {"sha-256": "0" * 64}

    lying.record = lie
    code, out, said = within("recheck", item, "--basis", "x")
    assert (code, out, "shows what was not signed" in said) == (1, "", True), said
    code, _, said = within("recheck", item, "--basis", "x")
    assert (code, answers) == (0, 2), "each reading asks once"
    signed = desk.client.details(item, desk.access(item, "view"))
    [told] = [one for one in signed if one.type == "verified"]
    assert (told.body["result"], told.body["expected"]) == ("match", signed[0].body["digests"])
