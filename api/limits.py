"""Limits on what a request may cost, and headers that tell browsers to keep out."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import body
from api.proxies import LOCAL, counted

BODY_LIMIT: Final = 8 << 20  # a segment of 4 MiB, or a batch of statements
STRANGER_LIMIT: Final = 256 << 10  # of whoever has not proven anything yet: logins and enrolments
_STRANGERS: Final = ("/v1/login", "/v1/enrolments")
VERIFY_LIMIT: Final = 64 << 20  # a bundle
VERIFY_TOTAL: Final = (
    3 * VERIFY_LIMIT
)  # bytes of bundles to verify that are here at once, from whomever
PATH_LIMIT: Final = 2048  # bytes of path and query
HEADER_LIMIT: Final = 16 << 10  # bytes of all headers
# seconds in which the next part of a body must come, or the next part of an answer must be read
PART_TIMEOUT: Final = 20.0
BODY_TIMEOUT: Final = 300.0  # seconds for a whole body: 8 MiB at 30 KB/s
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000"),  # heeded behind TLS only
)
_STATUS: Final = {
    "too-large": 413,
    "path-too-long": 414,
    "headers-too-large": 431,
    "too-slow": 408,
    "too-many": 429,
    "gone": 499,
    "busy": 503,
}


class _RefusedError(BaseException):
    """Ends a request from within ``receive``. Not an Exception: no handler of the application may
    answer for it.
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(code)
        self.answer = (code, message, hint)


class LimitMiddleware:
    """Refuses what is too large, too long, too slow or too often, before it costs memory, threads
    or the database.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._here = Held()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        reply = _Reply(send)
        local = LOCAL in scope
        verifies = scope["path"] == "/v1/verify"
        limit = (
            VERIFY_LIMIT
            if verifies
            else STRANGER_LIMIT
            if scope["path"].startswith(_STRANGERS)
            else BODY_LIMIT
        )
        held = self._here if verifies and not local else None
        body = _Body(receive, limit, patient=local, held=held, address=counted(scope))
        try:
            _check_head(scope, limit)
            if not local and (seconds := scope["app"].state.rates.wait(scope)):
                reply.retry_after = seconds
                raise _RefusedError(
                    "too-many", f"too many requests; come again in {seconds} s", "slow down"
                )
            await self._app(scope, body, reply)
        except _RefusedError as error:
            if not reply.started:
                await reply.refuse(*error.answer)
        finally:
            body.release()


def _check_head(scope: Scope, limit: int) -> None:
    if len(scope["raw_path"] or b"") + len(scope["query_string"]) > PATH_LIMIT:
        raise _RefusedError(
            "path-too-long",
            f"paths hold at most {PATH_LIMIT} bytes here",
            "send what is long in the body",
        )
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADER_LIMIT:
        raise _RefusedError(
            "headers-too-large",
            f"headers hold at most {HEADER_LIMIT} bytes here",
            "send fewer or shorter ones",
        )
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if not declared.isdigit() or len(declared) > 15 or int(declared) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> _RefusedError:
    return _RefusedError(
        "too-large",
        f"request bodies hold at most {limit} bytes here",
        "send smaller segments or batches",
    )


class Held:
    """Bytes of bodies that are in memory at once, of all addresses and of each."""

    def __init__(self) -> None:
        self._bytes: Counter[str] = Counter()

    def add(self, address: str, count: int) -> bool:
        """Count bytes, or take them away; whether all of them still have room, and those of one
        address.
        """
        self._bytes[address] += count
        if not self._bytes[address]:
            del self._bytes[address]
        return self._bytes.total() <= VERIFY_TOTAL and self._bytes[address] <= VERIFY_LIMIT


class _Body:
    """``receive`` with limits on the bytes of this body and of all bodies that ``held`` counts, and
    on the time that it takes; ``patient``: without the limit on time.
    """

    def __init__(
        self,
        receive: Receive,
        limit: int,
        *,
        patient: bool,
        held: Held | None = None,
        address: str = "",
    ) -> None:
        self._receive, self._limit, self._patient, self._held, self._address = (
            receive,
            limit,
            patient,
            held,
            address,
        )
        self._seen = 0
        self._spent = 0.0
        self._complete = False

    async def __call__(self) -> Message:
        if (
            self._complete or self._patient
        ):  # after the body only the end of the connection comes, whenever it will
            message = await self._receive()
        else:
            message = await self._timed()
        if message["type"] == "http.disconnect" and not self._complete:
            # Nobody reads this answer: it keeps a broken uplink, and a stranger who hangs up, out
            # of the errors of the node.
            raise _RefusedError("gone", "the connection ended before the body did", "send it again")
        self._seen += len(message.get("body", b""))
        room = self._held is None or self._held.add(self._address, len(message.get("body", b"")))
        self._complete = not message.get("more_body", False)
        if self._seen > self._limit:
            raise _too_large(self._limit)
        if not room:
            raise _RefusedError(
                "busy",
                "too many bundles are being verified",
                "try again in a moment, or verify it yourself with `custody verify`",
            )
        return message

    def release(self) -> None:
        """The request is over, and its body gone."""
        if self._held is not None:
            self._held.add(self._address, -self._seen)
            self._held = None

    async def _timed(self) -> Message:
        loop = asyncio.get_running_loop()
        start = loop.time()
        try:
            message = await asyncio.wait_for(
                self._receive(), min(PART_TIMEOUT, BODY_TIMEOUT - self._spent)
            )
        except TimeoutError as error:
            raise _RefusedError(
                "too-slow",
                "the body did not arrive in time",
                "send it at once, or in smaller segments",
            ) from error
        self._spent += loop.time() - start
        return message


class _Reply:
    """``send`` with our headers, and without patience for readers that do not read."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False
        self.retry_after = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            # What the application says itself stays: the API's page allows its own style sheet.
            own = {name.lower() for name, _ in message.get("headers", [])}
            message["headers"] = [
                *message.get("headers", []),
                *(one for one in _HEADERS if one[0] not in own),
            ]
        try:
            await asyncio.wait_for(self._send(message), PART_TIMEOUT)
        except TimeoutError as error:
            raise _RefusedError(
                "too-slow", "the answer was not read in time", "read it at once"
            ) from error

    async def refuse(self, code: str, message: str, hint: str) -> None:
        """Answer for the application, and end the connection; where nobody reads this either,
        cli/node/serving.py does.
        """
        data = json.dumps(body(code, message, hint)).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(data)).encode()),
            (b"connection", b"close"),
            *_HEADERS,
        ]
        if self.retry_after:
            headers.append((b"retry-after", str(self.retry_after).encode()))
        self.started = True
        await self._send(
            {"type": "http.response.start", "status": _STATUS[code], "headers": headers}
        )
        await self._send({"type": "http.response.body", "body": data})
