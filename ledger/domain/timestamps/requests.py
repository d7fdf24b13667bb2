"""Asking an authority (RFC 3161, section 2.4): a request tells it one SHA-256 and a random number,
and its answer is the token, or no answer.
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.asn1 import Null

from ledger.domain.codecs.digests import same
from ledger.domain.errors import FormatError, NetworkError
from ledger.domain.timestamps import forms, tokens
from ledger.domain.timestamps.tokens import Token

REQUEST_TYPE: Final = "application/timestamp-query"
RESPONSE_TYPE: Final = "application/timestamp-reply"
#: A token, and what stands around it.
LIMIT: Final = tokens.LIMIT + 1024
_WHAT: Final = "answer of a time authority"
_GRANTED: Final = {0, 1}  # granted; granted with modifications


def encode(digest: bytes, nonce: int) -> bytes:
    """A request for a token over a SHA-256, with the certificates that lead to a root.

    Args:
        nonce: random: an answer with another one is an old one.
    """
    algorithm = forms.Algorithm(oid=forms.SHA256, parameters=Null())
    return forms.encode(
        forms.Request(
            version=1,
            imprint=forms.Imprint(algorithm=algorithm, digest=digest),
            policy=None,
            nonce=nonce,
            certificates=True,
        )
    )


def read(answer: bytes, digest: bytes, nonce: int) -> Token:
    """The token of an answer.

    Returns:
        it, over the digest that was asked for and with the same nonce.

    Raises:
        FormatError: it is something else. NetworkError: the authority gives none.
    """
    if len(answer) > LIMIT:
        raise FormatError(f"{_WHAT}: {len(answer)} bytes, at most {LIMIT} allowed")
    try:
        response = forms.decode(forms.Response, answer, _WHAT)
    except FormatError:
        status = forms.decode(forms.Refusal, answer, _WHAT).status.status
        raise NetworkError(
            f"the time authority gives no token (status {status})",
            hint="ask whoever runs it which requests it takes",
        ) from None
    if response.status.status not in _GRANTED:
        raise FormatError(f"{_WHAT}: a token with status {response.status.status}")
    token = tokens.parse(forms.encode(response.token))
    if not same(token.imprint, digest):
        raise FormatError(f"{_WHAT}: it stamps something else than was asked")
    if token.nonce != nonce:
        raise FormatError(f"{_WHAT}: it is not the answer to this request (nonce)")
    return token
