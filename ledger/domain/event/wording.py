"""One form for what people write in several ways: case, exhibit and service numbers are looked up by it, records keep what was typed."""

from __future__ import annotations

import unicodedata
from typing import Final

#: Of the form below. A home whose index was made under another one is indexed anew when it is opened.
VERSION: Final = 2  # 1: as typed


def form(text: str) -> str:
    """The form in which two spellings of one number are the same.

    Composed or not (NFC), upper or lower case, any dash, blanks around it, how many in it and which: a number typed on a Mac, copied
    from a letter or read over the telephone is found. Zero-width and other format characters count as nothing.
    """
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
    kept = (
        _DASH if unicodedata.category(one) == "Pd" or one == "\u2212" else one
        for one in folded
        if unicodedata.category(one) not in ("Cf", "Cs")
    )
    return " ".join("".join(kept).split())


_DASH: Final = "-"
