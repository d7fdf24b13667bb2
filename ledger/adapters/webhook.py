"""Alarms sent to an address of the auditor's choice: what, where and what to do; opaque names
only.
"""

from __future__ import annotations

from typing import Final

from ledger.adapters.web.client import MIB, Patience, Reach, Web
from ledger.domain.audit.findings import AuditFinding
from ledger.domain.errors import NetworkError
from ledger.domain.untrusted import hosts
from ledger.domain.untrusted.hosts import Network

_PATIENCE: Final = Patience(connect=5.0, between=10.0, total=20.0)
_WHOSE: Final = "a webhook"


def send(
    url: str, findings: list[AuditFinding], time: int, allowed: tuple[Network, ...] = ()
) -> None:
    """POST alarms as JSON; ``time`` is seconds since 1970.

    Args:
        allowed: networks beyond public addresses to which its name may lead; an address written as
            such needs none.

    Raises:
        UsageError: an address without TLS that is not on this machine. NetworkError: it did not
            take them.
    """
    address = hosts.require_tls(url, what=_WHOSE)
    value = {
        "v": 1,
        "kind": "custody-alarm",
        "time": time,
        "alarms": [finding.as_json() for finding in findings],
    }
    web = Web(
        address.origin,
        who="the webhook",
        reach=Reach(allowed=(*allowed, *hosts.named(address))),
        patience=_PATIENCE,
    )
    try:
        answer = web.call("POST", address.target or "/", limit=MIB, json=value)
    finally:
        web.close()
    if answer.status >= 300:
        raise NetworkError(f"the webhook answered {answer.status}", hint="check what it expects")
