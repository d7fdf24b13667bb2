"""What a user set once instead of typing it: `config.toml` in their configuration folder, and one
in a home for the work in that home.

- options > environment > the home's file > the user's file > default
- nothing secret is kept: of a passphrase the path of its file, at most
- a file that somebody else owns or may write is refused: whoever names the home chooses where
  evidence goes
- a name or a value that is not known is an error that lists the known ones, never passed over
"""

from __future__ import annotations

import difflib
import json
import os
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ledger import system
from ledger.adapters import filelock, files
from ledger.domain.errors import StorageError, UsageError
from ledger.domain.untrusted.visible import visible

FILE: Final = "config.toml"
_LONGEST: Final = 65_536  # bytes of a file of a dozen lines
_WORDS: Final = 200  # characters of a value that becomes part of records
_SECRETS: Final = ("passphrase", "password", "key", "pin")


def _words(text: str) -> str:
    if not text.strip() or len(text) > _WORDS or visible(text) != text:
        raise ValueError(f"one to {_WORDS} letters that a terminal shows")
    return text.strip()


def _path(text: str) -> str:
    if visible(text) != text:
        raise ValueError("the path of a file or folder")
    path = Path(text).expanduser()
    if not text.strip() or not path.is_absolute():
        raise ValueError("a whole path, such as /home/me/evidence")
    return str(path)


def _zone(text: str) -> str:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("a zone by name, such as Europe/Amsterdam or UTC") from error
    return text


def _colour(text: str) -> str:
    if text not in ("auto", "never"):
        raise ValueError("auto or never")
    return text


@dataclass(frozen=True, slots=True)
class Preference:
    """Something that can be set.

    ``check`` returns the value as it is kept, or raises ValueError with what is expected.
    ``environment``: the variable that goes before it. ``in_home``: a home's own file may say it.
    """

    help: str
    check: Callable[[str], str] = _words
    default: str = ""
    environment: str = ""
    in_home: bool = True


#: By names, as files and people write them.
KNOWN: Final[Mapping[str, Preference]] = {
    "home": Preference(
        "home to work in where none is named or found", _path, environment="CUSTODY_HOME",
        in_home=False,
    ),
    "passphrase-file": Preference(
        "file with the passphrase, for homes of which none is remembered", _path,
        environment="CUSTODY_PASSPHRASE_FILE", in_home=False,
    ),
    "time-zone": Preference("zone in which times are read and shown", _zone, environment="TZ"),
    "colour": Preference("auto or never", _colour, "auto", "NO_COLOR"),
    "upload-method": Preference("--method of upload: how files are taken"),
    "upload-tool": Preference("--tool of upload: with which tool"),
    "upload-tool-version": Preference("--tool-version of upload"),
    "upload-place": Preference("--place of upload: where"),
}  # fmt: skip


def user_file() -> Path:
    """The user's own file, where each system has such."""
    if sys.platform == "win32":
        base = os.environ.get("APPDATA", "")
        return (Path(base) if base else Path.home() / "AppData" / "Roaming") / "custody" / FILE
    base = os.environ.get("XDG_CONFIG_HOME", "")
    # A relative one is to be ignored (XDG Base Directory Specification).
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / "custody" / FILE


def known(name: str) -> Preference:
    """What can be set under a name.

    Raises:
        UsageError: nothing, with the names that there are.
    """
    if name in KNOWN:
        return KNOWN[name]
    if name in _SECRETS:
        hint = "to have the passphrase kept by your desktop: custody home keep-passphrase"
        raise UsageError(f"{name!r} is no setting: nothing secret is kept here", hint=hint)
    close = difflib.get_close_matches(name, KNOWN, 1)
    meant = f": did you mean {close[0]}?" if close else ""
    raise UsageError(
        f"there is no setting {visible(name[:40])!r}{meant}", hint=f"there are: {', '.join(KNOWN)}"
    )


def read(path: Path) -> dict[str, str]:
    """What a file sets; nothing where it is not there.

    Raises:
        UsageError: it names what is not known, or gives it a value that it cannot have; it cannot
            be read, or others can write it.
    """
    found = dict[str, str]()
    for name, value in _parsed(path).items():
        try:
            found[name] = _checked(name, value, is_home=path != user_file())
        except UsageError as error:
            raise UsageError(f"{path}: {error.message}", hint=error.hint) from error
    return found


def _checked(name: str, value: object, *, is_home: bool) -> str:
    kind = known(name)
    if is_home and not kind.in_home:
        raise UsageError(
            f"{name} is set for a user, and no home says it of itself",
            hint=f"set it for yourself: custody config set {name} VALUE",
        )
    if not isinstance(value, str):
        raise UsageError(f"{name} is no text in quotes", hint=f'write {name} = "..."')
    try:
        return kind.check(value)
    except ValueError as error:
        what = f"{name} cannot be {visible(value[:60])!r}"
        raise UsageError(what, hint=f"expected: {error}") from error


def _text(path: Path) -> str:
    try:
        path.lstat()  # where there is none, the folder is judged by what reads something there
        files.require_owned(path.parent, path)
        details = path.stat()
        if not system.is_mine(details) or not path.is_file():
            raise UsageError(
                f"{path} is no file of yours", hint="find out who put it there, and remove it"
            )
        return files.read_small(path, _LONGEST).decode()
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except StorageError as error:  # so that whoever looks for a home finds one kind of error
        raise UsageError(error.message, hint=error.hint) from error
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read", hint="put it right, or remove it") from error


def _parsed(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        hint = 'each line sets one thing: colour = "never"'
        raise UsageError(f"{path} is no TOML: {error}", hint=hint) from error


def change(path: Path, name: str, value: str | None) -> None:
    """Set something in a file, or with None take it out of there; comments and other lines stay.

    Raises:
        UsageError: it is not known or cannot be that, or the file was written in a way that a
            line cannot be changed of. StorageError: it cannot be written.
    """
    if value is not None:
        value = _checked(name, value, is_home=path != user_file())
    files.private_folder(path.parent)
    with filelock.alone(path.with_suffix(".lock")):  # of two commands none is lost
        before = _parsed(path)
        if value is None and name not in before:
            known(name)
            return
        kept = [line for line in _text(path).splitlines() if not _sets(line, name)]
        # Text without control characters is written in JSON as in a basic string of TOML (1.0,
        # String); pairs of escaped surrogates, which JSON would use in ASCII, are none there.
        lines = (
            kept if value is None else [*kept, f"{name} = {json.dumps(value, ensure_ascii=False)}"]
        )
        text = "".join(f"{line}\n" for line in lines)
        after = {key: one for key, one in before.items() if key != name}
        if not _means(text, after if value is None else {**after, name: value}):
            raise UsageError(
                f"{path} is written in a way in which {name} cannot be changed for you",
                hint="change it in an editor",
            )
        files.write(path, text.encode())


def _sets(line: str, name: str) -> bool:
    return bool(re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line))


def _means(text: str, wanted: dict[str, object]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except tomllib.TOMLDecodeError:
        return False
