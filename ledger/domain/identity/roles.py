"""Roles: which there are, who may sign which type of event, and what counts of a guest's (DESIGN
section 5).

docs/roles.md is written from these tables. What a role may do with a given item is asked in
``domain.item.parts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from ledger.domain.identity.names import Role

_HANDLERS: Final[frozenset[Role]] = frozenset({"officer", "custodian", "examiner"})
_LEGAL: Final[frozenset[Role]] = frozenset({"prosecutor", "disclosure-officer", "court"})
_STAFF: Final[frozenset[Role]] = _HANDLERS | _LEGAL | {"reviewer", "court-expert"}
#: The role of an agency's own node.
SERVICE: Final[frozenset[Role]] = frozenset({"service"})
#: Roles of people outside government and court.
OUTSIDE: Final[frozenset[Role]] = frozenset({"defence"})

#: Who may sign which type; whatever is not here, nobody may. docs/roles.md is written from it.
ROLES_BY_TYPE: Final[dict[str, frozenset[Role]]] = {
    "collected": _HANDLERS,
    "acquired": _HANDLERS,
    "derived": _HANDLERS | {"court-expert"},
    # Content that another agency gave is sealed to the custodians: nobody else can take it.
    "copied": frozenset({"custodian"}),
    "gathered": _HANDLERS,
    "accessed": _STAFF | {"defence", "data-protection-officer"},
    "verified": _STAFF | SERVICE | {"defence", "auditor"},
    "analysed": _HANDLERS | {"court-expert"},
    "identified": _STAFF,
    "moved": _HANDLERS,
    "dispatched": _HANDLERS,
    "released": _HANDLERS,
    "received": _HANDLERS,
    "sealed": _HANDLERS | {"court-expert"},
    "unsealed": _HANDLERS | {"court-expert"},
    "hold-placed": _LEGAL | {"custodian"},
    "hold-released": _LEGAL | {"custodian"},
    "restricted": _LEGAL | {"custodian", "data-protection-officer"},
    "unrestricted": _LEGAL | {"custodian", "data-protection-officer"},
    "retention-set": frozenset({"custodian", "data-protection-officer"}),
    "disclosed": _LEGAL | {"custodian"},
    "presented": _LEGAL,
    "ruled": _LEGAL,
    "corrected": _STAFF,
    "incident": _STAFF | {"data-protection-officer"},
    "approved": _STAFF | {"data-protection-officer"},
    "refused": _STAFF | {"data-protection-officer"},
    "disposal-requested": frozenset({"custodian", "data-protection-officer"}),
    "keys-destroyed": SERVICE | {"custodian"},
    "note": _STAFF | {"data-protection-officer"},
    "transfer-offered": _HANDLERS,
    "transfer-accepted": _HANDLERS | {"court", "court-expert"},
    "transfer-declined": _HANDLERS | {"court", "court-expert"},
    "transfer-withdrawn": _HANDLERS,
    "transfer-expired": _HANDLERS,
    "disposed": frozenset({"custodian"}),
    "returned": frozenset({"custodian"}),
    "voided": frozenset({"custodian", "officer"}),
    "case-opened": _HANDLERS | _LEGAL,
    "case-assigned": _HANDLERS | _LEGAL,
    "listed": _STAFF | {"data-protection-officer"},
    "case-closed": _HANDLERS | _LEGAL,
    "log-opened": SERVICE,
    "descriptor-published": SERVICE,
    "crl-published": SERVICE,
}

#: In which of their roles somebody signs who has several: the first one here that may sign the
#: type. Least privilege first: roles that act on single items before those that decide about them,
#: and these before roles that see every item of the agency.
LEAST_FIRST: Final[tuple[Role, ...]] = (
    "defence",
    "reviewer",
    "court-expert",
    "examiner",
    "officer",
    "disclosure-officer",
    "prosecutor",
    "court",
    "auditor",
    "data-protection-officer",
    "custodian",
    "administrator",
    "service",
)

#: Roles in which a type could be recorded before: what was signed so stays right.
FORMER_ROLES: Final[dict[str, frozenset[Role]]] = {"copied": _HANDLERS | _LEGAL}

#: Who may take back what a role ordered for an item (a hold, a mark that restricts it, how long it
#: is kept): the role itself, and those that stand above it. A court decides over everybody; a
#: prosecutor directs the case, and so over whoever prepares its disclosure; custodians keep items
#: for all of these, and a data-protection officer watches over how they do. What other roles said
#: when they recorded an item binds nobody. Roles, not persons or agencies: with an item the duty
#: goes to whoever has the role where it is now.
TAKEN_BACK_BY: Final[dict[str, frozenset[str]]] = {
    "court": frozenset({"court"}),
    "prosecutor": frozenset({"prosecutor", "court"}),
    "disclosure-officer": _LEGAL,
    "data-protection-officer": frozenset({"data-protection-officer", "court"}),
    "custodian": _LEGAL | {"custodian", "data-protection-officer"},
}

#: What people of another agency may record in the log of the agency that has custody, on items
#: granted to them.
GUESTS: Final = frozenset(
    {
        "accessed",
        "verified",
        "analysed",
        "identified",
        "note",
        "approved",
        "refused",
        "corrected",
        "keys-destroyed",
    }
)
#: Roles that count for somebody who is a guest here: none that runs a node, sees every item or
#: keeps custody.
GUEST_ROLES: Final[frozenset[Role]] = frozenset(
    {
        "officer",
        "examiner",
        "reviewer",
        "prosecutor",
        "disclosure-officer",
        "defence",
        "court",
        "court-expert",
    }
)


def counting_roles(held: frozenset[str], *, guest: bool) -> frozenset[str]:
    """The roles of a certificate that count at a node: of a guest's those that guests have."""
    return held & GUEST_ROLES if guest else held


def least(roles: AbstractSet[str]) -> str:
    """The first of some roles in the order of least privilege; empty where there is none."""
    return next((role for role in LEAST_FIRST if role in roles), "")


def keeps_custody(held: AbstractSet[str]) -> bool:
    """Whether somebody with these roles keeps the agency's custody key, which opens all that the
    agency has: a custodian who does not stand for the defence as well.
    """
    return "custodian" in held and not held & OUTSIDE


def whom_to_ask(roles: AbstractSet[str], holders: Sequence[tuple[str, str]]) -> str:
    """What somebody is told who lacks a role.

    Args:
        roles: one of which it takes.
        holders: service numbers of colleagues who have one, with the role.
    """
    takes = f"this takes the role of {' or '.join(sorted(roles)) or 'nobody'}"
    if not holders:
        return takes
    named = " or ".join(f"{number} ({role})" for number, role in holders)
    return f"{takes}; ask a colleague who has it: {named}"


def may_take_back(role: str, ordered_by: str) -> bool:
    """Whether somebody in a role may take back what was ordered in another one."""
    return role in TAKEN_BACK_BY.get(ordered_by, frozenset({role}))
