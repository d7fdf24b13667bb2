"""What lies below a folder, found through open folders and never by path twice: what is swapped
meanwhile is not followed.

- a folder is opened inside the folder that lists it, without following links, so a path may be
  longer than the system allows
- what cannot be listed or opened is an omission with its reason, never the end of the walk
- custody's own files are left out (ledger/domain/files/custody_files.py)
- what the person excluded is an omission that says by which pattern; a folder of it is not opened
- names in the order of their bytes: the same folder gives the same walk
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger import system
from ledger.client.files.open_folder import OpenFolder, open_below, open_folder
from ledger.domain.errors import SourceError
from ledger.domain.files import custody_files
from ledger.domain.files.manifest import Facts, Folder, Omission
from ledger.domain.files.path_globs import PathGlobs

_KINDS: Final = (
    (stat.S_ISREG, "file"),
    (stat.S_ISDIR, "folder"),
    (stat.S_ISLNK, "symbolic link"),
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISBLK, "block device"),
    (stat.S_ISCHR, "character device"),
    (stat.S_ISSOCK, "socket"),
)
OWN: Final = "custody's own files"
#: Why what the run itself works with is left out. Everything else of custody's is told by its looks
#: alone, which whoever wants to keep a file from the record can give it.
IN_USE: Final = f"{OWN}: folder or file in use"
#: Why what whoever uploads it left out on purpose is not there, before the pattern.
EXCLUDED: Final = "excluded"
NOT_REGULAR: Final = "not a regular file"
# bytes of a path: four characters a byte where none is UTF-8, and a document holds 65,536
_LONGEST: Final = 16000
#: A file or folder by device and inode.
Known = Collection[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class File:
    """A regular file to be opened in the folder ``parent``. ``path`` is relative to the folder that
    is walked.
    """

    parent: OpenFolder
    name: bytes
    path: bytes

    def open(self) -> int:
        """A descriptor for reading.

        Raises:
            OSError: it cannot be opened, or is a link by now.
        """
        return self.parent.open(self.name)


@dataclass(slots=True)
class _Level:
    folder: OpenFolder
    path: bytes
    folders: list[bytes]  # still to be walked, the next one last


def kind_of(mode: int) -> str:
    """What a file is by its mode."""
    return next((name for test, name in _KINDS if test(mode)), "unknown")


def reason_of(error: OSError) -> str:
    """Why something could not be read, for a signed record: never a path."""
    return f"unreadable: {os.strerror(error.errno) if error.errno else 'input/output error'}"


def facts_of(
    found: os.stat_result,
    attributes: Sequence[tuple[bytes, bytes]],
    same_as: bytes | None = None,
) -> Facts:
    """What the file system says of an open file or folder."""
    folder = stat.S_ISDIR(found.st_mode)
    return Facts(
        found.st_mode & 0o7777,
        found.st_uid,
        found.st_gid,
        found.st_mtime_ns,
        1 if folder else found.st_nlink,
        same_as,
        not folder and system.is_sparse(found),
        tuple(attributes),
    )


def is_excluded(omission: Omission) -> bool:
    """Whether somebody left it out on purpose."""
    return omission.reason.startswith(f"{EXCLUDED}: ")


def walk(
    folder: Path,
    own: Known = (),
    excluded: PathGlobs | None = None,
    root: Path | None = None,
) -> Generator[File | Folder | Omission, None, None]:
    """Everything below a folder and the folder itself: files of a folder before the folders in it.

    A ``File`` can be opened until the next one is asked for.

    Args:
        own: files and folders of custody's that are known to lie somewhere. excluded: what is left
            out by its path. root: from which on no link is followed on the way to the folder.

    Raises:
        SourceError: the folder itself cannot be read.
    """
    levels: list[_Level] = []
    try:
        try:
            opened = open_below(root, folder) if root is not None else open_folder(folder)
            top = _enter(opened, b"", own)
        except OSError as error:
            raise SourceError(
                f"cannot read {folder}: {error.strerror}",
                reason_of(error),
                hint="check your permissions",
            ) from error
        yield from _level(top, levels, excluded)
        while levels:
            level = levels[-1]
            if not level.folders:
                levels.pop().folder.close()
                continue
            name = level.folders.pop()
            path = level.path + b"/" + name if level.path else name
            try:
                entered = _enter(level.folder.enter(name), path, own)
            except OSError as error:
                yield Omission(path, "folder", reason_of(error))
                continue
            yield from _level(entered, levels, excluded)
    finally:
        for level in levels:
            level.folder.close()


@dataclass(slots=True)
class _Entered:
    folder: OpenFolder
    path: bytes
    names: list[tuple[bytes, str]]  # with what each is
    broken: str = ""  # why the list has an end before its time
    own: str = ""  # why it is left out as custody's own


def _enter(folder: OpenFolder, path: bytes, own: Known) -> _Entered:
    """List an open folder; an error leaves the list as far as it came."""
    entered = _Entered(folder, path, [])
    try:
        with folder.scan() as entries:
            for entry in entries:
                entered.names.append((os.fsencode(entry.name), _kind(entry)))
    except OSError as error:
        entered.broken = reason_of(error)
    entered.names.sort()
    found = folder.stat()
    if (found.st_dev, found.st_ino) in own:
        entered.own = IN_USE
    elif kind := custody_files.folder_kind(
        {os.fsdecode(name) for name, _ in entered.names}, _head_in(folder), _names_in(folder)
    ):
        entered.own = f"{OWN}: {kind}"
    return entered


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if system.WINDOWS and system.leads_elsewhere(entry.stat(follow_symlinks=False)):
            return "symbolic link"  # or a junction, which Python takes for a folder
        if entry.is_file(follow_symlinks=False):
            return "file"
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        return kind_of(entry.stat(follow_symlinks=False).st_mode)
    except OSError:
        return "unknown"  # opening it will say why


def _level(
    entered: _Entered, levels: list[_Level], excluded: PathGlobs | None
) -> Iterator[File | Folder | Omission]:
    """What lies in one folder; the folders in it are left on ``levels``."""
    if entered.own:
        entered.folder.close()
        yield Omission(entered.path, OWN, entered.own)
        return
    level = _Level(entered.folder, entered.path, [])
    levels.append(level)
    yield Folder(entered.path, facts_of(entered.folder.stat(), entered.folder.attributes()))
    lost = [entered.broken] if entered.broken else []
    if too_long := sum(len(entered.path) + 1 + len(name) > _LONGEST for name, _ in entered.names):
        lost.append(f"{too_long} names in it, whose paths are too long to be recorded")
    if lost:
        yield Omission(entered.path, "folder", "; ".join(lost))
    for name, kind in entered.names:
        path = entered.path + b"/" + name if entered.path else name
        if len(path) > _LONGEST:
            continue
        if excluded and (pattern := excluded.which(path, is_folder=kind == "folder")):
            yield Omission(path, kind, f"{EXCLUDED}: {pattern}")
        elif kind in ("file", "unknown"):
            yield File(entered.folder, name, path)
        elif kind == "folder":
            level.folders.append(name)
        else:
            yield Omission(
                path,
                kind,
                NOT_REGULAR,
                _target(entered.folder, name) if kind == "symbolic link" else None,
            )
    level.folders.reverse()


def _target(parent: OpenFolder, name: bytes) -> bytes | None:
    try:
        return parent.target(name)
    except OSError:
        return None


def _head_in(parent: OpenFolder) -> Callable[[str], bytes]:
    def head(name: str) -> bytes:
        try:
            fd = parent.open(os.fsencode(name))
        except OSError:
            return b""
        try:
            return head_of(fd)
        finally:
            os.close(fd)

    return head


def head_of(fd: int) -> bytes:
    """The first bytes of an open file; the place of reading stays."""
    try:
        return system.pread(fd, custody_files.HEAD, 0)
    except OSError:
        return b""


def why_own(fd: int, file: tuple[int, int], own: Known) -> str:
    """Why an open file, by device and inode, is left out as custody's own; empty for any other."""
    if file in own:
        return IN_USE
    kind = custody_files.file_kind(head_of(fd))
    return f"{OWN}: {kind}" if kind else ""


def _names_in(parent: OpenFolder) -> Callable[[str], list[str]]:
    def below(name: str) -> list[str]:
        try:
            folder = parent.enter(os.fsencode(name))
        except OSError:
            return []
        try:
            return folder.names()
        finally:
            folder.close()

    return below
