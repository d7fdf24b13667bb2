"""Work without network: a refusal, or a certificate that was renewed meanwhile, never strands what
else waits.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.journal import FileJournal
from ledger.app import bootstrap, enrolling
from ledger.client import physical_items, retrieval
from ledger.client.offline import FieldNode
from ledger.client.upload import Options, Upload
from ledger.domain.errors import DeniedError, NetworkError, NotFoundError, RuleError, UsageError
from ledger.domain.ipld import cid as cids
from ledger.domain.verify.procedure import verify
from ledger.domain.verify.report import Verdict
from tests.support.desk import Desk
from tests.support.people import Colleague, joined


class Laptop:
    """A colleague's folder out in the field."""

    def __init__(self, colleague: Colleague) -> None:
        self.colleague, self.home, self.keyring = colleague, colleague.home, colleague.keyring
        self.clock = colleague.desk.clock
        with colleague.client() as client:
            self.about = client.agency()
        bootstrap.prepare_field(self.home, self.about)

    @contextmanager
    def field(self) -> Iterator[FieldNode]:
        with bootstrap.open_field(self.home, self.keyring) as node:
            yield node

    def seize(self, what: str, seal: str) -> str:
        with self.field() as node:
            person = bootstrap.person_at(self.keyring, self.about)
            body = {"description": what, "seals": [{"number": seal}]}
            return str(physical_items.collect(node, person, self.clock, body, {})["evidence"])

    def record(self, evidence: str, event_type: str, body: dict[str, Any]) -> dict[str, Any]:
        with self.field() as node:
            return retrieval.record(
                node,
                bootstrap.person_at(self.keyring, self.about),
                self.clock,
                evidence,
                event_type,
                body,
            )  # type: ignore[arg-type]

    def upload(self, path: Path) -> str:
        with self.field() as node:
            journal = bootstrap.journal_of(self.home, self.keyring)
            run = Upload(
                bootstrap.person_at(self.keyring, self.about), node, journal, self.clock, Options()
            )  # type: ignore[arg-type]
            return next(iter(run.run([path]))).evidence

    def send(self, *, anew: bool = False, through: Any = None) -> list[dict[str, Any]]:
        with self.field() as node, self.colleague.working() as (client, person):
            return list(
                node.send(through(client) if through else client, person, self.clock, anew=anew)
            )

    def drop(self, number: int, *, force: bool = False) -> list[dict[str, Any]]:
        with self.field() as node:
            return node.drop(
                str(number), bootstrap.person_at(self.keyring, self.about), force=force
            )

    def waiting(self) -> list[dict[str, Any]]:
        with self.field() as node:
            return node.waiting()

    def unjudged(self, evidence: str, event_type: str, body: dict[str, Any]) -> None:
        """Queue a statement as a version would that judged nothing; in a journal of that version,
        too.
        """
        from ledger.domain.event.signing import sign_event

        with self.field() as node:
            item = node.item(evidence)
        person = bootstrap.person_at(self.keyring, self.about)
        head = bytes.fromhex(item["head"])
        signed = sign_event(
            person,
            event_type,
            body,
            evidence=evidence,
            seq=item["events"],
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


@pytest.fixture
def laptop(office: Desk, tmp_path: Path) -> Laptop:
    return Laptop(joined(office, tmp_path / "mine", "officer"))


def told(desk: Desk, evidence: str) -> list[dict[str, Any]]:
    """Whole documents of an item, as an auditor of the node reads them."""
    from ledger.services.records import documents

    with desk.node.records.read() as unit:
        found = [documents.read_event(desk.node, unit, row) for row in unit.events(evidence)]
    return [one.value for one in found if one is not None]


class Cut:
    """A network that takes the node's answers to registrations away, after so many."""

    def __init__(self, client: Any, after: int) -> None:
        self._client, self._left = client, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def register(self, submissions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        answers: list[dict[str, Any]] = self._client.register(submissions)
        if self._left == 0:
            raise NetworkError("cut")
        self._left -= 1
        return answers


def test_one_refused_statement_keeps_back_only_what_depends_on_it(
    laptop: Laptop, office: Desk, tmp_path: Path
) -> None:
    phone = laptop.seize("phone", "S-1")
    laptop.unjudged(phone, "unsealed", {"number": "S-9", "condition": "whole"})
    laptop.unjudged(phone, "note", {"text": "screen cracked"})
    (tmp_path / "e.txt").write_bytes(b"proof")
    file = laptop.upload(tmp_path / "e.txt")
    gun = laptop.seize("gun", "S-2")
    assert {one["evidence"] for one in laptop.send()} == {phone, file, gun}
    refused, behind = laptop.waiting()
    assert (refused["number"], refused["type"], refused["evidence"]) == (2, "unsealed", phone)
    assert "no seal with that number" in refused["why"]
    assert "custody field drop 2" in refused["hint"]
    assert (behind["number"], behind["behind"]) == (3, 2)
    assert [one["type"] for one in told(office, phone)] == ["collected"]
    assert laptop.send() == []  # refused once more, and nothing else with it
    with pytest.raises(UsageError, match="only waits"):
        laptop.drop(laptop.record(laptop.seize("knife", "S-3"), "note", {"text": "wet"})["index"])
    assert [one["number"] for one in laptop.drop(2)] == [2]
    assert len(laptop.send()) == 3
    assert [one["type"] for one in told(office, phone)] == ["collected", "note"]
    assert laptop.waiting() == []
    assert laptop.colleague.get(file) == b"proof"


def test_an_item_named_by_others_holds_them_back_when_its_opening_is_refused(
    laptop: Laptop, office: Desk, tmp_path: Path
) -> None:
    from ledger.domain.event.signing import seal_keys, sign_event

    (tmp_path / "e.txt").write_bytes(b"only copy")
    file = laptop.upload(tmp_path / "e.txt")
    laptop.record(file, "note", {"text": "more"})
    with laptop.field() as node:  # a copy for another log is refused by this one
        person = bootstrap.person_at(laptop.keyring, laptop.about)
        rows = list(node._queue)
        value = rows[0].event.value
        from dataclasses import replace

        wrong = replace(person, log_id=bytes(32))
        signed = sign_event(
            wrong,
            "acquired",
            value["body"],
            evidence=file,
            seq=0,
            prev=None,
            time=laptop.clock.now(),
        )
        signed.submission["grants"] = rows[0].submission["grants"]
        node._queue.change(rows[0], submission=signed.submission)
        node._queue.keep()
    del seal_keys
    gun = laptop.seize("gun", "S-2")
    assert [one["evidence"] for one in laptop.send()] == [gun]
    first, second = laptop.waiting()
    assert "another log" in first["why"]
    assert second["behind"] == first["number"]
    with pytest.raises(UsageError, match="only sealed copy"):
        laptop.drop(first["number"])
    assert len(laptop.waiting()) == 2
    assert len(laptop.send(anew=True)) == 2  # its content was never lost
    assert laptop.colleague.get(file) == b"only copy"


def test_an_upload_that_is_given_up_by_force_takes_its_ciphertext_along(
    laptop: Laptop, tmp_path: Path
) -> None:
    (tmp_path / "e.txt").write_bytes(b"only copy")
    laptop.upload(tmp_path / "e.txt")
    laptop.renewed(
        "examiner"
    )  # a role that records no acquisition any more: whatever the node says, it stays
    laptop.fetch()
    with laptop.field() as node:
        one = next(iter(node._queue))
        node._queue.change(one, why="refused")
        node._queue.keep()
        assert node.status()["storedBytes"] > 0
    assert [one["number"] for one in laptop.drop(1, force=True)] == [1]
    with laptop.field() as node:
        assert (len(node), node.status()["storedBytes"]) == (0, 0)


def test_a_certificate_renewed_while_work_waits_is_signed_anew_and_verifies(
    laptop: Laptop, office: Desk, tmp_path: Path
) -> None:
    phone = laptop.seize("phone", "S-1")
    noted = laptop.record(phone, "note", {"text": "typo"})
    laptop.record(
        phone,
        "corrected",
        {
            "target": noted["statement"],
            "pointer": "/body/text",
            "new": "fine",
            "reason": "typing error",
        },
    )
    (tmp_path / "e.txt").write_bytes(b"proof")
    file = laptop.upload(tmp_path / "e.txt")
    with laptop.field() as node:
        times = [one.event.value["time"] for one in node._queue]
    laptop.renewed()
    laptop.fetch()
    later = laptop.record(phone, "note", {"text": "signed under the new one"})
    assert later["state"] == "queued"
    assert len(laptop.send()) == 5
    assert laptop.waiting() == []
    events = told(office, phone)
    assert [one["type"] for one in events] == ["collected", "note", "corrected", "note"]
    assert [one["occurred"]["from"] for one in events[:3]] == times[:3]
    assert all("anew" in one["late"] for one in events[:3])
    with office.node.records.read() as unit:
        assert events[2]["body"]["target"] == list(unit.events(phone))[1].digest.hex()
    assert laptop.colleague.get(file) == b"proof"
    office.anchor()
    [report] = [verify(office.bundle(phone), office.trust())]
    assert report.verdict is Verdict.VERIFIED


def test_before_the_certificate_is_fetched_nothing_is_lost(laptop: Laptop, office: Desk) -> None:
    phone = laptop.seize("phone", "S-1")
    laptop.renewed()
    with suppress(DeniedError, NetworkError):
        assert laptop.send() == []
    laptop.fetch()
    assert [one["evidence"] for one in laptop.send()] == [phone]
    assert len(told(office, phone)) == 1


def test_a_repeat_is_one_although_the_certificate_was_renewed_after_the_answer_was_lost(
    laptop: Laptop, office: Desk
) -> None:
    phone = laptop.seize("phone", "S-1")
    laptop.record(phone, "note", {"text": "cracked"})
    with pytest.raises(NetworkError):
        laptop.send(through=lambda client: Cut(client, 0))
    assert len(laptop.waiting()) == 2
    laptop.renewed()
    laptop.fetch()
    assert [one["repeated"] for one in laptop.send()] == [True, True]
    assert [one["type"] for one in told(office, phone)] == ["collected", "note"]


def test_what_was_signed_anew_is_signed_once_although_the_answer_is_lost(
    laptop: Laptop, office: Desk
) -> None:
    phone = laptop.seize("phone", "S-1")
    laptop.renewed()
    laptop.fetch()
    with pytest.raises(NetworkError):
        laptop.send(through=lambda client: Cut(client, 0))
    laptop.renewed()
    laptop.fetch()
    assert [one["repeated"] for one in laptop.send()] == [True]
    assert len(told(office, phone)) == 1


def test_a_stranger_gets_no_receipt_for_a_statement_that_is_not_theirs(
    laptop: Laptop, office: Desk, tmp_path: Path
) -> None:
    phone = laptop.seize("phone", "S-1")
    with laptop.field() as node:
        [submission] = [one.submission for one in node._queue]
    laptop.send()
    laptop.renewed()
    laptop.fetch()
    other = joined(office, tmp_path / "other", "officer", number="4713")
    with other.client() as client, pytest.raises(DeniedError, match="their own"):
        client.register([submission])
    fresh = laptop.seize("gun", "S-2")
    assert fresh != phone
    laptop.renewed()  # a new statement under the old one is still refused
    with laptop.field() as node:
        [new] = [one.submission for one in node._queue]
    laptop.fetch()
    with laptop.colleague.client() as client:
        assert client.register([submission])[0]["repeated"]
        with pytest.raises(Exception, match="revoked"):
            client.register([new])


def test_what_the_node_would_refuse_of_an_item_begun_here_is_refused_before_it_is_queued(
    laptop: Laptop,
) -> None:
    phone = laptop.seize("phone", "S-1")
    with pytest.raises(RuleError, match="no seal with that number"):
        laptop.record(phone, "unsealed", {"number": "S-9", "condition": "whole"})
    with pytest.raises(RuleError, match="no event of this item"):
        laptop.record(
            phone,
            "corrected",
            {"target": "0" * 64, "pointer": "/body/text", "new": "x", "reason": "y"},
        )
    laptop.record(phone, "unsealed", {"number": "S-1", "condition": "whole"})
    with pytest.raises(RuleError, match="no seal with that number"):
        laptop.record(phone, "unsealed", {"number": "S-1", "condition": "whole"})
    assert [one["type"] for one in laptop.waiting()] == ["collected", "unsealed"]


def test_nobody_gives_up_what_somebody_else_signed(laptop: Laptop, office: Desk) -> None:
    phone = laptop.seize("phone", "S-1")
    laptop.unjudged(phone, "unsealed", {"number": "S-9", "condition": "whole"})
    laptop.send()
    with laptop.field() as node, pytest.raises(UsageError, match="somebody else"):
        node.drop("2", office.person)
    with laptop.field() as node, pytest.raises(NotFoundError):
        node.drop("7", office.person)


def test_a_new_certificate_without_the_roles_says_what_it_cannot_record(
    laptop: Laptop, office: Desk
) -> None:
    phone = laptop.seize("phone", "S-1")
    laptop.renewed("auditor")
    laptop.fetch()
    with laptop.field() as node:
        assert node.not_permitted(bootstrap.person_at(laptop.keyring, laptop.about)) == [
            "collected"
        ]
    assert laptop.send() == []
    assert "none of your roles" in laptop.waiting()[0]["why"]
    laptop.renewed("officer")
    laptop.fetch()
    assert [one["evidence"] for one in laptop.send()] == [phone]


def test_the_order_is_that_of_the_numbers_whatever_the_clock_says_of_the_files(
    laptop: Laptop, office: Desk
) -> None:
    import os

    phone = laptop.seize("phone", "S-1")
    laptop.record(phone, "note", {"text": "first"})
    for age, path in enumerate(
        sorted(
            (laptop.home / "client").rglob("upload-*.journal"),
            key=lambda one: -one.stat().st_mtime_ns,
        )
    ):
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    laptop.record(phone, "note", {"text": "second"})
    assert len(laptop.send()) == 3
    assert [one["type"] for one in told(office, phone)] == ["collected", "note", "note"]


def test_a_queue_of_an_earlier_version_is_sent(laptop: Laptop, office: Desk) -> None:
    phone = laptop.seize("phone", "S-1")
    with laptop.field() as node:
        [submission] = [one.submission for one in node._queue]
        node._queue.remove([1])
    journal = FileJournal(
        next((laptop.home).rglob("field/queue"), laptop.home / "client" / "field" / "queue"),
        laptop.keyring.get("journal"),
    )
    journal.append(submission)
    journal.sync()
    journal.close()
    assert [one["evidence"] for one in laptop.send()] == [phone]


@pytest.mark.parametrize("inner", [True, False])
def test_a_damaged_copy_of_one_item_stops_no_other_and_is_no_refusal_of_the_node(
    laptop: Laptop, tmp_path: Path, inner: bool
) -> None:
    big, small = tmp_path / "big", tmp_path / "small"
    big.write_bytes(os.urandom(3 << 20))
    small.write_bytes(b"small")
    laptop.upload(big)
    kept = laptop.upload(small)
    pack = next((laptop.home / "client" / "field" / "blocks").glob("pack-*.car"))
    with laptop.field() as node:
        root = cids.from_text(
            node._queue.of(node.waiting()[0]["evidence"])[0].event.body["content"]["cid"]
        )
        block = node._blocks.get(root)
    data = pack.read_bytes()
    at = data.index(block) + 5 if inner else 5000
    pack.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    for _ in range(2):
        laptop.send()
        [left] = laptop.waiting()
        assert "sealed copy in this folder is damaged" in left["why"]
        assert "--anew" not in left["hint"]
    assert laptop.colleague.desk.client.item(kept)["events"] == 1
    assert len(laptop.drop(left["number"], force=True)) == 1
    assert laptop.waiting() == []
