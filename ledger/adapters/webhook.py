"""Alarms sent to an address of the auditor's choice: what, where and what to do; opaque names only."""

from __future__ import annotations

from typing import Final

import httpx

from ledger.domain.audit.findings import Finding
from ledger.domain.errors import NetworkError
from ledger.domain.hosts import require_tls

_TIMEOUT: Final = httpx.Timeout(10.0)


def send(url: str, findings: list[Finding], time: int) -> None:
    """POST alarms as JSON; ``time`` is seconds since 1970.

    Raises:
        UsageError: an address without TLS that is not on this machine. NetworkError: it did not take them.
    """
    require_tls(url, what="a webhook")
    value = {"v": 1, "kind": "custody-alarm", "time": time, "alarms": [one.as_json() for one in findings]}
    try:
        answer = httpx.post(url, json=value, timeout=_TIMEOUT, follow_redirects=False)
    except httpx.HTTPError as error:
        raise NetworkError(f"the webhook did not answer: {type(error).__name__}", hint="check its address") from error
    if answer.status_code >= 300:
        raise NetworkError(f"the webhook answered {answer.status_code}", hint="check what it expects")
