"""The lines of an audit's report, how bad a finding is, and the promises that one breaks (DESIGN
section 2).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

PROMISES: Final = {
    1: "integrity: exactly what was committed to, no later than the proven time",
    2: "custody: every holder, in order, none missing",
    3: "append-only: no history can be rewritten",
    4: "independence: anyone can check without asking us",
    5: "confidentiality: nothing is opened without a trace",
    6: "erasure: what must go is gone, what must stay is there",
    7: "sparing disclosure",
}

#: The lines of a report, in order: what each check shows, in plain words.
CHECKS: Final = {
    "chain": "the chain and its contracts are those of the trust root",
    "log": "log consistent: every checkpoint in the contract is one of this log",
    "anchored": "every entry is anchored, and so was judged",
    "files": "every file of the log is there and fits the others",
    "entries": "every entry is in its strict form, made for this log, and signed",
    "people": "who signed was certified, and not revoked at the proven time",
    "custody": "every item's events follow one another by the rules",
    "handovers": "chain and logs tell the same handovers",
    "time": "entries were anchored in time, and clocks agree",
    "seen": "others saw the same log",
    "rows": "the database says what the log says",
    "documents": "documents are those that were signed",
    "keys": "keys lie with those who may have them; each release left a trace",
    "duties": "disposals, holds and retention are kept",
    "copies": "content lies where it should",
    "content": "content re-hashed",
    "cases": "cases lead to items and items to cases",
}


class Severity(StrEnum):
    """How bad a finding is: ``failed`` and ``unreadable`` decide the verdict, then ``incomplete``;
    the others only inform.
    """

    FAILED = "failed"
    UNREADABLE = "unreadable"
    INCOMPLETE = "incomplete"
    WARNING = "warning"
    NOTE = "note"


class Status(StrEnum):
    """Result of one check. ``nothing to check``: it was carried out and met nothing, which shows
    nothing either.
    """

    PASSED = "passed"
    NOTHING = "nothing to check"
    FAILED = "failed"
    UNREADABLE = "unreadable"
    NOT_CHECKED = "not checked"
    NOT_ASKED = "not asked"
