"""What went wrong below a call, in words for a person: which address, why, and what to do.

Nothing of a path, a query, or an account is told: host and port alone.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import httpcore
import httpx

from ledger.domain.untrusted.hosts import Address

RUNS: Final = "check the address, and that it runs; then try again"
_NETWORK: Final = "check the network of this machine and the address; then try again"
_TRUST: Final = (
    "whoever runs it renews its certificate; or name the file of its authority in SSL_CERT_FILE, "
    "if you trust that one"
)
_NO_WAY: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a call goes, and how long it waits there, in seconds."""

    at: str
    connect: float
    between: float

    def fault(self, error: Exception) -> tuple[str, str]:
        """Why there is no answer, and what to do about it."""
        causes = list(_causes(error))
        for cause in causes:
            if isinstance(cause, ssl.SSLCertVerificationError):
                why = cause.verify_message.rstrip(".")
                return f"the certificate of {self.at} is not trusted ({why})", _TRUST
            if isinstance(cause, ssl.SSLError):
                return f"{self.at} speaks no TLS as https asks for", "is it http, or another port?"
            if isinstance(cause, socket.gaierror | UnicodeError):
                return f"the name in {self.at} is not known", _NETWORK
            if isinstance(cause, ConnectionRefusedError):
                return f"{self.at} refused the connection: nothing listens there", RUNS
            if isinstance(cause, OSError) and cause.errno in _NO_WAY:
                return f"no way leads to {self.at}", _NETWORK
        return self._by_step(error), RUNS

    def _by_step(self, error: Exception) -> str:
        """Why, where no cause of the system's own says so."""
        if str(error) == "took too long":
            return f"{self.at} took too long"
        if isinstance(error, httpcore.ConnectTimeout | httpx.ConnectTimeout):
            return f"{self.at} took no connection within {self.connect:g} s"
        if isinstance(error, httpcore.TimeoutException | httpx.TimeoutException):
            return f"{self.at} was silent for {self.between:g} s"
        if isinstance(error, httpcore.ProxyError | httpx.ProxyError):
            return f"the proxy refused to connect to {self.at}"
        if isinstance(error, httpcore.ConnectError | httpx.ConnectError):
            return f"no connection to {self.at} came about"
        return f"{self.at} broke the connection off"


def told(address: Address, proxy: str) -> str:
    """Host and port of an address, and the proxy on the way there; empty for none."""
    return address.authority + (f" by the proxy {proxy}" if proxy else "")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, the nearest first."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__
