"""People who act through the API in this process, enrolled in a moment: for tests that ask who may
do what.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cli.node import session
from ledger.adapters.node.client import NodeClient
from ledger.client.reading import retrieval
from ledger.domain.crypto import content_encryption
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.event.signing import Person, seal_keys, sign_event
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.person import PersonId
from ledger.domain.ports.answers import Recorded
from ledger.rows.people import PersonRow
from ledger.services.node.certificate_authority import new_pseudonym
from ledger.services.people import admission
from tests.support import proofs
from tests.support.desk import Desk


@dataclass
class Actor:
    """A person at a desk's node, with a client and raw requests of their own."""

    desk: Desk
    person: Person
    client: NodeClient
    http: httpx.Client

    @property
    def id(self) -> PersonId:
        return self.person.certificate.subject

    @property
    def pseudonym(self) -> str:
        return self.id.pseudonym

    def raw(self, method: str, path: str, **options: Any) -> tuple[int, bytes]:
        """An answer, byte for byte."""
        headers = {
            "Authorization": proofs.remember_session(self.client),
            "Range": "bytes=0-1",
            "Custody-Access": "0" * 64,
        }
        answer = self.http.request(method, path, headers=headers, **options)
        return answer.status_code, answer.content

    def sign(
        self, event_type: str, body: dict[str, Any], evidence: str, **options: Any
    ) -> dict[str, Any]:
        """A statement about an item, ready to be sent; by default as the next one of an item that
        exists.
        """
        if "seq" not in options:
            state = item_of(self.desk, evidence)
            options |= {"seq": state.seq + 1, "prev": state.head}
        return sign_event(
            self.person, event_type, body, evidence=evidence, time=self.desk.clock.now(), **options
        ).submission

    def submit(self, *submissions: dict[str, Any]) -> tuple[int, bytes]:
        """Send statements; the answer, byte for byte."""
        return self.raw("POST", "/v1/statements", json={"statements": list(submissions)})

    def record(
        self,
        evidence: str,
        event_type: str,
        body: dict[str, Any],
        members: dict[str, Any] | None = None,
    ) -> Recorded:
        return retrieval.record(
            self.client, self.person, self.desk.clock, evidence, event_type, body, members
        )

    def opening(
        self, event_type: str, body: dict[str, Any], evidence: str, **options: Any
    ) -> dict[str, Any]:
        """A statement that opens an item without content."""
        sealed = seal_keys(
            self.person,
            evidence,
            record_key=content_encryption.new_key(),
            content_key=None,
            commitment=None,
        )
        return self.sign(
            event_type, body, evidence, seq=0, prev=None, sealed_keys=sealed, **options
        )


def item_of(desk: Desk, evidence: str) -> Any:
    """Where an item stands, as the node knows it."""
    with desk.node.records.read() as unit:
        item = unit.items.get(evidence)
    assert item is not None
    return item.state


def enrolled(desk: Desk, *roles: str, number: str = "") -> Actor:
    """Somebody of the agency, as an approval of their enrolment would leave them."""
    key, hpke, pseudonym = (
        ec.generate_private_key(ec.SECP256R1()),
        HpkePrivateKey.generate(),
        new_pseudonym(),
    )
    der = desk.node.keys.authority.issue(
        key.public_key(),
        agency=desk.node.agency,
        pseudonym=pseudonym,
        roles=list(roles),
        service=False,
        now=desk.clock.now(),
    )
    certificate = certificates.parse(der)
    sealed = admission.seal_number(
        desk.node.keys.people, number or f"of {pseudonym}", pseudonym.encode()
    )
    with desk.node.records.write() as unit:
        unit.people.put_certificate(certificate.digest, der)
        stored = hpke.public.kem.encode() + b"\x00" + hpke.public.key
        unit.people.put(
            PersonRow(certificate.subject, certificate.digest, stored, sealed, active=True)
        )
    client = NodeClient("http://home", transport=desk.transport, signer=lambda: (key, der))
    person = Person(certificate, key, hpke, desk.node.log_id, desk.person.descriptor)
    return Actor(desk, person, client, proofs.client(desk.transport))


def commands_of(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the commands of this process are the actor's."""

    @contextmanager
    def opened(**_: Any) -> Iterator[Any]:
        yield SimpleNamespace(
            node=actor.client,
            person=actor.person,
            clock=actor.desk.clock,
            served=True,
            home=None,
            used_case="",
        )

    monkeypatch.setattr(session, "open_session", opened)
