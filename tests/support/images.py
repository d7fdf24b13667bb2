"""Disk images as ewfacquire makes them: another program than the one that reads them."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

SECTOR = 512


def media(sectors: int = 400, seed: int = 20261121) -> bytes:
    """The bytes of a disk."""
    return random.Random(seed).randbytes(sectors * SECTOR)


def acquire(
    folder: Path, name: str = "phone", *options: str, sectors: int = 400, data: bytes = b""
) -> Path:
    """An image of a small disk; its first segment.

    Args:
        options: of ewfacquire, such as -S for the size of a segment. data: of the disk.
    """
    program = shutil.which("ewfacquire")
    if program is None:
        pytest.fail("these tests make disk images with ewfacquire: apt-get install ewf-tools")
    source = folder / "disk.raw"
    source.write_bytes(data or media(sectors))
    told = {"-C": "2026-117", "-E": "A1", "-e": "J. Jansen", "-D": "phone", "-N": "as found"}
    given = dict(zip(options[::2], options[1::2], strict=True))
    words = [word for pair in (told | given).items() for word in pair]
    subprocess.run(
        [program, "-u", "-q", *words, "-t", str(folder / name), str(source)],
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    source.unlink()
    [first] = [one for one in folder.iterdir() if one.stem == name and one.suffix[2:] == "01"]
    return first


def several(folder: Path, name: str = "phone") -> list[Path]:
    """An image of five segments."""
    acquire(folder, name, "-S", "1MiB", sectors=9000)
    found = sorted(folder.glob(f"{name}.E0?"))
    assert len(found) == 5
    return found


def alter(image: Path, part: bytes) -> None:
    """Change a bit of what stands in a file."""
    data = bytearray(image.read_bytes())
    data[data.index(part)] ^= 1
    image.write_bytes(data)


def header(image: Path) -> dict[str, str]:
    """What an image says of itself, by its own letters, read without libewf."""
    data = image.read_bytes()
    at = 13
    while (name := data[at : at + 16].rstrip(b"\0")) != b"header":
        (at,) = struct.unpack_from("<Q", data, at + 16)
        assert name != b"done"
    lines = zlib.decompress(data[at + 76 :]).decode("ascii").splitlines()
    return dict(zip(lines[2].split("\t"), lines[3].split("\t"), strict=False))


def without_digests(image: Path) -> None:
    """Leave out of an image of one segment what says which digest its media have."""
    data = image.read_bytes()
    at = 13
    while data[at : at + 16].rstrip(b"\0") not in (b"hash", b"digest"):
        (at,) = struct.unpack_from("<Q", data, at + 16)
    image.write_bytes(data[:at] + _section(b"done", at, 76))


def with_read_errors(image: Path, errors: list[tuple[int, int]]) -> None:
    """Write into an image of one segment that these stretches of sectors could not be read, as
    EnCase does: a section before the last one.
    """
    data = image.read_bytes()
    at, done = 13, 0
    while not done:
        name, following = struct.unpack_from("<16sQ", data, at)
        done = at if name.rstrip(b"\0") == b"done" else 0
        at = following
    listed = b"".join(struct.pack("<II", *one) for one in errors)
    head = struct.pack("<I", len(errors)).ljust(516, b"\0")
    body = head + _checked(head) + listed + _checked(listed)
    behind = done + 76 + len(body)
    section = _section(b"error2", behind, 76 + len(body)) + body
    image.write_bytes(data[:done] + section + _section(b"done", behind, 76))


def _section(name: bytes, following: int, size: int) -> bytes:
    descriptor = struct.pack("<16sQQ", name, following, size).ljust(72, b"\0")
    return descriptor + _checked(descriptor)


def _checked(data: bytes) -> bytes:
    return struct.pack("<I", zlib.adler32(data))
