"""The file that is verified, measured: what is read of it, and with which digests."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from cli.terminal import output
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.domain.bundle.bundle import Bundle
    from ledger.domain.verify import FileDigest

_CHUNK = 1 << 20


def measure(bundle: Bundle | None, file: Path) -> tuple[FileDigest, list[str]]:
    """Size and digests of the file: those that the bundle records, or SHA-256; of a disk image
    those of all its segments, one behind the other, and which of them are not as recorded.

    Raises:
        UnreadableError: it is no file, a segment is not there, it cannot be read, or it changed
            meanwhile: what was read of it is then a mixture that refutes nothing.
    """
    from ledger.domain.codecs.digests import ALGORITHMS, DEFAULT, MultiDigest
    from ledger.domain.errors import UnreadableError
    from ledger.domain.verify import FileDigest

    _require_file(file)
    body = _recorded(bundle)
    names = [name for name in body.get("digests", DEFAULT) if name in ALGORITHMS]
    digest, paths = MultiDigest(names), _segments(body, file)
    each: list[str] = []
    try:
        total = sum(path.stat().st_size for path in paths)
        with output.progress("reading", total) as advance:
            for path in paths:
                own = sha256()
                with path.open("rb", buffering=0) as stream:
                    before = _changes(stream)
                    while chunk := stream.read(_CHUNK):
                        digest.update(chunk)
                        own.update(chunk)
                        advance(len(chunk))
                        _require_same(stream, before, path)  # one that grows has no end to wait for
                    _require_same(stream, before, path)
                each.append(own.hexdigest())
    except OSError as error:
        raise UnreadableError(
            f"cannot read {error.filename or file}: {error.strerror}",
            hint="neither verified nor refuted: check the path or the medium",
        ) from error
    altered = _altered(body, paths, each) if len(paths) > 1 else []
    return FileDigest(digest.size, digest.hexdigests()), altered


def _changes(stream: BinaryIO) -> tuple[int, ...]:
    """What changes when somebody writes to an open file, and sets its times back; of a pipe nothing
    says so.
    """
    found = os.fstat(stream.fileno())
    if not stat.S_ISREG(found.st_mode):
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _require_same(stream: BinaryIO, before: tuple[int, ...], path: Path) -> None:
    from ledger.domain.errors import UnreadableError

    if _changes(stream) != before:
        raise UnreadableError(
            f"{path} changed while it was read: neither verified nor refuted",
            hint="wait until nobody writes to it, then verify it again",
        )


def _altered(body: dict[str, Any], paths: list[Path], each: list[str]) -> list[str]:
    """Which segments have another digest than was recorded, where the record shows them."""
    recorded = body.get("image", {}).get("segments", ())
    return [
        f"{path} has sha-256 {found}, recorded was {segment['digests'].get('sha-256')}"
        for path, found, segment in zip(paths, each, recorded, strict=False)
        if "digests" in segment and segment["digests"].get("sha-256") != found
    ]


def _require_file(file: Path) -> None:
    from ledger.domain.errors import UnreadableError

    if file.is_dir():
        raise UnreadableError(
            f"{file} is a folder, and a bundle speaks of one file: neither verified nor refuted",
            hint=(
                "name the file; the bundle of a folder speaks of its manifest, which "
                "`custody get` writes"
            ),
        )
    if file.is_char_device() or file.is_socket():
        raise UnreadableError(
            f"{file} is a device, not a file: neither verified nor refuted",
            hint="name the file that you were given",
        )


def _recorded(bundle: Bundle | None) -> dict[str, Any]:
    """What the bundle says of the file; what is wrong with it is told by the verification."""
    from ledger.domain.errors import CustodyError
    from ledger.domain.event import document

    first = bundle.statements[0] if bundle is not None else None
    if first is not None and first.document is not None:
        with suppress(CustodyError):
            return document.parse(first.document, first.disclosures).body
    return {}


def _segments(body: dict[str, Any], file: Path) -> list[Path]:
    """The files that hold what was recorded: the segments beside the first one, as many as the
    record has. Where it does not say how many (they may be withheld), as many as are there.

    A file with the size of all of them is all of them: somebody joined the segments.
    """
    from ledger.client.images import disk_image
    from ledger.domain.errors import UnreadableError, UsageError

    count = len(body["image"].get("segments", ())) if "image" in body else None
    recorded = body.get("size")
    if count == 1 or not file.is_file() or recorded in (None, file.stat().st_size):
        return [file]
    try:
        found = disk_image.called_as_segments(file)
    except UsageError as error:
        raise UnreadableError(
            f"neither verified nor refuted: {error.message}", hint=error.hint
        ) from error
    if count is None:
        return found
    if len(found) < count:
        raise UnreadableError(
            f"the record is of a disk image of {counted(count, 'segment')}, and beside {file} "
            f"{counted(len(found), 'segment', ('is', 'are'))} found: neither verified nor refuted",
            hint="lay all segments beside the first one, each with its own name, and name the "
            "first one",
        )
    return found[:count]
