"""Every error that this package raises on purpose.

CustodyError
├── FormatError            bytes that do not follow a format (verification step 1)
│   ├── TruncatedError     bytes that end before what they began
│   └── ForeignError       a file of another kind, empty, or cut short: nothing in it was judged
├── VerificationError      well-formed bytes that prove something else (names the step)
├── IncompleteError        something that a verdict needs is absent (names the step)
├── UnreadableError        bytes that could not be read at all; never confused with a mismatch
│   └── SourceError        a file to be recorded that cannot be read, or changes meanwhile
├── RuleError              an event that the rules of custody refuse
│   └── DemandError        a record that lacks what a profile or a condition asks for
├── UsageError             a request that makes no sense as asked
│   └── InterruptedUploadError  an upload of the same file with other details was interrupted
├── DeniedError            the caller may not do this
│   └── RoleError          none of their roles may; names those that do
├── NotFoundError          there is nothing under that name, or the caller may not know of it
├── ConflictError          someone else was first
├── KeyringError           a key is missing, locked or wrong
├── AlteredError           the database holds what no program of ours writes
├── StorageError           disk or database failed
│   └── LockedError        another process holds the home
├── NetworkError           a peer could not be reached or answered nonsense
│   ├── UnconfirmedError   its answer was lost, and whether it recorded something is not known
│   └── BusyError          too many wait for it already: come again in a moment
└── ChainError             the chain refused a transaction or contradicts the record
    └── FrozenError        the log's own tiles and entries disagree: nothing more is signed
"""

from collections.abc import Iterable
from typing import Final


class CustodyError(Exception):
    """Base of the tree.

    ``message``: lower case, with what was expected and what was found, never secrets or case data.
    ``hint``: what to do about it, shown on a line of its own.
    """

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class FormatError(CustodyError):
    """Bytes that do not follow their format: nothing in them is believed."""


class TruncatedError(FormatError):
    """Bytes that end before what they began."""


class ForeignError(FormatError):
    """Not the kind of file that it should be, or not all of it: nothing in it was judged, so
    nothing was refuted.
    """


class VerificationError(CustodyError):
    """Well-formed bytes that do not prove what they should. ``step`` is the number in DESIGN
    section 13.
    """

    def __init__(self, step: int, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.step = step


class IncompleteError(CustodyError):
    """Something that the verdict needs is not there. ``step`` as above; ``hint`` says how to check
    it.
    """

    def __init__(self, step: int, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.step = step


class UnreadableError(CustodyError):
    """Bytes that could not be read: neither verified nor refuted."""


class SourceError(UnreadableError):
    """A file to be recorded that cannot be read, or that changes while it is read. ``reason``: for
    a signed record, without a path.
    """

    def __init__(self, message: str, reason: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class RuleError(CustodyError):
    """An event that the rules of custody refuse."""


class DemandError(RuleError):
    """A record that lacks what the agency's profile or a condition on its item asks for, or has
    something in its place that the profile does not know: ``pointers`` to all that it lacks; none
    where a node refuses it, whose hint says what is lacking.
    """

    def __init__(
        self, message: str, pointers: tuple[str, ...] = (), *, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.pointers = pointers


class UsageError(CustodyError):
    """A request that makes no sense as asked."""


class InterruptedUploadError(UsageError):
    """An upload of the same file with other details was interrupted.

    ``tops``: what was given to it; ``recorded``: the item that it recorded all the same, empty
    where it did not.
    """

    def __init__(
        self, message: str, tops: tuple[str, ...], recorded: str, *, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.tops = tops
        self.recorded = recorded


class DeniedError(CustodyError):
    """The caller may not do this."""


class RoleError(DeniedError):
    """None of the caller's roles may do this. ``roles`` may: whoever answers for the node says who
    has one of them (services/people/role_holders).
    """

    def __init__(self, message: str, roles: Iterable[str], *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.roles = frozenset(roles)


class NotFoundError(CustodyError):
    """Nothing under that name, or nothing that the caller may know of."""


class ConflictError(CustodyError):
    """Someone else was first."""


class KeyringError(CustodyError):
    """A key is missing, locked or wrong."""


class StorageError(CustodyError):
    """Disk or database failed; what was acknowledged before is still there."""


class AlteredError(CustodyError):
    """The database holds what no program of ours writes: a contradiction, and no failing disk."""


#: What code of ours raises over values that no program of ours would have written.
ALTERED: Final = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
)


class UnwrittenError(StorageError):
    """A file that was asked for could not be written."""


class LockedError(StorageError):
    """Another process holds the home."""


class NetworkError(CustodyError):
    """A peer could not be reached in time, or answered nonsense.

    ``where``: which address did not answer, and how. It stands behind the message for whoever works
    with this node; ``outside`` is the message for everybody else, without it (api/errors.py).
    """

    def __init__(self, message: str, *, hint: str | None = None, where: str = "") -> None:
        super().__init__(f"{message}: {where}" if where else message, hint=hint)
        self.outside = message
        self.where = where


class UnconfirmedError(NetworkError):
    """A peer was asked to record something, and whether it did is not known: its answer was
    lost.
    """


class BusyError(NetworkError):
    """So many wait for a peer already that nobody more may: come again in a moment."""


class ChainError(CustodyError):
    """The chain refused a transaction, or contradicts the record."""


class FrozenError(ChainError):
    """The stored log contradicts itself or the chain; the node signs nothing more until an operator
    has looked.
    """
