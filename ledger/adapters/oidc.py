"""An agency's OpenID Connect provider: ID tokens checked on the node, and obtained on the person's
machine.

- the node checks signature, issuer, audience, expiry, and that the token was made for this very
  login (OpenID Connect Core, 3.1.3.7)
- the person's machine uses the authorization code flow with PKCE and a loopback redirect (RFC 7636,
  RFC 8252), in the person's browser
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

import jwt
from cryptography.exceptions import UnsupportedAlgorithm

from ledger.adapters.web.client import MIB, Answer, Patience, Reach, Web, WebError
from ledger.domain.codecs.digests import same
from ledger.domain.codecs.text import b64url
from ledger.domain.errors import DeniedError, NetworkError, UsageError
from ledger.domain.untrusted import hosts
from ledger.domain.untrusted.hosts import Network, require_tls
from ledger.domain.untrusted.shapes import Maybe
from ledger.domain.untrusted.visible import visible

_PATIENCE: Final = Patience(connect=5.0, between=10.0, total=15.0)
_WHO: Final = "the identity provider"
_WHOSE: Final = "an identity provider"
#: Where a person's own machine may look for the provider of their agency, which is often inside its
#: network.
INSIDE: Final = hosts.networks(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
_FRESH: Final = 600.0  # seconds for which the provider's keys are kept
_AGAIN: Final = 30.0  # seconds before an unknown key makes us ask again
_ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
_QUEUE: Final = 5.0  # seconds for which a log-in waits while another one asks the provider
_LEEWAY: Final = 60
_LIMIT: Final = 16_384
_TOLD: Final = 200  # characters of what a provider says
_PERSON: Final = 300.0  # seconds for a person to log in
_ENDPOINTS: Final = ("jwks_uri", "authorization_endpoint", "token_endpoint")
_ABOUT: Final = {"issuer": str} | dict.fromkeys(_ENDPOINTS, str)
_KEYS: Final = {"keys": [dict]}
_MOST_KEYS: Final = 100
#: What PyJWT and the libraries below it raise about tokens and keys of any shape.
_FAULTS: Final = (
    jwt.PyJWTError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    UnsupportedAlgorithm,
)
_DONE: Final = (
    b"<!doctype html><title>custody</title><p>You are logged in. You may close this window."
)


def _call(method: str, url: str, issuer: str, allowed: tuple[Network, ...], **body: Any) -> Answer:
    """One call of the provider: at the issuer's address, or at another one that the provider
    names.
    """
    address = require_tls(url, what=_WHOSE)
    reach = Reach(allowed=(*allowed, *hosts.named(hosts.parse(issuer, what=_WHOSE))))
    web = Web(address.origin, who=_WHO, reach=reach, patience=_PATIENCE)
    try:
        return web.call(method, address.target or "/", limit=MIB, **body)
    finally:
        web.close()


def _get(url: str, issuer: str, allowed: tuple[Network, ...], shape: Any) -> Any:
    answer = _call("GET", url, issuer, allowed)
    if answer.status != 200:
        raise WebError(_WHO, f"answered {answer.status}")
    return answer.json(shape)


def discover(issuer: str, allowed: tuple[Network, ...] = ()) -> dict[str, Any]:
    """The provider's own description (OpenID Connect Discovery, section 4).

    Args:
        allowed: networks beyond public addresses to which its names may lead; an issuer's address
            written as such needs none.

    Raises:
        UsageError: an issuer without TLS. NetworkError: no answer, or that of another issuer.
    """
    require_tls(issuer, what=_WHOSE)
    found: dict[str, Any] = _get(
        issuer.rstrip("/") + "/.well-known/openid-configuration", issuer, allowed, _ABOUT
    )
    if found["issuer"] != issuer:
        raise NetworkError(
            "the identity provider describes another issuer than it was asked for",
            where=f"{visible(found['issuer'])[:_TOLD]}, expected {issuer}",
            hint="give the issuer exactly as the provider writes it, with or without / at its end",
        )
    for name in _ENDPOINTS:
        try:
            require_tls(found[name], what=_WHOSE)
        except UsageError as error:
            raise WebError(_WHO, f"names an address that cannot be used as its {name}") from error
    return found


class OidcProvider:
    """See ports.IdentityProvider."""

    def __init__(self, issuer: str, client_id: str, allowed: tuple[Network, ...] = ()) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._allowed = allowed
        self._mutex = threading.Lock()
        self._keys: dict[str, Any] = {}
        self._asked = -_FRESH
        self._failed = -_AGAIN

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
                options={
                    "require": ["exp", "iat", "sub", "nonce"],
                    "verify_exp": False,
                    "verify_iat": False,
                    "strict_aud": True,
                },
            )
            current = int(claims["iat"]) - _LEEWAY <= now <= int(claims["exp"]) + _LEEWAY
            if (
                not current
                or not same(str(claims["nonce"]).encode(), nonce.encode())
                or not isinstance(claims["sub"], str)
            ):
                raise ValueError
        except _FAULTS as error:
            raise DeniedError(
                "the identity provider's token is not good for this login: expected one made for "
                "it, for this client, signed by a key of the provider, and valid now",
                hint="log in again: custody login; if it stays so, the clock of the node or the "
                "client's id at the provider is wrong: tell your administrator",
            ) from error
        return str(claims["sub"])

    def _key(self, kid: str, algorithm: str) -> Any:
        """A key of the provider.

        Raises:
            KeyError: it has no such key. NetworkError: its keys cannot be had; told at once for a
                while, without asking again.
        """
        # One log-in asks; others must not queue behind a provider that answers a byte a second.
        if not self._mutex.acquire(timeout=_QUEUE):
            raise WebError(_WHO, "has been asked already, and has not answered yet")
        try:
            age = time.monotonic() - self._asked
            if age > _FRESH or (kid not in self._keys and age > _AGAIN):
                self._fetch()
            found = self._keys[kid]
        finally:
            self._mutex.release()
        if found.algorithm_name not in (None, algorithm):
            raise ValueError
        return found.key

    def _fetch(self) -> None:
        if time.monotonic() - self._failed < _AGAIN:
            raise WebError(_WHO, "did not answer a moment ago")
        try:
            about = discover(self.issuer, self._allowed)
            rows = _get(about["jwks_uri"], self.issuer, self._allowed, _KEYS)["keys"][:_MOST_KEYS]
            try:
                keys = jwt.PyJWKSet.from_dict({"keys": rows}).keys
            except _FAULTS as error:
                raise WebError(_WHO, "answered nonsense: no set of keys") from error
        except NetworkError:
            self._failed = time.monotonic()
            raise
        self._keys = {str(key.key_id or ""): key for key in keys}
        self._asked = time.monotonic()


def obtain(issuer: str, client_id: str, nonce: str, show: Callable[[str], None]) -> str:
    """Let the person log in with their browser; the ID token.

    Args:
        show: called with the address to open.

    Raises:
        DeniedError: the provider refused, or nobody logged in in time. NetworkError: it does not
            answer.
    """
    about = discover(issuer, INSIDE)
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    received: dict[str, str] = {}

    class Redirect(BaseHTTPRequestHandler):
        timeout = 5.0  # whoever connects and says nothing must not keep the browser out

        def do_GET(self) -> None:
            given = {
                name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()
            }
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
        deadline = time.monotonic() + _PERSON
        while not received and time.monotonic() < deadline:
            server.handle_request()
    if "code" not in received:
        said = received.get("error", "")
        raise DeniedError(
            f"the identity provider refused the login: {visible(said)[:_TOLD]}"
            if said
            else f"nobody logged in at the identity provider within {_PERSON / 60:g} minutes",
            hint="try again: custody login",
        )
    return _exchange(
        about["token_endpoint"], issuer, client_id, received["code"], verifier, redirect
    )


def _exchange(
    url: str, issuer: str, client_id: str, code: str, verifier: str, redirect: str
) -> str:
    body = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect,
        "client_id": client_id,
        "code_verifier": verifier,
    }
    token = _call("POST", url, issuer, INSIDE, data=body).json({"id_token": Maybe(str)})["id_token"]
    if token is None:
        raise DeniedError(
            "the identity provider gave no ID token for the code of the login",
            hint="have custody registered there as a public, native client with the redirect "
            "http://127.0.0.1/, then: custody login",
        )
    return str(token)


def check_settings(issuer: str, client_id: str, allowed: tuple[Network, ...] = ()) -> None:
    """Check an issuer before it is relied upon.

    Raises:
        UsageError: no issuer, or no client. NetworkError: it does not answer.
    """
    if not client_id.strip():
        raise UsageError(
            "the client's id at the identity provider is empty",
            hint="give the one under which custody is registered there: --client-id ID",
        )
    discover(issuer, allowed)
