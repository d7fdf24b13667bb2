"""A file or folder on its way to be recorded: what its record will say, before it was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ledger.client.files.segmented_file import SegmentedFile
from ledger.client.files.steady_file import Made, Steady
from ledger.client.intake import expected_digests, part_numbers
from ledger.client.intake.expected_digests import ExpectedDigests
from ledger.client.intake.part_numbers import PartNumbers
from ledger.client.intake.upload_request import UploadRequest
from ledger.domain.codecs.digests import MultiDigest
from ledger.domain.codecs.text import format_time
from ledger.domain.event import same_record
from ledger.domain.event.stated_digests import StatedDigest
from ledger.domain.files import manifest, media_types

#: Seconds since 1970 of the years 1 to 9999, which a time in a document can say.
_CALENDAR: Final = (-62_135_596_800, 253_402_300_799)


@dataclass
class FileDraft:
    """What one record will say.

    ``path``: as the person spelled it; ``place``: where it is; ``details``: of the attempt;
    ``described``: the body, but for what is known once it was read; ``parts``: the numbers of which
    it has the next one, None where it has the number that was said; ``earlier``: the number under
    which the whole was recorded before, where it was another one.
    """

    given: UploadRequest
    path: Path
    place: str
    details: dict[str, Any]
    described: dict[str, Any]
    parts: PartNumbers | None
    type: str
    earlier: str = ""
    #: Algorithms by which it is not what a list of digests says.
    mismatch: tuple[str, ...] = field(default=(), init=False)
    _number: str = field(default="", init=False)

    def describe(self, source: Steady | SegmentedFile | Made) -> None:
        """Add what the file system says of the file; of a pipe it says nothing."""
        said, lists = self.described, self.given.options.expected
        if lists is not None:
            self._meet(lists)
        said["mediaType"] = media_types.of_name(said["name"])
        if isinstance(source, Made):
            return
        modified = source.before.st_mtime_ns
        if _CALENDAR[0] <= modified // 10**9 <= _CALENDAR[1]:
            said["modified"] = format_time(modified // 10**9)
        said["ext"] = {**said.get("ext", {}), "modified": manifest.seconds(modified)}

    def _meet(self, lists: ExpectedDigests) -> None:
        image = self.given.image
        if image is None or not image.image.is_split:
            lists.meet(self.given.names_in_lists(self.details["path"]), str(self.path))
            return
        for path, names in zip(
            image.image.segments, image.image.names_in_lists().values(), strict=True
        ):
            lists.meet(names, str(path))

    @property
    def listed(self) -> dict[str, str]:
        """What a list of digests says of it, by algorithm."""
        return dict(self.details.get("listed", {}))

    def compare(
        self, found: dict[str, str], segments: dict[str, dict[str, str]]
    ) -> list[StatedDigest]:
        """Compare it with what a list of digests says.

        Args:
            found: its digests, as far as they are known. segments: those of the segments of a disk
                image, by their names.
        """
        rows = expected_digests.stated(self.listed, found)
        for name, listed in self.details.get("segmentsListed", {}).items():
            rows += expected_digests.stated(listed, segments.get(name, {}), name)
        self.mismatch = tuple(
            f"{row.algorithm} of {row.segment}" if row.segment else row.algorithm
            for row in rows
            if row.differs
        )
        return rows

    def complete(self, source: Steady | SegmentedFile | Made, digest: MultiDigest) -> None:
        """Add what is known once it was read: of a disk image, and beside what a list of digests
        says.
        """
        self._complete_image(source)
        segments = source.found() if isinstance(source, SegmentedFile) else {}
        compared = self.compare(digest.found(), segments)
        if rows := [row for one in compared for row in one.as_json()]:
            self.described["stated"] = [*self.described.get("stated", ()), *rows]

    def _complete_image(self, source: Steady | SegmentedFile | Made) -> None:
        image = self.given.image
        if image is None or not isinstance(source, SegmentedFile):
            return
        self.described["image"] = {**self.described["image"], "segments": source.segments()}
        if image.check:
            self.described["stated"] = image.stated()

    @property
    def as_said(self) -> dict[str, Any]:
        """The record with the number that was said."""
        return {"type": self.type, **self.given.options.members, "body": self.described}

    @property
    def wanted(self) -> dict[str, Any]:
        """The record with its number, or with that of any part where it has the next one."""
        if self.parts is None:
            return self.as_said
        number = same_record.part(self.earlier or self.parts.whole, 1)
        return self.as_said | self._identifiers(number)

    def number(self) -> str:
        """The exhibit number that it is recorded with: the same one at each call."""
        if not self._number:
            said = part_numbers.number_of(self.given.options.identifiers, "exhibit")
            self._number = said if self.parts is None else self.parts.next()
        return self._number

    def members(self) -> dict[str, Any]:
        """Top-level members of the record."""
        return self.given.options.members | self._identifiers(self.number())

    def _identifiers(self, number: str) -> dict[str, Any]:
        said = self.given.options.identifiers
        return {"identifiers": part_numbers.numbered(said, number)} if said else {}
