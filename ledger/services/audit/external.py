"""The audit from outside: logs and the contract, with nothing but their files, a chain, and a trust
root.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from ledger.domain.audit.contract_events import CheckpointAnchored
from ledger.domain.audit.ports import AuditState, LogFiles
from ledger.domain.audit.report import AuditReport
from ledger.domain.bundle import trust_fingerprint
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.codecs.text import counted
from ledger.domain.errors import CustodyError, FormatError, NotFoundError
from ledger.domain.log import receipt as receipts
from ledger.domain.log.merkle import Frontier
from ledger.domain.log.receipt import Checkpoint
from ledger.domain.ports.node_and_chain import Clock, Contracts
from ledger.services.audit import chain_events, cross_log, run_bounds, split_view
from ledger.services.audit.agency_keys import Authorities
from ledger.services.audit.announcing import SignersOfLog
from ledger.services.audit.chain_events import LogOfAgency, Progress, silent
from ledger.services.audit.damaged_copies import SoundFiles
from ledger.services.audit.fetching import Fetching, Missing, Submit, at_once, finding_for
from ledger.services.audit.replaying import LogReplay
from ledger.services.audit.run_bounds import MOST, BoundedFiles, Pace
from ledger.services.audit.unanchored_tail import TAIL, UnanchoredTail

#: Which log lay at a place, by the digest of that.
_LOG_AT: Final = "log-at"
#: Which descriptors were at hand when a log was last read, by the log.
_JUDGED_WITH: Final = "judged-with"


@dataclass
class ExternalOptions:
    """How an audit runs.

    Attributes:
        submit: where entries are examined.
        seen: files that others saw: signed checkpoints and bundles.
        progress: called with (what, total) at the beginning of each part; returns a function to be
            called with what was done.
        most: entries that one run reads of a log.
        pace: how slowly a log may answer.
    """

    submit: Submit = at_once
    seen: Sequence[bytes] = ()
    progress: Progress = silent
    most: int = MOST
    pace: Pace = field(default_factory=Pace)


def audit(
    contracts: Contracts,
    root: TrustRoot,
    logs: Sequence[LogFiles],
    state: AuditState,
    clock: Clock,
    options: ExternalOptions | None = None,
) -> AuditReport:
    """Audit logs against the contract, from where the state's last audit stopped."""
    options, report = options or ExternalOptions(), AuditReport()
    report.facts["trustRoot"] = trust_fingerprint.of(root).chain
    if not chain_events.read(contracts, root, state, report, options.progress):
        for check in (
            "log",
            "anchored",
            "files",
            "entries",
            "people",
            "custody",
            "handovers",
            "time",
        ):
            report.skipped(check, "the chain could not be read")
        return report
    runs = (_Log(contracts, state, report, clock, options, files).run() for files in logs)
    audited = [run for run in runs if run is not None]
    mine = [each.log for each in audited]
    cross_log.handovers(state, mine + _earlier(state, {log.log for log in mine}), report)
    split_view.check(state, audited, options.seen, report)
    return report


def _earlier(state: AuditState, now: set[bytes]) -> list[LogOfAgency]:
    """Logs that earlier runs replayed as far as they are anchored: they are compared though they
    were not asked for again.
    """
    earlier = []
    for known in state.logs():
        last, log = state.last_checkpoint(known.log), chain_events.identify(state, known.log)
        if (
            known.log not in now
            and log is not None
            and last is not None
            and last.size == known.size
        ):
            earlier.append(log)
    return earlier


class _Log:
    """One log of an audit."""

    def __init__(
        self,
        contracts: Contracts,
        state: AuditState,
        report: AuditReport,
        clock: Clock,
        options: ExternalOptions,
        files: LogFiles,
    ) -> None:
        self._contracts = contracts
        self._state = state
        self._report = report
        self._clock = clock
        self._options = options
        self._bounded = BoundedFiles(files, options.pace)
        self._files = SoundFiles(self._bounded)

    def run(self) -> split_view.Audited | None:
        """Audit it.

        Returns:
            the log as it was read; None where it could not be read to its end.
        """
        known = self._served()
        log = self._identified(known) if known is not None else self._known_before()
        if log is None:
            return None
        self._report.logs[log.log] = log.agency
        authorities = self._authorities(log) if known is not None else None
        # Read again after the revocation lists: this one covers the entries that announce them.
        served = self._served() if authorities is not None else None
        if served is None or authorities is None:
            self._tell_kept(log)
            return None
        if served.log_id != log.log:
            self._report.find(
                "chain-other", f"log at {self._files.where}", f"log {log.log.hex()}", "another"
            )
            return None
        self._check_served(log, served, authorities)
        last = self._state.last_checkpoint(log.log)
        end = last.size if last is not None else 0
        if served.size < end:
            # A copy may just be older than its node, which proves nothing. A node that shows fewer
            # entries than it anchored withholds them.
            code = "log-truncated" if self._files.is_node else "log-older"
            self._report.find(
                code,
                f"checkpoint of {log.agency}",
                f"{counted(end, 'entry')} or more",
                counted(served.size, "entry"),
            )
            self._conclude(log, authorities, 0, end, whole=False)
            return None
        self._forget_outdated(log, authorities)
        fetching = Fetching(
            self._files, self._state, served.size, log.accepted, self._options.submit
        )
        tree, begin = self._replayed(log, authorities, fetching, last)
        audited = None
        if tree is not None:
            self._bounded.expect(min(served.size - end, TAIL))
            now = self._clock.now()
            tail = UnanchoredTail(log, served, authorities, fetching, self._report, now)
            frontier = tail.judge(tree, end)
            keys = authorities.log_keys(log.agency)
            replaced = authorities.replaced_log_keys(log.agency, self._clock.now())
            audited = split_view.Audited(log, fetching, frontier, keys, replaced, served.size)
        self._conclude(log, authorities, end - begin, end, whole=audited is not None)
        return audited

    def _replayed(
        self,
        log: LogOfAgency,
        authorities: Authorities,
        fetching: Fetching,
        last: CheckpointAnchored | None,
    ) -> tuple[Frontier | None, int]:
        """Replay the log up to its newest anchored checkpoint. Where what was kept does not lead
        there it is not believed: the log is read from its beginning, by its files alone.

        Returns:
            the tree, None where it could not be read to its end, and the entry that was begun at.
        """
        end = last.size if last is not None else 0
        while True:
            before, told = self._state.log(log.log), AuditReport()
            begin = before.size if before is not None else 0
            stop = run_bounds.end_of_run(self._state, log, begin, end, self._options.most)
            self._bounded.expect(stop - begin)
            done = self._options.progress(f"log of {log.agency}", stop - begin)
            replay = LogReplay(log, fetching, self._contracts, self._state, authorities, told, done)
            whole = replay.run(stop) and stop == end
            root = replay.frontier.root() if whole and last is not None else b""
            if begin and (
                replay.contradicted or (last is not None and whole and root != last.root)
            ):
                self._state.forget(log.log)
                continue
            self._report.take_over(told)
            if stop < end:
                self._tell_rest(log, stop, end)
            return (replay.frontier if whole else None), begin

    def _tell_rest(self, log: LogOfAgency, stop: int, end: int) -> None:
        """Say which entries this run leaves out, though the contract has a checkpoint of them."""
        self._report.find(
            "beyond-limit",
            f"log of {log.agency}",
            f"{counted(end, 'entry')}, which are anchored",
            f"entries from {stop} on were not read: at most {self._options.most} in one run, up to "
            "an anchored checkpoint",
        )

    def _forget_outdated(self, log: LogOfAgency, authorities: Authorities) -> None:
        """Forget what is kept of a log, so that it is read from its beginning: where a descriptor
        was missing for judging signers and others are at hand by now, or where the contract took an
        offer after its withdrawal was judged.
        """
        fresh = authorities.fingerprint()
        findings = self._state.findings(log.log)
        lacked = any(finding.code == "descriptor-missing" for finding in findings)
        more = lacked and self._state.blob(_JUDGED_WITH, log.log) != fresh
        if more or chain_events.was_overtaken(self._state, log.log):
            self._state.forget(log.log)
        self._state.put_blob(_JUDGED_WITH, log.log, fresh)

    def _served(self) -> Checkpoint | None:
        """The newest signed checkpoint that the log shows; None where it shows none."""
        try:
            return receipts.parse_checkpoint(self._files.get("checkpoint"))
        except CustodyError as error:
            gone = "withheld" if self._files.is_node else "copy-lacks"
            codes = {
                NotFoundError: gone,
                FormatError: "note-unsigned",
                receipts.SizeError: "beyond-limit",
            }
            code = codes.get(type(error), "unreachable")
            place = f"checkpoint at {self._files.where}"
            self._report.find(code, place, "a signed checkpoint", error.message)
            return None

    def _identified(self, served: Checkpoint) -> LogOfAgency | None:
        """The log as the registry knows it; None where it does not."""
        log = chain_events.identify(self._state, served.log_id)
        if log is None:
            place, found = f"log at {self._files.where}", f"log {served.log_id.hex()}"
            self._report.find("log-unknown", place, "a log of the registry", found)
        else:
            self._state.put_blob(_LOG_AT, sha256(self._files.where.encode()).digest(), log.log)
        return log

    def _known_before(self) -> LogOfAgency | None:
        """The log that lay at this place when it was last read; None where none was."""
        log = self._state.blob(_LOG_AT, sha256(self._files.where.encode()).digest())
        return chain_events.identify(self._state, log) if log is not None else None

    def _tell_kept(self, log: LogOfAgency) -> None:
        """What replaying the log found, this time and earlier."""
        for finding in self._state.findings(log.log):
            self._report.add(finding)

    def _authorities(self, log: LogOfAgency) -> Authorities | None:
        """Descriptors and revocation lists of the agencies; None where they are not to be had."""
        authorities = Authorities(self._contracts, self._state, self._report)
        try:
            authorities.load(self._files, log.agency)
        except CustodyError as error:
            missing = Missing("descriptors and revocation lists", error, self._files)
            self._report.add(finding_for(missing, log.agency))
            return None
        versions = authorities.versions[log.agency]
        self._files.known_at({version.descriptor.service for version in versions} - {""})
        return authorities

    def _check_served(self, log: LogOfAgency, served: Checkpoint, authorities: Authorities) -> None:
        """The log's newest signed checkpoint: under its log key, and kept as something that was
        shown to us.
        """
        keys = authorities.log_keys(log.agency)
        if split_view.is_signed(served, keys):
            self._state.put_view(log.log, served.size, served.note)
        elif keys:
            found = "another key than any of its descriptors names"
            self._report.find(
                "note-unsigned",
                f"checkpoint of {log.agency}",
                f"signed with the log key of {log.agency}",
                found,
            )
        else:
            self._report.find(
                "descriptor-missing",
                f"checkpoint of {log.agency}",
                "a descriptor with its log key",
                "none at hand",
            )

    def _conclude(
        self, log: LogOfAgency, authorities: Authorities, count: int, end: int, *, whole: bool
    ) -> None:
        report, state = self._report, self._state
        self._tell_kept(log)
        signers = SignersOfLog(log, self._files, state, authorities, report, self._clock.now())
        signers.check_uses()
        if whole:
            signers.check_announcements()
        reached = state.log(log.log)
        size = reached.size if reached is not None else 0
        detail = (
            f"{log.agency}: {counted(size, 'entry')}, {count} of them new"
            if whole
            else f"{log.agency}: read up to entry {size} of {end}"
        )
        for check in ("log", "files", "entries", "people", "custody", "time"):
            seen = state.item_count(log.log) if check == "custody" else size
            line = "; ".join(
                filter(
                    None,
                    (
                        report.details.get(check),
                        detail + (f", {counted(seen, 'item')}" if check == "custody" else ""),
                    ),
                )
            )
            if whole:
                report.checked(check, line, seen)
            else:
                report.skipped(check, line)
        report.facts[f"entries {log.agency}"] = size
