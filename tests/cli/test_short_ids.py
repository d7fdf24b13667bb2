"""Short ids, and lists by what somebody looks for."""

from __future__ import annotations

import json
import re
import shlex
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli.items import short_ids
from ledger.adapters.node.client import NodeClient
from ledger.domain.ports.answers import Item
from tests.cli.test_items import at_work, phone, seized, short  # noqa: F401  (fixtures)
from tests.support.commands import within
from tests.support.waiting import wait_until


def test_a_node_that_names_another_item_for_a_short_id_is_found_out_by_the_record(
    at_work: Path, worked: dict[str, str], phone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which item a short id stands for is the node's word, and another one would be given on."""
    digits = short(at_work, worked["evidence"])
    truly = NodeClient.find

    def lying(self: NodeClient, **wanted: Any) -> Iterator[Item]:
        for item in truly(self, among=[phone]):
            yield replace(item, opening=digits + item.opening[8:])

    monkeypatch.setattr(NodeClient, "find", lying)
    code, _, said = within("show", digits, "--basis", "test", home=at_work)
    assert (code, "the statement that opened it has another digest" in said) == (1, True), said


def test_items_whose_short_ids_begin_alike_are_told_apart_and_none_is_taken(
    at_work: Path, worked: dict[str, str], phone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight digits can be found by trying: whoever opens an item that has those of another one
    would have theirs taken for it.
    """
    both, truly = [worked["evidence"], phone], NodeClient.find

    def alike(self: NodeClient, **wanted: Any) -> Iterator[Item]:
        for number, item in enumerate(truly(self, among=both)):
            opening = f"abcdef01{number}{item.opening[9:]}"
            if opening.startswith(wanted.get("beginning", "")):
                yield replace(item, opening=opening)

    monkeypatch.setattr(NodeClient, "find", alike)
    code, _, said = within("note", "abcdef01", "x", home=at_work)
    assert code == 2
    told = re.findall(r"'abcdef01' may be each of 2 items: (\w{12}), (\w{12})\n", said)
    assert told, said
    assert len(set(told[0])) == 2
    assert within("note", told[0][1], "x", home=at_work)[0] == 0


def test_a_short_id_is_shown_wherever_an_item_is_and_taken_as_it_was_shown(
    at_work: Path, tmp_path: Path
) -> None:
    (tmp_path / "new").write_bytes(b"new")
    _, printed, _ = within("upload", "new", "--case", "2026-600", home=at_work)
    [uploaded] = re.findall(r"^([0-9a-f]{8})  ", printed, re.MULTILINE)
    _, printed, _ = within("seize", "phone", "--case", "2026-600", home=at_work)
    [seized] = re.findall(r"recorded as ([0-9a-f]{8}), ", printed)
    _, printed, _ = within("list", "--case", "2026-600", home=at_work)
    assert set(re.findall(r"^([0-9a-f]{8})  ", printed, re.MULTILINE)) == {uploaded, seized}
    for item in (uploaded, seized):
        code, printed, said = within("show", item, home=at_work)
        assert code == 0, said
        assert re.search(rf"^item     {item}  urn:uuid:", printed)
    code, printed, said = within("tree", uploaded, home=at_work)
    assert printed == f"{uploaded}  <- this one\n", said


def test_a_list_is_limited_sorted_and_turned_page_by_page(at_work: Path) -> None:
    things = [seized(at_work, "2026-700", f"T{number}") for number in range(3)]
    (at_work.parent / "f").write_bytes(b"file of case 700")
    assert within("upload", at_work.parent / "f", "--case", "2026-700", home=at_work)[0] == 0

    def listed(*options: str) -> list[str]:
        code, printed, said = within("--json", "list", "--case", "2026-700", *options, home=at_work)
        assert code == 0, said
        return [item["evidence"] for item in json.loads(printed)["items"]]

    [file] = listed("--kind", "file")
    assert listed() == [*things, file]
    assert listed("--sort", "newest") == [file, *things[::-1]]
    assert listed("--sort", "kind") == [file, *things]
    second = int(time.time())
    wait_until(lambda: int(time.time()) > second)  # times are told in whole seconds
    assert within("note", things[1], "x", home=at_work)[0] == 0
    assert listed("--sort", "latest")[0] == things[1]
    assert listed("--state", "closed") == listed("--by", "4711")[4:] == []
    assert listed("--text", "t1") == listed("--exhibit", "T1") == [things[1]]
    assert listed("--holder", "RO-DIICOT") == []
    assert listed("--since", "2026-01-01 Europe/Amsterdam") == [*things, file]
    assert listed("--since", "2999-01-01Z") == []
    pages = [listed("--limit", "3", "--page", str(page)) for page in (1, 2, 3)]
    assert pages == [things, [file], []]
    code, printed, _ = within("list", "--case", "2026-700", "--limit", "3", home=at_work)
    [more] = re.findall(r"^more: (custody .*)$", printed, re.MULTILINE)
    assert within(*shlex.split(more)[1:])[1].count("\n") == 2, "the heading and the last one"
    code, _, said = within("list", "--by", "0000", home=at_work)
    assert (code, "names nobody" in said) == (2, True)


def test_the_widest_row_of_a_list_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    from cli.commands import list_items

    monkeypatch.setattr("cli.terminal.output.is_terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "80")
    ours = Item(
        "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f", "ab" * 32, "2026-11-20T10:00:00Z", "me",
        "derived", "NL-POL", "NL-POL", 12, "ab" * 32, "2026-11-20T10:00:00Z", True, True, "me",
        None, None, 3, "submitted", (), None,
    )  # fmt: skip
    gone = replace(ours, evidence=ours.evidence[:-1] + "e", custodian="RO-DIICOT", holder="x" * 26)
    called = lambda agency, name: "47110815" if agency == "NL-POL" else name[:8]  # noqa: E731
    ids = short_ids.apart({ours.evidence: "ab" * 32, gone.evidence: "cd" * 32})
    lines = list_items._table([ours, gone], ids, "NL-POL", called, {})
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80
    assert lines[2].split() == [
        *("cdcdcdcd", "derived", "2026-11-20", "10:00Z", "47110815", "RO-DIICOT", "destroyed,"),
        *("on", "its", "way"),
    ]
