"""custody handover pause: an item on offer is read; wherever it stops, what is printed goes on."""

from __future__ import annotations

import json
import shlex
import shutil
import time
from pathlib import Path

from ledger.client.handovers import handover
from ledger.domain.event.offer_terms import OfferTerms
from tests.support.actors import enrolled
from tests.support.commands import custody
from tests.support.desk import BASIS, Desk


def test_a_pause_that_fails_says_where_the_item_is_and_the_command_that_goes_on(
    founded: Path, tmp_path: Path
) -> None:
    home, out, data = (
        Path(shutil.copytree(founded, tmp_path / "a home")),
        tmp_path / "out file.jpg",
        b"a face" * 9000,
    )
    (tmp_path / "photo.jpg").write_bytes(data)
    with Desk(home) as desk:
        evidence = desk.upload(tmp_path / "photo.jpg")[0].evidence
        taker = enrolled(desk, "examiner")
        terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=taker.pseudonym)
        handover.offer(desk.client, desk.person, desk.clock, evidence, terms)
        before = desk.client.item(evidence)
    assert (
        "add -o FILE"
        in custody("handover", "pause", evidence, "--basis", "court", home=home, code=2).stderr
    )
    custody(
        "handover",
        "pause",
        evidence,
        "-o",
        tmp_path / "nowhere" / "x",
        "--basis",
        "court",
        home=home,
        code=2,
    )
    assert (
        json.loads(custody("show", evidence, "--json", home=home).stdout)["item"]["head"]
        == before.head
    ), "nothing was signed"

    pack = next((home / "blocks").glob("pack-*.car"))
    good = pack.read_bytes()
    pack.write_bytes(good[:-5] + bytes([good[-5] ^ 1]) + good[-4:])
    told = custody(
        "handover", "pause", evidence, "-o", out, "--basis", "court", home=home, code=None
    )
    assert told.returncode not in (0, 2)
    assert "not on offer now" in told.stderr
    assert not out.exists()
    pack.write_bytes(good)
    [line] = [line for line in told.stderr.splitlines() if "handover pause" in line]
    words = shlex.split(line.partition("custody ")[2].replace("WHY", "'for a test'"))
    assert words[:2] == ["--home", str(home)]
    custody(*words[2:], home=home)
    assert out.read_bytes() == data
    assert (
        json.loads(custody("show", evidence, "--json", home=home).stdout)["item"]["offer"]["person"]
        == taker.pseudonym
    )


def test_an_offer_that_somebody_else_made_is_made_again_by_nobody_who_has_not_seen_it(
    founded: Path, tmp_path: Path
) -> None:
    """What a thief had offered to an accomplice was offered again by an honest custodian."""
    home, out = Path(shutil.copytree(founded, tmp_path / "home")), tmp_path / "out.jpg"
    (tmp_path / "photo.jpg").write_bytes(b"a face")
    with Desk(home) as desk:
        evidence = desk.upload(tmp_path / "photo.jpg")[0].evidence
        other, taker = enrolled(desk, "custodian"), enrolled(desk, "examiner")
        expires = int(time.time()) + 3600
        terms = OfferTerms("NL-POL", expires, person=taker.pseudonym, purpose="theirs")
        handover.share(
            desk.client, desk.person, desk.clock, evidence, with_person=other.pseudonym, basis=BASIS
        )
        handover.offer(other.client, other.person, desk.clock, evidence, terms)
        before = desk.client.item(evidence)
    pause = ("handover", "pause", evidence, "-o", out, "--basis", "court")
    refused = custody(*pause, home=home, code=2)
    assert "nothing was signed" in refused.stderr
    assert not out.exists()
    item = json.loads(custody("show", evidence, "--json", home=home).stdout)["item"]
    assert item["head"] == before.head
    done = custody(*pause, "--yes", home=home)
    assert "purpose  theirs" in done.stderr
    assert out.exists()
