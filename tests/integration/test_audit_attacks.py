"""An agency that cheats, with all its keys, against an auditor who has nothing but files, a chain and a trust root.

Each test is an attack of docs/threat-model.md, and says which finding must name it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.domain.verify.report import Verdict
from tests.support.malice import World


@pytest.fixture
def world(tmp_path: Path, rng: random.Random) -> Iterator[World]:
    found = World(tmp_path, rng, "NL-POL", "RO-DIICOT")
    yield found
    found.close()


def history(world: World) -> None:
    """Something of everything that is allowed."""
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    items = [nl.open() for _ in range(5)]
    for item in items[:3]:
        nl.say(item, "none")
    world.settle()
    nl.offer(items[0], ro)
    ro.conclude(items[0], "accept")
    ro.say(items[0], "none")
    nl.offer(items[1], ro)
    ro.conclude(items[1], "decline")
    nl.say(items[1], "none")
    nl.offer(items[2], ro)
    nl.conclude(items[2], "withdraw")
    nl.say(items[2], "close", who=nl.people["custodian"])
    nl.say(items[2], "none")
    world.settle()
    ro.offer(items[0], nl)
    nl.conclude(items[0], "accept")
    nl.say(items[0], "none")
    world.settle()


def test_an_honest_history_is_verified(world: World) -> None:
    history(world)
    report = world.audit_all()
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()
