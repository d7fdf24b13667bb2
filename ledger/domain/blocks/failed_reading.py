"""What a reading that failed says of what was read."""

from __future__ import annotations

from typing import Final, get_args

from ledger.domain.errors import (
    CustodyError,
    NetworkError,
    NotFoundError,
    StorageError,
    VerificationError,
)
from ledger.domain.event.types import FixityResult

_WORDS: Final[dict[type[CustodyError], str]] = {
    VerificationError: "mismatch",
    NotFoundError: "missing",
    NetworkError: "unreachable",
    StorageError: "full",
}


def word_of(error: CustodyError) -> str:
    """The kind of trouble in one word: mismatch, missing, unreachable, full or unreadable."""
    return next((word for kind, word in _WORDS.items() if isinstance(error, kind)), "unreadable")


def result_of(error: CustodyError) -> FixityResult:
    """What a failed reading says of what was read, in the words of a `verified` event."""
    word = word_of(error)
    return next((result for result in get_args(FixityResult) if result == word), "unreadable")
