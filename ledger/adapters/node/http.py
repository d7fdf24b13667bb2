"""Calls of a custody node over HTTP: log-ins, proofs, patience, errors. By network, or to the application in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Protocol, Self

import httpx

from ledger.domain import dpop, errors, login
from ledger.domain.cose import PrivateKey
from ledger.domain.encoding import b64url, from_b64url
from ledger.domain.errors import CustodyError, NetworkError

_TIMEOUT: Final = httpx.Timeout(120.0, connect=10.0)  # anchoring waits for the chain
_LONGEST: Final = 30.0  # seconds that a call waits when the node says to come later
_PATIENCE: Final = 3  # times that a call is made again: after a new login, or when the node said to come later
_ERRORS: Final[dict[str, type[CustodyError]]] = {
    "malformed": errors.FormatError,
    "unreadable": errors.UnreadableError,
    "against-the-rules": errors.RuleError,
    "usage": errors.UsageError,
    "denied": errors.DeniedError,
    "unauthenticated": errors.DeniedError,
    "not-found": errors.NotFoundError,
    "conflict": errors.ConflictError,
    "keyring": errors.KeyringError,
    "locked": errors.LockedError,
    "storage": errors.StorageError,
    "network": errors.NetworkError,
    "busy": errors.BusyError,
    "frozen": errors.FrozenError,
    "chain": errors.ChainError,
}


@dataclass(frozen=True, slots=True)
class Session:
    """A session that goes on: its token, when it ends, and by how many seconds the node's clock is ahead of ours."""

    token: str
    expires: int
    ahead: float


class KeptSession(Protocol):
    """Where a session is kept between commands."""

    def load(self) -> Session | None:
        """The one that goes on, or None."""
        ...

    def save(self, session: Session) -> None:
        """Keep one."""
        ...


class HttpNode:
    """Calls of the API; logs in by itself when a session is needed and has ended.

    Args:
        url: base URL of the node.
        transport: for the application in this process; None for the network.
        signer: (key, certificate DER) of the person; None for public calls only.
        identify: obtains an ID token where the agency has an identity provider, from what the challenge says of it.
        kept: where a session is kept between commands, where logging in takes a person.
    """

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.BaseTransport | None = None,
        signer: Callable[[], tuple[PrivateKey, bytes]] | None = None,
        identify: Callable[[dict[str, str]], str] | None = None,
        kept: KeptSession | None = None,
    ) -> None:
        self._http = httpx.Client(base_url=url, transport=transport, timeout=_TIMEOUT, follow_redirects=False)
        self._signer = signer
        self._identify = identify
        self._kept = kept
        self._token: str | None = None
        self._key: PrivateKey | None = None
        self._ahead = 0.0
        self._resumed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Release connections."""
        self._http.close()

    def _send(
        self, method: str, path: str, *, authenticated: bool = True, parts: Sequence[bytes] | None = None, **options: Any
    ) -> httpx.Response:
        """One call; ``parts`` is a body sent without joining it first."""
        headers = dict(options.pop("headers", {}))
        if parts is not None:
            headers["Content-Length"] = str(sum(len(part) for part in parts))
        for attempt in range(_PATIENCE + 1):
            if authenticated and self._token is None:
                self._login()
            if authenticated:
                headers |= self.prove(method, path)
            if parts is not None:
                options["content"] = iter(parts)  # used up by each attempt, and not kept by the request object
            try:
                answer = self._http.request(method, path, headers=headers, **options)
            except httpx.HTTPError as error:
                raise NetworkError(
                    f"the node did not answer: {type(error).__name__}", hint="check the address, and that it runs; then try again"
                ) from error
            if answer.status_code == 401 and authenticated and attempt == 0:
                self._token = None
                continue
            pause = float(answer.headers.get("Retry-After", "1"))
            if answer.status_code == 429 and attempt < _PATIENCE and pause <= _LONGEST:  # who is locked out is told at once
                time.sleep(pause)
                continue
            break
        if answer.status_code >= 400:
            raise _error(answer)
        return answer

    def _login(self) -> None:
        if self._signer is None:
            raise errors.DeniedError("this call needs a person's key")
        key, certificate = self._signer()
        found, self._resumed = (self._kept.load() if self._kept is not None and not self._resumed else None), True
        if found is not None:
            self._token, self._key, self._ahead = found.token, key, found.ahead + time.time() - time.monotonic()
            return
        challenge = self._send("POST", "/v1/login/challenge", authenticated=False).json()
        answer = login.sign(
            key,
            server=challenge["server"],
            nonce=from_b64url(challenge["nonce"], what="challenge"),
            expires=challenge["expires"],
            certificate=certificate,
        )
        body = {"answer": b64url(answer)}
        if challenge.get("oidc") is not None:
            if self._identify is None:
                raise errors.DeniedError("this agency asks for a login at its identity provider", hint="custody login")
            body["idToken"] = self._identify(challenge["oidc"])
        opened = self._send("POST", "/v1/login", authenticated=False, json=body).json()
        if "idToken" in body and self._kept is not None:
            self._kept.save(Session(opened["token"], opened["expires"], opened["now"] - time.time()))
        # The person's clock may be wrong: proofs carry the node's time.
        self._token, self._key, self._ahead = opened["token"], key, opened["now"] - time.monotonic()

    def prove(self, method: str, path: str) -> dict[str, str]:
        """The headers that open one request: the token, and the proof that we hold its key (RFC 9449).

        Raises:
            DeniedError: nobody is logged in.
        """
        if self._token is None or self._key is None:
            raise errors.DeniedError("nobody is logged in")
        now = int(self._ahead + time.monotonic())
        return {"Authorization": f"DPoP {self._token}", "DPoP": dpop.prove(self._key, method=method, url=path, token=self._token, now=now)}


def _error(answer: httpx.Response) -> CustodyError:
    try:
        told = answer.json()["error"]
        code, message, hint, step = told["code"], str(told["message"]), told["hint"], told["step"]
    except (ValueError, KeyError, TypeError):
        return NetworkError(f"the node answered {answer.status_code} without saying why", hint="is this address a custody node?")
    if code == "not-verified":
        return errors.VerificationError(int(step or 0), message, hint=hint)
    if code == "incomplete":
        return errors.IncompleteError(int(step or 0), message, hint=hint)
    return _ERRORS.get(code, CustodyError)(message, hint=hint)
