"""How work goes, counted: what operations and workers do, by fixed names only. No item, person or
case is ever a label.
"""

from __future__ import annotations

from typing import Protocol


class Telemetry(Protocol):
    """Where services and routes report to."""

    def request(self, operation: str, status: int, seconds: float) -> None:
        """A call of the API was answered."""
        ...

    def ran(self, worker: str, *, ok: bool) -> None:
        """A background worker came around."""
        ...


class Silent:
    """Counts nothing: for commands, which end before anyone could ask."""

    def request(self, operation: str, status: int, seconds: float) -> None:
        """Count nothing."""

    def ran(self, worker: str, *, ok: bool) -> None:
        """Count nothing."""
