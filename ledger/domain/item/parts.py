"""Who has a part in an item, and what each part lets somebody sign about it.

- a role says what somebody may sign at all (identity.roles.ROLES_BY_TYPE); a part says about which
  items: both are asked
- whoever has no part in an item gets the answer of one that does not exist
- what is done with the item itself is done by whoever holds it, and by the custodians; what is
  found out or decided about it also by those it was shared with
- whoever recorded or held it before goes on seeing its record, and may add to it what they know
- administrators and auditors see of every item that there is one, in clear, and read nothing of it:
  a second role of theirs lets them read only what they have another part in
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from enum import StrEnum
from typing import Final

from ledger.domain.errors import DeniedError


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

#: Parts that may sign each type. Opening events are about new items, in which nobody has a part
#: yet; what an agency says about itself is about none. docs/roles.md is written from it.
PARTS_BY_TYPE: Final[dict[str, frozenset[Part]]] = {
    **dict.fromkeys(("collected", "acquired", "derived", "copied", "gathered"), _NOBODY),
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


def require_part(event_type: str, parts: AbstractSet[Part]) -> None:
    """Check that somebody with these parts in an item may sign a type about it.

    Raises:
        DeniedError: none of them may.
    """
    allowed = PARTS_BY_TYPE.get(event_type, _NOBODY)
    if not allowed & parts:
        who = ", ".join(part.value for part in Part if part in allowed) or "nobody"
        raise DeniedError(
            f"{event_type!r} is not for you to record about this item",
            hint=f"it is recorded by: {who}",
        )
