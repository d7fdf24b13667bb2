"""What routes need: the node, and the caller after the table of role x route was asked."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from api.access import PUBLIC, ROUTES
from api.errors import UnauthenticatedError
from ledger.domain.errors import DeniedError
from ledger.services.access import Caller
from ledger.services.node import Node
from ledger.services.sessions import caller_of

_BEARER = HTTPBearer(auto_error=False, description="token from POST /v1/login")


async def get_node(request: Request) -> Node:
    """The node that this application serves; asynchronous, since a plain function would cost a change of threads."""
    node: Node = request.app.state.node
    return node


NodeDep = Annotated[Node, Depends(get_node)]


def get_caller(request: Request, node: NodeDep, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]) -> Caller:
    """The logged-in caller, allowed by the table to use this route.

    Raises:
        UnauthenticatedError: no valid session. DeniedError: the role may not.
    """
    caller = caller_of(node, credentials.credentials) if credentials is not None else None
    if caller is None:
        raise UnauthenticatedError("no valid session", hint="log in again: POST /v1/login/challenge, then /v1/login")
    operation = request.scope["route"].operation_id
    if not caller.roles & ROUTES[operation] or ROUTES[operation] == PUBLIC:
        raise DeniedError("your role may not do this")
    return caller


CallerDep = Annotated[Caller, Depends(get_caller)]
