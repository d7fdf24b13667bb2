"""Reads a disk image with libewf, in a process of its own that may use little and write nothing.

libewf is C, and an image may have been made to break it: whatever happens to this process happens
to nothing else. It is started as a program by itself (image_reader.py), imports nothing of this
project, and holds no key.

It reads a line of JSON from its standard input: {"paths", "media": whether to read all of the
media, "memory": bytes, "seconds": of the processor}. It writes lines of JSON: {"read": bytes so
far} from time to time, and in the end {"header", "digests", "mediaSize", "sectorSize", "found"} or
{"problem": what could not be done, "at": where}.
"""

import hashlib
import importlib
import json
import sys
from typing import Any

_CHUNK = 1 << 20
_TOLD_EACH = 64 << 20  # bytes between two lines that say how far it is
_OPENED_EACH = 16 << 30  # bytes of media for which libewf is opened
_OTHER_FILES = 32  # that Python has open
_LONGEST = 4096  # characters of one value of the header
_MANY = 64  # values of the header, and digests
_HASHES = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256"}


def _has_room(files: int) -> bool:
    """Whether this process may have so many files open, as libewf has all segments at once; it is
    allowed as many as the system lets it.
    """
    if sys.platform == "win32":
        return True
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unbounded = resource.RLIM_INFINITY
    if hard != unbounded and hard < files:
        return False
    if soft not in (unbounded, hard) and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return True


def _limit(memory: int, seconds: int) -> None:
    """Bound what this process may take: memory, time of the processor; files and traces of a crash
    it may not write at all, nor start another process.
    """
    if sys.platform != "win32":
        import resource

        for what, most in (
            (resource.RLIMIT_AS, memory),
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_FSIZE, 0),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_NPROC, 0),
        ):
            resource.setrlimit(what, (most, most))


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def _opened(paths: list[str]) -> Any:
    """The image, opened by libewf: by its name, as it is an extra, and nothing else of the project
    needs it to be there.
    """
    handle = importlib.import_module("pyewf").handle()
    handle.open(paths)
    return handle


def _texts(values: dict[Any, Any]) -> dict[str, str]:
    """The values of a header that are texts, each cut where it is longer than any that is meant;
    halves of characters, which no text has, as question marks.
    """
    pairs = [(str(name), value) for name, value in values.items() if isinstance(value, str)]
    return {_whole(name): _whole(value) for name, value in pairs[:_MANY]}


def _whole(text: str) -> str:
    return text[:_LONGEST].encode(errors="replace").decode()


class _StoppedError(Exception):
    """libewf cannot read on. ``at``: where in the media."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at


def _media(paths: list[str], size: int, wanted: list[str]) -> dict[str, str]:
    """Digests of the whole media; says how far it is.

    libewf keeps what it has read of the tables of an image, five megabytes for each gigabyte of
    media: it is opened anew from time to time.

    Raises:
        _StoppedError: libewf cannot read on.
    """
    running = {name: hashlib.new(name, usedforsecurity=False) for name in wanted}
    handle = _opened(paths)
    read = told = opened = 0
    while read < size:
        try:
            if read - opened >= _OPENED_EACH:
                handle.close()
                handle, opened = _opened(paths), read
                handle.seek(read)
            data = handle.read_buffer(min(_CHUNK, size - read))
        except (OSError, MemoryError, ValueError, RuntimeError) as error:
            raise _StoppedError(read) from error
        if not data:
            raise _StoppedError(read)
        for one in running.values():
            one.update(data)
        read += len(data)
        if read - told >= _TOLD_EACH or read == size:
            told = read
            _say({"read": read})
    return {name: one.hexdigest() for name, one in running.items()}


def main() -> None:
    """Read what standard input asks for."""
    asked = json.loads(sys.stdin.readline())
    if not _has_room(len(asked["paths"]) + _OTHER_FILES):
        _say({"problem": "files", "at": 0})
        return
    _limit(asked["memory"], asked["seconds"])
    try:
        handle = _opened(asked["paths"])
        size = handle.get_media_size()
        stored = _texts(handle.get_hash_values())
        told = {
            "header": _texts(handle.get_header_values()),
            "digests": stored,
            "mediaSize": size,
            "sectorSize": handle.get_bytes_per_sector(),
        }
        handle.close()
    except (OSError, MemoryError, ValueError, RuntimeError):
        _say({"problem": "open", "at": 0})
        return
    found: dict[str, str] = {}
    if asked["media"]:
        wanted = [_HASHES[name] for name in stored if name in _HASHES]
        try:
            found = _media(asked["paths"], size, wanted)
        except _StoppedError as stopped:
            _say({"problem": "media", "at": stopped.at})
            return
    _say({**told, "found": found})


if __name__ == "__main__":
    main()
