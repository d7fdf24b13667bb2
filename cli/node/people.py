"""People as they are typed and told: by service number among colleagues, by pseudonym elsewhere.

- Whoever works for the agency itself is shown service numbers of its people, as its own node tells
  them: a pseudonym is what was signed, the number beside it is the node's word.
- Everybody else, other agencies and whoever verifies a bundle, sees the beginning of a pseudonym:
  enough to tell two people apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from cli.invocation.global_options import STATE
from cli.invocation.hints import command
from cli.node import enrolments
from cli.wording.person_words import Names, pseudonym
from ledger.domain.identity.person import REFERENCE, PersonId, read_stored, require_reference

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.ports.answers import Item
    from ledger.domain.ports.node_answers import Named

_AT_ONCE: Final = 500
_MOST: Final = 5_000  # people of one text: who comes behind is told by pseudonym


def named(session: Session, seen: Iterable[PersonId]) -> Names:
    """How people are called here: by service number where the node tells it, else by pseudonym.

    Args:
        seen: whom the text that is to be printed names.
    """
    from ledger.domain.errors import CustodyError

    own = session.person.certificate.agency
    ours = list(dict.fromkeys(one.pseudonym for one in seen if one.agency == own))[:_MOST]
    found: list[Named] = []
    if not STATE.offline and not STATE.server:
        try:
            for at in range(0, len(ours), _AT_ONCE):
                found += session.node.names(ours[at : at + _AT_ONCE])
        except CustodyError:  # names are a help: what was asked for is shown without them
            found = []
    numbers = {(one.agency, one.reference): one.number for one in found if one.number}
    return lambda agency, name: numbers.get((agency, name)) or pseudonym(agency, name)


def of_items(listed: Iterable[Item], own: str) -> Iterator[PersonId]:
    """Whoever holds items, and who opened them here.

    Args:
        own: the agency whose node tells of them.
    """
    for item in listed:
        yield PersonId(item.custodian, item.holder)
        if item.opener:
            who = read_stored(item.opener)
            yield PersonId(who.agency or own, who.pseudonym)


def reference(session: Session, text: str) -> str:
    """The reference of a person as somebody types it: a service number, the beginning of a
    pseudonym, the fingerprint of their keys, or the whole reference.

    Raises:
        UsageError: nobody of the agency is meant, or several are.
    """
    from ledger.domain.errors import UsageError

    text = text.strip()
    if re.fullmatch(REFERENCE, text):
        return text
    if STATE.offline or not text:
        return require_reference(text)
    meant = session.node.names([text])
    found = [one for one in meant if one.active] or meant
    own = session.person.certificate.agency
    if not found:
        raise _nobody(session, text, own)
    if len(found) > 1:
        several = "; ".join(f"{one.reference} ({', '.join(one.roles)})" for one in found)
        raise UsageError(
            f"{text[:80]!r} may be each of {len(found)}: {several}", hint="name one by pseudonym"
        )
    STATE.people[found[0].reference] = text
    return found[0].reference


def _nobody(session: Session, text: str, own: str) -> Exception:
    """What is said of a name that nobody has who was let in; to an administrator also of whoever
    was invited under it, or asks to join.
    """
    from ledger.domain.errors import UsageError

    if "administrator" in session.person.certificate.roles:
        states = {one.state for one in enrolments.invitations(session.node.people(), text)}
        if "requested" in states:
            return UsageError(
                f"{text[:80]} asks to join {own}, and was not let in yet",
                hint=f"compare the fingerprint with them: {command('person', 'approve', text)}",
            )
        if states:
            return UsageError(
                f"{text[:80]} was invited to {own}, and has not joined yet",
                hint="they join with the invitation that you gave them; see: "
                + command("person", "list"),
            )
    return UsageError(
        f"{text[:80]!r} names nobody who was let in at {own}",
        hint="give a service number; a guest is named with the agency: WHO@AGENCY. Who is new is "
        "invited by an administrator first: custody person invite NUMBER",
    )
