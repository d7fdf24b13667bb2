"""docs/roles.md: who may record what, and who may call what, written from the tables in the code; --check only compares."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from api.access import PUBLIC, ROUTES
from ledger.domain.custody import GUEST_ROLES, GUESTS, ROLES_BY_TYPE
from ledger.domain.identity.names import ROLES

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

Written by `make docs` from `ledger/domain/custody.py` and `api/access.py`; a test compares every cell with what is enforced.
Whatever has no mark is refused. A profile maps a country's own names to these roles (`custody profile show nl`).

Beyond the tables: nobody approves, refuses or accepts what they recorded or offered themselves; a disposal takes two persons;
nobody enrols or suspends themselves; administrators and auditors see records in clear, never details or content; whoever reads
details or content signs why before anything is shown; seeing a list does not mean seeing every item (custodians, auditors,
administrators and data-protection officers see all items of their agency, everybody else what they recorded or were given).
"""


def render() -> str:
    """The page."""
    assert set(_ORDER) == set(ROLES)
    guests = f"Guests of another agency count as {', '.join(f'`{role}`' for role in _ORDER if role in GUEST_ROLES)} only, on items that"
    public = ", ".join(f"`{name}`" for name, who in ROUTES.items() if who == PUBLIC)
    parts = [
        _HEAD,
        "## Events\n",
        _table("event", dict(ROLES_BY_TYPE)),
        f"{guests} were granted to them,\nand record nothing but {', '.join(f'`{one}`' for one in sorted(GUESTS))}.\n",
        "## Calls of the API\n",
        f"Calls that are public show nothing about items: {public}.\n",
        _table("call", {name: who for name, who in ROUTES.items() if who != PUBLIC}),
    ]
    return "\n".join(parts)


def _table(what: str, rows: dict[str, frozenset[str]]) -> str:
    lines = [f"| {what} | {' | '.join(_ORDER)} |", f"|---|{'---|' * len(_ORDER)}"]
    for name, roles in rows.items():
        lines.append(f"| `{name}` | {' | '.join('x' if role in roles else ' ' for role in _ORDER)} |")
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
