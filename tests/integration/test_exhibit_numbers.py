"""An exhibit number stands once in a case, whoever is first."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from cli.invocation import named_numbers
from cli.invocation.global_options import STATE
from ledger.app import field_folder
from ledger.client import physical_items
from ledger.client.intake.upload import Upload, UploadOptions, UploadResult
from ledger.client.reading import retrieval
from ledger.domain.errors import ConflictError, RuleError, VerificationError
from ledger.domain.event import same_record
from ledger.domain.ports.answers import Recorded
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import SelfCheckFinding
from ledger.services.records import record_keys
from tests.integration.test_hidden_costs import looking
from tests.support.desk import Desk
from tests.support.laptop import Laptop
from tests.support.people import Colleague, joined


def said(case: str = "2026-117", exhibit: str = "E1") -> dict[str, Any]:
    numbers = [{"scheme": "case", "value": case}, {"scheme": "exhibit", "value": exhibit}]
    return {"identifiers": numbers}


def seize(desk: Desk, body: dict[str, Any] | None = None, **numbers: str) -> str:
    answer = physical_items.collect(
        desk.client, desk.person, desk.clock, {"description": "phone", **(body or {})},
        said(**numbers),
    )  # fmt: skip
    return answer.evidence


def upload(desk: Desk, *paths: Path, **more: Any) -> list[UploadResult]:
    return desk.upload(*paths, options=UploadOptions(said(), again=True, **more))


@pytest.mark.parametrize("again", ["E1", "e1 ", "\uff25\uff11", "E\u200b1"])
def test_a_number_that_the_case_has_is_refused_with_the_item_that_bears_it(
    desk: Desk, photo: Path, again: str
) -> None:
    phone = seize(desk)
    with pytest.raises(ConflictError, match=phone):
        seize(desk, exhibit=again)
    with pytest.raises(ConflictError, match=phone):
        desk.upload(photo, options=UploadOptions(said(exhibit=again)))
    assert seize(desk, case="2026-118", exhibit=again)
    assert len(list(desk.client.items())) == 2


def test_a_part_and_a_replacement_say_to_what_they_belong(desk: Desk, photo: Path) -> None:
    phone = seize(desk)
    image = upload(desk, photo, own={"partOf": phone})[0].evidence
    with pytest.raises(ConflictError):
        upload(desk, photo, own={"partOf": seize(desk, exhibit="E2")})
    other = seize(desk, {"ext": {"replaces": phone}})
    borne = desk.client.numbers("2026-117", ["E1"])["E1"]
    assert set(borne.evidence) == {phone, image, other}
    assert other in borne.meant
    assert phone not in borne.meant
    parts = [upload(desk, photo, own={"partOf": other}, part=True)[0] for _ in range(2)]
    assert [one.exhibit for one in parts] == ["E1/1", "E1/2"]


def test_several_files_and_the_members_of_a_folder_are_parts_of_the_number(
    desk: Desk, photo: Path, tmp_path: Path
) -> None:
    (folder := tmp_path / "DCIM").mkdir()
    for name in "ab":
        (folder / name).write_text(name)
    done = upload(desk, folder)
    assert [one.exhibit for one in done] == ["E1/1", "E1/2", "E1"]
    opening = desk.client.details(done[0].evidence, desk.access(done[0].evidence))[0].document
    assert opening is not None
    assert same_record.borne(opening) == [("2026-117", "e1/1")]
    assert desk.client.search("exhibit", "E1") == [done[-1].evidence]
    parts = desk.client.search(same_record.PARTS, "e1")
    assert set(parts) == {one.evidence for one in done[:-1]}
    options = UploadOptions(said(exhibit="E2"))
    assert [one.exhibit for one in desk.upload(photo, folder / "a", options=options)] == [
        "E2/1",
        "E2/2",
    ]
    again = upload(desk, folder, own={"ext": {"replaces": done[-1].evidence}})
    assert [one.exhibit for one in again] == ["E1/3", "E1/4", "E1"]


def test_what_was_voided_or_corrected_bears_its_number_no_more(desk: Desk) -> None:
    wrong, typed = seize(desk), seize(desk, exhibit="E2")
    desk.record(wrong, "voided", {"reason": "not evidence"})
    opening = desk.client.item(typed).head
    correction = {
        "target": opening,
        "pointer": "/identifiers/1/value",
        "new": "E3",
        "reason": "typo",
    }
    desk.record(typed, "corrected", correction)
    assert seize(desk, exhibit="E1")
    assert seize(desk, exhibit="E2")


def test_of_two_who_record_at_once_one_is_refused(office: Desk, tmp_path: Path) -> None:
    colleague = joined(office, tmp_path / "colleague", "officer", "custodian")
    outcomes: list[object] = []
    start = threading.Barrier(2)

    def record(client: Any, person: Any) -> None:
        start.wait()
        try:
            body = {"description": "phone"}
            outcomes.append(physical_items.collect(client, person, office.clock, body, said()))
        except ConflictError as error:
            outcomes.append(error)

    with colleague.working() as (client, person):
        threads = [
            threading.Thread(target=record, args=who)
            for who in ((client, person), (office.client, office.person))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(isinstance(one, ConflictError) for one in outcomes) == [False, True]
    assert len(office.client.search("exhibit", "E1")) == 1


def test_an_officer_learns_of_no_item_of_others_by_its_number_and_custodians_see_both(
    office: Desk, tmp_path: Path
) -> None:
    theirs = seize(office)
    officer: Colleague = joined(office, tmp_path / "officer", "officer")
    with officer.working() as (client, person):
        assert client.numbers("2026-117", ["E1"]) == {}
        answer: Recorded = physical_items.collect(
            client, person, office.clock, {"description": "tablet"}, said()
        )
    assert answer.sameNumber == ()
    assert set(office.client.numbers("2026-117", ["E1"])["E1"].meant) == {theirs, answer.evidence}


def test_nobody_makes_a_number_mean_an_item_of_theirs_by_saying_that_it_replaces_the_other(
    office: Desk, tmp_path: Path
) -> None:
    """Whoever typed the number read, gave on or decided upon theirs in its place."""
    theirs = seize(office)
    officer: Colleague = joined(office, tmp_path / "officer", "officer")

    def replacing(earlier: str) -> str:
        with officer.working() as (client, person):
            body = {"description": "tablet", "ext": {"replaces": earlier}}
            answer: Recorded = physical_items.collect(client, person, office.clock, body, said())
            return answer.evidence

    def meant() -> set[str]:
        return set(office.client.numbers("2026-117", ["E1"])["E1"].meant)

    other = replacing(theirs)
    assert meant() == {theirs, other}
    newer = replacing(other)  # their own one, which they may
    assert meant() == {theirs, newer}


def test_nobody_hides_an_item_behind_many_others_under_its_number(
    office: Desk, tmp_path: Path
) -> None:
    """Of sixteen that were looked at all but one were voided: that one was meant."""
    thief: Colleague = joined(office, tmp_path / "thief", "officer", number="2")
    honest: Colleague = joined(office, tmp_path / "honest", "officer", number="3")

    def collected(by: Colleague, *, void: bool) -> str:
        with by.working() as (client, person):
            body = {"description": "tablet"}
            answer: Recorded = physical_items.collect(client, person, office.clock, body, said())
            if void:
                reason = {"reason": "mistake"}
                retrieval.record(client, person, office.clock, answer.evidence, "voided", reason)
            return answer.evidence

    for _ in range(15):
        collected(thief, void=True)
    theirs = collected(thief, void=False)
    collected(honest, void=False)
    meant = office.client.numbers("2026-117", ["E1"])["E1"].meant
    assert theirs in meant
    assert len(meant) > 1


def test_what_was_recorded_without_network_is_reported_and_never_refused(
    laptop: Laptop, office: Desk
) -> None:
    with laptop.field() as node:
        person = laptop.colleague.working
        with person() as (_, who):
            label = physical_items.collect(node, who, laptop.clock, {"description": "bag"}, said())
        with laptop.colleague.working() as (client, who):
            phone = physical_items.collect(client, who, laptop.clock, {"description": "x"}, said())
    [sent] = laptop.send()
    assert sent.evidence == label.evidence
    assert sent.sameNumber == (phone.evidence,)


def test_an_answer_that_was_lost_is_no_second_bearer_of_the_number(desk: Desk, photo: Path) -> None:
    journal = field_folder.journal_of(desk.path, desk.home.keyring)
    run = Upload(desk.person, desk.client, journal, desk.clock, UploadOptions(said()))
    register = desk.client.register

    def cut(submissions: Any, **more: Any) -> Any:
        register(submissions, **more)
        raise OSError("cut")

    desk.client.register = cut  # type: ignore[method-assign]
    with pytest.raises(OSError, match="cut"):
        list(run.run([photo]))
    desk.client.register = register  # type: ignore[method-assign]
    [item] = desk.upload(photo, options=UploadOptions(said()))
    assert item.resumed
    assert desk.client.numbers("2026-117", ["E1"])["E1"].evidence == (item.evidence,)


def test_the_numbers_and_the_content_of_a_whole_batch_are_looked_up_at_once(
    desk: Desk, tmp_path: Path
) -> None:
    """Each file of a folder took two look-ups of its own: a first upload became half as slow."""

    def looked_up(count: int) -> int:
        (folder := tmp_path / str(count)).mkdir()
        for name in range(count):
            (folder / str(name)).write_text(f"{count} {name}")
        with looking() as asked:
            done = desk.upload(folder, options=UploadOptions(said(exhibit=f"F{count}"), again=True))
        assert len(done) == count + 1
        return sum("FROM" in one and "blind_index" in one for one in asked)

    looked_up(1)
    assert looked_up(30) == looked_up(3)


def test_what_bears_a_number_is_found_for_each_of_many_numbers_asked_at_once(desk: Desk) -> None:
    phones = {f"N{count}": seize(desk, exhibit=f"N{count}") for count in range(5)}
    asked = [*phones, "N9", *(f"other {count}" for count in range(600))]
    token = [record_keys.number_token(desk.node, "2026-117", one.lower()) for one in asked]
    with desk.node.records.read() as unit:
        found = unit.items.found_by(token, each=1, person=desk.person.certificate.subject)
    assert [row.evidence for rows in found.values() for row in rows] == list(phones.values())
    borne = desk.client.numbers("2026-117", asked[:200])
    assert {number: one.meant for number, one in borne.items()} == {
        number: (phone,) for number, phone in phones.items()
    }


def test_of_many_that_bear_a_number_the_first_are_found_and_none_of_another_is_lost(
    desk: Desk, photo: Path
) -> None:
    phone = seize(desk)
    parts = [upload(desk, photo, own={"partOf": phone})[0].evidence for _ in range(4)]
    other = seize(desk, exhibit="E2")
    tokens = [record_keys.number_token(desk.node, "2026-117", one) for one in ("e1", "e2")]
    with desk.node.records.read() as unit:
        found = unit.items.found_by(tokens, each=2, person=None)
    assert [[row.evidence for row in found[token]] for token in tokens] == [
        [phone, parts[0]],
        [other],
    ]


def corrected(desk: Desk, item: str, place: int, new: str) -> None:
    correction = {
        "target": next(iter(desk.client.events(item))).statement,
        "pointer": f"/identifiers/{place}/value",
        "new": new,
        "reason": "typing error",
    }
    desk.record(item, "corrected", correction)


def test_a_number_that_the_case_has_is_refused_also_by_a_correction_and_as_a_further_one(
    desk: Desk,
) -> None:
    phone, tablet = seize(desk), seize(desk, exhibit="E2")
    elsewhere = seize(desk, case="2026-118")
    with pytest.raises(ConflictError, match=phone):
        corrected(desk, tablet, 1, "e1")
    with pytest.raises(ConflictError, match=phone):
        corrected(desk, elsewhere, 0, "2026-117")
    further = {"scheme": "exhibit", "value": "E1"}
    with pytest.raises(ConflictError, match=phone):
        desk.record(tablet, "identified", {"identifiers": [further]})
    desk.record(tablet, "identified", {"identifiers": [{**further, "issuer": "Court 7"}]})
    assert desk.client.numbers("2026-117", ["E1"])["E1"].evidence == (phone,)


def test_an_item_is_found_by_the_numbers_that_stand_and_no_longer_by_the_wrong_ones(
    desk: Desk,
) -> None:
    phone = seize(desk)
    corrected(desk, phone, 1, "E7")
    corrected(desk, phone, 0, "2026-119")
    assert [desk.client.search("exhibit", one) for one in ("E1", "E7")] == [[], [phone]]
    cases = ("2026-117", "2026-119")
    assert [desk.client.search("case", one) for one in cases] == [[phone], [phone]], (
        "nobody takes an item out of a case by a correction"
    )
    assert desk.client.numbers("2026-119", ["E7"])["E7"].meant == (phone,)
    with pytest.raises(ConflictError, match=phone):
        seize(desk, case="2026-119", exhibit="E7")
    desk.record(phone, "identified", {"identifiers": [{"scheme": "exhibit", "value": "E8"}]})
    assert desk.client.numbers("2026-119", ["E8"])["E8"].meant == (phone,)
    corrected(desk, phone, 1, "E1")
    assert desk.client.search("exhibit", "E7") == []
    assert seize(desk, case="2026-119", exhibit="E7")
    found = [one for one in examine(desk.node, deep=True) if isinstance(one, SelfCheckFinding)]
    assert found == [], "an audit finds the same numbers"


def test_a_correction_leaves_no_number_that_is_none(desk: Desk) -> None:
    """It stopped every later look-up of the number that stood there."""
    phone = seize(desk)
    opening = desk.client.item(phone).head
    for pointer, new in (
        ("/identifiers/1/value", 5),
        ("/identifiers/1/scheme", None),
        ("/identifiers", "E1"),
        ("/identifiers/1", "E1"),
    ):
        change = {"target": opening, "pointer": pointer, "new": new, "reason": "typo"}
        with pytest.raises(RuleError, match="does not fit there"):
            desk.record(phone, "corrected", change)
    corrected(desk, phone, 1, "E7")
    first = next(one for one in desk.client.events(phone) if one.seq == 1)
    change = {"target": first.statement, "pointer": "/body/new", "new": 5, "reason": "typo"}
    with pytest.raises(RuleError, match="does not fit there"):
        desk.record(phone, "corrected", change)


def test_whoever_names_an_item_by_its_corrected_number_is_told_of_no_lying_node(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = seize(desk)
    corrected(desk, phone, 1, "E7")
    events, _ = desk.client.record(phone, desk.access(phone))
    monkeypatch.setattr(STATE, "urn", phone)
    monkeypatch.setattr(STATE, "numbers", (("case", "2026-117"), ("exhibit", "e7")))
    named_numbers.require_named(phone, events)
    monkeypatch.setattr(STATE, "numbers", (("case", "2026-117"), ("exhibit", "E1")))
    with pytest.raises(VerificationError, match="does not have this number"):
        named_numbers.require_named(phone, events)
