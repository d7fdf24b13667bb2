"""Proposals in the registry, from the first vote to what they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from ledger.adapters.chain import abi
from ledger.adapters.chain.contracts import REGISTRY, Contracts, address_of, sign_transaction, wait
from ledger.domain.identity.names import agency_id

SUSPEND, REINSTATE, RETIRE, OPEN_LOG = 2, 3, 4, 5  # IAgencyRegistry.ProposalKind
ANCHORER: Final = 2  # IAgencyRegistry.Role
_GAS: Final = 2_000_000
_DIGEST: Final = 7  # IAgencyRegistry.Proposal


@dataclass(frozen=True, slots=True)
class Governor:
    """Who decides for an agency, by the key of its account."""

    code: str
    key: bytes


def call(contracts: Contracts, key: bytes, function: str, *arguments: object) -> None:
    """A call of the registry, waited for."""
    data = abi.encode_call(REGISTRY, function, *arguments)
    raw = sign_transaction(
        contracts.chain,
        key,
        to=contracts.registry,
        data=data,
        gas=_GAS,
        nonce=contracts.chain.nonce(address_of(key)),
    )
    wait(contracts.chain, contracts.chain.send(raw))


def read(contracts: Contracts, function: str, *arguments: object) -> Any:
    """What the registry answers."""
    data = contracts.chain.call(contracts.registry, abi.encode_call(REGISTRY, function, *arguments))
    return abi.decode_result(REGISTRY, function, data)[0]


def carry(
    contracts: Contracts, voters: Sequence[Governor], kind: int, code: str, payload: bytes = b""
) -> int:
    """The first voter proposes, the others vote, and it is executed; returns its number."""
    first, *others = voters
    call(contracts, first.key, "propose", agency_id(first.code), kind, agency_id(code), payload)
    number = int(read(contracts, "proposalCount")) - 1
    digest = read(contracts, "proposal", number)[_DIGEST]
    for other in others:
        call(contracts, other.key, "vote", number, agency_id(other.code), digest)
    call(contracts, first.key, "execute", number)
    return number
