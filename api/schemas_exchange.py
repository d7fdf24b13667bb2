"""Bodies of requests and answers between agencies, and about handovers."""

from __future__ import annotations

from typing import Any

from api.schemas import Base64Url, Hex, Strict


class ExchangedOut(Strict):
    """A handover between two agencies, as both know it; ``expires`` is seconds since 1970."""

    evidence: str
    giver: str
    taker: str
    offer: Hex
    expires: int
    state: str


class ExchangeOut(Strict):
    """Handovers between the caller's agency and this one."""

    handovers: list[ExchangedOut]


class VersionOut(Strict):
    """A descriptor version with the rest of what the registry committed to."""

    version: int
    document: Base64Url
    activeFrom: int
    block: int


class VersionsOut(Strict):
    """All descriptor versions, oldest first."""

    descriptors: list[VersionOut]


class PartnerIn(Strict):
    """Where another agency's node is."""

    url: str


class PartnerOut(Strict):
    """Another agency: active in the registry or not, and when its keys were last looked at."""

    agency: str
    url: str
    active: bool
    checked: str
    descriptor: Base64Url


class PartnersOut(Strict):
    """Agencies known here."""

    partners: list[PartnerOut]


class HandoverOut(Strict):
    """A handover that the caller may see. ``person``: whom inside the agency it is made to, or null."""

    evidence: str
    giver: str
    taker: str
    person: str | None
    offer: Hex
    expires: str | None
    state: str


class HandoversOut(Strict):
    """Handovers under way."""

    handovers: list[HandoverOut]


class RoundOut(Strict):
    """What a round of exchange did: items that came in, handovers that ended, and problems by agency or item."""

    received: list[str]
    settled: list[str]
    problems: dict[str, str]
    handovers: list[HandoverOut]


class IncomingOut(Strict):
    """An item on offer: its documents, and the content keys sealed to the custodians or to the caller."""

    events: list[dict[str, Any]]
    grants: list[Base64Url]
