"""The terms of an offer: whom an item is offered to, until when, and on which conditions.

An event's document is the only place where they are signed; here is the only place where they are
read out of it and written into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from ledger.domain.codecs.text import format_time, parse_time
from ledger.domain.event.document import Event
from ledger.domain.event.types import OfferMode
from ledger.domain.identity.person import PersonId, read_reference

#: What to do about an offer whose addressee cannot be meant.
ANOTHER_TAKER: Final = "name another colleague by service number: custody handover ID --to NUMBER"
#: Seconds for which an offer is good, at most.
LONGEST: Final = 90 * 86400
#: Members beside the body that an offer repeats when it is made again.
_BESIDE: Final = ("basis", "identifiers", "handling", "lang")


@dataclass(frozen=True, slots=True)
class OfferTerms:
    """What an offer says.

    ``person``: a reference of somebody of ``agency``; ``expires`` and ``return_by``: seconds since
    1970; ``members``: those of the document beside its body.
    """

    agency: str
    expires: int
    person: str | None = None
    mode: OfferMode = "custody"
    return_by: int | None = None
    condition: str = ""
    conditions: tuple[str, ...] = ()
    purpose: str = ""
    members: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_event(cls, event: Event) -> Self:
        """The terms of a signed offer.

        Returns:
            the terms; without those that are withheld, which agency, person and expiry never are.
        """
        return cls.from_document(event.value)

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """The terms of a signed offer, from its document as a node hands it out.

        Returns:
            the terms; without those that are withheld, which agency, person and expiry never are.
        """
        body = document["body"]
        return cls(
            body["to"]["agency"],
            parse_time(body["expires"], what="expires"),
            body["to"].get("person"),
            body.get("mode", "custody"),
            parse_time(body["returnBy"], what="returnBy") if "returnBy" in body else None,
            body.get("condition", ""),
            tuple(body.get("conditions", ())),
            body.get("purpose", ""),
            {name: document[name] for name in _BESIDE if name in document},
        )

    @property
    def recipient(self) -> PersonId | None:
        """The person that the offer is made to; None for one to an agency's custodians."""
        return read_reference(self.person, home=self.agency) if self.person else None

    def differing(self, other: Self) -> list[str]:
        """The words for terms that another offer to the same recipient has otherwise; its end is
        compared by whoever knows when each was made.
        """
        compared = {
            "loan": (self.mode, other.mode),
            "return": (self.return_by, other.return_by),
            "condition of the item": (self.condition, other.condition),
            "conditions on use": (self.conditions, other.conditions),
            "purpose": (self.purpose, other.purpose),
            "basis": (self.members.get("basis"), other.members.get("basis")),
        }
        return [word for word, (mine, theirs) in compared.items() if mine != theirs]

    def body(self, seals: Sequence[str]) -> dict[str, Any]:
        """The body of the event that makes this offer.

        Args:
            seals: numbers on the item now.

        Returns:
            the body, in which the recipient stands under their pseudonym.
        """
        who = self.recipient
        return {
            "mode": self.mode,
            "to": {"agency": self.agency, **({"person": who.pseudonym} if who is not None else {})},
            "expires": format_time(self.expires),
            **({"returnBy": format_time(self.return_by)} if self.return_by is not None else {}),
            **({"condition": self.condition} if self.condition else {}),
            **({"conditions": list(self.conditions)} if self.conditions else {}),
            **({"purpose": self.purpose} if self.purpose else {}),
            **({"seals": [{"number": number} for number in seals]} if seals else {}),
        }
