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

import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ledger.adapters import files, full_disk, profiles
from ledger.adapters.backup import completeness, databases, packs, sealed
from ledger.adapters.backup.keys import BackupKeys, Generation
from ledger.adapters.filelock import FileLock
from ledger.adapters.ipfs.index_view import read_places
from ledger.app import backup_manifest, settings
from ledger.app.backup_manifest import Manifest
from ledger.domain.codecs.text import format_time
from ledger.domain.errors import KeyringError, LockedError, StorageError, UsageError
from ledger.domain.files import custody_files
from ledger.domain.ports.node_and_chain import Clock

_OVER: Final = "the backup was made, but what follows it failed"
_CHECK: Final = "check disk and permissions"
_LOCK: Final = "backup.lock"
SEALED: Final = custody_files.SEALED_GRANTS
_PLAIN: Final = (settings.CONFIG, settings.KEYRING)
_SNAPSHOT: Final = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_PART: Final = re.compile(r"\.\d{8}T\d{6}Z\.part", re.ASCII)


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
    require_apart(home, folder, keys_file)
    final = folder / "snapshots" / _name(now)
    try:
        with full_disk.told(home), full_disk.told(folder):
            databases.require_log(settings.require_ledger(home))
            files.private_folder(folder / "blocks")
            files.private_folder(folder / "snapshots")
            with _alone(home, folder):
                if final.exists():
                    hint = "wait a second, then try again"
                    raise UsageError(f"{final} exists already", hint=hint)
                generation = keys.current(now, rotate=rotate, keep=keep)
                return _make(home, folder, keys, config, now, generation)
    except LockedError:
        raise
    except StorageError as error:
        if not final.exists():
            raise
        raise StorageError(f"{_OVER}: {error.message}", hint=error.hint) from error
    except OSError as error:
        raise _failed(error, folder, made=final.exists()) from error


@contextmanager
def _alone(home: Path, folder: Path) -> Iterator[None]:
    """Nobody compacts the packs of the home meanwhile, and no other one, such as a copy of it, is
    backed up into the folder.

    Raises:
        LockedError: somebody does.
    """
    hint, held = "wait until that has ended, then try again", []
    try:
        places = (
            (home / "blocks" / "packs.lock", "what the home stores"),
            (folder / _LOCK, "the folder of backups"),
        )
        for path, what in places:
            held.append(FileLock(path, what=what, hint=hint, if_possible=path.parent == folder))
        yield
    finally:
        for lock in held:
            lock.release()


def _make(
    home: Path,
    folder: Path,
    keys: BackupKeys,
    config: settings.HomeSettings,
    now: int,
    generation: Generation,
) -> Made:
    """See ``make``; by whoever is alone at it."""
    name = _name(now)
    final = folder / "snapshots" / name
    part = _part_of(final)
    try:
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
        found = {path.name: backup_manifest.digest_of(path) for path in sorted(part.iterdir())}
        expires = generation.expires
        manifest = Manifest(
            1, config.agency, now, generation.id, expires, grants, found, copied.packs
        )
        backup_manifest.write(part, manifest, generation, name)
        part.rename(final)
        files.sync_directory(final.parent)
        # While nothing is compacted, which would move blocks behind what was copied.
        elsewhere, lacking, copied = _not_in_it(home, folder, final, copied)
        lost = packs.give_up(home / "blocks", folder / "blocks", copied)
        # Before the keys: whose a snapshot is can be told by its key alone.
        _forget(folder, keys, config.agency, now)
        keys.destroy_expired(now)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    size = sum(copied.packs.values())
    return Made(final, expires, copied.new, size, grants, lost, copied.mended, elsewhere, lacking)


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


def _failed(error: OSError, folder: Path, *, made: bool) -> StorageError:
    """What a person is told of a disk that refused; ``made``: after the snapshot got its name."""
    place = f" ({error.filename})" if error.filename else ""
    what = f"make room on the disk of {folder}" if error.errno in files.FULL else _CHECK
    return StorageError(
        f"{_OVER if made else 'the backup failed'}: {error.strerror}{place}",
        hint=f"{what}, then back up again; earlier snapshots are untouched",
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
        key = keys.find(backup_manifest.read(snapshot).key)
        backup_manifest.require_signed(snapshot, key)
        return True
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
            # One that was removed in part when this was killed bears no name of a whole one.
            path.rename(_part_of(path))
            shutil.rmtree(_part_of(path))


def _part_of(snapshot: Path) -> Path:
    """What a snapshot is called while it is made or removed."""
    return snapshot.with_name(f".{snapshot.name}.part")


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
            yield path, backup_manifest.read(path)
