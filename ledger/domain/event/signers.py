"""Who may sign what: the one rule of nodes, verifiers and audits (DESIGN section 5, verification
step 3).

- of a type that is known, the role in which somebody acts may record it, and their certificate
  holds that role
- where the document is withheld or its type is not known, the certificate holds a role that may
  record some type of the statement's effect: no more can be said of it
- a guest, whose agency is not the one whose log takes the event, records what guests may. What
  opens an item, offers it, takes an offer back, answers one or closes it is none of that: it is
  signed by the agency whose log takes it
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from functools import cache

from ledger.domain.codecs.text import quoted
from ledger.domain.errors import DeniedError, RuleError
from ledger.domain.event.types import TYPES
from ledger.domain.identity.roles import FORMER_ROLES, GUEST_ROLES, GUESTS, ROLES_BY_TYPE, SERVICE


def require_role(
    event_type: str, role: str, held: AbstractSet[str], *, guest: bool, recorded: bool = False
) -> None:
    """Check that somebody may record a type in a role.

    Args:
        held: roles of their certificate. guest: of another agency than the log that takes it.
        recorded: a log has it already, maybe since more roles could record it.

    Raises:
        RuleError: the certificate does not hold the role, or the role may not record the type.
        DeniedError: no guest may.
    """
    if role not in held:
        raise RuleError(f"the certificate does not hold the role {quoted(role)}")
    allowed = ROLES_BY_TYPE.get(event_type, frozenset())
    if recorded:
        allowed |= FORMER_ROLES.get(event_type, frozenset())
    if role not in allowed:
        raise RuleError(f"the role {quoted(role)} may not record {quoted(event_type)}")
    if guest and role not in _roles((event_type,), guest=True):
        raise DeniedError(
            f"a guest of another agency may not record {quoted(event_type)} here as {quoted(role)}"
        )


def require_effect(effect: str, held: AbstractSet[str], *, guest: bool) -> None:
    """Check that somebody may record something with an effect, where no more is known of it; the
    arguments are those of ``require_role``.

    Raises:
        RuleError: none of their roles may. DeniedError: no guest may.
    """
    if not held & _by_effect(effect, guest=False):
        raise RuleError(f"effect {quoted(effect)} with the roles {', '.join(sorted(held))}")
    if guest and not held & _by_effect(effect, guest=True):
        raise DeniedError(f"effect {quoted(effect)} by a guest of another agency")


@cache
def _by_effect(effect: str, *, guest: bool) -> frozenset[str]:
    types = (name for name, event_type in TYPES.items() if event_type.effect == effect)
    return _roles(tuple(types), guest=guest)


def _roles(types: tuple[str, ...], *, guest: bool) -> frozenset[str]:
    """Roles in which at least one of these types may be recorded. A guest's node is one of those
    that may: it tells that it destroyed keys.
    """
    counted = [one for one in types if not guest or one in GUESTS]
    found = frozenset[str]().union(*(ROLES_BY_TYPE.get(one, frozenset()) for one in counted))
    return found & (GUEST_ROLES | SERVICE) if guest else found
