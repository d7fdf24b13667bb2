"""Anchoring over a real RPC chain: crashes between steps, reorganisations, a stolen nonce, an older
home.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ledger.adapters.chain.contracts import sign_transaction, wait
from ledger.domain.bundle import trust
from ledger.domain.chain.finality import Rpc
from ledger.domain.errors import ChainError, FrozenError, NetworkError
from ledger.domain.log import merkle
from ledger.domain.verify import Verdict, verify
from ledger.services.bundles import agency_trust, export
from ledger.services.log import merkle_log
from ledger.services.onchain import checkpoint_anchoring, lost_transactions
from ledger.services.workers.anchoring_worker import AnchoringPolicy, due
from tests.support.desk import Desk
from tests.support.remote_desk import (
    CONFIRMATIONS,
    chain_of,
    kind,
    mine,
    mined,
    newest,
    newest_row,
    remote,
    url,
)

__all__ = ["kind", "mined", "remote", "url"]  # fixtures


def test_states_follow_the_chain_and_a_bundle_verifies_there(
    remote: Desk, mined: str, tmp_path: Path
) -> None:
    path = tmp_path / "item"
    path.write_bytes(b"evidence")
    (item,) = remote.upload(path)
    checkpoint_anchoring.step(remote.node)
    assert newest(remote) == mined
    mine(remote, CONFIRMATIONS)
    checkpoint_anchoring.step(remote.node)
    assert newest(remote) == "final"
    bundle = export.bundle(remote.node, item.evidence).encode()
    root = trust.parse(agency_trust.trust_root(remote.node, confirmations=CONFIRMATIONS).encode())
    report = verify(bundle, root)
    assert report.verdict is Verdict.VERIFIED, report.as_json()
    mine(remote, 5)
    chain = chain_of(remote)
    asked = replace(root, finality=(Rpc(CONFIRMATIONS),))
    assert verify(bundle, asked).verdict is Verdict.INCOMPLETE
    assert (
        verify(bundle, asked, confirm=lambda number, digest: {chain.block(number).hash}).verdict
        is Verdict.VERIFIED
    )


def test_a_crash_between_recording_and_sending_sends_the_same_bytes(
    remote: Desk, mined: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []

    def lost(raw: bytes) -> bytes:
        sent.append(raw)
        raise NetworkError("connection reset")

    with monkeypatch.context() as patch:
        patch.setattr(chain_of(remote), "send", lost)
        for _ in range(2):
            with pytest.raises(NetworkError):
                checkpoint_anchoring.step(remote.node)
    assert newest(remote) == "submitted"
    assert len(set(sent)) == 1
    checkpoint_anchoring.step(remote.node)
    assert newest(remote) == mined
    assert chain_of(remote).nonce(remote.node.keys.anchorer_address) >= 1


def test_an_answer_lost_after_mining_is_no_second_transaction(
    remote: Desk, mined: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = chain_of(remote)
    before = chain.nonce(remote.node.keys.anchorer_address)
    send = chain.send

    def lost(raw: bytes) -> bytes:
        send(raw)
        raise NetworkError("connection reset")

    with monkeypatch.context() as patch:
        patch.setattr(chain, "send", lost)
        with pytest.raises(NetworkError):
            checkpoint_anchoring.step(remote.node)
    checkpoint_anchoring.step(remote.node)
    assert newest(remote) == mined
    assert chain.nonce(remote.node.keys.anchorer_address) == before + 1


@pytest.mark.parametrize(
    "kind", ["anvil"], indirect=True, scope="module"
)  # a Hardhat node calls every block final
def test_a_reorganisation_puts_it_back_and_sends_identical_bytes(remote: Desk) -> None:
    chain = chain_of(remote)
    snapshot = chain._ask("evm_snapshot")
    checkpoint_anchoring.step(remote.node)
    assert newest(remote) == "anchored"
    with remote.node.records.read() as unit:
        before = checkpoint_anchoring.progress(remote.node, unit).newest
    assert before is not None
    chain._ask("evm_revert", snapshot)
    mine(remote, 1)
    assert chain.receipt(before.transaction) is None
    checkpoint_anchoring.step(remote.node)
    assert newest(remote) == "anchored"  # looks twice, where anvil does not know its receipt yet
    with remote.node.records.read() as unit:
        after = checkpoint_anchoring.progress(remote.node, unit).newest
    assert after is not None
    assert (after.state, after.transaction) == ("anchored", before.transaction)
    assert after.block != before.block
    mine(remote, CONFIRMATIONS)
    checkpoint_anchoring.step(remote.node)
    assert newest(remote) == "final"


def test_another_program_on_the_anchoring_account_is_told_and_overcome(
    remote: Desk, mined: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = chain_of(remote)

    def lost(raw: bytes) -> bytes:
        raise NetworkError("connection reset")

    with monkeypatch.context() as patch:
        patch.setattr(chain, "send", lost)
        with pytest.raises(NetworkError):
            checkpoint_anchoring.step(remote.node)
    key = remote.node.keys.anchorer
    nonce = chain.nonce(remote.node.keys.anchorer_address)
    wait(
        chain,
        chain.send(sign_transaction(chain, key, to=bytes(20), data=b"", gas=30_000, nonce=nonce)),
    )
    with pytest.raises(NetworkError, match="does not find"):
        checkpoint_anchoring.step(remote.node)
    monkeypatch.setattr(lost_transactions, "_CERTAIN", 0)
    with pytest.raises(ChainError, match="no longer be mined"):
        checkpoint_anchoring.step(remote.node)
    checkpoint_anchoring.step(remote.node)
    time.sleep(0.2)
    assert newest(remote) == mined


@pytest.mark.parametrize("lie", ["its next place", "the price of gas"])
def test_one_wrong_answer_when_a_checkpoint_is_signed_ends_anchoring_for_no_home(
    remote: Desk, mined: str, lie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer stands in the signed bytes: a chain waited without end for the places before, or
    refused for ever what the account cannot pay.
    """
    chain = chain_of(remote)
    nonce = chain.nonce
    with monkeypatch.context() as patch, suppress(ChainError):
        if lie == "its next place":
            patch.setattr(chain, "nonce", lambda address: nonce(address) + 5)
        else:
            patch.setattr(chain, "fees", lambda: (10**15, 10**15))
        checkpoint_anchoring.step(remote.node)
    assert newest_row(remote).state == "submitted"
    with pytest.raises((NetworkError, ChainError), match=r"later place|refused the transaction"):
        checkpoint_anchoring.step(remote.node)
    monkeypatch.setattr(lost_transactions, "_CERTAIN", 0)
    with pytest.raises(lost_transactions.LostError):
        checkpoint_anchoring.step(remote.node)
    checkpoint_anchoring.step(remote.node)
    assert newest(remote) == mined


def test_a_checkpoint_that_was_given_up_and_mined_all_the_same_is_taken_up_again(
    remote: Desk, mined: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = chain_of(remote)
    bytes_sent: list[bytes] = []

    def refuse(raw: bytes) -> bytes:
        bytes_sent.append(raw)
        raise ChainError("the chain refused the transaction: busy")

    with monkeypatch.context() as patch:
        patch.setattr(chain, "send", refuse)
        patch.setattr(lost_transactions, "_CERTAIN", 0)
        with pytest.raises(lost_transactions.LostError):
            checkpoint_anchoring.step(remote.node)
    wait(chain, chain.send(bytes_sent[0]))
    checkpoint_anchoring.step(remote.node)
    assert newest(remote) == mined


def test_no_price_of_gas_is_signed_that_nobody_ever_paid(
    remote: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = chain_of(remote)
    ask = chain._ask

    def dear(method: str, *params: Any, **options: Any) -> Any:
        answer = ask(method, *params, **options)
        return hex(10**15) if method == "eth_maxPriorityFeePerGas" else answer

    monkeypatch.setattr(chain, "_ask", dear)
    with pytest.raises(NetworkError, match=r"answered nonsense: .* wei for a unit of gas"):
        checkpoint_anchoring.step(remote.node)
    assert newest(remote) is None


def test_one_answer_that_a_checkpoint_was_reverted_gives_it_up_for_no_chain(
    remote: Desk, mined: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One server with an orphaned block: the checkpoint was dropped though it was mined, and from
    then on every anchoring said that the home is older than the chain.
    """
    chain = chain_of(remote)
    receipt = chain.receipt

    def reverted(transaction: bytes) -> Any:
        answer = receipt(transaction)
        return None if answer is None else replace(answer, succeeded=False)

    with monkeypatch.context() as patch:
        patch.setattr(chain, "receipt", reverted)
        for _ in range(3):
            with suppress(NetworkError):  # not final yet, or not certain
                checkpoint_anchoring.step(remote.node)
            mine(remote, CONFIRMATIONS)
    checkpoint_anchoring.step(remote.node)
    assert newest(remote) == "final"


def test_a_home_older_than_the_chain_anchors_nothing_and_says_what_to_do(desk: Desk) -> None:
    desk.anchor()
    with desk.node.records.write() as unit:
        row = unit.checkpoints.newest(desk.node.log_id, ("final",))
        assert row is not None
        unit.checkpoints.drop(desk.node.log_id, row.size)
    with closing(sqlite3.connect(desk.path / "ledger.sqlite")) as database, database:
        database.execute("DELETE FROM chain_transaction")
    with pytest.raises(ChainError, match="this home knows of 0") as error:
        desk.anchor()
    assert "restore the newest backup" in (error.value.hint or "")


def test_a_checkpoint_that_a_thief_anchored_with_a_map_of_nobodys_is_told_apart(
    desk: Desk,
) -> None:
    """The root is public; the log key is not needed to anchor it with a junk map."""
    node = desk.node
    with node.records.read() as unit:
        size = unit.logs.get(node.log_id).size
        root = merkle.root_of(size, merkle_log.reader(unit, node.log_id))
    raw = node.contracts.sign_anchor(node.keys.anchorer, 0, (0, size, root, b"j" * 32), [])
    wait(node.contracts.chain, node.contracts.chain.send(raw))
    with pytest.raises(ChainError, match="another item map than the entries give") as error:
        desk.anchor()
    assert "somebody else has the anchoring account" in (error.value.hint or "")


def test_an_altered_tile_or_entry_freezes_the_log_before_anything_is_signed(
    desk: Desk, tmp_path: Path
) -> None:
    for number, change in enumerate(("tile", "entry")):
        copy = Path(
            shutil.copytree(
                desk.path, tmp_path / f"copy{number}", ignore=shutil.ignore_patterns("*.lock")
            )
        )
        with Desk(copy) as other:
            if change == "tile":
                with other.node.records.write() as unit:
                    tile = bytearray(unit.logs.tile(other.node.log_id, 0, 0))
                    tile[-1] ^= 1
                    unit.logs.put_tile(other.node.log_id, 0, 0, bytes(tile))
            else:
                with other.node.records.write() as unit:
                    unit._db.exec_driver_sql(
                        "UPDATE entry SET entry = CAST(substr(entry, 1, length(entry) - 1) || x'00' AS BLOB)"
                    )
            with pytest.raises(FrozenError):
                other.anchor()
            with pytest.raises(FrozenError):
                other.anchor()
            assert other.node.contracts.latest(other.node.log_id).size == 0


def test_anchoring_is_due_by_growth_or_by_age(desk: Desk) -> None:
    assert due(desk.node, AnchoringPolicy(growth=1, age=3600))
    assert not due(desk.node, AnchoringPolicy(growth=100, age=3600))
    assert due(desk.node, AnchoringPolicy(growth=100, age=0))
    desk.anchor()
    assert not due(desk.node, AnchoringPolicy(growth=1, age=0))
