"""Codes that look like known ones, and are signed for ever."""

from __future__ import annotations

import pytest

from cli.wording import known_codes
from cli.wording.eventforms import FORMS
from cli.wording.known_codes import Codes
from ledger.domain.errors import UsageError
from ledger.domain.item.history_rules import GUARDS, OFFICIAL
from ledger.services.registration.item_rules import BIOMETRIC

LISTS = [one for one in vars(known_codes).values() if isinstance(one, Codes)]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("victim", "victim-identity"),
        ("victim_identity", "victim-identity"),
        ("CSAM", "csam"),
        ("priviledged", "privileged"),
    ],
)
def test_a_mark_that_looks_like_a_known_one_is_not_signed(typed: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean {meant}") as refused:
        known_codes.read(known_codes.HANDLING, "--handling", typed)
    assert refused.value.hint is not None
    assert f"--handling own:{typed}" in refused.value.hint


def test_a_mark_that_looks_like_none_is_asked_about_as_well() -> None:
    with pytest.raises(UsageError, match="no known mark"):
        known_codes.read(known_codes.HANDLING, "--handling", "traffic")
    assert known_codes.read(known_codes.HANDLING, "--handling", "own:traffic") == "traffic"


def test_an_open_list_takes_what_looks_like_nothing_in_it() -> None:
    assert known_codes.read(known_codes.RECIPIENTS, "--kind", "media") == "media"
    with pytest.raises(UsageError, match="did you mean defence"):
        known_codes.read(known_codes.RECIPIENTS, "--kind", "defense")


@pytest.mark.parametrize("codes", LISTS, ids=lambda one: one.what)
def test_what_is_known_is_taken_as_it_is(codes: Codes) -> None:
    assert known_codes.read_all(codes, "--x", codes.known) == list(codes.known)


def test_a_closed_list_takes_no_code_of_ones_own() -> None:
    with pytest.raises(UsageError) as refused:
        known_codes.read(known_codes.RULINGS, "--ruling", "own:admitted-in-part")
    assert refused.value.hint == "known: admitted, excluded, sealed"


def test_every_code_by_which_the_node_decides_is_known() -> None:
    assert {*GUARDS, BIOMETRIC} <= {*known_codes.HANDLING.known}
    assert {*OFFICIAL, "defence"} <= {*known_codes.RECIPIENTS.known}


def test_every_form_that_says_a_code_names_its_list() -> None:
    asked = {
        (form.name, field.option)
        for form in FORMS
        for field in form.fields
        if field.option in ("handling", "kind", "scheme", "ruling")
    }
    named = {(form.name, field.option) for form in FORMS for field in form.fields if field.codes}
    assert asked == named
