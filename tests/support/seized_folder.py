"""A folder as it may be seized: files and folders with times and rights of their own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

TIME: Final = 1_600_000_000_123_456_789


def make(top: Path) -> Path:
    """Three files, one of them empty, and folders, two of them empty and one that is read-only."""
    (top / "sub" / "deep").mkdir(parents=True)
    (top / "empty" / "inner").mkdir(parents=True)
    (top / "a.txt").write_bytes(b"first")
    (top / "sub" / "b.bin").write_bytes(os.urandom(100_000))
    (top / "sub" / "deep" / "c").write_bytes(b"")
    (top / "a.txt").chmod(0o4640)
    (top / "sub" / "deep").chmod(0o555)
    for number, path in enumerate(sorted(top.rglob("*"), reverse=True)):
        os.utime(path, ns=(0, TIME + number))
    os.utime(top, ns=(0, TIME - 5))
    return top


def let_go(above: Path) -> None:
    """Let what is read-only below a folder be removed."""
    for path in above.rglob("deep"):
        path.chmod(0o755)


def facts(top: Path) -> dict[str, tuple[int, int, bytes | None]]:
    """Rights, time and content of what lies below a folder."""
    found = {}
    for path in sorted(top.rglob("*")):
        told = path.lstat()
        data = path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(top))] = (told.st_mode & 0o777, told.st_mtime_ns, data)
    return found
