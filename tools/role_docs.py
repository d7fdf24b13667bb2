"""docs/roles.md: who may record what, and who may call what, written from the tables in the code;
--check only compares.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from api.access import GUEST_ROUTES, PUBLIC, ROUTES
from ledger.domain.identity.names import ROLES
from ledger.domain.identity.roles import GUEST_ROLES, GUESTS, ROLES_BY_TYPE
from ledger.domain.item.parts import PARTS_BY_TYPE, Part

TARGET: Final = Path(__file__).parents[1] / "docs" / "roles.md"
_ORDER: Final = (
    "officer",
    "custodian",
    "examiner",
    "reviewer",
    "prosecutor",
    "disclosure-officer",
    "defence",
    "court",
    "court-expert",
    "data-protection-officer",
    "auditor",
    "administrator",
    "service",
)
_HEAD: Final = """# Who may do what

For whoever gives people their roles, and for whoever asks why somebody was refused.

This page is written by `make docs` from `ledger/domain/identity/roles.py`,
`ledger/domain/item/parts.py` and `api/access.py`; a test compares every cell with what is enforced.
Whatever has no mark is refused. A profile maps a country's own names to these roles
(`custody profile show nl`).

Beyond the tables:

- Nobody approves, refuses or accepts what they recorded or offered themselves; a disposal takes two
  persons; nobody enrols or suspends themselves. Whoever is enrolled twice under one service number
  is one person in all of this.
- Administrators and auditors see records in clear, never details or content.
- Whoever reads details or content signs why before anything is shown, and signs only when something
  can follow.
- Seeing a list does not mean seeing every item. Custodians, auditors, administrators and
  data-protection officers see all items of their agency; everybody else sees what they recorded,
  hold, were given or are asked to take.
"""
_PARTS: Final = """## Parts in an item

A role says what somebody may record at all, and a part says about which items. Both are asked for
every event, and a part at every call about an item. Whoever has no part in an item gets the answer
of one that does not exist. Items that an event names (what it is derived from, photos, outputs, a
replacement) are items in which its signer has a part, or that they open in the same batch.

"""
_NO_PART: Final = "nobody has a part yet, since they open an item or are about none"


def render() -> str:
    """The page."""
    assert set(_ORDER) == set(ROLES)
    guests = _names(role for role in _ORDER if role in GUEST_ROLES)
    public = _names(name for name, who in ROUTES.items() if who == PUBLIC)
    parts = [
        _HEAD,
        "## Events\n",
        _table("event", dict(ROLES_BY_TYPE)),
        _parts(),
        _filled(
            f"Guests of another agency count as {guests} only, on items that were granted to them, "
            f"and record nothing but {_names(sorted(GUESTS))}."
        ),
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
    types_of: dict[frozenset[Part], list[str]] = {}
    for name, held in PARTS_BY_TYPE.items():
        types_of.setdefault(held, []).append(name)
    lines = [_PARTS]
    for held, types in types_of.items():
        who = ", ".join(part.value for part in Part if part in held)
        lines.append(_filled(f"- {_names(types)}: {who or _NO_PART}", hanging="  "))
    return "".join(lines)


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
