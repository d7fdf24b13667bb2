"""Signers of a shared chain who are changed while agencies work: a home names others once a person
compared them, and no node has it name anybody whom the headers contradict.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger.domain.bundle import trust
from ledger.domain.chain.clique import Clique
from tests.support.clique import NAMES
from tests.support.commands import within
from tests.support.consortium import NL, RO
from tests.support.sealing import TurningChain
from tests.support.shared_chain import THREE, Shared, going_on, shared

__all__ = ["shared"]  # a fixture

NEWER = [*NAMES[:2], NAMES[3]]
LOOK = 32  # newest blocks of a chain that is asked what it is


class Changed:
    """A deployment of which NL has an anchored item; ``at``: the last block of the first signers."""

    def __init__(self, shared: Shared, patch: pytest.MonkeyPatch) -> None:
        self.shared, self.patch = shared, patch
        assert shared.deploy("--confirmations", "1")[0] == 0
        for code in (NL, RO):
            assert shared.join(code, "--confirmations", "1")[0] == 0
        shared.node.lie = going_on(shared)
        (shared.folder / "photo.jpg").write_bytes(b"evidence" * 1000)
        self.run(NL, "upload", self.photo, "--case", "1", "--exhibit", "A")
        self.run(NL, "anchor")
        self.run(NL, "bundle", "1/A", "-o", self.folder / "before.bundle", "--basis", "court")
        self.at = self.shared.chain.head().number

    @property
    def folder(self) -> Path:
        return self.shared.folder

    @property
    def photo(self) -> Path:
        return self.folder / "photo.jpg"

    @property
    def root(self) -> trust.TrustRoot:
        return trust.parse((self.folder / "trust.json").read_bytes())

    def run(self, code: str, *words: object, ends: int = 0) -> str:
        """What a command of an agency prints and says, as one line."""
        ended, printed, said = within(*words, home=self.folder / code)
        assert ended == ends, printed + said
        return " ".join((printed + said).split())

    def change(self, turns: tuple[int, ...]) -> None:
        """Others seal from the next block on."""
        self.patch.setattr(TurningChain, "turns", turns)
        names = [NAMES[turn] for turn in turns]
        self.shared.node.signers["clique_getSigners"] = self.telling(self.at, names)
        self.shared.mine(LOOK + 2)

    @staticmethod
    def telling(last: int, names: list[bytes]) -> Callable[[int], list[bytes]]:
        """A node that says that others seal behind a block."""
        return lambda number: NAMES[:3] if number < last else names

    def rules(self, code: str) -> list[dict[str, Any]]:
        settings = json.loads((self.folder / code / "home.json").read_bytes())
        return list(settings["chain"]["rules"])

    def verdict(self, bundle: str, trusted: Path) -> str:
        _, printed, said = within("verify", self.folder / bundle, self.photo, "--trust", trusted)
        return " ".join((printed + said).split())


@pytest.fixture
def changed(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> Changed:
    return Changed(shared, monkeypatch)


def test_a_home_names_signers_who_were_changed_once_somebody_compared_them(
    changed: Changed,
) -> None:
    """Nothing could tell it so: every bundle from behind the change was incomplete for ever."""
    assert "names those who seal the chain" in changed.run(NL, "chain", "signers")
    old = changed.folder / "trust.json"
    changed.change((0, 1, 3))
    changed.run(NL, "note", "1/A", "--text", "seen")
    export = ("bundle", "1/A", "-o", changed.folder / "behind.bundle", "--basis", "x", "--force")
    for more in range(3):  # a block that two of the first signers seal in a row is final by them
        changed.run(NL, "anchor")
        changed.shared.mine(more)
        if "custody chain signers" in (told := changed.run(NL, *export)):
            break
    assert "custody chain signers" in told
    assert "or signers were changed since" in changed.verdict("behind.bundle", old)

    before = changed.rules(NL)
    asked = changed.run(NL, "chain", "signers", ends=2)
    assert "nobody can be asked" in asked
    assert changed.rules(NL) == before
    said = changed.run(NL, "chain", "signers", "--yes")
    assert f"blocks from {changed.at + 1} on" in said
    assert f"0x{NAMES[3].hex()} (new)" in said
    assert f"no longer 0x{NAMES[2].hex()}" in said
    newer = changed.folder / "newer.json"
    given = json.loads(within("trust", "-o", newer, "--json", home=changed.folder / NL)[1])
    root = trust.parse(newer.read_bytes())
    [first] = [rule for rule in changed.root.finality if isinstance(rule, Clique)]
    assert root.finality[:2] == (
        Clique(first.start, changed.at, THREE, 2),
        Clique(changed.at + 1, None, frozenset(NEWER), 2),
    )
    changed.run(NL, "bundle", "1/A", "-o", changed.folder / "anew.bundle", "--basis", "court")
    for bundle in ("before.bundle", "behind.bundle", "anew.bundle"):
        assert "sealed by 2 of 3 signers" in changed.verdict(bundle, newer)

    wrong = " ".join(["00000"] * 8)
    words = ("chain", "signers", "--trust", newer, "--trust-fingerprint")
    changed.run(RO, *words, wrong, ends=3)
    assert changed.rules(RO) == before
    changed.run(RO, *words, given["fingerprint"], "--yes")
    assert changed.rules(RO) == changed.rules(NL)
    assert "names those who seal the chain" in changed.run(RO, "chain", "signers")


def test_an_older_trust_root_or_half_of_a_newer_one_takes_no_known_range_back(
    changed: Changed,
) -> None:
    """Blocks that were final were so no longer, and the screen said that nobody had gone."""
    changed.change((0, 1, 3))
    changed.run(NL, "chain", "signers", "--yes")
    known, path = changed.rules(NL), changed.folder / "given.json"
    within("trust", "-o", changed.folder / "newer.json", home=changed.folder / NL)
    newer = json.loads((changed.folder / "newer.json").read_bytes())
    first, second, *others = newer["finality"]
    for rules in ([second], [{**second, "from": changed.at + 3}], [{**first, "to": None}]):
        path.write_text(json.dumps({**newer, "finality": [*rules, *others]}))
        told = changed.run(NL, "chain", "signers", "--trust", path, "--yes", ends=2)
        assert "says otherwise who sealed blocks" in told
        assert changed.rules(NL) == known


def test_a_gap_behind_a_held_range_takes_nothing_back(changed: Changed) -> None:
    """Blocks of a range that was in force, and final, would be judged by nobody."""
    changed.change((0, 1, 3))
    root = json.loads((changed.folder / "trust.json").read_bytes())
    first, *others = root["finality"]
    newer = {**first, "from": changed.at + 1, "signers": sorted("0x" + one.hex() for one in NEWER)}
    path = changed.folder / "given.json"
    path.write_text(
        json.dumps({**root, "finality": [{**first, "to": changed.at - 2}, newer, *others]})
    )
    told = changed.run(NL, "chain", "signers", "--trust", path, "--yes", ends=2)
    assert f"nobody who sealed blocks {changed.at - 1} to {changed.at}" in told
    assert len(changed.rules(NL)) == 1


@pytest.mark.parametrize("does_tell", [True, False])
def test_a_range_between_with_a_signer_too_many_is_refused(
    changed: Changed, *, does_tell: bool
) -> None:
    """Who sealed were all named, and whoever was named beside them could write those blocks."""
    changed.change((0, 1, 3))
    root = json.loads((changed.folder / "trust.json").read_bytes())
    first, *others = root["finality"]
    names = ["0x" + one.hex() for one in NEWER]
    newer = {**first, "from": changed.at + 11, "signers": sorted(names)}
    more = sorted([*names, "0x" + NAMES[5].hex()])
    between = {**newer, "from": changed.at + 1, "to": changed.at + 10}
    path = changed.folder / "given.json"
    if not does_tell:
        del changed.shared.node.signers["clique_getSigners"]
    ended = {**first, "to": changed.at}
    for signers, ends in ((more, 1), (sorted(names), 0)):
        rules = [ended, {**between, "signers": signers, "seals": len(signers) // 2 + 1}, newer]
        path.write_text(json.dumps({**root, "finality": [*rules, *others]}))
        told = changed.run(NL, "chain", "signers", "--trust", path, "--yes", ends=ends)
        assert ("of whom 3 are named" in told) == bool(ends), told


def test_more_signers_have_the_home_wait_for_as_many_blocks_as_they_need(changed: Changed) -> None:
    changed.change((0, 1, 2, 3, 4))
    assert "waits for 2 blocks now" in changed.run(NL, "chain", "signers", "--yes")
    settings = json.loads((changed.folder / NL / "home.json").read_bytes())
    assert settings["chain"]["confirmations"] == 2


@pytest.mark.parametrize("later", [-6, 6])
def test_a_node_that_says_another_block_since_which_others_seal_is_refused(
    changed: Changed, later: int
) -> None:
    """Bundles from between would fail for ever, or be believed to whoever was dropped."""
    changed.change((0, 1, 3))
    told = changed.telling(changed.at + later, NEWER)
    changed.shared.node.signers["clique_getSigners"] = told
    assert "by a stranger" in changed.run(NL, "chain", "signers", "--yes", ends=1)
    assert len(changed.rules(NL)) == 1


def test_a_node_that_names_others_whom_no_header_shows_is_refused(changed: Changed) -> None:
    told = changed.telling(changed.at, [NAMES[5], *NAMES[:2]])
    changed.shared.node.signers["clique_getSigners"] = told
    assert "by a stranger" in changed.run(NL, "chain", "signers", "--yes", ends=1)
    changed.shared.node.signers["clique_getSigners"] = lambda _: NEWER
    changed.patch.setattr(TurningChain, "turns", (0, 1, 3))
    changed.shared.mine(LOOK + 2)
    told_of = changed.run(NL, "chain", "signers", "--yes", ends=1)
    assert "names others for block" in told_of
    assert len(changed.rules(NL)) == 1


def test_a_trust_root_of_another_chain_or_with_other_signers_is_not_taken(
    changed: Changed,
) -> None:
    changed.change((0, 1, 3))
    root = json.loads((changed.folder / "trust.json").read_bytes())
    first = root["finality"][0]
    newer = {**first, "from": changed.at + 1, "signers": sorted("0x" + one.hex() for one in NEWER)}
    good = [{**first, "to": changed.at}, newer, root["finality"][-1]]
    early = [{**first, "to": changed.at - 6}, {**newer, "from": changed.at - 5}]
    others = {**newer, "signers": sorted("0x" + one.hex() for one in NAMES[3:6])}
    path = changed.folder / "given.json"
    for change, says, ends in (
        ({"chainId": 7}, "another chain", 2),
        ({"genesis": "0x" + "11" * 32}, "another chain", 2),
        ({"contracts": {**root["contracts"], "ledger": root["contracts"]["registry"]}}, "contracts", 2),
        ({"finality": [*early, root["finality"][-1]]}, "by a stranger", 1),
        ({"finality": [good[0], others, good[-1]]}, "is sealed by 3 signers", 1),
        ({"finality": [good[0], good[-1]]}, "nobody who seals blocks from now on", 1),
    ):  # fmt: skip
        path.write_text(json.dumps({**root, "finality": good, **change}))
        told = changed.run(NL, "chain", "signers", "--trust", path, "--yes", ends=ends)
        assert says in told
        assert len(changed.rules(NL)) == 1
    path.write_text(json.dumps({**root, "finality": good}))
    changed.run(NL, "chain", "signers", "--trust", path, "--yes")
    assert len(changed.rules(NL)) == 2


def test_a_home_with_a_chain_of_its_own_is_told_that_nobody_else_seals_it(
    home_path: Path,
) -> None:
    code, _, said = within("chain", "signers", home=home_path)
    assert code == 2
    assert "which nobody else seals" in " ".join(said.split())


def test_status_and_doctor_tell_that_others_seal_than_the_home_names(
    changed: Changed,
) -> None:
    """Nothing did, until a court's verdict was incomplete."""
    quiet = ("is sealed by 3 signers, of whom",)
    for words, ends in ((("status",), 0), (("doctor",), 3)):  # entries wait to be anchored
        assert quiet[0] not in changed.run(NL, *words, ends=ends)
    changed.at = changed.shared.chain.head().number  # a receipt that is asked for brings a block
    changed.change((0, 1, 3))
    told = "the chain is sealed by 3 signers, of whom the trust root does not name 1, and not by 1"
    status = changed.run(NL, "status", ends=3)
    assert told in status
    assert "chain signers" in status
    assert told in changed.run(NL, "doctor", ends=3)
    chain = changed.shared.node
    tells = chain.signers.pop("clique_getSigners")
    seen = "of whom the trust root does not name 1, and not by 0 whom it names"
    assert seen in changed.run(NL, "status", ends=3), "headers show it where the node does not tell"
    chain.signers["clique_getSigners"] = tells
    changed.run(NL, "chain", "signers", "--yes")
    assert quiet[0] not in changed.run(NL, "status")


def test_the_monitor_raises_an_alarm_where_others_seal_than_the_trust_root_names(
    changed: Changed,
) -> None:
    log = changed.folder / "log"
    changed.run(NL, "log", "export", log, "--entries")
    words = (
        "monitor",
        "--log",
        log,
        "--trust",
        changed.folder / "trust.json",
        "--rpc",
        changed.shared.url,
    )
    more = ("--state", changed.folder / "seen.state", "--once")
    changed.change((0, 1, 3))
    ended, printed, said = within(*words, *more, home=changed.folder / NL)
    assert "the trust root does not name 1" in " ".join((printed + said).split()), said
    assert ended != 0
