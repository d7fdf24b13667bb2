"""A node that lies about which offer is open, to whom it is made, or which event is the last one:
nothing is signed behind what nobody signed, or for an offer that is over.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.client.handovers import handover, offered_item
from ledger.domain.errors import NotFoundError, VerificationError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity import dpop
from tests.cli.test_swapped_records import OTHER, another_head, item_of, older, shown
from tests.support.actors import Actor, enrolled
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.lying_node import Lie, Lying, lying  # noqa: F401  (fixtures)
from tests.support.strangers import desk  # noqa: F401  (fixtures)


def offered(desk: Desk, item: str, to: Actor) -> str:
    terms = OfferTerms("NL-POL", desk.clock.now() + 86400, to.pseudonym)
    return handover.offer(desk.client, desk.person, desk.clock, item, terms).statement


def another_event(found: dict[str, Any]) -> None:
    """The name of another statement, over what was signed."""
    found["offer"]["statement"] = OTHER


def later(found: dict[str, Any]) -> None:
    found["events"] += 1
    found["head"] = OTHER


@pytest.mark.parametrize("lie", [older, another_head, later, another_event])
def test_an_offer_is_taken_back_behind_the_signed_offer_and_no_other_head(
    desk: Desk, lying: Lying, tmp_path: Path, lie: Lie
) -> None:
    item = item_of(desk, tmp_path, "one")
    offered(desk, item, lying.colleague)
    sent: list[dict[str, Any]] = []
    lying.registered = sent.append
    if lie is another_event:
        lying.offer = lie
    else:
        lying.item = lie
    code, out, said = within("handover", "withdraw", item, "--reason", "x")
    assert (code, out, sent) == (1, "", []), said
    assert "signed" in said
    lying.item = lying.offer = lying.registered = lambda found: None
    code, _, said = within("handover", "withdraw", item, "--reason", "x")
    assert code == 0, said


def test_an_event_that_offers_nothing_is_not_taken_back(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    """A node had a withdrawal signed of any event that it named as the last one."""
    item = item_of(desk, tmp_path, "one")
    offered(desk, item, lying.colleague)
    with desk.node.records.read() as unit:
        rows = unit.logs.events(item)
        lying.offer = lambda found: found["offer"]["signed"].update(entry=_text(rows[1].entry))
    code, out, said = within("handover", "withdraw", item, "--reason", "x")
    assert (code, out) == (1, ""), said
    assert "event 1 is no offer of this item" in " ".join(said.split())


def _text(data: bytes) -> str:
    from ledger.domain.codecs.text import b64url

    return b64url(data)


def test_an_offer_that_has_expired_is_refused_as_it_was_signed(
    desk: Desk, lying: Lying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = item_of(desk, tmp_path, "one")
    offered(desk, item, lying.colleague)
    now = desk.clock.now()
    monkeypatch.setattr(desk.clock, "now", lambda: now + 90000, raising=False)
    lying.second, lying.item = True, another_head
    code, out, said = within("handover", "decline", item, "--reason", "x", "--yes")
    assert (code, out) == (1, ""), said
    assert "nothing was signed" in said


def test_an_offer_that_was_taken_back_is_not_accepted_for_being_shown(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    item = item_of(desk, tmp_path, "one")
    offered(desk, item, lying.colleague)
    handover.withdraw(desk.client, desk.person, desk.clock, item, reason="x")
    offered(desk, item, lying.colleague)
    lying.second = True
    lying.record = lambda found: [found["events"].pop() for _ in range(2)] and None
    code, out, said = within("handover", "accept", item, "--yes")
    assert (code, out) == (1, ""), said
    assert "'transfer-withdrawn', and no open offer" in " ".join(said.split())


def test_an_offer_to_somebody_else_is_not_answered_for_being_shown(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    item, other = item_of(desk, tmp_path, "one"), enrolled(desk, "custodian")
    offered(desk, item, other)
    record = other.client.incoming(item)
    node: Any = SimpleNamespace(incoming=lambda _: record)
    asked = lying.colleague.person
    with pytest.raises(VerificationError, match=f"made to {other.pseudonym}.*not to you"):
        offered_item.look(node, asked, item)
    assert offered_item.look(node, other.person, item).giver == "NL-POL"
    events = record[0]
    node.incoming = lambda _: ([*events[:-1], replace(events[-1], document=None)], *record[1:])
    with pytest.raises(NotFoundError, match="destroyed"):
        offered_item.look(node, asked, item)


def test_a_branch_that_was_signed_beside_the_record_is_no_part_of_it(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    """Somebody who was told another head signed a request that nobody else ever saw."""
    item = item_of(desk, tmp_path, "one")
    rows = shown(desk, item)
    first = bytes.fromhex(rows[0]["statement"])
    beside = enrolled(desk, "custodian")
    branch = beside.sign("disposal-requested", {"reason": "never seen"}, item, seq=1, prev=first)

    def with_branch(found: dict[str, Any]) -> None:
        found["events"].append(_row(desk, beside, branch))

    lying.record, lying.second = with_branch, True
    code, out, said = within("dispose", "approve", item, "--yes")
    assert (code, out) == (1, ""), said
    assert "event 1 does not follow the event that is shown before it" in said


def _row(desk: Desk, signer: Actor, submission: dict[str, Any]) -> dict[str, Any]:
    from ledger.domain.codecs.text import from_b64url
    from ledger.domain.event import document as documents
    from ledger.domain.log import statement as statements
    from ledger.services.access import shown_documents

    statement = statements.parse(from_b64url(submission["statement"], what="statement"))
    raw = from_b64url(submission["document"], what="document")
    event = documents.parse(raw, tuple(submission["disclosures"]))
    return {
        **shown_documents.shown(
            statement.claims.seq,
            statement.digest,
            event,
            statement.entry,
            signer.person.certificate.der,
        ),
        "looked": None,
    }


def test_nothing_is_offered_disclosed_or_corrected_behind_events_that_were_not_read(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    """A hold, a mark or a condition may stand there."""
    item, sent = item_of(desk, tmp_path, "one"), list[dict[str, Any]]()

    def read(_: dict[str, Any]) -> None:
        lying.item, lying.registered = later, sent.append

    lying.record = read
    change = ("--event", "1", "--field", "/body/reason", "--new", "y", "--reason", "x")
    for command in (
        ("handover", "offer", item, "--to-person", lying.colleague.pseudonym, "--basis", "x"),
        ("share", item, "--with", lying.colleague.pseudonym, "--basis", "x"),
        ("disclose", item, "--kind", "court", "--basis", "x"),
        ("correct", item, *change),
    ):
        lying.item = lying.registered = lambda found: None
        code, out, said = within(*command)
        assert (code, out, sent) == (1, "", []), said
        assert "reads the record anew" in " ".join(said.split())


def test_what_an_open_offer_says_is_shown_to_its_signer_alone_and_with_their_key(
    desk: Desk, tmp_path: Path
) -> None:
    """No access can be signed while an offer is open, so its document is no reading: its signer
    wrote it. A session that is stolen without the key, and whoever may answer, read nothing of it.
    """
    item = item_of(desk, tmp_path, "one")
    taker, keeper = enrolled(desk, "custodian"), enrolled(desk, "custodian")
    offered(desk, item, taker)
    assert desk.client.open_offer(item).document is not None
    for other in (taker, keeper):
        assert other.client.open_offer(item).document is None
    path, token = f"/v1/handovers/{item}/offer", desk.client._token or ""
    plain = httpx.Client(base_url="http://home", transport=desk.transport)
    assert plain.get(path, headers=desk.client.prove("GET", path)).status_code == 200
    stranger = ec.generate_private_key(ec.SECP256R1())
    for headers in (
        {"Authorization": f"DPoP {token}"},
        {
            "Authorization": f"DPoP {token}",
            "DPoP": dpop.prove(stranger, method="GET", url=path, token=token, now=desk.clock.now()),
        },
    ):
        answer = plain.get(path, headers=headers)
        assert (answer.status_code, "document" in answer.text) == (401, False)
