"""Confidentiality of content and documents (DESIGN section 8): padding, pieces, derived keys, key
commitment.

- content: AES-256-GCM over pieces of 1 MiB - 16 bytes with the nonces of STREAM (Hoang et al.
  2015): an 11-byte big-endian counter and a last-piece flag, so that pieces cannot be reordered,
  dropped or truncated
- AES-GCM does not commit to its key: a commitment is compared before the first decryption
- sizes are padded (Padmé, at least 4096 bytes): the true size is only in the document
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import b64url, evidence_bytes, from_b64url
from ledger.domain.errors import FormatError, VerificationError

SUITE: Final = "A256GCM-STREAM-1MiB"
LEAF: Final = 1 << 20
TAG: Final = 16
PIECE: Final = LEAF - TAG
_MINIMUM: Final = 4096
_MARK: Final = b"\x80"
_STEP: Final = 9
_ZERO_NONCE: Final = bytes(12)


def new_key() -> bytes:
    """A fresh random 32-byte key: never derived from content."""
    return secrets.token_bytes(32)


def new_salt(size: int) -> bytes:
    """Fresh random bytes for salts."""
    return secrets.token_bytes(size)


def derive(key: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 with empty salt, 32 bytes out: every key that is derived here is derived like
    this.
    """
    return HKDF(hashes.SHA256(), 32, None, info).derive(key)


def padme(length: int) -> int:
    """Round up so that at most 12 % is added and O(log log n) bits of the length leak (Nikitin et
    al. 2019).
    """
    exponent = length.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (length + mask) & ~mask


def padded_size(size: int) -> int:
    """Bytes of padded plaintext for ``size`` bytes of content."""
    return padme(max(size + 1, _MINIMUM))


def piece_count(padded: int) -> int:
    """Number of pieces of ``padded`` bytes."""
    return -(-padded // PIECE)


@dataclass(frozen=True, slots=True)
class Content:
    """The member ``content`` of an opening event: where the ciphertext is and how to open it."""

    cid: str
    padded_size: int
    salt: bytes
    commitment: bytes

    def as_json(self) -> dict[str, Any]:
        """The member ``content`` of an event's body."""
        return {
            "cid": self.cid,
            "suite": SUITE,
            "pieces": {"size": PIECE, "count": piece_count(self.padded_size)},
            "paddedSize": self.padded_size,
            "salt": b64url(self.salt),
            "commitment": b64url(self.commitment),
        }

    @property
    def ciphertext_size(self) -> int:
        """Bytes of ciphertext, the tags included."""
        return self.padded_size + TAG * piece_count(self.padded_size)


def parse_content(value: dict[str, Any], size: int) -> Content:
    """Parse the member ``content`` for content of ``size`` bytes.

    Returns:
        how the content is encrypted, in pieces that fit its size.

    Raises:
        FormatError: the numbers do not fit one another.
    """
    content = Content(
        value["cid"],
        value["paddedSize"],
        from_b64url(value["salt"], what="content salt", size=16),
        from_b64url(value["commitment"], what="content commitment", size=32),
    )
    if content.padded_size != padded_size(size) or value != content.as_json() | {
        name: value[name] for name in value if name == "ext"
    }:
        raise FormatError("content: padded size and pieces do not follow from the size")
    return content


def stream_nonce(number: int, *, last: bool) -> bytes:
    """Nonce of a piece: its number and whether it is the last one (STREAM)."""
    return number.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


class Pieces:
    """Seals and opens the pieces of one item under one salt.

    Args:
        key: the item's content key, 32 bytes.
        evidence: its URN.
        salt: the 16 random bytes of this attempt; a new attempt needs a new salt, since nonces
            count from zero.
    """

    def __init__(self, key: bytes, evidence: str, salt: bytes) -> None:
        self._cipher = AESGCM(derive(key, b"custody/v1/content" + evidence_bytes(evidence) + salt))

    def seal(self, number: int, piece: bytes | bytearray | memoryview, *, last: bool) -> bytes:
        """Seal piece ``number`` of padded plaintext."""
        return self._cipher.encrypt(stream_nonce(number, last=last), piece, None)

    def open(self, number: int, sealed: bytes | memoryview, *, last: bool) -> bytes:
        """Open piece ``number``.

        Returns:
            the piece in clear.

        Raises:
            VerificationError: altered, moved, or sealed under another key.
        """
        try:
            return self._cipher.decrypt(stream_nonce(number, last=last), sealed, None)
        except InvalidTag as error:
            raise VerificationError(
                _STEP, f"piece {number} of the ciphertext was altered or moved"
            ) from error


def commit(key: bytes, evidence: str, salt: bytes) -> bytes:
    """Commitment to a content key."""
    return derive(key, b"custody/v1/commit" + evidence_bytes(evidence) + salt + SUITE.encode())


def check_commitment(key: bytes, evidence: str, content: Content) -> None:
    """Compare a key with the commitment, before anything is decrypted.

    Raises:
        VerificationError: the key is not the one committed to.
    """
    if not same(commit(key, evidence, content.salt), content.commitment):
        raise VerificationError(_STEP, "the key does not match the commitment in the record")


def pad_piece(plain: bytes | memoryview, left: int, length: int) -> bytes | memoryview:
    """A piece of ``length`` bytes of padded plaintext.

    Args:
        plain: its content bytes, at most ``length``.
        left: content bytes from the start of this piece to the end of the content; 0 or less behind
            it.
    """
    if len(plain) == length:
        return plain
    mark = _MARK if 0 <= left < length else b""
    return b"".join((plain, mark, bytes(length - len(plain) - len(mark))))


def strip_padding(tail: bytes, offset: int, size: int) -> bytes:
    """Cut padding from decrypted bytes that begin at ``offset`` of the padded plaintext.

    Returns:
        what of them is content.

    Raises:
        VerificationError: what lies behind ``size`` is not the mark and zeros.
    """
    keep = min(max(size - offset, 0), len(tail))
    rest = tail[keep:]
    if not rest:
        return tail
    expected = _MARK if offset + keep == size else b""
    if not rest.startswith(expected) or rest[len(expected) :].strip(b"\x00"):
        raise VerificationError(_STEP, "the padding is not a mark and zeros")
    return tail[:keep]


def _seal_record(record_key: bytes, label: bytes, digest: bytes, data: bytes) -> bytes:
    # A zero nonce is safe because the key is derived from the digest of what it encrypts.
    return AESGCM(derive(record_key, label + digest)).encrypt(_ZERO_NONCE, data, None)


def seal_document(record_key: bytes, document: bytes) -> bytes:
    """Encrypt an event document under the item's record key."""
    return _seal_record(record_key, b"custody/v1/doc", sha256(document).digest(), document)


def seal_disclosure(record_key: bytes, encoded: str) -> bytes:
    """Encrypt one disclosure under the item's record key."""
    return _seal_record(
        record_key, b"custody/v1/sd", sha256(encoded.encode()).digest(), encoded.encode()
    )


def document_key(record_key: bytes, digest: bytes) -> bytes:
    """The key of one document alone, for a grant of that scope."""
    return derive(record_key, b"custody/v1/doc" + digest)


def disclosure_key(record_key: bytes, digest: bytes) -> bytes:
    """The key of one disclosure alone, for a grant of that scope."""
    return derive(record_key, b"custody/v1/sd" + digest)


def _open_record(key: bytes, digest: bytes, sealed: bytes, what: str) -> bytes:
    try:
        data = AESGCM(key).decrypt(_ZERO_NONCE, sealed, None)
    except InvalidTag as error:
        raise VerificationError(2, f"a stored {what} was altered, or its key is another") from error
    if not same(sha256(data).digest(), digest):
        raise VerificationError(2, f"a stored {what} does not hash to its digest")
    return data


def open_document(record_key: bytes, digest: bytes, sealed: bytes) -> bytes:
    """Decrypt an event document and hash it again.

    Returns:
        the document as it was signed.

    Raises:
        VerificationError: altered, or another key.
    """
    return open_sealed_document(document_key(record_key, digest), digest, sealed)


def open_sealed_document(key: bytes, digest: bytes, sealed: bytes) -> bytes:
    """Decrypt an event document with its own key and hash it again; see open_document."""
    return _open_record(key, digest, sealed, "document")


def open_disclosure(record_key: bytes, digest: bytes, sealed: bytes) -> str:
    """Decrypt a disclosure and hash it again.

    Returns:
        the disclosure as it was encoded.

    Raises:
        VerificationError: altered, or another key.
    """
    return open_sealed_disclosure(disclosure_key(record_key, digest), digest, sealed)


def open_sealed_disclosure(key: bytes, digest: bytes, sealed: bytes) -> str:
    """Decrypt a disclosure with its own key and hash it again; see open_disclosure."""
    return _open_record(key, digest, sealed, "disclosure").decode()
