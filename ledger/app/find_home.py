"""Which home a command works in where nobody says it, and what is remembered of homes.

Looked for in this order: --home, CUSTODY_HOME, a file `.custody` of the working folder or of one
above it up to the user's own, the folder `custody-home` of the working folder, `home` in the user's
configuration (ledger/app/preferences.py), and `home` in the user's data folder.

A folder that somebody works in may come from anywhere: an image of a suspect's disk, an archive, a
share. What git and direnv learned of such folders holds here:

- a `.custody` file counts only where it is the user's own, a plain file, and nobody else can write
  in it; it is looked for above the working folder only within the user's own folder, and on one
  file system
- it names a folder and nothing else: no passphrase, no server
- it is followed only where this user had it written (`custody init`, `custody home use`), to the
  home for which it was: the list of these lies in the user's data folder, where no archive is
  unpacked. Whoever knows where another home of the user lies shall not send evidence there
- a folder `custody-home` is worked in only where this user made, joined or named (`custody home
  use`) it before: whoever put it there would choose whose chain `verify` trusts
- one that may not be followed is refused and not passed over: evidence would go to another home
  than the one that the folder was meant for
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from ledger import system
from ledger.adapters import filelock, files
from ledger.app import preferences
from ledger.domain.codecs import strict_json
from ledger.domain.errors import CustodyError, UsageError
from ledger.domain.files import custody_files

POINTER: Final = ".custody"
FOLDER: Final = "custody-home"
_LIST: Final = "homes.json"
_LOCK: Final = "homes.lock"
_LONGEST: Final = 4096  # bytes of a pointer: a path
_LONGEST_LIST: Final = 1 << 20
_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True, slots=True)
class FoundHome:
    """A home, by what it was found, and every place that was looked at until then. Where there is
    none, ``path`` is where a new one goes, and ``by`` is empty.
    """

    path: Path
    by: str
    looked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remembered:
    """How the passphrase of a home is found: in a file, or in the desktop's key store; and the
    `.custody` files that were written for it.
    """

    passphrase_file: str = ""
    key_store: bool = False
    pointers: Sequence[str] = ()


def data_folder() -> Path:
    """The user's own folder for data of this program, where each system has it."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "custody"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "custody"
    base = os.environ.get("XDG_DATA_HOME", "")
    # A relative one is to be ignored (XDG Base Directory Specification).
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "custody"


def find(given: Path | None, *, by: str = "--home") -> FoundHome:
    """The home to work in.

    Args:
        given: what was named, and ``by`` what.

    Raises:
        UsageError: a `.custody` file or a folder `custody-home` is there that may not be followed,
            or the user's configuration is wrong.
    """
    if given is not None:
        return FoundHome(given, by)
    looked = ["--home", "CUSTODY_HOME"]
    for folder in _folders():
        pointer = folder / POINTER
        looked.append(str(pointer))
        if os.path.lexists(pointer):
            return FoundHome(_followed(pointer), str(pointer), tuple(looked))
    looked.append(str(Path.cwd() / FOLDER))
    if _is_home(Path(FOLDER)):
        here = Path(FOLDER).absolute()
        found = f"here lies the home {here}, which you did not make or choose here before"
        _require_chosen(here, found, chosen=str(here.resolve()) in _read())
        return FoundHome(Path(FOLDER), f"the folder {FOLDER} here", tuple(looked))
    looked.append("home in your configuration")
    if configured := preferences.read(preferences.user_file()).get("home"):
        return FoundHome(Path(configured), "your configuration", tuple(looked))
    own = data_folder() / "home"
    looked.append(str(own))
    return FoundHome(own, "your data folder" if _is_home(own) else "", tuple(looked))


def _is_home(path: Path) -> bool:
    names = (custody_files.CONFIG, custody_files.CLIENT, custody_files.FOUNDING)
    return any((path / name).exists() for name in names)


def _folders() -> list[Path]:
    """The working folder, and those above it that are the user's, on the same file system."""
    try:
        here, home = Path.cwd(), Path.home().resolve()
    except (OSError, RuntimeError):  # a folder that was removed; a user without one
        return []
    if not here.is_relative_to(home):
        return [here]
    found = list[Path]()
    for folder in (here, *here.parents):
        if folder.stat().st_dev != here.stat().st_dev:
            break
        found.append(folder)
        if folder == home:
            break
    return found


def _followed(pointer: Path) -> Path:
    """The home that a pointer names.

    Raises:
        UsageError: the pointer, or the home that it names, is not the user's own.
    """
    text = _read_own(pointer)
    named = Path(os.path.abspath(pointer.parent / text))  # noqa: PTH100  (links stay as named)
    chosen = str(pointer) in remembered(named).pointers
    found = f"{pointer} names the home {named}, for which you did not have it written"
    _require_chosen(named, found, chosen=chosen)
    return named


def _require_chosen(home: Path, found: str, *, chosen: bool) -> None:
    """Refuse a home that somebody else may have put there, or leads to.

    Raises:
        UsageError: this user did not make, join or choose it before.
    """
    if not chosen:
        use = f"custody home use {system.shell_word(str(home))}"
        raise UsageError(found, hint=f"if it is yours: {use}; else say which one: --home")


def _read_own(pointer: Path) -> str:
    """What a pointer says, where it is the user's own.

    Raises:
        UsageError: it is not, or no pointer.
    """
    wrong, text = "", ""
    try:
        descriptor = system.open_own(pointer, os.O_RDONLY | system.NONBLOCK)
        try:
            details = os.fstat(descriptor)
            if not stat.S_ISREG(details.st_mode):
                wrong = "is no plain file"
            elif not system.is_mine(details):
                wrong = "belongs to somebody else"
            elif system.modes_count() and details.st_mode & _OTHERS:
                wrong = "can be written by others"
            else:
                text = os.read(descriptor, _LONGEST).decode().rstrip("\r\n")
        finally:
            os.close(descriptor)
    except (OSError, UnicodeDecodeError):
        wrong = "is a link, or cannot be read"
    if not wrong and (not text or "\n" in text or "\0" in text):
        wrong = "does not name one folder"
    if wrong:
        raise UsageError(
            f"{pointer} {wrong}, so it is not followed",
            hint="find out who put it there and remove it, or say which home: --home DIR",
        )
    return text


def use(home: Path, folder: Path) -> Path:
    """Have commands find a home from a folder on: write its pointer, and remember the home.

    Returns:
        the pointer.
    """
    pointer = folder.resolve() / POINTER
    remember(home, pointer=pointer)
    whole = home.resolve()
    named = os.path.relpath(whole, folder.resolve()) if whole.is_relative_to(folder) else whole
    files.write(pointer, f"{named}\n".encode())
    return pointer


def remembered(home: Path) -> Remembered:
    """What is remembered of a home; nothing of one that was never remembered."""
    return _read().get(str(home.resolve()), Remembered())


def remember(home: Path, *, pointer: Path | None = None, **changes: str | bool) -> None:
    """Remember a home, how its passphrase is found, and a pointer to it that the user had written.
    One at a time: of two homes that are made at once none is lost. Homes that are gone are not
    remembered any more.

    Raises:
        StorageError: the user's data folder cannot be written.
    """
    name, folder = str(home.resolve()), data_folder()
    files.private_folder(folder)
    with filelock.alone(folder / _LOCK):
        known = {path: one for path, one in _read().items() if path == name or _may_be(path, one)}
        before = known.get(name, Remembered())
        pointers = sorted({*before.pointers, *([] if pointer is None else [str(pointer)])})
        known[name] = replace(before, pointers=pointers, **changes)  # type: ignore[arg-type]
        value = {"v": 1, "homes": {path: asdict(one) for path, one in known.items()}}
        files.write(folder / _LIST, json.dumps(value, indent=1).encode() + b"\n")


def _may_be(path: str, kept: Remembered) -> bool:
    """Whether a home is there, or may be again: on a disk that is not mounted now. One whose
    passphrase is in the key store stays, so that it can be taken out of there.
    """
    home = Path(path)
    return kept.key_store or os.path.lexists(home) or not home.parent.is_dir()


def remember_quietly(home: Path, *, passphrase_file: Path | None) -> bool:
    """Remember a home that was just made; whether that went well. Where it did not, the home is
    there all the same, and is named with --home.
    """
    file = "" if passphrase_file is None else str(passphrase_file.resolve())
    try:
        remember(home, passphrase_file=file)
    except (CustodyError, OSError):
        return False
    return True


def _read() -> dict[str, Remembered]:
    """The homes of this user by their paths; none where the list is not theirs alone or damaged."""
    path = data_folder() / _LIST
    try:
        files.require_owned(path)
        if not system.is_mine(path.stat()):
            return {}
        value = strict_json.lenient(files.read_small(path, _LONGEST_LIST))
        return {str(name): Remembered(**one) for name, one in value["homes"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, CustodyError):
        return {}
