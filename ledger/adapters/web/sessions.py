"""The strict client under libraries that speak through `requests`: their own connections are never
made.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from ledger.adapters.web.client import Patience, Stream, Web, WebError


class StrictAdapter(BaseAdapter):
    """Carries the calls of a `requests.Session` to one server.

    Args:
        web: the strict client of that server.
        limit: bytes of an answer.
        small: patience for calls whose body is no stream; others have that of ``web``.
    """

    def __init__(self, web: Web, limit: int, small: Patience) -> None:
        super().__init__()
        self._small = small
        self._web = web
        self._limit = limit

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002
        timeout: Any = None,  # noqa: ARG002
        verify: bool | str = True,  # noqa: ARG002
        cert: Any = None,  # noqa: ARG002
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> requests.Response:
        """One call. Time-outs, certificates and proxies are those of the strict client, whatever
        the library wants.

        Raises:
            WebError: as for Web.open.
        """
        opened = ExitStack()
        body: Any = request.body
        whole = body is None or isinstance(body, (bytes, str))
        content, patience = (body, self._small) if whole else (_parts(body), None)
        headers = dict(request.headers)
        found = opened.enter_context(
            self._web.open(
                request.method or "GET",
                request.path_url,
                headers=headers,
                patience=patience,
                content=content,
            )
        )
        answer = requests.Response()
        answer.status_code = found.status
        answer.headers = CaseInsensitiveDict(found.headers)
        answer.url = request.url or ""
        answer.request = request
        # A body that is a stream was sent by now: what is said of it takes no longer than others.
        answer.raw = _Raw(found, self._limit, opened, time.monotonic() + self._small.total)
        return answer

    def close(self) -> None:
        """Nothing: whoever made the client closes it."""


def _parts(body: Any) -> Iterator[bytes]:
    for part in body:
        yield part if isinstance(part, bytes) else bytes(part)


class _Raw:
    """A body as `requests` reads one."""

    def __init__(self, stream: Stream, limit: int, opened: ExitStack, until: float) -> None:
        self._who = stream.who
        self._parts = stream.parts()
        self._left = limit
        self._opened = opened
        self._until = until

    def stream(self, amount: int | None = None, decode_content: bool = False) -> Iterator[bytes]:  # noqa: ARG002
        """The parts as they come."""
        for part in self._parts:
            self._left -= len(part)
            if self._left < 0:
                raise WebError(self._who, "sent more than any answer of its may have")
            if time.monotonic() > self._until:
                raise WebError(self._who, "took too long for its answer")
            yield part

    def close(self) -> None:
        """Let the connection go."""
        self._opened.close()

    release_conn = close
