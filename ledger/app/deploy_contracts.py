"""Deployment of the two contracts for the agencies that found a consortium, and the trust root that
follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from ledger.adapters.chain import consortium
from ledger.adapters.chain import contracts as chain_contracts
from ledger.adapters.chain.contracts import Contracts, Delays, Founder
from ledger.domain.bundle import trust
from ledger.domain.bundle.trust import Contract, TrustRoot
from ledger.domain.chain import finality, recognition
from ledger.domain.chain.finality import Pinned, Rpc
from ledger.domain.chain.recognition import Recognised
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import b64url, from_0x, from_b64url, require
from ledger.domain.errors import ChainError, FormatError, UsageError
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity.descriptor import Descriptor
from ledger.domain.ports.node_and_chain import BlockRef, Chain

MAX_ANCHORING_DELAY: Final = 86400  # seconds
_DESCRIPTOR_DELAY: Final = 86400
_PROPOSAL_LIFE: Final = 14 * 86400
_RECOVERY_DELAY: Final = 7 * 86400
#: Of a chain that nobody but its own agency halts.
_ALONE: Final = Delays(_DESCRIPTOR_DELAY, _PROPOSAL_LIFE, _RECOVERY_DELAY)
_KIND: Final = "custody-founder"
_ACCOUNTS: Final = ("governor", "anchorer", "recovery")
_LIMIT: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class FounderDescriptor:
    """What the deployment needs of a founder: descriptor, and the addresses (20 bytes) of its
    three chain accounts.
    """

    descriptor: Descriptor
    governor: bytes
    anchorer: bytes
    recovery: bytes

    @property
    def agency(self) -> str:
        """Agency code."""
        return self.descriptor.agency

    @property
    def accounts(self) -> tuple[bytes, bytes, bytes]:
        """Governor, anchorer and recovery account."""
        return self.governor, self.anchorer, self.recovery

    def as_json(self) -> dict[str, Any]:
        """As it stands in a file."""
        return {
            "v": 1,
            "kind": _KIND,
            "descriptor": b64url(self.descriptor.raw),
            **{
                name: "0x" + account.hex()
                for name, account in zip(_ACCOUNTS, self.accounts, strict=True)
            },
        }

    @classmethod
    def parse(cls, value: Any) -> Self:
        """Parse a card.

        Raises:
            FormatError: it is none.
        """
        what = "founder"
        require(
            isinstance(value, dict) and value.get("kind") == _KIND and value.get("v") == 1,
            f"{what}: this is no founder's card",
        )
        require(
            set(value) == {"v", "kind", "descriptor", *_ACCOUNTS},
            f"{what}: unknown or missing member",
        )
        governor, anchorer, recovery = (
            from_0x(value[name], what=what, size=20) for name in _ACCOUNTS
        )
        require(recovery not in (governor, anchorer), f"{what}: its recovery account is not apart")
        descriptor = descriptors.parse(from_b64url(value["descriptor"], what=what))
        return cls(descriptor, governor, anchorer, recovery)


def read_cards(paths: Sequence[Path]) -> list[FounderDescriptor]:
    """The cards in files, each with one or a list of them.

    Raises:
        UsageError: a file cannot be read or holds something else, or an agency stands there twice.
    """
    cards: list[FounderDescriptor] = []
    for path in paths:
        try:
            with path.open("rb") as file:
                value = strict_json.lenient(file.read(_LIMIT))
            cards += [
                FounderDescriptor.parse(member)
                for member in (value if isinstance(value, list) else [value])
            ]
        except OSError as error:
            raise UsageError(
                f"cannot read {path}: {error.strerror}", hint="check the path"
            ) from error
        except (ValueError, FormatError) as error:
            raise UsageError(
                f"{path} holds no founders' cards",
                hint="each agency makes its own: custody init --agency CODE --person N --url URL "
                "--card FILE",
            ) from error
    if not cards or len({card.agency for card in cards}) != len(cards):
        raise UsageError(
            "founders are one card for each agency", hint="give each agency's card once"
        )
    return cards


def deploy(
    chain: Chain, key: bytes, cards: Sequence[FounderDescriptor], delays: Delays = _ALONE
) -> tuple[Contracts, BlockRef]:
    """Deploy registry and ledger; returns them with the block from which the first descriptors are
    in force.
    """
    founders = [Founder(card.agency, *card.accounts, card.descriptor.digest) for card in cards]
    registry, ledger, block = chain_contracts.deploy(chain, key, founders, delays)
    return Contracts(chain, registry, ledger), chain.block(block)


def consort(
    url: str,
    key: bytes,
    cards: Sequence[FounderDescriptor],
    *,
    wei: int,
    confirmations: int,
    signers: frozenset[bytes] | None = None,
) -> tuple[TrustRoot, Recognised]:
    """Deploy for agencies that share a chain; the trust root to hand to everybody who shall verify,
    and what the chain was found to be.

    Args:
        url: of the chain's JSON-RPC.
        wei: what each account of a founder is given; 0 where gas is free.
        signers: who should seal the chain's blocks, where somebody says so.

    Raises:
        ChainError: the chain is not what was said, contradicts itself, or refuses; the account
            cannot pay. UsageError: too few confirmations for its signers.
    """
    from ledger.adapters.chain import probing
    from ledger.adapters.chain.rpc import RpcChain

    with closing(RpcChain(url)) as asked:
        found = probing.probe(asked, signers)
    rules = found.rules()
    finality.require_depth(rules, confirmations)
    chain = RpcChain(
        url, confirmations=confirmations, expected=found.chain_id, headers=found.headers
    )
    with closing(chain):
        contracts, block = deploy(chain, key, cards, _delays(found))
        if wei:
            consortium.fund(
                chain,
                key,
                [account for card in cards for account in card.accounts],
                wei,
            )
        codes = contracts.code_hashes()
    with closing(RpcChain(url)) as asked:
        _require_same(found, probing.probe(asked, signers), contracts)
    root = TrustRoot(
        chain.label,
        found.chain_id,
        found.genesis,
        found.headers,
        Contract(contracts.registry, codes[0]),
        Contract(contracts.ledger, codes[1]),
        (*rules, Pinned({block.number: block.hash}), Rpc(confirmations)),
        tuple(sorted(card.agency for card in cards)),
    )
    return trust.parse(root.encode()), found


def _delays(found: Recognised) -> Delays:
    """Half as many blocks as the chain makes in a recovery's delay at its slowest: validators who
    halt it for a week cannot let the days pass in which an agency may object.
    """
    if found.kind == "none" or not found.slowest:
        return _ALONE
    return replace(_ALONE, recovery_blocks=_RECOVERY_DELAY // 2 // found.slowest)


def _require_same(before: Recognised, after: Recognised, contracts: Contracts) -> None:
    """Check that one chain answered all the while: the contracts lie on whatever answered between.

    Raises:
        ChainError: it did not.
    """
    for what, expected, found in (
        ("another chain id", before.chain_id, after.chain_id),
        ("another first block", before.genesis.hex(), after.genesis.hex()),
        ("another kind", recognition.NAMES[before.kind], recognition.NAMES[after.kind]),
        ("other signers", _named(before.signers), _named(after.signers)),
    ):
        if expected != found:
            raise ChainError(
                f"the chain that answers has {what} than before the contracts were deployed: "
                f"expected {expected}, found {found}; not to be used: registry "
                f"0x{contracts.registry.hex()}, ledger 0x{contracts.ledger.hex()}",
                hint="ask one node of one chain; where signers were just changed, deploy again",
            )


def _named(signers: frozenset[bytes]) -> str:
    return ", ".join(sorted("0x" + signer.hex() for signer in signers)) or "none"
