"""Registration: repeats, gaps, batches and statements without their content."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.adapters.memory import StoppedClock
from ledger.app import field_folder
from ledger.client.intake.upload import Upload, UploadOptions
from ledger.domain.errors import (
    ConflictError,
    RuleError,
)
from ledger.domain.event.signing import sign_event
from tests.support.desk import Desk, signed_note


def test_the_same_statement_twice_gets_the_same_receipt_another_one_is_a_conflict(
    desk: Desk, photo: Path
) -> None:
    (item,) = desk.upload(photo)
    head = bytes.fromhex(desk.client.item(item.evidence).head)
    signed = [
        sign_event(
            desk.person,
            "note",
            {"text": text},
            evidence=item.evidence,
            seq=1,
            prev=head,
            time=desk.clock.now(),
        ).submission
        for text in ("one", "two")
    ]
    first = desk.client.register([signed[0]])[0]
    again = desk.client.register([signed[0]])[0]
    assert (again.repeated, again.receipt, again.index) == (
        True,
        first.receipt,
        first.index,
    )
    with pytest.raises(ConflictError):
        desk.client.register([signed[1]])


def test_a_gap_a_wrong_predecessor_a_future_or_an_early_time_is_refused(
    desk: Desk, photo: Path
) -> None:
    (item,) = desk.upload(photo)
    head = bytes.fromhex(desk.client.item(item.evidence).head)
    now = desk.clock.now()
    desk.node.clock = StoppedClock(
        now
    )  # the bound is one second wide: a running clock would step over it
    for seq, prev, time in (
        (2, head, now),
        (1, bytes(32), now),
        (1, head, now + 301),
        (1, head, now - 86400),
    ):
        submission = signed_note(desk, item.evidence, seq=seq, prev=prev, time=time)
        with pytest.raises(RuleError):
            desk.client.register([submission])
    assert desk.client.item(item.evidence).events == 1


def test_a_batch_is_registered_all_or_none(desk: Desk, photo: Path) -> None:
    (item,) = desk.upload(photo)
    good, bad = (signed_note(desk, item.evidence, seq=seq) for seq in (1, 3))
    with pytest.raises(RuleError):
        desk.client.register([good, bad])
    assert desk.client.item(item.evidence).events == 1


def test_statement_without_its_blocks_is_refused(desk: Desk, photo: Path) -> None:
    class Forgetful:
        def __getattr__(self, name: str) -> object:
            return getattr(desk.client, name)

        def put_blocks(self, blocks: object) -> None:
            """Loses them."""

    run = Upload(
        desk.person,
        Forgetful(),
        field_folder.journal_of(desk.path, desk.home.keyring),
        desk.clock,
        UploadOptions(),
    )  # type: ignore[arg-type]
    with pytest.raises(RuleError, match="lacks 1 block here"):
        list(run.run([photo]))
