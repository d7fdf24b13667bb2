"""Names that Windows takes for something else than a file, or does not take at all.

A name that comes from another system, or from another person, could be a device there, a stream
hidden in another file, or a path out of the folder.
"""

from __future__ import annotations

import re
from typing import Final

_DEVICES: Final = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])"
    r"(?: *[.:].*)?",
    re.IGNORECASE,
)
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
LONGEST: Final = 255  # UTF-16 units


def why_not(name: str) -> str:
    """Why a file cannot have this name on Windows; empty where it can."""
    if found := _FORBIDDEN.search(name):
        return f"Windows allows no {found[0]!r} in a name"
    if _DEVICES.fullmatch(name.strip(" ")):
        return "Windows takes this name for a device"
    if name.endswith((" ", ".")):
        return "Windows leaves out a space or a full stop at the end of a name"
    if len(name.encode("utf-16-le", "surrogatepass")) > 2 * LONGEST:
        return f"Windows allows {LONGEST} characters in a name"
    return ""
