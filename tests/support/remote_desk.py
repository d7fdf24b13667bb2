"""A desk whose node anchors on a real chain by RPC: fixtures and helpers."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ledger.adapters.chain import contracts as chain_contracts
from ledger.adapters.chain.contracts import Contracts, Founder, address_of
from ledger.adapters.chain.rpc import RpcChain
from ledger.app import person_keys
from ledger.domain.identity.names import agency_id
from ledger.rows.agencies import DescriptorRow
from ledger.rows.logs import CheckpointRow
from ledger.services.onchain import checkpoint_anchoring
from ledger.services.registration import agency_statements
from tests.support.chains import running
from tests.support.desk import Desk

CONFIRMATIONS = 2


@pytest.fixture(scope="module", params=["anvil", "hardhat"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def url(kind: str) -> Iterator[str]:
    with running(kind) as found:
        yield found


@pytest.fixture
def mined(kind: str) -> str:
    """The state of a checkpoint that was just mined: a Hardhat node calls its newest block
    finalized.
    """
    return {"anvil": "anchored", "hardhat": "final"}[kind]


@pytest.fixture
def remote(desk: Desk, url: str) -> Desk:
    """A desk whose node anchors on a chain by RPC, with contracts and a log of its own there."""
    chain = RpcChain(url, confirmations=CONFIRMATIONS)
    keyring, node = desk.home.keyring, desk.node
    for name in ("governor", "anchorer", "recovery"):
        chain._ask("hardhat_setBalance", "0x" + address_of(keyring.get(name)).hex(), hex(10**20))
    with node.records.read() as unit:
        descriptor = node.descriptor(unit)
    founder = Founder(
        "NL-POL",
        address_of(keyring.get("governor")),
        address_of(keyring.get("anchorer")),
        address_of(keyring.get("recovery")),
        descriptor.digest,
    )
    registry, ledger, _ = chain_contracts.deploy(
        chain,
        keyring.get("governor"),
        [founder],
        chain_contracts.Delays(descriptor=1, proposal_life=9, recovery=9),
    )
    block = chain.block(chain.head().number - 1)
    node.contracts.chain.close()
    node.contracts, node.seal_rules = Contracts(chain, registry, ledger), ()
    node.log_id = node.contracts.log_id(agency_id("NL-POL"), 0)
    with node.records.write() as unit:
        unit.authority.put_descriptor(DescriptorRow(1, descriptor.raw, block.time, block.number))
        agency_statements.open_log(node, unit, number=0, policy="test", anchors=["anvil"])
    desk.person = person_keys.person_of(keyring, node.log_id, descriptor)
    return desk


def chain_of(desk: Desk) -> RpcChain:
    found = desk.node.contracts.chain
    assert isinstance(found, RpcChain)
    return found


def mine(desk: Desk, count: int) -> None:
    chain_of(desk)._ask("hardhat_mine", hex(count))


def newest(desk: Desk) -> str | None:
    """The newest checkpoint's state; anvil answers null for a fresh receipt at times, for longer on a
    machine under load, so "submitted" is believed only after a second.
    """
    for _ in range(20):
        with desk.node.records.read() as unit:
            row = checkpoint_anchoring.progress(desk.node, unit).newest
        if row is None or row.state != "submitted":
            break
        if chain_of(desk).receipt(row.transaction) is None:
            time.sleep(0.05)
        else:
            checkpoint_anchoring.step(desk.node)
    return None if row is None else row.state


def newest_row(desk: Desk) -> CheckpointRow:
    with desk.node.records.read() as unit:
        found = checkpoint_anchoring.progress(desk.node, unit).newest
    assert found is not None
    return found
