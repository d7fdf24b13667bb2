"""The one HTTP client for everything outside: other nodes, chains, IPFS daemons, identity
providers, webhooks, logs.

Whoever answers may be broken or hostile. So a call ends in one of two ways: a bounded answer, or
WebError within its time.

- size is bounded as bytes arrive, and no encoding is asked for or taken: there is nothing that
  unfolds to more than it was
- time is bounded between two bytes, and as a whole
- redirects, cookies, netrc and content of any other status than asked for lead nowhere
- JSON is strict, bounded in depth, and has the shape that the caller names
- a call is made again only where its caller says that this is harmless, with growing pauses, within
  the same time
"""

from __future__ import annotations

import math
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpcore
import httpx

from ledger.adapters.web import faults, proxies
from ledger.adapters.web.faults import Place
from ledger.adapters.web.sockets import Backend, Deadline, ForbiddenAddressError, HeadDeadline
from ledger.domain.codecs import strict_json
from ledger.domain.errors import FormatError, NetworkError, UsageError
from ledger.domain.untrusted import hosts, shapes
from ledger.domain.untrusted.hosts import Address, Network

MIB: Final = 1 << 20
_DEPTH: Final = 32  # a document may be nested 24 deep, and answers wrap it
_TIMES: Final = 8  # its length that an answer may take in memory; a list of ours takes four times
_AGAIN: Final = frozenset({429, 502, 503, 504})
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 30.0
_CONNECTIONS: Final = 16
_FAULTS: Final = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.ConnectionNotAvailable,
    httpcore.UnsupportedProtocol,
    httpx.TransportError,  # of the application in this process
)
_SECONDS: Final = re.compile(r"[0-9]{1,9}")


class WebError(NetworkError):
    """Somebody outside could not be reached, not in time, or answered nonsense; ``reason`` says
    which, in few words of ours and without the address.
    """

    def __init__(
        self,
        who: str,
        reason: str,
        *,
        hint: str = faults.RUNS,
        where: str = "",
        passing: bool = False,
        sent: bool = True,
    ) -> None:
        super().__init__(f"{who} {reason}", hint=hint, where=where)
        self.reason = reason
        self.passing = passing  # the same call may well succeed the next time
        self.sent = sent  # false where no connection came about, so that nothing can have been done


class TooLongError(WebError):
    """An answer of more bytes than its caller takes."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to connect, without a byte, and for a whole call; for the head of an answer, once all
    was sent, where a whole call may take very long.
    """

    connect: float = 10.0
    between: float = 30.0
    total: float = 120.0
    head: float = math.inf


@dataclass(frozen=True, slots=True)
class Reach:
    """Where connections may go: anywhere, where the operator chose the address; else to public
    addresses and ``allowed`` networks.
    """

    anywhere: bool = False
    allowed: tuple[Network, ...] = ()

    def permits(self, ip: hosts.Ip) -> bool:
        """Whether an address may be connected to."""
        return self.anywhere or hosts.permits(self.allowed, ip)


ANYWHERE: Final = Reach(anywhere=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and the whole body of an answer."""

    who: str
    status: int
    headers: httpx.Headers
    content: bytes

    def json(self, shape: Any) -> Any:
        """The body as JSON of a shape.

        Raises:
            WebError: it is something else, or of so many tiny values that it would take many times
                its length in memory.
        """
        if strict_json.is_dense(self.content, times=_TIMES, free=MIB):
            raise WebError(self.who, "answered nonsense: too many values for its length")
        try:
            return shapes.fit(
                strict_json.parse(
                    self.content, what="answer", limit=len(self.content), depth=_DEPTH
                ),
                shape,
                what="answer",
            )
        except FormatError as error:
            raise WebError(
                self.who, f"answered nonsense: {error.message}", hint="is this the right address?"
            ) from error

    def retry_after(self) -> float | None:
        """The seconds of Retry-After; None where it is absent or anything but digits."""
        text = self.headers.get("retry-after", "")
        return float(text) if _SECONDS.fullmatch(text) else None


@dataclass(slots=True)
class Stream:
    """An answer whose body is read as it comes."""

    who: str
    status: int
    headers: httpx.Headers
    _response: httpx.Response = field(repr=False)
    _place: Place

    def parts(self) -> Iterator[bytes]:
        """The body, part by part.

        Raises:
            WebError: it ends too early, or takes too long.
        """
        with _translated(self.who, self._place):
            yield from self._response.stream  # type: ignore[misc]

    def body(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            WebError: it is longer than ``limit`` bytes, ends too early, or takes too long.
        """
        first, data = b"", bytearray()
        for part in self.parts():
            if len(first) + len(data) + len(part) > limit:
                raise TooLongError(self.who, f"sent more than {limit} bytes")
            if first or data:
                data += part
            else:
                first = part  # mostly there is one only: it need not be copied
        return first + data if data else first


@contextmanager
def _translated(who: str, place: Place) -> Iterator[None]:
    try:
        yield
    except ForbiddenAddressError as error:
        raise WebError(
            who,
            str(error),
            where=place.at,
            hint="allow its network, if that is meant: custody network allow NETWORK",
        ) from error
    except _FAULTS as error:
        sent = not isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout)
        why, hint = place.fault(error)
        raise WebError(
            who, "did not answer", where=why, hint=hint, passing=True, sent=sent
        ) from error


class Web:
    """Calls of one server.

    Args:
        url: its address; what stands behind host and port comes before the path of every call.
        who: whom errors name: "the node", "the chain".
        reach: where connections may go.
        patience: for every call that brings none of its own.
        transport: for an application in this process; None for the network.
        proxied: whether the environment may name a proxy.

    Raises:
        UsageError: no plain URL, or the environment names no proxy for HTTP.
    """

    def __init__(
        self,
        url: str,
        *,
        who: str,
        reach: Reach,
        patience: Patience = Patience(),
        transport: httpx.BaseTransport | None = None,
        proxied: bool = True,
    ) -> None:
        address = hosts.parse(url, what=who.removeprefix("the "))
        self.who = who
        self._base = address.origin + address.target.rstrip("/")
        self._patience = patience
        proxy = proxies.for_address(address) if proxied and transport is None else None
        self._transport = transport or _Network(address, reach, proxy)
        self._at = faults.told(address, proxy.url.partition("://")[2] if proxy else "")

    def call(
        self,
        method: str,
        path: str,
        *,
        limit: int,
        headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        attempts: int = 1,
        **body: Any,
    ) -> Answer:
        """One call, answered whole.

        Args:
            limit: bytes of the answer.
            attempts: how often it may be made; more than once only where repeating it is harmless.
            body: ``json``, ``data``, ``content`` or ``params``, as httpx takes them.

        Raises:
            WebError: no answer in time, a redirect, or more than ``limit`` bytes.
        """
        bound = patience or self._patience
        moment, pause = time.monotonic() + bound.total, _FIRST_PAUSE
        for attempt in range(attempts):
            last = attempt == attempts - 1
            try:
                with self.open(
                    method, path, headers=headers, patience=bound, moment=moment, **body
                ) as stream:
                    answer = Answer(self.who, stream.status, stream.headers, stream.body(limit))
            except WebError as error:
                if last or not error.passing or time.monotonic() + pause >= moment:
                    raise
            else:
                wanted = answer.retry_after()
                if wanted is not None:
                    pause = min(max(pause, wanted), _LONGEST_PAUSE)
                if last or answer.status not in _AGAIN or time.monotonic() + pause >= moment:
                    return answer
            time.sleep(pause * (0.5 + secrets.randbelow(500) / 1000))
            pause = min(pause * 4, _LONGEST_PAUSE)
        raise AssertionError

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        patience: Patience | None = None,
        moment: float | None = None,
        **body: Any,
    ) -> Iterator[Stream]:
        """One call whose answer is read as it comes, within the block.

        Raises:
            WebError: no answer in time, a redirect, or an encoding that was not asked for.
        """
        bound = patience or self._patience
        until = time.monotonic() + bound.total if moment is None else moment
        try:
            request = httpx.Request(
                method,
                self._base + path,
                headers={**(headers or {}), "Accept-Encoding": "identity"},
                **body,
            )
        except httpx.InvalidURL as error:
            raise UsageError(
                "this cannot stand in an address",
                hint="check what you typed for characters that cannot be seen",
            ) from error
        connect, write = (Deadline(step, until) for step in (bound.connect, bound.between))
        reading = HeadDeadline.of(bound.between, until, bound.head)
        timeout = {"connect": connect, "read": reading, "write": write, "pool": bound.connect}
        request.extensions = {"timeout": timeout}
        place = Place(self._at, bound.connect, bound.between)
        with _translated(self.who, place):
            response = self._transport.handle_request(request)
        reading.arrived()
        try:
            self._refuse(response)
            yield Stream(self.who, response.status_code, response.headers, response, place)
        finally:
            with _translated(self.who, place):
                response.stream.close()  # type: ignore[union-attr]

    def _refuse(self, response: httpx.Response) -> None:
        if response.headers.get("content-encoding", "identity").strip().lower() not in {
            "",
            "identity",
        }:
            raise WebError(self.who, "sent an encoding that nobody asked for")
        if 300 <= response.status_code < 400:
            raise WebError(
                self.who,
                "answered with a redirect",
                hint="give the address that it redirects to, if you trust that one",
            )
        if response.status_code < 200:
            raise WebError(self.who, "answered in another protocol")

    def close(self) -> None:
        """Release connections."""
        self._transport.close()


class _Network(httpx.BaseTransport):
    """httpcore, over connections of our own; made when it is first used."""

    def __init__(self, address: Address, reach: Reach, proxy: proxies.Proxy | None) -> None:
        if proxy is not None and address.ip is not None and not reach.permits(address.ip):
            raise WebError(
                "the address", f"is a {hosts.special(address.ip)} one, which is not allowed here"
            )
        backend = Backend(
            None if reach.anywhere or proxy is not None else reach.permits
        )  # the proxy is the operator's choice
        encrypted = address.scheme == "https" or (
            proxy is not None and proxy.url.startswith("https")
        )
        context = httpx.create_ssl_context() if encrypted else None
        common: dict[str, Any] = {
            "ssl_context": context,
            "max_connections": _CONNECTIONS,
            "keepalive_expiry": 5.0,
            "network_backend": backend,
        }
        if proxy is None:
            self._pool = httpcore.ConnectionPool(**common)
        else:
            inner = context if proxy.url.startswith("https") else None
            self._pool = httpcore.HTTPProxy(
                proxy.url, proxy.auth, proxy_ssl_context=inner, **common
            )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer.stream))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        yield from self._stream

    def close(self) -> None:
        self._stream.close()
