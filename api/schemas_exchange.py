"""Bodies of requests and answers between agencies, and about handovers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.schemas import Base64Url, Evidence, Hex, LookOut, StandingOut, Strict
from ledger.domain.codecs.text import format_time
from ledger.rows.handovers import DisclosedCopyRow


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
    """A handover that the caller may see. ``person``: whom inside the agency it is made to, or
    null; ``looked``: who of them looked.
    """

    evidence: str
    giver: str
    taker: str
    person: str | None
    offer: Hex
    expires: str | None
    state: str
    looked: list[LookOut]


class HandoversOut(Strict):
    """A page of handovers under way; ``next``: where the next one begins, null behind the last."""

    handovers: list[HandoverOut]
    next: int | None


class ComingOut(Strict):
    """Ciphertext that is on its way from other agencies, all of it together: bytes that came, of
    how many.
    """

    done: int
    size: int


class RoundOut(Strict):
    """What a round of exchange did: items that came in, handovers that ended, problems by agency or
    item, and what still comes; of the handovers under way the first 500.
    """

    received: list[str]
    settled: list[str]
    problems: dict[str, str]
    coming: ComingOut
    handovers: list[HandoverOut]


class ReadableOut(Strict):
    """Something would follow an access: whether the item has content, and hashes of the keys that
    it is sealed to for the caller.
    """

    content: bool
    keys: list[Hex]


class IncomingOut(Strict):
    """An item on offer: its documents as in DetailsOut, what holds for it after them, and the
    content keys sealed to the custodians or to the caller.
    """

    events: list[dict[str, Any]]
    grants: list[Base64Url]
    standing: StandingOut


class OpenOfferOut(Strict):
    """The open offer of an item: as one of the events in DetailsOut; its document for its
    signer alone.
    """

    offer: dict[str, Any]


class CopyOut(Strict):
    """A copy from one agency to another, by the statement that disclosed it; ``taken``: the
    recipient's own item, once they told.
    """

    giver: str
    recipient: str
    evidence: str
    statement: Hex
    until: str
    taken: str


class CopiesOut(Strict):
    """Copies."""

    copies: list[CopyOut]


class TimeIn(Strict):
    """A time, seconds since 1970."""

    time: Annotated[int, Field(ge=0, lt=2**40)]


class TakenIn(Strict):
    """The item that is the copy."""

    copy_: Evidence = Field(alias="copy")


class CopyRecordOut(Strict):
    """A copy that we may take: the documents that opened the original and that disclosed it, the
    events from the one to the other as in DetailsOut, and the content keys for custodians.
    """

    events: list[dict[str, Any]]
    opening: dict[str, Any]
    disclosed: dict[str, Any]
    grants: list[Base64Url]


class DisposalNoteOut(Strict):
    """A disposal of an item that the caller's agency held, and where its record stands in our log
    now.
    """

    evidence: str
    disposal: Hex
    log: Hex
    events: int
    head: Hex
    time: int


class DisposalsOut(Strict):
    """Disposals that the caller's agency must follow."""

    disposals: list[DisposalNoteOut]


class ConfirmedOut(Strict):
    """An agency signed that it destroyed its keys."""

    agency: str
    statement: Hex
    time: str


class DisposalOut(Strict):
    """What became of an item that was disposed of; ``expected``: agencies that held it and must
    confirm; ``pins``: how many IPFS nodes have its ciphertext, ``pinnedAt``: which; ``mayKeep``:
    IPFS nodes that we no longer ask, which may; ``stored``: our own disk has some.
    """

    evidence: str
    agency: str
    statement: Hex
    disposed: str
    destroyed: int
    backupsExpire: str | None
    confirmed: list[ConfirmedOut]
    expected: list[str]
    pins: int
    pinnedAt: list[str]
    mayKeep: list[str]
    stored: bool
    title: str
    text: str


class LinkOut(Strict):
    """``child`` came from ``parent``: derived, copy or part."""

    parent: str
    child: str
    kind: str


class LineageOut(Strict):
    """Where an item came from and what came from it, with copies that other agencies hold or may
    fetch.
    """

    links: list[LinkOut]
    copies: list[CopyOut]


def copy_out(row: DisclosedCopyRow, giver: str) -> CopyOut:
    """As it travels."""
    return CopyOut(
        giver=giver,
        recipient=row.agency,
        evidence=row.evidence,
        statement=row.statement.hex(),
        until=format_time(row.until),
        taken=row.taken,
    )
