"""What the record of a disk image says besides what the record of any file says: its segments, what
the image says of itself, and the digests that it has of its media.

What an image says is whoever made it saying something. It fills what was not said, and is recorded
word for word beside what was said (`ext.imageHeader`, docs/format.md): neither takes the other's
place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ledger.client.images import image_reader
from ledger.client.images.disk_image import DiskImage
from ledger.client.images.image_reader import ImageHeader
from ledger.domain.event import normalization

#: Names of a header by the member of a record that it can fill, or disagree with.
CASE: Final = "case_number"
EXHIBIT: Final = "evidence_number"
_EXAMINER: Final = "examiner_name"
_SHORT: Final = 256  # characters of a member that names something
_UNKNOWN: Final = "\ufffd"
_ROLE: Final = "examiner, as the disk image says"


@dataclass
class ImageRecord:
    """A disk image that is to be recorded.

    ``header``: None where it was not read. ``check``: whether its media are to be read before it is
    recorded, and compared with the digests that it has of them.
    """

    image: DiskImage
    header: ImageHeader | None
    check: bool = False

    def body(self, own: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
        """Members of the body of its record, with those that were said of it alone.

        Args:
            own: these. said: members that were said of all files. Nothing here takes the place of
                either.
        """
        found: dict[str, Any] = {"image": self.image.as_json()}
        ext: dict[str, Any] = {}
        if self.image.error_count and self.image.error_count > len(self.image.errors):
            ext["readErrors"] = self.image.error_count
        header = self.header
        if header is not None:
            sectors = header.media_size // header.sector_size if header.sector_size else 0
            found["image"] |= {"sectors": sectors, "sectorSize": header.sector_size}
            found |= {"stated": self.stated()} if header.stated else {}
            ext |= {"imageHeader": header.values} if header.values else {}
            found |= {
                name: value for name, value in self._of_header(header).items() if name not in said
            }
        ext |= own.get("ext", {})
        return found | own | ({"ext": ext} if ext else {})

    def stated(self) -> list[dict[str, Any]]:
        """The digests that the image has of its media, with what became of comparing them."""
        stated = self.header.stated if self.header is not None else ()
        return [row for one in stated for row in one.as_json()]

    def compare(self, progress: Callable[[int], None]) -> None:
        """Read the media where that is asked for, and compare their digests.

        Raises:
            SourceError: they cannot be read.
        """
        if self.check:
            self.header = image_reader.read(self.image, media=True, progress=progress)

    def _of_header(self, header: ImageHeader) -> dict[str, Any]:
        """What the header says of examiner, device and tool, as members of a body."""
        examiner = usable(header, _EXAMINER)
        device = {
            member: value
            for member, name in (("model", "model"), ("serial", "serial_number"))
            if (value := usable(header, name))
        }
        tool = {
            member: value
            for member, name in (
                ("name", "acquiry_software"),
                ("version", "acquiry_software_version"),
            )
            if (value := usable(header, name))
        }
        return {
            **({"collector": {"name": examiner, "role": _ROLE}} if examiner else {}),
            **({"device": device} if device else {}),
            # A version alone does not say of what.
            **({"tool": tool} if "name" in tool else {}),
        }


def digests_of_segments(body: dict[str, Any]) -> dict[str, dict[str, str]]:
    """What a record says of the segments of an image, by their names."""
    segments = body.get("image", {}).get("segments", [])
    return {one["name"]: one.get("digests", {}) for one in segments if "name" in one}


def usable(header: ImageHeader | None, name: str) -> str:
    """A value of a header that can stand in a record as what it is: short, of one line, without
    characters that show nothing, or that stand for letters of a code page which nobody named;
    empty where it is not.
    """
    value = header.values.get(name, "") if header is not None else ""
    plain = value.isprintable() and _UNKNOWN not in value
    return value if plain and len(value) <= _SHORT else ""


def disagrees(header: ImageHeader | None, name: str, said: str) -> bool:
    """Whether a header says something else than what was said, in the form in which numbers are
    compared.
    """
    value = header.values.get(name, "") if header is not None else ""
    return bool(value and said) and normalization.form(value) != normalization.form(said)
