"""Calls counted by operation and status, for metrics: never by path, which holds item ids."""

from __future__ import annotations

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.services.node.telemetry import Telemetry


class MeasureMiddleware:
    """Reports every answered call."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, start = 500, time.perf_counter()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            operation = getattr(scope.get("route"), "operation_id", None) or "unknown"
            self._telemetry.request(operation, status, time.perf_counter() - start)
