"""The entries of a log behind its newest anchored one: nothing on chain holds them fast yet."""

from __future__ import annotations

from typing import Final

from ledger.domain.audit.report import AuditReport
from ledger.domain.audit.signers import in_force
from ledger.domain.codecs.text import counted, format_time
from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.log import merkle, tiles
from ledger.domain.log.merkle import Frontier
from ledger.domain.log.receipt import Checkpoint
from ledger.services.audit.agency_keys import Authorities
from ledger.services.audit.chain_events import LogOfAgency
from ledger.services.audit.fetching import Fetching, Missing, finding_for

#: Entries beyond the newest anchored one that are looked at: a log could serve such without end.
TAIL: Final = 1 << 18


class UnanchoredTail:
    """Judges them, as far as they can be.

    Args:
        served: the log's newest checkpoint.
        now: the auditor's clock.
    """

    def __init__(
        self,
        log: LogOfAgency,
        served: Checkpoint,
        authorities: Authorities,
        fetching: Fetching,
        report: AuditReport,
        now: int,
    ) -> None:
        self._log = log
        self._served = served
        self._authorities = authorities
        self._fetching = fetching
        self._report = report
        self._now = now

    def judge(self, frontier: Frontier, anchored: int) -> Frontier:
        """Check that the entries that are not anchored yet fit the served checkpoint, and have not
        waited too long.

        Returns:
            the log's tree with them; without them where they are too many or cannot be read.
        """
        log, served = self._log, self._served
        self._report.facts[f"waiting {log.agency}"] = served.size - frontier.size
        overdue = ""
        if served.size - frontier.size > TAIL:
            overdue = f"at most {TAIL} are looked at"
        else:
            try:
                frontier, oldest = self._read(frontier)
                overdue = self._overdue(oldest)
            except Missing as missing:
                self._report.add(finding_for(missing, log.agency))
            except (FormatError, VerificationError) as error:
                place = f"newest entries of {log.agency}"
                self._report.find("bundle-malformed", place, "entries and tiles", error.message)
        self._report.judged(
            f"log of {log.agency}", anchored, served.size - anchored, overdue=overdue
        )
        return frontier

    def _read(self, frontier: Frontier) -> tuple[Frontier, int | None]:
        """Read the entries behind the newest anchored one, and compare them with the checkpoint.

        Returns:
            the tree with them, and the time of the oldest.

        Raises:
            Missing: a file is not to be had. CustodyError: one is malformed.
        """
        log, served, fetching = self._log, self._served, self._fetching
        tail, times = Frontier(frontier.size, frontier.hashes), list[int]()
        for bundle in fetching.bundles(frontier.size, served.size):
            for index, entry in enumerate(bundle.entries, bundle.first):
                tail.append(entry.leaf)
                if entry.code:
                    place = f"entry {index} of {log.agency}"
                    self._report.find(
                        entry.code, place, "a signed statement of this log", entry.found
                    )
                elif entry.claims is not None:
                    times.append(entry.claims.time)
        if tail.size != served.size or tail.root() != served.root:
            self._report.find(
                "note-differs",
                f"checkpoint of {log.agency}",
                f"{served.size} with root {served.root.hex()}",
                f"{counted(tail.size, 'entry')} with root {tail.root().hex()}",
            )
        if merkle.root_of(served.size, tiles.node_reader(fetching.tile)) != served.root:
            expected = f"root {served.root.hex()}"
            self._report.find("tile-differs", f"tiles of {log.agency}", expected, "another root")
        return tail, min(times, default=None)

    def _overdue(self, oldest: int | None) -> str:
        """What is wrong where the oldest entry waits for longer than its agency declared."""
        descriptor = in_force(self._authorities.versions[self._log.agency], self._now)
        if oldest is None or descriptor is None:
            return ""
        longest = descriptor.max_anchoring_delay
        late = self._now - oldest > longest
        if not late:
            return ""
        return f"the oldest since {format_time(oldest)}, to be anchored within {longest} s"
