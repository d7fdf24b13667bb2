"""Whoever stands between a node and a real Kubo daemon: every call goes on to the daemon, but those
of one path, which are answered as the test wants.
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tests.support.hostile import Hostile, Talk, says
from tests.support.kubo import Daemon


class Between(Hostile):
    """A server before a daemon; ``api`` is its address. ``path`` and ``talk`` say what is answered
    otherwise; an empty path nothing. ``lied`` counts such answers.

    Each connection carries one answer and is closed, without a word of it in the head. A client
    that asks again before the end of the connection has reached it sends its next request into
    nothing: `settle` waits until none can.
    """

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.path = ""
        self.talk: Talk = says(b"")
        self.lied = 0
        self._talking = 0
        self._changed = threading.Condition()
        super().__init__(self.talk)
        self.api = f"/ip4/127.0.0.1/tcp/{self.port}"

    def settle(self, patience: float = 5.0) -> None:
        """Wait until every answer so far is closed, or for so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._talking, patience)

    def _counted(self, more: int) -> None:
        with self._changed:
            self._talking += more
            self._changed.notify_all()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(30)
            try:
                head, body = _request(connection)
            except (OSError, IndexError):
                return
            self._counted(1)
            try:
                target = head.split(b" ")[1].decode()
                if target.partition("?")[0] == f"/api/v0/{self.path}":
                    self.lied += 1
                    self.talk(connection, self._over)
                else:
                    self._forward(connection, target, head, body)
                connection.shutdown(socket.SHUT_WR)
            except (OSError, IndexError):
                return  # whoever asked had enough
            finally:
                self._counted(-1)
            with suppress(OSError):
                while connection.recv(1 << 16):
                    pass

    def _forward(self, connection: socket.socket, target: str, head: bytes, body: bytes) -> None:
        real = http.client.HTTPConnection("127.0.0.1", int(self._daemon.api.rpartition("/")[2]))
        kept = re.findall(rb"(?im)^(authorization|content-type): (.*?)\r$", head)
        headers = {name.decode(): value.decode() for name, value in kept}
        try:
            real.request("POST", target, body=body, headers=headers)
            answer = real.getresponse()
            data = answer.read()
        finally:
            real.close()
        lines = [
            f"HTTP/1.1 {answer.status} {answer.reason}",
            f"Content-Length: {len(data)}",
            "Connection: close",
        ]
        kind = f"Content-Type: {answer.headers.get('Content-Type', 'text/plain')}"
        connection.sendall("\r\n".join([*lines, kind, "", ""]).encode() + data)


def _request(connection: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    head += b"\r\n"
    length = re.search(rb"(?im)^content-length: (\d+)", head)
    if length:
        while len(body) < int(length[1]):
            body += _more(connection)
        return head, body
    if not re.search(rb"(?im)^transfer-encoding: chunked", head):
        return head, body
    whole = b""
    while True:
        while b"\r\n" not in body:
            body += _more(connection)
        size, _, body = body.partition(b"\r\n")
        count = int(size, 16)
        while len(body) < count + 2:
            body += _more(connection)
        whole, body = whole + body[:count], body[count + 2 :]
        if not count:
            return head, whole


def _more(connection: socket.socket) -> bytes:
    part = connection.recv(1 << 16)
    if not part:
        raise ConnectionResetError
    return part


@contextmanager
def between(daemon: Daemon) -> Iterator[Between]:
    """One that forwards everything, until a test says otherwise."""
    server = Between(daemon)
    try:
        yield server
    finally:
        server.close()
