"""Proof of possession for sessions (DPoP, RFC 9449): each request is signed with the key that the
session was opened with.

A stolen token is worth nothing without the key. `htu` is compared by its path alone: a proxy before
the node changes scheme and host, and a token is good at one node only.
"""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm

from ledger.domain.codecs.cose import PrivateKey, PublicKey
from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import b64url
from ledger.domain.errors import DeniedError

TYPE: Final = "dpop+jwt"
WINDOW: Final = 120  # seconds that a proof's time may differ from the node's
_LIMIT: Final = 4096
_CLAIMS: Final = {"jti", "htm", "htu", "iat", "ath"}


def algorithm_of(key: PublicKey) -> str:
    """The JWS algorithm of a key (RFC 7518, RFC 8037)."""
    return "ES256" if isinstance(key, EllipticCurvePublicKey) else "EdDSA"


def jwk_of(key: PublicKey) -> dict[str, Any]:
    """A public key as JWK (RFC 7517)."""
    made = (
        ECAlgorithm.to_jwk(key, as_dict=True)
        if isinstance(key, EllipticCurvePublicKey)
        else OKPAlgorithm.to_jwk(key, as_dict=True)
    )
    return {name: value for name, value in made.items() if name != "key_ops"}


def _hash(token: str) -> str:
    return b64url(sha256(token.encode()).digest())


def prove(key: PrivateKey, *, method: str, url: str, token: str, now: int) -> str:
    """The proof for one request.

    Args:
        url: of the request; query and fragment do not count.
        now: the node's time as far as the client knows it, seconds since 1970.
    """
    claims = {
        "jti": secrets.token_urlsafe(16),
        "htm": method,
        "htu": _path(url),
        "iat": now,
        "ath": _hash(token),
    }
    public = key.public_key()
    return jwt.encode(
        claims, key, algorithm=algorithm_of(public), headers={"typ": TYPE, "jwk": jwk_of(public)}
    )


def check(proof: str, key: PublicKey, *, method: str, path: str, token: str, now: int) -> str:
    """Check the proof of one request.

    Args:
        path: of the request, without escapes.

    Returns:
        the proof's id, for the caller to see that it was not used before.

    Raises:
        DeniedError: no proof, made with another key, or for another request.
    """
    try:
        if len(proof) > _LIMIT:
            raise ValueError
        header = jwt.get_unverified_header(proof)
        claims = jwt.decode(
            proof,
            key,
            algorithms=[algorithm_of(key)],
            options={"verify_iat": False, "verify_aud": False},
        )
        if (
            header.get("typ") != TYPE
            or set(header) != {"typ", "alg", "jwk"}
            or header["jwk"] != jwk_of(key)
            or set(claims) != _CLAIMS
        ):
            raise ValueError
        good = type(claims["iat"]) is int and all(
            isinstance(claims[name], str) for name in ("jti", "htm", "htu", "ath")
        )
        if not good or abs(now - claims["iat"]) > WINDOW or len(claims["jti"]) > 64:
            raise ValueError
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise DeniedError("the request does not prove that you hold the session's key") from error
    bound = same(claims["ath"].encode(), _hash(token).encode())
    if not bound or claims["htm"] != method or _path(claims["htu"]) != path:
        raise DeniedError("the proof was made for another request")
    return str(claims["jti"])


def _path(url: str) -> str:
    return unquote(urlsplit(url).path)
