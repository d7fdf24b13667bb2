"""Digests that others stated of what is recorded: the list that came with a file, or a disk image
of the media in it (the member `stated` of a body, docs/format.md).

Three things that have a digest are never taken for one another:

- the **file** as it was given: what `digests` are made of
- the **container**: a file that holds media, such as a disk image, by the digest that its own
  format keeps of it
- the **media** that a disk image was made of, which no file here has the bytes of
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from ledger.domain.codecs.digests import ALGORITHMS
from ledger.domain.errors import FormatError

#: What a digest is of.
Over = Literal["file", "container", "media"]
#: Who stated it: a disk image of the format of libewf, or a list of digests.
EWF: Final = "ewf"
HASH_LIST: Final = "hash list"
#: What was computed where the file was recorded, beside a statement that it does not agree with.
HERE: Final = "custody"
#: Bytes of a digest, of the broken algorithms too that others still state.
SIZES: Final = {**ALGORITHMS, "md5": 16, "sha-1": 20, "blake3": 32}


@dataclass(frozen=True, slots=True)
class StatedDigest:
    """A digest that somebody stated.

    ``found``: the digest of the same thing as it was computed here; None where nothing was
    compared. ``segment``: the name of the one segment of a disk image that it is of, which is a
    file by itself where a list of digests was made; empty where it is of the whole.

    Raises:
        FormatError: an unknown algorithm, or no lower-case hex digits of its length.
    """

    algorithm: str
    value: str
    over: Over
    by: str
    found: str | None = None
    segment: str = ""

    def __post_init__(self) -> None:
        for digest in (self.value, self.found):
            if digest is not None:
                _require_digest(self.algorithm, digest)

    @property
    def differs(self) -> bool:
        """Whether it was compared, and is not what was computed here."""
        return self.found is not None and self.found != self.value

    def as_json(self) -> list[dict[str, Any]]:
        """Its rows: what was stated, with the result where it was compared; and what was found
        where that is something else.
        """
        row: dict[str, Any] = {
            "algorithm": self.algorithm,
            "value": self.value,
            "over": self.over,
            "by": self.by,
        }
        row |= {"ext": {"segment": self.segment}} if self.segment else {}
        if self.found is None:
            return [row]
        stated = {**row, "checked": not self.differs}
        return [stated, {**row, "value": self.found, "by": HERE}] if self.differs else [stated]


def _require_digest(algorithm: str, digest: str) -> None:
    size = SIZES.get(algorithm)
    if size is None:
        raise FormatError(
            f"stated digest: {algorithm!r} is not known", hint="known are " + ", ".join(SIZES)
        )
    if len(digest) != 2 * size or not set(digest) <= set("0123456789abcdef"):
        raise FormatError(
            f"stated digest: expected {2 * size} lower-case hex digits of {algorithm}, "
            f"found {len(digest)} characters"
        )
