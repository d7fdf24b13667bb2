r"""Which paths of a manifest can be written below a folder, on the disk where it lies.

A manifest is signed by whoever recorded the folder, and its names were chosen by whoever the folder
was taken from: a path could lead out of the folder, name a device, or be another path of the same
manifest on a disk that takes the two for one.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ledger.domain.files import path_names, windows_names

#: Bytes of a name that the file systems in use take.
_LONGEST: Final = 255


@dataclass(frozen=True, slots=True)
class Disk:
    """What a disk takes for one name, and whether Windows writes to it.

    ``cases``: names that differ in upper and lower case; ``forms``: names that differ in the way
    their letters are composed (NFC and NFD).
    """

    windows: bool = False
    cases: bool = False
    forms: bool = False

    def key(self, name: bytes) -> bytes:
        """What two names share that are one name on this disk."""
        text = name.decode("utf-8", "surrogateescape")
        if self.cases:
            text = unicodedata.normalize("NFD", text).casefold()
        if self.cases or self.forms:
            text = unicodedata.normalize("NFC", text)
        return text.encode("utf-8", "surrogateescape")


def why_not(path: bytes, disk: Disk) -> str:
    """Why a path of a manifest cannot be written below a folder; empty where it can."""
    if not path:
        return "it has no name"
    if b"\x00" in path:
        return "it holds a NUL byte"
    if path.startswith(b"/"):
        return "it is absolute"
    for name in path.split(b"/"):
        if name in (b"", b".", b".."):
            return "it leads out of the folder, or around in it"
        if len(name) > _LONGEST:
            return f"a name in it has more than {_LONGEST} bytes"
        if disk.windows and (why := _why_not_on_windows(name)):
            return why
    return ""


def _why_not_on_windows(name: bytes) -> str:
    try:
        return windows_names.why_not(name.decode())
    except UnicodeDecodeError:
        return "Windows takes no bytes in a name that are not UTF-8"


def refused(files: Iterable[bytes], folders: Iterable[bytes], disk: Disk) -> dict[bytes, str]:
    """The paths that cannot be written, each with the reason.

    Of paths that are one on this disk the first in the order of their bytes is written, and the
    others are refused with what lies in them; so is a file where a folder stands.

    Args:
        files: paths of members, none twice. folders: those of folders, the top (empty) left out.
    """
    found: dict[bytes, str] = {}
    wanted = sorted({(path, True) for path in files} | {(path, False) for path in folders if path})
    names: dict[bytes, bytes] = {}  # what a path is on this disk, and who has it
    as_folders = {
        disk.key(above) for path, is_file in wanted for above in _above(path, whole=not is_file)
    }
    for path, is_file in wanted:
        if why := why_not(path, disk):
            found[path] = why
            continue
        if is_file and disk.key(path) in as_folders:
            found[path] = "a folder has the same path"
            continue
        for part in _above(path, whole=True):
            if (first := names.setdefault(disk.key(part), part)) != part:
                found[path] = f"this disk takes it for {path_names.encode(first)}"
                break
    return found


def _above(path: bytes, *, whole: bool) -> Iterator[bytes]:
    """The folders that a path lies in, from the top; at last itself, where ``whole``."""
    names = path.split(b"/")
    for count in range(1, len(names) + whole):
        yield b"/".join(names[:count])
