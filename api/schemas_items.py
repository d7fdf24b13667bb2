"""Bodies of requests and answers about lists of items."""

from __future__ import annotations

from typing import Annotated

from pydantic import FailFast, Field

from api.schemas import _CID, _DIGEST, _ITEM, Evidence, Hex, Strict, example
from ledger.domain.identity.person import REFERENCE
from ledger.rows.items import ItemKind, ItemStanding

Number = Annotated[str, Field(max_length=256)]
Moment = Annotated[int, Field(ge=0, lt=253_402_300_800)]


class ReplicaOut(Strict):
    """One item at one IPFS node: wanted, pinned, damaged or released; when it was last known good
    there, how often read again.
    """

    node: str
    state: str
    proof: str | None
    reads: int
    problem: str


class OfferOut(Strict):
    """An open offer: to which agency, to whom in it (or null), until when."""

    agency: str
    person: str | None
    expires: str | None


class ItemOut(Strict):
    """What the node keeps in clear about an item. ``opening``: digest of the statement that opened
    it, by whose first digits the item is named; ``recorded``: when that was signed, and ``opener``:
    by whom here. ``parts``: which the caller has in it, empty in lists: by them it is known in
    which of their roles they may sign about it.
    """

    model_config = example(
        evidence=_ITEM,
        opening=_DIGEST,
        recorded="2026-11-21T09:14:03Z",
        opener="uhsvsxgbeqkdjg7gd2vbcbfsna",
        kind="file",
        origin="NL-POL",
        custodian="NL-POL",
        events=2,
        head=_DIGEST,
        time="2026-11-21T09:14:03Z",
        closed=False,
        erased=False,
        holder="uhsvsxgbeqkdjg7gd2vbcbfsna",
        offer=None,
        cid=_CID,
        index=4,
        state="final",
        replicas=[
            {
                "node": "site-a",
                "state": "pinned",
                "proof": "2026-11-21T09:15:00Z",
                "reads": 0,
                "problem": "",
            }
        ],
        parts=["holder"],
    )

    evidence: str
    opening: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
    recorded: str | None
    opener: str
    kind: str
    origin: str
    custodian: str
    events: int
    head: Hex
    time: str
    closed: bool
    erased: bool
    holder: str
    offer: OfferOut | None
    cid: str | None
    index: int
    state: str
    replicas: list[ReplicaOut]
    parts: list[str]


class ItemsOut(Strict):
    """A page; ``next`` is the cursor of the following one, or null."""

    items: list[ItemOut]
    next: int | None


class SearchIn(Strict):
    """Search by an identifier, in whatever spelling; never in a URL, since case numbers are case
    data.
    """

    model_config = example(scheme="case", value="2026-117")

    scheme: Annotated[str, Field(max_length=64)]
    value: Annotated[str, Field(max_length=256)]
    after: Annotated[int, Field(ge=-1, lt=1 << 63)] = -1


class FoundOut(Strict):
    """Items found among those that the caller may see."""

    model_config = example(evidence=[_ITEM])

    evidence: list[str]


class SearchedOut(FoundOut):
    """A page of what was found; ``next`` is where the next one begins, null behind the last."""

    model_config = example(evidence=[_ITEM], next=None)

    next: int | None


class SealedNameOut(Strict):
    """An item as its sealed record calls it; ``size``: of its content, null where it has none;
    ``files``: of a folder, how many it has; ``role``: as whom its opener recorded it.
    """

    evidence: str
    exhibit: str
    name: str
    size: int | None
    files: int | None
    role: str


class ListingIn(Strict):
    """Of which items of a case the names are read: a list reads those that it shows."""

    evidence: Annotated[list[Evidence], FailFast(), Field(min_length=1, max_length=100)]


class ListingOut(Strict):
    """Items of a case as their sealed records call them, under a purpose that was signed. Those
    that are not of the case, or whose record the caller could not read, are left out.
    """

    items: list[SealedNameOut]
    purpose: str
    since: str


class FindIn(Strict):
    """What a list is limited to; what is left out limits nothing.

    - ``case``, ``exhibit``: numbers, in whatever spelling, an exhibit with its parts; ``text``: any
      of both
    - ``beginning``: first digits of the id, or of the digest of the statement that opened the item
    - ``among``: these items alone
    - ``since``, ``until``: seconds since 1970 between which it was recorded
    - ``opener``, ``holder``: people; ``shared``: with somebody, for whoever sees all items;
      ``custodian``: an agency
    - ``newest``: the newest first; ``after``: ``next`` of the page before
    """

    model_config = example(case="2026-117", standing="open", newest=True)

    case: Number = ""
    exhibit: Number = ""
    text: Number = ""
    beginning: Annotated[str, Field(pattern=r"^([0-9a-f]{4}[0-9a-f-]{0,60})?$")] = ""
    among: Annotated[list[Evidence], FailFast(), Field(max_length=500, default_factory=list)]
    since: Moment | None = None
    until: Moment | None = None
    opener: Annotated[str, Field(pattern=REFERENCE)] | None = None
    holder: Annotated[str, Field(pattern=REFERENCE)] | None = None
    shared: Annotated[str, Field(pattern=REFERENCE)] | None = None
    custodian: Annotated[str, Field(pattern=r"^([A-Z]{2}-[A-Z0-9-]{1,32})?$")] = ""
    kind: ItemKind | None = None
    standing: ItemStanding | None = None
    newest: bool = False
    after: Annotated[int, Field(ge=-1, lt=1 << 63)] | None = None
    limit: Annotated[int, Field(ge=1, le=500)] = 100
