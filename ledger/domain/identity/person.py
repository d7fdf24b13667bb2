"""Who somebody is: the agency that certified them, and the pseudonym that it gave them.

- an agency chooses the pseudonyms of its own people and nobody else's: alone, a pseudonym names
  nobody
- one form of text: ``pseudonym@AGENCY``; people of the agency whose node is asked may leave the
  agency out
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NewType

from ledger.domain.errors import UsageError
from ledger.domain.identity.names import check_code, check_pseudonym

#: A reference as people write it: of one of the node's own agency, or with the agency of a guest.
REFERENCE: Final = r"^[a-z2-7]{26}(@[A-Z]{2}-[A-Z0-9-]{1,32})?$"
_REFERENCE: Final = re.compile(REFERENCE)

#: Who was given something, as text: a person's full reference or an agency's code; no text can be
#: read as both.
Recipient = NewType("Recipient", str)


@dataclass(frozen=True, slots=True, order=True)
class PersonId:
    """A person (or a service, where a certificate names one), as the whole consortium tells them
    apart.
    """

    agency: str
    pseudonym: str

    def __str__(self) -> str:
        """The full reference, ``pseudonym@AGENCY``."""
        return f"{self.pseudonym}@{self.agency}" if self.agency else self.pseudonym

    def shown_at(self, home: str) -> str:
        """The reference by which commands at the node of ``home`` take this person: only guests'
        agencies are written.
        """
        return self.pseudonym if self.agency == home else str(self)

    @property
    def recipient(self) -> Recipient:
        """The person as somebody who is given something."""
        return Recipient(str(self))


def agency_recipient(code: str) -> Recipient:
    """An agency as somebody who is given something."""
    return Recipient(check_code(code))


def read_stored(text: str) -> PersonId:
    """The person in a stored reference. Text that was altered names nobody, so that audits can
    compare it.
    """
    pseudonym, _, agency = text.partition("@")
    return PersonId(agency, pseudonym)


def require_reference(text: str) -> str:
    """Check that a text can name somebody; the text.

    Raises:
        UsageError: no reference.
    """
    if not _REFERENCE.fullmatch(text):
        hint = "give a service number, or a pseudonym; a guest is named with the agency: WHO@AGENCY"
        raise UsageError(f"{text[:80]!r} names nobody", hint=hint)
    return text


def read_reference(text: str, *, home: str) -> PersonId:
    """The person whom somebody names at the node of ``home``: without an agency one of its own
    people, never a guest.

    Raises:
        UsageError: no reference.
    """
    pseudonym, _, agency = require_reference(text).partition("@")
    return PersonId(check_code(agency or home), check_pseudonym(pseudonym))
