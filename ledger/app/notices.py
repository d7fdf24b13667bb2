"""Notices by e-mail of a home: server and addresses, kept sealed in its keyring, and what was told,
kept in a file of the home.

Addresses of people, and the password at the server, lie in no file in clear, in no database and in
no command line.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, get_args

from ledger import system
from ledger.adapters import files
from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.smtp import PORTS, Guard, SmtpMailer
from ledger.app import settings
from ledger.domain.codecs import strict_json
from ledger.domain.errors import FormatError, KeyringError, StorageError, UsageError
from ledger.domain.identity.person import PersonId, read_stored
from ledger.domain.ports.mail import require_address
from ledger.domain.untrusted import shapes
from ledger.domain.untrusted.shapes import MOMENT
from ledger.services.inbox.notices import Notices, Recipient, Tellings, Told

#: Of the entry in the keyring, and of the file beneath the home.
ENTRY: Final = "notices"
FILE: Final = "notices.json"
_LONGEST: Final = 64 << 20
_TOLD: Final = {"marks": [str], "sent": MOMENT, "unsure": bool, "refused": bool}


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """The mail server, None where notices are off; who is told at which address."""

    server: SmtpMailer | None = None
    people: Mapping[PersonId, Recipient] = field(default_factory=dict)


def are_set(keyring: FileKeyring) -> bool:
    """Whether anything is set."""
    return ENTRY in keyring.names() and bool(keyring.get(ENTRY))


def read(keyring: FileKeyring) -> NoticeSettings:
    """What is set.

    Raises:
        KeyringError: the entry is none that this version writes.
    """
    if not are_set(keyring):
        return NoticeSettings()
    try:
        value = strict_json.lenient(keyring.get(ENTRY))
        server = SmtpMailer(**value["server"]) if value["server"] else None
        people = {_person(name): Recipient(**one) for name, one in value["people"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, UsageError) as error:
        raise KeyringError(
            "the settings of notices in the keyring cannot be read",
            hint="forget them, and set them anew: custody notices off",
        ) from error
    return NoticeSettings(server, people)


def write(keyring: FileKeyring, found: NoticeSettings) -> None:
    """Keep settings.

    Raises:
        KeyringError: the keyring cannot be written.
    """
    value = {
        "server": asdict(found.server) if found.server is not None else None,
        "people": {str(person): asdict(one) for person, one in found.people.items()},
    }
    keyring.put(ENTRY, json.dumps(value).encode())
    keyring.save()


def server(
    host: str, port: int | None, guard: str, sender: str, user: str, password_file: Path | None
) -> SmtpMailer:
    """A mail server as somebody names it.

    Raises:
        UsageError: something in it cannot be, or a password lies where others can read it.
    """
    if guard not in get_args(Guard):
        raise UsageError(f"{guard!r} is no way to a mail server", hint=" or ".join(get_args(Guard)))
    kind: Guard = guard  # type: ignore[assignment]
    if bool(user) != (password_file is not None):
        raise UsageError("user and password come together", hint="--user NAME --password-file FILE")
    password = _password(password_file) if password_file is not None else ""
    return SmtpMailer(host, port or PORTS[kind], kind, sender, user, password)


def _password(path: Path) -> str:
    """A password out of a file that its owner alone can read.

    Raises:
        UsageError: others can, or it cannot be read, or a server would take it for something else.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UsageError(
            f"cannot read the password file: {error.strerror}", hint="check its path"
        ) from error
    if system.modes_count() and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(
            f"the password file can be read by others (mode {stat.S_IMODE(mode):04o})",
            hint=f"chmod 600 {system.shell_word(str(path))}; and change the password",
        )
    found = settings.read_secret(path, what="password")
    if not found.isascii() or any(not 32 <= byte < 127 for byte in found):
        raise UsageError(
            "the password has characters that mail servers take differently",
            hint="use printable ASCII: letters, digits and signs",
        )
    return found.decode()


def with_person(
    found: NoticeSettings, person: PersonId, address: str, *, daily: bool
) -> NoticeSettings:
    """Settings under which somebody is told at an address.

    Raises:
        UsageError: it is no address.
    """
    told = Recipient(require_address(address), daily)
    return replace(found, people={**found.people, person: told})


def without_person(found: NoticeSettings, person: PersonId) -> NoticeSettings:
    """Settings under which somebody is told nothing."""
    return replace(
        found, people={known: one for known, one in found.people.items() if known != person}
    )


def open_notices(home: Path, keyring: FileKeyring) -> Notices | None:
    """The notices of a home; None where nobody is to be told anything.

    Raises:
        KeyringError: the settings cannot be read. StorageError: what was told cannot be.
    """
    found = read(keyring)
    if found.server is None or not found.people:
        return None
    return Notices(found.server, found.people, read_told(home), lambda told: keep_told(home, told))


def read_told(home: Path) -> Tellings:
    """What everybody was told; nothing where nobody was told anything yet.

    Raises:
        StorageError: the file is there, and cannot be read: all would be told twice.
    """
    path = home / FILE
    if not path.exists():
        return {}
    try:
        value = strict_json.lenient(files.read_small(path, _LONGEST))
        rows: dict[str, Any] = shapes.fit(value, shapes.Each(_TOLD), what=FILE)
        return {
            _person(name): Told(**{**row, "marks": frozenset(row["marks"])})
            for name, row in rows.items()
        }
    except (OSError, ValueError, FormatError, TypeError) as error:
        raise StorageError(
            f"{path} cannot be read: what was told by mail is not known",
            hint="remove it, and everybody is told once more",
        ) from error


def keep_told(home: Path, told: Tellings) -> None:
    """Write down what everybody was told.

    Raises:
        StorageError: the disk refused.
    """
    rows = {
        str(person): {**asdict(one), "marks": sorted(one.marks)} for person, one in told.items()
    }
    files.write(home / FILE, json.dumps(rows).encode() + b"\n")


def _person(text: str) -> PersonId:
    found = read_stored(text)
    if not found.agency:
        raise FormatError(f"{FILE}: a person without an agency")
    return found
