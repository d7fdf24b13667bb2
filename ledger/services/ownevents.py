"""Events that the node signs itself, with its service certificate: what it found out about the keeping of an item."""

from __future__ import annotations

from typing import Any, Final

from ledger.domain.encoding import from_b64url
from ledger.domain.errors import ConflictError, RuleError
from ledger.services import registration
from ledger.services.node import Node
from ledger.services.registration import Registered, Submission
from ledger.services.signing import Person, sign_event

_TRIES: Final = 5


def record(node: Node, evidence: str, event_type: str, body: dict[str, Any]) -> Registered | None:
    """Sign the next event of an item and register it; None where nothing may follow: it is closed, or offered to somebody.

    Raises:
        RuleError, ConflictError: others were first again and again. DeniedError: the keys of the item were destroyed.
    """
    tries = 0
    while True:
        with node.records.read() as unit:
            item, descriptor = unit.item(evidence), node.descriptor(unit)
        if item is None or item.state.closed or item.state.offer is not None or item.state.custodian != node.agency:
            return None
        service = Person(node.keys.service_certificate, node.keys.service, node.keys.hpke, node.log_id, descriptor)
        now = max(node.clock.now(), item.state.time)
        signed = sign_event(service, event_type, body, evidence=evidence, seq=item.state.seq + 1, prev=item.state.head, time=now)
        sent = signed.submission
        submission = Submission(
            from_b64url(sent["statement"], what="statement"), from_b64url(sent["document"], what="document"), tuple(sent["disclosures"])
        )
        try:
            return registration.register(node, [submission], caller=None)[0]
        except (ConflictError, RuleError):  # a person recorded something in between: look again
            tries += 1
            if tries == _TRIES:
                raise
