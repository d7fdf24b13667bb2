"""A server of raw sockets that answers every request with one kind of nonsense, and counts what it
is asked.
"""

from __future__ import annotations

import gzip
import re
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Talk = Callable[[socket.socket, threading.Event], None]
_BOMB = 256  # MiB


def _bomb() -> bytes:
    """A quarter of a gigabyte of blanks, a thousand times smaller; made in little memory, since the
    test measures that.
    """
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return b"".join([*(packer.compress(b" " * (1 << 20)) for _ in range(_BOMB)), packer.flush()])


def answer(
    body: bytes, status: str = "200 OK", *headers: str, kind: str = "application/json"
) -> bytes:
    lines = [
        f"HTTP/1.1 {status}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        *headers,
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


def says(data: bytes) -> Talk:
    return lambda connection, over: connection.sendall(data)


def _endless(head: bytes, part: bytes, pause: float = 0.0) -> Talk:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head)
        while not over.wait(pause):
            connection.sendall(part)

    return talk


def _silent(connection: socket.socket, over: threading.Event) -> None:
    over.wait(30)


_CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
)
_LONG = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
_DATE = "Retry-After: Wed, 21 Oct 2026 07:28:00 GMT"

#: JSON, and other bytes in its place: well-formed HTTP around it.
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"rate limited",
    "HTML with code 200": b"<html><body>log in</body></html>",
    "null": b"null",
    "a list": b"[]",
    "a list of itself": b"[[[]]]",
    "a number": b"7",
    "text": b'"text"',
    "an empty object": b"{}",
    "a result that is null": b'{"jsonrpc":"2.0","id":0,"result":null,"handovers":null,"Version":null}',
    "a result that is a list": b'{"jsonrpc":"2.0","id":0,"result":[],"handovers":{},"Version":[]}',
    "a result that is a number": b'{"jsonrpc":"2.0","id":0,"result":7,"handovers":7,"Version":7}',
    "a result that is true": b'{"jsonrpc":"2.0","id":0,"result":true,"handovers":[true],"Version":true}',
    "a result of empty objects": b'{"jsonrpc":"2.0","id":0,"result":{},"handovers":[{}],"Version":{}}',
    "an error that is null and no result": b'{"jsonrpc":"2.0","id":0,"error":null}',
    "an error that is a number": b'{"jsonrpc":"2.0","id":0,"error":7}',
    "an error of numbers": b'{"jsonrpc":"2.0","id":0,"error":{"code":"x","message":7,"data":{"data":{"data":7}}}}',
    "hex that is none": b'{"jsonrpc":"2.0","id":0,"result":"0xzz"}',
    "hex of odd length": b'{"jsonrpc":"2.0","id":0,"result":"0x123456789abcdef01"}',
    "hex without end": b'{"jsonrpc":"2.0","id":0,"result":"0x' + b"f" * 100_000 + b'"}',
    "a huge integer": b'{"jsonrpc":"2.0","id":0,"result":' + b"9" * 100_000 + b"}",
    "a huge exponent": b'{"jsonrpc":"2.0","id":0,"result":1e999999}',
    "NaN": b'{"jsonrpc":"2.0","id":0,"result":NaN}',
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"result":' * 100_000 + b"0" + b"}" * 100_000,
    "a key twice": b'{"jsonrpc":"2.0","id":0,"result":"0x1","result":"0x2","agency":"NL-POL","agency":"RO-POL"}',
    "bytes that are no UTF-8": b'{"result":"\xff\xfe"}',
    "half a character": b'{"result":"\\ud800"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "compressed and not said so": gzip.compress(b'{"result":"0x1"}'),
}
#: Answers that break HTTP, or use parts of it that nobody asked for.
ANSWERS: dict[str, Talk] = {
    "a gzip bomb": says(answer(_bomb(), "200 OK", "Content-Encoding: gzip")),
    "deflate": says(answer(zlib.compress(b"{}"), "200 OK", "Content-Encoding: deflate")),
    "an encoding that nobody knows": says(answer(b"{}", "200 OK", "Content-Encoding: zstd, gzip")),
    "a redirect": says(answer(b"{}", "302 Found", "Location: /followed")),
    "a redirect that keeps the method": says(answer(b"{}", "307 Temporary Redirect", "Location: http://127.0.0.1:1/followed")),
    "HTML with code 502": says(answer(b"<html>Bad Gateway</html>", "502 Bad Gateway", kind="text/html")),
    "an error without words": says(answer(b"", "500 Internal Server Error")),
    "an error of another shape": says(answer(b'{"error":{"code":[],"message":{},"hint":7,"step":"x"}}', "400 Bad Request")),
    "an error that is text": says(answer(b'{"error":"no"}', "403 Forbidden")),
    "never authorised": says(answer(b'{"error":{"code":"unauthenticated","message":"no","hint":null,"step":null}}', "401 Unauthorized")),
    "come again at a date": says(answer(b"{}", "429 Too Many Requests", _DATE)),
    "come again before now": says(answer(b"{}", "429 Too Many Requests", "Retry-After: -7")),
    "come again in a century": says(answer(b"{}", "429 Too Many Requests", "Retry-After: 9999999999")),
    "come again in words": says(answer(b"{}", "503 Service Unavailable", "Retry-After: soon")),
    "a status of its own": says(answer(b"{}", "999 What")),
    "a status in words": says(b"HTTP/1.1 OK\r\n\r\n"),
    "another protocol": says(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nxxxx"),
    "no HTTP": says(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "HTTP without a head": says(b"<html></html>"),
    "a length below nothing": says(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}"),
    "a length in words": says(b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}"),
    "two lengths": says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "more than its length": says(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}{}{}"),
    "less than its length": says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}"),
    "a chunk of another size": says(_CHUNKED + b"5\r\n{}\r\n0\r\n\r\n"),
    "a chunk that ends the memory": says(_CHUNKED + b"ffffffffffffffff\r\n{}"),
    "a chunk without a size": says(_CHUNKED + b"zz\r\n{}\r\n"),
    "closed at once": says(b""),
    "closed in the head": says(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "closed in the body": says(_LONG + b'{"result":'),
    "a body without end": _endless(_CHUNKED, b"10000\r\n" + b" " * 0x10000 + b"\r\n"),
    "a head without end": _endless(b"HTTP/1.1 200 OK\r\n", b"X-More: " + b"x" * 1000 + b"\r\n"),
    "a line without end": _endless(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 1000),
    "continue without end": _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}  # fmt: skip
#: Answers that never end, a byte at a time; each takes as long as the caller's patience.
SLOW: dict[str, Talk] = {
    "silence": _silent,
    "a trickle of a head": _endless(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x", 0.05),
    "a trickle of a body": _endless(_LONG, b" ", 0.05),
    "a trickle of chunks": _endless(_CHUNKED, b"1\r\n \r\n", 0.05),
    "a trickle of continue": _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
}
KINDS: dict[str, Talk] = {
    **{name: says(answer(body)) for name, body in BODIES.items()},
    **ANSWERS,
    **SLOW,
}


class Hostile:
    """One server: ``url``, and the request lines that it saw."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.seen: list[bytes] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(30)
            try:
                self._read(connection)
                self._talk(connection, self._over)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(
                    1 << 16
                ):  # a close with unread bytes would be a reset, and another kind
                    pass
            except OSError:
                pass  # whoever asked had enough

    def _read(self, connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            part = connection.recv(1 << 16)
            if not part:
                return
            head += part
        self.seen.append(head.partition(b"\r\n")[0])
        head, _, body = head.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^content-length: (\d+)", head)
        chunked = re.search(rb"(?im)^transfer-encoding: chunked", head)
        while (length and len(body) < int(length[1])) or (
            chunked and not body.endswith(b"0\r\n\r\n")
        ):
            part = connection.recv(1 << 16)
            if not part:
                return
            body += part

    def close(self) -> None:
        self._over.set()
        self._listener.shutdown(
            socket.SHUT_RDWR
        )  # wakes the thread that accepts; a close alone would leave it waiting
        self._listener.close()


@contextmanager
def hostile(talk: Talk) -> Iterator[Hostile]:
    server = Hostile(talk)
    try:
        yield server
    finally:
        server.close()


@contextmanager
def every(kinds: dict[str, Talk]) -> Iterator[dict[str, Hostile]]:
    servers = {name: Hostile(talk) for name, talk in kinds.items()}
    try:
        yield servers
    finally:
        for server in servers.values():
            server.close()
