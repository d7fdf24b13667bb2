"""The API's own description, without a node behind it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from api import app, errors
from api.routes import health


def document() -> dict[str, Any]:
    """What GET /openapi.json answers."""
    described = FastAPI()
    described.include_router(health.router)
    for router in app._VERSIONED:
        described.include_router(router, prefix="/v1")
    errors.install(described)
    return described.openapi()
