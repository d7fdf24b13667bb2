"""Bodies of what was recorded before: files by their marks, exhibit numbers of a case."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import FailFast, Field

from api.schemas import _DIGEST, _ITEM, Base64Url, Evidence, Hex, Strict, example

_Number = Annotated[str, Field(min_length=1, max_length=256)]


class RecordedIn(Strict):
    """Marks of files (docs/format.md), and items of one's own."""

    model_config = example(marks=[_DIGEST], evidence=[])

    marks: Annotated[list[Hex], FailFast(), Field(max_length=128)]
    evidence: Annotated[list[Evidence], FailFast(), Field(max_length=128)]


class OpeningOut(Strict):
    """The opening of an item that the caller recorded, with what was signed, and the receipt of
    its entry.
    """

    evidence: str
    opening: dict[str, Any]
    receipt: Base64Url


class RecordedOut(Strict):
    """Openings of the caller's own items that are kept here."""

    openings: list[OpeningOut]


class NumbersIn(Strict):
    """Exhibit numbers of one case, in whatever spelling."""

    model_config = example(case="2026-117", exhibits=["A1"])

    case: _Number
    exhibits: Annotated[list[_Number], FailFast(), Field(min_length=1, max_length=256)]


class BorneOut(Strict):
    """An exhibit number that was asked for, and the items of this agency that bear it; ``meant``:
    those of them, and of what other agencies gave, that are no part of another one, and that none
    replaced.
    """

    model_config = example(exhibit="A1", evidence=[_ITEM], meant=[_ITEM])

    exhibit: str
    evidence: list[str]
    meant: list[str]


class NumbersOut(Strict):
    """Those of the numbers that items bear which the caller may see."""

    numbers: list[BorneOut]
