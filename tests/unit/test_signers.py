"""Every type by every role, of the agency and of a guest, with its document and without: what a
node refuses, a verifier and an audit refuse.
"""

from __future__ import annotations

from itertools import combinations

import pytest

from api.access import ROUTES
from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.event import signers
from ledger.domain.event.types import TYPES
from ledger.domain.identity.names import ROLES
from ledger.domain.identity.roles import GUEST_ROLES, GUESTS, ROLES_BY_TYPE


def may(event_type: str, role: str, *, guest: bool) -> bool:
    """The slow, obvious answer."""
    if role not in ROLES_BY_TYPE[event_type]:
        return False
    return not guest or (event_type in GUESTS and role in {*GUEST_ROLES, "service"})


@pytest.mark.parametrize("guest", [False, True])
@pytest.mark.parametrize("event_type", sorted(TYPES))
def test_a_role_records_only_what_the_tables_give_it(event_type: str, guest: bool) -> None:
    for role in ROLES:
        if may(event_type, role, guest=guest):
            signers.require_role(event_type, role, {role}, guest=guest)
        else:
            with pytest.raises((RuleError, DeniedError)):
                signers.require_role(event_type, role, {role}, guest=guest)
        with pytest.raises(RuleError, match="does not hold"):
            signers.require_role(event_type, role, ROLES - {role}, guest=guest)


def test_a_copy_is_recorded_by_whoever_can_take_one_and_old_ones_stay_right() -> None:
    """Roles to which no copy is ever given could record one that nobody had given."""
    assert ROLES_BY_TYPE["copied"] == ROUTES["copy_record"] == {"custodian"}
    with pytest.raises(RuleError, match="may not record 'copied'"):
        signers.require_role("copied", "prosecutor", {"prosecutor"}, guest=False)
    signers.require_role("copied", "prosecutor", {"prosecutor"}, guest=False, recorded=True)
    with pytest.raises(RuleError):
        signers.require_role("copied", "defence", {"defence"}, guest=False, recorded=True)


@pytest.mark.parametrize("guest", [False, True])
@pytest.mark.parametrize("effect", sorted({one.effect for one in TYPES.values()}))
def test_nobody_hides_by_a_withheld_document_what_no_role_of_theirs_may_record(
    effect: str, guest: bool
) -> None:
    types = [name for name, one in TYPES.items() if one.effect == effect]
    for held in [*({role} for role in ROLES), *map(set, combinations(sorted(ROLES), 2))]:
        if any(may(name, role, guest=guest) for name in types for role in held):
            signers.require_effect(effect, held, guest=guest)
        else:
            with pytest.raises((RuleError, DeniedError)):
                signers.require_effect(effect, held, guest=guest)


def test_what_no_version_knows_is_recorded_by_nobody() -> None:
    with pytest.raises(RuleError, match="may not record 'teleported'"):
        signers.require_role("teleported", "officer", ROLES, guest=False)
    with pytest.raises(RuleError):
        signers.require_effect("teleported", ROLES, guest=False)
