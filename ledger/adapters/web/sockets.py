"""Connections below the HTTP client: to addresses that were checked, and no longer than somebody
has patience.

- a name is resolved once a connection, each address is judged, and the connection goes to an
  address that was judged: a name that leads elsewhere a moment later (DNS rebinding) gains nothing,
  since nobody asks it again
- every reading and writing ends at the call's own deadline, also where a server sends a byte a
  second, of headers too
"""

from __future__ import annotations

import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, Self

import httpcore

from ledger.domain.untrusted import hosts
from ledger.domain.untrusted.hosts import Ip

_PIECE: Final = 1 << 16  # bytes written between two looks at the clock


class Deadline(float):
    """Seconds for one step, which end at a moment at the latest; httpcore hands it down to the
    socket as it is.
    """

    moment: float

    def __new__(cls, step: float, moment: float) -> Self:
        """Seconds without a byte, and the moment (monotonic) at which the whole call has failed."""
        made = super().__new__(cls, step)
        made.moment = moment
        return made

    def left(self, late: type[Exception]) -> float:
        """Seconds that the next step may take.

        Raises:
            late: none.
        """
        found = min(float(self), self.moment - time.monotonic())
        if found <= 0:
            raise late("took too long")
        return found


class HeadDeadline(Deadline):
    """A deadline for reading, under which the head of an answer has so many seconds from the first
    try to read it: "100 Continue" without end is never silent.
    """

    head: float
    since: float | None

    @classmethod
    def of(cls, step: float, moment: float, head: float) -> Self:
        """As Deadline, with the seconds for the head."""
        made = cls(step, moment)
        made.head, made.since = head, None
        return made

    def arrived(self) -> None:
        """The head is here."""
        self.head = math.inf

    def left(self, late: type[Exception]) -> float:
        """See Deadline."""
        now = time.monotonic()
        self.since = now if self.since is None else self.since
        if now - self.since > self.head:
            raise late("took too long")
        return super().left(late)


class ForbiddenAddressError(httpcore.ConnectError):
    """A name leads to addresses that nobody allowed."""


def _left(timeout: float | None, late: type[Exception]) -> float | None:
    return timeout.left(late) if isinstance(timeout, Deadline) else timeout


class Backend(httpcore.NetworkBackend):
    """Opens connections where ``allows`` permits the address; None permits all, for addresses that
    the operator named.
    """

    def __init__(self, allows: Callable[[Ip], bool] | None) -> None:
        self._allows = allows
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002  (nobody gives any)
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a name that is permitted and answers.

        Raises:
            ForbiddenAddressError: none is permitted. httpcore.ConnectError,
                httpcore.ConnectTimeout: none answers.
        """
        host = host.strip("[]")
        failed: Exception | None = None
        forbidden: Ip | None = None
        for ip in _resolve(host, port, timeout):
            if self._allows is not None and not self._allows(ip):
                forbidden = forbidden or ip
                continue
            try:
                left = _left(timeout, httpcore.ConnectTimeout)
                stream = self._inner.connect_tcp(
                    str(ip),
                    port,
                    left,
                    local_address,
                    [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
                )
                return _Stream(stream)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        if failed is not None:
            raise failed
        if forbidden is not None:
            raise ForbiddenAddressError(
                f"leads to a {hosts.special(forbidden)} address, which is not allowed here"
            )
        raise httpcore.ConnectError("the name has no address")


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        for start in range(0, len(view), _PIECE):
            self._inner.write(
                bytes(view[start : start + _PIECE]), _left(timeout, httpcore.WriteTimeout)
            )

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        # The name of the URL, not the address that was connected to: certificates are issued for
        # names.
        return _Stream(
            self._inner.start_tls(
                ssl_context, server_hostname, _left(timeout, httpcore.ConnectTimeout)
            )
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _resolve(host: str, port: int, timeout: float | None) -> list[Ip]:
    """The addresses of a name. The system's resolver knows no time-out: a thread waits for it in
    our place.
    """
    ip = hosts.literal(host)
    if ip is not None:
        return [ip]
    found: list[Any] = []

    def ask() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)

    thread = threading.Thread(target=ask, name="resolving", daemon=True)
    thread.start()
    thread.join(_left(timeout, httpcore.ConnectTimeout))
    if not found:
        raise httpcore.ConnectTimeout("the name was not resolved in time")
    if isinstance(found[0], Exception):
        raise httpcore.ConnectError("the name is not known") from found[0]
    addresses = [hosts.literal(str(one[4][0]).partition("%")[0]) for one in found[0]]
    return list(dict.fromkeys(address for address in addresses if address is not None))
