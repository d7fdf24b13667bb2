"""What an offer says is read as it was written, by everybody in the same way."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.domain.event.document import Event
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.identity.person import PersonId
from ledger.domain.item.custody_transitions import Offer
from ledger.domain.log.statement import Claims

WHO = "a" * 26
MANY = OfferTerms(
    "RO-DIICOT",
    1_800_000_000,
    WHO,
    "loan",
    1_900_000_000,
    "sealed",
    ("no copies", "no disclosure"),
    "comparison",
    {"basis": {"purpose": "comparison"}, "handling": ["csam"]},
)
FEW = OfferTerms("NL-POL", 1_800_000_000)


def document(terms: OfferTerms) -> dict[str, Any]:
    return {"type": "transfer-offered", "body": terms.body(["7"]), "time": "-", **terms.members}


@pytest.mark.parametrize("terms", [MANY, FEW])
def test_terms_that_were_written_are_read_again_whole(terms: OfferTerms) -> None:
    written = document(terms)
    assert OfferTerms.from_document(written) == terms
    assert OfferTerms.from_event(Event(b"", written, (), (), known=True)) == terms
    assert written["body"]["seals"] == [{"number": "7"}]


def test_a_guest_is_named_with_the_agency_and_written_without_it() -> None:
    terms = OfferTerms("RO-DIICOT", 1, f"{WHO}@RO-DIICOT")
    assert terms.recipient == PersonId("RO-DIICOT", WHO)
    assert terms.body(())["to"] == {"agency": "RO-DIICOT", "person": WHO}
    assert FEW.recipient is None


def test_an_offer_whose_document_is_withheld_is_open_to_its_agency_and_to_nobody_more() -> None:
    claims = Claims("NL-POL", "urn", bytes(32), 1, 1, bytes(32), "offer", None, "RO-DIICOT")
    digest, event = b"1" * 32, Event(b"", document(MANY), (), (), known=True)
    assert Offer.signed(digest, claims, None) == Offer(digest, "RO-DIICOT")
    named = Offer.signed(digest, claims, event)
    assert named == Offer(digest, "RO-DIICOT", 1_800_000_000, WHO)
    assert named is not None
    assert named.names(PersonId("RO-DIICOT", WHO))
    assert not named.names(PersonId("NL-POL", WHO)), "another agency's person of that pseudonym"


def test_what_offers_nothing_is_no_offer() -> None:
    claims = Claims("NL-POL", "urn", bytes(32), 1, 1, bytes(32), "none")
    assert Offer.signed(b"1" * 32, claims, None) is None
