"""Bodies of logins."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from api.schemas import _COSE, Base64Url, Strict, example

_LOG = "urn:custody:log:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"


class OidcOut(Strict):
    """The agency's identity provider (OpenID Connect), and the nonce that its ID token must
    carry.
    """

    issuer: str
    clientId: str
    nonce: str


class ChallengeOut(Strict):
    """What to sign for a login; ``oidc`` where people of the agency log in at its identity provider
    as well.
    """

    model_config = example(
        server=_LOG, nonce="RERERERERERERERERERERERERERERERERERERERERERE", expires=1795252563
    )

    server: str
    nonce: Base64Url
    expires: int
    oidc: OidcOut | None = None


class LoginIn(Strict):
    """A COSE_Sign1 over the challenge, and where the agency has an identity provider its ID
    token.
    """

    model_config = example(answer=_COSE)

    answer: Base64Url
    idToken: Annotated[str, Field(max_length=16_384)] = ""


class TokenOut(Strict):
    """A token, good with proofs of the key that opened the session alone (RFC 9449); its expiry and
    the node's time, in seconds.
    """

    model_config = example(token="q1w2e3", expires=1795253343, now=1795252443)

    token: str
    expires: int
    now: int
