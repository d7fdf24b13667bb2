"""A home asks real time authorities over HTTP, and what it gets goes into bundles; what cannot be
had, or is wrong, holds up nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from ledger.adapters.clock import SystemClock
from ledger.adapters.time_authority import HttpTimeAuthority
from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import trust, trust_fingerprint
from ledger.domain.errors import CustodyError, FormatError, NetworkError, VerificationError
from ledger.domain.untrusted import hosts
from ledger.domain.verify import Verdict, verify
from ledger.domain.verify.report import VerificationReport
from ledger.services.audit import self_check
from ledger.services.audit.self_check_findings import SelfCheckFinding
from ledger.services.timestamps import stamping, standing
from ledger.services.workers.time_stamp_worker import TimeStampWorker
from tests.support.desk import Desk
from tests.support.time_authority import OpensslAuthority, Served, served

HERE = hosts.networks(["127.0.0.0/8"])


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Served]:
    with served(OpensslAuthority(tmp_path / "authority")) as state:
        yield state


def _asks(desk: Desk, *authorities: Served) -> None:
    desk.node.time_authorities = tuple(
        HttpTimeAuthority(one.authority.trusted(), one.url, HERE) for one in authorities
    )


def _item(desk: Desk, folder: Path) -> str:
    path = folder / "evidence.bin"
    path.write_bytes(os.urandom(500))
    [item] = desk.upload(path)
    return item.evidence


def _report(desk: Desk, evidence: str) -> VerificationReport:
    return verify(desk.bundle(evidence), desk.trust())


def test_a_bundle_carries_what_an_authority_saw_and_the_report_says_who(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    _asks(desk, asked)
    evidence = _item(desk, tmp_path)
    [api] = desk.node.time_authorities
    assert stamping.stamp(desk.node, api) is not None or desk.anchor()
    desk.anchor()
    assert stamping.stamp(desk.node, api) is not None
    assert stamping.stamp(desk.node, api) is None, "asked once for each checkpoint"
    report = _report(desk, evidence)
    assert report.verdict is Verdict.VERIFIED
    assert "Test authority saw it no later than" in report.steps[10].detail
    assert report.facts["anchoredAlone"] is None
    [row] = report.facts["timestamps"]
    assert (row["authority"], row["problem"], row["revocationChecked"]) == (
        "Test authority",
        None,
        False,
    )
    assert any("revocation is not checked" in finding for finding in report.findings)


def test_a_record_that_nobody_else_saw_says_so(desk: Desk, tmp_path: Path) -> None:
    evidence = _item(desk, tmp_path)
    desk.anchor()
    report = _report(desk, evidence)
    assert report.verdict is Verdict.VERIFIED
    assert "anchored by nobody but NL-POL itself" in report.steps[10].detail
    assert report.facts["anchoredAlone"] == "NL-POL"


def test_what_an_authority_missed_is_covered_by_the_next_token(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    _asks(desk, asked)
    [api] = desk.node.time_authorities
    asked.habit = "down"
    evidence = _item(desk, tmp_path)
    desk.anchor()
    with pytest.raises(NetworkError):
        stamping.stamp(desk.node, api)
    asked.habit = ""
    other = _item(desk, tmp_path)
    desk.anchor()
    assert stamping.stamp(desk.node, api) is not None
    third = _item(desk, tmp_path)
    desk.anchor()  # the newest one, at which receipts are, bears no token
    for one in (evidence, other):
        report = _report(desk, one)
        assert report.verdict is Verdict.VERIFIED, report.as_json()
        assert "Test authority saw it" in report.steps[10].detail
    assert "nobody but NL-POL" in _report(desk, third).steps[10].detail


def test_lists_of_the_week_behind_a_token_show_that_its_authority_was_not_revoked(
    desk: Desk, tmp_path: Path
) -> None:
    with served(OpensslAuthority(tmp_path / "first")) as state:
        # The address of a list stands in the certificate, so it must be known first.
        state.authority = OpensslAuthority(tmp_path / "here", crl_url=f"{state.url}ca.crl")
        _asks(desk, state)
        evidence = _item(desk, tmp_path)
        desk.anchor()
        [api] = desk.node.time_authorities
        stamping.stamp(desk.node, api)
        assert stamping.fetch_lists(desk.node, api) == 2
        assert stamping.fetch_lists(desk.node, api) == 0
    report = _report(desk, evidence)
    [row] = report.facts["timestamps"]
    assert row["revocationChecked"], report.findings


@pytest.mark.parametrize(
    ("habit", "error"),
    [
        ("nonsense", FormatError),
        ("large", NetworkError),
        ("refusing", NetworkError),
        ("down", NetworkError),
    ],
)
def test_an_authority_that_gives_no_token_is_told_and_nothing_is_kept(
    habit: str, error: type[CustodyError], desk: Desk, asked: Served, tmp_path: Path
) -> None:
    _asks(desk, asked)
    evidence = _item(desk, tmp_path)
    desk.anchor()
    asked.habit = habit
    with pytest.raises(error):
        stamping.stamp(desk.node, desk.node.time_authorities[0])
    assert _report(desk, evidence).facts["timestamps"] == []


def test_an_old_answer_is_not_taken_for_a_new_one(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    _asks(desk, asked)
    asked.habit = "replaying"
    [api] = desk.node.time_authorities
    api.stamp(sha256(b"x").digest())
    with pytest.raises(FormatError, match="nonce"):
        api.stamp(sha256(b"x").digest())


def test_a_token_that_would_count_for_nothing_is_not_kept(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    trusted = asked.authority.trusted(policies=("1.2.3",))
    desk.node.time_authorities = (HttpTimeAuthority(trusted, asked.url, HERE),)
    _item(desk, tmp_path)
    desk.anchor()
    with pytest.raises(VerificationError, match="counts for nothing"):
        stamping.stamp(desk.node, desk.node.time_authorities[0])


def test_a_token_of_a_clock_that_is_hours_behind_is_not_kept_and_is_asked_for_again(
    desk: Desk, asked: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody who verifies believes it, and the node had it for good."""
    _asks(desk, asked)
    [api] = desk.node.time_authorities
    now = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: now(clock) + 7200)
    _item(desk, tmp_path)
    desk.anchor()
    with pytest.raises(VerificationError, match="counts for nothing"):
        stamping.stamp(desk.node, api)
    with desk.node.records.read() as unit:
        assert stamping.unstamped(desk.node, unit, api.authority) is not None
        assert standing.alone(desk.node, unit) == "NL-POL"


def test_who_is_asked_no_longer_or_distrusted_vouches_for_nothing_in_status(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    _asks(desk, asked)
    _item(desk, tmp_path)
    desk.anchor()
    [api] = desk.node.time_authorities
    stamping.stamp(desk.node, api)
    with desk.node.records.read() as unit:
        assert standing.alone(desk.node, unit) is None
        distrusted = replace(api.authority, distrusted_from=desk.clock.now())
        desk.node.time_authorities = (HttpTimeAuthority(distrusted, asked.url, HERE),)
        assert standing.alone(desk.node, unit) == "NL-POL"
        desk.node.time_authorities = ()
        assert standing.alone(desk.node, unit) == "NL-POL"


def test_an_authority_that_is_silent_holds_up_neither_anchoring_nor_another_one(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    with served(OpensslAuthority(tmp_path / "silent", name="Silent")) as silent:
        silent.habit = "silent"
        _asks(desk, silent, asked)
        worker = TimeStampWorker(desk.node, spacing=0.1)
        worker.start()
        try:
            evidence = _item(desk, tmp_path)
            desk.anchor()
            end = time.monotonic() + 20
            while "Test authority" not in _report(desk, evidence).steps[10].detail:
                assert time.monotonic() < end
                time.sleep(0.2)
        finally:
            worker.stopping.set()


def test_what_a_worker_cannot_get_is_on_the_board_and_tried_again(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    _asks(desk, asked)
    _item(desk, tmp_path)
    desk.anchor()
    asked.habit = "down"
    worker = TimeStampWorker(desk.node, spacing=0.05)
    worker.start()
    try:
        end = time.monotonic() + 20
        while not desk.node.workers.failing():
            assert time.monotonic() < end
            time.sleep(0.05)
        assert desk.node.workers.failing()[0].worker == "time-Test authority"
        asked.habit = ""
        while desk.node.workers.failing():
            assert time.monotonic() < end
            time.sleep(0.05)
    finally:
        worker.stop()


def test_a_checkpoint_that_no_token_is_over_covers_nothing_by_itself(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    """Tokens may bring a checkpoint along; without them it is spare, as before."""
    _asks(desk, asked)
    evidence = _item(desk, tmp_path)
    desk.anchor()
    _item(desk, tmp_path)
    desk.anchor()
    stamping.stamp(desk.node, desk.node.time_authorities[0])
    _item(desk, tmp_path)
    desk.anchor()
    bundle = bundles.parse(desk.bundle(evidence))
    assert len(bundle.checkpoints) == 3
    assert verify(bundle.encode(), desk.trust()).verdict is Verdict.VERIFIED
    bare = replace(bundle, timestamps=())
    report = verify(bare.encode(), desk.trust())
    assert report.verdict is Verdict.FAILED
    assert "covers nothing" in report.steps[6].detail


def test_doctor_judges_what_is_kept_and_finds_what_was_altered(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    _asks(desk, asked)
    _item(desk, tmp_path)
    desk.anchor()
    row = stamping.stamp(desk.node, desk.node.time_authorities[0])
    assert row is not None
    results = list(self_check.examine(desk.node, deep=False))
    assert [one.message for one in results if isinstance(one, SelfCheckFinding)] == []
    assert [one.count for one in results if getattr(one, "part", "") == "time stamps"] == [1]
    other = asked.authority.token(sha256(b"another").digest())
    with desk.node.records.write() as unit:
        unit.timestamps.keep(replace(row, imprint=sha256(b"another").digest(), token=other))
    found = [
        one.message
        for one in self_check.examine(desk.node, deep=False)
        if isinstance(one, SelfCheckFinding)
    ]
    assert any("time_stamp" in message for message in found)


def test_a_forged_token_is_a_finding_and_fails_nothing(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    _asks(desk, asked)
    evidence = _item(desk, tmp_path)
    desk.anchor()
    stamping.stamp(desk.node, desk.node.time_authorities[0])
    bundle = bundles.parse(desk.bundle(evidence))
    [row] = bundle.timestamps
    for token in (b"junk", row.token[:-1], asked.authority.token(sha256(b"other").digest())):
        forged = replace(bundle, timestamps=(replace(row, token=token),))
        report = verify(forged.encode(), desk.trust())
        assert report.verdict is Verdict.VERIFIED
        assert any("counts for nothing" in finding for finding in report.findings)
        assert "nobody but NL-POL itself" in report.steps[10].detail


def test_a_reader_who_was_told_the_chain_s_fingerprint_believes_no_authority(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    plain = trust_fingerprint.of(desk.trust())
    _asks(desk, asked)
    evidence = _item(desk, tmp_path)
    desk.anchor()
    stamping.stamp(desk.node, desk.node.time_authorities[0])
    root, data = desk.trust(), desk.bundle(evidence)
    found = trust_fingerprint.of(root)
    assert (found.chain, plain.with_pins, found.authorities) == (
        plain.chain,
        "",
        ("Test authority",),
    )
    assert trust_fingerprint.covered(root, found.with_pins) == root
    believed = trust_fingerprint.covered(root, found.chain)
    assert "nobody but NL-POL" in verify(data, believed).steps[10].detail
    other = replace(root, time_authorities=(asked.authority.trusted(policies=("1.2.3",)),))
    assert trust_fingerprint.of(other).with_pins != found.with_pins
    assert trust.parse(root.encode()) == root


def test_a_token_under_the_name_of_an_authority_that_had_other_roots_vouches_for_nothing(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    """A name was given to other roots later: the older token stood for those, and was kept."""
    _asks(desk, asked)
    _item(desk, tmp_path)
    desk.anchor()
    stamping.stamp(desk.node, desk.node.time_authorities[0])
    with served(OpensslAuthority(tmp_path / "other")) as other:
        assert other.authority.trusted().name == asked.authority.trusted().name
        _asks(desk, other)
        with desk.node.records.read() as unit:
            assert standing.alone(desk.node, unit) == "NL-POL"
            [told] = standing.authorities(desk.node, unit)
            assert told.time is None
        made = stamping.stamp(desk.node, desk.node.time_authorities[0])
        assert made is not None
        with desk.node.records.read() as unit:
            assert standing.alone(desk.node, unit) is None
            assert [row.token for row in unit.timestamps.newest()] == [made.token]


def test_an_authority_under_another_name_vouches_by_its_roots(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    _asks(desk, asked)
    _item(desk, tmp_path)
    desk.anchor()
    stamping.stamp(desk.node, desk.node.time_authorities[0])
    renamed = asked.authority.trusted(name="Renamed")
    desk.node.time_authorities = (HttpTimeAuthority(renamed, asked.url, HERE),)
    with desk.node.records.read() as unit:
        assert standing.alone(desk.node, unit) is None
    assert stamping.stamp(desk.node, desk.node.time_authorities[0]) is None


def test_an_authority_that_is_distrusted_is_not_asked(
    desk: Desk, asked: Served, tmp_path: Path
) -> None:
    """It was, for each checkpoint, and each answer was refused and told as a failure."""
    distrusted = asked.authority.trusted(distrusted_from=desk.clock.now())
    desk.node.time_authorities = (HttpTimeAuthority(distrusted, asked.url, HERE),)
    assert stamping.asked(desk.node) == []
    assert TimeStampWorker(desk.node)._loops == []
