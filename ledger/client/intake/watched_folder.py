"""A folder into which a forensic workstation writes: which folders in it are exhibits, whose they
are, and which of them are complete.

- whose a folder is follows from its name by a rule, such as ``{case}/{exhibit}``, or from a form
  beside it; where both say it, they agree
- a folder is complete once nothing in it has changed for a while: no file by name, size, times of
  modification and of change, inode; or once a file that marks the end lies in it
- no link is followed on the way to a folder; what lies in it is read as every upload reads it
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from ledger import system
from ledger.client.files.open_folder import OpenFolder, open_below
from ledger.domain.codecs import strict_json
from ledger.domain.errors import FormatError, UsageError

#: What follows the name of a folder in the name of its form.
FORM: Final = ".custody.json"
_LONGEST: Final = 64 << 10  # bytes of a form
_TEXT: Final = 256
#: Why something is left that the file system does not show, before its reason.
UNREAD: Final = "cannot be read"
_PLACEHOLDER: Final = re.compile(r"\{(case|exhibit)\}")
_MEMBERS: Final = frozenset(
    {"v", "case", "exhibit", "basis", "authorisation", "method", "tool", "toolVersion", "place"}
)
_ENTRIES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of a folder: members of a form, case and exhibit among them."""

    case: str
    exhibit: str = ""
    basis: str = ""
    authorisation: str = ""
    method: str = ""
    tool: str = ""
    toolVersion: str = ""  # noqa: N815  (named as in the form)
    place: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A folder that may be an exhibit: where, what is said of it, or why it cannot be taken."""

    path: Path
    said: Said | None
    problem: str = ""


class Rule:
    """Which part of a path below the watched folder is the case, and which the exhibit.

    Raises:
        UsageError: it names no case, or names something twice.
    """

    def __init__(self, text: str) -> None:
        parts = text.split("/") if text else []
        names = _PLACEHOLDER.findall(text)
        rest = _PLACEHOLDER.sub("", text)
        if text and (
            "case" not in names
            or len(set(names)) < len(names)
            or any(sign in rest for sign in "{}")
            or any(part in ("", ".", "..") for part in parts)
        ):
            raise UsageError(
                f"{text[:80]!r} is no rule",
                hint="name the case once, and the exhibit once or not at all: "
                "--rule '{case}/{exhibit}' or --rule '{case}_{exhibit}'",
            )
        self.depth = len(parts)
        self._first, self._last = (_pattern(text, sign) for sign in ("+?", "+"))

    def read(self, path: str) -> Said | str:
        """What a path below the watched folder says; or why that cannot be told."""
        first, last = self._first.fullmatch(path), self._last.fullmatch(path)
        if first is None or last is None:
            return "its name does not follow the rule"
        found = {name: value.strip() for name, value in first.groupdict().items()}
        if first.groupdict() != last.groupdict():
            return "its name can be read in two ways by the rule"
        if not all(found.values()) or any(len(value) > _TEXT for value in found.values()):
            return "its name gives no case or exhibit number"
        return Said(**found)


def _pattern(text: str, repeated: str) -> re.Pattern[str]:
    spelled, at = "", 0
    for match in _PLACEHOLDER.finditer(text):
        spelled += re.escape(text[at : match.start()]) + f"(?P<{match[1]}>[^/]{repeated})"
        at = match.end()
    return re.compile(spelled + re.escape(text[at:]))


def look(root: Path, rule: Rule) -> Iterator[Found]:
    """The folders that may be exhibits, and what lies where one would and is none.

    Args:
        root: the watched folder, without a link in its path.

    Raises:
        OSError: the watched folder cannot be read. A folder in it that cannot be is one of those
            that are none, and one that is gone by now is no longer looked for.
    """
    for path, broken in _below(root, rule.depth or 1):
        name = path.name
        if name.endswith(FORM):
            continue
        try:
            if problem := broken or _refusal(path):
                yield Found(path, None, problem)
                continue
            said = _said(path, path.relative_to(root), rule)
        except FileNotFoundError:
            continue
        except OSError as error:
            said = f"{UNREAD}: {error.strerror}"
        yield Found(path, None, said) if isinstance(said, str) else Found(path, said)


def _below(folder: Path, depth: int) -> Iterator[tuple[Path, str]]:
    """What lies so many levels below; where there is no folder on the way, or none that can be
    read, what is there, with the reason.
    """
    for entry in sorted(os.scandir(folder), key=lambda one: one.name):
        path = folder / entry.name
        try:
            if depth > 1 and entry.is_dir(follow_symlinks=False):
                yield from _below(path, depth - 1)
            else:
                yield path, ""
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                yield path, f"{UNREAD}: {error.strerror}"


def _refusal(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return "is a link, which is not followed"
    return "" if stat.S_ISDIR(mode) else "is no folder: an exhibit is one"


def _said(path: Path, below: Path, rule: Rule) -> Said | str:
    form = _form(path)
    if isinstance(form, str):
        return form
    if not rule.depth:
        return form or f"no form {path.name}{FORM} lies beside it"
    named = rule.read(os.fspath(below).replace(os.sep, "/"))
    if form is None or isinstance(named, str):
        return named if form is None else form
    if form.case != named.case or (named.exhibit and form.exhibit != named.exhibit):
        return "its form and its name say different numbers"
    return form


def _form(path: Path) -> Said | str | None:
    """What the form beside a folder says; why it says nothing; None where there is none."""
    form = path.with_name(path.name + FORM)
    try:
        fd = os.open(form, os.O_RDONLY | system.CLOEXEC | system.NOFOLLOW | system.NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"its form cannot be read: {error.strerror}"
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return "its form is no file"
        data = file.read(_LONGEST + 1)
    try:
        return _parsed(data)
    except FormatError as error:
        return f"its form is none: {error.message}"


def _parsed(data: bytes) -> Said:
    """A form: a JSON object with text for each member that a form has, and no other.

    Raises:
        FormatError: otherwise.
    """
    if len(data) > _LONGEST:
        raise FormatError(f"longer than {_LONGEST} bytes")
    value: Any = strict_json.parse(data, what="form", limit=_LONGEST)
    if not isinstance(value, dict) or value.get("v") != 1 or isinstance(value.get("v"), bool):
        raise FormatError('an object with "v": 1 is expected')
    if unknown := sorted(set(value) - _MEMBERS):
        raise FormatError(f"no member of a form: {', '.join(unknown)[:80]!r}")
    said = {name: text for name, text in value.items() if name != "v"}
    for name, text in said.items():
        if not isinstance(text, str) or not text.strip() or len(text) > _TEXT:
            raise FormatError(f"{name}: text of at most {_TEXT} characters is expected")
    if "case" not in said:
        raise FormatError("no case")
    return Said(**{name: text.strip() for name, text in said.items()})


def snapshot(root: Path, folder: Path) -> bytes:
    """What changes when anything in a folder does, which lies below the watched one; empty where no
    file lies in it.

    Raises:
        OSError: it cannot be read, or changed so that it cannot be told.
    """
    digest, files = sha256(), 0
    for number, (name, found) in enumerate(_walk(open_below(root, folder))):
        if number >= _ENTRIES:
            raise OSError(f"more than {_ENTRIES:,} files")
        files += stat.S_ISREG(found.st_mode)
        times = (found.st_mtime_ns, found.st_ctime_ns)
        told = (len(name), found.st_mode, found.st_dev, found.st_ino, found.st_size, *times)
        digest.update(name + b"\0" + repr(told).encode() + b"\n")
    return digest.digest() if files else b""


def _walk(folder: OpenFolder) -> Iterator[tuple[bytes, os.stat_result]]:
    """Everything in a folder, each folder inside the one that lists it: a path may be deeper than
    the system allows, and than Python calls itself.
    """
    levels: list[tuple[OpenFolder, bytes, list[str]]] = []

    def enter(opened: OpenFolder, path: bytes) -> None:
        levels.append((opened, path, names := []))
        names += sorted(opened.names(), reverse=True)

    try:
        enter(folder, b"")
        while levels:
            opened, path, names = levels[-1]
            if not names:
                levels.pop()[0].close()
                continue
            name = os.fsencode(names.pop())
            found = opened.stat_of(name)
            yield path + b"/" + name, found
            if stat.S_ISDIR(found.st_mode) and not system.leads_elsewhere(found):
                enter(opened.enter(name), path + b"/" + name)
    finally:
        for opened, _, _ in levels:
            opened.close()


def is_marked(folder: Path, marker: str) -> bool:
    """Whether the file that marks the end lies in a folder."""
    try:
        return stat.S_ISREG((folder / marker).lstat().st_mode)
    except OSError:
        return False
