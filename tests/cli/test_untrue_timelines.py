"""A node whose list of events, or what it says of an item in clear, is not what was signed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_swapped_records import OTHER, item_of
from tests.support.commands import within
from tests.support.desk import Desk
from tests.support.lying_node import Lie, Lying, lying  # noqa: F401  (fixtures)
from tests.support.strangers import desk  # noqa: F401  (fixtures)


def event(number: int, **changes: Any) -> Lie:
    return lambda found: found["events"][number].update(changes)


def without(number: int) -> Lie:
    return lambda found: found["events"].pop(number) and None


LISTS = {
    "left out": (without(1), "event 1 of the record is not among the events"),
    "time": (event(1, time="2020-01-01T00:00:00Z"), "the time of event 1 is 2"),
    "agency": (event(1, agency="RO-DIICOT"), "the agency of event 1 is NL-POL there"),
    "effect": (event(1, effect="close"), "the effect of event 1 is none there"),
    "void": (event(1, void=True), "the validity of event 1"),
    "number": (event(1, seq=2), "the number of event 1 is 1 there, and it lists 2"),
    "another one": (
        lambda found: found["events"].append({**found["events"][0], "statement": OTHER}),
        "it lists an event 0 that is not the one of the record",
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_events_that_is_not_what_was_signed_is_not_shown(
    desk: Desk, lying: Lying, tmp_path: Path, name: str
) -> None:
    item = item_of(desk, tmp_path, "one")
    lying.listed, match = LISTS[name]
    code, out, said = within("show", item, "--basis", "x")
    assert (code, out) == (1, ""), said
    assert match in " ".join(said.split())
    assert "do not rely on this node" in said


ITEMS = {
    "holder": ({"custodian": "RO-DIICOT"}, "the holder is NL-POL there, and it says RO-DIICOT"),
    "end": ({"closed": True}, "the end is none there"),
    "last event": ({"head": OTHER}, "the last event is"),
    "content": ({"cid": None}, "the content is bafk"),
    "addressee": (
        {"offer": {"agency": "RO-DIICOT", "person": None, "expires": None}},
        "the addressee is none there, and it says RO-DIICOT",
    ),
}


@pytest.mark.parametrize("name", ITEMS)
def test_what_a_node_says_of_an_item_otherwise_than_its_record_is_not_shown(
    desk: Desk, lying: Lying, tmp_path: Path, name: str
) -> None:
    item = item_of(desk, tmp_path, "one")
    change, match = ITEMS[name]

    def read(_: dict[str, Any]) -> None:  # before the access is signed the lie would be in the way
        lying.item = lambda found: found.update(change)

    lying.record = read
    code, out, said = within("show", item, "--basis", "x")
    assert (code, out) == (1, ""), said
    assert match in " ".join(said.split())


def test_what_the_node_lists_besides_the_record_is_told_as_its_word(
    desk: Desk, lying: Lying, tmp_path: Path
) -> None:
    item = item_of(desk, tmp_path, "one")

    def read(_: dict[str, Any]) -> None:
        lying.item = lambda found: found.update(events=found["events"] + 1, head=OTHER)

    def more(found: dict[str, Any]) -> None:
        last = found["events"][-1]
        found["events"].append({**last, "seq": last["seq"] + 1, "statement": OTHER})

    lying.record, lying.listed = read, more
    code, out, said = within("show", item, "--basis", "x")
    assert code == 0, said
    assert out.count("all of it the node's word") == 1
    assert "Each event was held against its signature" in out
    lying.record = lying.item = lying.listed = lambda found: None
    code, out, said = within("show", item)
    assert (code, "Until then all of this is the node's word" in out) == (0, True), said
    code, out, said = within("--json", "show", item, "--basis", "x")
    assert [one["seq"] for one in json.loads(out)["events"]] == [0, 1, 2, 3], said
