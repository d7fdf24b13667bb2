"""Who learns which addresses a node asks, from a fault between the node and somebody else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI, Request

from api import errors
from ledger.adapters.chain.rpc import RpcChain
from ledger.domain.errors import NetworkError

_FREE = "http://127.0.0.1:9"  # the discard service: nothing listens there
_ADDRESS = "127.0.0.1:9"


def _told(caller: object, fault: NetworkError) -> str:
    """The message of an answer to a caller, None for a stranger."""
    app = FastAPI()
    app.state.node = SimpleNamespace(agency="NL-POL")
    errors.install(app)

    @app.get("/head")
    def fail(request: Request) -> None:
        request.state.caller = caller
        raise fault

    async def ask() -> str:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://node") as client:
            return str((await client.get("/head")).json()["error"]["message"])

    return asyncio.run(ask())


def _somebody(agency: str, *roles: str) -> SimpleNamespace:
    return SimpleNamespace(agency=agency, roles=frozenset(roles))


@pytest.fixture
def fault() -> NetworkError:
    """That of a chain at an address where nothing listens."""
    with pytest.raises(NetworkError) as found:
        RpcChain(_FREE).head()
    return found.value


@pytest.mark.parametrize(
    "caller",
    [
        None,
        _somebody("RO-DIICOT", "service"),
        _somebody("RO-DIICOT", "officer"),
        _somebody("NL-POL", "service"),
        _somebody("NL-POL", "defence"),
    ],
    ids=["a stranger", "a partner's node", "a guest", "a node", "the defence"],
)
def test_nobody_from_elsewhere_learns_which_addresses_a_node_asks(
    caller: object, fault: NetworkError
) -> None:
    assert _told(caller, fault) == "the chain did not answer (eth_getBlockByNumber)"


def test_people_of_the_agency_are_told_which_address_did_not_answer(fault: NetworkError) -> None:
    told = _told(_somebody("NL-POL", "officer"), fault)
    assert _ADDRESS in told
    assert "refused the connection" in told


def test_what_stands_behind_a_colon_without_an_address_is_told_to_everybody() -> None:
    fault = NetworkError("the chain answered nonsense: final 7, newest 5")
    assert _told(None, fault) == fault.message
