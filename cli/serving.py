"""uvicorn, with patience only for clients that get on with it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from ledger.domain.errors import UsageError

HEAD_TIMEOUT: Final = 15.0  # seconds from the first byte, or from connecting, to the end of the headers
_MAX_HEAD: Final = 32 << 10  # bytes of request line and headers before they are refused unread


class PatientProtocol(H11Protocol):
    """Cuts off whoever connects and sends no whole head in time: uvicorn itself would wait for ever (slow loris)."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait anew where another request begins, and no longer where its head is complete."""
        if self._idle() and self._deadline is None:
            self._wait()
        super().data_received(data)
        if not self._idle():
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(HEAD_TIMEOUT, self._cut)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut(self) -> None:
        self._deadline = None
        if self._idle() and not self.transport.is_closing():
            self.transport.close()


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on; port 0 chooses a free one.

    Raises:
        UsageError: nobody may listen there.
    """
    # With the protocol named: asyncio turns off Nagle's algorithm for such sockets alone, and with it every answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, UnicodeError, OverflowError) as error:  # a name that cannot be looked up, a port that does not exist
        listener.close()
        told = error.strerror if isinstance(error, OSError) else "no such address"
        raise UsageError(f"cannot listen on {host}:{port}: {told}", hint="choose another --host or --port") from error
    return listener


def configure(app: Any) -> uvicorn.Config:
    """The server's settings. No access log: paths hold item ids."""
    return uvicorn.Config(
        app,
        http=PatientProtocol,
        log_config=None,  # everything that is logged goes one way: cli/logs.py
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # uvicorn would believe anyone on this machine: see api/proxies.py
        timeout_keep_alive=10,
        limit_concurrency=256,
        h11_max_incomplete_event_size=_MAX_HEAD,
        ws="none",
        lifespan="on",
    )
