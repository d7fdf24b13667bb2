"""docs/roles.md: who may record what, and who may call what, written from the tables in the code;
--check only compares.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Final, get_args

from api.access import GUEST_ROUTES, PUBLIC, ROUTES
from ledger.domain.identity.names import Role
from ledger.domain.identity.roles import (
    GUEST_ROLES,
    GUESTS,
    LEAST_FIRST,
    ROLES_BY_TYPE,
    TAKEN_BACK_BY,
)
from ledger.domain.item.participation import PARTS_BY_TYPE, ROLES_BY_PART, Part

TARGET: Final = Path(__file__).parents[1] / "docs" / "roles.md"
_ORDER: Final[tuple[Role, ...]] = get_args(Role)
_HEAD: Final = """# Who may do what

For whoever gives people their roles, and for whoever asks why somebody was refused.

This page is written by `make docs` from `ledger/domain/identity/roles.py`,
`ledger/domain/item/participation.py` and `api/access.py`; a test compares every cell with what is
enforced. Whatever has no mark is refused. A profile maps a country's own names to these roles
(`custody profile show nl`).

Beyond the tables:

- Nobody approves, refuses or accepts what they recorded or offered themselves; nobody enrols or
  suspends themselves. Whoever is enrolled twice under one service number is one person in all of
  this.
- New keys in the place of lost ones take two: an administrator suspends, invites and lets in, and
  what the old keys held stays with them until a custodian, who compared the fingerprint too, signs
  it over. Of whoever leaves an administrator ends the access, and a custodian hands the items over.
- A disposal takes two persons of the agency that has custody. A guest is none of them, and neither
  approves nor refuses a request for one. A request ends when the item goes to another agency.
- What is on loan is ended by the lender alone, once it is back: neither disposed of, nor returned
  to its owner, nor voided. Only the agency that recorded an item voids it.
- What is marked csam is given to nobody who stands for the defence, under whichever role or
  enrolment, and no custodian stands for it.
- The content of what is marked privileged is opened by custodians, reviewers, courts and the
  defence, and by nobody else; its record is read as ever. What is derived from material marked csam
  or privileged carries the mark, and such a mark is taken off for a reason.
- Whoever holds an item, and custodians, correct its record. A guest corrects what people of their
  own agency recorded; everybody else what they recorded themselves.
- Administrators and auditors see records in clear, never details or content, and find no item by
  its case number or digest. Nobody shares an item with themselves.
- Whoever reads details or content signs why before anything is shown, and signs only when something
  can follow.
- Seeing a list does not mean seeing every item. Custodians, auditors, administrators and
  data-protection officers see all items of their agency; everybody else sees what they recorded,
  hold, were given or are asked to take.
"""
_ACTING: Final = (
    "- Whoever has several roles that may record something signs in the first of these, least "
    f"privilege first: {', '.join(LEAST_FIRST)}. `--as ROLE` takes another of theirs, and "
    "`--preview`, where a command has one, shows the role before it signs."
)
_PARTS: Final = """## Parts in an item

A role says what somebody may record at all, and a part says about which items. Both are asked for
every event, and a part at every call about an item. Whoever has no part in an item gets the answer
of one that does not exist. Items that an event names (what it is derived from, photos, outputs, a
replacement) are items in which its signer has a part, or that they open in the same batch.

Whoever has several roles acts in the one by which they take part: a part that comes with a role, in
every item of the agency, is taken in that role alone; the other parts are a person's own, in any of
their roles. Whoever also stands for the defence acts as the defence on what was shared with them.

Whoever recorded or held an item before sees its record and adds what they know; the content key
that they had as such opens nothing any more. Content goes to whoever holds the item, to custodians,
to those it was shared with and, until they answer, to whoever is asked to take it.

"""
_BACK: Final = """## Orders taken back

A hold, a mark that restricts an item and the time for which it is kept are orders. An order is
taken back (lifted, unrestricted, made shorter) by the role that gave it, or by one that stands
above it. A court decides over everybody. A prosecutor directs the case, and so stands above whoever
prepares its disclosure. Custodians keep items for all of these, and a data-protection officer
watches over how they do.

It goes by roles, not by persons or agencies: whoever ordered it may have left, and with an item the
duty goes to whoever has the role where the item is now. Marks that an item was recorded with are
taken off by any role that may record `unrestricted`; of what is derived, `csam` and `privileged` by
those that could also take them off what it is derived from.

"""
_NO_PART: Final = "nobody has a part yet, since they open an item or are about none"


def render() -> str:
    """The page."""
    guests = _names(role for role in _ORDER if role in GUEST_ROLES)
    public = _names(name for name, who in ROUTES.items() if who == PUBLIC)
    parts = [
        _HEAD + _filled(_ACTING, hanging="  "),
        "## Events\n",
        _table("event", dict(ROLES_BY_TYPE)),
        _parts(),
        _filled(
            f"Guests of another agency count as {guests} only, on items that were granted to them, "
            f"and record nothing but {_names(sorted(GUESTS))}."
        ),
        _taken_back(),
        "## Calls of the API\n",
        _filled(f"Calls that are public show nothing about items: {public}."),
        _filled(
            f"Guests of another agency may call only {_names(sorted(GUEST_ROUTES))}, "
            "where a role of theirs may."
        ),
        _table("call", {name: who for name, who in ROUTES.items() if who != PUBLIC}),
    ]
    return "\n".join(parts)


def _parts() -> str:
    types_of: dict[str, list[str]] = {}
    for name, held in PARTS_BY_TYPE.items():
        parts = [part for part in Part if part in held and _roles_in(part) & ROLES_BY_TYPE[name]]
        types_of.setdefault(", ".join(map(_described, parts)), []).append(name)
    lines = [
        _filled(f"- {_names(types)}: {who or _NO_PART}", hanging="  ")
        for who, types in types_of.items()
    ]
    return _PARTS + "".join(lines)


def _roles_in(part: Part) -> frozenset[str]:
    """In which roles somebody has a part."""
    return ROLES_BY_PART.get(part, frozenset(_ORDER))


def _described(part: Part) -> str:
    if part not in ROLES_BY_PART:
        return part.value
    return f"{part.value} (as {' or '.join(f'`{role}`' for role in sorted(ROLES_BY_PART[part]))})"


def _taken_back() -> str:
    lines = [
        _filled(f"- ordered as `{role}`: {_names(one for one in _ORDER if one in above)}", "  ")
        for role, above in TAKEN_BACK_BY.items()
    ]
    return _BACK + "".join(lines)


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _filled(text: str, hanging: str = "") -> str:
    """A paragraph in lines of at most 100 columns; names of routes and roles stay whole."""
    lines = textwrap.wrap(
        text, 100, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(lines) + "\n"


def _table(what: str, rows: dict[str, frozenset[str]]) -> str:
    lines = [f"| {what} | {' | '.join(_ORDER)} |", f"|---|{'---|' * len(_ORDER)}"]
    for name, roles in rows.items():
        lines.append(
            f"| `{name}` | {' | '.join('x' if role in roles else ' ' for role in _ORDER)} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the page, or compare it."""
    text = render()
    if "--check" not in sys.argv:
        TARGET.write_text(text)
        return 0
    if not TARGET.exists() or TARGET.read_text() != text:
        print("docs/roles.md differs from the tables in the code: run make docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
