"""The API mounted in this process: requests go to the application without a socket."""

from __future__ import annotations

import gc
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal

_LARGE: Final = 256 << 10


class InProcess(httpx.BaseTransport):
    """Runs an ASGI application on an event loop of its own. Whole answers are held: ranges and pages are bounded."""

    def __init__(self, app: Any) -> None:
        self._asgi = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        self._stack = ExitStack()
        self._portal: BlockingPortal | None = None

    def __enter__(self) -> Self:
        self._portal = self._stack.enter_context(start_blocking_portal())
        gc.freeze()  # what the imports left is no garbage: looking through it again for every segment takes longer than hashing
        self._stack.callback(gc.unfreeze)
        return self

    def __exit__(
        self, kind: type[BaseException] | None = None, error: BaseException | None = None, trace: TracebackType | None = None
    ) -> None:
        self._stack.close()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request."""

        async def run() -> httpx.Response:
            answer = await self._asgi.handle_async_request(request)
            body = await answer.aread()
            return httpx.Response(answer.status_code, headers=answer.headers, content=body)

        assert self._portal is not None
        answer = self._portal.call(run)
        if int(request.headers.get("content-length", "0")) >= _LARGE or len(answer.content) >= _LARGE:
            # Requests and answers lie in reference cycles: without this, megabytes wait for the collector's own time.
            gc.collect()
        return answer
