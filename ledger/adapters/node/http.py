"""Calls of a custody node over HTTP: log-ins, proofs, patience, errors. By network, or to the
application in this process.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Protocol, Self

import httpx

from ledger.adapters.web.client import ANYWHERE, MIB, Answer, Patience, Reach, Web, WebError
from ledger.domain import errors
from ledger.domain.codecs.cose import PrivateKey
from ledger.domain.codecs.text import b64url, from_b64url
from ledger.domain.errors import CustodyError, FormatError
from ledger.domain.identity import dpop, login
from ledger.domain.untrusted.shapes import MOMENT, Maybe

_OWN: Final = Patience(between=120.0, total=600.0)  # anchoring waits for the chain
LARGE: Final = 256 * MIB  # bytes of an answer: a bundle, or all documents of an item
_LIST: Final = 16 * MIB  # of a list, or of one page of it
_WORDS: Final = 1 << 16  # bytes in which any refusal is said
_LONGEST: Final = 30.0  # seconds that a call waits when the node says to come later
_PATIENCE: Final = (
    3  # times that a call is made again: after a new login, or when the node said to come later
)
_ERRORS: Final[dict[str, type[CustodyError]]] = {
    "malformed": errors.FormatError,
    "unreadable": errors.UnreadableError,
    "against-the-rules": errors.RuleError,
    "demanded": errors.DemandError,  # what is lacking, the hint says
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
_OIDC: Final = {"issuer": str, "clientId": str, "nonce": str}
_CHALLENGE: Final = {"server": str, "nonce": str, "expires": MOMENT, "oidc": Maybe(_OIDC)}
_TOKEN: Final = {
    "token": re.compile(r"[A-Za-z0-9._~+/=-]{1,4096}"),
    "expires": MOMENT,
    "now": MOMENT,
}
_ERROR: Final = {
    "error": {"code": str, "message": str, "hint": Maybe(str), "step": Maybe(range(100))}
}
_LONGEST_MESSAGE: Final = 500  # characters of what a node says


@dataclass(frozen=True, slots=True)
class Session:
    """A session that goes on: its token, when it ends, and by how many seconds the node's clock is
    ahead of ours.
    """

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
        identify: obtains an ID token where the agency has an identity provider, from what the
            challenge says of it.
        kept: where a session is kept between commands, where logging in takes a person.
        meant: refuses a log, by its URN, that is not the one of the node that is meant. Nobody is
            logged in over a network without it.
        who, reach, patience: see web.client.Web.
    """

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.BaseTransport | None = None,
        signer: Callable[[], tuple[PrivateKey, bytes]] | None = None,
        identify: Callable[[dict[str, str]], str] | None = None,
        kept: KeptSession | None = None,
        meant: Callable[[str], None] | None = None,
        who: str = "the node",
        reach: Reach = ANYWHERE,
        patience: Patience = _OWN,
    ) -> None:
        self._web = Web(url, who=who, reach=reach, patience=patience, transport=transport)
        self._patience = patience
        self._signer = signer
        self._identify = identify
        self._kept = kept
        self._meant = meant if meant is not None or transport is None else lambda log: None
        self._token: str | None = None
        self._key: PrivateKey | None = None
        self._ahead = 0.0
        self._resumed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release connections."""
        self._web.close()

    def _ask(
        self, method: str, path: str, shape: Any, *, limit: int = _LIST, **options: Any
    ) -> Any:
        """One call whose answer is JSON of a shape (see domain.shapes).

        Raises:
            NetworkError: it is not.
        """
        return self._send(method, path, limit=limit, **options).json(shape)

    def _turned(self, name: str, ask: Callable[[int], Any]) -> Iterator[Any]:
        """What stands on all pages of a list; ``ask`` gives the one behind a place."""
        after = -1
        while True:
            page = ask(after)
            yield from page[name]
            if page["next"] is None:
                return
            if page["next"] <= after:  # or a node could keep us turning pages for ever
                raise WebError(self._web.who, "answered nonsense: a list that does not go on")
            after = page["next"]

    def _send(
        self,
        method: str,
        path: str,
        *,
        authenticated: bool = True,
        parts: Sequence[bytes] | None = None,
        limit: int = LARGE,
        headers: dict[str, str] | None = None,
        patience: Patience | None = None,
        **options: Any,
    ) -> Answer:
        """One call; ``parts`` is a body sent without joining it first, ``limit`` bounds the answer.
        However often it is made, it takes no longer than one may.

        Raises:
            NetworkError: no answer in time, or none that makes sense. CustodyError: what the node
                says.
        """
        sent, bound = dict(headers or {}), patience or self._patience
        end = time.monotonic() + bound.total
        if parts is not None:
            sent["Content-Length"] = str(sum(len(part) for part in parts))
        for attempt in range(_PATIENCE + 1):
            token = ""
            if authenticated:
                # Read once: other threads log in and forget the session meanwhile.
                token = self._token or self._login(end)
                sent |= self._prove(token, method, path)
            if parts is not None:
                options["content"] = iter(
                    parts
                )  # used up by each attempt, and not kept by the request object
            answer = self._web.call(
                method, path, limit=limit, headers=sent, patience=_until(end, bound), **options
            )
            if answer.status == 401 and authenticated and attempt == 0:
                if self._token == token:
                    self._token = None
                continue
            pause = answer.retry_after() or 1.0
            if (
                answer.status == 429
                and attempt < _PATIENCE
                and pause <= _LONGEST  # who is locked out is told at once
                and time.monotonic() + pause < end
            ):
                time.sleep(pause)
                continue
            break
        if answer.status >= 400:
            raise self._refusal(answer)
        return answer

    def _refusal(self, answer: Answer) -> CustodyError:
        """The error that a refusal is told as: by a node that its own people ask, in its words."""
        return _error(answer)

    def _range(
        self, path: str, start: int, end: int, headers: dict[str, str] | None = None
    ) -> bytes:
        """Bytes [start, end) of a content, or fewer where it ends.

        Raises:
            NetworkError: more than was asked for.
        """
        wanted = end - start
        sent = {**(headers or {}), "Range": f"bytes={start}-{end - 1}"}
        data = self._send("GET", path, headers=sent, limit=max(wanted, _WORDS)).content
        if len(data) > wanted:
            raise WebError(self._web.who, f"sent more than the {wanted} bytes that were asked for")
        return data

    def _login(self, end: float) -> str:
        """Log in, and return the token of the session."""
        patience = _until(end, self._patience)
        if self._signer is None:
            raise errors.DeniedError("this call needs a person's key")
        key, certificate = self._signer()
        found, self._resumed = (
            (self._kept.load() if self._kept is not None and not self._resumed else None),
            True,
        )
        if found is not None:
            return self._opened(key, found.token, found.ahead + time.time() - time.monotonic())
        challenge = self._ask(
            "POST",
            "/v1/login/challenge",
            _CHALLENGE,
            authenticated=False,
            limit=_WORDS,
            patience=patience,
        )
        # Whoever is asked could pass on another node's challenge, and be let in there as us.
        if self._meant is None:
            raise errors.DeniedError("nobody said which node this is: nothing is signed for it")
        self._meant(challenge["server"])
        nonce = bytes_of(challenge["nonce"], self._web.who)
        answer = login.sign(
            key,
            server=challenge["server"],
            nonce=nonce,
            expires=challenge["expires"],
            certificate=certificate,
        )
        body = {"answer": b64url(answer)}
        if challenge["oidc"] is not None:
            if self._identify is None:
                raise errors.DeniedError(
                    "this agency asks for a login at its identity provider", hint="custody login"
                )
            body["idToken"] = self._identify(challenge["oidc"])
        opened = self._ask(
            "POST",
            "/v1/login",
            _TOKEN,
            authenticated=False,
            limit=_WORDS,
            patience=patience,
            json=body,
        )
        if "idToken" in body and self._kept is not None:
            self._kept.save(
                Session(opened["token"], opened["expires"], opened["now"] - time.time())
            )
        # The person's clock may be wrong: proofs carry the node's time.
        return self._opened(key, opened["token"], opened["now"] - time.monotonic())

    def _opened(self, key: PrivateKey, token: str, ahead: float) -> str:
        self._key, self._ahead, self._token = key, ahead, token  # the token last: others read it
        return token

    def prove(self, method: str, path: str) -> dict[str, str]:
        """The headers that open one request: the token, and the proof that we hold its key (RFC
        9449).

        Raises:
            DeniedError: nobody is logged in.
        """
        if (token := self._token) is None:
            raise errors.DeniedError("nobody is logged in")
        return self._prove(token, method, path)

    def _prove(self, token: str, method: str, path: str) -> dict[str, str]:
        assert self._key is not None
        now = int(self._ahead + time.monotonic())
        proof = dpop.prove(self._key, method=method, url=path, token=token, now=now)
        return {"Authorization": f"DPoP {token}", "DPoP": proof}


def _until(end: float, patience: Patience) -> Patience:
    """The same patience, but for no longer than until a moment (monotonic)."""
    return replace(patience, total=min(patience.total, max(end - time.monotonic(), 0.0)))


def bytes_of(text: str, who: str) -> bytes:
    """Bytes that somebody sent as base64url.

    Raises:
        NetworkError: they are none.
    """
    try:
        return from_b64url(text, what="answer")
    except FormatError as error:
        raise WebError(who, f"answered nonsense: {error.message}") from error


def _error(answer: Answer) -> CustodyError:
    try:
        told = answer.json(_ERROR)["error"]
    except WebError:
        return WebError(
            answer.who,
            f"answered {answer.status} without saying why",
            hint="is this address a custody node?",
        )
    code, message, hint = (
        told["code"],
        _plain(told["message"]),
        _plain(told["hint"]) if told["hint"] is not None else None,
    )
    if code == "not-verified":
        return errors.VerificationError(told["step"] or 0, message, hint=hint)
    if code == "incomplete":
        return errors.IncompleteError(told["step"] or 0, message, hint=hint)
    return _ERRORS.get(code, CustodyError)(message, hint=hint)


def _plain(text: str) -> str:
    """Words of another program for a person to read: what could move a cursor or hide letters is
    shown as a question mark.
    """
    return "".join(
        character if character.isprintable() else "?" for character in text[:_LONGEST_MESSAGE]
    )
