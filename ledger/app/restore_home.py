"""Restoring a home from a backup: built aside, derived again from its smallest parts, and only then
given its name.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ledger.adapters import files, full_disk
from ledger.adapters.backup import databases, packs, sealed
from ledger.adapters.backup.keys import BackupKeys
from ledger.adapters.clock import SystemClock
from ledger.adapters.keystore.file import Unlocking
from ledger.app import backup, backup_manifest, bootstrap, settings
from ledger.app.backup_manifest import Manifest
from ledger.domain.errors import StorageError, UnreadableError, UsageError
from ledger.domain.verify.report import Verdict
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import (
    CONTENT,
    IPFS,
    EntriesWaiting,
    Result,
    SelfChecked,
    SelfCheckFinding,
)


@dataclass(frozen=True, slots=True)
class Restored:
    """A home as restored.

    ``notes`` says where the chain knows more than it does, or could not be asked; ``damaged`` names
    items whose ciphertext is not whole in the backup either; ``waiting`` counts entries that are
    not anchored.
    """

    snapshot: str
    made: int
    entries: int
    checked: list[SelfChecked]
    notes: list[SelfCheckFinding]
    damaged: list[SelfCheckFinding]
    waiting: list[EntriesWaiting]


def require_room(home: Path) -> None:
    """Refuse to restore where something is already.

    Raises:
        UsageError: it is.
    """
    files.require_vacant(
        home, hint="restore into a new folder, and compare before you replace anything"
    )


def restore(
    folder: Path, home: Path, keys: BackupKeys, passphrase: bytes, *, snapshot: str = ""
) -> Restored:
    """Restore a snapshot, by default the newest, into a folder that does not exist yet. Ciphertext
    that is damaged keeps nothing else from coming back, and is named.

    Raises:
        UsageError: something is there already, or no such snapshot.
        KeyringError: the snapshot's key was destroyed, or the passphrase is not the home's.
        StorageError: the snapshot is damaged, or the record in it contradicts itself;
            UnreadableError: a part of that could not be read. No home is left behind.
    """
    require_room(home)
    found = [path for path in backup.snapshots(folder) if snapshot in ("", path.name)]
    if not found:
        known = ", ".join(path.name for path in backup.snapshots(folder)[-3:]) or "none"
        raise UsageError(
            f"no snapshot {snapshot} in {folder}".replace("  ", " "),
            hint=f"the newest are: {known}",
        )
    if not snapshot and (ahead := backup.ahead(folder, SystemClock().now())):
        what = (
            f"the snapshot {ahead[-1]} is from the future: a clock was wrong, and which one "
            "was made last is not certain"
        )
        known = ", ".join(path.name for path in found[-3:])
        raise UsageError(what, hint=f"choose one with --snapshot: {known}")
    source = found[-1]
    key = keys.find(backup_manifest.read(source).key)
    manifest = backup_manifest.check(source, key)
    with (
        files.building(home, what="the home could not be restored") as aside,
        full_disk.told(aside.parent),
    ):
        _copy(source, folder, aside, manifest)
        # Backups of this home that were made after this snapshot open its items too.
        settings.note_backup(aside, keys.latest())
        databases.put_grants(
            aside / "ledger.sqlite",
            sealed.read(source / backup.SEALED, sealed.derive(key, source.name, "grants")),
        )
        entries, results = _examine(aside, passphrase)
    return Restored(
        source.name,
        manifest.made,
        entries,
        [result for result in results if isinstance(result, SelfChecked)],
        [
            result
            for result in results
            if isinstance(result, SelfCheckFinding) and not _is_of_content(result)
        ],
        [
            result
            for result in results
            if isinstance(result, SelfCheckFinding) and _is_of_content(result)
        ],
        [result for result in results if isinstance(result, EntriesWaiting)],
    )


def _copy(source: Path, folder: Path, aside: Path, manifest: Manifest) -> None:
    (aside / "blocks").mkdir()
    for name in manifest.files:
        if name == backup.SEALED:  # read where it lies, under its key
            continue
        made = aside / ("chain" if name == "chain.sqlite" else "") / name
        made.parent.mkdir(exist_ok=True)
        shutil.copyfile(source / name, made)
        # Somebody may have exchanged it behind the check, or a disk read it otherwise this time.
        backup_manifest.require_whole(made, manifest, source)
    for path in aside.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    packs.restore(folder / "blocks", aside / "blocks")


def _examine(aside: Path, passphrase: bytes) -> tuple[int, list[Result]]:
    """Derive everything in the restored home again, every block included.

    Raises:
        StorageError, UnreadableError: the record is not whole, or could not be read.
    """
    opened = bootstrap.open_home(aside, Unlocking(aside / settings.KEYRING, passphrase))
    try:
        results = list(examine(opened.node, deep=True))
        with opened.node.records.read() as unit:
            log = unit.logs.get(opened.node.log_id)
    finally:
        opened.close()
    wrong = [
        result
        for result in results
        if isinstance(result, SelfCheckFinding)
        and not (result.home_is_whole or _is_of_content(result))
    ]
    if wrong:
        first = next((fault for fault in wrong if fault.verdict is Verdict.FAILED), wrong[0])
        kind = StorageError if first.verdict is Verdict.FAILED else UnreadableError
        what = "is not whole" if first.verdict is Verdict.FAILED else "could not be read"
        raise kind(
            f"what was restored {what}: {first.part}: {first.message}",
            hint="choose another snapshot",
        )
    return log.size if log else 0, results


def _is_of_content(finding: SelfCheckFinding) -> bool:
    """Whether it says something of ciphertext alone, here or at an IPFS node: each item stands for
    itself.
    """
    return finding.part in (CONTENT, IPFS) and not finding.home_is_whole
