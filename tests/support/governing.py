"""What the governors of a consortium decide in the registry: an agency suspended, and back."""

from __future__ import annotations

from ledger.adapters.chain import abi
from ledger.adapters.chain.contracts import REGISTRY, address_of, sign_transaction, wait
from ledger.domain.identity.names import agency_id
from ledger.services.handovers import sync
from tests.support.consortium import Consortium
from tests.support.desk import Desk

SUSPEND, REINSTATE = 2, 3  # IAgencyRegistry.ProposalKind
_GAS = 2_000_000


def decide(agencies: Consortium, kind: int, code: str) -> None:
    """All other agencies vote for it, and it is carried out."""
    voters = [desk for pair, desk in agencies.desks.items() if pair != code]
    target = agency_id(code)
    _send(voters[0], "propose", agency_id(voters[0].node.agency), kind, target, b"")
    contracts = voters[0].node.contracts
    data = contracts.chain.call(contracts.registry, abi.encode_call(REGISTRY, "proposalCount"))
    number = int(abi.decode_result(REGISTRY, "proposalCount", data)[0]) - 1
    for voter in voters[1:]:
        _send(voter, "vote", number, agency_id(voter.node.agency))
    _send(voters[0], "execute", number)


def a_minute_later(desk: Desk, *, exchange: bool = False) -> None:
    """What the node knows of the registry is old enough to be read again, and its loop does."""
    desk.node.standings.clear()
    sync.own(desk.node)
    if exchange:
        sync.sync(desk.node)


def _send(desk: Desk, function: str, *arguments: object) -> None:
    contracts, key = desk.node.contracts, desk.home.keyring.get("governor")
    raw = sign_transaction(
        contracts.chain,
        key,
        to=contracts.registry,
        data=abi.encode_call(REGISTRY, function, *arguments),
        gas=_GAS,
        nonce=contracts.chain.nonce(address_of(key)),
    )
    wait(contracts.chain, contracts.chain.send(raw))
