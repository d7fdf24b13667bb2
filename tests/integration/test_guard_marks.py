"""Marks that guard an item: what is made from it has them, a thief takes none off, and privileged
content is opened by nobody who investigates.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ledger.app import field_folder
from ledger.client.handovers import handover
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.services.access import guard_marks
from ledger.services.handovers import erasure
from ledger.services.people import membership
from tests.integration.test_openers import access
from tests.support.actors import Actor, enrolled
from tests.support.desk import BASIS, Desk
from tests.support.disposals import dispose
from tests.support.strangers import desk, photo  # noqa: F401  (fixtures)

OFF = {"reason": "sorted out"}


def derived(desk: Desk, folder: Path, parent: str, *marks: str) -> str:
    (folder / "copy.jpg").write_bytes(b"".join(mark.encode() for mark in marks) + parent.encode())
    options = UploadOptions(
        {"handling": list(marks)} if marks else {},
        body={"kind": "working-copy", "parents": [parent]},
        event_type="derived",
    )
    [done] = desk.upload(folder / "copy.jpg", options=options)
    return done.evidence


@pytest.mark.parametrize("mark", ["csam", "privileged"])
def test_what_is_made_from_guarded_material_is_guarded_until_a_custodian_says_why_not(
    desk: Desk, tmp_path: Path, mark: str
) -> None:
    item = photo(desk, tmp_path, mark.encode() * 99)
    free = derived(desk, tmp_path, item)
    desk.record(item, "restricted", {"handling": [mark]})
    with pytest.raises(RuleError, match=f"derived from material marked {mark}") as refusal:
        derived(desk, tmp_path, item, "classified")
    assert f"--handling {mark}" in str(refusal.value.hint)
    made = derived(desk, tmp_path, item, mark)
    with pytest.raises(RuleError, match="derived from material"):
        derived(desk, tmp_path, made)
    desk.record(made, "unrestricted", {"handling": [mark], **OFF})
    derived(desk, tmp_path, made)
    derived(desk, tmp_path, free)


def test_a_courts_mark_is_taken_off_a_copy_by_nobody_below_the_court(
    desk: Desk, tmp_path: Path
) -> None:
    """A prosecutor took it off the working copy, of which a custodian had said it, and read that."""
    item, (court, prosecutor) = (
        photo(desk, tmp_path, b"above" * 99),
        (enrolled(desk, role) for role in ("court", "prosecutor")),
    )
    mark = {"handling": ["privileged"]}

    def give(what: str, *readers: Actor) -> None:
        for reader in readers:
            handover.share(
                desk.client,
                desk.person,
                desk.clock,
                what,
                with_person=reader.pseudonym,
                basis=BASIS,
            )

    give(item, court)
    court.record(item, "restricted", mark)
    made = derived(desk, tmp_path, item, "privileged")
    twice = derived(desk, tmp_path, made, "privileged")
    for copy in (made, twice):
        give(copy, court, prosecutor)
        for signer in (prosecutor, desk):
            with pytest.raises(DeniedError, match="derived from was ordered as court"):
                signer.record(copy, "unrestricted", {**mark, **OFF})
    court.record(made, "unrestricted", {**mark, **OFF})
    prosecutor.record(twice, "unrestricted", {**mark, **OFF})


def test_what_is_made_from_what_was_disposed_of_is_not_unmarked_for_that(
    office: Desk, tmp_path: Path
) -> None:
    item = photo(office, tmp_path)
    office.record(item, "restricted", {"handling": ["csam"]})
    (tmp_path / "more").mkdir()
    dispose(office, item)
    erasure.settle(office.node)
    with pytest.raises(RuleError, match="nobody knows any more how it was marked"):
        derived(office, tmp_path / "more", item)


def test_a_courts_mark_is_taken_off_a_copy_by_nobody_else_once_the_original_is_disposed_of(
    office: Desk, tmp_path: Path
) -> None:
    item, court = photo(office, tmp_path), enrolled(office, "court")
    (tmp_path / "more").mkdir()

    def share(what: str) -> None:
        handover.share(
            office.client,
            office.person,
            office.clock,
            what,
            with_person=court.pseudonym,
            basis=BASIS,
        )

    share(item)
    court.record(item, "restricted", {"handling": ["csam"]})
    made = derived(office, tmp_path / "more", item, "csam")
    share(made)
    dispose(office, item)
    erasure.settle(office.node)
    with pytest.raises(DeniedError, match="nobody knows any more who ordered its mark"):
        office.record(made, "unrestricted", {"handling": ["csam"], **OFF})
    court.record(made, "unrestricted", {"handling": ["csam"], **OFF})


def test_what_two_roles_marked_is_unmarked_by_neither_that_does_not_stand_above_the_other(
    desk: Desk, tmp_path: Path
) -> None:
    item, mark = photo(desk, tmp_path, b"both" * 99), {"handling": ["csam"]}
    both = enrolled(desk, "data-protection-officer"), enrolled(desk, "prosecutor")
    court = enrolled(desk, "court")
    for reader in (both[1], court):
        handover.share(
            desk.client,
            desk.person,
            desk.clock,
            item,
            with_person=reader.pseudonym,
            basis=BASIS,
        )
    for signer in both:
        signer.record(item, "restricted", mark)
    for signer in both:
        with pytest.raises(DeniedError, match="restriction 'csam'"):
            signer.record(item, "unrestricted", {**mark, **OFF})
    court.record(item, "unrestricted", {**mark, **OFF})


def test_whoever_only_watches_an_item_learns_of_no_mark_by_deriving_from_it(
    desk: Desk, tmp_path: Path
) -> None:
    item = photo(desk, tmp_path, b"watched" * 99)
    watcher = enrolled(desk, "auditor", "officer", "examiner")
    body = {"kind": "report", "parents": [item]}

    def refused() -> str:
        options = UploadOptions(body=body, event_type="derived")
        journal = field_folder.journal_of(tmp_path, desk.home.keyring)
        run = Upload(watcher.person, watcher.client, journal, desk.clock, options)
        with pytest.raises(RuleError) as refusal:
            list(run.run([tmp_path / "photo.jpg"]))
        return refusal.value.message

    before = refused()
    desk.record(item, "restricted", {"handling": ["csam"]})
    assert refused() == before
    assert "not known here, or not to you" in before


@pytest.mark.parametrize("mark", ["csam", "privileged"])
def test_a_mark_that_a_thief_took_off_is_on_once_that_is_known(
    office: Desk, tmp_path: Path, mark: str
) -> None:
    item = photo(office, tmp_path)
    (tmp_path / "more").mkdir()
    office.record(item, "restricted", {"handling": [mark]})
    thief, reader = enrolled(office, "custodian"), enrolled(office, "prosecutor")
    handover.share(
        office.client, office.person, office.clock, item, with_person=reader.pseudonym, basis=BASIS
    )
    thief.record(item, "unrestricted", {"handling": [mark], **OFF})
    given = {"recipientKind": "media", "mode": "view"}
    office.record(item, "disclosed", given)
    signed = access(reader, item, "copy")
    assert reader.client.grants(item, signed)
    membership.suspend(
        office.node,
        thief.id,
        by=office.person.certificate.subject,
        since=int(time.time()) - 60,
    )
    with pytest.raises(DeniedError, match=f"marked {mark} is not given"):
        office.record(item, "disclosed", given)
    with pytest.raises(RuleError, match="derived from material"):
        derived(office, tmp_path / "more", item)
    if mark == "privileged":
        with pytest.raises(DeniedError, match="nobody who investigates"):
            reader.client.grants(item, signed)
    office.record(item, "unrestricted", {"handling": [mark], **OFF})
    office.record(item, "disclosed", given)
    assert reader.client.grants(item, access(reader, item, "copy"))


@pytest.mark.parametrize("role", ["officer", "examiner", "prosecutor", "disclosure-officer"])
def test_privileged_content_is_opened_by_nobody_who_investigates_or_prosecutes(
    desk: Desk, tmp_path: Path, role: str
) -> None:
    item, reader = photo(desk, tmp_path, role.encode() * 99), enrolled(desk, role)
    handover.share(
        desk.client, desk.person, desk.clock, item, with_person=reader.pseudonym, basis=BASIS
    )
    before = {mode: access(reader, item, mode) for mode in ("copy", "export")}
    desk.record(item, "restricted", {"handling": ["privileged"]})
    for call in (
        lambda: access(reader, item, "copy"),
        lambda: access(reader, item, "inspection"),
        lambda: reader.client.grants(item, before["copy"]),
        lambda: reader.client.content(item, before["copy"], 0, 9),
        lambda: reader.client.grants(item, before["export"]),
    ):
        with pytest.raises(DeniedError, match="opened by nobody who investigates"):
            call()
    assert reader.client.details(item, access(reader, item, "view"))
    assert reader.client.bundle(item, access(reader, item, "export"))  # the record alone
    with pytest.raises(DeniedError, match="not given to a recipient of kind 'prosecutor'"):
        desk.record(item, "disclosed", {"recipientKind": "prosecutor", "mode": "copy"})


@pytest.mark.parametrize("role", ["reviewer", "court", "custodian"])
def test_privileged_content_is_opened_by_whoever_sorts_it_out_keeps_it_or_decides(
    desk: Desk, tmp_path: Path, role: str
) -> None:
    item, reader = photo(desk, tmp_path, role.encode() * 99), enrolled(desk, role, "officer")
    desk.record(item, "restricted", {"handling": ["privileged"]})
    handover.share(
        desk.client, desk.person, desk.clock, item, with_person=reader.pseudonym, basis=BASIS
    )
    assert reader.client.grants(item, access(reader, item, "copy"))


def test_privileged_content_on_offer_is_looked_at_by_nobody_who_investigates(
    desk: Desk, tmp_path: Path
) -> None:
    item, keeper = photo(desk, tmp_path, b"letter" * 99), enrolled(desk, "custodian", "officer")
    desk.record(item, "restricted", {"handling": ["privileged"]})
    for taker in (enrolled(desk, "officer"), keeper):
        terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=taker.pseudonym)
        handover.offer(desk.client, desk.person, desk.clock, item, terms)
        if taker is keeper:
            handover.accept(taker.client, taker.person, desk.clock, item)
            return
        for call in (
            lambda: taker.client.incoming(item),  # noqa: B023
            lambda: handover.accept(taker.client, taker.person, desk.clock, item),  # noqa: B023
        ):
            with pytest.raises(DeniedError, match="opened by nobody who investigates"):
                call()
        handover.decline(taker.client, taker.person, desk.clock, item, reason="not for me")


def test_the_marks_of_an_item_are_read_once_for_each_head(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each range of a content asks, and an item may have thousands of events."""
    item, reader = photo(desk, tmp_path, b"long" * 99), enrolled(desk, "officer")
    handover.share(
        desk.client, desk.person, desk.clock, item, with_person=reader.pseudonym, basis=BASIS
    )
    signed, read, real = access(reader, item, "copy"), [], guard_marks.history_of

    def counted(*given: object) -> object:
        read.append(given)
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(guard_marks, "history_of", counted)
    for start in range(0, 300, 10):
        reader.client.content(item, signed, start, start + 9)
    assert len(read) == 1
