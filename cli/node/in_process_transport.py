"""The API mounted in this process: requests go to the application without a socket."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, Self

import httpx

from api.proxies import LOCAL
from cli.node.interrupt import deferred


class InProcess(httpx.BaseTransport):
    """Runs an ASGI application on an event loop of the calling thread: a call changes threads only
    where a route must.

    httpx has such a transport too; that one joins bodies several times and keeps them in reference
    cycles, which for gigabytes takes longer than hashing them. Here a part of a body is handed on
    as it is, and let go at once.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._stack = ExitStack()
        self._under_way = 0
        self._open = True
        self._changed = threading.Condition()
        self._own = threading.local()

    def __enter__(self) -> Self:
        gc.freeze()  # what the imports left is no garbage, and looking through it again takes long
        self._stack.callback(gc.unfreeze)
        self._stack.callback(gc.set_threshold, *gc.get_threshold())
        gc.set_threshold(
            20_000, 20, 20
        )  # requests make much short-lived garbage, nearly none of it in cycles
        # Threads that hash come back for the interpreter every millisecond: waiting the usual 5 ms
        # for it would idle a core.
        self._stack.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(0.0005)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        # Ctrl-C can strike while a pool starts a thread, which nobody then waits for: the home must
        # not be closed under it.
        with deferred():
            with self._changed:
                self._open = False
                self._changed.wait_for(lambda: self._under_way == 0)
            self._stack.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request, answered whole: ranges and pages are bounded.

        Raises:
            httpx.TransportError: the transport is closed.
        """
        assert isinstance(request.stream, httpx.SyncByteStream)
        call = _Call(request, iter(request.stream))
        # A route at work in a thread must not outlive the home, which an interruption closes next.
        with deferred(), self._counted():
            self._loop().run_until_complete(self._run(call))
        return httpx.Response(call.status, headers=call.headers, stream=_Parts(call.parts))

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            if not self._open:
                raise httpx.TransportError("the home is closed")
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _loop(self) -> asyncio.AbstractEventLoop:
        """The event loop of this thread, closed with the transport."""
        found: asyncio.AbstractEventLoop | None = getattr(self._own, "loop", None)
        if found is None:
            found = self._own.loop = asyncio.new_event_loop()
            with self._changed:
                self._stack.callback(found.close)
        return found

    async def _run(self, call: _Call) -> None:
        try:
            await self._app(call.scope, call.receive, call.send)
        except Exception:
            if (
                not call.headers
            ):  # otherwise it has answered, and the exception is for a server's log
                raise


class _Parts(httpx.SyncByteStream):
    """The parts of an answer, each forgotten when it was read."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts = parts

    def __iter__(self) -> Iterator[bytes]:
        while self._parts:
            yield self._parts.pop(0)


class _Call:
    """One request and its answer, as ASGI sees them."""

    def __init__(self, request: httpx.Request, body: Iterator[bytes]) -> None:
        url = request.url
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.partition(b"?")[0],
            "query_string": url.query,
            "root_path": "",
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": (url.host, url.port),
            "client": ("127.0.0.1", 0),
            LOCAL: True,
        }
        self._body = body
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.parts: list[bytes] = []

    async def receive(self) -> dict[str, Any]:
        """The next part of the body; afterwards empty ones."""
        part = next(self._body, None)
        return {"type": "http.request", "body": part or b"", "more_body": part is not None}

    async def send(self, message: dict[str, Any]) -> None:
        """Status, headers, and parts of the answer."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", []))
        elif message["type"] == "http.response.body" and message.get("body"):
            self.parts.append(message["body"])
