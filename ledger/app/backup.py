"""Backup of a home that is in use, and its restoration. A backup folder holds packs once, and one
snapshot for each run.

    blocks/pack-*.car       copied by appending: packs only grow, and belong to one home, which
                            blocks/packs.id names
    snapshots/<time>/       home.json, keyring.json, ledger.sqlite without grants, chain.sqlite,
                            grants.sealed, manifest.json

A snapshot has a name only when all of it is on the disk; the manifest's authentication code covers
every other file. What is older, and its keys, are destroyed only when a newer snapshot stands.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from ledger.adapters import files, profiles
from ledger.adapters.backup import completeness, databases, packs, sealed
from ledger.adapters.backup.keys import BackupKeys, Generation
from ledger.adapters.filelock import FileLock
from ledger.adapters.ipfs.index_view import read_places
from ledger.app import settings
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import KeyringError, StorageError, UsageError
from ledger.domain.files import custody_files
from ledger.domain.ports.node_and_chain import Clock

MANIFEST: Final = "manifest.json"
SEALED: Final = custody_files.SEALED_GRANTS
_PLAIN: Final = (settings.CONFIG, settings.KEYRING)
_SNAPSHOT: Final = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_PART: Final = re.compile(r"\.\d{8}T\d{6}Z\.part", re.ASCII)
_LONGEST: Final = 64 << 20  # bytes of a manifest


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a snapshot is: SHA-256 of its files, bytes of each pack, and the generation of its
    backup key.
    """

    v: int
    agency: str
    made: int
    key: str
    expires: int
    grants: int
    files: dict[str, str]
    packs: dict[str, int]


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made: ``expires`` is when its grants can no longer be opened, ``copied``
    the pack bytes that were new, ``lost`` packs that the home lost in whole or in part, and whose
    copies stay, ``mended`` packs whose copies had gone bad and are good again, ``elsewhere`` how
    many items' ciphertext lies at IPFS nodes alone, and so in no backup, ``lacking`` items whose
    ciphertext is whole nowhere.
    """

    snapshot: Path
    expires: int
    copied: int
    size: int
    grants: int
    lost: list[str]
    mended: list[str]
    elsewhere: int
    lacking: list[str]


def require_apart(home: Path, folder: Path, keys_file: Path) -> None:
    """Refuse backup keys that lie with what they protect; to be asked before the file is made.

    Raises:
        UsageError: they do.
    """
    for place in (home, folder):
        if keys_file.resolve().is_relative_to(place.resolve()):
            hint = "keep the backup keys on another medium: whoever has both can open everything"
            raise UsageError(f"{keys_file} lies in {place}", hint=hint)


def make(
    home: Path, folder: Path, keys_file: Path, keys: BackupKeys, *, now: int, rotate: int, keep: int
) -> Made:
    """Back up a home, whether or not a node serves it meanwhile.

    Raises:
        UsageError: no home there, the keys would lie beside what they protect, or the folder has
            backups of another home.
        LockedError: another backup of it, or a compaction, is going on.
        StorageError: a disk refused; earlier snapshots are untouched.
    """
    config = settings.read(home)
    databases.require_log(settings.require_ledger(home))
    require_apart(home, folder, keys_file)
    name = _name(now)
    final = folder / "snapshots" / name
    if final.exists():
        raise UsageError(f"{final} exists already", hint="wait a second, then try again")
    files.private_folder(folder / "blocks")
    files.private_folder(folder / "snapshots")
    lock = FileLock(home / "blocks" / "packs.lock", what="the packs")
    part = final.with_name(f".{name}.part")
    try:
        generation = keys.current(now, rotate=rotate, keep=keep)
        _clear_parts(folder)
        packs.require_same(home / "blocks", folder / "blocks", used=bool(snapshots(folder)))
        # Before anything is read: who disposes of an item from now on, also while packs are copied
        # or after this was killed, is told that a backup may open it. Too late a date is harmless.
        # Of all keys in the file: a home that lost the date learns the latest again.
        settings.note_backup(home, max(generation.expires, keys.latest()))
        part.mkdir(mode=0o700)
        grants = _databases(home, part, name, generation, embedded=config.chain.kind == "local")
        # Homes of earlier versions have no profile.
        own = (profiles.FILE,) if (home / profiles.FILE).exists() else ()
        for plain in (*_PLAIN, settings.BACKUPS, *own):
            files.write(part / plain, (home / plain).read_bytes())
        # After the ledger: every block that it speaks of was durable before it did.
        copied = packs.copy(home / "blocks", folder / "blocks", _known(folder, keys))
        found = {path.name: _digest(path) for path in sorted(part.iterdir())}
        _write_manifest(
            part,
            Manifest(
                1,
                config.agency,
                now,
                generation.id,
                generation.expires,
                grants,
                found,
                copied.packs,
            ),
            generation,
            name,
        )
        part.rename(final)
        files.sync_directory(final.parent)
        # While nothing is compacted, which would move blocks behind what was copied.
        elsewhere, lacking, copied = _not_in_it(home, folder, final, copied)
        lost = packs.give_up(home / "blocks", folder / "blocks", copied)
        # Before the keys: whose a snapshot is can be told by its key alone.
        _forget(folder, keys, config.agency, now)
        keys.destroy_expired(now)
    except OSError as error:
        raise _failed(error, made=final.exists()) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
        lock.release()
    size = sum(copied.packs.values())
    return Made(
        final, generation.expires, copied.new, size, grants, lost, copied.mended, elsewhere, lacking
    )


def _not_in_it(
    home: Path, folder: Path, snapshot: Path, copied: packs.Copied
) -> tuple[int, list[str], packs.Copied]:
    """How many items' ciphertext lies at IPFS nodes alone, the items whose ciphertext is neither
    whole in the backup nor at such a node, and what was copied: it says whether the home has all.
    """
    ledger = settings.LEDGER
    at_nodes = databases.pinned(snapshot / ledger)
    elsewhere = len(at_nodes) - len(read_places(home / "blocks", at_nodes))
    items = databases.with_content(snapshot / ledger, home / ledger, settings.read(home).agency)
    roots = set(items.values()).difference(databases.pinned(home / ledger))
    lost, lacking = completeness.lacking(
        home / "blocks", folder / "blocks", copied.packs, roots, doubtful=copied.lost
    )
    named = sorted(evidence for evidence, root in items.items() if root in lacking)
    return elsewhere, named, replace(copied, is_complete=not lost)


def _failed(error: OSError, *, made: bool) -> StorageError:
    """What a person is told of a disk that refused; ``made``: after the snapshot got its name."""
    over = "the backup was made, but not all that is over was cleared"
    place = f" ({error.filename})" if error.filename else ""
    return StorageError(
        f"{over if made else 'the backup failed'}: {error.strerror}{place}",
        hint="check disk and permissions, then back up again; earlier snapshots are untouched",
    )


def _databases(home: Path, part: Path, name: str, generation: Generation, *, embedded: bool) -> int:
    counted = 0

    def seal(rows: Iterator[tuple[Any, ...]]) -> None:
        nonlocal counted
        with files.replacing(part / SEALED, force=True) as file:
            counted = sealed.write(
                file, sealed.derive(bytes.fromhex(generation.key), name, "grants"), rows
            )

    chain = home / "chain" / "chain.sqlite" if embedded else None
    databases.snapshot(home / settings.LEDGER, chain, part, seal)
    return counted


def _known(folder: Path, keys: BackupKeys) -> dict[str, int]:
    """Packs and their sizes as any snapshot of ours names them: which of these was made last is a
    matter of clocks.
    """
    found: dict[str, int] = {}
    for path, manifest in _readable(folder):
        if _is_ours(path, keys):
            for name, size in manifest.packs.items():
                found[name] = max(size, found.get(name, 0))
    return found


def _is_ours(snapshot: Path, keys: BackupKeys) -> bool:
    """Whether a manifest was written with one of these keys: anything may lie in the folder."""
    with suppress(KeyringError, StorageError):
        manifest, code = _parsed(snapshot)
        key = keys.find(manifest.key)
        return same(code.encode(), _code(manifest, key, snapshot.name).encode())
    return False


def _clear_parts(folder: Path) -> None:
    """Remove what interrupted backups left."""
    files.remove_leftovers(folder / "blocks")
    for path in (folder / "snapshots").iterdir():
        if _PART.fullmatch(path.name) and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


def _forget(folder: Path, keys: BackupKeys, agency: str, now: int) -> None:
    """Remove snapshots whose key is, or is about to be, destroyed. One that others laid there, or
    changed, stays.
    """
    for path, manifest in _readable(folder):
        opened = manifest.key in keys.names()
        if manifest.expires <= now and (
            _is_ours(path, keys) if opened else manifest.agency == agency
        ):
            shutil.rmtree(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_manifest(part: Path, manifest: Manifest, generation: Generation, name: str) -> None:
    code = _code(manifest, bytes.fromhex(generation.key), name)
    files.write(
        part / MANIFEST,
        json.dumps({"manifest": asdict(manifest), "mac": code}, indent=1, sort_keys=True).encode()
        + b"\n",
    )


def _code(manifest: Manifest, key: bytes, name: str) -> str:
    """The authentication code of a snapshot's manifest."""
    body = json.dumps(asdict(manifest), sort_keys=True).encode()
    return hmac.new(sealed.derive(key, name, "manifest"), body, "sha256").hexdigest()


def ahead(folder: Path, now: int) -> list[str]:
    """Snapshots that say to be made later than now: a clock was wrong, then or now, and the newest
    by name need not be the last.
    """
    return [path.name for path in snapshots(folder) if path.name > _name(now)]


def moment(folder: Path, clock: Clock) -> int:
    """Now; in the second of a snapshot that stands already, the next second, which is waited for:
    two backups may well begin in one, and each has a name of its own.
    """
    now = clock.now()
    if (folder / "snapshots" / _name(now)).exists():
        time.sleep(1.0)
        now = clock.now()
    return now


def _name(now: int) -> str:
    return format_time(now).replace("-", "").replace(":", "")


def snapshots(folder: Path) -> list[Path]:
    """The complete snapshots of a backup folder, oldest first."""
    return sorted(
        path
        for path in (folder / "snapshots").glob("*")
        if _SNAPSHOT.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    )


def _readable(folder: Path) -> Iterator[tuple[Path, Manifest]]:
    """Snapshots with their manifests; a damaged one must not keep anybody from making the next
    backup.
    """
    for path in snapshots(folder):
        with suppress(StorageError):
            yield path, read_manifest(path)


def read_manifest(snapshot: Path) -> Manifest:
    """A manifest as it lies there; ``check`` says whether to believe it.

    Raises:
        StorageError: damaged.
    """
    return _parsed(snapshot)[0]


def _parsed(snapshot: Path) -> tuple[Manifest, str]:
    try:
        files.require_file(snapshot / MANIFEST, hint="")
        value = strict_json.lenient(files.read_small(snapshot / MANIFEST, _LONGEST))
        manifest, code = Manifest(**value["manifest"]), str(value["mac"])
        if not isinstance(manifest.packs, dict) or not isinstance(manifest.expires, int):
            raise TypeError
    except (OSError, ValueError, KeyError, TypeError, UsageError) as error:
        raise StorageError(
            f"the snapshot {snapshot.name} has no readable manifest", hint="choose another snapshot"
        ) from error
    if manifest.v != 1:
        raise StorageError(
            f"the snapshot {snapshot.name} has version {manifest.v}, this program knows 1",
            hint="use a newer custody",
        )
    return manifest, code


def check(snapshot: Path, key: bytes) -> Manifest:
    """Check a snapshot's files against its manifest, and the manifest against the backup key.

    Raises:
        StorageError: altered or incomplete, and which file.
    """
    manifest, code = _parsed(snapshot)
    if not same(code.encode(), _code(manifest, key, snapshot.name).encode()):
        raise StorageError(
            f"the manifest of {snapshot.name} was altered", hint="choose another snapshot"
        )
    for name in manifest.files:
        require_whole(snapshot / name, manifest, snapshot)
    return manifest


def require_whole(path: Path, manifest: Manifest, snapshot: Path) -> None:
    """Check that a file is the one of its name in a snapshot.

    Raises:
        StorageError: it is missing, or another one.
    """
    if not path.is_file() or _digest(path) != manifest.files[path.name]:
        raise StorageError(
            f"{path.name} in the snapshot {snapshot.name} is missing or altered",
            hint="choose another snapshot",
        )
