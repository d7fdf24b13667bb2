"""Items without a file: things seized, with their description, seals and witnesses."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Protocol

from ledger.client import receipts
from ledger.domain.crypto import content_encryption
from ledger.domain.event.signing import Person, seal_keys, sign_event
from ledger.domain.ports.answers import Recorded
from ledger.domain.ports.node_and_chain import Clock


class RegisterApi(Protocol):
    """What opening asks of a node; see NodeClient."""

    def register(self, submissions: list[dict[str, Any]]) -> Sequence[Recorded]: ...


def collect(
    node: RegisterApi, person: Person, clock: Clock, body: dict[str, Any], members: dict[str, Any]
) -> Recorded:
    """Record a thing (`collected`); the node's answer.

    Raises:
        FormatError: the description would not be accepted. RuleError: the profile asks for more.
            VerificationError: the node answers with no receipt of its log.
    """
    evidence = uuid.uuid4().urn
    grants = seal_keys(
        person, evidence, record_key=content_encryption.new_key(), content_key=None, commitment=None
    )
    signed = sign_event(
        person,
        "collected",
        body,
        evidence=evidence,
        seq=0,
        prev=None,
        time=clock.now(),
        members=members,
        sealed_keys=grants,
    )
    answers = node.register([signed.submission])
    receipts.require(person, [signed.submission], answers)
    return answers[0]
