"""What whoever recorded or held an item keeps of it once a colleague has it: its record, and neither
its content nor anything that is done with it.
"""

from __future__ import annotations

import time
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ledger.app import field_folder
from ledger.client import physical_items
from ledger.client.handovers import handover
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.client.reading import retrieval
from ledger.domain.errors import DeniedError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.item.participation import PARTS_BY_TYPE, Part
from tests.support.actors import Actor, enrolled
from tests.support.desk import BASIS, Desk
from tests.support.strangers import (  # noqa: F401  (fixtures)
    BODIES,
    desk,
    officer,
)

CONTENT = b"a face" * 500


def opened(actor: Actor, tmp_path: Path) -> str:
    """A file that somebody recorded."""
    file = tmp_path / "photo.jpg"
    file.write_bytes(CONTENT)
    journal = field_folder.journal_of(tmp_path, actor.desk.home.keyring)
    run = Upload(actor.person, actor.client, journal, actor.desk.clock, UploadOptions(again=True))
    return next(iter(run.run([file]))).evidence


def handed_on(item: str, giver: Actor, taker: Actor) -> None:
    terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=taker.pseudonym)
    handover.offer(giver.client, giver.person, giver.desk.clock, item, terms)
    handover.accept(taker.client, taker.person, taker.desk.clock, item)


def access(actor: Actor, item: str, mode: str) -> str:
    return retrieval.record_access(
        actor.client, actor.person, actor.desk.clock, item, mode=mode, basis=BASIS
    )


def read(actor: Actor, item: str) -> bytes:
    out = BytesIO()
    retrieval.fetch(actor.client, actor.person, item, access(actor, item, "copy"), out)
    return out.getvalue()


def share(desk: Desk, item: str, to: Actor) -> None:
    handover.share(
        desk.client, desk.person, desk.clock, item, with_person=to.pseudonym, basis=BASIS
    )


@pytest.mark.parametrize("hands", [1, 2])
def test_the_key_of_whoever_recorded_or_held_an_item_opens_nothing_once_a_colleague_has_it(
    desk: Desk, officer: Actor, tmp_path: Path, hands: int
) -> None:
    item, taker, last = opened(officer, tmp_path), enrolled(desk, "examiner"), officer
    for _ in range(hands - 1):  # as the one who took it over and gave it on
        holder = enrolled(desk, "officer", "examiner")
        handed_on(item, last, holder)
        last = holder
    before = access(last, item, "copy")
    assert len(last.client.grants(item, before)) == 1
    handed_on(item, last, taker)
    for call in (
        lambda: last.client.grants(item, before),
        lambda: last.client.content(item, before, 0, 10),
        lambda: read(last, item),
    ):
        with pytest.raises(DeniedError, match="no key to the content"):
            call()
    assert last.client.details(item, access(last, item, "view"))[0].seq == 0
    assert item in {item.evidence for item in last.client.items()}
    assert last.client.item(item).parts == ("former",)
    for event_type, parts in PARTS_BY_TYPE.items():
        if event_type in BODIES and Part.FORMER not in parts:
            for role in sorted(last.person.certificate.roles):
                status, _ = last.submit(last.sign(event_type, BODIES[event_type], item, role=role))
                assert status in (403, 409), event_type
    assert read(taker, item) == CONTENT
    share(desk, item, last)
    assert read(last, item) == CONTENT


def test_whoever_recorded_an_item_and_was_shown_it_again_as_the_defence_acts_as_the_defence(
    desk: Desk, tmp_path: Path
) -> None:
    both = enrolled(desk, "officer", "defence")
    item = opened(both, tmp_path)
    handed_on(item, both, enrolled(desk, "examiner"))
    share(desk, item, both)
    desk.record(item, "restricted", {"handling": ["csam"]})
    with pytest.raises(DeniedError, match="inspected by the defence"):
        read(both, item)


def test_whoever_was_shown_an_item_corrects_no_number_by_which_others_find_it(
    desk: Desk, officer: Actor, tmp_path: Path
) -> None:
    """They corrected its number away, and recorded an item of theirs under it."""
    item, shown = opened(officer, tmp_path), enrolled(desk, "officer", "prosecutor")
    share(desk, item, shown)
    first = next(iter(desk.client.events(item))).statement
    body = {"target": first, "pointer": "/body/name", "new": "other.jpg", "reason": "typing"}
    with pytest.raises(DeniedError, match="neither holds an item nor keeps it"):
        shown.record(item, "corrected", body)
    own = shown.record(item, "note", {"text": "two faces"}).statement
    said = {"target": own, "pointer": "/body/text", "new": "one face", "reason": "typing"}
    shown.record(item, "corrected", said)
    desk.record(item, "corrected", body)


def test_whoever_gave_an_item_away_corrects_what_they_recorded_and_nothing_of_others(
    desk: Desk, officer: Actor, tmp_path: Path
) -> None:
    item, taker = opened(officer, tmp_path), enrolled(desk, "examiner")
    handed_on(item, officer, taker)
    other = taker.record(item, "analysed", {"description": "two faces"}).statement
    body = {"pointer": "/body/description", "new": "one face", "reason": "typing"}
    with pytest.raises(DeniedError, match="recorded themselves"):
        officer.record(item, "corrected", {"target": other, **body})
    taker.record(item, "corrected", {"target": other, **body})
    own = next(iter(officer.client.events(item))).statement
    officer.record(item, "corrected", {**body, "target": own, "pointer": "/body/name"})


def test_whoever_gave_an_item_away_gives_it_no_other_number(desk: Desk, tmp_path: Path) -> None:
    """A number by which others find an item means what its keepers say, whoever recorded it."""
    officer, taker = enrolled(desk, "officer"), enrolled(desk, "examiner")
    numbers = [{"scheme": "case", "value": "C-1"}, {"scheme": "exhibit", "value": "E1"}]
    body: dict[str, Any] = {"description": "phone"}
    parts = (officer.client, officer.person, desk.clock, body, {"identifiers": numbers})
    item = str(physical_items.collect(*parts).evidence)
    handed_on(item, officer, taker)
    own = next(iter(desk.client.events(item))).statement
    for place, new in ((0, "C-2"), (1, "E2")):
        body = {"target": own, "pointer": f"/identifiers/{place}/value", "new": new, "reason": "x"}
        with pytest.raises(DeniedError, match="by whoever holds the item, and by custodians"):
            officer.record(item, "corrected", body)
    further = {"scheme": "exhibit", "value": "E3"}
    with pytest.raises(DeniedError, match="by whoever holds the item, and by custodians"):
        officer.record(item, "identified", {"identifiers": [further]})
    officer.record(item, "identified", {"identifiers": [{**further, "issuer": "Laboratory 3"}]})
    taker.record(item, "identified", {"identifiers": [further]})
    desk.record(item, "corrected", body)
