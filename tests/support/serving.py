"""A desk's node behind a real socket on loopback, in a thread of the test's own process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

import cli.node.serving
from cli.node.connections import Connections
from tests.support.desk import Desk
from tests.support.waiting import wait_until


@dataclass(frozen=True)
class Served:
    """A node that takes connections."""

    server: uvicorn.Server
    thread: threading.Thread
    address: tuple[str, int]

    @property
    def url(self) -> str:
        return "http://{}:{}".format(*self.address)


@contextmanager
def served(desk: Desk, connections: Connections | None = None) -> Iterator[Served]:
    """Serve until the block ends, as ``custody serve`` does, but for signals."""
    listener = cli.node.serving.listen("127.0.0.1", 0)
    config = cli.node.serving.configure(desk.app)
    if connections is not None:
        config.http.keywords["among"] = connections  # type: ignore[union-attr]
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    node = Served(
        server,
        threading.Thread(target=server.run, kwargs={"sockets": [listener]}),
        listener.getsockname(),
    )
    node.thread.start()
    wait_until(lambda: server.started)
    try:
        yield node
    finally:
        server.should_exit = True
        node.thread.join()
