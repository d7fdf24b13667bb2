"""One batch says nothing that would be refused if its statements were sent one after another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger.domain.codecs.text import new_case
from ledger.domain.crypto import content_encryption
from ledger.domain.errors import ConflictError, CustodyError
from ledger.domain.event.signing import Signed, seal_keys, sign_event
from tests.support.desk import BASIS, Desk
from tests.support.office import colleague, office, staffed, upload  # noqa: F401  (fixtures)

NUMBER = "B-1"


def numbered(value: str) -> dict[str, Any]:
    return {"identifiers": [{"scheme": "case", "value": value}]}


def opening(desk: Desk, number: str = NUMBER) -> Signed:
    case = new_case()
    key = content_encryption.new_key()
    keys = seal_keys(desk.person, case, record_key=key, content_key=None, commitment=None)
    return sign_event(
        desk.person, "case-opened", {}, evidence=case, seq=0, prev=None,
        time=desk.clock.now(), members=numbered(number), sealed_keys=keys,
    )  # fmt: skip


def following(
    desk: Desk, evidence: str, *events: tuple[str, dict[str, Any], dict[str, Any] | None]
) -> list[Signed]:
    """The next events of an item, signed one upon another."""
    item = desk.client.item(evidence)
    seq, prev, signed = item.events, bytes.fromhex(item.head), list[Signed]()
    for event_type, body, members in events:
        signed.append(
            sign_event(
                desk.person, event_type, body, evidence=evidence, seq=seq, prev=prev,
                time=desk.clock.now(), members=members,
            )
        )  # fmt: skip
        seq, prev = seq + 1, signed[-1].statement.digest
    return signed


def register(desk: Desk, *signed: Signed) -> None:
    desk.client.register([one.submission for one in signed])


def size(desk: Desk) -> int:
    with desk.node.records.read() as unit:
        return int(unit.logs.get(desk.node.log_id).size)


def renumbered(desk: Desk, case: str, number: str) -> Signed:
    body = {
        "target": desk.client.item(case).opening,
        "pointer": "/identifiers",
        "new": numbered(number)["identifiers"],
        "reason": "a slip",
    }
    return following(desk, case, ("corrected", body, None))[0]


def test_one_batch_opens_no_two_cases_of_one_number(office: Desk) -> None:
    before = size(office)
    with pytest.raises(ConflictError, match="open under that number already"):
        register(office, opening(office), opening(office))
    assert size(office) == before, "all of a batch or none"
    register(office, opening(office), opening(office, "B-2"))


def test_one_batch_corrects_no_two_cases_to_one_number(office: Desk) -> None:
    first, second = opening(office, "B-7"), opening(office, "B-8")
    register(office, first, second)
    cases = [one.statement.claims.subject for one in (first, second)]
    with pytest.raises(ConflictError, match="open under that number already"):
        register(office, *[renumbered(office, case, NUMBER) for case in cases])
    with pytest.raises(ConflictError, match="open under that number already"):
        register(office, renumbered(office, cases[0], NUMBER), opening(office))


def test_a_number_that_a_batch_frees_is_free_for_what_follows_in_it(office: Desk) -> None:
    first = opening(office)
    register(office, first)
    case = first.statement.claims.subject
    [closed] = following(office, case, ("case-closed", {"reason": "over"}, None))
    again = opening(office)
    with pytest.raises(ConflictError):
        register(office, again, closed)
    register(office, closed, again)
    [found] = [one for one in office.client.find(kind="case", case=NUMBER) if not one.closed]
    assert found.evidence == again.statement.claims.subject


def test_a_batch_reads_nothing_of_what_it_disposed_of(office: Desk, tmp_path: Path) -> None:
    photo = upload(office, tmp_path)
    request = office.record(photo, "disposal-requested", {"reason": "over"})
    approved = colleague(office, "second").record(photo, "approved", {"target": request.statement})
    disposed = {
        "scope": "all", "method": "keys destroyed", "approvals": [approved.statement],
        "backupsExpire": "2099-01-01T00:00:00Z",
    }  # fmt: skip
    accessed = ("accessed", {"mode": "view"}, {"basis": BASIS})
    before = size(office)
    with pytest.raises(CustodyError) as refused:
        register(office, *following(office, photo, ("disposed", disposed, None), accessed))
    assert size(office) == before, refused.value
    register(office, *following(office, photo, accessed, ("disposed", disposed, None)))


def test_a_batch_of_many_kinds_is_judged_once_by_each_event(office: Desk, tmp_path: Path) -> None:
    """What was written meanwhile is not counted a second time when the item's record is read."""
    photo = upload(office, tmp_path)
    seal = ("sealed", {"number": "S-1"}, None)
    note = ("note", {"text": "x"}, None)
    unseal = ("unsealed", {"number": "S-1"}, None)
    register(office, *following(office, photo, note, seal, note, unseal, note, seal))
    with pytest.raises(CustodyError, match="on the item already"):
        register(office, *following(office, photo, note, seal))
