"""An opening event of what has no content here: a thing that was seized, a case."""

from __future__ import annotations

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
    about: About,
    person: Person,
    clock: Clock,
    event_type: str,
    body: dict[str, Any],
    members: dict[str, Any],
    urn: str,
) -> None:
    """Check that an opening would be accepted as far as it says so itself.

    Args:
        urn: of what is opened.

    Raises:
        UsageError: it would not. DemandError: the profile asks for more.
    """
    options = _options(urn, clock, members)
    draft = draft_event(
        person, event_type, body, ref_salt=content_encryption.new_salt(32), **options
    )
    Demands.from_json(about.profile, about.demands).require_met(draft)


def record(
    node: RegisterApi,
    person: Person,
    clock: Clock,
    event_type: str,
    body: dict[str, Any],
    members: dict[str, Any],
    urn: str,
) -> Recorded:
    """Sign an opening and register it; the node's answer.

    Args:
        urn: of what is opened.

    Raises:
        UsageError: it would not be accepted. DemandError: the profile asks for more.
            VerificationError: the node answers with no receipt of its log.
    """
    check(node.agency(), person, clock, event_type, body, members, urn)
    key = content_encryption.new_key()
    keys = seal_keys(person, urn, record_key=key, content_key=None, commitment=None)
    options = _options(urn, clock, members)
    signed = sign_event(person, event_type, body, sealed_keys=keys, **options)
    answers = node.register([signed.submission])
    receipts.require(person, [signed.submission], answers)
    return answers[0]


def _options(urn: str, clock: Clock, members: dict[str, Any]) -> dict[str, Any]:
    return {"evidence": urn, "seq": 0, "prev": None, "time": clock.now(), "members": members}
