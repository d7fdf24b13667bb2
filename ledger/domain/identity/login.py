"""Login by the person's key: a COSE_Sign1 of its own type over server name, nonce and expiry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ledger.domain.codecs import cbor, cose
from ledger.domain.codecs.text import require
from ledger.domain.errors import FormatError

TYPE: Final = "application/vnd.custody.login+cose"


@dataclass(frozen=True, slots=True)
class Login:
    """A parsed login; ``expires`` in seconds since 1970, ``certificate`` DER."""

    message: cose.Sign1
    server: str
    nonce: bytes
    expires: int
    certificate: bytes


def sign(
    key: cose.PrivateKey, *, server: str, nonce: bytes, expires: int, certificate: bytes
) -> bytes:
    """Answer a node's challenge with the key of one's certificate."""
    payload = cbor.encode({"server": server, "nonce": nonce, "expires": expires})
    signed = cose.sign(key, {cose.TYP: TYPE}, payload)
    return cose.Sign1(
        signed.protected, signed.headers, payload, signed.signature, {cose.X5CHAIN: certificate}
    ).encode()


def parse(data: bytes) -> Login:
    """Parse an answer.

    Returns:
        the answer, whose signature is not checked yet.

    Raises:
        FormatError: not a login.
    """
    what = "login"
    message = cose.parse(data, what=what, limit=16384)
    require(
        set(message.headers) == {cose.ALG, cose.TYP} and message.headers[cose.TYP] == TYPE,
        f"{what}: wrong headers",
    )
    certificate = message.unprotected.get(cose.X5CHAIN)
    if (
        set(message.unprotected) != {cose.X5CHAIN}
        or not isinstance(certificate, bytes)
        or message.payload is None
    ):
        raise FormatError(f"{what}: certificate or payload missing")
    value = cbor.decode(message.payload, what=what)
    require(
        isinstance(value, dict) and set(value) == {"server", "nonce", "expires"},
        f"{what}: malformed payload",
    )
    good = (
        isinstance(value["server"], str)
        and isinstance(value["nonce"], bytes)
        and type(value["expires"]) is int
    )
    require(good, f"{what}: wrong types")
    return Login(message, value["server"], value["nonce"], value["expires"], certificate)
