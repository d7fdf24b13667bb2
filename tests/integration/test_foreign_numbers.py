"""Exhibit numbers that come from another agency: reported, never refused, and taken for nobody's."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cli.items import same_numbers
from ledger.app import field_folder
from ledger.client import physical_items
from ledger.client.handovers import copying, handover, offered_item
from ledger.client.intake.upload import UploadOptions
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.ports.answers import documents_of
from tests.support.consortium import NL, RO, Consortium, offer
from tests.support.desk import Desk

CASE = "2026-117"


def said(number: str) -> dict[str, Any]:
    numbers = [{"scheme": "case", "value": CASE}, {"scheme": "exhibit", "value": number}]
    return {"identifiers": numbers}


def seize(desk: Desk, number: str, **ext: Any) -> str:
    body = {"description": "phone", **({"ext": ext} if ext else {})}
    parts = (desk.client, desk.person, desk.clock, body, said(number))
    return str(physical_items.collect(*parts).evidence)


def meant(desk: Desk, number: str) -> set[str]:
    return set(desk.client.numbers(CASE, [number])[number].meant)


def told(desk: Desk, evidence: str) -> list[str]:
    shown = offered_item.look(desk.client, desk.person, evidence)
    documents = documents_of(shown.events)
    return same_numbers.lines(SimpleNamespace(node=desk.client), evidence, documents)


def test_a_number_that_a_handover_brings_is_told_before_it_is_taken_and_refuses_nothing_of_ours(
    both: Consortium, root: TrustRoot
) -> None:
    giver, taker = both[NL], both[RO]
    theirs, own = seize(giver, "E1"), seize(taker, "E1")
    offer(giver, theirs, RO)
    both.settle(NL, RO, rounds=3)
    [line] = told(taker, theirs)
    assert taker.client.item(own).opening[:8] in line
    handover.accept(taker.client, taker.person, taker.clock, theirs, condition="as sent")
    both.settle(NL, RO, rounds=3)
    borne = taker.client.numbers(CASE, ["E1"])["E1"]
    assert borne.evidence == (own,)
    assert set(borne.meant) == {own, theirs}, "what two items may be is taken for neither"
    assert seize(taker, "E1", replaces=own)


def test_another_agency_says_of_no_item_of_ours_that_theirs_replaces_it(
    both: Consortium, root: TrustRoot
) -> None:
    giver, taker = both[NL], both[RO]
    own = seize(taker, "E2")
    theirs = seize(giver, "E2", replaces=own)
    offer(giver, theirs, RO)
    both.settle(NL, RO, rounds=3)
    handover.accept(taker.client, taker.person, taker.clock, theirs, condition="as sent")
    both.settle(NL, RO, rounds=3)
    assert meant(taker, "E2") == {own, theirs}


def test_a_number_that_only_another_agencys_item_or_copy_bears_is_free_here(
    both: Consortium, root: TrustRoot, tmp_path: Path
) -> None:
    giver, taker = both[NL], both[RO]
    (file := tmp_path / "photo.jpg").write_bytes(b"x" * 5000)
    [done] = giver.upload(file, options=UploadOptions(said("E3")))
    recipient, what = copying.Recipient("prosecutor", agency=RO), copying.Disclosure("copy")
    copying.disclose(giver.client, giver.person, giver.clock, done.evidence, recipient, what)
    both.settle(NL, RO)
    [copy] = [one for one in taker.client.copies() if one.evidence == done.evidence]
    (tmp_path / "place").mkdir()
    journal = field_folder.journal_of(taker.path, taker.home.keyring)
    parts = (taker.client, taker.person, journal, taker.clock, copy, tmp_path / "place", {})
    made = copying.take(*parts)
    assert meant(taker, "E3") == {made.evidence}
    own = seize(taker, "E3")
    [opening] = taker.client.recorded([], [made.evidence])
    documents = {opening.opening.statement: opening.opening.document}
    [line] = same_numbers.lines(SimpleNamespace(node=taker.client), made.evidence, documents)
    assert taker.client.item(own).opening[:8] in line
