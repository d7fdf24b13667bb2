"""Names of recorded files that mean something where such a file is written: evidence is named by
whoever it was taken from, and a folder in which somebody works with it believes some names.
"""

from __future__ import annotations

import re
from typing import Final

from ledger.domain.files import windows_names

#: What cmd starts when the name without its ending is typed in that folder (PATHEXT), what Python
#: imports there (`python3 -m pip`), and what a program loads from there.
_PROGRAMS: Final = re.compile(
    r".*\.(?:com|exe|bat|cmd|vb[se]|jse?|ws[fh]|msc|cpl|ps1|py[cdwz]?|so|dll|dylib)",
    re.IGNORECASE | re.DOTALL,
)


def means_something(name: str) -> bool:
    """Whether a file of this name, in a folder where commands are typed, is more than a file: a
    program, a device of Windows, or hidden.
    """
    return bool(name.startswith(".") or _PROGRAMS.fullmatch(name) or windows_names.why_not(name))
