"""custody handover list: what is being handed over, from whom to whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from cli.invocation.global_options import Json
from cli.items import offer_confirmation, short_ids
from cli.node import people
from cli.terminal import output, tables
from cli.wording import labels, person_words
from ledger.domain.identity.person import PersonId

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.ports.answers import Handover

_HELP = """List offers that wait for an answer, and answers that wait for the chain.

\b
Example:
  custody --home ~/ro handover list
"""


def list_(as_json: Json = False) -> None:
    from cli.node.session import open_session

    with open_session() as session:
        handovers = session.node.handovers()
        ids = short_ids.shorts(session, (one.evidence for one in handovers))
        givers = {one.evidence: _giver(session, one) for one in handovers}
        own = session.person.certificate.agency
        called = people.named(session, _everybody(handovers, givers))
    rows = [
        [
            ids[one.evidence],
            _told(givers[one.evidence], called),
            _told(PersonId(one.taker, one.person or ""), called),
            labels.HANDOVERS[one.state],
            one.expires or "-",
            one.looked[0].time if one.looked else "-",
        ]
        for one in handovers
    ]
    headers = ["ITEM", "FROM", "TO", "STATE", "GOOD UNTIL", "LOOKED AT"]
    short = {
        "FROM": tables.colleagues(own),
        "TO": tables.colleagues(own),
        "GOOD UNTIL": tables.minutes,
        "LOOKED AT": tables.minutes,
    }
    output.result(
        {"handovers": handovers},
        *(
            tables.table(headers, rows, whole=headers, short=short)
            if rows
            else ["nothing is being handed over"]
        ),
    )


def _giver(session: Session, one: Handover) -> PersonId:
    """Who offers an item: the agency, and inside it the person who signed the offer, who need not
    be the one who holds the item. The node shows that person to whoever may end the offer.
    """
    from ledger.domain.errors import CustodyError

    if one.giver != one.taker:
        return PersonId(one.giver, "")
    try:
        return offer_confirmation.offered_by(session.node.open_offer(one.evidence))
    except CustodyError:
        return PersonId(one.giver, "")


def _everybody(handovers: list[Handover], givers: dict[str, PersonId]) -> Iterator[PersonId]:
    yield from givers.values()
    yield from (PersonId(one.taker, one.person) for one in handovers if one.person)


def _told(who: PersonId, called: person_words.Names) -> str:
    """One side of a handover. What is written for a person is the giver's choice: their agency
    always stands with it.
    """
    return f"{called(who.agency, who.pseudonym)} of {who.agency}" if who.pseudonym else who.agency


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command("list", help=_HELP)(list_)
