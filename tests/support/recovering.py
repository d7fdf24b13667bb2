"""An agency that loses its log and goes on in a new one, or is retired, by a vote of the others."""

from __future__ import annotations

import eth_abi

from ledger.adapters.chain import abi
from ledger.adapters.chain.contracts import REGISTRY, address_of, sign_transaction, wait
from ledger.domain.audit.contract_events import CheckpointAnchored
from ledger.domain.identity.names import agency_id
from tests.support.malice import Agency

_RETIRE, _OPEN_LOG = 4, 6  # IAgencyRegistry.ProposalKind
_CHECKPOINT = "(uint256,uint256,bytes32,bytes32,uint256,uint256,uint256)"


def recover(agency: Agency, size: int) -> None:
    """Go on from an earlier checkpoint in a new log; what follows it in the old one is given up."""
    contracts = agency.world.contracts
    [at] = [
        told
        for told in contracts.events(0, contracts.chain.head().number)
        if isinstance(told, CheckpointAnchored) and (told.log, told.size) == (agency.log_id, size)
    ]
    fork = (at.prev, at.size, at.root, at.map_root, at.version, at.time, at.block)
    payload = eth_abi.encode(["address", _CHECKPOINT], [address_of(agency.anchorer), fork])
    _vote(agency, _OPEN_LOG, payload)
    agency.logs += 1
    agency.log_id = contracts.log_id(agency_id(agency.code), agency.logs)
    del agency.entries[size:]
    agency.anchored, agency.notes = size, {}
    agency.statements = [
        statement for statement in agency.statements if statement.entry in agency.entries
    ]


def retire(agency: Agency, successor: Agency) -> None:
    """End an agency; another one goes on with its items."""
    _vote(agency, _RETIRE, agency_id(successor.code))


def _vote(about: Agency, kind: int, payload: bytes) -> None:
    """All other agencies vote for it, and it is carried out."""
    contracts = about.world.contracts
    first, *others = [agency for agency in about.world.agencies.values() if agency is not about]
    _decide(first, "propose", agency_id(first.code), kind, agency_id(about.code), payload)
    count = contracts.chain.call(contracts.registry, abi.encode_call(REGISTRY, "proposalCount"))
    number = int(abi.decode_result(REGISTRY, "proposalCount", count)[0]) - 1
    for other in others:
        _decide(other, "vote", number, agency_id(other.code))
    _decide(first, "execute", number)


def _decide(agency: Agency, function: str, *arguments: object) -> None:
    """A call of the registry by an agency's governor."""
    contracts = agency.world.contracts
    raw = sign_transaction(
        contracts.chain,
        agency.governor,
        to=contracts.registry,
        data=abi.encode_call(REGISTRY, function, *arguments),
        gas=2_000_000,
        nonce=contracts.chain.nonce(address_of(agency.governor)),
    )
    wait(contracts.chain, contracts.chain.send(raw))
