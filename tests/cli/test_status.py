"""What `custody status` says: words that fit the numbers and times, on every width of terminal."""

from __future__ import annotations

import itertools

import pytest

from cli.commands.status import text
from cli.terminal import output, tables
from ledger.domain.blocks.store import ReplicaStatus
from ledger.domain.codecs.text import counted
from ledger.domain.ports.node_answers import (
    Chain,
    Checkpoint,
    EndingCertificate,
    ForgottenNode,
    Ipfs,
    IpfsNode,
    NodeStatus,
    TimeAuthorityStatus,
    WorkerStatus,
)
from ledger.domain.untrusted.visible import width

HOSTILE = "x\x1b[2J\nverdict: verified\u202e"
ENDS = "the certificate of the person a ends at 2026-12-01T00:00:00Z"
ENDED = "the certificate of the node ended at 2026-11-01T00:00:00Z"
NEXT = "2026-12-02T00:00:00Z"
LATER = "the certificate of the person a is good from 2199-01-01T00:00:00Z, and the node's clock"


def status(count: int = 1, *messages: str) -> NodeStatus:
    daemon = ReplicaStatus("0.39.0", "12D3", ("/ip4/127.0.0.1",), 3, 5 << 40, 6 << 40)
    long = IpfsNode("a-node-with-a-long-name", True, daemon, 10**9, 10**6, count, HOSTILE, HOSTILE)
    return NodeStatus(
        agency="NL-POL",
        log="urn:custody:NL-POL/log/1",
        descriptorVersion=1,
        nextDescriptorFrom=NEXT if count == 1 else None,
        chain=Chain(HOSTILE, 1, 5, HOSTILE, HOSTILE, "0x" + "ab" * 20, "0x" + "cd" * 20),
        integrated=5,
        submitted=5 - count,
        anchored=5 - count,
        final=5 - count,
        newest=Checkpoint(count, "ab" * 32, "final", "0x", 7, 1, 1),
        storedBytes=1,
        backupsUntil=None,
        frozen=HOSTILE,
        ipfs=Ipfs(count, (long,), (ForgottenNode(HOSTILE, count),), count, 1, HOSTILE, HOSTILE),
        workers=(WorkerStatus(HOSTILE, count, None, HOSTILE, HOSTILE, None, None),),
        certificates=tuple(
            EndingCertificate("person", "a", ENDS[-20:], message, "x") for message in messages
        ),
        anchoredAlone=HOSTILE if count == 1 else None,
        timeAuthorities=(TimeAuthorityStatus(HOSTILE, count, count, None),),
    )


def test_numbers_agree_with_their_words() -> None:
    one, two = "\n".join(text(status(1))), "\n".join(text(status(2)))
    assert "1 entry is not final, proven to nobody yet" in one
    assert "2 entries are not final, proven to nobody yet" in two
    assert "1 entry, final" in one
    assert "1 time:" in one
    assert "1 node; 1 item lacks a copy" in one
    assert "2 nodes; 2 items lack a copy" in two
    assert counted(0, "copy") == "0 copies"


def test_keys_that_are_published_and_not_in_force_are_told_with_their_time() -> None:
    told = f"next keys   version 2 is published, in force from {NEXT}"
    assert text(status(1))[1] == told
    assert not any(line.startswith("next keys") for line in text(status(2)))


def test_a_certificate_that_has_ended_does_not_end_soon() -> None:
    lines = text(status(1, ENDS, ENDED, LATER))
    told = [line for line in lines if "the certificate of" in line]
    assert told == [f"ENDS SOON   {ENDS}", f"ENDED       {ENDED}", f"NOT YET     {LATER}"]


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_nothing_of_a_node_breaks_the_lines_of_its_status(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    output.show(*text(status(2, ENDED)))
    lines = capsys.readouterr().out.split("\n")
    assert max(map(width, lines)) <= max(columns, 20)
    assert not [line for line in lines if line.startswith("verdict") or "\x1b" in line]


def test_a_table_that_fits_no_width_stands_line_by_line_with_nothing_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    rows = [["3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f", "RO-DIICOT", "2026-12-01T00:00:00Z"]] * 2
    lines = tables.table(["ITEM", "TO", "GOOD UNTIL"], rows, whole=("ITEM", "TO"))
    whole = ["ITEM        " + rows[0][0], "TO          RO-DIICOT", "GOOD UNTIL  " + rows[0][2]]
    assert lines == [*whole, "", *whole]


@pytest.mark.parametrize("columns", [60, 80, 132])
def test_a_table_never_asks_for_more_columns_than_there_are(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(output, "is_terminal", lambda stream: True)
    names = ["ITEM", "FROM", "TO", "STATE", "GOOD UNTIL", "LOOKED AT"]
    for count, whole in itertools.product(range(1, 7), ((), ("ITEM",))):
        lines = tables.table(names[:count], [["y" * 36] * count], whole=whole)
        assert max(map(width, lines)) <= columns
