"""What Linux, macOS and Windows do differently. Nothing else in the project asks where it runs.

- Windows opens no folder, has no links below a descriptor, no owner and no mode of a file that say
  who may read it: what guards a home there is the access list of its folder (docs/install.md).
- A file that is open there can be neither renamed nor removed, and one that is locked can be read
  by nobody else.
- macOS keeps in the disk's own memory what fsync has confirmed, unless it is asked for more.
"""

from __future__ import annotations

import errno
import ntpath
import os
import re
import shlex
import signal
import socket
import stat
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

#: Tests set it, to run what is meant for Windows; nothing of it was ever run there.
WINDOWS = sys.platform == "win32"

if sys.platform == "win32":
    #: Closed when another program is started; bytes as they are, no line breaks of text.
    CLOEXEC: Final = os.O_NOINHERIT | os.O_BINARY
    NOFOLLOW: Final = 0
    NONBLOCK: Final = 0
    DIRECTORY: Final = 0
    NOCTTY: Final = 0
    #: What asks a process to end.
    ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGBREAK)
else:
    CLOEXEC: Final = os.O_CLOEXEC
    NOFOLLOW: Final = os.O_NOFOLLOW
    NONBLOCK: Final = os.O_NONBLOCK
    DIRECTORY: Final = os.O_DIRECTORY
    NOCTTY: Final = os.O_NOCTTY
    ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_REPARSE_POINT: Final = 0x400  # FILE_ATTRIBUTE_REPARSE_POINT
#: Tags of what leads elsewhere: a symbolic link and a junction. Others are files, of a cloud's.
_LEADS_ELSEWHERE: Final = (0xA000000C, 0xA0000003)
_BUSY: Final = 2.0  # seconds for which a scanner of viruses may hold what was just written
_SHORT: Final = 240  # characters: beyond 260 Windows wants a path to be told in another way
#: Words that both shells of Windows take as they are.
_WORD: Final = re.compile(r"[\w./\\:+@-]+", re.ASCII)
#: What cmd (%, !) or PowerShell ($, `, quotation marks of any form) acts on within quotation marks.
_ACTED_ON: Final = re.compile('[%!$`"\u201c\u201d\u201e\r\n]')
_seeking = threading.Lock()


def open_own(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open a file of the project's own, never through a link; not inherited by other programs.

    Raises:
        OSError: it cannot be opened, or is a link (ELOOP).
    """
    if WINDOWS and is_link(path):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return os.open(path, flags | CLOEXEC | NOFOLLOW, mode)


def pread(fd: int, size: int, at: int) -> bytes:
    """Read at a place of an open file; the place of reading stays."""
    if sys.platform == "win32":
        return read_by_seeking(fd, size, at)
    return os.pread(fd, size, at)


def pwrite(fd: int, data: bytes, at: int) -> int:
    """Write at a place of an open file; returns how many bytes were written."""
    if sys.platform == "win32":
        return write_by_seeking(fd, data, at)
    return os.pwrite(fd, data, at)


def pwritev(fd: int, parts: Sequence[bytes | memoryview], at: int) -> int:
    """Write several parts at a place of an open file; returns how many bytes were written."""
    if sys.platform == "win32":
        return write_by_seeking(fd, b"".join(parts), at)
    return os.pwritev(fd, parts, at)


def read_by_seeking(fd: int, size: int, at: int) -> bytes:
    """See ``pread``; one thread at a time."""
    with _standing(fd, at):
        return os.read(fd, size)


def write_by_seeking(fd: int, data: bytes, at: int) -> int:
    """See ``pwrite``; one thread at a time."""
    with _standing(fd, at):
        return os.write(fd, data)


@contextmanager
def _standing(fd: int, at: int) -> Iterator[None]:
    """Have an open file stand at a place, and afterwards where it stood before."""
    with _seeking:
        before = os.lseek(fd, 0, os.SEEK_CUR)
        try:
            os.lseek(fd, at, os.SEEK_SET)
            yield
        finally:
            os.lseek(fd, before, os.SEEK_SET)


def fsync(fd: int) -> None:
    """Make what was written durable, in the disk's own memory too.

    Raises:
        OSError: the disk did not confirm.
    """
    if sys.platform == "darwin":
        import fcntl

        try:
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):
                raise
        else:
            return
    os.fsync(fd)


def sync_folder(path: Path) -> None:
    """Make a rename in a folder durable; NTFS writes its journal by itself."""
    if WINDOWS:
        return
    fd = os.open(path, os.O_RDONLY | CLOEXEC)
    try:
        fsync(fd)
    finally:
        os.close(fd)


def set_mode(fd: int, mode: int) -> None:
    """Set who may read an open file, where a mode says so."""
    if sys.platform != "win32":
        os.fchmod(fd, mode)


def modes_count() -> bool:
    """Whether the mode of a file says who may read and write it."""
    return not WINDOWS


def is_mine(found: os.stat_result) -> bool:
    """Whether a file belongs to whoever runs this; on Windows its access list decides."""
    if sys.platform == "win32":
        return True
    return WINDOWS or found.st_uid == os.geteuid()


def is_link(path: Path) -> bool:
    """Whether a path is a symbolic link or a junction; False where nothing is."""
    try:
        return leads_elsewhere(path.lstat())
    except OSError:
        return False


def leads_elsewhere(found: os.stat_result) -> bool:
    """Whether what was found, not followed, is a symbolic link or a junction."""
    if stat.S_ISLNK(found.st_mode):
        return True
    attributes: int = getattr(found, "st_file_attributes", 0)
    tag: int = getattr(found, "st_reparse_tag", 0)
    return bool(attributes & _REPARSE_POINT) and tag in _LEADS_ELSEWHERE


def is_sparse(found: os.stat_result) -> bool:
    """Whether a file has holes, as far as that is told."""
    blocks: int | None = getattr(found, "st_blocks", None)
    return blocks is not None and blocks * 512 < found.st_size


def changes_are_stamped() -> bool:
    """Whether a file's ctime is that of its last change, which nobody can set; on Windows it is
    that of its making.
    """
    return not WINDOWS


def attributes(fd: int) -> list[tuple[bytes, bytes]]:
    """Extended attributes of an open file or folder, where Python can read them."""
    found: list[tuple[bytes, bytes]] = []
    if sys.platform == "linux":
        try:
            names = sorted(map(os.fsencode, os.listxattr(fd)))
        except OSError:  # a file system without any
            return []
        for name in names:
            try:
                found.append((name, os.getxattr(fd, name)))
            except OSError:  # one that only others may read
                continue
    return found


def replace(source: Path, target: Path) -> None:
    """Give a file or folder another name, in the place of a file that has it. On Windows a scanner
    of viruses may hold either for a moment, which is waited for.

    Raises:
        OSError: the disk refused.
    """
    end = time.monotonic() + _BUSY
    while True:
        try:
            source.replace(target)
        except PermissionError:
            if not WINDOWS or time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def is_read_only(fd: int) -> bool:
    """Whether an open file can only be read.

    Raises:
        OSError: it is not open.
    """
    if sys.platform == "win32":
        os.fstat(fd)
        return False  # writing will say so
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY


def is_inherited(fd: int) -> bool:
    """Whether a descriptor was handed to this process by the one that started it.

    Raises:
        OSError: it is not open.
    """
    if sys.platform == "win32":
        os.fstat(fd)
        return fd <= 2
    return os.get_inheritable(fd)


def least_environment() -> dict[str, str]:
    """The least that a program needs to start: nothing, and on Windows where the system lies."""
    return {name: os.environ[name] for name in ("SYSTEMROOT",) if WINDOWS and name in os.environ}


def shell_word(text: str) -> str:
    """A word of a command as the shell of this system reads it.

    On Windows that may be cmd or PowerShell, which agree on few characters: what either of them
    would act on within quotation marks stands as a question mark. The command then finds no such
    file; it starts no other program.
    """
    if not WINDOWS:
        return shlex.quote(text)
    if _WORD.fullmatch(text):
        return text
    word = _ACTED_ON.sub("?", text)
    # Backslashes before the closing quotation mark would make it a part of the word.
    return '"' + word + "\\" * (len(word) - len(word.rstrip("\\"))) + '"'


def connected(path: Path) -> socket.socket:
    """A socket of the file system, connected.

    Raises:
        OSError: nobody listens, or there are none here.
    """
    if sys.platform == "win32":
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), str(path))
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        link.connect(str(path))
    except OSError:
        link.close()
        raise
    return link


def long_path(path: str) -> str:
    r"""A path of any length as Windows takes it (``\\?\``); elsewhere, and where it is short, as it
    is.
    """
    if not WINDOWS:
        return path
    whole = ntpath.abspath(path)
    if len(whole) < _SHORT or whole.startswith(("\\\\?\\", "\\\\.\\")):
        return path
    if whole.startswith("\\\\"):
        return "\\\\?\\UNC\\" + whole[2:]
    return "\\\\?\\" + whole
