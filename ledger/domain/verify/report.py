"""What a verification found: ten steps with their results, and one verdict."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

TITLES: Final = {
    1: "the bundle is whole and well-formed",
    2: "records match what was signed, none missing in between",
    3: "signatures and certificates are good at the time",
    4: "log keys and authorities are the agencies' own",
    5: "every event is in the log",
    6: "the log's checkpoints are anchored in the contract",
    7: "the block is final on the chain you trust",
    8: "custody passed from hand to hand by the rules",
    9: "the file is the one that was recorded",
    10: "time of the record",
}


class Status(StrEnum):
    """Result of one step."""

    PASSED = "passed"
    FAILED = "failed"
    UNREADABLE = "unreadable"
    NOT_CHECKED = "not checked"
    NOT_ASKED = "not asked"
    NOT_REACHED = "not reached"


class Verdict(StrEnum):
    """Overall result; a mismatch and a read error are never confused."""

    VERIFIED = "verified"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    UNREADABLE = "unreadable"

    @property
    def exit_code(self) -> int:
        """Exit code of the CLI."""
        return {"verified": 0, "failed": 1, "incomplete": 3, "unreadable": 4}[self.value]


@dataclass
class Step:
    """One step: its number, result, and in words what was found or is missing."""

    number: int
    status: Status = Status.NOT_REACHED
    detail: str = ""
    hint: str = ""

    @property
    def title(self) -> str:
        """What the step shows, in plain words."""
        return TITLES[self.number]


@dataclass
class VerificationReport:
    """The whole result. ``events`` is the item's life as far as the reader may see it;
    ``corrections``: by which event of which other one, and of which member; ``beside``: what
    agencies signed about it that is not on its branch.
    """

    steps: dict[int, Step] = field(
        default_factory=lambda: {number: Step(number) for number in TITLES}
    )
    findings: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    corrections: list[dict[str, Any]] = field(default_factory=list)
    beside: list[dict[str, Any]] = field(default_factory=list)

    @property
    def verdict(self) -> Verdict:
        """Failed beats unreadable beats incomplete beats verified."""
        statuses = {step.status for step in self.steps.values()}
        if Status.FAILED in statuses:
            return Verdict.FAILED
        if Status.UNREADABLE in statuses:
            return Verdict.UNREADABLE
        if statuses & {Status.NOT_CHECKED, Status.NOT_REACHED}:
            return Verdict.INCOMPLETE
        return Verdict.VERIFIED

    def as_json(self) -> dict[str, Any]:
        """Stable keys for scripts (docs/format.md, "Verification report")."""
        return {
            "verdict": self.verdict.value,
            "steps": [
                {
                    "number": step.number,
                    "title": step.title,
                    "status": step.status.value,
                    "detail": step.detail,
                    "hint": step.hint,
                }
                for step in self.steps.values()
            ],
            "findings": self.findings,
            "withheld": self.withheld,
            "facts": self.facts,
            "events": self.events,
            "corrections": self.corrections,
            "beside": self.beside,
        }
