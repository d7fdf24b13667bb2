"""Verification step 8, completeness: that agencies' logs hold nothing more about the item than is
shown, by the item maps that they signed and anchored (docs/format.md, "Lists of entries").

- required are, of each log that has events of the branch, all entries about the item up to the
  last of them, and of the current custodian's log all that there are
- nothing that is absent, false or contradicted fails the item: whoever made the bundle may have
  left it out, or the agency whose map it is may have lied. The answer is then that later events
  may be missing, and it names the agency that could have hidden them
- an entry without a receipt that a proven list holds is in the log as much as one with it; one that
  is not anchored is in no list, and is told of elsewhere
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ledger.domain.bundle.bundle import BundledCheckpoint, BundledStatement, EntryList
from ledger.domain.chain import contract_layout
from ledger.domain.codecs.text import format_time, told_time
from ledger.domain.errors import IncompleteError, VerificationError
from ledger.domain.identity.names import agency_id
from ledger.domain.log import item_map
from ledger.domain.log import receipt as receipts
from ledger.domain.verify.report import Status, VerificationReport

if TYPE_CHECKING:
    from ledger.domain.verify.context import VerificationContext

_STEP: Final = 8


@dataclass(frozen=True, slots=True)
class ShownList:
    """A list as a bundle shows it: of which log, by its number, at which checkpoint, and why its
    proof shows nothing (empty where it does). Every entry below ``whole_to`` is shown itself.
    """

    agency: str
    row: EntryList
    checkpoint: BundledCheckpoint
    problem: str
    whole_to: int

    @property
    def is_whole(self) -> bool:
        """Whether it is proven, and shows every entry itself."""
        return not self.problem and self.whole_to == self.checkpoint.size


def read(case: VerificationContext) -> dict[int, ShownList]:
    """The lists of a bundle whose checkpoints were judged before, by the number of their log."""
    by_log: dict[int, list[BundledStatement]] = defaultdict(list)
    for one in (*case.bundle.statements, *(beside.bundled for beside in case.beside)):
        by_log[one.log].append(one)
    found = {}
    for row in case.bundle.lists:
        checkpoint = case.bundle.checkpoints[row.checkpoint]
        shown = {
            one.index: item_map.entry_hash(one.entry)
            for one in by_log[checkpoint.log]
            if one.index < checkpoint.size
        }
        entries = shown | {link.index: link.hash for link in row.links}
        found[checkpoint.log] = ShownList(
            case.bundle.logs[checkpoint.log].agency,
            row,
            checkpoint,
            _problem(case, checkpoint, row, entries),
            min((link.index for link in row.links), default=checkpoint.size),
        )
    return found


def _problem(
    case: VerificationContext,
    checkpoint: BundledCheckpoint,
    row: EntryList,
    entries: dict[int, bytes],
) -> str:
    """Why a list is not the one of the map that its agency anchored; empty where it is."""
    agency, log = case.bundle.logs[checkpoint.log].agency, case.logs[checkpoint.log]
    if receipts.parse_checkpoint(checkpoint.note).map_root != checkpoint.map_root:
        return f"{agency} did not sign the item map that was anchored"
    value = row.before
    for index, hashed in sorted(entries.items()):
        value = item_map.extend(value, index, hashed)
    key = item_map.key_of(log, case.bundle.evidence)
    try:
        proven = item_map.proven_value(checkpoint.map_root, key, item_map.parse_proof(row.proof))
    except VerificationError:
        return f"the proof does not lead to the item map that {agency} anchored"
    if (proven or item_map.EMPTY) == value:
        return ""
    if proven is None:
        return f"the item map of {agency} says that its log has nothing of this item"
    return f"the item map of {agency} proves other entries than are shown"


def check(case: VerificationContext, report: VerificationReport) -> str:
    """Check that every list that the branch requires is there, and to which time it goes.

    Returns:
        the detail of the step: by whose word, and as of when.

    Raises:
        IncompleteError: one is not: later events may be missing.
    """
    report.facts |= {"completeAsOf": None, "completeBy": []}
    if case.as_of is not None:
        report.facts["askedAsOf"] = format_time(case.as_of)
    if case.is_part or case.is_excerpt:
        report.findings.append(
            "whether anything is missing behind what was judged: not asked of a part"
        )
        return report.steps[_STEP].detail
    if any(report.steps[number].status is not Status.PASSED for number in (6, _STEP)):
        return report.steps[_STEP].detail  # what lists stand on was not judged
    judging = _Judging(case)
    _tell_contradicted(judging, report)
    as_of = judging.judge()
    if judging.missing:
        agency, said = judging.missing[0]
        raise IncompleteError(
            _STEP,
            f"later events may be missing: {said}",
            hint=f"ask {agency} for a bundle",
        )
    report.facts |= {"completeAsOf": format_time(as_of), "completeBy": judging.by}
    report.findings.append("whether a newer revocation list is in the logs: not checked")
    if case.as_of is not None and as_of < case.as_of:
        raise IncompleteError(
            _STEP,
            f"complete as of {told_time(as_of)}, which is before {told_time(case.as_of)}",
            hint=f"ask {judging.custodian} for a newer bundle",
        )
    said = f"complete as of {format_time(as_of)}, by the signed word of {_and(judging.by)}"
    return "; ".join(part for part in (report.steps[_STEP].detail, said) if part)


def _tell_contradicted(judging: _Judging, report: VerificationReport) -> None:
    """Maps that deny an entry which the same checkpoint proves, or that nobody signed: whoever held
    that agency's keys made them, and no exporter can.
    """
    proven = {row.log: row.index for row in judging.rows if row.receipt}  # any of each log
    for one in judging.lists.values():
        has = proven.get(one.checkpoint.log, one.checkpoint.size) < one.checkpoint.size
        if has and one.problem.endswith("has nothing of this item"):
            report.findings.append(
                f"{one.problem}, and the same checkpoint of {one.agency} proves an entry of it"
            )


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


@dataclass
class _Judging:
    """What is required of a bundle, and what of it is missing: (agency to be asked, reason)."""

    case: VerificationContext
    missing: list[tuple[str, str]] = field(default_factory=list)
    by: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        case = self.case
        self.lists, self.custodian = case.lists, case.branch.custodian
        self.rows = [*case.bundle.statements, *(one.bundled for one in case.beside)]
        branch = {one.digest for one in case.branch.statements}
        #: Events of the branch by their log: number, and where they stand.
        self._events: dict[int, list[tuple[int, BundledStatement]]] = defaultdict(list)
        rows = zip(case.statements, case.bundle.statements, strict=True)
        for number, (statement, row) in enumerate(rows):
            if statement.digest in branch:
                self._events[row.log].append((number, row))

    def judge(self) -> int:
        """Judge all lists; the time as of which nothing is missing where ``missing`` is empty."""
        for log in self._events:
            self._judge_log(log)
        return self._judge_custodian()

    def _judge_log(self, log: int) -> None:
        """(i) A log that has events of the branch: its entries up to the last of them."""
        agency, one = self.case.bundle.logs[log].agency, self.lists.get(log)
        if one is None:
            self._lack(agency, f"what the log of {agency} holds of this item is not listed")
            return
        if one.problem:
            self._lack(agency, one.problem)
            return
        last = max((row.index for _, row in self._events[log] if row.receipt), default=-1)
        if one.checkpoint.size <= last:
            self._lack(agency, f"the list of {agency} ends before the last event in its log")
        elif one.whole_to <= last:
            self._lack(agency, f"entries in the log of {agency} are not shown, only their hashes")
        elif one.row.before != item_map.EMPTY and not self._begins_by_handover(log):
            self._lack(agency, f"the list of {agency} does not begin with its first entry")
        elif agency not in self.by:
            self.by.append(agency)

    def _begins_by_handover(self, log: int) -> bool:
        """Whether the first event of the branch in a log is the acceptance that the contract names:
        nothing before it in that log can change what follows.
        """
        named = {
            hop.outcome_digest
            for hop in self.case.bundle.hops
            if hop.outcome == contract_layout.ACCEPTED
        }
        first = min((row.index, number) for number, row in self._events[log])[1]
        return self.case.statements[first].digest in named

    def _judge_custodian(self) -> int:
        """(ii) The current log of the custodian, every entry shown."""
        state, code = self.case.state, self.custodian
        if not any(one.agency == code for one in self.lists.values()):
            self._lack(code, f"what the log of {code} holds of this item is not listed")
            return 0
        packed = contract_layout.unpack_agency(
            state.read(
                "registry",
                contract_layout.agency_slot(agency_id(code)),
                step=_STEP,
                what=f"which log of {code} is the current one",
            )
        )
        if packed.is_retired:
            self._lack(
                code, f"{code} is retired, and what its successor's log holds is not checked"
            )
        current = [
            one
            for log, one in self.lists.items()
            if one.agency == code and self.case.bundle.logs[log].number == packed.log_number
        ]
        if not current:
            self._lack(code, f"what the current log of {code} holds of this item is not listed")
            return 0
        [one] = current
        log = one.checkpoint.log
        newest = contract_layout.unpack_size(
            state.read(
                "ledger",
                contract_layout.newest_slot(self.case.logs[log]),
                step=_STEP,
                what=f"the newest checkpoint of {code}",
            )
        )
        if not one.problem and not one.is_whole:
            self._lack(code, f"entries in the log of {code} are not shown, only their hashes")
        if one.problem and log not in self._events:
            self._lack(code, one.problem)
        for reason in self.case.branch.lacking:
            self._lack(code, f"{reason} is missing")
        if newest == one.checkpoint.size:
            return state.time
        return one.checkpoint.time - 1

    def _lack(self, agency: str, reason: str) -> None:
        self.missing.append((agency, reason))
