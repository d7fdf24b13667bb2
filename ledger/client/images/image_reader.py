"""What a disk image says of itself, read by libewf in a process of its own
(`ledger/client/images/ewf_process.py`), within bounds of memory and of time.

Whatever that process answers is foreign: it is parsed strictly here, and bounded. A process that an
image broke, or that does not end, is told as that, and nothing of its answers is believed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from ledger import system
from ledger.client.images.disk_image import DiskImage
from ledger.domain.codecs import strict_json
from ledger.domain.errors import FormatError, SourceError
from ledger.domain.event.stated_digests import EWF, SIZES, StatedDigest

_PROGRAM: Final = Path(__file__).with_name("ewf_process.py")
_MEMORY: Final = 1 << 30  # bytes; libewf takes some tens of MiB for an image of terabytes
_SECONDS: Final = 60  # of the processor, for what an image says of itself
#: Bytes of media that are read in a second of the processor, at the least: a tenth of what is
#: usual.
_PACE: Final = 20 << 20
_LARGEST: Final = 1 << 50  # bytes of media: more than any disk has
_SILENT: Final = 300.0  # seconds without a word
_LINE: Final = 1 << 20
_ALGORITHMS: Final = {"MD5": "md5", "SHA1": "sha-1", "SHA256": "sha-256"}
_FOUND: Final = {"md5": "md5", "sha1": "sha-1", "sha256": "sha-256"}


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """What an image says of itself.

    ``values``: by the names that libewf has for them, such as case_number; empty ones are left out.
    ``stated``: the digests that it has of its media, compared where the media were read.
    """

    values: dict[str, str]
    stated: tuple[StatedDigest, ...]
    media_size: int
    sector_size: int


def can_read() -> bool:
    """Whether libewf is installed here."""
    return find_spec("pyewf") is not None


def read(
    image: DiskImage,
    *,
    media: bool = False,
    progress: Callable[[int], None] = lambda count: None,
    memory: int = _MEMORY,
    silent: float = _SILENT,
) -> ImageHeader:
    """Ask libewf what an image says of itself.

    Args:
        media: whether to read all media, and compare their digests with those that it has of them.
        progress: called with the number of bytes of media that were read.
        memory: bytes that the process may take. silent: seconds for which it may say nothing.

    Raises:
        SourceError: libewf cannot read the image, breaks on it, or does not come to an end.
    """
    # Of stored digests and sizes nothing is known before the first reading: it comes first, and
    # bounds the time of the second one.
    header = _parsed(_ask(image, False, _SECONDS, memory, silent, progress))
    if not media:
        return header
    seconds = _SECONDS + header.media_size // _PACE
    return _parsed(_ask(image, True, seconds, memory, silent, progress))


def _ask(
    image: DiskImage,
    media: bool,
    seconds: int,
    memory: int,
    silent: float,
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """The last line of the process; what it says of how far it is goes to ``progress``."""
    paths = [str(path.absolute()) for path in image.segments]
    asked = {"paths": paths, "media": media, "memory": memory, "seconds": seconds}
    try:
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=system.least_environment(),
        )
    except OSError as error:
        raise _broken(image, f"no process could be started for it ({error.strerror})") from error
    watch = _Watch(process, silent)
    try:
        return _answer(image, process, asked, watch, progress)
    finally:
        watch.stop()
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


def _answer(
    image: DiskImage,
    process: subprocess.Popen[bytes],
    asked: dict[str, Any],
    watch: _Watch,
    progress: Callable[[int], None],
) -> dict[str, Any]:
    assert process.stdin is not None
    with suppress(OSError):  # it ended already, which is told below
        process.stdin.write(json.dumps(asked).encode() + b"\n")
        process.stdin.flush()
    read = 0
    try:
        for line in _lines(process):
            watch.heard()
            value = strict_json.parse(line, what="the answer of libewf", limit=_LINE)
            if not isinstance(value, dict):
                raise FormatError("the answer of libewf: not an object")
            if "problem" in value:
                raise _unreadable(image, value)
            if "read" not in value:
                return value
            if isinstance(value["read"], int) and value["read"] > read:
                progress(value["read"] - read)
                read = value["read"]
    except FormatError as error:
        raise _broken(image, "libewf gave an answer that is none") from error
    if watch.expired:
        raise _broken(image, f"libewf said nothing for {watch.seconds:g} s")
    code = process.wait()
    raise _broken(
        image, f"libewf broke off ({-code if code < 0 else code}) or took too much for it"
    )


def _lines(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """The lines of the process, none longer than an answer can be."""
    assert process.stdout is not None
    while line := process.stdout.readline(_LINE):
        yield line


class _Watch:
    """Ends a process that says nothing for a time."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float) -> None:
        self.seconds = seconds
        self.expired = False
        self._process = process
        self._said = threading.Event()
        self._done = False
        self._thread = threading.Thread(target=self._run, name="libewf", daemon=True)
        self._thread.start()

    def heard(self) -> None:
        """The process said something."""
        self._said.set()

    def stop(self) -> None:
        """Watch no longer."""
        self._done = True
        self._said.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done:
            if not self._said.wait(self.seconds):
                self.expired = True
                self._process.kill()
                return
            self._said.clear()


def _parsed(value: dict[str, Any]) -> ImageHeader:
    """What the process answered, as far as it is what it should be.

    Raises:
        FormatError: it is something else.
    """
    if set(value) != {"header", "digests", "mediaSize", "sectorSize", "found"}:
        raise FormatError("the answer of libewf: other members than were asked for")
    values = {name: text.strip() for name, text in _texts(value["header"]).items()}
    found = {_FOUND.get(name, name): one for name, one in _texts(value["found"]).items()}
    stated = []
    for name, digest in _texts(value["digests"]).items():
        algorithm = _ALGORITHMS.get(name)
        if algorithm is not None and len(digest) == 2 * SIZES[algorithm]:
            stated.append(
                StatedDigest(algorithm, digest.lower(), "media", EWF, found.get(algorithm))
            )
    return ImageHeader(
        {name: text for name, text in values.items() if text},
        tuple(stated),
        _number(value["mediaSize"], _LARGEST),
        _number(value["sectorSize"], 1 << 20),
    )


def _texts(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise FormatError("the answer of libewf: expected texts")
    return dict(value)


def _number(value: Any, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise FormatError(f"the answer of libewf: expected a number up to {most}")
    return value


_AS_IT_IS: Final = "get the image anew, or record it as it is with --plain-file"


def _unreadable(image: DiskImage, value: dict[str, Any]) -> SourceError:
    if value["problem"] == "media" and isinstance(value.get("at"), int):
        return SourceError(
            f"the media in {image.first} cannot be read at byte {value['at']}: what the image "
            "holds there does not agree with the checksum that it has of it, or is missing",
            "media of the image unreadable",
            hint="get the image anew; without --check-image it is recorded as it is",
        )
    if value["problem"] == "files":
        return SourceError(
            f"the disk image {image.first} has {len(image.segments)} segments, more files than "
            "this system lets a program have open at once",
            "too many segments to be open at once",
            hint=f"let it have {len(image.segments) + 100}: ulimit -n, or your administrator",
        )
    return _broken(image, "it is damaged, encrypted, or of a kind that libewf does not know")


def _broken(image: DiskImage, why: str) -> SourceError:
    return SourceError(
        f"what the disk image {image.first} says of itself cannot be read: {why}",
        "disk image unreadable",
        hint=_AS_IT_IS,
    )
