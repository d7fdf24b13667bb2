"""Why a connection came to nothing, in words for whoever reads the error."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

import httpcore

from ledger.adapters.web.sockets import NO_ADDRESS, UNKNOWN


def in_words(error: Exception) -> str:
    """The reason in a few words of ours: what servers and libraries say is never passed on.

    Args:
        error: of httpcore, or of the application in this process.
    """
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "its certificate is not one that this machine trusts"
        if isinstance(cause, ssl.SSLError):
            return "it speaks no TLS that this machine does"
        if isinstance(cause, ConnectionRefusedError):
            return "nothing listens there"
        if isinstance(cause, ConnectionError):
            return "it broke off the connection"
        if isinstance(cause, OSError) and cause.errno is not None:
            return f"the network says: {cause.strerror}"
    return _by_kind(error)


def _by_kind(error: Exception) -> str:
    match error:
        case httpcore.ConnectTimeout():
            return "no connection came about in time"
        case httpcore.TimeoutException():
            return "nothing came in time"
        case httpcore.ConnectError() if str(error) in (NO_ADDRESS, UNKNOWN):
            return str(error)
        case httpcore.ProxyError():
            return "the proxy of the environment refuses"
        case httpcore.ProtocolError():
            return "it broke off, or speaks something else than HTTP"
        case _:
            return "the connection failed"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, outermost first."""
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__
