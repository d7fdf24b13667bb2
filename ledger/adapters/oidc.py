"""An agency's OpenID Connect provider: ID tokens checked on the node, and obtained on the person's machine.

- the node checks signature, issuer, audience, expiry, and that the token was made for this very login (OpenID Connect Core, 3.1.3.7)
- the person's machine uses the authorization code flow with PKCE and a loopback redirect (RFC 7636, RFC 8252), in the person's browser
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import jwt

from ledger.domain.digests import same
from ledger.domain.encoding import b64url
from ledger.domain.errors import DeniedError, NetworkError, UsageError
from ledger.domain.hosts import require_tls

_TIMEOUT: Final = 10.0
_FRESH: Final = 600.0  # seconds for which the provider's keys are kept
_AGAIN: Final = 30.0  # seconds before an unknown key makes us ask again
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
_LEEWAY: Final = 60
_LIMIT: Final = 16_384
_PATIENCE: Final = 300.0  # seconds for a person to log in
_DONE: Final = b"<!doctype html><title>custody</title><p>You are logged in. You may close this window."


def _get(url: str) -> dict[str, Any]:
    try:
        answer = httpx.get(url, timeout=_TIMEOUT, follow_redirects=False)
        answer.raise_for_status()
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise NetworkError(
            f"the identity provider did not answer: {type(error).__name__}", hint="check its address and that it runs"
        ) from error
    if not isinstance(found, dict):
        raise NetworkError("the identity provider answered nonsense", hint="is this the issuer's address?")
    return found


def discover(issuer: str) -> dict[str, Any]:
    """The provider's own description (OpenID Connect Discovery, section 4).

    Raises:
        UsageError: an issuer without TLS. NetworkError: no answer, or that of another issuer.
    """
    require_tls(issuer, what="an identity provider")
    found = _get(issuer.rstrip("/") + "/.well-known/openid-configuration")
    if found.get("issuer") != issuer or not all(
        isinstance(found.get(name), str) for name in ("jwks_uri", "authorization_endpoint", "token_endpoint")
    ):
        raise NetworkError("the identity provider describes another issuer", hint="give the issuer exactly as the provider writes it")
    return found


class OidcProvider:
    """See ports.IdentityProvider."""

    def __init__(self, issuer: str, client_id: str) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._mutex = threading.Lock()
        self._keys: dict[str, Any] = {}
        self._asked = -_FRESH

    def subject(self, token: str, nonce: str, now: int) -> str:
        """Whom an ID token speaks of.

        Raises:
            DeniedError: not good for this login. NetworkError: the provider's keys cannot be had.
        """
        try:
            if len(token) > _LIMIT:
                raise ValueError
            header = jwt.get_unverified_header(token)
            if header["alg"] not in _ALGORITHMS:
                raise ValueError
            claims = jwt.decode(
                token,
                self._key(str(header.get("kid", "")), header["alg"]),
                algorithms=[header["alg"]],
                audience=self.client_id,
                issuer=self.issuer,
                options={"require": ["exp", "iat", "sub", "nonce"], "verify_exp": False, "verify_iat": False, "strict_aud": True},
            )
            current = int(claims["iat"]) - _LEEWAY <= now <= int(claims["exp"]) + _LEEWAY
            if not current or not same(str(claims["nonce"]).encode(), nonce.encode()) or not isinstance(claims["sub"], str):
                raise ValueError
        except (jwt.PyJWTError, ValueError, KeyError, TypeError) as error:
            raise DeniedError("the identity provider's token is not good for this login", hint="log in again: custody login") from error
        return str(claims["sub"])

    def _key(self, kid: str, algorithm: str) -> Any:
        with self._mutex:
            age = time.monotonic() - self._asked
            if age > _FRESH or (kid not in self._keys and age > _AGAIN):
                keys = jwt.PyJWKSet.from_dict(_get(discover(self.issuer)["jwks_uri"])).keys
                self._keys = {str(one.key_id or ""): one for one in keys}
                self._asked = time.monotonic()
            found = self._keys[kid]
        if found.algorithm_name not in (None, algorithm):
            raise ValueError
        return found.key


def obtain(issuer: str, client_id: str, nonce: str, show: Callable[[str], None]) -> str:
    """Let the person log in with their browser; the ID token.

    Args:
        show: called with the address to open.

    Raises:
        DeniedError: the provider refused, or nobody logged in in time. NetworkError: it does not answer.
    """
    about = discover(issuer)
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    received: dict[str, str] = {}

    class Redirect(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            if given.get("state") == state:
                received.update(given)
            self.send_response(200 if received else 400)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(_DONE if received else b"")

        def log_message(self, *_: Any) -> None:
            """Nothing: codes stand in the address."""

    with HTTPServer(("127.0.0.1", 0), Redirect) as server:
        server.timeout = 1.0
        redirect = f"http://127.0.0.1:{server.server_port}/"
        asked = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect,
            "scope": "openid",
            "state": state,
            "nonce": nonce,
            "code_challenge": b64url(sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        show(f"{about['authorization_endpoint']}?{urlencode(asked)}")
        deadline = time.monotonic() + _PATIENCE
        while not received and time.monotonic() < deadline:
            server.handle_request()
    if "code" not in received:
        raise DeniedError("nobody logged in at the identity provider", hint="try again: custody login")
    return _exchange(about["token_endpoint"], client_id, received["code"], verifier, redirect)


def _exchange(url: str, client_id: str, code: str, verifier: str, redirect: str) -> str:
    require_tls(url, what="an identity provider")
    body = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "client_id": client_id, "code_verifier": verifier}
    try:
        answer = httpx.post(url, data=body, timeout=_TIMEOUT, follow_redirects=False)
        token = answer.json().get("id_token")
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        raise NetworkError(f"the identity provider did not answer: {type(error).__name__}", hint="try again: custody login") from error
    if not isinstance(token, str):
        raise DeniedError("the identity provider gave no ID token", hint="is this program registered there as a public, native client?")
    return token


def check_settings(issuer: str, client_id: str) -> None:
    """Check an issuer before it is relied upon.

    Raises:
        UsageError: no issuer, or no client. NetworkError: it does not answer.
    """
    if not client_id.strip():
        raise UsageError("the client's id at the identity provider is empty")
    discover(issuer)
