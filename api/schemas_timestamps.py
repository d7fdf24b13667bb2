"""Bodies about time stamps of others."""

from __future__ import annotations

from api.schemas import Strict, example


class TimeStampOut(Strict):
    """A token of a time authority over the checkpoint of ``size`` entries, and when it saw that."""

    model_config = example(authority="Example", size=12, time="2026-11-28T12:00:00Z")

    authority: str
    size: int
    time: str


class TimeStampsOut(Strict):
    """A page of tokens; ``next`` is where the page behind it begins."""

    stamps: list[TimeStampOut]
    next: int | None


class StampedOut(Strict):
    """Who was asked, which tokens are new, and who gave none for which reason."""

    authorities: list[str]
    stamps: list[TimeStampOut]
    problems: dict[str, str]
