"""A chain that several signers seal in turns: what a bundle carries so that a court can judge it
offline, and what it says while that is not there yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.adapters.chain import local
from ledger.adapters.chain.contracts import address_of
from ledger.app import create_home
from ledger.domain.bundle import bundle as bundles
from ledger.domain.chain import clique, evm
from ledger.domain.chain.clique import Clique
from ledger.domain.errors import ConflictError
from ledger.domain.ports.node_and_chain import BlockRef
from ledger.domain.verify import Status, Verdict, verify, verify_bundle
from ledger.services.bundles import descendants
from tests.support.clique import NAMES
from tests.support.commands import within
from tests.support.desk import PASSPHRASE, Desk
from tests.support.samples import edit_chain
from tests.support.sealing import THREE, TurningChain, mine


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """An agency on such a chain."""
    monkeypatch.setattr(local, "LocalChain", TurningChain)
    home = tmp_path / "home"
    create_home.found(home, agency="NL-POL", person="1", roles=["officer"], passphrase=PASSPHRASE)
    with Desk(home) as opened:
        opened.node.seal_rules = (THREE,)
        opened.governor = address_of(opened.home.keyring.get("governor"))
        yield opened


@pytest.fixture
def evidence(desk: Desk, tmp_path: Path) -> str:
    """An item whose first event is anchored in the newest block."""
    (tmp_path / "photo.jpg").write_bytes(b"evidence")
    [item] = desk.upload(tmp_path / "photo.jpg")
    desk.anchor()
    return item.evidence


def test_a_bundle_of_a_chain_of_several_signers_verifies_offline(desk: Desk, evidence: str) -> None:
    mine(desk, 3)
    data = desk.bundle(evidence)
    report = verify(data, desk.trust())
    assert report.verdict is Verdict.VERIFIED, report.as_json()
    assert "sealed by 2 of 3 signers" in report.steps[7].detail
    section = bundles.parse(data).chain
    assert section is not None
    assert len(section.descendants) == 1  # as many as are needed, and no more
    bare = verify_bundle(edit_chain(bundles.parse(data), descendants=()), desk.trust())
    assert (bare.verdict, bare.steps[7].status) == (Verdict.INCOMPLETE, Status.NOT_CHECKED)


def test_a_bundle_from_before_enough_signers_sealed_says_what_to_wait_for(
    desk: Desk, evidence: str
) -> None:
    report = verify(desk.bundle(evidence), desk.trust())
    step = report.steps[7]
    assert (report.verdict, step.status) == (Verdict.INCOMPLETE, Status.NOT_CHECKED)
    assert "sealed by 1 of 3 signers, expected 2" in step.detail
    assert "wait until the chain has 1 more block, then export the bundle again" in step.hint
    mine(desk, 1)
    assert verify(desk.bundle(evidence), desk.trust()).verdict is Verdict.VERIFIED


def test_a_block_that_is_final_lies_deep_enough_where_confirmations_are_waited_for(
    desk: Desk, evidence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TurningChain, "confirmations", 4)
    mine(desk, 5)
    desk.anchor()
    section = bundles.parse(desk.bundle(evidence)).chain
    assert section is not None
    number = evm.parse_header(section.header).number
    assert number == desk.node.contracts.chain.head().number - 4
    assert len(section.descendants) == 1


def test_a_signer_who_is_away_costs_no_more_than_twice_as_many_headers_as_there_are_signers(
    desk: Desk, evidence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that wants all three is never met while one of them is away; what is there is shown."""
    monkeypatch.setattr(TurningChain, "turns", (0, 1))
    monkeypatch.setattr(TurningChain, "confirmations", 20)
    mine(desk, 25)
    desk.anchor()
    chain = desk.node.contracts.chain
    block = chain.block(chain.final())
    found = descendants.collect(chain, [replace(THREE, seals=3)], block)
    assert len(found) == 6
    assert descendants.collect(chain, [], block) == ()
    assert descendants.collect(chain, [clique.alone(NAMES[0])], block) == ()


def test_signers_who_were_exchanged_since_the_home_joined_leave_what_a_newer_trust_root_judges(
    desk: Desk, evidence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TurningChain, "turns", (3, 4, 5, 6, 7))
    mine(desk, 12)
    monkeypatch.setattr(TurningChain, "confirmations", 8)
    data, old = desk.bundle(evidence), desk.trust()
    report = verify(data, old)
    assert (report.verdict, report.steps[7].status) == (Verdict.INCOMPLETE, Status.NOT_CHECKED)
    assert "or signers were changed since the trust root" in report.steps[7].detail
    assert report.steps[7].hint.startswith("get a newer trust root from an agency of the chain")
    later = Clique(1, None, frozenset(NAMES[3:]), 3)
    assert verify(data, replace(old, finality=(later,))).verdict is Verdict.VERIFIED


def test_a_chain_that_is_reorganised_while_a_bundle_is_made_is_asked_again(
    desk: Desk, evidence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine(desk, 2)
    chain = desk.node.contracts.chain
    block = chain.block(chain.head().number - 1)
    other = BlockRef(block.number, bytes(32), block.time, block.header)
    with pytest.raises(ConflictError, match="reorganised while the bundle was made"):
        descendants.collect(chain, [THREE], other)


def test_whoever_exports_too_early_is_told_and_told_what_to_do(
    desk: Desk, evidence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clique, "alone", lambda _: THREE)
    desk.__exit__(None, None, None)
    for more in ([], [evidence]):
        folder = tmp_path / f"bundles-{len(more)}"
        folder.mkdir()
        assert within("anchor", home=desk.path)[0] == 0
        code, printed, said = within(
            *("bundle", evidence, *more, "-o", folder / ("b.bundle" if not more else "")),
            *("--basis", "court"),
            home=desk.path,
        )
        assert code == 0, said
        told = " ".join(printed.split())
        assert "incomplete" in told
        assert "wait until the chain has 1 more block, then export the bundle again" in told
