"""What routes need: the node, and the caller. Whoever may not call a route is refused before its
body is read.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Request, Response
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials
from fastapi.security.http import HTTPBase
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.access import GUEST_ROUTES, PUBLIC, ROUTES
from api.bodies import SHORT, JudgedRequest, judge
from api.errors import UnauthenticatedError
from api.proxies import LOCAL
from ledger.domain.errors import DeniedError, RoleError
from ledger.domain.identity import dpop
from ledger.domain.identity.roles import whom_to_ask
from ledger.services.access.authorization import Caller
from ledger.services.access.sessions import caller_of
from ledger.services.node.context import Node

_DPOP = HTTPBase(
    scheme="DPoP",
    scheme_name="DPoP",
    auto_error=False,
    description=(
        "`DPoP TOKEN`, the token from POST /v1/login, with a header DPoP: the proof of RFC 9449 "
        '(docs/format.md, "Login"); a bearer token is refused'
    ),
)
_SCHEME = "dpop "
T = TypeVar("T")
#: What a guest is told, whose roles may well be those that a call takes.
_OF_GUESTS = "a guest of another agency works on what was given to them alone: custody list"
#: The item of a path.
Item = Annotated[str, Path(pattern=r"^urn:(uuid|custody:case):[0-9a-f-]{36}$")]
#: A statement digest in a path, in hex.
Statement = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
#: An agency code in a path.
AgencyCode = Annotated[str, Path(pattern=r"^[A-Z]{2}-[A-Z0-9-]{1,32}$")]
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


async def get_node(request: Request) -> Node:
    """The node that this application serves; asynchronous, since a plain function would cost a
    change of threads.
    """
    node: Node = request.app.state.node
    return node


NodeDep = Annotated[Node, Depends(get_node)]


async def aside(request: Request, function: Callable[..., T], *arguments: Any) -> T:
    """Run what blocks in a thread. A call of the CLI's own has its event loop for itself, and a
    change of threads would only cost.
    """
    if LOCAL in request.scope:
        return function(*arguments)
    return await run_in_threadpool(function, *arguments)


class GuardedRoute(APIRoute):
    """A route that asks the table of role x route first. FastAPI would read and parse a stranger's
    body before its dependencies.
    """

    def get_route_handler(self) -> Handler:
        """The handler behind the guard; a route without an entry in the table is refused to
        everybody.
        """
        handler = self._bounded(super().get_route_handler())
        allowed, open_to_guests = (
            ROUTES.get(self.operation_id or "", frozenset()),
            self.operation_id in GUEST_ROUTES,
        )
        if allowed == PUBLIC:
            return handler

        async def guarded(request: Request) -> Response:
            request.state.caller = caller = await aside(request, _authenticate, request)
            is_guest = caller.is_guest(request.app.state.node.agency)
            if not caller.roles & allowed or (is_guest and not open_to_guests):
                hint = _OF_GUESTS if is_guest else whom_to_ask(allowed, ())
                raise RoleError("your role may not do this", allowed, hint=hint)
            request.app.state.rates.know(request.headers["authorization"].encode("latin-1"))
            return await handler(request)

        return guarded

    def _bounded(self, handler: Handler) -> Handler:
        """The handler in its lane, where it has one. The body is read before, since a slow sender
        holds no place, and judged within.
        """
        operation = self.operation_id or ""
        kind = self.body_field.field_info.annotation if self.body_field is not None else None
        if kind is not None and not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            raise TypeError(f"the body of {operation} is no model")

        async def judged(request: Request) -> Response:
            data = await request.body() if kind is not None else b""
            if kind is None or not data:
                return await handler(request)
            model = (
                judge(data, kind) if len(data) <= SHORT else await aside(request, judge, data, kind)
            )
            return await handler(JudgedRequest(request, model))

        async def bounded(request: Request) -> Response:
            if kind is not None:
                await request.body()
            lane = request.app.state.lanes.get(operation) if LOCAL not in request.scope else None
            if lane is None:
                return await judged(request)
            caller: Caller | None = getattr(request.state, "caller", None)
            who = (caller.agency, caller.id.pseudonym) if caller is not None else ()
            async with lane.place(*who):
                return await judged(request)

        return bounded


def _authenticate(request: Request) -> Caller:
    """The logged-in caller.

    Raises:
        UnauthenticatedError: no valid session.
    """
    given = request.headers.get("authorization", "")
    caller = (
        caller_of(request.app.state.node, given[len(_SCHEME) :])
        if given.lower().startswith(_SCHEME)
        else None
    )
    if caller is None:
        raise UnauthenticatedError(
            "no valid session", hint="log in again: POST /v1/login/challenge, then /v1/login"
        )
    proof, now = request.headers.get("dpop", ""), request.app.state.node.clock.now()
    try:
        token = given[len(_SCHEME) :]
        proven = dpop.check(
            proof,
            caller.key,
            method=request.method,
            path=request.scope["path"],  # as it is routed by: a URL would be made with Host
            token=token,
            now=now,
        )
    except DeniedError as error:
        raise UnauthenticatedError(
            error.message, hint="send a DPoP proof with each request (RFC 9449)"
        ) from error
    if not request.app.state.proofs.is_new(proven, now):
        raise UnauthenticatedError(
            "the proof was used before", hint="make a new one for each request (RFC 9449)"
        )
    return caller


async def get_caller(
    request: Request, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_DPOP)]
) -> Caller:
    """The caller that the guard let in."""
    caller: Caller = request.state.caller
    return caller


CallerDep = Annotated[Caller, Depends(get_caller)]
