"""A node that says other things of what holds for an item than its record does, or shows a part of
the record.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger.domain.codecs.text import from_b64url
from ledger.domain.event import document as documents
from tests.cli.test_swapped_records import item_of, shown
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.lying_node import Lying, lying  # noqa: F401  (fixtures)
from tests.support.strangers import desk, photo  # noqa: F401  (fixtures)


def untrue(found: dict[str, Any]) -> None:
    """Nothing is ordered, and what nobody ordered holds."""
    found["standing"] |= {
        "holds": [],
        "handling": [],
        "keepUntil": None,
        "seals": ["NEVER-THERE"],
        "conditions": ["free use by anybody"],
    }


def test_a_disclosure_carries_the_marks_and_conditions_of_the_record_and_no_others(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    item = photo(desk, tmp_path)
    desk.record(item, "restricted", {"handling": ["csam"], "reason": "x"})
    lying.record = untrue
    code, _, said = within("disclose", item, "--kind", "court", "--basis", "x")
    assert code == 0, said
    [told] = [
        one["document"] for one in shown(desk, item) if "disclosed" in one["document"].values()
    ]
    assert told["handling"] == ["csam"]
    assert "conditions" not in told["body"]


def test_a_hold_is_shown_to_whoever_reads_or_decides_also_where_the_node_says_there_is_none(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    item = item_of(desk, tmp_path, "one")
    desk.record(item, "hold-placed", {"hold": "H-1", "authority": "court"})
    desk.record(item, "retention-set", {"rule": "x", "until": "2099-01-01T00:00:00Z"})
    lying.record = untrue
    code, out, said = within("show", item, "--basis", "x")
    assert code == 0, said
    lying.second = True
    code, _, told = within("dispose", "approve", item, "--yes")
    assert code == 0, told
    for text in (out, told):
        words = " ".join(text.split())
        assert "holds H-1" in words
        assert "2099-01-01T00:00:00Z" in words
        assert "NEVER-THERE" not in words
        assert "free use" not in words


def hide_members(found: dict[str, Any]) -> None:
    """Leave disclosures out, and what they disclose."""
    for event in found["events"]:
        signed = event["signed"]
        raw = from_b64url(signed["document"], what="document")
        signed["disclosures"] = [
            one for one in signed["disclosures"] if b'"digests"' in from_b64url(one, what="one")
        ]
        event["document"] = documents.parse(raw, signed["disclosures"]).value


def destroy_one(found: dict[str, Any]) -> None:
    """Call the document of the hold destroyed."""
    found["events"][2]["document"] = found["events"][2]["signed"]["document"] = None


@pytest.mark.parametrize(
    ("lie", "missing"),
    [(hide_members, "event 0: /body/name"), (destroy_one, "event 2: the whole document")],
)
def test_nothing_is_signed_by_a_part_of_the_record_and_whoever_reads_it_is_told(
    desk: Desk, lying: Lying, tmp_path: Path, lie: Any, missing: str
) -> None:
    item = item_of(desk, tmp_path, "one")
    desk.record(item, "hold-placed", {"hold": "H-1", "authority": "court"})
    lying.record = lie
    for command in (
        ["dispose", "approve", item, "--yes"],
        ["record", "approve", item, "--event", "1", "--yes"],
        ["disclose", item, "--kind", "court", "--basis", "x"],
    ):
        lying.second = "approve" in command
        code, out, said = within(*command)
        assert (code, out) == (1, ""), said
        assert missing in " ".join(said.split())
    lying.second = False
    code, out, said = within("show", item, "--basis", "x")
    assert code == 0, said
    assert f"not shown: {missing}" in out
    assert "the node's word alone" in out
    kinds = {one["document"]["type"] for one in shown(desk, item)}
    assert not {"approved", "disclosed"} & kinds
