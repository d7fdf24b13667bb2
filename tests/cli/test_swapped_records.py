"""A node whose records have the right form and are not what was signed: it is said what differs, and
nothing is signed or written.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.node import session
from ledger.app import field_folder
from ledger.client.handovers import handover
from ledger.client.intake.upload import Upload, UploadOptions, UploadResult
from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.errors import ConflictError, VerificationError
from ledger.domain.event.offer_terms import OfferTerms
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.lying_node import Lie, Lying, lying, truth  # noqa: F401  (fixtures)
from tests.support.strangers import desk, photo  # noqa: F401  (fixtures)

OTHER = "ab" * 32


def item_of(desk: Desk, folder: Path, name: str) -> str:
    """A photograph with a request to dispose of it."""
    (folder / name).mkdir()
    item = photo(desk, folder / name)
    desk.record(item, "disposal-requested", {"reason": name})
    return item


def shown(desk: Desk, item: str) -> list[Any]:
    """The item's record in the form of the API, as the honest node shows it."""
    body = {"access": desk.access(item, "view")}
    found: list[Any] = desk.client._ask(
        "POST", f"/v1/evidence/{item}/details", {"events": [dict]}, json=body
    )["events"]
    return found


def another_opening(found: dict[str, Any], other: list[Any]) -> None:
    """That of another item, as if it were this one's."""
    opening, own = other[0], found["events"][0]["document"]["evidence"]
    opening["document"]["evidence"] = own
    found["events"][0] = opening


def another_document(found: dict[str, Any], other: list[Any]) -> None:
    """What the opening of another item says, over the signature of this one's."""
    opening = found["events"][0]
    opening["document"]["body"] = other[0]["document"]["body"]


def another_digest(found: dict[str, Any], _: list[Any]) -> None:
    found["events"][0]["document"]["body"]["digests"]["sha-256"] = OTHER


def another_size(found: dict[str, Any], _: list[Any]) -> None:
    """Also in what is said to be signed."""
    opening = found["events"][0]
    raw = json.loads(from_b64url(opening["signed"]["document"], what="document"))
    raw["body"]["size"] += 1
    opening["document"]["body"]["size"] += 1
    text = json.dumps(raw, separators=(",", ":"), ensure_ascii=False)
    opening["signed"]["document"] = b64url(text.encode())


def another_signer(found: dict[str, Any], other: list[Any]) -> None:
    found["events"][0]["signed"]["certificate"] = other[-1]["signed"]["certificate"]


def another_name(found: dict[str, Any], _: list[Any]) -> None:
    """A decision would name what nobody recorded."""
    found["events"][1]["statement"] = OTHER


def an_older_record(found: dict[str, Any], _: list[Any]) -> None:
    found["events"].pop()


def a_record_with_a_gap(found: dict[str, Any], _: list[Any]) -> None:
    del found["events"][1]


LIES: dict[Callable[[dict[str, Any], list[Any]], None], str] = {
    another_opening: "event 0 is about another item",
    another_document: "event 0: the document that is shown is another one",
    another_digest: "event 0: the document that is shown is another one",
    another_size: "event 0: the document hashes to",
    another_signer: "event 0: the certificate is another one than it names",
    another_name: f"event 1 is shown as {OTHER}",
    an_older_record: "does not lead to the event",
    a_record_with_a_gap: "event 2 does not follow the event that is shown before it",
}


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_a_record_that_is_not_the_signed_one_is_refused_and_nothing_is_signed_or_written(
    desk: Desk, lying: Lying, tmp_path: Path, lie: Callable[[dict[str, Any], list[Any]], None]
) -> None:
    item = item_of(desk, tmp_path, "one")
    desk.record(item, "note", {"text": "x"})
    other = shown(desk, item_of(desk, tmp_path, "two"))
    if lie is another_signer:
        lying.second = True
        within("show", item, "--basis", "x")
        other = [one for one in shown(desk, item) if one["document"]["type"] == "accessed"][:1]
    lying.record = lambda found: lie(found, other)
    commands = [
        ["get", item, "-o", str(tmp_path / "out"), "--basis", "x"],
        ["recheck", item, "--basis", "x"],
        ["show", item, "--basis", "x"],
        ["record", "approve", item, "--event", "1", "--yes"],
        ["disclose", item, "--kind", "court", "--basis", "x"],
    ]
    for command in commands:
        lying.second = "approve" in command
        code, out, said = within(*command)
        assert (code, out) == (1, ""), said
        assert LIES[lie] in said
        assert "do not rely on this node" in said
    assert not (tmp_path / "out").exists()
    assert {one["document"]["type"] for one in shown(desk, item)} == {
        "acquired",
        "disposal-requested",
        "note",
        "accessed",
    }


def other_terms(found: dict[str, Any], _: list[Any]) -> None:
    """An offer on other terms than those that the answer would be signed for."""
    found["events"][-1]["document"]["body"]["conditions"] = []


@pytest.mark.parametrize("lie", [other_terms, another_digest, a_record_with_a_gap])
def test_an_offer_that_is_shown_otherwise_than_it_was_signed_is_not_answered(
    desk: Desk, lying: Lying, tmp_path: Path, lie: Callable[[dict[str, Any], list[Any]], None]
) -> None:
    item = item_of(desk, tmp_path, "one")
    terms = OfferTerms(
        "NL-POL",
        desk.clock.now() + 86400,
        lying.colleague.pseudonym,
        conditions=("this case only",),
    )
    handover.offer(desk.client, desk.person, desk.clock, item, terms)
    before = desk.client.item(item)
    lying.second, lying.record = True, lambda found: lie(found, [])
    for command in (("accept",), ("decline", "--reason", "x")):
        code, out, said = within("handover", command[0], item, *command[1:], "--yes")
        assert (code, out) == (1, ""), said
        assert "shows what was not signed" in said
    assert desk.client.item(item) == before


def older(found: dict[str, Any]) -> None:
    """The item as it was before the access."""
    found["events"] -= 1
    found["head"] = OTHER


def another_head(found: dict[str, Any]) -> None:
    found["head"] = OTHER


@pytest.mark.parametrize("lie", [older, another_head])
def test_nothing_is_signed_behind_a_head_that_the_record_does_not_lead_to(
    desk: Desk, lying: Lying, tmp_path: Path, lie: Lie
) -> None:
    item = item_of(desk, tmp_path, "one")
    sent: list[dict[str, Any]] = []

    def read(_: dict[str, Any]) -> None:
        lying.item, lying.registered = lie, sent.append

    lying.record = read
    for command in (
        ["recheck", item, "--basis", "x"],
        ["disclose", item, "--kind", "court", "--basis", "x"],
        ["record", "approve", item, "--event", "1", "--yes"],
    ):
        lying.item = lying.registered = truth
        lying.second = "approve" in command
        code, out, said = within(*command)
        assert (code, out, sent) == (1, "", []), said
        assert "nothing was signed" in said


def another_statement(found: dict[str, Any]) -> None:
    found["registered"][0]["statement"] = OTHER


def another_place(found: dict[str, Any]) -> None:
    """A receipt with another path in the tree."""
    receipt = from_b64url(found["registered"][0]["receipt"], what="receipt")
    found["registered"][0]["receipt"] = b64url(receipt[:-1] + bytes([receipt[-1] ^ 1]))


@pytest.mark.parametrize("lie", [another_statement, another_place])
def test_an_access_without_a_receipt_of_the_log_opens_nothing(
    desk: Desk, lying: Lying, tmp_path: Path, lie: Lie
) -> None:
    item = item_of(desk, tmp_path, "one")
    lying.registered = lie
    code, out, said = within("get", item, "-o", tmp_path / "out", "--basis", "x")
    assert (code, out) == (1, ""), said
    assert not (tmp_path / "out").exists()
    assert "the node answers of" in said if lie is another_statement else "receipt" in said


@pytest.mark.parametrize("lie", [another_statement, another_place])
def test_an_upload_without_a_receipt_of_the_log_is_not_said_to_be_recorded_and_goes_on(
    desk: Desk, lying: Lying, tmp_path: Path, lie: Lie
) -> None:
    (tmp_path / "file").write_bytes(b"x" * 100)
    lying.registered = lie
    journal = field_folder.journal_of(desk.path, desk.home.keyring)
    with session.open_session() as opened:
        run = Upload(desk.person, opened.node, journal, desk.clock, UploadOptions(again=True))
        with pytest.raises(VerificationError) as refused:
            list(run.run([tmp_path / "file"]))
    assert refused.value.step == 5
    before = {item.evidence for item in desk.client.items()}
    [done] = desk.upload(tmp_path / "file")
    assert done.evidence in before, "what the log has is not recorded twice"
    code, out, said = within("seize", "phone", "--seal", "S-1")
    assert (code, out) == (1, ""), said


def made_up_listing(
    desk: Desk, lying: Lying, monkeypatch: pytest.MonkeyPatch, other: str
) -> Callable[[], None]:
    """Let the node refuse every statement, and list an event of another item as that of each;
    whoever calls what is returned has it take statements again.
    """
    with session.open_session() as opened:
        listed = asdict(next(iter(opened.node.events(other))))
    honest, refusing = lying.handle_request, [True]

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/statements" and refusing:
            error = {"code": "conflict", "message": "refused", "hint": None, "step": None}
            return httpx.Response(409, json={"error": error})
        if request.url.path.endswith("/events"):
            return httpx.Response(200, json={"events": [listed], "next": None})
        return honest(request)

    monkeypatch.setattr(lying, "handle_request", handle)
    return refusing.clear


@pytest.mark.parametrize("changed", [False, True], ids=["same file", "changed file"])
def test_a_refused_upload_is_not_recorded_for_being_listed_by_the_node(
    desk: Desk,
    lying: Lying,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: bool,
) -> None:
    file, other = tmp_path / "file", item_of(desk, tmp_path, "one")
    file.write_bytes(b"evidence" * 100)
    relent = made_up_listing(desk, lying, monkeypatch, other)

    def upload() -> tuple[list[UploadResult], list[str]]:
        journal = field_folder.journal_of(desk.path, desk.home.keyring)
        with session.open_session() as opened:
            run = Upload(desk.person, opened.node, journal, desk.clock, UploadOptions(again=True))
            return list(run.run([file])), run.notices

    for _ in range(3):
        with pytest.raises(ConflictError, match="refused"):
            upload()
        if changed:
            file.write_bytes(file.read_bytes() + b"more")
    journal = field_folder.journal_of(desk.path, desk.home.keyring)
    assert journal.leftovers(), "the keys are kept"
    journal.close()
    relent()
    [done], notices = upload()
    assert done.index == desk.client.item(done.evidence).index
    assert desk.get(done.evidence) == file.read_bytes()
    for notice in notices:
        assert desk.client.item(notice.rpartition(" ")[2])


def test_a_node_that_answers_for_fewer_statements_than_were_sent_is_told(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    item = item_of(desk, tmp_path, "one")
    lying.registered = lambda found: {"registered": []}
    code, out, said = within("show", item, "--basis", "x")
    assert (code, out, "answers for 0 statements, sent were 1" in said) == (1, "", True), said


def test_a_correction_names_the_event_that_the_record_has_at_its_number(
    desk: Desk, lying: Lying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of events in clear is held against nothing: it named another one."""
    item = photo(desk, tmp_path)
    for text in ("first", "second"):
        desk.record(item, "note", {"text": text})
    honest = lying.handle_request

    def swapped(request: httpx.Request) -> httpx.Response:
        answer = honest(request)
        if not request.url.path.endswith("/events"):
            return answer
        found = json.loads(answer.content)
        found["events"][2]["statement"] = found["events"][1]["statement"]
        return httpx.Response(200, json=found)

    monkeypatch.setattr(lying, "handle_request", swapped)
    change = ["--event", 2, "--field", "/body/text", "--new", "third", "--reason", "x"]
    code, _, said = within("correct", item, *change)
    assert code == 0, said
    rows = shown(desk, item)
    [target] = [
        one["document"]["body"]["target"] for one in rows if one["document"]["type"] == "corrected"
    ]
    assert target == rows[2]["statement"]


def test_no_decision_is_signed_behind_events_that_the_record_that_was_read_does_not_have(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    """A node that named more events than were read got an approval on any head."""
    item = item_of(desk, tmp_path, "one")
    sent: list[dict[str, Any]] = []

    def later(found: dict[str, Any]) -> None:
        found["events"] += 1
        found["head"] = OTHER

    def read(_: dict[str, Any]) -> None:
        lying.item, lying.registered = later, sent.append

    lying.record, lying.second = read, True
    for command in (
        ["dispose", "approve", item, "--yes"],
        ["record", "approve", item, "--event", "1", "--yes"],
        ["record", "refuse", item, "--event", "1", "--reason", "x", "--yes"],
    ):
        lying.item = lying.registered = truth
        code, out, said = within(*command)
        assert (code, out, sent) == (1, "", []), said
        assert "the node names" in said
        assert "reads the record anew" in " ".join(said.split())
