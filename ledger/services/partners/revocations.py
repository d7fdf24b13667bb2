"""Since when a certificate of ours or of a partner is revoked, by what is known here."""

from __future__ import annotations

from ledger.domain.errors import CustodyError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.identity.certificate import Certificate
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node


def revoked_since(node: Node, unit: UnitOfWork, certificate: Certificate) -> int | None:
    """The date of a revocation. A list speaks for certificates of the CA that signed it alone.

    Returns:
        seconds since 1970; None where no list that is known here has the certificate, or its agency
        is not known here.
    """
    if certificate.agency == node.agency:
        newest = unit.authority.newest_crl()
        crl = newest.der if newest is not None else b""
    else:
        row = unit.partners.get(certificate.agency)
        crl = row.crl if row is not None else b""
    serial = certificates.load(certificate.der).serial_number
    listed = revocation_lists.load_crl(crl) if crl else None
    entry = listed.get_revoked_certificate_by_serial_number(serial) if listed else None
    if entry is None:
        return None
    own = certificate.agency == node.agency
    rows = unit.authority.descriptors() if own else unit.partners.descriptors(certificate.agency)
    documents = [row.document for row in rows]
    authorities = [der for document in documents for der in descriptors.parse(document).authorities]
    try:
        issuer = certificates.verify_issued(certificate, authorities, certificate.not_before)
        revocation_lists.require_signed_list(crl, [issuer])
    except CustodyError:
        return None
    return int(entry.revocation_date_utc.timestamp())
