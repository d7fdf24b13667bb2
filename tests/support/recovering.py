"""An agency that loses its log and goes on in a new one, or is retired, by a vote of the others."""

from __future__ import annotations

import eth_abi

from ledger.adapters.chain.contracts import address_of
from ledger.domain.audit.contract_events import CheckpointAnchored
from ledger.domain.chain.evm import keccak256
from ledger.domain.identity.names import agency_id
from tests.support.malice import RECOVERY, Agency
from tests.support.proposals import OPEN_LOG, RETIRE, Governor, call, carry

_CHECKPOINT = "(uint256,uint256,bytes32,bytes32,uint256,uint256,uint256)"
_NOTHING = (0, 0, bytes(32), bytes(32), 0, 0, 0)


def recover(agency: Agency, size: int) -> None:
    """Go on from an earlier checkpoint in a new log; what follows it in the old one is given up."""
    contracts = agency.world.contracts
    points = {
        told.size: (
            told.prev,
            told.size,
            told.root,
            told.map_root,
            told.version,
            told.time,
            told.block,
        )
        for told in contracts.events(0, contracts.chain.head().number)
        if isinstance(told, CheckpointAnchored) and told.log == agency.log_id
    }
    behind = [point for point in points.values() if point[0] == size]
    payload = eth_abi.encode(
        ["address", "uint256", _CHECKPOINT, _CHECKPOINT],
        [address_of(agency.anchorer), agency.logs, points[size], *(behind or [_NOTHING])],
    )
    call(contracts, agency.anchorer, "acceptRole", agency_id(agency.code), keccak256(payload))
    carry(contracts, _everybody(agency), OPEN_LOG, agency.code, payload)
    agency.logs += 1
    agency.log_id = contracts.log_id(agency_id(agency.code), agency.logs)
    del agency.entries[size:]
    agency.anchored, agency.notes = size, {}
    agency.statements = [
        statement for statement in agency.statements if statement.entry in agency.entries
    ]


def retire(agency: Agency, successor: Agency) -> None:
    """End an agency, with its own vote; another one goes on with its items."""
    contracts = agency.world.contracts
    payload = agency_id(successor.code)
    number = carry(contracts, _everybody(agency), RETIRE, agency.code, payload)
    agency.world.clock.time += RECOVERY + 60  # blocks may be a little ahead of the clock
    size = contracts.latest(agency.log_id).size
    call(contracts, successor.governor, "executeRetirement", number, size)


def _everybody(agency: Agency) -> list[Governor]:
    return [Governor(one.code, one.governor) for one in agency.world.agencies.values()]
