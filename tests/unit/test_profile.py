"""Jurisdiction profiles: data that is checked, and what it asks of records."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from ledger.adapters import profiles
from ledger.domain.errors import DemandError, FormatError, RuleError, UsageError
from ledger.domain.event import document as documents
from ledger.domain.event.document import Event
from ledger.domain.item import jurisdiction_profile

GOOD = profiles.source("nl").decode()


def event(event_type: str, body: dict[str, Any], **members: Any) -> Event:
    value = {
        "v": 2,
        "type": event_type,
        "evidence": "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f",
        "seq": 1,
        "prev": "00" * 32,
        "actor": {"id": "a" * 26, "agency": "NL-POL", "kind": "person", "role": "officer"},
        "time": "2026-11-22T10:00:00Z",
        "salt": "A" * 43,
        "body": body,
        **members,
    }
    return documents.build(value, {})


def test_every_profile_that_ships_is_well_formed_and_names_real_things() -> None:
    assert {"neutral", "nl", "ro", "us"} <= set(profiles.shipped())
    for code in profiles.shipped():
        found = profiles.load(code)
        assert found.code == code
        assert found.title
        assert found.withhold
    assert profiles.load("nl").role("digitaal-rechercheur") == "examiner"
    assert profiles.load("nl").role("officer") == "officer"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("v = 1", "v = 2"),
        ("v = 1", "v = true"),
        ('code = "nl"', ""),
        ("late_after = 86400", 'late_after = "soon"'),
        ("late_after = 86400", "late_after = -1"),
        ("late_after = 86400", "late_after = 1\nunknown = 1"),
        ('"beslaghuis" = "custodian"', '"beslaghuis" = "king"'),
        ('"beslaghuis" = "custodian"', '"beslaghuis" = "service"'),
        ('accessed = ["/basis/purpose"]', 'weighed = ["/basis/purpose"]'),
        ('accessed = ["/basis/purpose"]', 'accessed = ["basis"]'),
        ('accessed = ["/basis/purpose"]', 'accessed = "/basis"'),
        ("days = 1825", "days = 0"),
        ("[certificate]", "[certificates]"),
        ("v = 1", "v = "),
    ],
)
def test_a_malformed_profile_is_refused(old: str, new: str) -> None:
    assert old in GOOD
    with pytest.raises(FormatError):
        jurisdiction_profile.parse(GOOD.replace(old, new, 1).encode())


def test_what_is_no_text_or_too_large_is_refused() -> None:
    for data in (b"\xff\xfe", b"a" * (300 << 10)):
        with pytest.raises(FormatError):
            jurisdiction_profile.parse(data)
    for name in ("atlantis", "/nowhere/mine.toml"):
        with pytest.raises(UsageError):
            profiles.load(name)


def test_required_members_lateness_and_kinds_of_basis_are_asked_for() -> None:
    nl = profiles.load("nl")
    access = {"mode": "view"}
    with pytest.raises(RuleError, match="/basis/purpose"):
        nl.require_allowed(event("accessed", access))
    nl.require_allowed(event("accessed", access, basis={"purpose": "hearing"}))
    with pytest.raises(RuleError, match="no basis of kind"):
        nl.require_allowed(event("accessed", access, basis={"purpose": "hearing", "kind": "whim"}))
    late = {"occurred": {"from": "2026-11-20T10:00:00Z"}}
    with pytest.raises(RuleError, match="more than 86400 s"):
        nl.require_allowed(event("note", {"text": "x"}, **late))
    nl.require_allowed(event("note", {"text": "x"}, **late, late="no network at sea"))
    with pytest.raises(RuleError, match="until when"):
        nl.require_allowed(event("retention-set", {"rule": "wpg-9"}))
    neutral = profiles.load("neutral")
    neutral.require_allowed(event("note", {"text": "x"}, **late))
    neutral.require_allowed(event("accessed", access))


def test_the_examples_are_toml_that_others_read_too() -> None:
    for code in profiles.shipped():
        assert tomllib.loads(profiles.source(code).decode())["code"] == code


@pytest.mark.parametrize("kind", ["disposal-requested", "disposed"])
def test_a_disposal_under_a_rule_that_the_profile_does_not_have_is_refused(kind: str) -> None:
    bodies = {
        "disposal-requested": {"reason": "case closed"},
        "disposed": {"scope": "all", "method": "keys destroyed", "approvals": ["00" * 32]},
    }
    profile = profiles.load("nl")
    named = next(iter(profile.retention))
    profile.require_allowed(event(kind, {**bodies[kind], "rule": named}))
    with pytest.raises(RuleError, match="no rule 'nosuch'"):
        profile.require_allowed(event(kind, {**bodies[kind], "rule": "nosuch"}))


@pytest.mark.parametrize("code", ["nl", "ro", "us"])
def test_no_disposal_is_requested_without_a_rule_where_none_is_carried_out_without_one(
    code: str,
) -> None:
    """It was approved, and could then neither be carried out with a rule nor without one."""
    profile, body = profiles.load(code), {"reason": "case closed"}
    with pytest.raises(DemandError, match="/body/rule in 'disposal-requested'") as refusal:
        profile.require_allowed(event("disposal-requested", body))
    assert "--rule RULE" in str(refusal.value.hint)
    rule = next(iter(profile.retention), "a rule")
    profile.require_allowed(event("disposal-requested", {**body, "rule": rule}))
    profiles.load("neutral").require_allowed(event("disposal-requested", body))
