"""The segments of a disk image that come back: into a folder, each as the file that it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cli.files import beside
from cli.items import short_ids
from cli.terminal import outfile, output
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.files.reading import Read

#: What the first segment is called where its recorded name is none that is taken.
_PLAIN = "image"


def parts(read: Read) -> list[tuple[str, int]]:
    """Name and size of each segment; empty where the item is no image of several."""
    from ledger.client.images import image_parts
    from ledger.domain.files import ewf

    name = str(read.body.get("name", ""))
    known = ewf.first_name(name)
    first = name if known and beside.is_plain(name) else f"{_PLAIN}.{name.rpartition('.')[2]}"
    return image_parts.parts(read.body, first)


def bring(read: Read, each: list[tuple[str, int]], out: Path | None) -> None:
    """Decrypt a disk image into a folder, and tell of it; see ``fill``.

    Args:
        each: name and size of each segment. out: the folder; None for one that is called as the
            image is, in the working folder.

    Raises:
        UsageError: something is in the folder already, or it lies where keys do.
        VerificationError: the content is not what was recorded. StorageError: the disk refused.
    """
    target = out if out is not None else beside.free(stem(each), f"item-{read.named.short[:8]}")
    value, lines = fill(read, each, target)
    output.result(value, *lines)


def stem(each: list[tuple[str, int]]) -> str:
    """What a folder with the segments is called."""
    return Path(each[0][0]).stem


def fill(read: Read, each: list[tuple[str, int]], target: Path) -> tuple[dict[str, Any], list[str]]:
    """Decrypt a disk image into a folder that appears once all of it is there and checked.

    Returns:
        what became of it, for scripts and for people.

    Raises:
        UsageError, VerificationError, StorageError: as for ``bring``.
    """
    from ledger.adapters import files
    from ledger.client.images.image_parts import PartsWriter

    outfile.require_folder(target)
    signed = short_ids.short_digest(read.access)
    hint = f"your access was signed ({signed}); name another folder with --output"
    files.require_vacant(target, hint=hint)
    with files.building(target, what=f"the disk image could not be written to {target}") as aside:

        @contextmanager
        def opened(name: str) -> Iterator[BinaryIO]:
            with files.replacing(aside / name, force=False) as file:
                yield file

        with PartsWriter(each, opened) as writer:
            done = read.content(writer)
    value = {
        "path": str(target),
        "name": done.name,
        "size": done.size,
        "digests": done.digests,
        "access": read.access,
        "segments": [name for name, _ in each],
    }
    count = f"{counted(len(each), 'segment')}, {each[0][0]} and those that follow"
    return value, [
        f"{target}: a disk image of {count}, {output.size(done.size)}",
        "same sha-256 of all segments joined as recorded:",
        f"  {done.digests['sha-256']}",
    ]
