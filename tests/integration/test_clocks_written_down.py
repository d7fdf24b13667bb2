"""Times that a wrong clock wrote into the database: they open nothing, end by themselves, and
contradict nothing.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.client.handovers import handover, offered_item
from ledger.domain.errors import DeniedError, NotFoundError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity import login
from ledger.domain.verify.report import Verdict
from ledger.services.access import sessions
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import SelfCheckWarning, verdict
from ledger.services.storage import garbage_collection
from tests.integration.test_audit_inside import audit
from tests.integration.test_clocks import Off
from tests.support.actors import enrolled, item_of
from tests.support.consortium import upload
from tests.support.desk import Desk

AHEAD = "clock-was-ahead"


def counted(desk: Desk) -> tuple[int, int]:
    with desk.node.records.read() as unit:
        return unit.tables.count("session"), unit.tables.count("challenge")


def test_sessions_and_challenges_of_a_clock_that_was_ahead_have_ended_and_refute_nothing(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(desk, tmp_path, b"content")
    desk.anchor()
    actor = enrolled(desk, "officer")
    with monkeypatch.context() as patch:
        patch.setattr(desk.node, "clock", Off(86400))
        _, nonce, expires = sessions.challenge(desk.node)
        key, der = actor.person.key, actor.person.certificate.der
        server, other, until = sessions.challenge(desk.node)
        token, _ = sessions.open_session(
            desk.node, login.sign(key, certificate=der, server=server, nonce=other, expires=until)
        )
        [made] = sessions.listed(desk.node, actor.id)
    assert sessions.caller_of(desk.node, token) is None
    assert sessions.listed(desk.node, actor.id) == []
    with pytest.raises(NotFoundError):
        sessions.end(desk.node, made.id, person=None)
    answer = login.sign(key, certificate=der, server=server, nonce=nonce, expires=expires)
    with pytest.raises(DeniedError, match="login refused"):
        sessions.open_session(desk.node, answer)
    report = audit(desk)
    assert report.codes() == {AHEAD}
    assert report.verdict is Verdict.VERIFIED
    found = list(examine(desk.node, deep=False))
    assert verdict(found) is Verdict.VERIFIED
    told = [one for one in found if isinstance(one, SelfCheckWarning) and one.part == "rows"]
    assert len(told) == 2
    assert "find out which clock was wrong" in told[0].hint
    garbage_collection.forget_sessions(desk.node)
    assert audit(desk).codes() == set()


def test_a_login_forgets_what_a_clock_ahead_left(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(desk.node, "clock", Off(86400))
        sessions.challenge(desk.node)
    before = counted(desk)[1]
    desk.client._token = None
    desk.client.status()
    assert counted(desk)[1] == before - 1


def test_a_clock_that_was_set_back_a_little_ends_no_session(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.client.status()
    before = sessions.listed(desk.node, None)
    monkeypatch.setattr(desk.node, "clock", Off(-200))
    assert sessions.listed(desk.node, None) == before


def test_a_look_at_an_offer_that_was_signed_by_a_clock_ahead_is_no_contradiction(
    desk: Desk, tmp_path: Path
) -> None:
    item, taker = upload(desk, tmp_path, b"content"), enrolled(desk, "examiner")
    terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=taker.pseudonym)
    handover.offer(desk.client, desk.person, desk.clock, item, terms)
    offered_item.look(taker.client, taker.person, item)
    with desk.node.records.write() as unit:
        [row] = unit.releases.under(item_of(desk, item).offer.digest)
        unit.releases.put(replace(row, time=row.time - 4000))
    desk.anchor()
    report = audit(desk)
    assert report.codes() == {AHEAD}
    assert report.verdict is Verdict.VERIFIED
