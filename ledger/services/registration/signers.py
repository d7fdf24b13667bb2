"""Those who signed a batch of statements, as callers."""

from __future__ import annotations

from ledger.domain.identity.certificate import Certificate
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.access import authorization
from ledger.services.access.authorization import Caller
from ledger.services.node.context import Node


class Signers:
    """Those who signed a batch, each looked up once."""

    def __init__(self, node: Node, unit: UnitOfWork) -> None:
        self._node, self._unit = node, unit
        self._known: dict[bytes, Caller] = {}

    def of(self, certificate: Certificate) -> Caller:
        """Whoever signed with a certificate."""
        if certificate.digest not in self._known:
            self._known[certificate.digest] = authorization.signer(
                self._node, self._unit, certificate
            )
        return self._known[certificate.digest]
