"""Whoever is refused for a role is told which role may, and whom of the agency to ask."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ledger.domain.errors import DeniedError, RoleError
from ledger.domain.identity.names import ROLES
from ledger.services.access.authorization import Caller, signer
from ledger.services.people import role_holders
from tests.support.actors import Actor, enrolled
from tests.support.desk import Desk
from tests.support.people import joined
from tests.support.strangers import BODIES, thing


def caller(office: Desk, actor: Actor) -> Caller:
    with office.node.records.read() as unit:
        return signer(office.node, unit, actor.person.certificate)


def test_a_refusal_for_a_role_names_who_has_it(office: Desk) -> None:
    """Whoever was told 'your role may not do this' left people with no way on."""
    officer = enrolled(office, "officer", number="8")
    with pytest.raises(DeniedError, match="your role may not do this") as refused:
        officer.client.people()
    assert refused.value.hint == (
        "this takes the role of administrator or data-protection-officer; ask a colleague who has "
        "it: 4711 (administrator)"
    )


def test_a_refusal_at_an_item_names_who_may(office: Desk) -> None:
    watcher = enrolled(office, "auditor", "officer", number="8")
    item = thing(enrolled(office, "officer", number="9"))
    with pytest.raises(DeniedError, match="not for you to record") as refused:
        watcher.record(item, "note", BODIES["note"])
    assert refused.value.hint is not None
    assert "4711 (custodian)" in refused.value.hint


def test_nothing_that_one_signs_oneself_is_refused_without_naming_the_roles(office: Desk) -> None:
    auditor = enrolled(office, "auditor")
    with pytest.raises(RoleError, match="none of your roles may record 'disclosed'") as refused:
        auditor.person.role_for("disclosed")
    assert "custodian or disclosure-officer" in str(refused.value.hint)
    held = auditor.client.role_holders(refused.value.roles)
    assert [(one.number, one.role) for one in held] == [("4711", "custodian")]


def test_guests_and_the_defence_are_told_of_nobody(office: Desk) -> None:
    officer = caller(office, enrolled(office, "officer", number="8"))
    assert role_holders.told(office.node, officer, ROLES) == [("4711", "officer")]
    abroad = replace(officer, id=replace(officer.id, agency="RO-DIICOT"))
    assert role_holders.told(office.node, abroad, ROLES) == []
    for role in ("defence", "service"):
        outside = replace(officer, roles=frozenset({role, "officer"}))
        assert role_holders.told(office.node, outside, ROLES) == []
    counsel = enrolled(office, "defence", number="9")
    assert counsel.client.role_holders(["administrator"]) == []
    with pytest.raises(DeniedError) as refused:
        counsel.client.people()
    assert "4711" not in str(refused.value.hint)


def test_nobody_lists_the_agency_by_its_refusals(office: Desk, tmp_path: Path) -> None:
    """At most three are named, by number alone; none who is suspended."""
    gone = joined(office, tmp_path / "gone", "reviewer", number="500")
    office.client.suspend(str(gone.id))
    officer = enrolled(office, "officer", number="8")
    assert officer.client.role_holders(["reviewer"]) == []
    for number in range(5):
        enrolled(office, "reviewer", number=f"60{number}")
    held = officer.client.role_holders(["reviewer"])
    assert len(held) == 3
    assert {one.role for one in held} == {"reviewer"}
