"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import secrets
import shlex
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from ledger import system
from ledger.adapters import filelock
from ledger.domain.errors import StorageError, UnwrittenError, UsageError

_NO_LINKS: Final = (
    errno.EPERM,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
)  # FAT on a stick, for example
FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_ROOM: Final = "make room on that disk, then try again"
_MADE: Final = ".made-by-custody"
_MARK: Final = "{maker} made what lies in {place}, and empties this folder when it runs again\n"
_PART: Final = ".custody-part"
_WORKED_ON: Final = 86400  # seconds
_OTHERS: Final = 0o022  # bits with which others than the owner may write


@contextmanager
def replacing(
    path: Path, *, mode: int = 0o600, force: bool, alone: bool = False
) -> Iterator[BinaryIO]:
    """Open a new file that replaces ``path`` when the block ends, durable then; removed where it
    fails.

    Args:
        mode: set, not left to the umask of whoever started this.
        force: False refuses to replace what is there, also what comes there meanwhile. It has no
            default: what a person named is written by ledger/adapters/outputs.py, which asks them.
        alone: whoever writes this file holds a lock. What a killed process left of it is then
            written over by the next: of a file of keys, which a later one must not hold any more.

    Raises:
        UnwrittenError: the disk refused. UsageError: something is there.
    """
    if not force:
        require_absent(path)
    with ExitStack() as stack:
        try:
            temporary, fd = _alone(path) if alone else _taken(path, stack, folder=False)
        except OSError as error:
            hint = "check that the folder exists and may be written"
            raise _unwritten(path, error, hint) from error
        try:
            with os.fdopen(fd, "w+b") as file:
                system.set_mode(fd, mode)
                yield file
                file.flush()
                system.fsync(file.fileno())
            _put(temporary, path, force=force)
            sync_directory(path.parent)
        except OSError as error:
            raise _unwritten(path, error, "check the disk, then try again") from error
        finally:
            temporary.unlink(missing_ok=True)


def _unwritten(path: Path, error: OSError, hint: str) -> UnwrittenError:
    if error.errno in FULL:
        hint = _ROOM
    return UnwrittenError(f"cannot write {path}: {error.strerror}", hint=hint)


def _alone(path: Path) -> tuple[Path, int]:
    """The one temporary file of a file, with its descriptor. It does not hold the name itself,
    which may be as long as a name can be.
    """
    temporary = _alone_name(path)
    return temporary, system.open_own(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC)


def _alone_name(path: Path) -> Path:
    return path.with_name(f".{sha256(path.name.encode()).hexdigest()[:16]}.part")


def clear_alone(path: Path) -> None:
    """Remove what a killed process left of a file that it was replacing alone."""
    _alone_name(path).unlink(missing_ok=True)


def read_small(path: Path, most: int) -> bytes:
    """A whole file of at most ``most`` bytes: nobody's memory is filled by a device or a disk image
    that was named by mistake.

    Raises:
        OSError: it cannot be read, or is longer (EFBIG).
    """
    with path.open("rb", buffering=0) as file:
        data = bytearray()
        while chunk := file.read(most + 1 - len(data)):
            data += chunk
    if len(data) > most:
        raise OSError(
            errno.EFBIG,
            f"it has more than {most:,} bytes, which is too much for what it should be",
            str(path),
        )
    return bytes(data)


def require_absent(path: Path) -> None:
    """Refuse to overwrite.

    Raises:
        UsageError: something is there already.
    """
    if os.path.lexists(path):
        raise UsageError(
            f"{path} exists already", hint="choose another name, or overwrite it with --force"
        )


def _put(temporary: Path, path: Path, *, force: bool) -> None:
    if not force:
        try:
            path.hardlink_to(
                temporary
            )  # unlike a rename it fails where somebody made the file meanwhile
        except FileExistsError:
            require_absent(path)
        except OSError as error:
            if error.errno not in _NO_LINKS and not system.WINDOWS:
                raise
            require_absent(path)
        else:
            return
    system.replace(temporary, path)


def write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write a whole file durably.

    Raises:
        UnwrittenError: the disk refused; the old file is still there.
    """
    with replacing(path, mode=mode, force=True) as file:
        file.write(data)


def private_folder(path: Path) -> None:
    """A folder for its owner alone, with those above it that are missing, whatever the umask; one
    that is there stays as it is.
    """
    if not path.exists():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)


def private_file(path: Path) -> None:
    """An empty file for its owner alone where there is none: what opens it next, such as a
    database, would leave its mode to the umask.

    Raises:
        OSError: the disk refused.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | system.CLOEXEC, 0o600))


def public_folder(path: Path) -> None:
    """A folder that everybody may read, with those above it, whatever the umask; one that is there
    stays as it is.
    """
    if not path.exists():
        public_folder(path.parent)
        path.mkdir(exist_ok=True)
        path.chmod(0o755)


def renew_folder(path: Path, maker: str) -> None:
    """An empty folder that holds nothing but a marker; one that ``maker`` marked here is emptied
    first, anything else is left alone.

    The marker names maker and place: neither a file of a person's that is called like it, nor one
    that was copied along, is believed.

    Raises:
        UsageError: the folder holds something that ``maker`` did not make.
    """
    marker, said = (
        path / _MADE,
        _MARK.format(maker=maker, place=os.path.realpath(path)).encode(errors="surrogateescape"),
    )
    if not marker.is_symlink() and marker.is_file() and _starts(marker, len(said) + 1) == said:
        for file in path.iterdir():
            if file.is_dir() and not file.is_symlink():
                shutil.rmtree(file)
            elif file != marker:  # which goes on saying whose folder it is
                file.unlink()
    else:
        require_vacant(
            path, hint="choose another folder with --output, or take away what lies there"
        )
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        write(marker, said)


def _starts(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size)


def require_owned(*paths: Path) -> None:
    """Refuse files and folders into which others can write: what lies there could be anybody's.

    Raises:
        StorageError: others can write there; the hint is the command that ends it.
    """
    for path in paths if system.modes_count() else ():
        try:
            mode = path.stat().st_mode
        except OSError:
            continue  # whoever opens it tells better what is wrong
        if mode & _OTHERS and (
            stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        ):  # the mode of a device is none of ours to change
            raise StorageError(
                f"{path} can be written by others (mode {stat.S_IMODE(mode):04o})",
                hint=f"once nobody else had a reason to: {_chmod(path)}",
            )


def _chmod(path: Path) -> str:
    return f"chmod {'-R ' if path.is_dir() else ''}go-w {shlex.quote(str(path))}"


def require_file(path: Path, *, hint: str) -> None:
    """Refuse what a person named as a file and is something else, such as a pipe, which would be
    waited for, for ever.

    Raises:
        UsageError: it is.
    """
    if os.path.lexists(path) and not path.is_file():
        raise UsageError(f"{path} is not a file", hint=hint)


def require_plain(path: Path, *, hint: str) -> None:
    """Refuse what is no file of its own where one of ours is expected, or may be made: a link would
    be followed, a pipe waited for.

    Raises:
        StorageError: it is.
    """
    if path.is_symlink():
        raise StorageError(f"{path} is a link, where a file is expected", hint=hint)
    if path.exists() and not path.is_file():
        raise StorageError(f"{path} is not a file", hint=hint)


def require_vacant(path: Path, *, hint: str) -> None:
    """Refuse a place where something is already; an empty folder is vacant.

    Raises:
        UsageError: it is not.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is not empty", hint=hint)


@contextmanager
def building(path: Path, *, what: str) -> Iterator[Path]:
    """A new folder beside ``path`` that gets its name when the block ends and all in it is on the
    disk, and is removed where it fails.

    What killed processes left there is removed first: a home half restored holds keys that a
    disposal must reach.

    Raises:
        UsageError: the place is another disk's, or something came there meanwhile. StorageError:
            the disk refused; ``what`` says what could not be done.
    """
    if os.path.ismount(path):  # it is refused only when all was written, and beside that disk
        raise UsageError(f"a disk is attached at {path}", hint="name a folder in it that is new")
    try:
        with ExitStack() as stack:
            aside, _ = _taken(path, stack, folder=True)
            stack.callback(shutil.rmtree, aside, ignore_errors=True)
            remove_leftovers(path.parent)
            yield aside
            _sync_tree(aside)
            if path.exists():
                require_vacant(
                    path, hint="another command made it meanwhile: look at what is there"
                )
                path.rmdir()
            system.replace(aside, path)
        sync_directory(path.absolute().parent)
    except OSError as error:
        hint = _ROOM if error.errno in FULL else "check disk and permissions"
        raise StorageError(f"{what}: {error.strerror}", hint=hint) from error


def _sync_tree(folder: Path) -> None:
    """Make all in a folder durable: a name that outlives a loss of power, over files that did not,
    would be taken for the whole.
    """
    for place, _, names in os.walk(folder):
        for name in names:
            with (Path(place) / name).open("r+b", buffering=0) as file:
                system.fsync(file.fileno())
        sync_directory(Path(place))


def _taken(path: Path, stack: ExitStack, *, folder: bool) -> tuple[Path, int]:
    """A new file or folder beside a path, held until the stack ends; a descriptor of a file, which
    is the caller's to close.
    """
    while True:
        aside = path.with_name(f".{secrets.token_hex(8)}{_PART}")
        if system.WINDOWS:  # where nobody removes a file that is open, and none that is gets a name
            if folder:
                aside.mkdir(mode=0o700, parents=True)
                return aside, -1
            return aside, os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL | system.CLOEXEC)
        if folder:
            aside.mkdir(mode=0o700, parents=True)
        else:
            aside.touch(mode=0o600, exist_ok=False)
        with suppress(FileNotFoundError):  # another process swept it away before it was held
            fd = stack.enter_context(filelock.used(aside, folder=folder))
            return aside, -1 if folder else os.dup(fd)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left in a folder: files and folders that had no name yet and
    nobody works on any more. What is another user's, or not ours to open, is left.
    """
    for path in folder.glob(f".*{_PART}"):
        with suppress(OSError):
            found = path.lstat()
            is_folder = stat.S_ISDIR(found.st_mode)
            # Opening a pipe that somebody put there would wait for ever.
            if not system.is_mine(found) or not (is_folder or stat.S_ISREG(found.st_mode)):
                continue
            if system.WINDOWS:
                _remove_old(path, found, folder=is_folder)
                continue
            with filelock.unused(path, folder=is_folder) as free:
                if free and is_folder:
                    shutil.rmtree(path, ignore_errors=True)
                elif free:
                    path.unlink()


def _remove_old(path: Path, found: os.stat_result, *, folder: bool) -> None:
    """Remove what nobody can be at work on any more: a file that is open refuses by itself, and
    what is at most a day old may be just about to get its name.
    """
    if time.time() - found.st_mtime < _WORKED_ON:
        return
    if folder:
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()


def sync_directory(path: Path) -> None:
    """Make a rename durable."""
    system.sync_folder(path)
