"""Wheel and source archive, the same bytes whenever and wherever they are built from one commit.

- they are built from a copy of the files that git knows, never from the working folder: what lies
  there besides, such as a home, cannot come along
- every time stamp is that of the commit (SOURCE_DATE_EPOCH), every mode one of two
- setuptools leaves owners and times of the builder in a source archive, so it is packed anew
"""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

_BUILD: Final = "from setuptools import build_meta; import sys; build_meta.build_{}(sys.argv[1])"
_EPOCH: Final = 315_532_800  # 1980: a ZIP file knows nothing earlier


def committed(root: Path) -> int:
    """The time of the commit that is checked out, in seconds since 1970."""
    said = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=root, check=True, capture_output=True, text=True
    )
    return max(int(said.stdout), _EPOCH)


def changed(root: Path) -> list[str]:
    """What in the working folder differs from the commit, as git tells it. What git does not know,
    such as evidence of somebody who tries things out, goes into no release.
    """
    said = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    return said.stdout.splitlines()


def copy_source(root: Path, into: Path, *, new: bool = False) -> Path:
    """The files that git knows, as they lie in the working folder, with one of two modes.

    Args:
        new: those as well that nobody added yet.
    """
    more = ["--others", "--exclude-standard"] if new else []
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", *more],
        cwd=root,
        check=True,
        capture_output=True,
    )
    for name in sorted(filter(None, listed.stdout.split(b"\0"))):
        source, target = root / os.fsdecode(name), into / os.fsdecode(name)
        if not source.is_file() or source.is_symlink():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
        target.chmod(0o755 if source.stat().st_mode & 0o100 else 0o644)
    for folder in [into, *(path for path in into.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    return into


def build(source: Path, into: Path, moment: int, *kinds: str) -> list[Path]:
    """Build from a copy of the source, with the setuptools of this environment.

    Args:
        moment: seconds since 1970, which every time stamp says.
        kinds: "wheel" and "sdist".

    Returns:
        the files, in the order of the kinds.
    """
    into.mkdir(parents=True, exist_ok=True)
    settings = {**os.environ, "SOURCE_DATE_EPOCH": str(moment), "TZ": "UTC", "PYTHONHASHSEED": "0"}
    before = set(into.iterdir())
    made = []
    for kind in kinds:
        subprocess.run(
            [sys.executable, "-c", _BUILD.format(kind), str(into)],
            cwd=source,
            env=settings,
            check=True,
            capture_output=True,
            umask=0o022,
        )
        [file] = set(into.iterdir()) - before
        before.add(file)
        if kind == "sdist":
            file.write_bytes(repacked(file.read_bytes(), moment))
        made.append(file)
    return made


def repacked(archive: bytes, moment: int) -> bytes:
    """A source archive without anything of whoever built it: sorted, owned by nobody, of one
    time.
    """
    plain = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as old,
        tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda one: one.name):
            fresh = tarfile.TarInfo(member.name)
            fresh.size, fresh.type, fresh.mtime = member.size, member.type, moment
            fresh.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(fresh, old.extractfile(member) if member.isfile() else None)
    packed = io.BytesIO()
    with gzip.GzipFile("", "wb", compresslevel=9, fileobj=packed, mtime=moment) as stream:
        stream.write(plain.getvalue())
    return packed.getvalue()
