"""One log replayed from where the last audit stopped to the newest anchored checkpoint, in
stretches that become durable together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ledger.domain.audit.checklist import Severity
from ledger.domain.audit.contract_events import CheckpointAnchored
from ledger.domain.audit.findings import AuditFinding
from ledger.domain.audit.log_entry import DecodedEntry
from ledger.domain.audit.ports import AuditState, LogState, Progress, Usage
from ledger.domain.audit.replay import Replay, Step, judge_time
from ledger.domain.audit.report import AuditReport
from ledger.domain.audit.signers import Signers, in_force
from ledger.domain.codecs.text import counted, told_time
from ledger.domain.errors import CustodyError, FormatError
from ledger.domain.item.custody_transitions import ItemState
from ledger.domain.log import receipt as receipts
from ledger.domain.log import tiles
from ledger.domain.log.merkle import Frontier
from ledger.domain.log.tiles import HEIGHT, WIDTH
from ledger.domain.ports.node_and_chain import Contracts
from ledger.services.audit import chain_events, map_replay, run_bounds
from ledger.services.audit.agency_keys import Authorities
from ledger.services.audit.agency_statements import AgencyStatements
from ledger.services.audit.chain_events import LogOfAgency
from ledger.services.audit.fetching import Bundle, Fetching, Missing, finding_for

_STRETCH: Final = 16  # bundles between two commits: 4,096 entries
_HOUR: Final = 3600


@dataclass
class _Stretch:
    """What is not durable yet."""

    items: dict[str, ItemState] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    usages: dict[bytes, Usage] = field(default_factory=dict)
    findings: list[AuditFinding] = field(default_factory=list)
    volumes: Counter[tuple[bytes, int]] = field(default_factory=Counter)
    withdrawals: list[Step] = field(default_factory=list)


class LogReplay:
    """Replays one log.

    Args:
        authorities: loaded with this log's files.
        advance: called with the number of entries done.
    """

    def __init__(
        self,
        log: LogOfAgency,
        fetching: Fetching,
        contracts: Contracts,
        state: AuditState,
        authorities: Authorities,
        report: AuditReport,
        advance: Callable[[int], None],
    ) -> None:
        self._log = log
        self._fetching = fetching
        self._contracts = contracts
        self._state = state
        self._authorities = authorities
        self._report = report
        self._advance = advance
        self._signers: Signers = authorities.signers(log.agency)
        self._replay = Replay(log.agency, state)
        self._statements = AgencyStatements(log.agency, state)
        self._maps = map_replay.MapReplay(log, state)
        before = state.log(log.log)
        self._begin = before.size if before is not None else 0
        frontier = before.frontier if before is not None else b""
        self.frontier = Frontier(
            self._begin, [frontier[at : at + 32] for at in range(0, len(frontier), 32)]
        )
        self._stretch = _Stretch()
        self._cover: CheckpointAnchored | None = None
        self._delay = 0
        self._whole = True
        self._held = self._silent = False
        self._faults = 0
        #: Whether the entries led to another root than the contract has.
        self.contradicted = False

    def run(self, end: int) -> bool:
        """Replay up to an anchored checkpoint of ``end`` entries; False where the log contradicts
        the chain or is not read on.

        What leads to another root is not kept at all: the next audit looks at this log from its
        beginning.
        """
        covers = chain_events.checkpoints(self._state, self._log, self._begin)
        self._next(covers)
        for number, bundle in enumerate(self._bundles(end), 1):
            if not self._take(bundle, end, covers):
                self.contradicted = True
                self._tell_stretch()
                self._forget()
                return False
            if number % _STRETCH == 0 and not self._commit():
                return False
        return self._commit() and self._whole

    def _bundles(self, end: int) -> Iterator[Bundle]:
        """Bundles up to the newest anchored entry; it is reported where the files end before."""
        try:
            yield from self._fetching.bundles(self._begin, end)
        except Missing as missing:
            self._whole = False
            self._report.add(finding_for(missing, self._log.agency))
        except FormatError as error:
            self._whole = False
            place = f"entries from {self.frontier.size} of {self._log.agency}"
            self._report.find(
                "bundle-malformed", place, "an entry bundle (C2SP tlog-tiles)", error.message
            )

    def _take(self, bundle: Bundle, end: int, covers: Iterator[CheckpointAnchored]) -> bool:
        if bundle.first != self.frontier.size:
            self._find(
                "bundle-malformed",
                self.frontier.size,
                f"entries from {self.frontier.size}",
                f"entries from {bundle.first}",
            )
            return False
        wanted = bundle.entries[: end - bundle.first]
        expected = min(WIDTH - bundle.first % WIDTH, end - bundle.first)
        if len(wanted) < expected:
            told = counted(expected, "entry")
            self._find("bundle-malformed", bundle.first, told, f"{len(wanted)}")
            return False
        names = {entry.claims.subject for entry in wanted if entry.claims is not None} - set(
            self._stretch.items
        )
        self._stretch.items |= self._state.items(self._log.log, sorted(names))
        offset = bundle.first % WIDTH * 32
        leaves = b"".join(entry.leaf for entry in wanted)
        if bundle.tile[offset : offset + len(leaves)] != leaves:
            self._find(
                "tile-differs",
                bundle.first,
                "the hashes of the entries",
                f"tile 0/{bundle.first // WIDTH} has others",
            )
        for index, entry in enumerate(wanted, bundle.first):
            self._maps.add(index, entry.subject, entry.hashed)
            self._entry(index, entry, bundle)
            for level, number, node in self.frontier.append(entry.leaf):
                if level % HEIGHT == 0 and level > HEIGHT:
                    self._check_tile(level // HEIGHT - 1, number, node)
            if self._cover is not None and self.frontier.size == self._cover.size:
                if not self._check_checkpoint(self._cover):
                    return False
                self._next(covers)
        self._advance(len(wanted))
        return True

    def _find(self, code: str, index: int, expected: str, found: str) -> None:
        self._distrust(AuditFinding(code, f"entry {index} of {self._log.agency}", expected, found))

    def _distrust(self, finding: AuditFinding) -> None:
        """Report a fault of the files or the chain. The stretch is judged to its end, and nothing
        of it is kept: part of it could not be judged, so the next audit judges all of it anew, by
        what it is shown then.
        """
        self._report.add(finding)
        self._held = True

    def _get(self, path: str) -> bytes | None:
        """A file that judging can go on without; None where it is missing, which is reported."""
        try:
            return self._fetching.get(path)
        except Missing as missing:
            self._distrust(finding_for(missing, self._log.agency))
            return None

    def _next(self, covers: Iterator[CheckpointAnchored]) -> None:
        """Go on to the checkpoint that covers the next entry: each must follow the one before, and
        be what the contract stores.
        """
        self._cover = next(covers, None)
        if self._cover is None:
            return
        descriptor = in_force(self._authorities.versions[self._log.agency], self._cover.time)
        self._delay = descriptor.max_anchoring_delay if descriptor is not None else 0
        size = self.frontier.size
        if self._cover.prev != size and not (self._begin == size and self._cover.prev < size):
            self._find(
                "checkpoint-unlinked",
                size,
                f"a checkpoint behind {counted(size, 'entry')}",
                f"one of {self._cover.size} behind {self._cover.prev}",
            )
        if not self._is_committed(self._cover):
            self._find(
                "checkpoint-unlinked",
                size,
                f"a commitment to the checkpoint of {counted(self._cover.size, 'entry')}",
                "another one",
            )

    def _is_committed(self, cover: CheckpointAnchored) -> bool:
        if self._silent:
            return True  # told already; every further question would be waited for
        try:
            return chain_events.committed(self._contracts, cover)
        except CustodyError as error:  # the auditor's chain, and nothing against the log
            self._silent = True
            self._distrust(AuditFinding("chain-silent", "chain", "an answer", error.message))
            return True

    def _check_checkpoint(self, cover: CheckpointAnchored) -> bool:
        root = self.frontier.root()
        if root != cover.root:
            self._find(
                "root-differs",
                cover.size - 1,
                f"root {cover.root.hex()} of {counted(cover.size, 'entry')}, anchored "
                f"in block {cover.block}",
                root.hex(),
            )
            return False
        found = self._maps.root(cover.log)
        self._stretch.findings += map_replay.compare(self._log, cover, found, "the entries give")
        if cover.log == self._log.log:
            note = self._get(f"checkpoints/{cover.size}")
            if note is not None:
                self._check_note(note, cover)
        return True

    def _check_note(self, note: bytes, cover: CheckpointAnchored) -> None:
        """An anchored root counts only with a checkpoint signed by the log key of the version that
        it names.
        """
        place = cover.size - 1
        try:
            signed = receipts.parse_checkpoint(note)
        except CustodyError as error:
            self._find(
                "note-unsigned",
                place,
                f"a signed checkpoint of {counted(cover.size, 'entry')}",
                error.message,
            )
            return
        if (signed.log_id, signed.size, signed.root) != (cover.log, cover.size, cover.root):
            self._find(
                "note-differs",
                place,
                f"root {cover.root.hex()} of {counted(cover.size, 'entry')}",
                f"root {signed.root.hex()} of {signed.size}",
            )
            return
        said = signed.map_root or b""
        self._stretch.findings += map_replay.compare(self._log, cover, said, "the note says")
        keys = [
            version.descriptor
            for version in self._authorities.versions[self._log.agency]
            if version.descriptor.version == cover.version
        ]
        if not keys:
            self._find(
                "descriptor-missing",
                place,
                f"version {cover.version} of the descriptor",
                "it is not among the log's files",
            )
            return
        try:
            receipts.verify_checkpoint(signed, keys[0].log_key)
        except CustodyError as error:
            self._find(
                "note-unsigned",
                place,
                f"signed with the log key of version {cover.version}",
                error.message,
            )

    def _check_tile(self, level: int, number: int, node: bytes) -> None:
        row = self._get(f"tile/{tiles.format_path(level, number)}")
        if row is None:
            return
        tree = Frontier()
        for at in range(0, len(row), 32):
            tree.append(row[at : at + 32])
        if len(row) != 32 * WIDTH or tree.root() != node:
            self._find(
                "tile-differs",
                self.frontier.size - 1,
                "the hashes of the entries",
                f"tile {level}/{number} has others",
            )

    def _entry(self, index: int, entry: DecodedEntry, bundle: Bundle) -> None:
        stretch, place = self._stretch, f"entry {index} of {self._log.agency}"
        if entry.code:
            expected = {"wrong-log": f"made for log {self._log.log.hex()}"}.get(
                entry.code, "a statement in its strict form, signed"
            )
            stretch.findings.append(AuditFinding(entry.code, place, expected, entry.found))
            return  # what nobody signed for this log has no place in an item's life
        claims = entry.claims
        assert claims is not None
        cover = self._cover
        proven = cover.time if cover is not None else claims.time
        code, found = self._signers.judge(
            bundle.certificates[entry.certificate],
            entry.certificate,
            claims.issuer,
            claims.effect,
            proven,
        )
        if code:
            stretch.findings.append(
                AuditFinding(code, place, f"somebody certified at {told_time(proven)}", found)
            )
        outcome = self._replay.step(index, claims, entry.leaf, stretch.items.get(claims.subject))
        stretch.findings += outcome.findings
        if outcome.state is not None:
            stretch.items[claims.subject] = outcome.state
        if outcome.step is not None:
            stretch.steps.append(outcome.step)
            if outcome.step.effect == "withdraw":
                stretch.withdrawals.append(outcome.step)
        if not code:  # looked at again with every later revocation list
            stretch.usages[entry.certificate] = Usage(
                entry.certificate, claims.issuer, proven, index
            )
        if claims.effect == "none":
            stretch.volumes[entry.certificate, claims.time // _HOUR] += 1
        if claims.effect == "agency":
            raw = self._get(f"documents/{entry.payload.hex()}")
            if raw is not None:
                stretch.findings += self._statements.check(
                    index, claims, entry.payload, raw, proven
                )
        elif index == 0:
            expected, opened = "log-opened, as the first entry", f"effect {claims.effect!r}"
            stretch.findings.append(AuditFinding("agency-statements", place, expected, opened))
        if cover is not None:
            stretch.findings += judge_time(place, claims, cover.time, self._delay)

    def _forget(self) -> None:
        self._state.forget(self._log.log)
        self._statements.forget()

    def _tell_stretch(self) -> None:
        for finding in self._stretch.findings:
            self._report.add(finding)

    def _commit(self) -> bool:
        """Make the stretch durable; False where nothing of it may be kept, or where enough was
        found.
        """
        stretch = self._stretch
        if self._held:
            self._tell_stretch()
            return False
        hashes = b"".join(self.frontier.hashes)
        state = LogState(self._log.log, self._log.agency, self.frontier.size, hashes)
        progress = Progress(
            state,
            stretch.items,
            stretch.steps,
            list(stretch.usages.values()),
            stretch.findings,
            stretch.volumes,
            self._maps.take_changes(),
        )
        with self._state.transaction():
            self._state.put_progress(progress)
            self._statements.keep()
            chain_events.keep_withdrawals(self._state, stretch.withdrawals)
        self._faults += sum(one.kind.severity is Severity.FAILED for one in stretch.findings)
        self._stretch = _Stretch()
        if self._faults < run_bounds.FAULTS:
            return True
        self._report.find(
            "beyond-limit",
            f"log of {self._log.agency}",
            f"fewer than {run_bounds.FAULTS} contradictions",
            f"{self._faults}: entries from {self.frontier.size} on were not read in this run",
        )
        return False
