"""Whoever answers an offer sees what it is before they sign, and signs for that one."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.client.handovers import handover, offered_item
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import RuleError
from ledger.domain.event.offer_terms import OfferTerms
from tests.support.actors import Actor, commands_of, enrolled
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.strangers import custodian, desk, officer, photo, thing  # noqa: F401  (fixtures)

DATA = b"a face" * 500
BASIS = {"purpose": "analysis", "reference": "EIO 2026/117"}


@pytest.fixture
def taker(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Actor:
    """A colleague; the commands are theirs."""
    found = enrolled(desk, "examiner")
    commands_of(found, monkeypatch)
    return found


def offered(desk: Desk, item: str, taker: Actor, **more: Any) -> OfferTerms:
    terms = OfferTerms(
        "NL-POL",
        int(time.time()) + 3600,
        person=taker.pseudonym,
        **{
            "purpose": "face recognition",
            "conditions": ("this case only",),
            "members": {"basis": BASIS},
            **more,
        },
    )
    handover.offer(desk.client, desk.person, desk.clock, item, terms)
    return terms


def head(desk: Desk, item: str) -> Any:
    return desk.client.item(item).head


def test_an_offer_is_shown_and_the_file_checked_before_the_question(
    desk: Desk,
    taker: Actor,
    tmp_path: Path,
) -> None:
    item = photo(desk, tmp_path, DATA)
    desk.record(item, "restricted", {"handling": ["classified"]})
    offered(desk, item, taker, mode="loan", return_by=int(time.time()) + 7200)
    before = head(desk, item)
    code, _, said = within("handover", "accept", item, typed="n\n")
    assert code == 2
    assert "nothing was signed" in said
    assert head(desk, item) == before
    told = " ".join(said.split())
    for words in (
        f"item {desk.client.item(item).opening[:8]}",
        "photo.jpg, image/jpeg, 3,000 bytes",
        "4711 of NL-POL",
        f"to of {taker.pseudonym}",
        "a loan",
        "back by 20",
        "until 20",
        "face recognition",
        "EIO 2026/117",
        "this case only",
        "classified",
        "every byte was fetched and is what was recorded, by its sha-256",
        "Accept it, as it is described here?",
    ):
        assert words in told, words
    code, out, _ = within("handover", "accept", item, typed="y\n")
    assert (code, out.strip()) == (0, "checked and accepted")
    assert desk.client.item(item).holder == taker.pseudonym


def test_of_a_thing_it_is_said_that_nothing_was_verified(
    desk: Desk,
    officer: Actor,
    taker: Actor,
) -> None:
    item = thing(officer, seals=[{"number": "S-1"}])
    terms = {"mode": "custody", "to": {"agency": "NL-POL", "person": taker.pseudonym}}
    officer.record(
        item, "transfer-offered", {**terms, "expires": format_time(int(time.time()) + 86400)}
    )
    code, _, said = within("handover", "accept", item, "--seal", "S-1", typed="n\n")
    assert code == 2
    assert "phone, a thing without a file" in said
    assert "checked  nothing" in said
    assert "seals    S-1" in said


@pytest.mark.parametrize("command", [("accept",), ("decline", "--reason", "no")])
def test_who_said_yes_is_not_asked_and_the_json_stays_as_it_was(
    desk: Desk,
    taker: Actor,
    tmp_path: Path,
    command: tuple[str, ...],
) -> None:
    for options, typed in ((("--json", "--yes"), None), (("--yes",), "n\n"), (("--yes",), None)):
        item = photo(desk, tmp_path, DATA)
        offered(desk, item, taker)
        answer, *more = command
        code, out, said = within("handover", answer, item, *more, *options, typed=typed)
        assert code == 0, said
        assert ("face recognition" in said) == ("--json" not in options)
        if "--json" in options:
            assert {"evidence", "statement", "index", "receipt"} <= set(json.loads(out))


@pytest.mark.parametrize("command", [("accept",), ("decline", "--reason", "no")])
@pytest.mark.parametrize(("options", "typed"), [((), None), (("--json",), "y\n")])
def test_where_nobody_can_be_asked_nothing_is_signed_or_looked_at(
    desk: Desk,
    taker: Actor,
    tmp_path: Path,
    command: tuple[str, ...],
    options: tuple[str, ...],
    typed: str | None,
) -> None:
    """A script, or a person who sent stderr into a file, signed for what nobody had seen."""
    item = photo(desk, tmp_path, DATA)
    offered(desk, item, taker)
    before = head(desk, item)
    answer, *more = command
    code, out, said = within("handover", answer, item, *more, *options, typed=typed)
    assert (code, out, head(desk, item)) == (2, "", before)
    assert "nothing was signed: nobody can be asked" in said
    assert "--yes" in said
    [offer] = [one for one in desk.client.handovers() if one.evidence == item]
    assert offer.looked == ()


def test_a_refusal_is_asked_for_too(desk: Desk, taker: Actor, tmp_path: Path) -> None:
    item = photo(desk, tmp_path, DATA)
    offered(desk, item, taker)
    before = head(desk, item)
    code, _, said = within("handover", "decline", item, "--reason", "no", typed="n\n")
    assert (code, head(desk, item)) == (2, before)
    assert "face recognition" in said
    assert within("handover", "decline", item, "--reason", "no", typed="y\n")[0] == 0


@pytest.mark.parametrize("answer", ["accept", "decline"])
def test_an_offer_made_anew_behind_the_question_is_not_answered_by_it(
    desk: Desk,
    taker: Actor,
    tmp_path: Path,
    answer: str,
) -> None:
    item = photo(desk, tmp_path, DATA)
    terms = offered(desk, item, taker)
    shown = offered_item.look(taker.client, taker.person, item)
    handover.withdraw(desk.client, desk.person, desk.clock, item, reason="other terms")
    anew = replace(terms, conditions=("never to the defence",))
    handover.offer(desk.client, desk.person, desk.clock, item, anew)
    who = (taker.client, taker.person, desk.clock, item)
    answers = {
        "accept": lambda: handover.accept(*who, shown=shown),
        "decline": lambda: handover.decline(*who, shown=shown, reason="no"),
    }
    with pytest.raises(RuleError, match="another offer"):
        answers[answer]()
    assert offered_item.look(taker.client, taker.person, item).statement != shown.statement
