"""A folder that is written into, held open meanwhile: nothing is written through a link or past
the folder, whatever stands in it already, or is put there while it is written.

By descriptor everything is opened and named inside the open folder. Windows opens no folder: there
each step is taken by its path, once it was looked whether something there leads elsewhere.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from ledger import system
from ledger.domain.files.restored_names import Disk

#: How files end that have no name yet (ledger/adapters/files.py removes what was left of them).
PART: Final = ".custody-part"
_FOLDER: Final = os.O_RDONLY | system.CLOEXEC | system.DIRECTORY | system.NOFOLLOW
_READ: Final = os.O_RDONLY | system.CLOEXEC | system.NOFOLLOW | system.NONBLOCK
_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | system.CLOEXEC | system.NOFOLLOW
_RIGHTS: Final = 0o777  # a recorded mode may hold more: set-user-id for whoever wrote it here
_OWNER: Final = 0o700
_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class WrittenFolder:
    """An open folder. Methods raise OSError where the disk refuses, or something else stands there.

    Args:
        path: where it is, which Windows alone goes by. fd: its descriptor; None on Windows.
    """

    def __init__(self, path: str, fd: int | None) -> None:
        self._path, self._fd = path, fd

    def _at(self, name: bytes) -> str | bytes:
        """A name in the folder, as the calls of the system take it beside ``dir_fd``."""
        if self._fd is not None:
            return name
        return system.long_path(os.path.join(self._path, os.fsdecode(name)))  # noqa: PTH118

    def found(self, name: bytes) -> os.stat_result | None:
        """What stands there, links not followed; None where nothing does."""
        try:
            return os.stat(self._at(name), dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def _require_here(self, name: bytes) -> None:
        found = self.found(name)
        if found is not None and system.leads_elsewhere(found):
            raise OSError(errno.ELOOP, "a symbolic link stands there")

    def folder(self, name: bytes) -> WrittenFolder:
        """A folder in it, made for its owner alone where nothing stands there, and one that may be
        written: the mode that it is to have in the end is set by ``settle``.
        """
        self._require_here(name)
        with suppress(FileExistsError):
            os.mkdir(self._at(name), _OWNER, dir_fd=self._fd)
        if self._fd is None:
            found = self.found(name)
            if found is None or not stat.S_ISDIR(found.st_mode) or system.leads_elsewhere(found):
                raise NotADirectoryError(errno.ENOTDIR, "something else than a folder stands there")
            return WrittenFolder(os.fspath(os.fsdecode(self._at(name))), None)
        try:
            fd = os.open(self._at(name), _FOLDER, dir_fd=self._fd)
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise OSError(error.errno, "something else than a folder stands there") from error
            raise
        mode = stat.S_IMODE(os.fstat(fd).st_mode)
        if mode & _OWNER != _OWNER:
            with suppress(OSError):  # whoever may not change it learns that when they write
                system.set_mode(fd, mode | _OWNER)
        return WrittenFolder(self._path, fd)

    @contextmanager
    def below(self, names: Sequence[bytes]) -> Iterator[WrittenFolder]:
        """The folder at a path below it; those on the way are made where they are missing."""
        with ExitStack() as stack:
            folder = self
            for name in names:
                folder = folder.folder(name)
                stack.callback(folder.close)
            yield folder

    def open(self, name: bytes) -> BinaryIO | None:
        """A regular file in it, for reading; None where nothing stands there.

        Raises:
            OSError: something else does.
        """
        found = self.found(name)
        if found is None:
            return None
        if not stat.S_ISREG(found.st_mode):
            kind = "symbolic link" if system.leads_elsewhere(found) else "something else"
            raise OSError(errno.EEXIST, f"a {kind} stands there".replace("a some", "some"))
        file = os.fdopen(os.open(self._at(name), _READ, dir_fd=self._fd), "rb")
        if not os.path.samestat(os.fstat(file.fileno()), found):
            file.close()
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return file

    @contextmanager
    def new(self) -> Iterator[tuple[BinaryIO, bytes]]:
        """A new file without a name of its own yet, and the name that it has meanwhile; removed
        where the block ends without ``put``.
        """
        name = f".{secrets.token_hex(8)}{PART}".encode()
        file = os.fdopen(os.open(self._at(name), _NEW, 0o600, dir_fd=self._fd), "w+b")
        try:
            yield file, name
        finally:
            file.close()
            with suppress(FileNotFoundError):
                os.unlink(self._at(name), dir_fd=self._fd)

    def require_writable(self) -> None:
        """Try whether a file can be made in it: nothing is signed for one that cannot.

        Raises:
            OSError: none can.
        """
        with self.new():
            pass

    def put(self, made: bytes, folder: WrittenFolder, name: bytes, *, force: bool) -> None:
        """Give a file that was made here, and is closed, its name in a folder below.

        Args:
            force: take the place of a file that stands there; a link there goes, and is not
                followed.
        """
        source, target = self._at(made), folder._at(name)
        ends = {"src_dir_fd": self._fd, "dst_dir_fd": folder._fd}
        if not force:
            try:
                os.link(source, target, follow_symlinks=False, **ends)
            except OSError as error:
                if error.errno not in _NO_LINKS and not system.WINDOWS:
                    raise
            else:
                return
            if folder.found(name) is not None:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.replace(source, target, **ends)  # noqa: PTH105  (in open folders)

    def close(self) -> None:
        """Let it go."""
        if self._fd is not None:
            os.close(self._fd)

    def settle(self, mode: int | None, modified: int) -> None:
        """Give the folder itself its mode and its time of modification.

        Args:
            mode: None leaves it. modified: nanoseconds since 1970.
        """
        _settle(self._fd if self._fd is not None else self._path, mode, modified)

    def settle_file(self, file: BinaryIO, name: bytes, mode: int, modified: int) -> None:
        """Give an open file in it its mode and its time of modification; see ``settle``.

        Raises:
            OSError: the disk refused, or cannot hold that time.
        """
        place = file.fileno() if self._fd is not None else os.fsdecode(self._at(name))
        _settle(place, mode, modified)

    def disk(self) -> Disk:
        """What the disk takes for one name, which nothing tells but trying."""
        stem = f".{secrets.token_hex(8)}"
        made = f"{stem}-\u00e9A{PART}"
        name = made.encode()
        os.close(os.open(self._at(name), _NEW, 0o600, dir_fd=self._fd))
        try:
            others = (
                made.replace("A", "a"),
                unicodedata.normalize("NFD", made),
            )
            cases, forms = (self.found(other.encode()) is not None for other in others)
        finally:
            os.unlink(self._at(name), dir_fd=self._fd)
        return Disk(system.WINDOWS, cases, forms)


def _settle(place: int | str, mode: int | None, modified: int) -> None:
    if mode is not None and isinstance(place, int):
        system.set_mode(place, mode & _RIGHTS)
    try:
        os.utime(place, ns=(modified, modified))
    except OverflowError as error:
        raise OSError(errno.EOVERFLOW, "the recorded time is none that this disk holds") from error


def open_top(path: Path) -> WrittenFolder:
    """The folder that a person named, made for them alone where it is missing; a link is followed.

    Raises:
        OSError: it cannot be made or opened, or is none.
    """
    path.mkdir(mode=_OWNER, parents=True, exist_ok=True)
    if system.WINDOWS:
        return WrittenFolder(os.path.realpath(path), None)
    fd = os.open(path, os.O_RDONLY | system.CLOEXEC | system.DIRECTORY)
    return WrittenFolder(str(path), fd)
