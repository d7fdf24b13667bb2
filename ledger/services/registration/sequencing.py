"""What one sequenced statement changes in the database.

Written at registration, and written again by an audit into an empty database: whatever stands in
these tables follows from the statements, their documents, and what the contract decided.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from ledger.domain.blocks import dag
from ledger.domain.crypto import content_encryption
from ledger.domain.crypto.content_encryption import Content
from ledger.domain.event.document import Event
from ledger.domain.identity.certificate import Certificate
from ledger.domain.item import custody_transitions
from ledger.domain.log.statement import Statement
from ledger.rows.handovers import DisclosedCopyRow, ErasureRow
from ledger.rows.items import PLACES, ItemRow
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.onchain import transfer_steps
from ledger.services.records import foreign_history, item_tokens, record_keys
from ledger.services.registration import keys_with_events
from ledger.services.storage import placement


class Sequenced(Protocol):
    """A statement of our log; ``event`` is None where its document was destroyed, ``content`` where
    it opens none.
    """

    @property
    def statement(self) -> Statement: ...
    @property
    def certificate(self) -> Certificate: ...
    @property
    def event(self) -> Event | None: ...
    @property
    def content(self) -> Content | None: ...


def item_after(node: Node, sequenced: Sequenced, before: ItemRow | None) -> ItemRow:
    """The item's row after a statement. ``write`` fills in where it stands in the log and in lists.

    Raises:
        RuleError: the statement may not follow.
    """
    claims, event = sequenced.statement.claims, sequenced.event
    state = custody_transitions.advance(
        before.state if before is not None else None,
        claims,
        sequenced.statement.digest,
        log_agency=node.agency,
        event=event,
    )
    if before is None:
        cid = None if sequenced.content is None else dag.root_of(sequenced.content)
        return ItemRow.of(
            state,
            cid,
            sequenced.certificate.subject,
            0,
            node.log_id,
            0,
            sequenced.certificate.subject,
        )
    if transfer_steps.answers(before.state, claims):  # the contract decides on its effect
        return before
    return replace(
        before.at(state),
        holder=sequenced.certificate.subject if claims.effect == "accept" else before.holder,
    )


def write(
    node: Node,
    unit: UnitOfWork,
    sequenced: Sequenced,
    row: EntryRow,
    item: ItemRow,
    key: bytes | None,
) -> ItemRow:
    """Write everything that follows from a statement which stands in the log.

    Args:
        item: as item_after gave it. key: the item's record key; None where it was destroyed, after
            which nothing but the log tells of the item.

    Returns:
        the item's row as it was written.
    """
    event, evidence = sequenced.event, row.evidence
    unit.people.put_certificate(sequenced.certificate.digest, sequenced.certificate.der)
    if event is not None and key is not None:
        keep_document(node, unit, event, evidence, key)
    for link in foreign_history.links_of(event) if event is not None else ():
        unit.copies.put_link(link)
    opened = row.index * PLACES if row.effect == "open" else item.opened
    after = replace(item, opened=opened, latest_log=row.log, latest_index=row.index)
    unit.items.put(after)
    transfer_steps.record(node, unit, sequenced.statement, event, item.state)
    if event is not None:
        keys_with_events.note_share(node, unit, event, evidence, row.digest)
    if event is not None and event.type == "disposed":
        unit.erasures.put(
            ErasureRow(evidence, row.digest, node.agency, "due", backups=node.backups_until())
        )
    _confirm(node, unit, sequenced, row)
    if event is not None and event.type == "disclosed" and event.body["mode"] in placement.COPIES:
        # By the statement's own time: an audit that writes this row again has no other.
        until = row.time + placement.OPENING
        unit.replicas.put_window(evidence, until)
        agency = event.body.get("to", {}).get("agency", node.agency)
        if agency != node.agency:
            unit.copies.put(DisclosedCopyRow(row.digest, evidence, agency, until))
    return after


def _confirm(node: Node, unit: UnitOfWork, sequenced: Sequenced, row: EntryRow) -> None:
    """Our node signed that the keys of an item of ours are destroyed, which ends its disposal:
    behind a closing it signs nothing else.
    """
    signer, erasure = sequenced.certificate, unit.erasures.get(row.evidence)
    ours = signer.kind == "service" and signer.agency == node.agency
    if (
        ours
        and erasure is not None
        and (erasure.custodian, erasure.state)
        == (
            node.agency,
            "dropped",
        )
    ):
        unit.erasures.put(replace(erasure, state="done"))


def keep_document(node: Node, unit: UnitOfWork, event: Event, evidence: str, key: bytes) -> None:
    """Keep a document sealed, with what it is found by. Sealing the same under the same key gives
    the same bytes.
    """
    unit.documents.put(event.digest, evidence, content_encryption.seal_document(key, event.raw))
    for position, disclosure in enumerate(event.disclosures):
        unit.documents.put_disclosure(
            disclosure.digest,
            event.digest,
            position,
            content_encryption.seal_disclosure(key, disclosure.encoded),
        )
    if event.type in item_tokens.RENUMBERING:
        item_tokens.index(node, unit, evidence, key)
        return
    for token in record_keys.tokens(node, event):
        unit.items.put_token(token, evidence)
