"""A home audited and examined beside the process that holds it: one moment of it, which nobody
waits for.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger.adapters.keystore.file import Unlocking
from ledger.app import bootstrap, open_audit, settings
from ledger.app.bootstrap import OpenHome
from ledger.domain.errors import LockedError, StorageError
from ledger.domain.verify.report import Verdict
from ledger.services.audit import internal
from ledger.services.audit.self_check import examine
from ledger.services.audit.self_check_findings import SelfCheckFinding
from ledger.services.bundles import agency_trust
from tests.support.desk import PASSPHRASE, Desk


@pytest.fixture
def held(founded: Path, tmp_path: Path) -> Iterator[Desk]:
    """A home that a process holds, with an anchored item."""
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"evidence" * 50_000)
    with Desk(Path(shutil.copytree(founded, tmp_path / "home"))) as desk:
        desk.upload(file)
        desk.anchor()
        yield desk


def audited(view: OpenHome) -> tuple[Verdict, set[str], str]:
    root = agency_trust.trust_root(view.node, confirmations=0)
    with open_audit.temporary(root) as state:
        report = internal.audit(view.node, root, state, internal.InternalOptions(share=1.0))
    return report.verdict, report.codes(), report.details["content"]


def test_a_served_home_is_audited_at_one_moment_while_it_goes_on(
    held: Desk, tmp_path: Path
) -> None:
    unlocking = Unlocking(held.path / settings.KEYRING, PASSPHRASE)
    with pytest.raises(LockedError):
        bootstrap.open_home(held.path, unlocking)
    with bootstrap.open_view(held.path, unlocking) as view:
        second = tmp_path / "second.jpg"
        second.write_bytes(b"more")
        [done] = held.upload(second)
        held.anchor()  # the view's moment of the database and of the chain lie before
        assert audited(view)[:2] == (Verdict.VERIFIED, set())
        with view.node.records.read() as unit:
            assert unit.items.get(done.evidence) is None
    with bootstrap.open_view(held.path, unlocking) as view:
        verdict, codes, content = audited(view)
    assert (verdict, codes) == (Verdict.VERIFIED, set())
    assert content.startswith("2 of 2")


def test_a_served_home_is_examined_by_doctor(held: Desk) -> None:
    with bootstrap.open_view(
        held.path, Unlocking(held.path / settings.KEYRING, PASSPHRASE)
    ) as view:
        found = list(examine(view.node, deep=True))
    assert not [one for one in found if isinstance(one, SelfCheckFinding)], found


def test_nothing_is_written_through_a_view(held: Desk) -> None:
    with bootstrap.open_view(
        held.path, Unlocking(held.path / settings.KEYRING, PASSPHRASE)
    ) as view:
        with pytest.raises(StorageError, match="only read"):
            view.node.records.write()
        with pytest.raises(StorageError, match="only read"):
            view.node.blocks.put([])
        with pytest.raises(StorageError, match="only read"):
            view.node.contracts.chain.send(_transaction(held))
    assert held.node.contracts.chain.nonce(held.node.keys.anchorer_address) == 1


def _transaction(desk: Desk) -> bytes:
    """One that the chain would take: the next anchor."""
    node = desk.node
    return bytes(
        node.contracts.sign_anchor(node.keys.anchorer, 1, (4, 5, bytes(32), bytes(32)), [])
    )


def test_no_part_of_a_self_check_goes_further_than_it_said_there_is(
    desk: Desk, tmp_path: Path
) -> None:
    """One bar for all parts, as long as the log, ran past its end."""
    (tmp_path / "large.bin").write_bytes(bytes(3 << 20))
    desk.upload(tmp_path / "large.bin")
    desk.anchor()
    totals, done = dict[str, int](), Counter[str]()

    def begin(what: str, total: int) -> Callable[[int], None]:
        totals[what] = total
        return lambda count: done.update({what: count})

    for deep in (False, True):
        totals.clear()
        done.clear()
        list(examine(desk.node, deep=deep, progress=begin))
        assert {what for what in totals if done[what] > totals[what]} == set()
        assert done["checking the log"] == totals["checking the log"] > 0
        assert done["checking content"] == 1
