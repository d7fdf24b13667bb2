"""Disk images among what is uploaded: their segments, what they say of themselves, and what a
person is told of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.invocation import extras
from cli.terminal import output
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.client.images.disk_image import DiskImage
    from ledger.client.images.image_reader import ImageHeader
    from ledger.client.images.image_record import ImageRecord

CheckImage = Annotated[
    bool,
    typer.Option(
        "--check-image",
        help="Read the media in a disk image once, and compare their digest with the one that the "
        "image has of them.",
    ),
]
PlainFile = Annotated[
    bool,
    typer.Option(
        "--plain-file", help="Record a disk image's file as it is, as a file like any other."
    ),
]
#: Names of a header by how a person is told of them.
_WORDS: Final = {"case_number": "case number", "evidence_number": "evidence number"}


@dataclass
class GivenImages:
    """What was given, with the disk images in it.

    ``paths``: with each image in the place of its segments, by its first one. ``taken``,
    ``differing``: names of what was taken from the one image, and of what it says otherwise.
    """

    paths: list[Path]
    records: dict[Path, ImageRecord] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)

    @property
    def media(self) -> int:
        """Bytes of media that are to be read besides."""
        sizes = [one.header.media_size for one in self.records.values() if one.header and one.check]
        return sum(sizes)

    @property
    def files(self) -> list[Path]:
        """The files that are read, segments each by itself."""
        return [
            one
            for path in self.paths
            for one in (self.records[path].image.segments if path in self.records else (path,))
        ]

    @property
    def only(self) -> ImageHeader | None:
        """What the one image says that was given; None where something else was given too: it
        speaks of itself alone.
        """
        return self.records[self.paths[0]].header if len(self.paths) == 1 and self.records else None

    def numbers(self, case: str, exhibit: str, *, related: bool) -> tuple[str, str]:
        """Case and exhibit number as they were said, or as the one image says them.

        Args:
            related: whether the exhibit number follows from another exhibit.
        """
        from ledger.client.images import image_record

        found = self._filled(image_record.CASE, case)
        return found, exhibit if related else self._filled(image_record.EXHIBIT, exhibit)

    def _filled(self, name: str, said: str) -> str:
        """What was said, or what the one image says where nothing was; what disagrees is told."""
        from ledger.client.images import image_record

        header = self.only
        found = image_record.usable(header, name)
        if header is None or not header.values.get(name):
            return said
        if image_record.disagrees(header, name, said):
            output.say(
                f"the disk image says that its {_WORDS[name]} is {header.values[name]!r}, and you "
                f"said {said!r}: recorded is what you said, and beside it what the image says"
            )
            self.differing.append(name)
        elif not said and not found:
            output.say(
                f"the {_WORDS[name]} of the disk image is not taken over: it is no short text of "
                f"one line ({header.values[name]!r})"
            )
        elif not said:
            output.say(f"{_WORDS[name]} {found!r} taken from the disk image")
            self.taken.append(name)
        return said or found


def given(paths: Sequence[Path], *, check: bool, resume: bool) -> GivenImages:
    """Find the disk images among paths, and read what they say of themselves.

    Args:
        check: whether to read all media. resume: what they say was recorded with an earlier
            attempt, and is not asked again.

    Raises:
        UsageError: an image is not whole; ``check`` of what is none, or has no digest; it needs an
            extra that is not installed.
        SourceError: an image cannot be read.
    """
    from ledger.client.images import disk_image, image_reader
    from ledger.client.images.image_record import ImageRecord
    from ledger.domain.errors import UsageError

    found: dict[Path, ImageRecord] = {}
    kept: list[Path] = []
    for path in paths:
        image = disk_image.find(path) if path.is_file() else None
        if image is None:
            kept.append(path)
        elif image.first not in found:
            kept.append(image.first)
            found[image.first] = ImageRecord(image, None)
    result = GivenImages(kept)
    if check and not found:
        raise UsageError(
            "--check-image was given, and nothing of what is to be recorded is a disk image (.E01, "
            ".Ex01 or .s01)",
            hint="leave --check-image out, or name the first segment of the image",
        )
    if found and not resume and not image_reader.can_read():
        missing = extras.missing("images", "reading what a disk image says of itself")
        if check:
            raise missing
        output.say(
            "what the disk image says of itself (case, examiner, digests) is not read, and "
            f"therefore not recorded: {missing.message}",
            f"  what to do: {missing.hint}",
        )
    readable = image_reader.can_read() and (check or not resume)
    result.records = {
        path: ImageRecord(one.image, _header(one.image, check), check) if readable else one
        for path, one in found.items()
    }
    return result


def _header(image: DiskImage, check: bool) -> ImageHeader:
    from ledger.client.images import image_reader
    from ledger.domain.errors import UsageError

    header = image_reader.read(image)
    if check and not header.stated:
        raise UsageError(
            f"the disk image {image.first} has no digest of its media: there is nothing to compare "
            "them with",
            hint="leave --check-image out",
        )
    return header


def as_json(images: GivenImages) -> list[dict[str, Any]]:
    """What scripts are told of the images."""
    return [
        {
            "path": str(path),
            "format": record.image.format,
            "segments": len(record.image.segments),
            "readErrors": record.image.error_count,
            "stated": record.stated(),
            "filled": images.taken,
            "differs": images.differing,
        }
        for path, record in images.records.items()
    ]


def lines(images: GivenImages) -> list[str]:
    """What a person is told of the images that were recorded."""
    from cli.wording import timeline

    told = []
    for path, record in images.records.items():
        told.append(
            f"disk image {path}: {counted(len(record.image.segments), 'segment')}, one item; its "
            "sha-256 is that of all segments, one behind the other"
        )
        told += [f"  {timeline.stated(row)}" for row in record.stated()]
        if record.image.error_count:
            errors = counted(record.image.error_count, "stretch")
            told.append(f"  sectors not read when it was made: {errors}")
    return told


def differs(images: GivenImages) -> bool:
    """Whether media were read, and have another digest than their image says."""
    return any(
        row.get("checked") is False for record in images.records.values() for row in record.stated()
    )
