"""Signed statements and log entries (DESIGN section 7; RFC 9052, 9597, 9995).

- the payload is the SHA-256 of the event document: the log proves it without showing it, and it
  stays erasable
- an entry is the statement without its unprotected header; its leaf hash is the statement digest
- every header of the profile, which is the list in section 7, is present, and no other
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal, get_args

from ledger.domain.codecs import cose
from ledger.domain.codecs.text import is_case, quoted, require, subject_bytes
from ledger.domain.identity.names import agency_urn, log_urn, parse_agency_urn, parse_log_urn
from ledger.domain.log.merkle import leaf_hash

TYPE: Final = "application/vnd.custody.statement+cose"
CONTENT_TYPE: Final = "application/vnd.custody.event+json"
MAX_ENTRY: Final = 65_535
#: What a statement does to custody, as everybody sees it; "agency": it is about no item at all.
Effect = Literal["open", "none", "offer", "accept", "decline", "withdraw", "close", "agency"]
EFFECTS: Final[tuple[Effect, ...]] = get_args(Effect)
#: Effects of what is said about a case.
CASE_EFFECTS: Final[frozenset[Effect]] = frozenset({"open", "none", "close"})

_PAYLOAD_HASH_ALG: Final = 258
_PREIMAGE_TYPE: Final = 259
_ALGORITHMS: Final = {algorithm: {cose.ALG: algorithm} for algorithm in (cose.ES256, cose.EDDSA)}
_NOTHING: Final[dict[Any, Any]] = {}
_ISS, _SUB, _AUD, _IAT = 1, 2, 3, 6


@dataclass(frozen=True, slots=True)
class Claims:
    """What a statement says in public.

    ``issuer`` is the actor's agency code; ``subject`` the evidence URN, or the agency URN for
    effect "agency"; ``log_id`` the 32-byte id of the log that registers it; ``time`` seconds since
    1970; ``prev`` the digest of the item's previous statement or None; ``ref`` 32 bytes at seq 0 of
    an item; ``to`` an agency code on offers.
    """

    issuer: str
    subject: str
    log_id: bytes
    time: int
    seq: int
    prev: bytes | None
    effect: Effect
    ref: bytes | None = None
    to: str | None = None


@dataclass(frozen=True)
class Statement:
    """A parsed signed statement. ``payload`` is the document digest, ``certificate`` the SHA-256
    named by x5t.
    """

    message: cose.Sign1
    claims: Claims
    payload: bytes
    certificate: bytes
    chain: tuple[bytes, ...] = ()

    @cached_property
    def entry(self) -> bytes:
        """The log entry: D2 84, protected header as received, A0, payload, signature."""
        bare = cose.Sign1(
            self.message.protected, self.message.headers, self.payload, self.message.signature
        )
        return bare.encode()

    @cached_property
    def digest(self) -> bytes:
        """The statement digest: the leaf hash of the entry."""
        return leaf_hash(self.entry)


def sign(
    key: cose.PrivateKey,
    claims: Claims,
    document_digest: bytes,
    certificate_digest: bytes,
    certificate: bytes,
) -> Statement:
    """Sign a document digest. ``certificate`` (DER) travels as x5chain and is not part of the
    entry.

    Returns:
        the statement with its certificate, as a node is sent it.

    Raises:
        FormatError: claims outside the profile.
    """
    headers = _headers(claims, certificate_digest)
    _parse_claims(headers[cose.CWT_CLAIMS])  # nothing is signed that a verifier would refuse
    message = cose.sign(key, headers, document_digest)
    unprotected = {cose.X5CHAIN: certificate}
    message = cose.Sign1(
        message.protected, message.headers, message.payload, message.signature, unprotected
    )
    return Statement(message, claims, document_digest, certificate_digest, (certificate,))


def draft(claims: Claims, document_digest: bytes, certificate_digest: bytes) -> Statement:
    """A statement that nobody signed yet, to ask whether it could follow. No verifier takes it."""
    message = cose.Sign1(b"", _headers(claims, certificate_digest), document_digest, b"")
    return Statement(message, claims, document_digest, certificate_digest)


def _headers(claims: Claims, certificate_digest: bytes) -> dict[Any, Any]:
    cwt: dict[Any, Any] = {
        _ISS: agency_urn(claims.issuer),
        _SUB: claims.subject,
        _AUD: log_urn(claims.log_id),
        _IAT: claims.time,
        "seq": claims.seq,
        "prev": claims.prev,
        "effect": claims.effect,
    }
    if claims.ref is not None:
        cwt["ref"] = claims.ref
    if claims.to is not None:
        cwt["to"] = agency_urn(claims.to)
    return {
        cose.TYP: TYPE,
        cose.CWT_CLAIMS: cwt,
        cose.X5T: [cose.SHA256, certificate_digest],
        _PAYLOAD_HASH_ALG: cose.SHA256,
        _PREIMAGE_TYPE: CONTENT_TYPE,
    }


def parse(data: bytes) -> Statement:
    """Parse a statement, with x5chain (a submission) or with an empty unprotected header (an
    entry).

    Returns:
        the statement, whose signature is not checked yet.

    Raises:
        FormatError: anything outside the profile.
    """
    what = "statement"
    message = cose.parse(data, what=what, limit=MAX_ENTRY + 16384)
    headers = message.headers
    expected = {cose.ALG, cose.TYP, cose.CWT_CLAIMS, cose.X5T, _PAYLOAD_HASH_ALG, _PREIMAGE_TYPE}
    require(set(headers) == expected, f"{what}: unknown or missing header")
    require(
        headers[cose.ALG] in (cose.ES256, cose.EDDSA),
        f"{what}: algorithm {quoted(headers[cose.ALG])} not accepted",
    )
    require(
        headers[cose.TYP] == TYPE, f"{what}: typ {quoted(headers[cose.TYP])}, expected {TYPE!r}"
    )
    require(headers[_PAYLOAD_HASH_ALG] == cose.SHA256, f"{what}: payload hash must be SHA-256")
    require(
        headers[_PREIMAGE_TYPE] == CONTENT_TYPE,
        f"{what}: preimage content type must be {CONTENT_TYPE}",
    )
    thumbprint = headers[cose.X5T]
    good = isinstance(thumbprint, list) and len(thumbprint) == 2 and thumbprint[0] == cose.SHA256
    require(good and _is_bytes(thumbprint[1], 32), f"{what}: x5t must be a SHA-256 digest")
    require(_is_bytes(message.payload, 32), f"{what}: payload must be 32 bytes")
    require(len(message.signature) == 64, f"{what}: signature must be 64 bytes")
    claims = _parse_claims(headers[cose.CWT_CLAIMS])
    # Of the headers only the algorithm is asked for again: a bundle of ten thousand statements must
    # not keep all of them twice.
    message = replace(
        message, headers=_ALGORITHMS[headers[cose.ALG]], unprotected=message.unprotected or _NOTHING
    )
    assert message.payload is not None
    parsed = Statement(
        message, claims, message.payload, thumbprint[1], _parse_chain(message.unprotected)
    )
    require(len(parsed.entry) <= MAX_ENTRY, f"{what}: entry exceeds {MAX_ENTRY} bytes")
    return parsed


def parse_entry(data: bytes) -> Statement:
    """Parse a log entry.

    Returns:
        the statement, whose signature is not checked yet.

    Raises:
        FormatError: anything outside the profile, or an unprotected header that is not empty.
    """
    parsed = parse(data)
    require(not parsed.message.unprotected, "entry: unprotected header must be empty")
    return parsed


def _is_bytes(value: object, size: int) -> bool:
    return isinstance(value, bytes) and len(value) == size


def _parse_chain(unprotected: dict[Any, Any]) -> tuple[bytes, ...]:
    if not unprotected:
        return ()
    require(set(unprotected) == {cose.X5CHAIN}, "statement: unknown unprotected header")
    # One certificate is a byte string (RFC 9360 section 2); the CA comes from the descriptor, never
    # from the sender.
    require(
        isinstance(unprotected[cose.X5CHAIN], bytes), "statement: x5chain must hold one certificate"
    )
    return (unprotected[cose.X5CHAIN],)


def _parse_claims(value: Any) -> Claims:
    what = "statement claims"
    required = {_ISS, _SUB, _AUD, _IAT, "seq", "prev", "effect"}
    require(isinstance(value, dict), f"{what}: not a map")
    require(required <= set(value) <= required | {"ref", "to"}, f"{what}: unknown or missing claim")
    effect, seq, prev, ref = value["effect"], value["seq"], value["prev"], value.get("ref")
    require(effect in EFFECTS, f"{what}: unknown effect")
    require(_is_count(seq) and _is_count(value[_IAT]), f"{what}: seq and iat must be whole numbers")
    require(value[_IAT] <= 253402300799, f"{what}: iat beyond the year 9999")
    require(
        _is_bytes(prev, 32) if seq else prev is None,
        f"{what}: prev must be null at seq 0 and 32 bytes after it",
    )
    if effect == "agency":
        parse_agency_urn(value[_SUB])
        require(value[_SUB] == value[_ISS], f"{what}: an agency speaks about itself only")
        require(ref is None, f"{what}: an agency statement has no ref")
    else:
        subject_bytes(value[_SUB], what=what)
        require(
            not is_case(value[_SUB]) or effect in CASE_EFFECTS,
            f"{what}: a case is opened and closed, and never handed over",
        )
        require(
            (effect == "open") == (seq == 0), f"{what}: seq 0 opens an item and nothing else does"
        )
        require(
            _is_bytes(ref, 32) if seq == 0 else ref is None, f"{what}: ref stands at seq 0 only"
        )
    require(("to" in value) == (effect == "offer"), f"{what}: to stands on offers only")
    to = parse_agency_urn(value["to"]) if "to" in value else None
    return Claims(
        parse_agency_urn(value[_ISS]),
        value[_SUB],
        parse_log_urn(value[_AUD]),
        value[_IAT],
        seq,
        prev,
        effect,
        ref,
        to,
    )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def verify_signature(statement: Statement, key: cose.PublicKey, *, step: int = 3) -> None:
    """Check the signature with the key of the certificate that x5t names.

    Raises:
        VerificationError: it does not verify.
    """
    cose.verify(statement.message, key, step=step, what="statement")
