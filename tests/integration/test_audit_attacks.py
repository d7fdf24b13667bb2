"""An agency that cheats, with all its keys, against an auditor who has nothing but files, a chain
and a trust root.

Each test is an attack of docs/threat-model.md, and says which finding must name it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.adapters.logfiles import FolderFiles
from ledger.domain.audit.contract_events import CheckpointAnchored
from ledger.domain.errors import NetworkError
from ledger.domain.verify.report import Verdict
from ledger.services.audit import replaying, unanchored_tail
from tests.support.attacks import caught, history, served
from tests.support.malice import World


def test_an_honest_history_is_verified(world: World) -> None:
    history(world)
    report = world.audit_all()
    assert (report.verdict, report.codes()) == (Verdict.VERIFIED, set()), report.as_json()


# Rewriting and truncation


def test_an_entry_rewritten_after_it_was_anchored(world: World) -> None:
    history(world)
    nl = world["NL-POL"]
    other = nl.statement(nl.open(), "none").entry
    served(world, [*nl.entries[:4], other, *nl.entries[5 : nl.anchored]], "root-differs")


def test_an_entry_dropped_after_it_was_anchored(world: World) -> None:
    history(world)
    nl = world["NL-POL"]
    served(world, [*nl.entries[:4], *nl.entries[5 : nl.anchored], nl.entries[-1]], "root-differs")


def test_a_log_cut_short(world: World) -> None:
    history(world)
    served(world, world["NL-POL"].entries[:-3], "log-truncated")


def test_two_entries_swapped(world: World) -> None:
    history(world)
    entries = list(world["NL-POL"].entries)
    entries[3], entries[4] = entries[4], entries[3]
    served(world, entries, "root-differs")


def test_a_rewrite_between_two_audits(world: World) -> None:
    state = world.folder / "kept.audit"
    nl = world["NL-POL"]
    item = nl.open()
    world.settle()
    assert world.audit(nl.write(world.folder / "log"), state=state).verdict is Verdict.VERIFIED
    nl.say(item, "none")
    world.settle()
    # What was checked already is rewritten together with its tiles: the new entries no longer lead
    # to the anchored roots.
    lie = [*nl.entries[:2], nl.statement(nl.open(), "none").entry, *nl.entries[3 : nl.anchored]]
    report = world.audit(nl.write(world.folder / "log", entries=lie), state=state)
    assert report.verdict is Verdict.FAILED
    assert {"tile-differs", "note-differs"} & report.codes(), report.as_json()


# One item


def test_an_item_with_two_branches_in_one_log(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    first, second = (
        nl.statement(item, "none"),
        nl.statement(item, "close", who=nl.people["custodian"]),
    )
    nl.log(first)
    nl.log(second)
    world.settle()
    caught(world, "item-branch")


def test_an_item_opened_twice_in_one_log(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    nl.log(nl.statement(item, "open", seq=0, prev=None))
    world.settle()
    caught(world, "item-branch")


def test_an_item_opened_in_two_logs(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item = nl.open()
    ro.log(ro.statement(item, "open", seq=0, prev=None))
    world.settle()
    caught(world, "item-twice")


def test_an_item_that_goes_on_here_after_it_was_handed_over(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item = nl.open()
    nl.offer(item, ro)
    ro.conclude(item, "accept")
    nl.log(nl.statement(item, "none"))
    world.settle()
    caught(world, "item-branch")


def test_an_event_left_out(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    hidden = nl.statement(item, "none")
    item.seq, item.head = 1, hidden.digest
    nl.say(item, "none")
    world.settle()
    caught(world, "item-gap")


def test_an_event_after_the_end(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    nl.say(item, "close", who=nl.people["custodian"])
    nl.say(item, "offer", to="NL-POL")
    world.settle()
    caught(world, "item-rule")


def test_a_statement_registered_twice(world: World) -> None:
    nl = world["NL-POL"]
    nl.log(nl.say(nl.open(), "none"))
    world.settle()
    caught(world, "replayed")


def test_an_outcome_without_an_offer(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    nl.say(item, "accept", who=nl.people["custodian"])
    world.settle()
    caught(world, "item-rule")


# Time


def test_a_statement_dated_back_beyond_the_declared_delay(world: World) -> None:
    nl = world["NL-POL"]
    nl.open(time=world.clock.now() - 5 * 86400)
    world.settle()
    assert "late" in world.audit_all().codes()


def test_an_event_dated_before_the_one_that_it_follows(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    nl.say(item, "none", time=world.clock.now() - 1000)
    world.settle()
    caught(world, "item-clock")


def test_a_statement_dated_ahead(world: World) -> None:
    nl = world["NL-POL"]
    nl.open(time=world.clock.now() + 5000)
    world.settle()
    assert "clock-ahead" in world.audit_all().codes()


def test_anchoring_put_off(world: World) -> None:
    nl = world["NL-POL"]
    world.settle()
    nl.open()
    world.clock.time += 2 * 3600
    report = world.audit_all()
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"overdue"}), report.as_json()


# Logs


def test_a_statement_meant_for_another_log(world: World) -> None:
    nl, ro = world["NL-POL"], world["RO-DIICOT"]
    item = nl.open()
    nl.log(nl.statement(item, "none", log_id=ro.log_id))
    world.settle()
    caught(world, "wrong-log")


def test_an_entry_that_is_no_statement(world: World) -> None:
    nl = world["NL-POL"]
    nl.entries.append(b"not a statement")
    world.settle()
    caught(world, "entry-malformed")


def test_different_logs_for_different_auditors(world: World) -> None:
    nl = world["NL-POL"]
    item = nl.open()
    world.settle()
    shown = [*nl.entries, nl.statement(item, "none").entry]
    to_the_other = nl.note(
        len(shown), shown
    )  # one auditor is shown an access that the log then never had
    nl.say(item, "close", who=nl.people["custodian"])
    world.settle()
    caught(world, "view-differs", seen=[to_the_other])


def test_an_access_hidden_after_it_was_shown_to_a_monitor(world: World) -> None:
    state = world.folder / "kept.audit"
    nl = world["NL-POL"]
    item = nl.open()
    world.settle()
    access = nl.statement(item, "none")
    shown = [*nl.entries, access.entry]
    report = world.audit(nl.write(world.folder / "log", entries=shown), state=state)
    assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"waiting"}), report.as_json()
    nl.say(item, "none")
    world.settle()
    report = world.audit(nl.write(world.folder / "log"), state=state)
    assert (report.verdict, report.codes()) == (Verdict.FAILED, {"view-differs"}), report.as_json()


@pytest.mark.parametrize(
    "withheld",
    ["tile/entries/000.p", "tile/0/000.p", "certs", "documents", "checkpoints", "checkpoint"],
)
def test_files_withheld(world: World, withheld: str) -> None:
    history(world)
    folder = world["NL-POL"].write(world.folder / "log")
    target = folder / withheld
    target.rename(folder / "elsewhere")
    report = world.audit(folder)
    code = "certificate-missing" if withheld == "certs" else "withheld"
    assert report.verdict is Verdict.FAILED
    assert code in report.codes(), report.as_json()


def test_a_tile_with_other_hashes(world: World) -> None:
    history(world)
    folder = world["NL-POL"].write(world.folder / "log")
    [tile] = (folder / "tile/0/000.p").iterdir()
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])
    report = world.audit(folder)
    assert "tile-differs" in report.codes(), report.as_json()


# The chain


def test_an_auditor_led_to_another_chain(world: World, tmp_path: Path, rng: random.Random) -> None:
    other = World(tmp_path / "other", rng, "NL-POL", "RO-DIICOT")
    try:
        world.contracts = other.contracts
        report = world.audit_all()
        # Whoever asks another chain learns nothing of the log; as with verify, nothing is refuted.
        assert (report.verdict, report.codes()) == (Verdict.INCOMPLETE, {"chain-other"})
    finally:
        other.close()


def test_a_log_that_goes_on_without_end_beyond_what_is_anchored(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl = world["NL-POL"]
    world.settle()
    monkeypatch.setattr(unanchored_tail, "TAIL", 5)
    for _ in range(6):
        nl.open()
    assert world.audit_all().codes() == {"overdue"}
    monkeypatch.setattr(unanchored_tail, "TAIL", 6)
    assert world.audit_all().codes() == {"waiting"}


def test_an_audit_stopped_at_any_place_goes_on_and_finds_the_same(
    world: World, rng: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl = world["NL-POL"]
    items = [nl.open() for _ in range(300)]
    for item in items:
        nl.say(item, "none")
        if rng.random() < 0.01:
            nl.log(
                nl.statement(item, "none", seq=item.seq, prev=item.head)
            )  # a fault here and there
    nl.anchor()
    for item in items[::3]:
        nl.say(item, "close", who=nl.people["custodian"])
    world.settle()
    expected = world.audit_all()
    monkeypatch.setattr(replaying, "_STRETCH", 1)
    state, stops = world.folder / "kept.audit", 0

    def begin(what: str, total: int) -> Callable[[int], None]:
        def advance(count: int) -> None:
            nonlocal stops
            if what.startswith("log") and rng.random() < 0.5:
                stops += 1
                raise KeyboardInterrupt

        return advance

    for _ in range(30):
        try:
            report = world.audit_all(state=state, progress=begin)
            break
        except KeyboardInterrupt:
            continue
    assert stops
    assert report.counts == expected.counts
    places = [[finding.place for finding in each.findings] for each in (report, expected)]
    assert places[0] == places[1]


def test_contracts_that_are_not_those_of_the_trust_root(world: World) -> None:
    world.settle()
    world.root = replace(world.root, ledger=replace(world.root.ledger, code_hash=bytes(32)))
    caught(world, "contract-code")


def test_a_chain_node_that_hides_a_checkpoint_or_tells_it_otherwise(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    nl = world["NL-POL"]
    for _ in range(3):
        nl.open()
        world.settle()
    told = world.contracts.events(0, 10_000)
    ours = [record for record in told if getattr(record, "log", None) == nl.log_id]
    anchored = [record for record in ours if isinstance(record, CheckpointAnchored)]
    monkeypatch.setattr(
        world.contracts,
        "events",
        lambda first, last: [record for record in told if record is not anchored[1]],
    )
    caught(world, "checkpoint-unlinked")
    lie = replace(anchored[1], time=anchored[1].time - 1)
    monkeypatch.setattr(
        world.contracts,
        "events",
        lambda first, last: [lie if record is anchored[1] else record for record in told],
    )
    caught(world, "checkpoint-unlinked")


def test_statements_of_the_agency_about_itself_out_of_order(world: World) -> None:
    nl = world["NL-POL"]
    world.settle()
    nl.statements.pop()
    nl.publish_crl()
    world.settle(publish=False)
    report = world.audit_all()
    assert "agency-statements" in report.codes(), report.as_json()


def test_a_tile_or_a_bundle_that_is_malformed(world: World) -> None:
    nl = world["NL-POL"]
    world.settle()
    folder = nl.write(world.folder / "log")
    [bundle] = (folder / "tile/entries/000.p").iterdir()
    bundle.write_bytes(bundle.read_bytes()[:-5])
    assert "bundle-malformed" in world.audit(folder).codes()


def test_a_file_that_cannot_be_read_is_no_contradiction_and_a_malformed_checkpoint_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = world.folder / "kept.audit"
    nl = world["NL-POL"]
    for _ in range(300):
        nl.open()
    world.settle()
    folder = nl.write(world.folder / "log")
    assert world.audit(folder, state=state).verdict is Verdict.VERIFIED
    seen = nl.note(100)
    good = FolderFiles.get

    def flaky(self: FolderFiles, path: str) -> bytes:
        if path == "tile/0/000":  # all is replayed: it is read to compare views alone
            raise NetworkError("no answer")
        return good(self, path)

    monkeypatch.setattr(FolderFiles, "get", flaky)
    report = world.audit(folder, state=state, seen=[seen])
    assert (report.verdict, report.codes()) == (Verdict.UNREADABLE, {"unreachable"}), (
        report.as_json()
    )
    monkeypatch.undo()
    assert world.audit(folder, state=state, seen=[seen]).verdict is Verdict.VERIFIED
    (folder / "checkpoint").write_bytes(b"nonsense")
    report = world.audit(folder)
    assert (report.verdict, report.codes()) == (Verdict.FAILED, {"note-unsigned"})
