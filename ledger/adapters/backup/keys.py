"""Backup keys: a new one every month, each destroyed when its time is over.

Grants lie in a backup only under such a key. Once it is destroyed, the items disposed of since that
backup was made can no
longer be opened from it: this is how disposal reaches backups (DESIGN section 6, `disposed`). The
file must lie apart from home and backups, or whoever finds a backup finds its keys.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from ledger.adapters import files
from ledger.adapters.keystore.file import NO_KEYRING, FileKeyring, Unlocking
from ledger.domain.errors import KeyringError, UnreadableError, UsageError

_NAME: Final = "generations"
_DAY: Final = 86400
ROTATE: Final = 30 * _DAY
KEEP: Final = 90 * _DAY


@dataclass(frozen=True, slots=True)
class Generation:
    """One backup key: hex, when it was made and when it must be gone, in seconds since 1970."""

    id: str
    key: str
    made: int
    expires: int


class BackupKeys:
    """The backup keys in a file of their own, in the format of a keyring.

    Raises:
        KeyringError: wrong passphrase, or altered, or a keyring with other keys in it. UsageError:
            no file, or not one. UnreadableError: what is there is no file of keys at all.
    """

    def __init__(self, path: Path, passphrase: bytes, *, create: bool) -> None:
        files.require_file(path, hint="name the file of the backup keys with --keys")
        if create:  # whoever makes backups was perhaps killed while making this file
            files.remove_leftovers(path.parent)
        if not path.exists():
            if not create:
                raise UsageError(
                    f"there are no backup keys at {path}, and nothing else opens a backup",
                    hint="name their file with --keys",
                )
            try:
                self._keyring = FileKeyring.create(path, passphrase)
            except (KeyringError, UsageError):
                if not path.exists():
                    raise
                # Another first backup made them while this passphrase was stretched.
            else:
                self._generations: list[Generation] = []
                return
        try:
            unlocking = Unlocking(path, passphrase)
        except KeyringError as error:
            if error.hint != NO_KEYRING:  # it is one, of another version
                raise
            raise UnreadableError(
                f"{path} is no file of backup keys: {error.message}",
                hint="name with --keys the file that `custody backup --keys` wrote",
            ) from error
        self._keyring = unlocking.keyring()
        if set(self._keyring.names()) - {_NAME}:
            raise KeyringError(
                f"{path} is a keyring with other keys, not the file of the backup keys",
                hint="name another file with --keys",
            )
        self._generations = _parsed(
            self._keyring.get(_NAME) if _NAME in self._keyring.names() else b""
        )

    def current(self, now: int, *, rotate: int = ROTATE, keep: int = KEEP) -> Generation:
        """The key for a backup made now; a new one where the newest is too old."""

        def add(held: list[Generation]) -> list[Generation]:
            newest = held[-1] if held else None
            # A clock that was set back must not make a key that outlives what was promised for it.
            if newest is None or newest.expires <= now or not 0 <= now - newest.made < rotate:
                return [
                    *held,
                    Generation(
                        secrets.token_hex(8), secrets.token_hex(32), now, now + rotate + keep
                    ),
                ]
            return held

        self._change(add)
        return self._generations[-1]

    def names(self) -> set[str]:
        """What the keys are called that are in the file."""
        return {generation.id for generation in self._generations}

    def latest(self) -> int:
        """Until when the last of these keys may open a backup, in seconds since 1970."""
        return max((generation.expires for generation in self._generations), default=0)

    def destroy_expired(self, now: int) -> None:
        """Destroy keys whose time is over, once a newer backup stands."""
        self._change(lambda held: [generation for generation in held if generation.expires > now])

    def _change(self, change: Callable[[list[Generation]], list[Generation]]) -> None:
        """Another backup may use the same file at the same time."""

        def changed(held: bytes) -> bytes:
            self._generations = change(_parsed(held))
            return json.dumps([asdict(generation) for generation in self._generations]).encode()

        self._keyring.update(_NAME, changed)

    def find(self, generation: str) -> bytes:
        """The 32 bytes of a key.

        Raises:
            KeyringError: destroyed, or never in this file.
        """
        for one in self._generations:
            if one.id == generation:
                return bytes.fromhex(one.key)
        raise KeyringError(
            (
                f"the backup key {generation} is not in this file: it was destroyed when its time "
                "was over, or the file is another"
            ),
            hint="choose a newer snapshot, or the right file with --keys",
        )


def _parsed(held: bytes) -> list[Generation]:
    return [Generation(**load) for load in json.loads(held or b"[]")]
