"""The API mounted in a process: what could go wrong when it is closed, or interrupted."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest

from cli.node.in_process_transport import InProcess


def test_a_home_is_not_closed_under_a_request_of_a_thread_that_nobody_waits_for() -> None:
    # Ctrl-C once struck between the start of a pool's thread and its registration: the pool did not
    # wait for it.
    began, order = threading.Event(), []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        began.set()
        await asyncio.sleep(0.2)
        order.append("answered")
        await send({"type": "http.response.start", "status": 200, "headers": []})

    transport = InProcess(app)
    with transport, httpx.Client(transport=transport, base_url="http://home") as client:
        stray = threading.Thread(target=client.get, args=("/",))
        stray.start()
        assert began.wait(10)
    order.append("closed")
    stray.join(10)
    assert order == ["answered", "closed"]
    with pytest.raises(httpx.TransportError, match="closed"):
        transport.handle_request(httpx.Request("GET", "http://home/", content=b""))
