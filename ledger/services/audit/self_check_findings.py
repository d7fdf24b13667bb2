"""What the doctor says of a part of a home, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.domain.errors import (
    CustodyError,
    LockedError,
    NetworkError,
    StorageError,
    UnreadableError,
)
from ledger.domain.verify.report import Verdict

#: Parts whose findings are about ciphertext: what is recorded of it is judged by others.
CONTENT: Final = "content"
IPFS: Final = "ipfs"
RESTORE: Final = "stop the node, keep the home as it is, and restore the newest backup beside it"


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


def finding_for(part: str, error: Exception, place: str = "") -> SelfCheckFinding:
    """What raised in a check, as a finding of it.

    Args:
        place: what it is about, where it is about one thing.
    """
    if not isinstance(error, CustodyError):
        what = type(error).__name__
        return SelfCheckFinding(
            part, f"the database holds values that no program of ours writes ({what})", RESTORE
        )
    return SelfCheckFinding(
        part,
        f"{place}: {error.message}" if place else error.message,
        error.hint or RESTORE,
        home_is_whole=isinstance(error, NetworkError),
        verdict=verdict_of(error),
    )


def verdict_of(error: CustodyError) -> Verdict:
    """What an error says of the thing that was checked: it differs or lacks something, could not
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
    verdicts = {result.verdict for result in results if isinstance(result, SelfCheckFinding)}
    if any(isinstance(result, EntriesWaiting) for result in results) or not any(
        isinstance(result, SelfChecked) and result.count for result in results
    ):
        verdicts.add(Verdict.INCOMPLETE)
    return next(
        (
            worst
            for worst in (Verdict.FAILED, Verdict.UNREADABLE, Verdict.INCOMPLETE)
            if worst in verdicts
        ),
        Verdict.VERIFIED,
    )
