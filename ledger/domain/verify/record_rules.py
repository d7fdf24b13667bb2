"""Verification step 8, the rules of the record: what a node refuses by an item's documents (seals,
holds, second persons, conditions, guarded material) a verifier refuses in what is disclosed.

- a rule is broken where the event breaks it at every time at which its node may have judged it:
  from what the statement says, as far as clocks differ, to the proven time
- what hangs on a member or a document that is withheld is not checked. That nobody answers for
  themselves needs the two events alone
- it fails where all that stands against the event was sequenced by the log that sequenced it.
  Across a handover it is a finding: who had the item before may have hidden from whoever took it
  what is shown now, such as a hold
- corrections are left out: one that does not fit changes nothing for whoever reads the record, and
  long chains of them would cost a reader hours
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from ledger.domain.bundle.bundle import Bundle
from ledger.domain.codecs.text import counted
from ledger.domain.errors import DeniedError, RuleError, VerificationError
from ledger.domain.event.claimed_times import AHEAD
from ledger.domain.event.document import Event
from ledger.domain.item import decisions, history_rules
from ledger.domain.item.item_history import ItemHistory
from ledger.domain.item.recorded_event import RecordedEvent
from ledger.domain.log.statement import Statement
from ledger.domain.verify.report import VerificationReport
from ledger.domain.verify.shown_members import MemberWithheldError, guard

_STEP: Final = 8
_ENDLESS: Final = 1 << 48
_NAMED: Final = 20  # events that a finding lists: a record may have ten thousand
#: Judged against what their own agency's log says of the item, where other logs say something, too:
#: nothing that another agency recorded could allow them.
_AGAINST_OWN: Final = frozenset(
    {"disposed", "returned", "voided", "keys-destroyed", "hold-placed", "approved", "refused"}
)
#: Answers: the member that names what they answer.
_ANSWERS: Final = {"approved": "target", "refused": "target", "transfer-accepted": "offer"}


class PlacedEvent(NamedTuple):
    """An event in the log of an agency, with the times at which its node may have judged it."""

    number: int
    agency: str
    recorded: RecordedEvent
    times: tuple[int, int]


class BrokenRule(NamedTuple):
    """An event that breaks a rule; ``is_own``: by what its own log says."""

    number: int
    agency: str
    reason: str
    is_own: bool


def times_of(signed: int, proven: int | None) -> tuple[int, int]:
    """The earliest and the latest time at which a node may have judged a statement.

    Args:
        proven: time of the block that proves it; None where it is not anchored, or not known.
    """
    return signed - AHEAD, _ENDLESS if proven is None else max(proven, signed) + AHEAD


def check(
    bundle: Bundle,
    statements: Sequence[Statement],
    events: Sequence[Event | None],
    proven: Sequence[int | None],
    report: VerificationReport,
) -> str:
    """Judge each event by the rules of the record before it.

    Returns:
        nothing to say of the step: what is open stands among the findings.

    Raises:
        VerificationError: step 8, an event that breaks a rule.
    """
    record = RecordRules()
    for number, (statement, event, row, time) in enumerate(
        zip(statements, events, bundle.statements, proven, strict=True)
    ):
        agency = bundle.logs[row.log].agency
        if event is None or not event.known:
            record.skip(number, agency)
            continue
        times = times_of(statement.claims.time, time)
        record.judge(PlacedEvent(number, agency, RecordedEvent(statement.digest, event), times))
        if own := next((one for one in record.broken if one.is_own), None):
            raise VerificationError(_STEP, f"event {own.number}: {own.reason}")
    report.findings += [
        f"event {one.number}, in the log of {one.agency}, goes against what another agency "
        f"recorded, and may have shown only later: {one.reason}"
        for one in record.broken
    ]
    if record.unchecked:
        which = ", ".join(map(str, record.unchecked[:_NAMED]))
        which += ", ..." if len(record.unchecked) > _NAMED else ""
        report.findings.append(
            f"rules of the record not checked: {counted(len(record.unchecked), 'event')}, which "
            f"are withheld or hang on what is ({which})"
        )
    return ""


class RecordRules:
    """Judges an item's events one after another, by what the ones before say: all of them, and
    those of the event's own log. ``unchecked``: numbers of events of which that cannot be said.
    """

    def __init__(self) -> None:
        self.broken: list[BrokenRule] = []
        self.unchecked: list[int] = []
        self._whole = ItemHistory()
        self._own: dict[str, ItemHistory] = {}
        self._places: dict[str, str] = {}  # agencies of logs, by statement digests in hex
        self._agencies: set[str] = set()
        self._is_partial = False  # something that is withheld may decide over what follows

    def skip(self, number: int, agency: str) -> None:
        """An event of which only the effect is known."""
        self.unchecked.append(number)
        self._agencies.add(agency)
        self._is_partial = True

    def judge(self, event: PlacedEvent) -> None:
        """Judge an event and take it into account."""
        recorded = event.recorded
        placed = event._replace(recorded=replace(recorded, event=guard(recorded.event)))
        self._agencies.add(placed.agency)
        if placed.number and placed.recorded.event.type != "corrected":
            self._judge_answer(placed)
            if self._is_partial and history_rules.looks_back(placed.recorded.event):
                self.unchecked.append(placed.number)
            else:
                self._judge_whole(placed)
        self._take(placed)

    def _judge_answer(self, placed: PlacedEvent) -> None:
        recorded = placed.recorded
        target = self._whole.events.get(self._answered(recorded))
        try:
            if target is not None:
                decisions.require_another(recorded, target)
        except RuleError as error:
            self._tell(placed, error, is_own=self._answers_own(placed))

    def _judge_whole(self, placed: PlacedEvent) -> None:
        try:
            if (broken := _broken(self._whole, placed)) is None:
                return
            own = self._own.get(placed.agency, ItemHistory())
            is_own = self._agencies == {placed.agency} or (
                placed.recorded.event.type in _AGAINST_OWN
                and self._answers_own(placed)
                and _broken(own, placed) is not None
            )
        except MemberWithheldError:
            self.unchecked.append(placed.number)
            return
        self._tell(placed, broken, is_own=is_own)

    def _tell(self, placed: PlacedEvent, error: RuleError | DeniedError, *, is_own: bool) -> None:
        told = BrokenRule(placed.number, placed.agency, error.message, is_own)
        if told not in self.broken[-1:]:
            self.broken.append(told)

    def _answered(self, recorded: RecordedEvent) -> str:
        """The digest in hex of what an event answers; empty where it is no answer."""
        member = _ANSWERS.get(recorded.event.type)
        try:
            return str(recorded.event.body[member]) if member is not None else ""
        except MemberWithheldError:
            return ""

    def _answers_own(self, placed: PlacedEvent) -> bool:
        """Whether what an event answers, if it does, stands in the same log."""
        answered = self._answered(placed.recorded)
        return not answered or self._places.get(answered) == placed.agency

    def _take(self, placed: PlacedEvent) -> None:
        recorded, opening = placed.recorded, next(iter(self._whole.events.values()), None)
        own = self._own.setdefault(placed.agency, ItemHistory())
        self._places[recorded.digest.hex()] = placed.agency
        for history in (self._whole, own):
            try:
                if history is own and opening is not None and own.opening is None:
                    own.take(opening)
                history.take(recorded)
            except MemberWithheldError:
                self._is_partial = True


def _broken(history: ItemHistory, placed: PlacedEvent) -> RuleError | DeniedError | None:
    """The rule that an event breaks at all times; None where it breaks none.

    Raises:
        MemberWithheldError: that hangs on what is withheld.
    """
    broken: RuleError | DeniedError | None = None
    for now in placed.times:
        try:
            history_rules.require_allowed(history, placed.recorded, now)
        except (RuleError, DeniedError) as error:
            broken = error
        else:
            return None
    return broken
