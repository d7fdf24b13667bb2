"""The application factory: routes, limits, one error shape. Nothing is created on import."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import anyio.to_thread
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from api import description, errors, front_page
from api.access import ROUTES
from api.call_counts import MeasureMiddleware
from api.concurrency import THREADS, lanes
from api.limits import LimitMiddleware
from api.lockout import LockOut, SeenOnce
from api.proxies import HEADERS, ProxyMiddleware, trusted
from api.ratelimit import Buckets, RateLimiter
from api.routes import (
    agency,
    audits,
    blocks,
    copies,
    evidence,
    exchange,
    handovers,
    health,
    inbox,
    lists,
    log,
    partners,
    people,
    replicas,
    rotation,
    session,
    statements,
    timestamps,
)
from ledger import __version__
from ledger.services.audit.jobs import AuditJobs
from ledger.services.node.context import Node

_ROUTERS: Final = (
    health.router,
    session.router,
    blocks.router,
    statements.router,
    lists.router,
    evidence.router,
    replicas.router,
    people.router,
    handovers.router,
    inbox.router,
    partners.router,
    copies.router,
    exchange.router,
    log.router,
    agency.router,
    rotation.router,
    audits.router,
    timestamps.router,
)
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


@asynccontextmanager
async def _nothing(app: FastAPI) -> AsyncIterator[None]:
    yield


def _with_threads(lifespan: Lifespan) -> Lifespan:
    @asynccontextmanager
    async def whole(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        async with lifespan(app):
            yield

    return whole


def create_app(
    node: Node,
    *,
    confirmations: int,
    lifespan: Lifespan = _nothing,
    proxies: Sequence[str] = (),
    forwarded: str = HEADERS[0],
) -> FastAPI:
    """The API of a node.

    Args:
        confirmations: blocks that make another one final on this chain.
        proxies: networks of reverse proxies whose word counts about where a request comes from;
            nobody's by default.
        forwarded: the header in which they write it.

    Raises:
        UsageError: proxies that are no networks.
        RuntimeError: a route without an entry in the table of role x route, or the other way round.
    """
    app = FastAPI(
        title="Custody ledger",
        version=__version__,
        description="Evidence that agencies can verify without trusting one another.",
        lifespan=_with_threads(lifespan),
        docs_url=None,  # those pages load programs from elsewhere; ours is description.py
        redoc_url=None,
        # A redirect would lead wherever the Host of a request says, and from https to http.
        redirect_slashes=False,
        # Not include_router: FastAPI would build each route anew at the first request, which takes
        # every command some 0.1 s.
        routes=routes(),
    )
    app.state.node = node
    app.state.confirmations = confirmations
    app.state.proofs = SeenOnce()
    app.state.lists = Buckets()
    app.state.rates = RateLimiter()
    app.state.lockout = LockOut()
    app.state.audits = AuditJobs(node)
    app.state.lanes = lanes(node.agency)
    _require_table()
    description.install(app)
    front_page.install(app)
    errors.install(app)
    app.add_middleware(LimitMiddleware)
    app.add_middleware(MeasureMiddleware, telemetry=node.telemetry)
    app.state.trusted = trusted(proxies, forwarded)
    if app.state.trusted is not None:
        app.add_middleware(ProxyMiddleware, trusted=app.state.trusted)
    return app


def routes() -> list[BaseRoute]:
    """Every route of the API, as its module built it."""
    return [route for router in _ROUTERS for route in router.routes]


def _require_table() -> None:
    # Asked of the routes: a description of the whole API takes half a second, and is made when
    # somebody reads it.
    found = {
        route.operation_id
        for route in routes()
        if isinstance(route, APIRoute) and route.include_in_schema
    }
    if found != set(ROUTES):
        raise RuntimeError(
            f"routes and the table in api/access.py differ: {sorted(map(str, found ^ set(ROUTES)))}"
        )
