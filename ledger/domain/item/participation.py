"""Who has a part in an item, and what each part lets somebody sign about it.

- a role says what somebody may sign at all (identity.roles.ROLES_BY_TYPE); a part says about which
  items: both are asked
- whoever has no part in an item gets the answer of one that does not exist
- what is done with the item itself is done by whoever holds it, and by the custodians; what is
  found out or decided about it also by those it was shared with
- whoever recorded or held it before goes on seeing its record, and may add to it what they know;
  the key that they had for it opens nothing to them any more, and is no share
- administrators and auditors see of every item that there is one, in clear, and read nothing of it:
  a second role of theirs lets them read only what they have another part in
- a part that comes with a role counts in that role alone: somebody who is a data-protection
  officer and an officer decides about all items as data-protection officer, but acts as officer
  only on items in which they have a part of their own
- whoever also stands for the defence reads as the defence what was shared with them: what guarded
  material asks of the defence is not for them to avoid by naming another role
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Final

from ledger.domain.errors import DeniedError, RoleError
from ledger.domain.identity.roles import OUTSIDE, ROLES_BY_TYPE


class Part(StrEnum):
    """What somebody has to do with an item."""

    HOLDER = "whoever holds it"
    CUSTODIAN = "the custodians of the agency"
    SHARED = "those it was shared with"
    OVERSEER = "data-protection officers"
    WATCHER = "administrators and auditors"
    FORMER = "whoever recorded or held it before"
    ASKED = "whoever it is offered to"
    NODE = "the agency's own node"
    HELD_THERE = "nodes of agencies that held it"


_KEEPERS: Final = frozenset({Part.HOLDER, Part.CUSTODIAN})
_WORKERS: Final = _KEEPERS | {Part.SHARED, Part.OVERSEER}
_READERS: Final = _WORKERS | {Part.FORMER}
_NOBODY: Final[frozenset[Part]] = frozenset()
#: Parts in which somebody is handed the content key that was sealed to them. Whoever recorded or
#: held an item and gave it away has none of them, until it is shared with them.
OPENS_CONTENT: Final = _KEEPERS | {Part.SHARED, Part.ASKED}

#: Parts that may sign each type. Opening events are about new items, in which nobody has a part
#: yet; what an agency says about itself is about none. docs/roles.md is written from it.
PARTS_BY_TYPE: Final[dict[str, frozenset[Part]]] = {
    **dict.fromkeys(("collected", "acquired", "derived", "copied", "gathered"), _NOBODY),
    "case-opened": _NOBODY,
    "listed": _READERS,
    **dict.fromkeys(("case-assigned", "case-closed"), _KEEPERS),
    **dict.fromkeys(("accessed", "note", "corrected", "incident", "identified"), _READERS),
    "verified": _READERS | {Part.NODE, Part.WATCHER},
    **dict.fromkeys(
        (
            "analysed",
            "approved",
            "refused",
            "presented",
            "ruled",
            "disclosed",
            "disposal-requested",
        ),
        _WORKERS,
    ),
    **dict.fromkeys(
        ("hold-placed", "hold-released", "restricted", "unrestricted", "retention-set"), _WORKERS
    ),
    **dict.fromkeys(
        ("moved", "dispatched", "released", "received", "sealed", "unsealed"), _KEEPERS
    ),
    **dict.fromkeys(("transfer-offered", "transfer-withdrawn", "transfer-expired"), _KEEPERS),
    **dict.fromkeys(("disposed", "returned", "voided"), _KEEPERS),
    **dict.fromkeys(("transfer-accepted", "transfer-declined"), frozenset({Part.ASKED})),
    "keys-destroyed": frozenset({Part.CUSTODIAN, Part.NODE, Part.HELD_THERE}),
    **dict.fromkeys(("log-opened", "descriptor-published", "crl-published"), _NOBODY),
}


#: Parts that somebody has for a role of theirs, in every item of the agency: they take part in that
#: role alone. The other parts are a person's own, in whichever of their roles.
ROLES_BY_PART: Final[dict[Part, frozenset[str]]] = {
    Part.CUSTODIAN: frozenset({"custodian"}),
    Part.OVERSEER: frozenset({"data-protection-officer"}),
    Part.WATCHER: frozenset({"administrator", "auditor"}),
    Part.NODE: frozenset({"service"}),
    Part.HELD_THERE: frozenset({"service"}),
}


def acting_roles(
    event_type: str, parts: AbstractSet[Part], held: AbstractSet[str]
) -> frozenset[str]:
    """The roles, of those that somebody holds, in which they may sign a type about an item in which
    they have these parts.
    """
    roles = frozenset[str]()
    # Having recorded or held it before lends no other role to whoever reads it as the defence.
    as_defence = held & OUTSIDE if Part.SHARED in parts else frozenset[str]()
    for part in PARTS_BY_TYPE.get(event_type, _NOBODY) & parts:
        own = as_defence if part in (Part.SHARED, Part.FORMER) else frozenset[str]()
        roles |= ROLES_BY_PART.get(part, own or held) & held
    return roles & ROLES_BY_TYPE.get(event_type, frozenset())


def corrects_others(
    parts: AbstractSet[Part], *, held: AbstractSet[str], role: str, guest: bool
) -> bool:
    """Whether somebody may correct in a role what others recorded: whoever keeps the item; and a
    guest whom it was shared with, what people of their own agency recorded. Everybody else corrects
    what they recorded themselves: a number that an item is found by means what its keepers say.
    """
    lets = _KEEPERS | {Part.SHARED} if guest else _KEEPERS
    return role in acting_roles("corrected", parts & lets, held)


def require_part(
    event_type: str, parts: AbstractSet[Part], *, held: AbstractSet[str], role: str = ""
) -> None:
    """Check that somebody with these parts in an item, who holds these roles, may sign a type about
    it.

    Args:
        role: in which they sign; empty where nothing is signed yet, for any of theirs.

    Raises:
        DeniedError: none of their parts lets them, or none in that role.
    """
    allowed = PARTS_BY_TYPE.get(event_type, _NOBODY)
    if not allowed & parts:
        who = ", ".join(part.value for part in Part if part in allowed) or "nobody"
        roles = frozenset[str]().union(*(ROLES_BY_PART.get(part, ()) for part in allowed))
        raise RoleError(
            f"{event_type!r} is not for you to record about this item",
            roles & ROLES_BY_TYPE.get(event_type, frozenset()) - {"service"},
            hint=f"it is recorded by: {who}",
        )
    roles = acting_roles(event_type, parts, held)
    if not roles or (role and role not in roles):
        named = " or ".join(sorted(roles)) or "nothing: none of your roles lets you"
        raise DeniedError(
            f"{event_type!r} is not for you to record about this item"
            + (f" as {role}" if role else ""),
            hint=f"you have a part in this item as {named}",
        )
