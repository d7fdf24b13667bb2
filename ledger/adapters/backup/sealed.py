"""Rows under a backup key: pages of deterministic CBOR, each sealed with AES-256-GCM; order and end
are part of the nonce.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.domain.codecs import cbor
from ledger.domain.crypto import content_encryption
from ledger.domain.crypto.content_encryption import stream_nonce
from ledger.domain.errors import UnreadableError

_PAGE: Final = 500
_LENGTH: Final = 4
_LIMIT: Final = 16 << 20


def derive(key: bytes, snapshot: str, use: str) -> bytes:
    """A key of one snapshot for one use: nonces count from zero under each."""
    return content_encryption.derive(key, f"custody/v1/backup/{use}/{snapshot}".encode())


def write(file: BinaryIO, key: bytes, rows: Iterator[tuple[Any, ...]]) -> int:
    """Seal rows into a file; returns their number."""
    cipher, count, number = AESGCM(key), 0, 0
    while page := [list(row) for row in islice(rows, _PAGE)]:
        _put(file, cipher.encrypt(stream_nonce(number, last=False), cbor.encode(page), None))
        count, number = count + len(page), number + 1
    _put(file, cipher.encrypt(stream_nonce(number, last=True), cbor.encode([]), None))
    return count


def _put(file: BinaryIO, sealed: bytes) -> None:
    file.write(len(sealed).to_bytes(_LENGTH, "big") + sealed)


def read(path: Path, key: bytes) -> Iterator[list[Any]]:
    """The rows of a sealed file.

    Raises:
        UnreadableError: altered, cut short, or sealed under another key.
    """
    cipher = AESGCM(key)
    with path.open("rb") as file:
        number = 0
        while True:
            size = int.from_bytes(file.read(_LENGTH), "big")
            sealed = file.read(min(size, _LIMIT))
            try:
                page = cbor.decode(cipher.decrypt(stream_nonce(number, last=False), sealed, None))
            except InvalidTag:
                break
            yield from page
            number += 1
        try:
            cipher.decrypt(stream_nonce(number, last=True), sealed, None)
        except InvalidTag as error:
            raise UnreadableError(
                "the grants in this backup are altered or cut short", hint="choose another snapshot"
            ) from error
