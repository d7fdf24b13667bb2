"""How deep Python may call itself, kept where it was: libraries of the chain raise it to 100,000 as
they are imported.

With that the parsers of the standard library, written in C, run out of stack before they run out of
leave: a body of opening brackets, sent by anybody, would end the process. With Python's own limit
the same body is an error like any other.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_LIMIT: Final = 1000  # Python's own


@contextmanager
def limited() -> Iterator[None]:
    """Import what raises the limit within this block."""
    try:
        yield
    finally:
        sys.setrecursionlimit(_LIMIT)
