"""Bodies about where ciphertext lies, and whether it is whole."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas import Strict, example


class SyncIn(Strict):
    """Whether to look through all items first for those that lack a replica."""

    model_config = example(afresh=True)

    afresh: bool = False


class SyncOut(Strict):
    """What a few seconds of sending to IPFS nodes did; problems by node, items that still lack a
    copy, and whether to call again.
    """

    pinned: int
    removed: int
    failed: int
    problems: dict[str, str]
    wanting: int
    goesOn: bool


class FixityOut(Strict):
    """What reading an item again at one IPFS node found; ``unread``: of how many bad blocks what
    lies below could not be read either. Not complete: call again.
    """

    node: str
    result: str
    blocks: int
    bad: dict[str, int]
    repaired: int
    unread: int
    complete: bool


class FixitiesOut(Strict):
    """One result for each IPFS node that keeps the item."""

    nodes: list[FixityOut]


class CopiesIn(Strict):
    """At how many IPFS nodes an item shall lie."""

    model_config = example(copies=3)

    copies: Annotated[int, Field(ge=1, le=20)]
