"""Work without network under a certificate that was renewed meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ledger.app import person_keys
from ledger.domain.errors import DeniedError, NetworkError
from ledger.domain.ports.answers import Registered
from ledger.domain.verify.procedure import verify
from ledger.domain.verify.report import Verdict
from tests.support.desk import Desk
from tests.support.laptop import (
    Laptop,
    told,
)


class Cut:
    """A network that takes the node's answers to registrations away, after so many."""

    def __init__(self, client: Any, after: int) -> None:
        self._client, self._left = client, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def register(self, submissions: Sequence[dict[str, Any]], **more: Any) -> list[Registered]:
        answers: list[Registered] = self._client.register(submissions, **more)
        if self._left == 0:
            raise NetworkError("cut")
        self._left -= 1
        return answers


def test_a_certificate_renewed_while_work_waits_is_signed_anew_and_verifies(
    laptop: Laptop, office: Desk, tmp_path: Path
) -> None:
    phone = laptop.seize("phone", "S-1")
    noted = laptop.record(phone, "note", {"text": "typo"})
    laptop.record(
        phone,
        "corrected",
        {
            "target": noted.statement,
            "pointer": "/body/text",
            "new": "fine",
            "reason": "typing error",
        },
    )
    (tmp_path / "e.txt").write_bytes(b"proof")
    file = laptop.upload(tmp_path / "e.txt")
    with laptop.field() as node:
        times = [waiting_item.event.value["time"] for waiting_item in node._queue]
    laptop.renewed()
    laptop.fetch()
    later = laptop.record(phone, "note", {"text": "signed under the new one"})
    assert later.state == "queued"
    assert len(laptop.send()) == 5
    assert laptop.waiting() == []
    events = told(office, phone)
    assert [event["type"] for event in events] == ["collected", "note", "corrected", "note"]
    assert [event["occurred"]["from"] for event in events[:3]] == times[:3]
    assert all("anew" in event["late"] for event in events[:3])
    with office.node.records.read() as unit:
        assert events[2]["body"]["target"] == list(unit.logs.events(phone))[1].digest.hex()
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
    assert [one.evidence for one in laptop.send()] == [phone]
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
    assert [one.repeated for one in laptop.send()] == [True, True]
    assert [record["type"] for record in told(office, phone)] == ["collected", "note"]


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
    assert [one.repeated for one in laptop.send()] == [True]
    assert len(told(office, phone)) == 1


def test_a_new_certificate_without_the_roles_says_what_it_cannot_record(
    laptop: Laptop, office: Desk
) -> None:
    phone = laptop.seize("phone", "S-1")
    laptop.renewed("auditor")
    laptop.fetch()
    with laptop.field() as node:
        assert node.not_permitted(person_keys.person_at(laptop.keyring, laptop.about)) == [
            "collected"
        ]
    assert laptop.send() == []
    assert "none of your roles" in laptop.waiting()[0].why
    laptop.renewed("officer")
    laptop.fetch()
    assert [one.evidence for one in laptop.send()] == [phone]
