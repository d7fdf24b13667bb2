"""uvicorn, with patience only for clients that get on with it."""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from api import limits
from api.proxies import Trusted
from cli.node.connections import MOST, Connections
from ledger.domain.errors import UsageError

HEAD_TIMEOUT: Final = (
    15.0  # seconds from the first byte, or from connecting, to the end of the headers
)
END_TIMEOUT: Final = (
    30  # seconds from SIGTERM to the end of the last answer; service managers kill after 90
)
_STEP: Final = (
    64 << 10
)  # bytes of an answer that a reader must take in PART_TIMEOUT, where as many wait
_WAITING: Final = 2048  # connections before the first is taken, as uvicorn has it
_MAX_HEAD: Final = 32 << 10  # bytes of request line and headers before they are refused unread


class _Counted:
    """A transport that counts what was written to it."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self.written = 0

    def write(self, data: bytes) -> None:
        self.written += len(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class PatientProtocol(H11Protocol):
    """Cuts off whoever sends no whole head in time (slow loris) or does not read what was written:
    uvicorn itself would wait for ever.

    The second holds for connections that uvicorn has closed already, too: a transport that is
    closed keeps socket and buffer until all of it was taken, and a server that ends waits for it.
    """

    def __init__(self, *arguments: Any, among: Connections, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._among = among
        self._deadline: asyncio.TimerHandle | None = None
        self._look: asyncio.TimerHandle | None = None
        self._last: asyncio.TimerHandle | None = None
        self._pending = self._taken = 0  # bytes, at the last look
        self.heard = self.loop.time()

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a head, where there is a place."""
        super().connection_made(_Counted(transport))  # type: ignore[arg-type]
        if not self._among.admit(self, self.client[0] if self.client else ""):
            self.abort()
            return
        self._wait()
        self._look = self.loop.call_later(limits.PART_TIMEOUT, self._look_at_reader)

    def data_received(self, data: bytes) -> None:
        """Wait anew where another request begins, and no longer where its head is complete."""
        self.heard = self.loop.time()
        if self._idle() and self._deadline is None:
            self._wait()
        super().data_received(data)
        if not self._idle():
            self._stop_waiting()

    def resume_writing(self) -> None:
        """The client took something."""
        self.heard = self.loop.time()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        self._among.leave(self)
        self._stop_waiting()
        for one in (self._look, self._last):
            if one is not None:
                one.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """The server ends: let the answer be finished, and at the deadline abort, since a closed
        transport waits for its reader.
        """
        super().shutdown()
        self._last = self.loop.call_later(END_TIMEOUT, self.abort)

    def waits(self) -> bool:
        """Whether it is the client's turn: to send a head or a part of a body, or to read."""
        sends = self.cycle is not None and self.cycle.more_body and not self.flow.read_paused
        return self._idle() or sends or self.flow.write_paused

    def abort(self) -> None:
        """End it at once."""
        self.transport.abort()

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

    def _look_at_reader(self) -> None:
        """Of what waited at the last look the client must have taken all, or so much that a whole
        answer is no matter of hours.
        """
        pending = self.transport.get_write_buffer_size()
        taken = self.transport.written - pending  # type: ignore[attr-defined]
        if taken - self._taken < min(self._pending, _STEP):
            self.abort()
            return
        if taken > self._taken:
            self.heard = self.loop.time()
        self._pending, self._taken = pending, taken
        self._look = self.loop.call_later(limits.PART_TIMEOUT, self._look_at_reader)


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on; port 0 chooses a free one. From now on whoever connects waits until
    the server has begun: the address is told before that, and nobody is refused there.

    Raises:
        UsageError: nobody may listen there.
    """
    # With the protocol named: asyncio turns off Nagle's algorithm for such sockets alone, and with
    # it every answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_WAITING)
    except (
        OSError,
        UnicodeError,
        OverflowError,
    ) as error:  # a name that cannot be looked up, a port that does not exist
        listener.close()
        told = error.strerror if isinstance(error, OSError) else "no such address"
        raise UsageError(
            f"cannot listen on {host}:{port}: {told}", hint="choose another --host or --port"
        ) from error
    return listener


def configure(app: Any, trusted: Trusted | None = None) -> uvicorn.Config:
    """The server's settings. No access log: paths hold item ids.

    Args:
        trusted: the operator's reverse proxies, which speak for many clients.
    """
    return uvicorn.Config(
        app,
        http=partial(PatientProtocol, among=Connections(trusted)),  # type: ignore[arg-type]
        log_config=None,  # everything that is logged goes one way: cli/terminal/logs.py
        # Below that are lines that any stranger can have written, as often as they like: that what
        # they sent is no HTTP, or that a library for web sockets should be installed.
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # uvicorn would believe anyone on this machine: see api/proxies.py
        timeout_keep_alive=10,
        timeout_graceful_shutdown=END_TIMEOUT,
        limit_concurrency=MOST + 1,  # of requests at work; of connections it never comes to that
        h11_max_incomplete_event_size=_MAX_HEAD,
        ws="none",
        lifespan="on",
    )
