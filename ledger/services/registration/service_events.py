"""Events that the node signs itself, with its service certificate: what it found out about an item,
and keys that it destroyed.
"""

from __future__ import annotations

from typing import Any, Final

from ledger.domain.codecs.text import from_b64url
from ledger.domain.errors import ConflictError, NotFoundError, RuleError, VerificationError
from ledger.domain.event.signing import Person, Signed, sign_event
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Statement
from ledger.domain.ports.answers import DisposalNote
from ledger.domain.ports.node_and_chain import PartnerApi
from ledger.rows.items import ItemRow
from ledger.services.node.context import Node
from ledger.services.registration import registration
from ledger.services.registration.registration import Registered, Submission

_TRIES: Final = 5


def record(node: Node, evidence: str, event_type: str, body: dict[str, Any]) -> Registered | None:
    """Sign the next event of an item and register it; None where nothing may follow: it is closed,
    or offered to somebody.

    Raises:
        RuleError, ConflictError: others were first again and again. DeniedError: the keys of the
            item were destroyed.
    """
    item = _item(node, evidence)
    if (
        item is None
        or item.state.closed
        or item.state.offer is not None
        or item.state.custodian != node.agency
    ):
        return None
    return _register(node, evidence, event_type, body)


def confirm(node: Node, evidence: str, event_type: str, body: dict[str, Any]) -> Registered:
    """As record, for an item of ours that is closed.

    Raises:
        NotFoundError: no such item.
    """
    return _register(node, evidence, event_type, body)


def submit(
    node: Node,
    api: PartnerApi,
    agency: str,
    told: DisposalNote,
    event_type: str,
    body: dict[str, Any],
) -> None:
    """Sign an event about an item in another agency's custody, and register it in their log.

    Args:
        agency: whose node it is. told: the disposal of the item, with where its record stands
            there.

    Raises:
        VerificationError, FormatError: it answers without a receipt that their log signed for the
            event, which may be in it or not.
    """
    place = (
        told.evidence,
        told.events,
        bytes.fromhex(told.head),
        max(node.clock.now(), told.time),
    )
    sent = _sign(node, bytes.fromhex(told.log), event_type, body, *place).submission
    answers = api.register([sent])
    statement = statements.parse(from_b64url(sent["statement"], what="statement"))
    _require_receipt(node, agency, statement, [one.receipt for one in answers])


def _require_receipt(node: Node, agency: str, sent: Statement, given: list[str]) -> None:
    """Check that another agency's log signed one receipt for a statement: with it, that they keep
    it back can be shown. Without it, their word would end our asking.
    """
    with node.records.read() as unit:
        versions = unit.partners.descriptors(agency)
    keys = {descriptors.parse(row.document).log_key for row in versions}
    by_id = {receipts.key_id(key): key for key in keys}
    found = [receipts.parse(from_b64url(one, what="receipt")) for one in given]
    if len(found) != 1 or found[0].key_id not in by_id:
        raise VerificationError(
            5,
            f"{agency} answers without a receipt of its log for what was sent",
            hint="it is asked for again; ask that agency, if it stays so",
        )
    receipts.verify(
        found[0],
        leaf=sent.digest,
        log_id=sent.claims.log_id,
        subject=sent.claims.subject,
        key=by_id[found[0].key_id],
    )


def _item(node: Node, evidence: str) -> ItemRow | None:
    with node.records.read() as unit:
        return unit.items.get(evidence)


def _register(node: Node, evidence: str, event_type: str, body: dict[str, Any]) -> Registered:
    tries = 0
    while True:
        item = _item(node, evidence)
        if item is None:
            raise NotFoundError("no such item")
        now = max(node.clock.now(), item.state.time)
        sent = _sign(
            node, node.log_id, event_type, body, evidence, item.state.seq + 1, item.state.head, now
        ).submission
        submission = Submission(
            from_b64url(sent["statement"], what="statement"),
            from_b64url(sent["document"], what="document"),
            tuple(sent["disclosures"]),
        )
        try:
            return registration.register(node, [submission], caller=None)[0]
        except (ConflictError, RuleError):  # a person recorded something in between: look again
            tries += 1
            if tries == _TRIES:
                raise


def _sign(
    node: Node,
    log: bytes,
    event_type: str,
    body: dict[str, Any],
    evidence: str,
    seq: int,
    prev: bytes,
    time: int,
) -> Signed:
    with node.records.read() as unit:
        descriptor, hpke = node.descriptor(unit), node.hpke_key(unit)
    service = Person(node.keys.service_certificate, node.keys.service, hpke, log, descriptor)
    return sign_event(service, event_type, body, evidence=evidence, seq=seq, prev=prev, time=time)
