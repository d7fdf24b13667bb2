"""Bodies of requests and answers about audits of the node."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.schemas import Strict, example
from ledger.services.audit.jobs import JobState

_ID = "0f1e2d3c4b5a6978"
_RUNNING = {
    "id": _ID,
    "asked": "b7f2a9c41d",
    "begun": 1795252563,
    "state": "running",
    "part": "rebuilding items",
    "done": 200,
    "total": 1042,
}


class AuditIn(Strict):
    """Percent of items whose content is read and hashed (without it 10 %, or 95 % ± 3 %), and the
    seed of an earlier sample.
    """

    model_config = example(sample=10, seed=7)

    sample: Annotated[float, Field(ge=0, le=100)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] | None = None


class AuditOut(Strict):
    """An audit: who asked, when, and how far it is; its report once it is done. Times are seconds
    since 1970.
    """

    model_config = example(**_RUNNING)

    id: str
    asked: str
    begun: int
    state: JobState
    part: str = ""
    total: int = 0
    done: int = 0
    ended: int = 0
    problem: str = ""
    report: dict[str, Any] | None = None


class AuditsOut(Strict):
    """The last audits, the newest first."""

    model_config = example(audits=[_RUNNING])

    audits: list[AuditOut]
