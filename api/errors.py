"""One shape for every error: {"error": {"code", "message", "hint", "step"}}."""

from __future__ import annotations

import logging
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.proxies import LOCAL
from ledger.domain import errors
from ledger.domain.errors import CustodyError, RoleError
from ledger.domain.identity.roles import whom_to_ask
from ledger.services.people import colleagues, role_holders

_LOG: Final = logging.getLogger("custody.api")
RETRY: Final = "5"  # seconds after which to come again where too many wait

#: Code and HTTP status by error class; the client turns codes back into classes.
CODES: Final[dict[type[CustodyError], tuple[str, int]]] = {
    errors.FormatError: ("malformed", 400),
    errors.VerificationError: ("not-verified", 422),
    errors.IncompleteError: ("incomplete", 409),
    errors.UnreadableError: ("unreadable", 503),
    errors.DemandError: ("demanded", 409),  # before the rules, which it is one of
    errors.RuleError: ("against-the-rules", 409),
    errors.UsageError: ("usage", 400),
    errors.DeniedError: ("denied", 403),
    errors.NotFoundError: ("not-found", 404),
    errors.ConflictError: ("conflict", 409),
    errors.KeyringError: ("keyring", 409),
    errors.AlteredError: ("altered", 503),
    errors.LockedError: ("locked", 503),
    errors.StorageError: ("storage", 507),
    errors.BusyError: ("busy", 503),
    errors.NetworkError: ("network", 504),
    errors.FrozenError: ("frozen", 503),
    errors.ChainError: ("chain", 502),
}


class UnauthenticatedError(CustodyError):
    """No session, or one that has ended."""


def body(
    code: str, message: str, hint: str | None = None, step: int | None = None
) -> dict[str, dict[str, str | int | None]]:
    """The one shape."""
    return {"error": {"code": code, "message": message, "hint": hint, "step": step}}


def _answer(error: CustodyError) -> JSONResponse:
    if isinstance(error, UnauthenticatedError):
        return JSONResponse(
            body("unauthenticated", error.message, error.hint),
            401,
            {"WWW-Authenticate": 'DPoP algs="ES256 EdDSA"'},
        )
    code, status = next(
        (pair for kind, pair in CODES.items() if isinstance(error, kind)), ("error", 500)
    )
    headers = {"Retry-After": RETRY} if isinstance(error, errors.BusyError) else None
    return JSONResponse(
        body(code, error.message, error.hint, getattr(error, "step", None)), status, headers
    )


def _works_here(request: Request) -> bool:
    """Whether somebody of this agency asks, or a command of a home that it opened itself. Which
    addresses this node asks, and what listens there, is nothing for strangers, guests and partners.
    """
    caller = getattr(request.state, "caller", None)
    if caller is None:
        return LOCAL in request.scope
    return colleagues.may_be_told(request.app.state.node, caller)


def _whom_to_ask(request: Request, error: RoleError) -> str | None:
    """The hint of a refusal for a role, with colleagues who have one that may."""
    caller = getattr(request.state, "caller", None)
    node = request.app.state.node
    if caller is None or not colleagues.may_be_told(node, caller):
        return error.hint
    held = role_holders.told(node, caller, error.roles)
    if not held and "administrator" in error.roles:
        return f"{error.hint or ''}; {role_holders.NO_ADMINISTRATOR}"
    return whom_to_ask(error.roles, held) if held else error.hint


def install(app: FastAPI) -> None:
    """Register the handlers."""

    @app.exception_handler(CustodyError)
    async def custody_error(request: Request, error: CustodyError) -> JSONResponse:
        if isinstance(error, RoleError):
            error.hint = await run_in_threadpool(_whom_to_ask, request, error)
        if isinstance(error, errors.NetworkError) and error.where and not _works_here(request):
            error.message = error.outside
        return _answer(error)

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> JSONResponse:
        # Of the path, the query, or a body that is none: what is wrong with a body's members,
        # api/bodies.py says. Neither values nor names that were sent are repeated: they may be case
        # data.
        places = sorted({".".join(map(str, one["loc"][:2])) for one in error.errors()})
        return JSONResponse(
            body(
                "malformed",
                f"request not understood: {', '.join(places)[:200]}",
                "see /docs for what is expected",
            ),
            400,
        )

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        code = {
            404: "not-found",
            405: "method-not-allowed",
            413: "too-large",
            416: "bad-range",
        }.get(error.status_code, "http")
        return JSONResponse(
            body(code, str(error.detail).lower()), error.status_code, headers=error.headers
        )

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        # Class and place only: an exception's text may quote a document.
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace is not None else "?"
        _LOG.error("unexpected %s at %s", type(error).__name__, place)
        return JSONResponse(
            body(
                "internal",
                "the node failed; nothing was acknowledged",
                "try again, then run: custody doctor",
            ),
            500,
        )
