"""An offer of many items, typed again after it was interrupted: nothing is signed twice, and nothing
is told as refused.
"""

from __future__ import annotations

import json

from tests.cli.test_selections import Office, made, office

__all__ = ["made", "office"]


def test_an_offer_of_many_that_was_interrupted_goes_on_and_ends_well(office: Office) -> None:
    """What had been offered was told as refused, item by item, and the command ended with 3."""
    offer = ("handover", "2026-117/A2/", "--to", "4712", "--yes")
    office.run("handover", "2026-117/A2/2", "--to", "4712")
    out, said = office.run(*offer)
    assert "1 item left out: on offer to 4712 already" in said
    assert "3 items offered to 4712" in out
    office.theirs("handover", "accept", "--all", "--yes")


def test_whoever_offers_again_what_is_all_on_offer_signs_nothing(office: Office) -> None:
    offer = ("handover", "2026-117/A2/", "--to", "4712", "--yes")
    office.run(*offer)
    before = office.run("--json", "list", "--case", "2026-117")[0]
    out, _ = office.run(*offer)
    assert "4 items left out: on offer to 4712 already" in out
    assert office.run("--json", "list", "--case", "2026-117")[0] == before


TERMS = ("--loan", "--return-by", "2099-12-24T12:00:00Z", "--on-condition", "only for DNA")


def test_what_is_on_offer_on_other_terms_is_refused_and_not_left_out(office: Office) -> None:
    """Two items of a case stood on the old terms, and the command ended with 0."""
    plain, whole = ("handover", "2026-117/A2/", "--to", "4712", "--yes"), "2026-117/A2/"
    office.run("handover", "2026-117/A2/2", "--to", "4712")
    said = json.loads(office.run("--json", *plain, *TERMS, code=3)[0])
    assert len(said["items"]) == 3
    [refused] = said["refused"]
    assert refused["message"].endswith("on other terms: loan, return, conditions on use")
    assert "handover withdraw" in refused["hint"]
    said = json.loads(office.run("--json", "handover", whole, "--to", "4712", code=1)[0])
    assert len(said["refused"]) == 3, "nor is a loan the offer of an item for good"
    assert said["onOffer"] == [refused["evidence"]]
    out, _ = office.run("handover", whole, "--to", "4712", "--days", "3", code=1)
    assert "on other terms: days" in out


def test_what_is_left_out_is_named_to_a_script(office: Office) -> None:
    offer = ("--json", "handover", "2026-117/A1", "2026-117/A20", "--to", "4712", *TERMS)
    office.run("handover", "2026-117/A1", "--to", "4712", *TERMS)
    said = json.loads(office.run(*offer)[0])
    assert (len(said["items"]), len(said["onOffer"])) == (1, 1)
    assert len(json.loads(office.run(*offer)[0])["onOffer"]) == 2
