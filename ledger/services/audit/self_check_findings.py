"""What the doctor says of a part of a home, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.domain.errors import (
    CustodyError,
    LockedError,
    NetworkError,
    StorageError,
    UnreadableError,
)
from ledger.domain.verify.report import Verdict


@dataclass(frozen=True, slots=True)
class SelfCheckFinding:
    """Something wrong: which part, what, and what to do."""

    part: str
    message: str
    hint: str
    #: Nothing is wrong with the home: the chain knows more than it does, or could not be asked.
    home_is_whole: bool = False
    #: A contradiction, what could not be read, or what could not be asked for.
    verdict: Verdict = Verdict.FAILED


@dataclass(frozen=True, slots=True)
class SelfChecked:
    """Something right: which part, and how much of it. ``count`` 0: there was nothing to check,
    which shows nothing.
    """

    part: str
    detail: str
    count: int


@dataclass(frozen=True, slots=True)
class SelfCheckWarning:
    """Nothing wrong yet, and something to do in time: which part, what, and what to do. It changes
    no verdict.
    """

    part: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class EntriesWaiting:
    """Entries that are not final on the chain: they agree with one another, and nothing outside the
    home vouches for them.
    """

    count: int
    total: int


#: What an examination says.
Result = SelfCheckFinding | SelfChecked | SelfCheckWarning | EntriesWaiting


def verdict_of(error: CustodyError) -> Verdict:
    """What an error says of the thing that was looked at: it differs or lacks something, could not
    be read, or could not be reached.
    """
    if isinstance(error, NetworkError | LockedError):
        return Verdict.INCOMPLETE
    return (
        Verdict.UNREADABLE if isinstance(error, UnreadableError | StorageError) else Verdict.FAILED
    )


def verdict(results: Sequence[Result]) -> Verdict:
    """Failed beats unreadable beats incomplete; entries that wait and an empty log are not verified
    either.
    """
    found = {one.verdict for one in results if isinstance(one, SelfCheckFinding)}
    if any(isinstance(one, EntriesWaiting) for one in results) or not any(
        isinstance(one, SelfChecked) and one.count for one in results
    ):
        found.add(Verdict.INCOMPLETE)
    return next(
        (one for one in (Verdict.FAILED, Verdict.UNREADABLE, Verdict.INCOMPLETE) if one in found),
        Verdict.VERIFIED,
    )
