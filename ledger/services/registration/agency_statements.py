"""Statements of the agency about itself: log opened, descriptor published, revocation list
published.

Signed by the node's service certificate, subject the agency URN, public documents, a seq and prev
chain of their own.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import b64url, format_time
from ledger.domain.crypto import content_encryption
from ledger.domain.errors import AlteredError, KeyringError
from ledger.domain.event import document as documents
from ledger.domain.event import signers
from ledger.domain.event.document import Event
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.certificate import Certificate
from ledger.domain.identity.names import agency_urn
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Claims
from ledger.rows.agencies import CrlRow
from ledger.rows.logs import EntryRow, LogRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.log import merkle_log
from ledger.services.log.merkle_log import entry_row
from ledger.services.node.context import Node

_AHEAD: Final = 60


def publish(node: Node, unit: UnitOfWork, event_type: str, body: dict[str, Any]) -> EntryRow:
    """Sign, check and append an agency statement."""
    service = node.keys.service_certificate
    signers.require_role(event_type, "service", service.roles, guest=False)
    subject = agency_urn(node.agency)
    earlier = unit.logs.events(subject)
    previous = earlier[-1] if earlier else None
    # The chain's order must hold even where the clock was set back.
    time = max(node.clock.now(), previous.time if previous is not None else 0)
    document = strict_json.dump(
        {
            "v": documents.VERSION,
            "type": event_type,
            "evidence": subject,
            "seq": len(earlier),
            "prev": previous.digest.hex() if previous is not None else None,
            "actor": {
                "id": service.pseudonym,
                "agency": node.agency,
                "kind": "service",
                "role": "service",
            },
            "time": format_time(time),
            "salt": b64url(content_encryption.new_salt(32)),
            "body": body,
        }
    )
    event = documents.parse(document)
    documents.require_complete(event)
    digest = previous.digest if previous is not None else None
    claims = Claims(node.agency, subject, node.log_id, time, len(earlier), digest, "agency")
    documents.check_claims(event, claims)
    statement = statements.sign(
        node.keys.service, claims, event.digest, service.digest, service.der
    )
    write(unit, service, event)
    return merkle_log.append(unit, node.log_id, [entry_row(node.log_id, statement)])[0]


def write(unit: UnitOfWork, service: Certificate, event: Event) -> None:
    """Write what follows from an agency statement besides its entry: its documents are public."""
    unit.people.put_certificate(service.digest, service.der)
    unit.documents.put(event.digest, event.value["evidence"], event.raw)


def open_log(node: Node, unit: UnitOfWork, *, number: int, policy: str, anchors: list[str]) -> None:
    """Leaf 0 of a new log: registration policy and trust anchors."""
    unit.logs.put(LogRow(node.log_id, node.agency, number, 0, ""))
    publish(node, unit, "log-opened", {"policy": policy, "trustAnchors": anchors})


def publish_crl(
    node: Node, unit: UnitOfWork, revoked: list[tuple[int, int]] | None = None, *, time: int = 0
) -> CrlRow:
    """Issue a revocation list, with new (serial, time) entries, and log its digest.

    Args:
        time: the list speaks for this moment where the node's clock is not there yet.

    Raises:
        KeyringError: the CA key is not at hand here. AlteredError: the newest list in the database
            is another one than the log announced: what is on it would be signed anew.
    """
    if node.keys.authority is None:
        raise KeyringError(
            "the CA key is not at hand on this node", hint="issue a revocation list where the CA is"
        )
    previous, clock = newest_list(node, unit), node.clock.now()
    # A list that was asked for by a block time speaks for a moment that is yet to come: one that
    # follows it sooner is not older, or partners would refuse it, and everybody of this agency.
    now = max(clock, time, unit.authority.last_issued(clock + _AHEAD))
    number = previous.number + 1 if previous is not None else 1
    der = node.keys.authority.issue_crl(
        previous.der if previous else None, revoked or [], number=number, now=now
    )
    row = crl_row(der)
    unit.authority.put_crl(row)
    body = {
        "number": number,
        "digest": digest_of(der),
        "issued": format_time(row.issued),
        "revoked": len(revocation_lists.load_crl(der)),
    }
    publish(node, unit, "crl-published", body)
    return row


def newest_list(node: Node, unit: UnitOfWork) -> CrlRow | None:
    """The newest revocation list of ours, as the log announced it; None where there is none yet.

    Raises:
        AlteredError: the database has another one.
    """
    newest, announced = unit.authority.newest_crl(), _announced(node, unit)
    found = digest_of(newest.der) if newest is not None else None
    if announced != found:
        raise AlteredError(
            f"the newest revocation list in the database: expected the one that the log announced, "
            f"{(announced or 'none')[:16]}, found {(found or 'none')[:16]}",
            hint="the database was altered: custody doctor says where; restore a backup",
        )
    return newest


def _announced(node: Node, unit: UnitOfWork) -> str | None:
    """The digest of the newest revocation list that the log announced; None where it did none."""
    for row in reversed(unit.logs.events(agency_urn(node.agency))):
        raw = unit.documents.get(row.payload)
        if raw is None or sha256(raw).digest() != row.payload:
            continue
        event = documents.parse(raw)
        if event.type == "crl-published":
            return str(event.body["digest"])
    return None


def crl_row(der: bytes) -> CrlRow:
    """The row of a revocation list, which says its number and when it was issued.

    Raises:
        FormatError: it is none.
    """
    return CrlRow(revocation_lists.crl_number(der), der, revocation_lists.crl_issued(der))


def digest_of(der: bytes) -> str:
    """SHA-256 of a revocation list, as its announcement has it."""
    return sha256(der).hexdigest()


def revoked_since(unit: UnitOfWork, serial: int) -> int | None:
    """When the newest list has a certificate of ours revoked; None where it does not."""
    newest = unit.authority.newest_crl()
    entry = (
        revocation_lists.load_crl(newest.der).get_revoked_certificate_by_serial_number(serial)
        if newest is not None
        else None
    )
    return int(entry.revocation_date_utc.timestamp()) if entry is not None else None


def fresh_crl(node: Node, unit: UnitOfWork, time: int) -> CrlRow | None:
    """The newest list, issued now if the newest is older than ``time`` and the CA is at hand."""
    newest = unit.authority.newest_crl()
    if newest is not None and newest.issued >= time:
        return newest
    # Block times run ahead of ours by seconds; a list that speaks for a time far ahead would be a
    # false statement.
    if node.keys.authority is None or time - node.clock.now() > _AHEAD:
        return newest
    return publish_crl(node, unit, time=time)
