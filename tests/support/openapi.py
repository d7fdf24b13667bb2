"""The API's own description, without a node behind it."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from api import app, errors


def document() -> dict[str, Any]:
    """What GET /openapi.json answers."""
    described = FastAPI(routes=app.routes())
    errors.install(described)
    return described.openapi()
