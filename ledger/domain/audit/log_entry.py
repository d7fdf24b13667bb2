"""Entries of a log examined one by one: strict form, this log, signature. Pure, so that it runs in
many processes.

Nearly every entry has one shape, the one that signers of this project write. A single pattern
recognises it, twenty times as fast as the general parser; whatever it does not match goes through
the general parser, whose judgement is the only one that counts. A property test holds the two
against each other.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from ledger.domain.codecs import cose
from ledger.domain.errors import CustodyError
from ledger.domain.identity import certificate as certificates
from ledger.domain.log import item_map, tiles
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import EFFECTS, Claims, Effect

_CODE: Final = rb"[A-Z]{2}-[A-Z0-9](?:[A-Z0-9-]{0,30}[A-Z0-9])?"
_AGENCY: Final = rb"urn:custody:agency:"
_UUID: Final = rb"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
_TYPE: Final = statements.TYPE.encode()
_PREIMAGE: Final = statements.CONTENT_TYPE.encode()
_SHAPE: Final = re.compile(
    rb"\xd2\x84\x59(?P<length>..)(?P<map>\xa6\x01(?P<alg>[\x26\x27])\x0f(?P<count>[\xa7-\xa9])"
    rb"\x01(?:\x77|\x78(?P<isslen>[\x18-\x40]))" + _AGENCY + rb"(?P<iss>" + _CODE + rb")"
    rb"\x02\x78\x2d(?P<sub>" + _UUID + rb")"
    rb"\x03\x78\x50urn:custody:log:(?P<aud>[0-9a-f]{64})"
    rb"\x06\x1a(?P<iat>[\x01-\xff].{3})"
    rb"(?:\x62to(?:\x77|\x78(?P<tolen>[\x18-\x40]))" + _AGENCY + rb"(?P<to>" + _CODE + rb"))?"
    rb"(?:\x63ref\x58\x20(?P<ref>.{32}))?"
    rb"\x63seq(?P<seq>[\x00-\x17]|\x18[\x18-\xff]|\x19[\x01-\xff].)"
    rb"\x64prev(?:\xf6|\x58\x20(?P<prev>.{32}))"
    rb"\x66effect(?:\x64(?P<four>open|none)|\x65(?P<five>offer|close)|\x66(?P<six>accept)|\x67(?P<seven>decline)|\x68(?P<eight>withdraw))"
    rb"\x10\x78"
    + bytes([len(_TYPE)])
    + re.escape(_TYPE)
    + rb"\x18\x22\x82\x2f\x58\x20(?P<x5t>.{32})"
    rb"\x19\x01\x02\x2f\x19\x01\x03\x78" + bytes([len(_PREIMAGE)]) + re.escape(_PREIMAGE) + rb")"
    rb"\xa0\x58\x20(?P<payload>.{32})\x58\x40(?P<signature>.{64})",
    re.DOTALL,
)
_X5T: Final = re.compile(rb"\x18\x22\x82\x2f\x58\x20(.{32})", re.DOTALL)
_SIGNED: Final = b"\x84\x6aSignature1"
_SHORT: Final = len(_AGENCY) + 4  # the shortest agency URN, whose length fits the first byte
_EFFECTS: Final[dict[bytes, Effect]] = {effect.encode(): effect for effect in EFFECTS}


class Parsed(NamedTuple):
    """An entry in its strict form: claims, digest of the certificate, the bytes that were signed,
    and the signature.
    """

    claims: Claims
    certificate: bytes
    payload: bytes
    signed: bytes
    signature: bytes
    algorithm: int


class DecodedEntry(NamedTuple):
    """An entry examined: its leaf hash, and either its claims and certificate, or a finding's code
    and what was found; subject and hash are those of the item map.
    """

    leaf: bytes
    claims: Claims | None
    certificate: bytes
    payload: bytes
    code: str
    found: str
    subject: str
    hashed: bytes


def quick(entry: bytes) -> Parsed | None:
    """Parse an entry of the usual shape; None for any other, which the general parser must
    judge.
    """
    match = _SHAPE.fullmatch(entry)
    if match is None:
        return None
    seq, prev, ref, to = match["seq"], match["prev"], match["ref"], match["to"]
    number = seq[0] if len(seq) == 1 else int.from_bytes(seq[1:], "big")
    effect = _EFFECTS[
        match["four"] or match["five"] or match["six"] or match["seven"] or match["eight"]
    ]
    lengths = _fits(match["isslen"], match["iss"]) and (to is None or _fits(match["tolen"], to))
    whole = int.from_bytes(match["length"], "big") == len(match["map"]) >= 256
    counted = match["count"][0] == 0xA7 + (to is not None) + (ref is not None)
    opens = (number == 0) == (prev is None) == (ref is not None) == (effect == "open")
    if not (lengths and whole and counted and opens and (effect == "offer") == (to is not None)):
        return None
    claims = Claims(
        match["iss"].decode(),
        match["sub"].decode(),
        bytes.fromhex(match["aud"].decode()),
        int.from_bytes(match["iat"], "big"),
        number,
        prev,
        effect,
        ref,
        None if to is None else to.decode(),
    )
    payload = match["payload"]
    signed = _SIGNED + entry[2 : match.end("map")] + b"\x40\x58\x20" + payload
    return Parsed(
        claims,
        match["x5t"],
        payload,
        signed,
        match["signature"],
        cose.ES256 if match["alg"] == b"\x26" else cose.EDDSA,
    )


def _fits(declared: bytes | None, code: bytes) -> bool:
    length = len(_AGENCY) + len(code)
    return length == (_SHORT if declared is None else declared[0]) and (
        declared is None or length > _SHORT
    )


def parse(entry: bytes) -> Parsed:
    """Parse an entry strictly, quickly where it has the usual shape.

    Returns:
        the entry taken apart.

    Raises:
        FormatError: not a log entry.
    """
    usual = quick(entry)
    if usual is not None:
        return usual
    statement = statements.parse_entry(entry)
    message = statement.message
    signed = cose.sig_structure(message.protected, statement.payload)
    return Parsed(
        statement.claims,
        statement.certificate,
        statement.payload,
        signed,
        message.signature,
        message.headers[cose.ALG],
    )


def certificates_named(bundle: bytes) -> set[bytes]:
    """Digests of certificates that a bundle may name: a superset, to fetch them before its entries
    are examined.
    """
    return set(_X5T.findall(bundle))


@lru_cache(maxsize=4096)
def _key(der: bytes) -> tuple[cose.PublicKey, int]:
    key = certificates.parse(der).key
    return key, cose.algorithm_of(key)


def examine(entry: bytes, log_ids: Sequence[bytes], known: Mapping[bytes, bytes]) -> DecodedEntry:
    """Examine one entry.

    Args:
        log_ids: logs that the statement may name in ``aud``: this one, and the one that it was
            forked from.
        known: certificates (DER) by SHA-256.

    Returns:
        claims and certificate, or the code of a finding with what was found.
    """
    leaf, hashed = sha256(b"\x00" + entry).digest(), item_map.entry_hash(entry)
    try:
        parsed = parse(entry)
    except CustodyError as error:
        subject = item_map.subject_of(entry)
        return DecodedEntry(leaf, None, b"", b"", "entry-malformed", error.message, subject, hashed)
    # In its strict form an entry has the subject that it claims.
    subject = parsed.claims.subject

    def judged(code: str, found: str) -> DecodedEntry:
        return DecodedEntry(
            leaf, parsed.claims, parsed.certificate, parsed.payload, code, found, subject, hashed
        )

    if parsed.claims.log_id not in log_ids:
        return judged("wrong-log", f"made for log {parsed.claims.log_id.hex()}")
    der = known.get(parsed.certificate)
    if der is None:
        return judged("certificate-missing", f"no certificate {parsed.certificate.hex()}")
    try:
        key, algorithm = _key(der)
    except CustodyError as error:
        return judged("certificate-missing", error.message)
    if algorithm != parsed.algorithm:
        return judged("signature-bad", f"algorithm {parsed.algorithm} does not fit the key")
    try:
        cose.verify_bytes(key, parsed.signature, parsed.signed, step=3, what="statement")
    except CustodyError as error:
        return judged("signature-bad", error.message)
    return judged("", "")


_Packed = tuple[bytes, tuple[object, ...] | None, bytes, bytes, str, str, str, bytes]


def pack(entry: DecodedEntry) -> _Packed:
    """As plain tuples, which cross a process boundary ten times as fast as records."""
    claims = entry.claims
    if claims is None:
        return (entry.leaf, None, *entry[2:])
    packed = (
        claims.issuer,
        claims.subject,
        claims.log_id,
        claims.time,
        claims.seq,
        claims.prev,
        claims.effect,
        claims.ref,
        claims.to,
    )
    return (entry.leaf, packed, *entry[2:])


def unpack(packed: _Packed) -> DecodedEntry:
    """The record that ``pack`` took apart."""
    return DecodedEntry(packed[0], None if packed[1] is None else Claims(*packed[1]), *packed[2:])  # type: ignore[arg-type]


def examine_bundle(
    bundle: bytes, skip: int, log_ids: Sequence[bytes], known: Mapping[bytes, bytes]
) -> list[_Packed]:
    """Examine the entries of a bundle from number ``skip`` on; packed, see ``unpack``.

    Returns:
        each entry as ``pack`` made it.

    Raises:
        FormatError: the bundle is malformed.
    """
    return [pack(examine(entry, log_ids, known)) for entry in tiles.split_bundle(bundle)[skip:]]
