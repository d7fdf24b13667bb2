"""Second persons whose keys were stolen: what a thief approved in their name is no second person's
word.
"""

from __future__ import annotations

from collections.abc import Iterator

from ledger.domain.codecs.text import format_time
from ledger.domain.errors import RuleError
from ledger.domain.event.document import Event
from ledger.domain.identity import certificate as certificates
from ledger.rows.logs import EntryRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node
from ledger.services.records import documents
from ledger.services.registration import agency_statements


def require_honest(node: Node, unit: UnitOfWork, event: Event) -> None:
    """Check that whoever is named in an event as having approved, and whoever had asked for that,
    was not revoked as of then, by what is known today.

    It is judged when the event is recorded, and never again: nobody could know it before. A
    suspension without a date in the past takes nothing from what was approved before it.

    Raises:
        RuleError: an approval, or the request that it approves, does not verify any more.
    """
    for row in _named(node, unit, event):
        der = unit.people.certificate(row.certificate)
        certificate = certificates.parse(der) if der is not None else None
        if certificate is None or certificate.agency != node.agency:
            continue  # another agency's people are no second persons here
        serial = certificates.load(certificate.der).serial_number
        since = agency_statements.revoked_since(unit, serial)
        covered = unit.checkpoints.covering(row.log, row.index)
        # As verifiers do: by the time of the block. A time that the signer says is the thief's own.
        proven = covered.time if covered is not None and covered.time else node.clock.now()
        if since is not None and since <= proven:
            raise RuleError(
                f"{row.digest.hex()} was signed with a certificate that is revoked as of "
                f"{format_time(since)}, so it is no second person's word",
                hint="request it anew, and let a colleague approve that",
            )


def _named(node: Node, unit: UnitOfWork, event: Event) -> Iterator[EntryRow]:
    for digest in event.body.get("approvals", []):
        approval = unit.logs.entry_by_digest(bytes.fromhex(digest))
        if approval is None:
            continue  # what it names instead is judged by the item's rules
        yield approval
        told = documents.read_event(node, unit, approval)
        if told is not None and told.type == "approved":
            target = unit.logs.entry_by_digest(bytes.fromhex(told.body["target"]))
            if target is not None:
                yield target
