"""What others saw of a log, against what we were shown: two people who are shown different logs
find out by comparing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ledger.domain.audit.ports import AuditState
from ledger.domain.audit.report import AuditReport
from ledger.domain.bundle import bundle as bundles
from ledger.domain.codecs.text import counted
from ledger.domain.errors import CustodyError, FormatError, VerificationError
from ledger.domain.log import merkle, tiles
from ledger.domain.log import receipt as receipts
from ledger.domain.log.merkle import Frontier
from ledger.domain.log.receipt import Checkpoint, Receipt
from ledger.services.audit.chain_events import LogOfAgency
from ledger.services.audit.fetching import Fetching, Missing, finding_for


@dataclass(frozen=True, slots=True)
class Audited:
    """A log that was read to its end: its files, the tree of its entries, the log keys of its
    agency, those of them that were replaced since, and the size that it shows.

    The tree is smaller than that where the log goes on beyond what an audit looks at, which is told
    where that is found.
    """

    log: LogOfAgency
    files: Fetching
    tree: Frontier
    keys: frozenset[bytes]
    replaced: frozenset[bytes]
    served: int


def check(
    state: AuditState, audited: Sequence[Audited], seen: Sequence[bytes], report: AuditReport
) -> None:
    """Compare what the files show with every checkpoint ever served to us, and with what others
    saw.

    Args:
        seen: signed checkpoints (C2SP notes) and evidence bundles, as others got them.
    """
    views = {log.log.log: _View(log, report) for log in audited}
    for log in audited:
        for note in state.views(log.log.log):
            views[log.log.log].compare(receipts.parse_checkpoint(note), "served to us earlier")
    count = 0
    for number, data in enumerate(seen, 1):
        place = f"file {number} given with --seen"
        try:
            compared = _compare_file(data, views, state, report)
        except FormatError as error:
            report.find("view-unsigned", place, "a signed checkpoint or a bundle", error.message)
            continue
        if not compared:
            report.find(
                "view-other",
                place,
                "a checkpoint or receipts of a log that is audited here",
                "none",
            )
        count += compared
    if seen:
        report.checked("seen", f"{count} compared", count)


def _compare_file(
    data: bytes, views: Mapping[bytes, _View], state: AuditState, report: AuditReport
) -> int:
    """One file that somebody else got; how many checkpoints and statements of it speak of an
    audited log.
    """
    if data.startswith(b"urn:custody:log:"):
        checkpoint = receipts.parse_checkpoint(data)
        view = views.get(checkpoint.log_id)
        if view is None:
            return 0
        if is_signed(checkpoint, view.keys):
            replaced = not is_signed(checkpoint, view.keys - view.replaced)
            view.compare(checkpoint, "seen by others", replaced=replaced)
            state.put_view(checkpoint.log_id, checkpoint.size, checkpoint.note)
        else:
            place = f"checkpoint of {counted(checkpoint.size, 'entry')}"
            report.find("view-unsigned", place, f"signed by {view.agency}", "another key")
        return 1
    count = 0
    for statement in bundles.parse(data).statements:
        receipt = receipts.parse(statement.receipt) if statement.receipt is not None else None
        view = views.get(receipt.log_id) if receipt is not None else None
        if receipt is not None and view is not None:
            view.contains(receipt, merkle.leaf_hash(statement.entry))
            count += 1
    return count


def is_signed(checkpoint: Checkpoint, keys: Iterable[bytes]) -> bool:
    """Whether one of these log keys signed a checkpoint."""
    for key in keys:
        with suppress(VerificationError):
            receipts.verify_checkpoint(checkpoint, key)
            return True
    return False


class _View:
    """The log as it was read: the root of its tree is known, and its tiles prove every smaller
    one.
    """

    def __init__(self, audited: Audited, report: AuditReport) -> None:
        self._log = audited.log
        self.agency, self.keys = audited.log.agency, audited.keys
        self.replaced = audited.replaced
        self._report = report
        self._served = audited.served
        self._size, self._root = audited.tree.size, audited.tree.root()
        self._read = tiles.node_reader(audited.files.tile)

    def compare(self, checkpoint: Checkpoint, whose: str, *, replaced: bool = False) -> None:
        """A signed checkpoint must be one of this log's history.

        Args:
            replaced: it is signed under a log key that was replaced since: whoever stole that one
                can have signed it, so that it accuses nobody by itself.
        """
        if checkpoint.size == 0:
            return
        if checkpoint.size > self._size:
            self._beyond(f"checkpoint of {self._log.agency}, {whose}", checkpoint.size)
            return
        place = f"checkpoint of {counted(checkpoint.size, 'entry')} of {self._log.agency}, {whose}"
        try:
            proof = merkle.consistency_proof(checkpoint.size, self._size, self._read)
            merkle.verify_consistency(
                checkpoint.size, self._size, checkpoint.root, self._root, proof
            )
        except Missing as missing:
            self._report.add(finding_for(missing, self._log.agency))
        except CustodyError:
            expected = f"a part of the log of {counted(self._size, 'entry')}"
            key = "a log key that was replaced since" if replaced else "the same log key"
            found = f"root {checkpoint.root.hex()}, signed by {key}"
            self._report.find(
                "view-replaced" if replaced else "view-differs", place, expected, found
            )

    def _beyond(self, place: str, size: int) -> None:
        """These files may be an older export, or hide what was not anchored yet: it cannot be told,
        and so is not passed over.
        """
        if size > self._served:
            self._report.find(
                "view-longer",
                place,
                f"a log of {counted(size, 'entry')} or more",
                counted(self._served, "entry"),
            )

    def contains(self, receipt: Receipt, leaf: bytes) -> None:
        """A statement that somebody got a receipt for must be where the receipt says, in the tree
        that it says; a receipt that no log key signed says nothing of the log.
        """
        index = receipt.index
        place = f"entry {index} of {self._log.agency}, in a bundle"
        root, replaced = self._signed_root(receipt, leaf)
        if root is None:
            found = "another key, or a receipt of something else"
            self._report.find("view-unsigned", place, f"a receipt of {self.agency}", found)
            return
        if index >= self._size:
            self._beyond(place, index + 1)
            return
        try:
            proof = merkle.inclusion_proof(index, self._size, self._read)
            merkle.verify_inclusion(leaf, index, self._size, proof, self._root)
        except Missing as missing:
            self._report.add(finding_for(missing, self._log.agency))
        except CustodyError:
            found = "another entry"
            if replaced:
                found += "; the receipt is signed by a log key that was replaced since"
            code = "view-replaced" if replaced else "statement-dropped"
            self._report.find(code, place, f"statement {leaf.hex()[:16]}", found)
            return
        checkpoint = Checkpoint(b"", receipt.log_id, receipt.size, root)
        self.compare(checkpoint, "in a receipt", replaced=replaced)

    def _signed_root(self, receipt: Receipt, leaf: bytes) -> tuple[bytes | None, bool]:
        """The root that a receipt of a leaf commits to, None where no log key signed it; and
        whether the key that did was replaced since.
        """
        for key in self.keys:
            with suppress(VerificationError):
                root = receipts.verify(
                    receipt, leaf=leaf, log_id=self._log.log, subject=receipt.subject, key=key
                )
                return root, key in self.replaced
        return None, False
