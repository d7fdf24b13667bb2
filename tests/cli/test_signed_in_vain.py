"""Nothing is signed for what fails for a reason that could be known before."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from cli.court import court_folder, withholding
from cli.node.session import Session
from ledger.app import settings
from ledger.client.handovers import handover, handover_pause
from ledger.client.intake.upload import UploadOptions
from ledger.domain.errors import DeniedError, IncompleteError, UsageError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.files import manifest
from tests.support.actors import Actor, enrolled
from tests.support.commands import custody, within
from tests.support.desk import BASIS, Desk


@pytest.fixture
def home(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "home"))


def kept(desk: Desk, tmp_path: Path, data: bytes = b"a face", **more: object) -> str:
    (tmp_path / "photo.jpg").write_bytes(data)
    options = UploadOptions(again=True, **more)  # type: ignore[arg-type]
    return desk.upload(tmp_path / "photo.jpg", options=options)[0].evidence


@pytest.mark.parametrize("size", [7, 3 << 20])
def test_a_folder_that_lists_nothing_that_can_be_read_is_left_to_the_court_all_the_same(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """It failed when both accesses were signed; of what another agency recorded as a folder the
    content may be anything, of any size.
    """
    monkeypatch.setattr(manifest, "AT_ONCE", 1 << 20)
    with Desk(home) as desk:
        item = kept(desk, tmp_path, b"x" * size, event_type="gathered", body={"count": 1})
        desk.anchor()
    out = tmp_path / "court"
    _, told, _ = within("court", item, "-o", out, "--basis", "hearing", "--json", home=home)
    value = json.loads(told)
    assert (value["verdict"], value["listed"]) == ("verified", None)
    assert (out / value["file"]).read_bytes() == b"x" * size
    assert "is none that" in (out / "READ-ME.html").read_text()
    shutil.rmtree(out)
    _, told, _ = within("court", item, "-o", out, "--basis", "hearing", home=home)
    assert "named nowhere, and are not in here" in told


def session_of(actor: Actor) -> Session:
    """What commands of somebody work with who has their own keys."""
    desk = actor.desk
    parts = {"node": actor.client, "person": actor.person, "clock": desk.clock}
    return type("AsSession", (), parts)()  # type: ignore[return-value]


def test_nobody_signs_for_a_folder_for_the_court_that_they_could_not_leave(
    home: Path, tmp_path: Path
) -> None:
    """Without a key, or of a record that is not anchored and that they may not anchor: an export
    had been signed, for a kind of reader two.
    """
    with Desk(home) as desk:
        item = kept(desk, tmp_path)
        desk.anchor()
        newcomer, lawyer = enrolled(desk, "custodian"), enrolled(desk, "prosecutor")
        handover.share(
            *(desk.client, desk.person, desk.clock, item),
            with_person=lawyer.pseudonym,
            basis={"purpose": "trial"},
        )
        before = desk.client.item(item)
        for who, error in ((newcomer, DeniedError), (lawyer, IncompleteError)):
            asked = (session_of(who), item, "hearing", "court", "defence", [])
            with pytest.raises(error):
                withholding.asked(*asked, ready=court_folder.require_ready)
        assert desk.client.item(item).head == before.head, "nothing was signed"
        desk.anchor()
        out = tmp_path / "court"
        session = session_of(lawyer)
        asked = withholding.asked(
            *(session, item, "hearing", "court", "defence", []), court_folder.require_ready
        )
        signed = [asked.access]
        left = court_folder.write(
            *(session, item, out, asked.why), withhold=asked.left_out, signed=signed
        )
        assert left.report.verdict == "verified"
        assert left.accesses == tuple(signed)
        assert len(signed) == 2


def test_an_event_to_leave_out_that_is_not_there_is_told_before_anything_is_signed(
    home: Path, tmp_path: Path
) -> None:
    with Desk(home) as desk:
        item = kept(desk, tmp_path)
        for selector in ("1", "7:/body/name"):
            asked = (session_of_owner(desk), item, "hearing", "bundle", "", [selector])
            with pytest.raises(UsageError, match="the item has events 0 to 0"):
                withholding.asked(*asked)
        assert desk.client.item(item).events == 1


def session_of_owner(desk: Desk) -> Session:
    parts = {"node": desk.client, "person": desk.person, "clock": desk.clock}
    return type("AsSession", (), parts)()  # type: ignore[return-value]


def test_no_offer_is_taken_back_by_whoever_could_neither_read_the_item_nor_offer_it_again(
    home: Path, tmp_path: Path
) -> None:
    """A custodian without the custody key took the offer back, and had no key to go on with."""
    with Desk(home) as desk:
        item = kept(desk, tmp_path)
        taker, newcomer = enrolled(desk, "examiner"), enrolled(desk, "custodian")
        terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=taker.pseudonym)
        handover.offer(desk.client, desk.person, desk.clock, item, terms)
        before = desk.client.item(item)
        waiting = handover_pause.Waiting(30)
        with pytest.raises(DeniedError, match="the custody key is not in your keyring"):
            handover_pause.take_back(
                newcomer.client, newcomer.person, desk.clock, item, waiting, basis=BASIS
            )
        assert desk.client.item(item) == before


def test_a_record_is_not_opened_for_a_disposal_of_which_no_certificate_could_say_how_long_it_lasts(
    home: Path, tmp_path: Path
) -> None:
    with Desk(home) as desk:
        item, colleague = kept(desk, tmp_path), enrolled(desk, "custodian", number="4712")
        requested = desk.record(item, "disposal-requested", {"reason": "over"}).statement
        colleague.record(item, "approved", {"target": requested})
        before = desk.client.item(item)
    (home / settings.BACKUPS).write_text('{"expires": 180')
    refused = custody("dispose", "carry-out", item, "--method", "x", "--yes", home=home, code=1)
    assert "until when a backup opens this item is not known" in refused.stderr
    with Desk(home) as desk:
        assert desk.client.item(item).head == before.head


def test_a_number_or_a_list_is_corrected_as_one(home: Path, tmp_path: Path) -> None:
    """Text in its place would be no number, and is refused."""
    with Desk(home) as desk:
        item = kept(desk, tmp_path)
        desk.record(item, "sealed", {"number": "S-1", "ext": {"bags": 1}})
    words = ("correct", item, "--event", 1, "--field", "/body/ext/bags", "--reason", "typo")
    refused = custody(*words, "--new", "{2", "--values-are-json", home=home, code=2)
    assert "--new is no JSON" in refused.stderr
    custody(*words, "--new", "2", "--old", "1", "--values-are-json", home=home)
    shown = custody("show", item, "--basis", "x", "--json", home=home).stdout
    [said] = [
        one["document"]["body"]
        for one in json.loads(shown)["details"]
        if one["document"]["type"] == "corrected"
    ]
    assert (said["old"], said["new"]) == (1, 2)
