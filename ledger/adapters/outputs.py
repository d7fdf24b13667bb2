"""Files that a person asked for with --output.

- A regular file appears beside its name and is renamed when all went well; one that is there is
  overwritten on request only. What a killed process left in the same folder is removed.
- A link is followed: what it points to is written, and it stays a link.
- ``-`` is stdout.
- Devices, pipes and sockets are written through: a file in their place would be a surprise, and for
  /dev/null a broken system.
- A disk (block device) is overwritten on request only.

What can be known is known before the block begins, in which something may be signed or paid for:
whether the name is possible there, and whether a descriptor (``-``, /dev/stdout, /dev/fd/N) is one
that the caller opened for writing.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from ledger import system
from ledger.adapters import files
from ledger.domain.errors import UnwrittenError, UsageError
from ledger.domain.files import windows_names

_NAMED: Final = {"-": 1, "/dev/stdout": 1, "/dev/stderr": 2}
_NUMBER: Final = re.compile(r"\d{1,6}", re.ASCII)
_LINKS: Final = 40  # as many as Linux follows


@contextmanager
def writing(path: Path, *, force: bool, mode: int = 0o600) -> Iterator[BinaryIO]:
    """Open what ``path`` names for writing; a regular file that is new is gone again where the
    block fails.

    Raises:
        UsageError: it exists already and ``force`` does not allow to overwrite it, or it is a
            folder, or a descriptor that was not opened for writing. UnwrittenError: it cannot be
            written.
    """
    descriptor = _descriptor(path)
    kind = None if descriptor is not None else _kind(path)
    if (kind is None and descriptor is None) or kind == stat.S_IFREG:
        target = Path(os.path.realpath(path)) if _is_link(path) else path
        with files.replacing(target, mode=mode, force=force) as file:
            _require_possible(target)
            files.remove_leftovers(target.parent)
            yield file
        return
    if kind == stat.S_IFDIR:
        raise UsageError(f"{path} is a folder", hint=f"name a file in it, such as {path / 'out'}")
    if kind == stat.S_IFBLK and not force:
        raise UsageError(
            f"{path} is a disk, and everything on it would be overwritten",
            hint="name a file, or say --force",
        )
    if descriptor is not None:
        _require_given(path, descriptor)
    try:
        with ExitStack() as stack:
            file = stack.enter_context(_through(path, kind, descriptor))
            yield file
            file.flush()
    except OSError as error:
        raise UnwrittenError(
            f"cannot write {path}: {error.strerror}", hint="look at whatever reads from there"
        ) from error


def is_stdout(path: Path) -> bool:
    """Whether what is written there goes where results are printed."""
    if _descriptor(path) == 1:
        return True
    try:
        there, here = path.stat(), os.fstat(1)
    except OSError:
        return False
    return os.path.samestat(there, here) and not stat.S_ISREG(there.st_mode)


def exists(path: Path) -> bool:
    """Whether something is there already that would be written over or through."""
    return _descriptor(path) is not None or os.path.lexists(path)


def is_within(path: Path, top: Path) -> bool:
    """Whether a path is the same file as ``top``, or lies in the folder ``top``, whatever links or
    spellings name them; a descriptor counts as the file behind it.
    """
    try:
        wanted = top.stat()
    except OSError:
        return False  # nothing there that could be lost
    descriptor = _descriptor(path)
    places = [] if descriptor is not None else [path, *Path(os.path.realpath(path)).parents]
    for place in [descriptor, *places]:
        if place is not None:
            with suppress(OSError):
                if os.path.samestat(os.stat(place), wanted):  # noqa: PTH116  (a number as well)
                    return True
    return False


def _descriptor(path: Path) -> int | None:
    """The number of the descriptor of this process that a path names, itself or through links."""
    own = re.compile(rf"/dev/fd|/proc/(?:self|{os.getpid()})(?:/task/\d+)?/fd", re.ASCII)
    for _ in range(_LINKS):
        if str(path) in _NAMED:
            return _NAMED[str(path)]
        folder = os.path.realpath(path.parent)
        if own.fullmatch(folder) and _NUMBER.fullmatch(path.name):
            return int(path.name)
        if not _is_link(path):
            return None
        path = Path(folder) / path.readlink()
    return None


def _is_link(path: Path) -> bool:
    return os.path.islink(path)  # noqa: PTH114  (unlike pathlib it raises for no path; what is wrong with it is told at opening)


def _require_given(path: Path, descriptor: int) -> None:
    """Refuse a descriptor that nobody handed to us for writing.

    A number that the caller left closed is taken by whatever this process opens first: /dev/null
    (cli/start.py), or a database. What was inherited came through exec, so it is not closed by it;
    everything that Python opens itself is.

    Raises:
        UsageError: it was closed, or opened for reading only.
    """
    try:
        given = system.is_inherited(descriptor)
        readable_only = system.is_read_only(descriptor)
    except OSError:
        given = readable_only = False
    if not given:
        raise UsageError(f"{path} was not open when this began", hint="name a file, or redirect it")
    if readable_only:
        raise UsageError(
            f"{path} is open for reading only", hint="name a file, or redirect it for writing"
        )


def _require_possible(path: Path) -> None:
    """Refuse a name that cannot be there, such as one that is too long, or has a colon on a FAT
    stick.

    Nothing tells but trying. A folder is made and removed, never a file: what somebody puts in its
    place meanwhile is not removed.

    Raises:
        UnwrittenError: the disk refuses the name.
    """
    if system.WINDOWS and (why := windows_names.why_not(path.name)):
        raise UnwrittenError(f"cannot write {path}: {why}", hint="name another file")
    try:
        path.mkdir(mode=0o700)
        path.rmdir()
    except FileExistsError:
        return  # a file that is to be replaced
    except OSError as error:
        raise UnwrittenError(
            f"cannot write {path}: {error.strerror}", hint="name another file"
        ) from error


def _kind(path: Path) -> int | None:
    try:
        return stat.S_IFMT(path.stat().st_mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UsageError(
                f"{path} is a link that leads to itself", hint="name another file"
            ) from error
        return None


def _through(path: Path, kind: int | None, descriptor: int | None) -> BinaryIO:
    if descriptor is not None:
        return os.fdopen(os.dup(descriptor), "wb")
    if kind == stat.S_IFSOCK:
        with system.connected(path) as link:
            return link.makefile("wb")
    return os.fdopen(
        os.open(path, os.O_WRONLY | system.CLOEXEC | system.NOCTTY), "wb"
    )  # no O_TRUNC, no O_CREAT: it is there
