"""The contract against a slow reference tree: random logs are accepted, random mutations refused."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from ledger.adapters.chain import abi
from ledger.adapters.chain.contracts import Contracts, Delays, Founder, address_of, deploy, wait
from ledger.adapters.chain.local import LocalChain
from ledger.adapters.memory import StoppedClock
from ledger.domain.errors import ChainError
from ledger.domain.identity.names import agency_id
from tests.support import oracle

ROUNDS = 12
MUTATIONS = 8


def test_random_logs_are_accepted_and_random_mutations_refused(
    tmp_path: Path, rng: random.Random
) -> None:
    governor, anchorer = rng.randbytes(32), rng.randbytes(32)
    chain = LocalChain(
        tmp_path,
        chain_id=99,
        sealer=rng.randbytes(32),
        clock=StoppedClock(1_795_000_000),
        funded=[address_of(governor), address_of(anchorer)],
    )
    founders = [Founder("NL-POL", address_of(governor), address_of(anchorer), b"r" * 20, b"d" * 32)]
    registry, ledger, _ = deploy(chain, governor, founders, Delays(1, 1, 1))
    contracts = Contracts(chain, registry, ledger)
    log = contracts.log_id(agency_id("NL-POL"), 0)
    sender = address_of(anchorer)
    leaves: list[bytes] = []
    for nonce in range(ROUNDS):
        old = len(leaves)
        leaves += [rng.randbytes(32) for _ in range(rng.choice((1, 1, 2, 3, 7, 8, 31, 64)))]
        new, root = len(leaves), oracle.mth(leaves)
        proof = oracle.proof(old, leaves) if old else []
        for _ in range(MUTATIONS):
            *forged, nodes = mutate(rng, old, new, root, proof)
            with pytest.raises(ChainError):
                contracts.check_anchor(sender, (*forged, rng.randbytes(32)), nodes)
        map_root = rng.randbytes(32)
        raw = contracts.sign_anchor(anchorer, nonce, (old, new, root, map_root), proof)
        wait(chain, chain.send(raw))
        latest = contracts.latest(log)
        assert (latest.size, latest.root, latest.map_root) == (new, root, map_root)
        # A repeat of the latest is no change, unless its map is another one.
        contracts.check_anchor(sender, (0, new, root, map_root), [])
        with pytest.raises(ChainError, match="MapRootDiffers"):
            contracts.check_anchor(sender, (0, new, root, rng.randbytes(32)), [])
        index = rng.randrange(new)
        path = oracle.path(index, leaves)
        include(contracts, log, leaves[index], index, path)
        for change in (
            (rng.randbytes(32), index, path),
            (leaves[index], index, [*path, rng.randbytes(32)]),
            (leaves[index], new, path),
        ):
            with pytest.raises(ChainError):
                include(contracts, log, *change)
    chain.close()


def include(contracts: Contracts, log: bytes, leaf: bytes, index: int, path: list[bytes]) -> None:
    contracts.chain.call(
        contracts.ledger,
        abi.encode_call("EvidenceLedger", "verifyInclusion", log, leaf, index, path),
    )


def mutate(
    rng: random.Random, old: int, new: int, root: bytes, proof: list[bytes]
) -> tuple[int, int, bytes, list[bytes]]:
    """A change that must be refused. Sizes alone are not bound by a proof: only such as the
    contract's own checks see.
    """
    while True:
        kind = rng.randrange(6)
        if kind == 0 and old:
            return old, new, rng.randbytes(32), proof
        if kind == 1 and proof:
            at = rng.randrange(len(proof))
            return old, new, root, [*proof[:at], rng.randbytes(32), *proof[at + 1 :]]
        if kind == 2:
            return old, new, root, [*proof, rng.randbytes(32)]
        if kind == 3 and proof:
            return old, new, root, proof[:-1]
        if kind == 4:
            return old + 1, new, root, proof
        if kind == 5 and old:
            return old, old - 1, root, proof
