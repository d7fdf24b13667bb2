"""One form for what people write in several ways: case, exhibit and service numbers are looked up
by it, records keep what was typed.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from ledger.domain.untrusted.visible import is_safe

#: Of the form below, and of what is found by it. A home whose index was made under another one is
#: indexed anew when it is opened.
#: 1: as typed; 2: letters of another width, and what nobody sees, were others; 3: neither an
#: exhibit number in its case nor what was recorded of a file before was found; 4: numbers were
#: found as they were said first, and not as they were corrected; 5: items of a case were not told
#: from those that had been corrected to another one; 6: a further number whose scheme was called as
#: one of what follows from records was taken for that, and a case for each number that it ever had
VERSION: Final = 7


def form(text: str) -> str:
    """The form in which two spellings of one number are the same.

    Composed or not, of whichever width (NFKC), upper or lower case, any dash, blanks around it, how
    many in it and which: a number typed on a Mac, copied from a letter or read over the telephone
    is found. What nobody sees (zero-width characters, fillers, variation selectors) counts as
    nothing, so that nobody is a second person by a mark that the administrator did not see.
    """
    if text.isascii() and text.isprintable():  # nearly all of them, and ten times as fast
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", text).casefold())
    kept = (
        _DASH if unicodedata.category(character) == "Pd" or character == "\u2212" else character
        for character in folded
        if character.isspace() or is_safe(character)
    )
    return " ".join("".join(kept).split())


_DASH: Final = "-"


def number_form(number: str) -> str:
    """What is the same for a service number however it was typed; blanks do not count."""
    return form(number).replace(" ", "")
