"""Journals on the client's disk: append-only, sealed with AES-256-GCM under a key of the keyring.

    magic | frame | frame | ...
    frame  = length (4) | its check (4) | SHA-256 of sealed (32) | sealed
    sealed = nonce (12) | ciphertext and tag

- one frame holds everything that one ``sync`` made durable: it is there whole, or it is not there
- only the last frame can be torn by a crash or a full disk, and nothing ever relied on it; damage
  before that is told, not skipped
- a write that fails is cut off again; where that fails too, or the disk did not confirm, this run
  writes no more to the file
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger import system
from ledger.adapters import filelock, files
from ledger.domain.errors import StorageError
from ledger.domain.files.custody_files import JOURNAL_MAGIC

_NAMES: Final = "upload-*.journal"
_LENGTH: Final = 4
_HEAD: Final = 2 * _LENGTH + 32
_NONCE: Final = 12
_UNWRITTEN: Final = bytes(16)  # no ciphertext has so many zeros in a row
_PART: Final = 1 << 20


class FileJournal:
    """See clientports.Journal. One file a run, locked while the run goes on.

    Args:
        key: 32 bytes from the keyring: content keys lie in the journal until the upload is
            acknowledged.
    """

    def __init__(self, directory: Path, key: bytes) -> None:
        self._directory = directory
        self._cipher = AESGCM(key)
        self._taken: list[tuple[Path, int]] = []
        self._pending: list[dict[str, Any]] = []
        self._path: Path | None = None
        self._fd = -1
        self._end = 0
        self._broken = False

    def leftovers(self) -> list[dict[str, Any]]:
        """See clientports.Journal."""
        found: list[dict[str, Any]] = []
        for path in sorted(self._directory.glob(_NAMES), key=_age):
            if path == self._path:
                continue
            try:
                fd = os.open(path, os.O_RDWR | system.CLOEXEC)
            except FileNotFoundError:
                continue  # its run has just finished
            try:
                filelock.take(fd)
            except BlockingIOError:
                filelock.let_go(fd)
                continue
            if not _is_named(path, fd):  # its run finished between the two
                filelock.let_go(fd)
                continue
            self._taken.append((path, fd))
            try:
                data = _whole(fd)
            except OSError as error:
                raise StorageError(
                    f"cannot read {path}: {error.strerror}", hint="check the disk"
                ) from error
            found += self._read(path, data)
        return found

    def _read(self, path: Path, data: bytes) -> list[dict[str, Any]]:
        records: list[dict[str, Any]] = []
        if data[: len(JOURNAL_MAGIC)] != JOURNAL_MAGIC:
            if not JOURNAL_MAGIC.startswith(data) and data.strip(b"\0"):
                raise _damaged(path, 0)
            return records  # torn before its first frame
        at = len(JOURNAL_MAGIC)
        while at < len(data):
            head, rest = data[at : at + _HEAD], data[at + _HEAD :]
            sealed = rest[: int.from_bytes(head[:_LENGTH], "big")]
            whole = head[: 2 * _LENGTH] == _sized(int.from_bytes(head[:_LENGTH], "big"))
            if (whole and len(rest) < int.from_bytes(head[:_LENGTH], "big")) or not rest.strip(
                b"\0"
            ):
                break  # the torn end of a crash: nothing relied on it
            if not whole or sha256(sealed).digest() != head[2 * _LENGTH :]:
                # Its size was written, and not all of its bytes: zeros stand in their place. A bit
                # that a disk flipped leaves none, and the frame may be all that there is of it.
                is_unwritten = sealed.endswith(b"\0") or _UNWRITTEN in sealed
                if whole and len(rest) == len(sealed) and is_unwritten:
                    break
                raise _damaged(path, at)
            try:
                records += json.loads(
                    self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], JOURNAL_MAGIC)
                )
            except (InvalidTag, ValueError) as error:
                raise _damaged(path, at) from error
            at += _HEAD + len(sealed)
        return records

    def _sealed(self, data: bytes) -> bytes:
        """A frame sealed so that its last byte has two bits at least: a frame that ends in zeros
        was not written whole, and none that was becomes one by a bit that a disk flips.
        """
        while True:
            nonce = secrets.token_bytes(_NONCE)
            sealed = nonce + self._cipher.encrypt(nonce, data, JOURNAL_MAGIC)
            if sealed[-1].bit_count() > 1 and _UNWRITTEN not in sealed:
                return sealed

    def append(self, record: dict[str, Any]) -> None:
        """See clientports.Journal."""
        self._pending.append(record)

    def sync(self) -> None:
        """See clientports.Journal."""
        if not self._pending:
            return
        pending, self._pending = self._pending, []
        if self._broken:
            raise StorageError(
                "the upload journal cannot be written any more in this run",
                hint="check the disk, then start again",
            )
        sealed = self._sealed(json.dumps(pending).encode())
        try:
            if self._path is None:
                self._open()
            self._write(_sized(len(sealed)) + sha256(sealed).digest() + sealed)
        except OSError as error:
            raise StorageError(
                f"the upload journal could not be written: {error.strerror}",
                hint="check the free space of the disk",
            ) from error

    def _open(self) -> None:
        files.private_folder(self._directory)
        path, fd = self._made()
        self._path, self._fd, self._end = path, fd, 0
        self._write(JOURNAL_MAGIC)
        try:
            files.sync_directory(self._directory)
        except OSError:
            self._broken = True  # a crash could lose the file with all that is in it
            raise

    def _made(self) -> tuple[Path, int]:
        """A new file with its descriptor, locked. Another run that looks for leftovers may hold, or
        have taken away, one that is not locked yet.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | system.CLOEXEC
        while True:
            path = self._directory / f"upload-{secrets.token_hex(8)}.journal"
            fd = os.open(path, flags, 0o600)
            with suppress(BlockingIOError):
                filelock.take(fd)
                if path.exists():
                    return path, fd
            filelock.let_go(fd)

    def _write(self, data: bytes) -> None:
        """Write all of it durably, or leave nothing of it."""
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[
                    os.write(self._fd, rest) :
                ]  # a disk that is nearly full takes a part and says so only by the number
        except OSError:
            self._cut()
            raise
        try:
            system.fsync(self._fd)
        except OSError:
            # The kernel may drop what it could not write and confirm the next time: this file is
            # not believed any more.
            self._broken = True
            self._cut()
            raise
        self._end += len(data)

    def _cut(self) -> None:
        try:
            os.ftruncate(self._fd, self._end)
        except OSError:
            self._broken = True
        if self._end == 0:
            self._broken = True  # not even the magic is there

    def finish(self, keep: Sequence[dict[str, Any]] = ()) -> None:
        """See clientports.Journal."""
        finished = self._held()
        self._pending.clear()
        if keep:
            self._path, self._fd, self._taken, self._broken = None, -1, finished, False
            for record in keep:
                self.append(record)
            self.sync()
        if system.WINDOWS:
            self._give_up(finished)
        for path, _ in finished:
            path.unlink(missing_ok=True)
        self.close()

    def _give_up(self, finished: Sequence[tuple[Path, int]]) -> None:
        """Close what is to be removed, where no file that is open can be: emptied before, it asks
        nothing of whoever opens it in between.
        """
        for path, fd in finished:
            os.ftruncate(fd, 0)
            filelock.let_go(fd)
            if path == self._path:
                self._path, self._fd = None, -1
        self._taken = []

    def close(self) -> None:
        """See clientports.Journal."""
        for _, fd in self._held():
            filelock.let_go(fd)
        self._taken, self._path, self._fd, self._end, self._broken = [], None, -1, 0, False
        self._pending.clear()

    def _held(self) -> list[tuple[Path, int]]:
        return [*self._taken, *([(self._path, self._fd)] if self._path is not None else [])]


def count(directory: Path) -> int:
    """How many journals with something in them lie in a folder."""
    return sum(1 for path in directory.glob(_NAMES) if path.stat().st_size)


def _is_named(path: Path, fd: int) -> bool:
    """Whether a file that is open still has its name: one that was removed asks nothing of anybody,
    and would be gone through a second time.
    """
    try:
        return path.stat().st_ino == os.fstat(fd).st_ino
    except FileNotFoundError:
        return False


def _whole(fd: int) -> bytes:
    """All of a file, by the descriptor that holds its lock: by another Windows lets nobody read."""
    data = bytearray()
    while part := system.pread(fd, _PART, len(data)):
        data += part
    return bytes(data)


def _sized(length: int) -> bytes:
    """A length with its check: one that was damaged must not hide what stands behind it."""
    raw = length.to_bytes(_LENGTH, "big")
    return raw + sha256(JOURNAL_MAGIC + raw).digest()[:_LENGTH]


def _age(path: Path) -> int:
    """When a journal was last written; one whose run has just finished and removed it stands
    first.
    """
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _damaged(path: Path, at: int) -> StorageError:
    return StorageError(
        f"the journal {path} is damaged at byte {at}, or was sealed under other keys",
        hint=(
            "look with custody list whether its upload was recorded; then move the journal "
            "elsewhere"
        ),
    )
