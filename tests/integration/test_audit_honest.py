"""Homes that lived an unusual life, and whose agency did nothing wrong: an audit finds nothing in
them.
"""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ledger.app import give_custody_key, open_audit
from ledger.client.handovers import handover, offered_item
from ledger.client.intake.upload import UploadOptions
from ledger.domain.audit.report import AuditReport
from ledger.domain.bundle import bundle as bundles
from ledger.domain.identity.person import PersonId
from ledger.services.audit import internal
from ledger.services.bundles import export
from ledger.services.handovers import outgoing_parcels, sync
from ledger.services.people import membership
from ledger.services.registration import reindexing
from tests.integration.test_namesakes import Namesake
from tests.support.actors import Actor, enrolled
from tests.support.consortium import NL, RO, Consortium, offer, upload
from tests.support.desk import Desk
from tests.support.people import joined

#: What says that something was not judged yet, and accuses nobody.
OPEN = {"waiting", "nothing-anchored", "handover-waits"}


def audit(desk: Desk) -> AuditReport:
    root = desk.trust()
    with open_audit.temporary(root) as state:
        return internal.audit(desk.node, root, state, internal.InternalOptions())


def require_nothing_found(desk: Desk) -> None:
    report = audit(desk)
    assert report.codes() <= OPEN, [finding.as_json() for finding in report.findings]


def disclosed(desk: Desk, item: str, to: dict[str, str]) -> None:
    kind = "colleague" if to.get("agency", NL) == NL else "agency"
    desk.record(item, "disclosed", {"recipientKind": kind, "mode": "view", "to": to})


def shares(desk: Desk, item: str) -> set[PersonId]:
    with desk.node.records.read() as unit:
        return {row["person"] for row in unit.tables.rows("share", evidence=item)}


def test_a_record_that_came_with_an_outcome_and_goes_on_beyond_it(
    trio: Consortium, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A partner may show more than it was asked for: what is kept here is the one event that the
    contract took.
    """
    nl, ro = trio[NL], trio[RO]
    item = upload(nl, tmp_path, secrets.token_bytes(99))
    offer(nl, item, RO)
    assert trio.settle(NL, RO) == {}
    handover.accept(ro.client, ro.person, ro.clock, item)
    sync.settle(ro.node, timeout=30)
    ro.record(item, "note", {"text": "it is here"})
    whole = export.bundle
    monkeypatch.setattr(
        outgoing_parcels.export,
        "bundle",
        lambda *args, **more: whole(*args, **(more | {"until": None})),
    )
    assert trio.settle(NL, RO) == {}
    with nl.node.records.read() as unit:
        kept, shown = (
            [row.effect for row in unit.logs.events(item)],
            bundles.parse(unit.transfers.inherited(item)).statements,
        )
    assert (kept, len(shown)) == (["open", "none", "offer", "accept"], 5)
    require_nothing_found(nl)
    require_nothing_found(ro)


def test_a_part_that_a_disclosure_gives_follows_from_it_alone(
    trio: Consortium, tmp_path: Path
) -> None:
    """Also to somebody suspended then or now, to a guest who is admitted later, and to somebody who
    is named in words.
    """
    desk = trio[NL]
    item = upload(desk, tmp_path, secrets.token_bytes(99))
    suspended, later, guest = (
        enrolled(desk, "officer"),
        enrolled(desk, "officer"),
        Namesake(trio[RO], desk, "f" * 26, "examiner"),
    )
    desk.client.suspend(suspended.pseudonym)
    for to in (suspended.id, later.id, guest.certificate.subject):
        disclosed(desk, item, {"agency": to.agency, "person": to.pseudonym})
    desk.client.suspend(later.pseudonym)
    disclosed(desk, item, {"person": "the clerk of the court"})
    guest.admit()
    assert shares(desk, item) == {suspended.id, later.id, guest.certificate.subject}
    with guest.working() as (client, _):
        assert client.item(item).evidence == item
    require_nothing_found(desk)


def test_a_home_of_a_version_that_did_not_write_parts_down(
    trio: Consortium, tmp_path: Path
) -> None:
    desk = trio[NL]
    item, named = upload(desk, tmp_path, secrets.token_bytes(99)), enrolled(desk, "officer")
    disclosed(desk, item, {"agency": NL, "person": named.pseudonym})
    with closing(sqlite3.connect(desk.path / "ledger.sqlite", isolation_level=None)) as database:
        database.execute("DELETE FROM share")
        database.execute("DELETE FROM index_form")
    assert audit(desk).codes() - OPEN == {"row-missing"}
    reindexing.bring_up(desk.node)
    assert shares(desk, item) == {named.id}
    require_nothing_found(desk)


def test_whoever_declined_has_no_key_and_is_missed_by_nobody(
    trio: Consortium, tmp_path: Path
) -> None:
    desk = trio[NL]
    item, taker = upload(desk, tmp_path, secrets.token_bytes(99)), enrolled(desk, "examiner")
    offer(desk, item, NL, person=taker.pseudonym)
    require_nothing_found(desk)
    offered_item.check(
        taker.client, taker.person, offered_item.look(taker.client, taker.person, item)
    )
    handover.decline(taker.client, taker.person, desk.clock, item, reason="not mine")
    require_nothing_found(desk)


def test_a_custody_key_on_its_way_and_a_custodian_who_lost_the_role(
    trio: Consortium, tmp_path: Path
) -> None:
    desk = trio[NL]
    waiting, gone = (
        joined(desk, tmp_path / name, "custodian", number=secrets.token_hex(4))
        for name in ("waiting", "gone")
    )
    for who in (waiting, gone):
        with who.working() as (_, person):
            give_custody_key.give(
                desk.home.keyring, desk.client, who.pseudonym, fingerprint=person.fingerprint
            )
    with gone.working() as (client, person):
        assert give_custody_key.take(gone.keyring, client, person.certificate, person.descriptor)
    require_nothing_found(desk)
    membership.renew(desk.node, gone.id, roles=["officer"], by=desk.person.certificate.subject)
    desk.client.suspend(waiting.pseudonym)
    require_nothing_found(desk)


def test_an_item_without_content_given_on_inside_and_renewed_people(
    trio: Consortium, tmp_path: Path
) -> None:
    desk = trio[NL]
    taker: Actor = enrolled(desk, "examiner", "custodian")
    body: dict[str, Any] = {"identifiers": [{"scheme": "exhibit", "value": "P-1"}]}
    item = upload(desk, tmp_path, secrets.token_bytes(99))
    desk.record(item, "identified", body)
    membership.renew(desk.node, taker.id, roles=None, by=desk.person.certificate.subject)
    require_nothing_found(desk)
    [part] = desk.upload(tmp_path / "photo.jpg", options=UploadOptions(body={"partOf": item}))
    desk.record(part.evidence, "voided", {"reason": "wrong file"})
    require_nothing_found(desk)
