"""Receipts (RFC 9942, `RFC9162_SHA256`) and checkpoints (C2SP tlog-checkpoint), both signed with
the log key.

A receipt's index and size are never evidence by themselves: only inclusion against an anchored
(root, size) is.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ledger.domain.codecs import cbor, cose
from ledger.domain.codecs.text import counted, require
from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.identity.names import log_urn, parse_log_urn
from ledger.domain.log.merkle import MAX_SIZE, root_from_inclusion

RECEIPT_TYPE: Final = "application/scitt-receipt+cose"

_VDS: Final = 395  # verifiable data structure
_VDP: Final = 396  # its proofs
_RFC9162_SHA256: Final = 1
_INCLUSION: Final = -1
_ISS, _SUB = 1, 2
_STEP: Final = 5
_MAP: Final = "custody-map/1 "
_NOTE: Final = re.compile(
    rb"(?P<origin>[^\n]+)\n(?P<size>0|[1-9]\d{0,18})\n(?P<root>[A-Za-z0-9+/]{43}=)\n"
    rb"(?:custody-map/1 (?P<map>[A-Za-z0-9+/]{43}=)\n)?"
    rb"\n\xe2\x80\x94 (?P<name>[^\n ]+) (?P<blob>[A-Za-z0-9+/=]+)\n"
)


class SizeError(FormatError):
    """A checkpoint of more entries than any contract takes: nobody can have them."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A parsed receipt: which leaf of which log at which size, and the path to its root."""

    message: cose.Sign1
    log_id: bytes
    subject: str
    key_id: bytes
    size: int
    index: int
    path: tuple[bytes, ...]

    def encode(self) -> bytes:
        """The tagged COSE_Sign1."""
        return self.message.encode()


def key_id(key: bytes) -> bytes:
    """kid of a log key: SHA-256 of the raw Ed25519 key."""
    return sha256(key).digest()


def issue(
    key: Ed25519PrivateKey,
    *,
    log_id: bytes,
    subject: str,
    size: int,
    index: int,
    path: list[bytes],
    root: bytes,
) -> Receipt:
    """Sign a receipt of inclusion; the payload (the root) is detached (RFC 9942 section 5.2)."""
    kid = key_id(key.public_key().public_bytes_raw())
    headers: dict[Any, Any] = {
        cose.KID: kid,
        cose.CWT_CLAIMS: {_ISS: log_urn(log_id), _SUB: subject},
        cose.TYP: RECEIPT_TYPE,
        _VDS: _RFC9162_SHA256,
    }
    signed = cose.sign(key, headers, root, detached=True)
    proof = cbor.encode([size, index, path])
    message = cose.Sign1(
        signed.protected, signed.headers, None, signed.signature, {_VDP: {_INCLUSION: [proof]}}
    )
    return Receipt(message, log_id, subject, kid, size, index, tuple(path))


def parse(data: bytes) -> Receipt:
    """Parse a receipt.

    Returns:
        the receipt, whose signature is not checked yet.

    Raises:
        FormatError: anything outside the profile.
    """
    what = "receipt"
    message = cose.parse(data, what=what, limit=8192)
    headers = message.headers
    require(
        set(headers) == {cose.ALG, cose.KID, cose.CWT_CLAIMS, cose.TYP, _VDS},
        f"{what}: unknown or missing header",
    )
    require(
        headers[cose.ALG] == cose.EDDSA and headers[_VDS] == _RFC9162_SHA256,
        f"{what}: algorithm not accepted",
    )
    require(headers[cose.TYP] == RECEIPT_TYPE, f"{what}: typ must be {RECEIPT_TYPE}")
    claims, kid = headers[cose.CWT_CLAIMS], headers[cose.KID]
    require(
        isinstance(claims, dict) and set(claims) == {_ISS, _SUB},
        f"{what}: claims must be iss and sub",
    )
    require(isinstance(claims[_SUB], str) and isinstance(kid, bytes), f"{what}: wrong types")
    require(message.payload is None, f"{what}: the payload must be detached")
    proofs: Any = message.unprotected.get(_VDP)
    require(set(message.unprotected) == {_VDP} and isinstance(proofs, dict), f"{what}: no proofs")
    require(
        set(proofs) == {_INCLUSION} and isinstance(proofs[_INCLUSION], list),
        f"{what}: no inclusion proof",
    )
    require(
        len(proofs[_INCLUSION]) == 1 and isinstance(proofs[_INCLUSION][0], bytes),
        f"{what}: expected one proof",
    )
    proof = cbor.decode(proofs[_INCLUSION][0], what=f"{what}: proof")
    good = isinstance(proof, list) and len(proof) == 3 and isinstance(proof[2], list)
    require(good and all(type(number) is int for number in proof[:2]), f"{what}: malformed proof")
    size, index, path = proof
    require(
        0 <= index < size <= MAX_SIZE and len(path) <= 63, f"{what}: index or size out of range"
    )
    require(
        all(isinstance(node, bytes) and len(node) == 32 for node in path), f"{what}: malformed path"
    )
    return Receipt(
        message, parse_log_urn(claims[_ISS]), claims[_SUB], kid, size, index, tuple(path)
    )


def verify(receipt: Receipt, *, leaf: bytes, log_id: bytes, subject: str, key: bytes) -> bytes:
    """Check log identity, subject and signature.

    Returns:
        the root that the receipt commits to.

    Raises:
        VerificationError: step 5, what differs.
    """
    if receipt.log_id != log_id:
        raise VerificationError(
            _STEP, f"receipt of log {receipt.log_id.hex()}, expected {log_id.hex()}"
        )
    if receipt.subject != subject:
        raise VerificationError(_STEP, "receipt is about another subject")
    if receipt.key_id != key_id(key):
        raise VerificationError(
            _STEP, "receipt was signed with another key than the descriptor's log key"
        )
    root = root_from_inclusion(leaf, receipt.index, receipt.size, receipt.path)
    verifier = Ed25519PublicKey.from_public_bytes(key)
    cose.verify(receipt.message, verifier, step=_STEP, what="receipt", payload=root)
    return root


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A parsed checkpoint; ``note`` is the signed note, ``root`` 32 bytes over ``size`` leaves.
    ``map_root`` is that of the item map, None in a note over entries that nothing anchors yet.
    """

    note: bytes
    log_id: bytes
    size: int
    root: bytes
    map_root: bytes | None = None


def _body(log_id: bytes, size: int, root: bytes, map_root: bytes | None) -> bytes:
    extension = "" if map_root is None else f"{_MAP}{base64.b64encode(map_root).decode()}\n"
    return f"{log_urn(log_id)}\n{size}\n{base64.b64encode(root).decode()}\n{extension}".encode()


def _note_key_hash(name: str, key: bytes) -> bytes:
    return sha256(name.encode() + b"\n\x01" + key).digest()[:4]


def sign_checkpoint(
    key: Ed25519PrivateKey, *, log_id: bytes, size: int, root: bytes, map_root: bytes | None = None
) -> Checkpoint:
    """Sign size, root and map root as a note under the log's URN (C2SP signed-note)."""
    name = log_urn(log_id)
    body = _body(log_id, size, root, map_root)
    blob = _note_key_hash(name, key.public_key().public_bytes_raw()) + key.sign(body)
    return parse_checkpoint(body + f"\n\u2014 {name} {base64.b64encode(blob).decode()}\n".encode())


def parse_checkpoint(note: bytes) -> Checkpoint:
    """Parse a checkpoint with exactly one signature, the log's own.

    Returns:
        the checkpoint, whose signature is not checked yet.

    Raises:
        FormatError: anything else.
    """
    match = _NOTE.fullmatch(note) if len(note) <= 4096 else None
    if match is None or match["name"] != match["origin"]:
        raise FormatError("checkpoint: not a signed note of one log")
    try:
        log_id = parse_log_urn(match["origin"].decode())
        root, map_root = (_hash(match[name]) for name in ("root", "map"))
        blob = base64.b64decode(match["blob"], validate=True)
    except (binascii.Error, UnicodeDecodeError) as error:
        raise FormatError("checkpoint: malformed line") from error
    good = root is not None and base64.b64encode(blob) == match["blob"] and len(blob) == 68
    require(good, "checkpoint: malformed root or signature")
    assert root is not None
    size = int(match["size"])
    if size > MAX_SIZE:
        told = counted(size, "entry")
        raise SizeError(f"checkpoint: {told}, and no log has more than {MAX_SIZE}")
    return Checkpoint(note, log_id, size, root, map_root)


def _hash(line: bytes | None) -> bytes | None:
    """A root as a note spells it, in the one canonical form; None where the line is not there."""
    if line is None:
        return None
    value = base64.b64decode(line, validate=True)
    require(
        len(value) == 32 and base64.b64encode(value) == line,
        "checkpoint: malformed root or signature",
    )
    return value


def verify_checkpoint(checkpoint: Checkpoint, key: bytes, *, step: int = 6) -> None:
    """Check a checkpoint's signature with the raw Ed25519 log key.

    Raises:
        VerificationError: wrong key or signature.
    """
    name = log_urn(checkpoint.log_id)
    blob = base64.b64decode(checkpoint.note.rstrip(b"\n").rpartition(b" ")[2])
    if blob[:4] != _note_key_hash(name, key):
        raise VerificationError(
            step, "checkpoint was signed with another key than the descriptor's log key"
        )
    body = _body(checkpoint.log_id, checkpoint.size, checkpoint.root, checkpoint.map_root)
    cose.verify_bytes(
        Ed25519PublicKey.from_public_bytes(key), blob[4:], body, step=step, what="checkpoint"
    )
