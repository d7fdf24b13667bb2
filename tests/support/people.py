"""People who join an agency in a test: each with a folder of their own, talking to a desk's node in
this process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from ledger.adapters.keystore.file import FileKeyring
from ledger.adapters.node.client import NodeClient
from ledger.app import enrolling
from ledger.app.field_folder import journal_of
from ledger.app.person_keys import person_at
from ledger.app.settings import KEYRING
from ledger.client.intake.upload import Upload, UploadOptions, UploadResult
from ledger.client.reading import retrieval
from ledger.domain.event.signing import Person
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity.person import PersonId
from ledger.domain.ports.answers import Recorded
from tests.support.desk import BASIS, PASSPHRASE, Desk


@dataclass
class Colleague:
    """A person with a folder of their own, who talks to the desk's node."""

    desk: Desk
    home: Path
    keyring: FileKeyring
    given: enrolling.Invitation

    @contextmanager
    def client(self) -> Iterator[NodeClient]:
        signer = lambda: (  # noqa: E731
            self.keyring.signing_key("person"),
            self.keyring.get("person-certificate"),
        )
        with NodeClient("http://home", transport=self.desk.transport, signer=signer) as client:
            yield client

    def enrol(self) -> enrolling.Enrolled:
        with self.client() as client:
            return enrolling.enrol(self.keyring, self.given, client)

    def upload(self, path: Path) -> UploadResult:
        with self.client() as client:
            person = person_at(self.keyring, client.agency())
            run = Upload(
                person,
                client,
                journal_of(self.home, self.keyring),
                self.desk.clock,
                UploadOptions(again=True),
            )
            return next(iter(run.run([path])))

    @contextmanager
    def working(self) -> Iterator[tuple[NodeClient, Person]]:
        with self.client() as client:
            yield client, person_at(self.keyring, client.agency())

    def record(
        self,
        evidence: str,
        event_type: str,
        body: dict[str, Any],
        members: dict[str, Any] | None = None,
    ) -> Recorded:
        with self.working() as (client, person):
            return retrieval.record(
                client, person, self.desk.clock, evidence, event_type, body, members
            )

    def get(self, evidence: str) -> bytes:
        out = BytesIO()
        with self.working() as (client, person):
            access = retrieval.record_access(
                client, person, self.desk.clock, evidence, mode="copy", basis=BASIS
            )
            retrieval.fetch(client, person, evidence, access, out)
        return out.getvalue()

    @property
    def id(self) -> PersonId:
        return certificates.parse(self.keyring.get("person-certificate")).subject

    @property
    def pseudonym(self) -> str:
        return self.id.pseudonym


def invited(desk: Desk, folder: Path, *roles: str, number: str = "4712") -> Colleague:
    given = enrolling.invitation(
        desk.client, server="http://home", number=number, roles=list(roles or ("officer",))
    )
    enrolling.make_keys(folder, given, PASSPHRASE)
    return Colleague(desk, folder, FileKeyring.open(folder / KEYRING, PASSPHRASE), given)


def reference(desk: Desk) -> str:
    [found] = [person.reference for person in desk.client.people() if person.state == "requested"]
    return str(found)


def joined(desk: Desk, folder: Path, *roles: str, number: str = "4712") -> Colleague:
    colleague = invited(desk, folder, *roles, number=number)
    colleague.enrol()
    desk.client.approve(reference(desk))
    assert colleague.enrol().certificate is not None
    return colleague
