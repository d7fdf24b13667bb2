"""Work without network: a refusal, or a certificate that was renewed meanwhile, never strands what
else waits.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ledger.adapters.journal import FileJournal
from ledger.app import person_keys
from ledger.client.reading import retrieval
from ledger.domain.errors import (
    DeniedError,
    NotFoundError,
    RuleError,
    UsageError,
)
from ledger.domain.ipld import cid as cids
from tests.support.desk import Desk
from tests.support.laptop import (
    Laptop,
    told,
)
from tests.support.people import joined


def test_one_refused_statement_keeps_back_only_what_depends_on_it(
    laptop: Laptop, office: Desk, tmp_path: Path
) -> None:
    phone = laptop.seize("phone", "S-1")
    laptop.unjudged(phone, "unsealed", {"number": "S-9", "condition": "whole"})
    laptop.unjudged(phone, "note", {"text": "screen cracked"})
    (tmp_path / "e.txt").write_bytes(b"proof")
    file = laptop.upload(tmp_path / "e.txt")
    gun = laptop.seize("gun", "S-2")
    assert {one.evidence for one in laptop.send()} == {phone, file, gun}
    refused, behind = laptop.waiting()
    assert (refused.number, refused.type, refused.evidence) == (2, "unsealed", phone)
    assert "no seal with that number" in refused.why
    assert "custody field drop 2" in refused.hint
    assert (behind.number, behind.behind) == (3, 2)
    assert [record["type"] for record in told(office, phone)] == ["collected"]
    assert laptop.send() == []  # refused once more, and nothing else with it
    with pytest.raises(UsageError, match="only waits"):
        laptop.drop(laptop.record(laptop.seize("knife", "S-3"), "note", {"text": "wet"}).index)
    assert [one.number for one in laptop.drop(2)] == [2]
    assert len(laptop.send()) == 3
    assert [record["type"] for record in told(office, phone)] == ["collected", "note"]
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
        person = person_keys.person_at(laptop.keyring, laptop.about)
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
    assert [one.evidence for one in laptop.send()] == [gun]
    first, second = laptop.waiting()
    assert "another log" in first.why
    assert second.behind == first.number
    with pytest.raises(UsageError, match="only sealed copy"):
        laptop.drop(first.number)
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
        waiting_item = next(iter(node._queue))
        node._queue.change(waiting_item, why="refused")
        node._queue.keep()
        assert node.status().storedBytes > 0
    assert [waiting_item.number for waiting_item in laptop.drop(1, force=True)] == [1]
    with laptop.field() as node:
        assert (len(node), node.status().storedBytes) == (0, 0)


def test_a_stranger_gets_no_receipt_for_a_statement_that_is_not_theirs(
    laptop: Laptop, office: Desk, tmp_path: Path
) -> None:
    phone = laptop.seize("phone", "S-1")
    with laptop.field() as node:
        [submission] = [waiting_item.submission for waiting_item in node._queue]
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
        [new] = [waiting_item.submission for waiting_item in node._queue]
    laptop.fetch()
    with laptop.colleague.client() as client:
        assert client.register([submission])[0].repeated
        with pytest.raises(DeniedError, match="another certificate than yours") as refused:
            client.register([new])
    assert "person fetch" in (refused.value.hint or "")


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
    with laptop.field() as node:
        begun = next(node.events(phone)).statement
        person = person_keys.person_at(laptop.keyring, laptop.about)
        parts = (node, person, laptop.clock, phone, "corrected")
        said = {"target": begun, "new": "x", "reason": "y"}
        with pytest.raises(RuleError, match="no such field"):
            retrieval.rehearse(*parts, {**said, "pointer": "/body/text"})
        retrieval.rehearse(*parts, {**said, "pointer": "/body/description"})
    with pytest.raises(RuleError, match="no such field"):
        laptop.record(
            phone,
            "corrected",
            {"target": begun, "pointer": "/body/text", "new": "x", "reason": "y"},
        )
    laptop.record(phone, "unsealed", {"number": "S-1", "condition": "whole"})
    with pytest.raises(RuleError, match="no seal with that number"):
        laptop.record(phone, "unsealed", {"number": "S-1", "condition": "whole"})
    assert [pending.type for pending in laptop.waiting()] == ["collected", "unsealed"]


def test_nobody_gives_up_what_somebody_else_signed(laptop: Laptop, office: Desk) -> None:
    phone = laptop.seize("phone", "S-1")
    laptop.unjudged(phone, "unsealed", {"number": "S-9", "condition": "whole"})
    laptop.send()
    with laptop.field() as node, pytest.raises(UsageError, match="somebody else"):
        node.drop("2", office.person)
    with laptop.field() as node, pytest.raises(NotFoundError):
        node.drop("7", office.person)


def test_the_order_is_that_of_the_numbers_whatever_the_clock_says_of_the_files(
    laptop: Laptop, office: Desk
) -> None:
    import os

    phone = laptop.seize("phone", "S-1")
    laptop.record(phone, "note", {"text": "first"})
    for age, path in enumerate(
        sorted(
            (laptop.home / "client").rglob("upload-*.journal"),
            key=lambda file: -file.stat().st_mtime_ns,
        )
    ):
        os.utime(path, (1_000_000 + age, 1_000_000 + age))
    laptop.record(phone, "note", {"text": "second"})
    assert len(laptop.send()) == 3
    assert [record["type"] for record in told(office, phone)] == ["collected", "note", "note"]


def test_a_queue_of_an_earlier_version_is_sent(laptop: Laptop, office: Desk) -> None:
    phone = laptop.seize("phone", "S-1")
    with laptop.field() as node:
        [submission] = [waiting_item.submission for waiting_item in node._queue]
        node._queue.remove([1])
    journal = FileJournal(
        next((laptop.home).rglob("field/queue"), laptop.home / "client" / "field" / "queue"),
        laptop.keyring.get("journal"),
    )
    journal.append(submission)
    journal.sync()
    journal.close()
    assert [one.evidence for one in laptop.send()] == [phone]


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
            node._queue.of(node.waiting()[0].evidence)[0].event.body["content"]["cid"]
        )
        block = node._blocks.get(root)
    data = pack.read_bytes()
    at = data.index(block) + 5 if inner else 5000
    pack.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    for _ in range(2):
        laptop.send()
        [left] = laptop.waiting()
        assert "sealed copy in this folder is damaged" in left.why
        assert "--anew" not in left.hint
    assert laptop.colleague.desk.client.item(kept).events == 1
    assert len(laptop.drop(left.number, force=True)) == 1
    assert laptop.waiting() == []
