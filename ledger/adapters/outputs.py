"""Files that a person asked for with --output.

- A regular file appears beside its name and is renamed when all went well; one that is there is overwritten on request only.
- A link is followed: what it points to is written, and it stays a link.
- ``-`` is stdout.
- Devices, pipes and sockets are written through: a file in their place would be a surprise, and for /dev/null a broken system.
- A disk (block device) is overwritten on request only.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from ledger.adapters import files
from ledger.domain.errors import StorageError, UsageError

_DESCRIPTOR: Final = re.compile(r"(?P<dash>-)|/dev/(?:fd/(?P<fd>\d{1,6})|(?P<name>stdout|stderr))|/proc/self/fd/(?P<proc>\d{1,6})")
_STREAMS: Final = {"stdout": 1, "stderr": 2}


@contextmanager
def writing(path: Path, *, force: bool, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open what ``path`` names for writing; a regular file that is new is gone again where the block fails.

    Raises:
        UsageError: it exists already and ``force`` does not allow to overwrite it, or it is a folder. StorageError: it cannot be written.
    """
    descriptor = _descriptor(path)
    kind = None if descriptor is not None else _kind(path)
    if (kind is None and descriptor is None) or kind == stat.S_IFREG:
        with files.replacing(Path(os.path.realpath(path)) if path.is_symlink() else path, mode=mode, force=force) as file:
            yield file
        return
    if kind == stat.S_IFDIR:
        raise UsageError(f"{path} is a folder", hint=f"name a file in it, such as {path / 'out'}")
    if kind == stat.S_IFBLK and not force:
        raise UsageError(f"{path} is a disk, and everything on it would be overwritten", hint="name a file, or say --force")
    try:
        with ExitStack() as stack:
            file = stack.enter_context(_through(path, kind, descriptor))
            yield file
            file.flush()
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}", hint="look at whatever reads from there") from error


def is_stdout(path: Path) -> bool:
    """Whether what is written there goes where results are printed."""
    if _descriptor(path) == 1:
        return True
    try:
        there, here = path.stat(), os.fstat(1)
    except OSError:
        return False
    return os.path.samestat(there, here) and not stat.S_ISREG(there.st_mode)


def _descriptor(path: Path) -> int | None:
    found = _DESCRIPTOR.fullmatch(str(path))
    if found is None:
        return None
    if found["dash"]:
        return 1
    return _STREAMS[found["name"]] if found["name"] else int(found["fd"] or found["proc"])


def _kind(path: Path) -> int | None:
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UsageError(f"{path} is a link that leads to itself", hint="name another file") from error
        return None


def _through(path: Path, kind: int | None, descriptor: int | None) -> BinaryIO:
    if descriptor is not None:
        return os.fdopen(os.dup(descriptor), "wb")
    if kind == stat.S_IFSOCK:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.connect(str(path))
            return link.makefile("wb")
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY), "wb")  # no O_TRUNC, no O_CREAT: it is there
