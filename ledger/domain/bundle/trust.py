"""The trust root: all that a verifier must believe besides mathematics (DESIGN section 12).

One JSON file: which chain, which contracts with which code, by which rules a block of it is final
(ledger.domain.chain.finality), and which authorities are believed about time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, get_args

from ledger.domain.chain import finality
from ledger.domain.chain.clique import Clique
from ledger.domain.chain.contract_layout import ContractName
from ledger.domain.chain.finality import Finality, HeaderHash, Rpc
from ledger.domain.chain.qbft import Qbft
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import from_0x, is_version, quoted, require
from ledger.domain.identity.names import check_code
from ledger.domain.timestamps import authorities
from ledger.domain.timestamps.authorities import TimeAuthority

KIND: Final = "custody-trust-root"
_LIMIT: Final = 1 << 20
VERSION: Final = 2
_MEMBERS: Final = {
    "v",
    "kind",
    "label",
    "chainId",
    "genesis",
    "headers",
    "contracts",
    "finality",
    "agencies",
    "timeAuthorities",
}


@dataclass(frozen=True, slots=True)
class Contract:
    """An address (20 bytes) and the keccak-256 of the code there."""

    address: bytes
    code_hash: bytes


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """A parsed trust root; ``label`` says in words what the chain is worth, ``headers`` how it
    computes block hashes.
    """

    label: str
    chain_id: int
    genesis: bytes
    headers: HeaderHash
    registry: Contract
    ledger: Contract
    finality: tuple[Finality, ...]
    agencies: tuple[str, ...] = ()
    time_authorities: tuple[TimeAuthority, ...] = ()

    @property
    def confirmations(self) -> int:
        """Blocks on top of one that make it final on a chain that is asked by RPC."""
        return max(
            (rule.confirmations for rule in self.finality if isinstance(rule, Rpc)), default=12
        )

    def encode(self) -> bytes:
        """The trust root as a file, JSON in its one spelling."""
        value = {
            "v": VERSION,
            "kind": KIND,
            "label": self.label,
            "chainId": self.chain_id,
            "genesis": "0x" + self.genesis.hex(),
            "headers": self.headers,
            "contracts": encode_contracts(self),
            "finality": [finality.encode(rule) for rule in self.finality],
            "agencies": list(self.agencies),
            "timeAuthorities": encode_authorities(self),
        }
        return strict_json.dump(value) + b"\n"


def is_local(label: str) -> bool:
    """Whether a chain is one that its agency runs alone, as its node says."""
    return label.startswith("local")


def is_alone(root: TrustRoot) -> bool:
    """Whether one signer alone seals the chain, by a rule of the trust root."""
    return is_sealed_by_one(root.finality)


def is_sealed_by_one(rules: Iterable[Finality]) -> bool:
    """Whether one signer alone seals the chain, by any of the rules."""
    return any(
        (isinstance(rule, Clique) and len(rule.signers) == 1)
        or (isinstance(rule, Qbft) and len(rule.validators) == 1)
        for rule in rules
    )


def worth(root: TrustRoot) -> str:
    """What the chain of a trust root is worth, in words: its label, which is its maker's word and
    covered by no fingerprint, and what follows from its rules whatever the label says.
    """
    if is_alone(root) and not is_local(root.label):
        return f"{root.label}; one signer alone seals it: not tamper-evident against that one"
    return root.label


def encode_contracts(root: TrustRoot) -> dict[str, dict[str, str]]:
    """The contracts as a trust root names them."""
    return {
        name: {"address": "0x" + given.address.hex(), "codeHash": "0x" + given.code_hash.hex()}
        for name, given in (("registry", root.registry), ("ledger", root.ledger))
    }


def encode_authorities(root: TrustRoot) -> list[dict[str, Any]]:
    """The time authorities as a trust root names them."""
    return [authorities.encode(authority) for authority in root.time_authorities]


def parse(raw: bytes) -> TrustRoot:
    """Parse a trust root.

    Returns:
        the trust root, with at least one rule of finality.

    Raises:
        FormatError: unknown version, member or finality rule.
    """
    what = "trust root"
    value = strict_json.parse(raw, what=what, limit=_LIMIT)
    require(
        isinstance(value, dict) and value.get("kind") == KIND,
        f"{what}: this file is not a trust root",
    )
    require(
        is_version(value.get("v"), VERSION),
        f"{what}: version {quoted(value.get('v'))}, expected {VERSION}",
    )
    require(set(value) == _MEMBERS, f"{what}: unknown or missing member")
    require(
        isinstance(value["label"], str) and finality.is_count(value["chainId"]),
        f"{what}: malformed label or chain id",
    )
    require(
        value["headers"] in get_args(HeaderHash),
        f"{what}: block hashes computed as {quoted(value['headers'])}, expected plain or qbft",
    )
    contracts = value["contracts"]
    require(
        isinstance(contracts, dict) and set(contracts) == set(get_args(ContractName)),
        f"{what}: expected two contracts",
    )
    require(
        isinstance(value["finality"], list) and 0 < len(value["finality"]) <= 1000,
        f"{what}: no finality rule",
    )
    require(isinstance(value["agencies"], list), f"{what}: agencies must be a list")
    return TrustRoot(
        value["label"],
        value["chainId"],
        from_0x(value["genesis"], what=f"{what}: genesis", size=32),
        value["headers"],
        _contract(contracts["registry"], f"{what}: registry"),
        _contract(contracts["ledger"], f"{what}: ledger"),
        finality.parse_rules(value["finality"], value["headers"], f"{what}: finality"),
        tuple(check_code(code) for code in value["agencies"]),
        authorities.parse(value["timeAuthorities"], f"{what}: time authorities"),
    )


def _contract(value: Any, what: str) -> Contract:
    require(
        isinstance(value, dict) and set(value) == {"address", "codeHash"},
        f"{what}: expected address and codeHash",
    )
    return Contract(
        from_0x(value["address"], what=what, size=20),
        from_0x(value["codeHash"], what=what, size=32),
    )
