"""What the agency's profile asks of a record is told before anything is signed, as wrong usage and
by the names of the options: a node that refuses it has found no contradiction.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.wording import record_options
from ledger.client.handovers import handover
from ledger.domain.errors import DemandError
from ledger.domain.event.offer_terms import OfferTerms
from ledger.domain.item import jurisdiction_profile
from tests.cli.test_swapped_records import item_of
from tests.support.actors import enrolled
from tests.support.commands import ROOT, within
from tests.support.desk import Desk
from tests.support.lying_node import Lying, lying  # noqa: F401  (fixtures)
from tests.support.strangers import desk  # noqa: F401  (fixtures)

REQUIRED = {
    "collected": ("/identifiers", "/basis/purpose"),
    "note": ("/basis/purpose",),
    "hold-placed": ("/basis/purpose", "/basis/kind"),
    "retention-set": ("/body/reason",),
}


@pytest.fixture
def demanding(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    neutral = jurisdiction_profile.parse((ROOT / "ledger/profiles/neutral.toml").read_bytes())
    profile = replace(
        neutral, required=REQUIRED, basis_kinds=frozenset({"warrant"}), late_after=3600
    )
    monkeypatch.setattr(desk.node, "profile", profile)
    return desk


def test_what_a_record_lacks_by_the_profile_is_wrong_usage_and_nothing_is_signed(
    demanding: Desk, lying: Lying, tmp_path: Path
) -> None:
    sent: list[dict[str, Any]] = []
    item = item_of(demanding, tmp_path, "one")
    lying.registered = sent.append
    hold = ("record", "hold", item, "--name", "H-1")
    why = ("--basis", "order 7")
    for command, told in (
        (("seize", "phone"), "give --case or --exhibit, --basis as well"),
        (("note", item, "--text", "x"), "/basis/purpose in 'note'"),
        (hold, "give --basis, --basis-kind as well"),
        ((*hold, *why, "--basis-kind", "whim"), "one of warrant"),
        (("record", "retain", item, "--rule", "wpg-9"), "give --reason as well"),
        (
            (*hold, *why, "--basis-kind", "warrant", "--occurred", "2020-01-01T00:00:00Z"),
            "give --late as well",
        ),
    ):
        code, out, said = within(*command)
        assert (code, out, sent) == (2, "", []), said
        assert told in " ".join(said.split())
    code, _, said = within(*hold, *why, "--basis-kind", "warrant")
    assert (code, len(sent)) == (0, 1), said
    hint = record_options.unmet(DemandError("a disposal", ("/body/rule",))).hint
    assert str(hint).startswith("give --rule as well")


def test_no_item_is_read_and_no_offer_taken_back_for_what_the_profile_refuses_afterwards(
    demanding: Desk, lying: Lying, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The access was signed, the content read, and then the result was refused; the offer was
    taken back, and then the access was refused: nobody had the item on offer any more.
    """
    item = item_of(demanding, tmp_path, "one")
    terms = OfferTerms(
        "NL-POL",
        demanding.clock.now() + 3600,
        person=enrolled(demanding, "examiner").pseudonym,
    )
    handover.offer(demanding.client, demanding.person, demanding.clock, item, terms)
    sent: list[dict[str, Any]] = []
    lying.registered = sent.append
    profile = demanding.node.profile
    assert profile is not None
    required = {"verified": ("/basis/purpose",), "accessed": ("/basis/kind",)}
    monkeypatch.setattr(demanding.node, "profile", replace(profile, required=required))
    code, _, said = within("handover", "pause", item, "-o", tmp_path / "out", "--basis", "court")
    assert (code, sent) == (2, []), said
    assert "basis" in said
    lying.registered = lambda body: None
    monkeypatch.setattr(demanding.node, "profile", replace(profile, required={}))
    handover.withdraw(demanding.client, demanding.person, demanding.clock, item, reason="over")
    lying.registered = sent.append
    del sent[:]
    required = {"verified": ("/basis/purpose",)}
    monkeypatch.setattr(demanding.node, "profile", replace(profile, required=required))
    code, _, said = within("recheck", item, "--basis", "yearly")
    assert (code, sent) == (2, []), said
    assert "/basis/purpose in 'verified'" in " ".join(said.split())
