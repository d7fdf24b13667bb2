"""An honest history to attack, and an audit from outside that must name what is wrong."""

from __future__ import annotations

import re

from ledger.domain.verify.report import Verdict
from tests.support.malice import World


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


def caught(world: World, *codes: str, **options: object) -> None:
    report = world.audit_all(**options)
    assert (report.verdict, report.codes()) == (Verdict.FAILED, set(codes)), report.as_json()
    for finding in report.findings:  # a time is told as one, and not in seconds since 1970
        assert not re.search(r"\b[12]\d{9}\b", f"{finding.expected} {finding.found}"), finding


def served(world: World, entries: list[bytes], *codes: str, **options: object) -> None:
    """NL serves these entries instead of its own."""
    nl = world["NL-POL"].write(world.folder / "lie", entries=entries)
    report = world.audit(nl, **options)
    assert report.verdict is Verdict.FAILED
    assert set(codes) <= report.codes(), report.as_json()
