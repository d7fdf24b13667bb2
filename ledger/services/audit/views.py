"""What others saw of a log, against what we were shown: two people who are shown different logs find out by comparing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ledger.domain import bundle as bundles
from ledger.domain import merkle, tiles
from ledger.domain import receipt as receipts
from ledger.domain.audit.findings import Finding
from ledger.domain.audit.ports import AuditState
from ledger.domain.audit.report import Report
from ledger.domain.errors import CustodyError, FormatError, VerificationError
from ledger.domain.merkle import Frontier
from ledger.domain.receipt import Checkpoint
from ledger.services.audit.chainstory import LogOfAgency
from ledger.services.audit.fetching import Fetching, Missing, told


@dataclass(frozen=True, slots=True)
class Audited:
    """A log that was read to its end: its files, the tree of its entries, and the log keys of its agency."""

    log: LogOfAgency
    files: Fetching
    tree: Frontier
    keys: frozenset[bytes]


def check(state: AuditState, audited: Sequence[Audited], seen: Sequence[bytes], report: Report) -> None:
    """Compare what the files show with every checkpoint ever served to us, and with what others saw.

    Args:
        seen: signed checkpoints (C2SP notes) and evidence bundles, as others got them.
    """
    notes, statements = _sort(seen, report)
    count = 0
    for one in audited:
        log, view = one.log, _View(one, report)
        for note in state.views(log.log):
            view.compare(receipts.parse_checkpoint(note), "served to us earlier")
        for checkpoint in (note for note in notes if note.log_id == log.log):
            count += 1
            if is_signed(checkpoint, one.keys):
                view.compare(checkpoint, "seen by others")
                state.put_view(log.log, checkpoint.size, checkpoint.note)
            else:
                report.add(Finding("view-unsigned", f"checkpoint of {checkpoint.size} entries", f"signed by {log.agency}", "another key"))
        for index, leaf in statements.get(log.log, ()):
            count += 1
            view.contains(index, leaf)
    if seen:
        report.checked("seen", f"{count} compared")


def _sort(seen: Sequence[bytes], report: Report) -> tuple[list[Checkpoint], dict[bytes, list[tuple[int, bytes]]]]:
    notes: list[Checkpoint] = []
    statements: dict[bytes, list[tuple[int, bytes]]] = {}
    for data in seen:
        try:
            if data.startswith(b"urn:custody:log:"):
                notes.append(receipts.parse_checkpoint(data))
                continue
            bundle = bundles.parse(data)
            for one in bundle.statements:
                if one.receipt is not None:
                    receipt = receipts.parse(one.receipt)
                    statements.setdefault(receipt.log_id, []).append((receipt.index, merkle.leaf_hash(one.entry)))
        except FormatError as error:
            report.add(Finding("view-unsigned", "a file given with --seen", "a signed checkpoint or a bundle", error.message))
    return notes, statements


def is_signed(checkpoint: Checkpoint, keys: Iterable[bytes]) -> bool:
    """Whether one of these log keys signed a checkpoint."""
    for key in keys:
        with suppress(VerificationError):
            receipts.verify_checkpoint(checkpoint, key)
            return True
    return False


class _View:
    """The log as it was read: the root of its tree is known, and its tiles prove every smaller one."""

    def __init__(self, audited: Audited, report: Report) -> None:
        self._log = audited.log
        self._report = report
        self._size, self._root = audited.tree.size, audited.tree.root()
        self._read = tiles.node_reader(audited.files.tile)

    def compare(self, checkpoint: Checkpoint, whose: str) -> None:
        """A signed checkpoint must be one of this log's history. One that is longer says nothing: these files may be an older export."""
        if checkpoint.size > self._size or checkpoint.size == 0:
            return
        place = f"checkpoint of {checkpoint.size} entries of {self._log.agency}, {whose}"
        try:
            proof = merkle.consistency_proof(checkpoint.size, self._size, self._read)
            merkle.verify_consistency(checkpoint.size, self._size, checkpoint.root, self._root, proof)
        except Missing as missing:
            self._report.add(told(missing, self._log.agency))
        except CustodyError as error:
            found = f"root {checkpoint.root.hex()}, signed by the same log key: {error.message}"
            self._report.add(Finding("view-differs", place, f"a part of the log of {self._size} entries", found))

    def contains(self, index: int, leaf: bytes) -> None:
        """A statement that somebody got a receipt for must be where the receipt says."""
        place = f"entry {index} of {self._log.agency}, in a bundle"
        if index >= self._size:
            return  # these files may be an older export: compared next time
        try:
            proof = merkle.inclusion_proof(index, self._size, self._read)
            merkle.verify_inclusion(leaf, index, self._size, proof, self._root)
        except Missing as missing:
            self._report.add(told(missing, self._log.agency))
        except CustodyError:
            self._report.add(Finding("statement-dropped", place, f"statement {leaf.hex()[:16]}", "another entry"))
