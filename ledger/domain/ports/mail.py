"""What sends a message to a person by e-mail."""

from __future__ import annotations

import re
from typing import Final, Literal, Protocol

from ledger.domain.errors import UsageError

#: What became of a message: the server took it, said that it never will, or the connection ended
#: before it said which.
Sent = Literal["taken", "refused", "unsure"]
_ADDRESS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*",
    re.ASCII,
)
_LONGEST: Final = 254


class Mailer(Protocol):
    """A mail server that takes messages for us."""

    def send(self, to: str, subject: str, text: str) -> Sent:
        """Send a message to one address.

        Raises:
            NetworkError: the server did not take it; it may be sent again.
        """
        ...


def require_address(text: str) -> str:
    """An address as a message may carry it: no second one, no name, no break of a line, nothing
    that a server would read as a header or a command.

    Raises:
        UsageError: it is none.
    """
    if len(text) > _LONGEST or not _ADDRESS.fullmatch(text):
        raise UsageError(
            f"{text[:80]!r} is not an e-mail address",
            hint="give one address and nothing else: a.person@police.example",
        )
    return text
