"""Release notes: the part of CHANGELOG.md that speaks of this version."""

from __future__ import annotations

import re

UNRELEASED = "Unreleased"


class NotesError(Exception):
    """The changelog says nothing of this version."""


def notes(changelog: str, version: str) -> str:
    """What changed, from the heading of the version, or from what is not released yet.

    Raises:
        NotesError: there is neither.
    """
    parts = re.split(r"^## (.+)\n", changelog, flags=re.MULTILINE)
    sections = dict(zip((title.strip() for title in parts[1::2]), parts[2::2], strict=True))
    said = sections.get(UNRELEASED, "").strip() or sections.get(version, "").strip()
    if not said:
        raise NotesError(f"CHANGELOG.md has neither a part '## {UNRELEASED}' nor '## {version}'")
    return f"# custody {version}\n\n{said}\n"
