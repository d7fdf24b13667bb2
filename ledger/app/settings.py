"""Settings: the home's own file, and what the environment may say. Read when asked for, never on
import.
"""

from __future__ import annotations

import codecs
import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ledger.adapters import files
from ledger.app.chain_settings import ChainSettings
from ledger.app.time_settings import TimeAuthoritySettings
from ledger.domain.codecs import strict_json
from ledger.domain.errors import CustodyError, StorageError, UsageError
from ledger.domain.files import custody_files
from ledger.domain.untrusted import hosts
from ledger.services.node.duty_board import Standing

_LOG = logging.getLogger("custody.settings")

CONFIG = custody_files.CONFIG
KEYRING = custody_files.KEYRING
CLIENT = custody_files.CLIENT
LEDGER = "ledger.sqlite"
BACKUPS = "backups.json"  # until when backups can be opened
FOUNDING = custody_files.FOUNDING  # while a home waits for its chain
SESSION = "client/session"  # one that goes on, sealed; only where logging in takes a person
_WORDS: Final = 500  # characters of what a setting says in words
JOURNAL = "client/journal"  # of uploads that were interrupted
FIELD = "client/field"  # what was signed without network, and waits
QUEUE = f"{FIELD}/queue"
LOCK = "home.lock"
CLEAR_LOCK = "clear.lock"  # held by whoever has a file in clear beside the keys
WORKERS = "workers.json"  # how its background work goes: what was told last
SERVER = "server.json"  # while a node serves: where
#: What somebody does who has no home yet.
BEGIN: Final = (
    "to join an agency whose administrator sent you an invitation: custody person enrol "
    "INVITATION; to make a home of your own: custody init --agency CODE --person NUMBER"
)
#: Name of an IPFS node's RPC secret in the keyring.
IPFS_SECRET = "ipfs-{}"  # noqa: S105  (a name)


@dataclass(frozen=True, slots=True)
class IpfsNode:
    """A Kubo daemon by name and RPC multiaddress; ``outside`` where its swarm is shared with other
    agencies.
    """

    name: str
    api: str
    outside: bool = False


@dataclass(frozen=True, slots=True)
class IpfsSettings:
    """Where ciphertext is kept beside the home: at ``copies`` of these nodes, each item read again
    every ``fixity_days``.

    ``fixity_rate``: MiB a second for reading again by schedule.
    """

    nodes: tuple[IpfsNode, ...] = ()
    copies: int = 2
    fixity_days: float = 30
    fixity_rate: float = 32


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The agency's OpenID Connect provider, where people log in besides with their keys; empty:
    nowhere.
    """

    issuer: str = ""
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Behind a reverse proxy: its networks, and the header in which it writes whom it speaks for
    (x-forwarded-for or forwarded).
    """

    trusted_proxies: tuple[str, ...] = ()
    forwarded: str = "x-forwarded-for"


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """With other agencies: GiB of what one of them offers and nobody here has accepted yet."""

    quota_gib: float = 256


@dataclass(frozen=True, slots=True)
class HomeSettings:
    """What a home is: its agency, chain and contracts (0x addresses)."""

    v: int
    agency: str
    log_number: int
    chain: ChainSettings
    registry: str
    ledger: str
    ipfs: IpfsSettings = IpfsSettings()
    oidc: OidcSettings = OidcSettings()
    #: Where others' nodes and the identity provider may be beyond public addresses: 10.20.0.0/16.
    networks: tuple[str, ...] = ()
    serve: ServeSettings = ServeSettings()
    exchange: ExchangeSettings = ExchangeSettings()
    time_authorities: tuple[TimeAuthoritySettings, ...] = ()
    #: Where whoever is given evidence finds a release, in words: for pages that go along with it.
    releases: str = ""


def read(home: Path) -> HomeSettings:
    """The settings of a home.

    Raises:
        UsageError: no home there. StorageError: its settings are damaged, or others can write in
            it.
    """
    path = home / CONFIG
    if os.path.lexists(path):  # of a folder that is no home it is told that it is none
        require_private(home)
    try:
        value = strict_json.lenient(path.read_bytes())
        ipfs = value.pop("ipfs", {})
        nodes = tuple(IpfsNode(**node) for node in ipfs.pop("nodes", []))
        chain = ChainSettings.parse(value["chain"])
        oidc = OidcSettings(**value.get("oidc", {}))
        given = value.get("serve", {})
        serve = ServeSettings(
            **{**given, "trusted_proxies": tuple(given.get("trusted_proxies", ()))}
        )
        exchange = ExchangeSettings(**value.get("exchange", {}))
        allowed = tuple(value.get("networks", ()))
        hosts.networks(allowed)
        sections = {
            "chain": chain,
            "ipfs": IpfsSettings(nodes=nodes, **ipfs),
            "oidc": oidc,
            "serve": serve,
            "exchange": exchange,
        }
        sections["time_authorities"] = tuple(
            map(TimeAuthoritySettings.parse, value.get("time_authorities", ()))
        )
        sections |= {"networks": allowed, "releases": str(value.get("releases", ""))[:_WORDS]}
        return HomeSettings(**{**value, **sections})
    except (FileNotFoundError, NotADirectoryError) as error:
        if is_client(home):
            hint = (
                "name the home of your agency's node with --home, or do without --home where "
                "the command allows that"
            )
            raise UsageError(
                f"{home} is a person's own folder, and this needs the home of a node", hint=hint
            ) from error
        if (home / FOUNDING).exists():
            hint = "join the chain: custody init --rpc URL --trust FILE"
            raise UsageError(f"{home} is prepared, and on no chain yet", hint=hint) from error
        raise UsageError(f"{home} is not the home of a node", hint=BEGIN) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, CustodyError) as error:
        raise StorageError(f"{path} cannot be read", hint="restore it from a backup") from error


def write(home: Path, settings: HomeSettings) -> None:
    """Write the settings of a home."""
    files.write(home / CONFIG, json.dumps(asdict(settings), indent=1).encode() + b"\n")


def require_new(home: Path, *, hint: str) -> None:
    """Refuse to make a home, or a person's folder, where something is already: before anything is
    asked, too, since whoever answers has then answered in vain.

    Args:
        hint: how another place is named.

    Raises:
        UsageError: something is there, with what to do with it as the hint.
    """
    if not (home / CONFIG).exists() and (home / FOUNDING).exists():
        found, then = "is prepared to join a chain", "join it: custody init --rpc URL --trust FILE"
    elif (home / CONFIG).exists() or is_client(home):
        found, then = "is a home already", "work in it: custody status"
    else:
        files.require_vacant(home, hint=hint)
        return
    raise UsageError(f"{home} {found}: nothing was made", hint=f"{then}; or {hint}")


def require_private(home: Path) -> None:
    """Refuse a folder of keys and records into which others than its owner can write, or with a
    pipe or device in a file's place.

    Raises:
        StorageError: they can, with the command that ends it as the hint; or something would be
            waited for, for ever.
    """
    files.require_owned(home)
    try:
        inside = list(home.iterdir())
    except OSError:
        return  # whoever opens it tells better what is wrong
    files.require_owned(*inside)
    for path in inside:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise StorageError(
                f"{path} is neither a file nor a folder",
                hint="find out who put it there; then restore a backup",
            )


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What a person's own folder is: the node that they work with, and whose it is."""

    v: int
    server: str
    agency: str
    log: str


def require_ledger(home: Path) -> Path:
    """The database of a home. One that is gone must not be made anew: an empty record needs no
    ciphertext, and all of that would be cleared away.

    Raises:
        StorageError: it is gone, or empty.
    """
    path = home / LEDGER
    if not path.is_file() or not path.stat().st_size:
        raise StorageError(
            f"{path}, which holds the record of this home, is gone or empty",
            hint="nothing was changed: keep the home as it is, and restore the newest backup "
            "beside it",
        )
    return path


def read_backups(home: Path) -> int:
    """When the last backup of a home can no longer be opened, seconds since 1970; 0 where none was
    made.

    Raises:
        StorageError: that cannot be read, or is gone while the packs still bear the name that their
            first backup gave them: no certificate may then say that none was made.
    """
    try:
        named = home / "blocks" / custody_files.PACKS_ID
        if not (home / BACKUPS).exists() and not named.exists():
            return 0
        value = strict_json.lenient((home / BACKUPS).read_bytes())
        expires = int(value["expires"])
        # Earlier versions wrote none.
        if value.get("check", _check_of(expires)) != _check_of(expires):
            raise ValueError("one of both was altered")
        return expires
    except (OSError, ValueError, KeyError, TypeError, OverflowError, AttributeError) as error:
        what = f"{home / BACKUPS} cannot be read: until when a backup opens an item is not known"
        raise StorageError(what, hint="make a backup: it writes the file anew") from error


def note_backup(home: Path, expires: int) -> None:
    """Write down until when a backup can be opened; a later one that ends sooner changes
    nothing, and a file that cannot be read is written anew.
    """
    try:
        before = read_backups(home)
    except StorageError:
        before = 0
    latest = max(expires, before)
    value = {"expires": latest, "check": _check_of(latest)}
    files.write(home / BACKUPS, json.dumps(value).encode() + b"\n")


def _check_of(expires: int) -> str:
    """What stands beside the date: a disk that alters a digit of it shall not go unseen, for
    certificates of disposal name it.
    """
    return hashlib.sha256(str(expires).encode()).hexdigest()[:16]


def read_workers(home: Path) -> list[Standing]:
    """How the background work of whoever served a home last went; nothing where that cannot be
    read.
    """
    try:
        return [Standing(**one) for one in strict_json.lenient((home / WORKERS).read_bytes())]
    except (OSError, ValueError, TypeError):
        return []


def write_workers(home: Path, rows: Sequence[Standing]) -> None:
    """Write down how background work goes. That this fails is told, and holds up no work."""
    try:
        files.write(home / WORKERS, json.dumps([asdict(row) for row in rows]).encode() + b"\n")
    except StorageError as error:
        _LOG.warning("%s", error.message)


def is_client(home: Path) -> bool:
    """Whether a folder holds a person's keys alone, and no node."""
    return (home / CLIENT).exists()


def read_client(home: Path) -> ClientSettings:
    """The settings of a person's folder.

    Raises:
        StorageError: they are damaged, or others can write in it.
    """
    require_private(home)
    try:
        return ClientSettings(**strict_json.lenient((home / CLIENT).read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise StorageError(
            f"{home / CLIENT} cannot be read", hint="enrol again with a new invitation"
        ) from error


def write_client(home: Path, client: ClientSettings) -> None:
    """Write the settings of a person's folder."""
    files.write(home / CLIENT, json.dumps(asdict(client), indent=1).encode() + b"\n")


def passphrase(file: Path | None) -> bytes | None:
    """The passphrase from a file or from CUSTODY_PASSPHRASE; None where neither is given.

    Raises:
        UsageError: the file cannot be read or is empty.
    """
    if file is not None:
        return read_secret(file, what="passphrase")
    text = os.environ.get("CUSTODY_PASSPHRASE")
    return os.fsencode(text) if text else None


def read_secret(file: Path, *, what: str) -> bytes:
    """A secret that somebody wrote into a file: its first and only line, as UTF-8, whatever an
    editor put around it.

    Windows' editors and shells write UTF-16, or a byte order mark before UTF-8: both give what
    typing it would give.

    Raises:
        UsageError: the file cannot be read, is empty, or in an encoding that cannot be told.
    """
    try:
        found = _as_utf8(files.read_small(file, _LONGEST)).rstrip(b"\r\n")
    except OSError as error:
        raise UsageError(
            f"cannot read the {what} file: {error.strerror}", hint="check its path and permissions"
        ) from error
    except UnicodeError as error:
        raise UsageError(
            f"the {what} file has a byte order mark, and is not in the encoding that it says",
            hint=_SAVE,
        ) from error
    if b"\0" in found:
        raise UsageError(
            f"the {what} file holds zero bytes: it seems to be UTF-16 without a byte order mark",
            hint=_SAVE,
        )
    if not found:
        raise UsageError(f"the {what} file is empty", hint=f"write the {what} into it")
    return found


_SAVE: Final = "save it as plain UTF-8 text"
_LONGEST: Final = 65_536  # bytes of a file with a secret, which has one line


def _as_utf8(data: bytes) -> bytes:
    if data.startswith(codecs.BOM_UTF8):
        return data.removeprefix(codecs.BOM_UTF8)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16").encode()
    return data
