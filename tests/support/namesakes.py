"""Somebody of another agency under a pseudonym that it chose: that of one of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from ledger.adapters.node.client import NodeClient
from ledger.app.person_keys import person_at
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.event.signing import Person
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import enrolment
from ledger.domain.identity.names import log_urn
from ledger.domain.identity.person import PersonId
from ledger.services.people import membership
from tests.support.desk import Desk


class Namesake:
    """Somebody whom an agency certifies under a pseudonym of its choice, with keys of their own."""

    def __init__(
        self, home: Desk, host: Desk, pseudonym: str, *roles: str, service: bool = False
    ) -> None:
        self.host, self.key, self.hpke = (
            host,
            ec.generate_private_key(ec.SECP256R1()),
            HpkePrivateKey.generate(),
        )
        authority, now = home.node.keys.authority, home.clock.now()
        names: dict[str, Any] = {
            "agency": home.node.agency,
            "pseudonym": pseudonym,
            "roles": list(roles),
            "service": service,
        }
        self.der = authority.issue(self.key.public_key(), now=now, **names)
        self.certificate = certificates.parse(self.der)
        self.reference = f"{pseudonym}@{home.node.agency}"

    def admit(self) -> PersonId:
        return membership.admit(self.host.node, self.der, self.request())

    def request(self) -> bytes:
        return enrolment.sign(
            self.key, server=log_urn(self.host.node.log_id), hpke=self.hpke.public
        )

    @contextmanager
    def working(self) -> Iterator[tuple[NodeClient, Person]]:
        with NodeClient(
            "http://home", transport=self.host.transport, signer=lambda: (self.key, self.der)
        ) as client:
            known = person_at(self.host.home.keyring, client.agency())
            yield (
                client,
                replace(
                    known, certificate=self.certificate, key=self.key, hpke=self.hpke, custody=None
                ),
            )
