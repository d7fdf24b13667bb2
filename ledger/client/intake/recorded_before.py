"""What this person recorded before of the files that are to be recorded now.

A file is left out, or named in a folder's manifest, by an earlier item on nobody's word:

- the node is asked by marks, which say nothing of content (`ledger/domain/event/same_record.py`)
- what it shows is the opening of an item under the person's own signature, with a receipt of the
  log; whether that is the file at hand is judged here, by the digest in what was signed
- what others recorded is never a reason to leave something out: their ciphertext may be anything
- a file is read for this only where an item of its name and size is there, and before anything of
  it is sealed or sent
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from ledger.client import receipts
from ledger.client.files.segmented_file import SegmentedFile
from ledger.client.files.steady_file import Made, Steady
from ledger.client.intake import part_numbers
from ledger.client.intake.upload_attempts import UploadResult
from ledger.domain.codecs.text import from_b64url
from ledger.domain.errors import CustodyError
from ledger.domain.event import same_record
from ledger.domain.event.signing import Person
from ledger.domain.event.stated_digests import HASH_LIST
from ledger.domain.identity import certificate as certificates
from ledger.domain.log import statement as statements
from ledger.domain.ports.answers import Opening
from ledger.domain.ports.client import NodeApi

_AT_ONCE: Final = 128
#: What a disk image says of itself, and what became of comparing it: nothing that somebody says.
_OF_AN_IMAGE: Final = ("image", "stated")


class RecordedBefore:
    """The person's own openings, as far as they were looked for."""

    def __init__(self, person: Person, node: NodeApi) -> None:
        self._person = person
        self._node = node
        self._known: dict[str, list[dict[str, Any]]] = {}

    def look_for(self, wanted: Iterable[dict[str, Any]]) -> None:
        """Ask for all that may be the same as what these documents would record.

        Raises:
            VerificationError: the node shows something else than was signed.
        """
        marks = [same_record.mark(document) for document in wanted]
        asked = dict.fromkeys(mark for mark in marks if mark is not None)
        for part in _parts([mark for mark in asked if mark not in self._known]):
            self._known |= {mark: [] for mark in part}
            for document in self._own(self._node.recorded(part)):
                mark = same_record.mark(document)
                if mark is not None and mark in part:
                    self._known[mark].append(document)

    def may_be(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        """Openings with the same mark, oldest first, as they were signed."""
        return self._known.get(same_record.mark(wanted) or "", [])

    def same(
        self, wanted: dict[str, Any], source: Steady | SegmentedFile | Made, *, numbered: bool
    ) -> dict[str, Any] | None:
        """The opening that recorded this very content as ``wanted`` would; None where there is
        none. The content is read where one of its size is there.

        Args:
            numbered: see same_record.is_same.

        Raises:
            SourceError: it changes while it is read.
        """
        sized = [one for one in self.may_be(wanted) if one["body"].get("size") == source.size]
        if not sized:
            return None
        body = {**wanted["body"], "size": source.size, "digests": {"sha-256": source.digest()}}
        whole = {**wanted, "body": body}
        return next(
            (one for one in sized if same_record.is_same(one, whole, numbered=numbered)), None
        )

    def elsewhere(self, done: Sequence[UploadResult]) -> dict[str, tuple[str, str]]:
        """Other items with the content of one that was recorded, by the latter: the first of them
        and its exhibit number, as far as this person signed it. What the node says of items of
        others stays its word (``UploadResult.duplicates``).
        """
        named = [one for item in done if item.index is not None for one in item.duplicates]
        known = self._numbers(named)
        found = {}
        for item in done:
            same = [one for one in item.duplicates if one in known]
            same = [one for one in same if known[one][0] == item.digests["sha-256"]]
            if same and item.index is not None:
                found[item.evidence] = (same[0], known[same[0]][1])
        return found

    def _numbers(self, evidence: Iterable[str]) -> dict[str, tuple[str, str]]:
        """SHA-256 and exhibit number of those of these items that the person recorded, as they were
        signed; the number is empty where it has none.
        """
        return {
            str(document["evidence"]): (
                str(document["body"].get("digests", {}).get("sha-256")),
                part_numbers.number_of(document.get("identifiers", []), "exhibit"),
            )
            for part in _parts([*dict.fromkeys(evidence)])
            for document in self._own(self._node.recorded([], part))
        }

    def _own(self, openings: Iterable[Opening]) -> Iterable[dict[str, Any]]:
        return (
            one.opening.document
            for one in openings
            if one.opening.document is not None and self._is_mine(one)
        )

    def _is_mine(self, opening: Opening) -> bool:
        """Whether this person signed it with the key that they have, and the log has it."""
        what, own = "opening", self._person.certificate
        signed = opening.opening.signed
        statement = statements.parse_entry(from_b64url(signed.entry, what=what))
        signer = certificates.parse(from_b64url(signed.certificate, what=what))
        if (signer.subject, signer.key) != (own.subject, own.key):
            return False
        try:
            receipts.require_receipt(self._person, statement, opening.receipt)
        except CustodyError:
            return False
        return True


def differing(recorded: dict[str, Any], details: dict[str, Any]) -> tuple[str, ...]:
    """What somebody says now of a file that was recorded before, and the record does not say so:
    names, in order. Case and exhibit are the same, or the file would not be left out.

    Args:
        details: all that would be signed besides what the file says of itself.
    """
    body = recorded["body"]
    lacking = {
        name
        for name, value in details["members"].items()
        if name != "identifiers" and recorded.get(name) != value
    }
    for name, value in details["body"].items():
        if name in _OF_AN_IMAGE:
            continue
        said = body.get(name)
        # What the file says of itself stands in there too.
        same = said == value or (
            name == "ext" and isinstance(said, dict) and value.items() <= said.items()
        )
        lacking |= set() if same else {*value} if name == "ext" else {name}
    listed = {
        (row["algorithm"], row["value"])
        for row in body.get("stated", ())
        if row.get("by") == HASH_LIST
    }
    stated = [one for one in details["body"].get("stated", ()) if one.get("over") == "file"]
    told = any(one not in body.get("stated", ()) for one in stated)
    if told or not {*details.get("listed", {}).items()} <= listed:
        lacking.add("stated")
    if not {*details["algorithms"]} <= {*body["digests"]}:
        lacking.add("digests")
    return tuple(sorted(lacking))


def _parts(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
