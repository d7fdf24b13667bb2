"""One suite against every chain: embedded, Hardhat node, anvil."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from ledger.adapters.chain import abi
from ledger.adapters.chain.contracts import (
    Contracts,
    Delays,
    Founder,
    address_of,
    deploy,
    sign_transaction,
    wait,
)
from ledger.adapters.chain.lazy_chain import DeferredChain
from ledger.adapters.chain.local import LocalChain
from ledger.adapters.chain.rpc import RpcChain
from ledger.adapters.memory import StoppedClock
from ledger.domain.chain import clique, contract_layout, evm
from ledger.domain.chain.evm import keccak256
from ledger.domain.errors import ChainError, LockedError, NetworkError, NotFoundError, StorageError
from ledger.domain.identity.names import agency_id
from ledger.domain.ports.node_and_chain import Chain
from tests.support import oracle
from tests.support.chains import free_port, running

GOVERNOR, ANCHORER, SEALER = (bytes([number]) * 32 for number in (1, 2, 3))
MAP_ROOT = b"m" * 32
LEAVES = [bytes([number]) * 32 for number in range(20)]
WORDS: Final = [number.to_bytes(32, "big") for number in (0, 1, 32, 96, 2**63, 2**64, 2**256 - 1)]


@pytest.fixture(scope="module", params=["local", "hardhat", "anvil"])
def chain(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Chain]:
    accounts = [address_of(GOVERNOR), address_of(ANCHORER)]
    with ExitStack() as stack:
        if request.param == "local":
            folder = tmp_path_factory.mktemp("chain")
            opened: Chain = LocalChain(
                folder,
                chain_id=4242,
                sealer=SEALER,
                clock=StoppedClock(1_795_000_000),
                funded=accounts,
            )
        else:
            rpc = RpcChain(stack.enter_context(running(request.param)), confirmations=0)
            for account in accounts:
                rpc._ask("hardhat_setBalance", "0x" + account.hex(), hex(10**20))
            opened = rpc
        stack.callback(opened.close)
        yield opened


@pytest.fixture(scope="module")
def contracts(chain: Chain) -> Contracts:
    founders = [Founder("NL-POL", address_of(GOVERNOR), address_of(ANCHORER), b"r" * 20, b"d" * 32)]
    registry, ledger, _ = deploy(chain, GOVERNOR, founders, Delays(10, 10, 10))
    made = Contracts(chain, registry, ledger)
    anchor(made, 0, 7)
    anchor(made, 7, 12)
    return made


def anchor(contracts: Contracts, old: int, new: int) -> bytes:
    proof = oracle.proof(old, LEAVES[:new]) if old else []
    nonce = contracts.chain.nonce(address_of(ANCHORER))
    raw = contracts.sign_anchor(
        ANCHORER, nonce, (old, new, oracle.mth(LEAVES[:new]), MAP_ROOT), proof
    )
    wait(contracts.chain, contracts.chain.send(raw))
    return raw


def test_what_was_anchored_is_read_back_and_committed(contracts: Contracts) -> None:
    log = contracts.log_id(agency_id("NL-POL"), 0)
    latest = contracts.latest(log)
    assert (latest.size, latest.root, latest.map_root) == (12, oracle.mth(LEAVES[:12]), MAP_ROOT)
    block = contracts.chain.block(latest.block)
    expected = contract_layout.checkpoint_commitment(
        7, 12, latest.root, MAP_ROOT, 1, block.time, block.number
    )
    assert contracts.checkpoint_commitment(log, 12) == expected
    assert contracts.active_version(address_of(ANCHORER)) == 1


def test_headers_hash_to_what_the_chain_says(contracts: Contracts) -> None:
    for number in range(contracts.chain.head().number + 1):
        block = contracts.chain.block(number)
        assert keccak256(block.header) == block.hash
        parsed = evm.parse_header(block.header)
        assert (parsed.number, parsed.time) == (block.number, block.time)
    with pytest.raises(NotFoundError):
        contracts.chain.block(10**6)


def test_storage_is_proven_with_the_slots_computed_here_and_absence_likewise(
    contracts: Contracts,
) -> None:
    log = contracts.log_id(agency_id("NL-POL"), 0)
    wanted = [
        contract_layout.checkpoint_slot(log, 12),
        contract_layout.checkpoint_slot(log, 7),
        contract_layout.checkpoint_slot(log, 8),
        contract_layout.custody_slot(b"k" * 32),
    ]
    head = contracts.chain.head()
    proof = contracts.chain.prove(contracts.ledger, wanted, head.number)
    account = evm.prove_account(
        evm.parse_header(head.header).state_root, contracts.ledger, proof.account
    )
    assert (
        account.code_hash
        == keccak256(contracts.chain.code(contracts.ledger))
        == contracts.code_hashes()[1]
    )
    found = [
        evm.prove_storage(account.storage_root, slot, nodes)
        for slot, nodes in zip(wanted, proof.storage, strict=True)
    ]
    assert found[0] == contracts.checkpoint_commitment(log, 12)
    assert found[1] == contracts.checkpoint_commitment(log, 7)
    assert found[2:] == [bytes(32)] * 2
    slot = contract_layout.descriptor_slot(agency_id("NL-POL"), 1)
    proof = contracts.chain.prove(
        contracts.registry,
        [slot, contract_layout.descriptor_slot(agency_id("NL-POL"), 2)],
        head.number,
    )
    account = evm.prove_account(
        evm.parse_header(head.header).state_root, contracts.registry, proof.account
    )
    registered = next(
        number
        for number in range(head.number + 1)
        if contracts.chain.block(number).number == registered_in(contracts)
    )
    block = contracts.chain.block(registered)
    assert evm.prove_storage(
        account.storage_root, slot, proof.storage[0]
    ) == contract_layout.descriptor_commitment(b"d" * 32, block.time, block.number)


def registered_in(contracts: Contracts) -> int:
    """The block of the registry's creation: the first in which it has code."""
    head = contracts.chain.head().number
    for number in range(1, head + 1):
        try:
            contracts.chain.call(
                contracts.registry, abi.encode_call("AgencyRegistry", "agencyCount"), block=number
            )
            data = contracts.chain.call(
                contracts.registry, abi.encode_call("AgencyRegistry", "agencyCount"), block=number
            )
        except ChainError:
            continue
        if data:
            return number
    raise AssertionError("the registry was never created")


def test_a_proof_of_an_old_block_is_still_made(contracts: Contracts) -> None:
    log = contracts.log_id(agency_id("NL-POL"), 0)
    before = contracts.latest(log).block - 1
    proof = contracts.chain.prove(
        contracts.ledger, [contract_layout.checkpoint_slot(log, 12)], before
    )
    root = evm.parse_header(contracts.chain.block(before).header).state_root
    account = evm.prove_account(root, contracts.ledger, proof.account)
    assert evm.prove_storage(
        account.storage_root, contract_layout.checkpoint_slot(log, 12), proof.storage[0]
    ) == bytes(32)


def test_the_same_bytes_sent_twice_are_mined_once(contracts: Contracts) -> None:
    nonce = contracts.chain.nonce(address_of(ANCHORER))
    raw = anchor(contracts, 12, 15)
    assert contracts.chain.send(raw) == keccak256(raw)
    assert contracts.chain.nonce(address_of(ANCHORER)) == nonce + 1
    receipt = contracts.chain.receipt(keccak256(raw))
    assert receipt is not None
    assert receipt.succeeded
    assert 50_000 < receipt.gas_used < 100_000
    assert contracts.chain.receipt(bytes(32)) is None


def test_a_refusal_names_the_contracts_own_error(contracts: Contracts) -> None:
    with pytest.raises(ChainError, match=r"EvidenceLedgerStaleSize\(\d+, 3\)"):
        contracts.check_anchor(address_of(ANCHORER), (3, 16, bytes(32), MAP_ROOT), [])
    with pytest.raises(ChainError, match="AgencyRegistryNotAnchorer"):
        contracts.check_anchor(address_of(GOVERNOR), (0, 16, bytes(32), MAP_ROOT), [])


def test_a_reverted_transaction_is_told(contracts: Contracts) -> None:
    data = abi.encode_call("EvidenceLedger", "anchor", 3, 16, bytes(32), MAP_ROOT, [])
    raw = sign_transaction(
        contracts.chain,
        ANCHORER,
        to=contracts.ledger,
        data=data,
        gas=200_000,
        nonce=contracts.chain.nonce(address_of(ANCHORER)),
    )
    with pytest.raises(ChainError):
        wait(contracts.chain, contracts.chain.send(raw))


@pytest.mark.parametrize("name", abi.CONTRACTS)
def test_what_a_hostile_chain_answers_decodes_or_is_an_error_of_the_chain(name: str) -> None:
    """A length beyond any memory in a call was an OverflowError, which ended an audit."""
    chance = random.Random(name)
    refused = 0
    for entry in abi.artifact(name)["abi"]:
        kind = entry["type"]
        for _ in range(60):
            data = b"".join(chance.choices(WORDS, k=chance.randrange(9))) + b"\xff" * 7
            try:
                if kind == "function":
                    selector = abi._function(name, entry["name"])[0]
                    abi.decode_call(name, selector + data)
                    abi.decode_result(name, entry["name"], data)
                elif kind == "event":
                    [topic] = [
                        one for one, known in abi._events(name).items() if known[0] == entry["name"]
                    ]
                    abi.decode_event(name, [topic, *chance.choices(WORDS, k=3)], data)
                elif kind == "error":
                    [code] = [
                        one for one, known in abi._errors().items() if known[0] == entry["name"]
                    ]
                    assert abi.explain_revert(code + data).startswith(entry["name"])
            except ChainError:
                refused += 1
    assert refused > 100


def test_a_recorded_transaction_that_calls_something_else_is_an_error_of_the_chain(
    contracts: Contracts,
) -> None:
    """Whoever wrote one into the database ended the audit that would have told of it."""
    huge = abi._function("EvidenceLedger", "anchor")[0] + WORDS[0] * 3 + WORDS[-1]
    for data in (
        abi.encode_call("EvidenceLedger", "custody", bytes(32)),
        abi.encode_call("EvidenceLedger", "registry"),
        huge,
    ):
        raw = sign_transaction(
            contracts.chain, ANCHORER, to=contracts.ledger, data=data, gas=200_000, nonce=0
        )
        with pytest.raises(ChainError):
            contracts.read_transaction(raw)


def test_artifacts_have_the_storage_layout_that_offline_proofs_rely_on() -> None:
    def layout(name: str) -> list[str]:
        return [
            one["label"]
            for one in sorted(abi.artifact(name)["storage"], key=lambda one: int(one["slot"]))
        ]

    assert layout("EvidenceLedger") == ["_logs", "_checkpoints", "_custody", "_hops"]
    first = "_hot _descriptors _forks _retirements _suspensions _recoveries"
    assert layout("AgencyRegistry")[:6] == first.split()
    assert (
        contract_layout.CHECKPOINTS,
        contract_layout.CUSTODY,
        contract_layout.HOPS,
        contract_layout.DESCRIPTORS,
    ) == (1, 2, 3, 1)


@pytest.fixture
def make_local(tmp_path: Path) -> Callable[[], LocalChain]:
    return lambda: LocalChain(
        tmp_path,
        chain_id=7,
        sealer=SEALER,
        clock=StoppedClock(1_795_000_000),
        funded=[address_of(GOVERNOR)],
    )


def test_the_embedded_chain_has_one_writer_and_says_who(
    make_local: Callable[[], LocalChain],
) -> None:
    first = make_local()
    with pytest.raises(LockedError, match=str(os.getpid())):
        make_local()
    first.close()
    make_local().close()


def test_the_embedded_chain_reopens_where_it_was_and_seals_every_block(
    make_local: Callable[[], LocalChain],
) -> None:
    chain = make_local()
    for nonce in range(3):
        raw = sign_transaction(chain, GOVERNOR, to=bytes(20), data=b"", gas=21_000, nonce=nonce)
        wait(chain, chain.send(raw))
    head = chain.head()
    chain.close()
    again = make_local()
    assert again.head() == head
    for number in range(1, 4):
        assert clique.signer(evm.parse_header(again.block(number).header)) == address_of(SEALER)
    again.close()


def test_a_kill_in_the_middle_of_a_block_leaves_the_chain_as_it_was(tmp_path: Path) -> None:
    """A child mines and reports each block it was told is on disk; it is killed at a random moment."""
    import signal
    import subprocess
    import sys

    code = f"""
import sys
from pathlib import Path
from typing import Final
from tests.adapters.test_chain import *
chain = LocalChain(Path({str(tmp_path)!r}), chain_id=7, sealer=SEALER, clock=StoppedClock(1795000000), funded=[address_of(GOVERNOR)])
start = chain.nonce(address_of(GOVERNOR))
print("open", chain.head().number, flush=True)
for nonce in range(start, start + 1000):
    raw = sign_transaction(chain, GOVERNOR, to=bytes(20), data=b"", gas=21_000, nonce=nonce)
    chain.send(raw)
    print(chain.head().number, flush=True)
"""
    acknowledged = 0
    for round_number in range(4):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert process.stdout is not None
        opened = int(process.stdout.readline().split()[1])
        assert opened >= acknowledged
        for _ in range(5 + round_number * 3):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        process.wait()


def test_a_dead_node_is_a_clear_error() -> None:
    with pytest.raises(NetworkError, match="did not answer"):
        RpcChain(f"http://127.0.0.1:{free_port()}", timeout=1).head()


def test_a_chain_that_is_closed_while_it_is_asked_says_so_and_stays_closed(tmp_path: Path) -> None:
    """SQLite crashes the process where one thread closes what another one reads."""
    for turn in range(5):
        opened: list[LocalChain] = []

        def opener(folder: Path = tmp_path / str(turn), opened: list[LocalChain] = opened) -> Chain:
            opened.append(
                LocalChain(folder, chain_id=4242, sealer=SEALER, clock=StoppedClock(1_795_000_000))
            )
            return opened[-1]

        chain = DeferredChain(4242, "x", opener)
        chain.head()
        asked, told = threading.Event(), []

        def ask(
            chain: Chain = chain, asked: threading.Event = asked, told: list[Exception] = told
        ) -> None:
            try:
                while True:
                    chain.code(bytes(20))
                    asked.set()
            except Exception as error:  # noqa: BLE001
                told.append(error)

        threads = [threading.Thread(target=ask, daemon=True) for _ in range(3)]
        for thread in threads:
            thread.start()
        asked.wait(10)
        chain.close()
        for thread in threads:
            thread.join(30)
        assert [type(record) for record in told] == [StorageError] * 3
        assert len(opened) == 1
