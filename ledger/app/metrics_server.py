"""The address that metrics are collected at: few connections at once, none for long.

Whoever holds connections open there takes none from the API, whose limits are its own.
"""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

_AT_ONCE: Final = 16
_SECONDS: Final = 20.0  # for a whole request and its answer; a collector waits for ten


class _Handler(WSGIRequestHandler):
    def setup(self) -> None:
        # From outside, since a byte a second outlasts any time-out of a single read.
        self._end = threading.Timer(_SECONDS, _hang_up, (self.request,))
        self._end.daemon = True
        self._end.start()
        super().setup()

    def finish(self) -> None:
        self._end.cancel()
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Nothing is logged: paths and addresses are the collector's."""


class MetricsServer(ThreadingMixIn, WSGIServer):
    """Ended by ``shutdown``."""

    daemon_threads = True
    request_queue_size = _AT_ONCE

    def __init__(self, address: Any, handler: Any) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, or hang up where too many are open."""
        if self._places.acquire(blocking=False):
            try:
                super().process_request(request, client_address)
            except BaseException:  # no thread could be started: the place is free again
                self._places.release()
                raise
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve it, and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A collector that hangs up is no error of ours."""


def start(registry: CollectorRegistry, host: str, port: int) -> MetricsServer:
    """Serve metrics from a thread.

    Raises:
        OSError: nobody may listen there.
    """
    app = make_wsgi_app(registry)
    server = make_server(host.strip("[]"), port, app, MetricsServer, _Handler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
