"""What a partner learns of a fault between this node and somebody else."""

from __future__ import annotations

import asyncio

import httpx
from fastapi import FastAPI

from api import errors
from ledger.domain.errors import NetworkError


def test_a_partner_does_not_learn_which_addresses_this_node_asks() -> None:
    app = FastAPI()
    errors.install(app)

    @app.get("/v1/exchange/head")
    @app.get("/v1/head")
    def fail() -> None:
        raise NetworkError("the chain did not answer: 10.0.0.7:8545 refused the connection")

    async def told(path: str) -> str:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            return str((await client.get(path)).json()["error"]["message"])

    assert asyncio.run(told("/v1/exchange/head")) == "the chain did not answer"
    assert "10.0.0.7:8545" in asyncio.run(told("/v1/head"))
