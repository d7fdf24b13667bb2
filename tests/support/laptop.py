"""A person who works where there is no network, on a folder of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledger.app import enrolling, field_folder, person_keys
from ledger.client import physical_items
from ledger.client.field.offline import FieldNode
from ledger.client.field.offline_queue import Told
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.client.reading import retrieval
from ledger.domain.ports.answers import Recorded, Registered
from tests.support.desk import Desk
from tests.support.people import Colleague


class Laptop:
    """A colleague's folder out in the field."""

    def __init__(self, colleague: Colleague) -> None:
        self.colleague, self.home, self.keyring = colleague, colleague.home, colleague.keyring
        self.clock = colleague.desk.clock
        with colleague.client() as client:
            self.about = client.agency()
        field_folder.prepare_field(self.home, self.about)

    @contextmanager
    def field(self) -> Iterator[FieldNode]:
        with field_folder.open_field(self.home, self.keyring) as node:
            yield node

    def seize(self, what: str, seal: str) -> str:
        with self.field() as node:
            person = person_keys.person_at(self.keyring, self.about)
            body = {"description": what, "seals": [{"number": seal}]}
            return str(physical_items.collect(node, person, self.clock, body, {}).evidence)

    def record(self, evidence: str, event_type: str, body: dict[str, Any]) -> Recorded:
        with self.field() as node:
            return retrieval.record(
                node,
                person_keys.person_at(self.keyring, self.about),
                self.clock,
                evidence,
                event_type,
                body,
            )  # type: ignore[arg-type]

    def upload(self, path: Path) -> str:
        with self.field() as node:
            journal = field_folder.journal_of(self.home, self.keyring)
            run = Upload(
                person_keys.person_at(self.keyring, self.about),
                node,
                journal,
                self.clock,
                UploadOptions(),
            )  # type: ignore[arg-type]
            return next(iter(run.run([path]))).evidence

    def send(self, *, anew: bool = False, through: Any = None) -> list[Registered]:
        with self.field() as node, self.colleague.working() as (client, person):
            return list(
                node.send(through(client) if through else client, person, self.clock, anew=anew)
            )

    def drop(self, number: int, *, force: bool = False) -> list[Told]:
        with self.field() as node:
            return node.drop(
                str(number), person_keys.person_at(self.keyring, self.about), force=force
            )

    def waiting(self) -> list[Told]:
        with self.field() as node:
            return node.waiting()

    def unjudged(self, evidence: str, event_type: str, body: dict[str, Any]) -> None:
        """Queue a statement as a version would that judged nothing; in a journal of that version,
        too.
        """
        from ledger.domain.event.signing import sign_event

        with self.field() as node:
            item = node.item(evidence)
        person = person_keys.person_at(self.keyring, self.about)
        head = bytes.fromhex(item.head)
        signed = sign_event(
            person,
            event_type,
            body,
            evidence=evidence,
            seq=item.events,
            prev=head,
            time=self.clock.now(),
        )
        with self.field() as node:
            node._queue.add([node._queue.next(signed.submission)])

    def renewed(self, *roles: str) -> None:
        self.colleague.desk.client.renew(self.colleague.pseudonym, list(roles))

    def fetch(self) -> None:
        with self.colleague.client() as client:
            enrolling.fetch(self.keyring, client)


def told(desk: Desk, evidence: str) -> list[dict[str, Any]]:
    """Whole documents of an item, as an auditor of the node reads them."""
    from ledger.services.records import documents

    with desk.node.records.read() as unit:
        found = [documents.read_event(desk.node, unit, row) for row in unit.logs.events(evidence)]
    return [one.value for one in found if one is not None]
