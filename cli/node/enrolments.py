"""Everybody who is enrolled under one service number: one person, whose keys may have been lost.

It is what the node says, as every service number is. Whoever hands items over by it compares the
fingerprint of the keys besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.ports.node_answers import Member, Named


@dataclass(frozen=True, slots=True)
class Enrolments:
    """The enrolments of one person. ``meant``: the one that was named by itself, and not by the
    number.
    """

    number: str
    everyone: tuple[Named, ...]
    meant: Named | None

    @property
    def active(self) -> tuple[Named, ...]:
        """Those under which they work now."""
        return tuple(one for one in self.everyone if one.active)

    @property
    def suspended(self) -> tuple[Named, ...]:
        """Those of keys that are good no more."""
        return tuple(one for one in self.everyone if not one.active)


def find(session: Session, text: str) -> Enrolments:
    """The enrolments of whoever is meant by a service number, or by one of them: a pseudonym, its
    beginning, or a fingerprint.

    Raises:
        UsageError: nobody of the agency, several people, or a number that does not open.
    """
    from ledger.domain.errors import UsageError
    from ledger.domain.event.normalization import number_form

    text, own = text.strip(), session.person.certificate.agency
    named = session.node.names([text]) if text else []
    ours = [one for one in named if one.agency == own]
    if named and not ours:
        raise UsageError(
            f"{text[:80]!r} is a guest: their own agency gives them new keys",
            hint="shut them out here, then admit their new card: "
            f"custody person suspend {named[0].reference}",
        )
    if not ours:
        raise UsageError(
            f"{text[:80]!r} names nobody who is or was enrolled at {own}",
            hint="give a service number, or a pseudonym",
        )
    if not all(one.number for one in ours):
        raise UsageError(
            f"the service number of {ours[0].reference} does not open",
            hint="the database was altered: custody doctor says where; restore a backup",
        )
    number = ours[0].number
    if any(number_form(one.number) != number_form(number) for one in ours):
        several = ", ".join(one.reference for one in ours)
        raise UsageError(f"{text[:80]!r} may be each of: {several}", hint="name one by pseudonym")
    if number_form(text) == number_form(number):
        return Enrolments(number, tuple(ours), None)
    everyone = tuple(one for one in session.node.names([number]) if one.agency == own)
    meant = [one for one in everyone if len(ours) == 1 and one.reference == ours[0].reference]
    return Enrolments(number, everyone, meant[0] if meant else None)


def invitations(listed: Sequence[Member], number: str) -> list[Member]:
    """Invitations under a service number that are open, of those that an administrator is shown."""
    from ledger.domain.event.normalization import number_form

    return [
        one
        for one in listed
        if one.state in ("invited", "requested") and number_form(one.number) == number_form(number)
    ]
