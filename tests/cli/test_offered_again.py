"""An offer of many items, typed again after it was interrupted: nothing is signed twice, and nothing
is told as refused.
"""

from __future__ import annotations

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
