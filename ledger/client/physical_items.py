"""Items without a file: things seized, with their description, seals and witnesses."""

from __future__ import annotations

import uuid
from typing import Any, Final

from ledger.client import opening
from ledger.client.opening import RegisterApi
from ledger.domain.event.signing import Person
from ledger.domain.ports.answers import Recorded
from ledger.domain.ports.node_and_chain import Clock
from ledger.domain.ports.node_answers import About

_TYPE: Final = "collected"


def check(
    about: About, person: Person, clock: Clock, body: dict[str, Any], members: dict[str, Any]
) -> None:
    """Check that the record of a thing would be accepted as far as it says so itself.

    Raises:
        UsageError: it would not. DemandError: the profile asks for more.
    """
    opening.check(about, person, clock, _TYPE, body, members, uuid.uuid4().urn)


def collect(
    node: RegisterApi,
    person: Person,
    clock: Clock,
    body: dict[str, Any],
    members: dict[str, Any],
    evidence: str = "",
) -> Recorded:
    """Record a thing (`collected`); the node's answer.

    Args:
        evidence: its id, where whoever records it has one for it already.

    Raises:
        UsageError: the description would not be accepted. DemandError: the profile asks for more.
            VerificationError: the node answers with no receipt of its log.
    """
    return opening.record(node, person, clock, _TYPE, body, members, evidence or uuid.uuid4().urn)
