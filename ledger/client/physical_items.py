"""Items without a file: things seized, with their description, seals and witnesses."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Protocol

from ledger.client import receipts
from ledger.domain.crypto import content_encryption
from ledger.domain.event.signing import Person, draft_event, seal_keys, sign_event
from ledger.domain.item.jurisdiction_profile import Demands
from ledger.domain.ports.answers import Recorded
from ledger.domain.ports.node_and_chain import Clock
from ledger.domain.ports.node_answers import About


class RegisterApi(Protocol):
    """What opening asks of a node; see NodeClient."""

    def agency(self) -> About: ...
    def register(self, submissions: list[dict[str, Any]]) -> Sequence[Recorded]: ...


def check(
    about: About, person: Person, clock: Clock, body: dict[str, Any], members: dict[str, Any]
) -> None:
    """Check that the record of a thing would be accepted as far as it says so itself.

    Raises:
        FormatError: it would not. DemandError: the profile asks for more.
    """
    options = _options(uuid.uuid4().urn, clock, members)
    draft = draft_event(
        person, "collected", body, ref_salt=content_encryption.new_salt(32), **options
    )
    Demands.from_json(about.profile, about.demands).require_met(draft)


def _options(evidence: str, clock: Clock, members: dict[str, Any]) -> dict[str, Any]:
    return {
        "evidence": evidence,
        "seq": 0,
        "prev": None,
        "time": clock.now(),
        "members": members,
    }


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
    evidence = evidence or uuid.uuid4().urn
    check(node.agency(), person, clock, body, members)
    options = _options(evidence, clock, members)
    grants = seal_keys(
        person, evidence, record_key=content_encryption.new_key(), content_key=None, commitment=None
    )
    signed = sign_event(person, "collected", body, sealed_keys=grants, **options)
    answers = node.register([signed.submission])
    receipts.require(person, [signed.submission], answers)
    return answers[0]
