"""What a thief gave with a stolen key is given by nobody, once that is known."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ledger.client.handovers import copying, handover
from ledger.domain.errors import NotFoundError, RuleError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.services.partners import directory
from ledger.services.people import membership
from tests.integration.test_openers import access, opened
from tests.support import consortium
from tests.support.actors import Actor, enrolled
from tests.support.consortium import NL, RO, Consortium
from tests.support.desk import BASIS, Desk
from tests.support.strangers import photo


def known(desk: Desk, thief: Actor) -> None:
    """The theft becomes known."""
    by, since = desk.person.certificate.subject, int(time.time()) - 600
    membership.suspend(desk.node, thief.id, by=by, since=since)


def test_a_part_that_a_thief_gave_to_an_accomplice_ends(office: Desk, tmp_path: Path) -> None:
    item = photo(office, tmp_path)
    thief, accomplice = enrolled(office, "custodian", "officer"), enrolled(office, "officer")
    handed = {"recipientKind": "colleague", "mode": "copy", "to": {"person": accomplice.pseudonym}}
    thief.record(item, "disclosed", handed)
    signed = access(accomplice, item, "view")
    assert accomplice.client.details(item, signed)
    known(office, thief)
    for call in (
        lambda: accomplice.client.item(item),
        lambda: accomplice.client.details(item, signed),
        lambda: access(accomplice, item, "view"),
        lambda: accomplice.record(item, "note", {"text": "x"}),
    ):
        with pytest.raises(NotFoundError):
            call()
    handover.share(
        office.client,
        office.person,
        office.clock,
        item,
        with_person=accomplice.pseudonym,
        basis=BASIS,
    )
    assert accomplice.client.grants(item, access(accomplice, item, "copy"))


def test_an_item_that_a_thief_offered_to_an_accomplice_is_neither_looked_at_nor_accepted(
    office: Desk, tmp_path: Path
) -> None:
    item = photo(office, tmp_path)
    accomplice = enrolled(office, "officer")
    thief = enrolled(office, "officer")
    terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=thief.pseudonym)
    handover.offer(office.client, office.person, office.clock, item, terms)
    handover.accept(thief.client, thief.person, office.clock, item)
    terms = OfferTerms("NL-POL", int(time.time()) + 3600, person=accomplice.pseudonym)
    handover.offer(thief.client, thief.person, office.clock, item, terms)
    accomplice.client.incoming(item)
    known(office, thief)
    digests = {"sha-256": "ab" * 32}
    answer = {"offer": office.client.item(item).head, "digests": digests}
    for call in (
        lambda: accomplice.client.incoming(item),
        lambda: accomplice.client.register([accomplice.sign("transfer-accepted", answer, item)]),
    ):
        with pytest.raises(RuleError, match="so it gives nothing"):
            call()
    handover.withdraw(office.client, office.person, office.clock, item, reason="stolen key")


def test_what_a_thief_offered_and_disclosed_to_another_agency_is_not_handed_out_or_taken(
    both: Consortium, tmp_path: Path
) -> None:
    nl, ro = both[NL], both[RO]
    thief = enrolled(nl, "custodian", "officer")
    (tmp_path / "more").mkdir()
    (tmp_path / "late").mkdir()
    taken, late, copied = (opened(thief, tmp_path / name) for name in ("", "late", "more"))
    for item in (taken, late):
        terms = OfferTerms(RO, int(time.time()) + 3600)
        handover.offer(thief.client, thief.person, nl.clock, item, terms)
        if item == taken:
            both.settle(NL, RO)
    to, what = copying.Recipient("agency", agency=RO), copying.Disclosure("copy")
    given = copying.disclose(thief.client, thief.person, nl.clock, copied, to, what).statement
    both.settle(NL)
    api = ro.node.reach(consortium.address(NL))
    assert api.parcel(late)
    assert api.copy(given)
    known(nl, thief)
    for call in (lambda: api.parcel(late), lambda: api.copy(given)):
        with pytest.raises(NotFoundError):
            call()
    directory.add(ro.node, consortium.address(NL))  # as it does by itself, once a minute
    with pytest.raises(RuleError, match="so it gives nothing"):
        handover.accept(ro.client, ro.person, ro.clock, taken)
    handover.decline(ro.client, ro.person, ro.clock, taken, reason="stolen key")
