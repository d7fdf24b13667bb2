"""The trust root: all that a verifier must believe besides mathematics (DESIGN section 12).

One JSON file: which chain, which contracts with which code, and how the finality of a header is
judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, get_args

from ledger.domain.chain.contract_layout import ContractName
from ledger.domain.chain.evm import Header, clique_signer
from ledger.domain.codecs import strict_json
from ledger.domain.codecs.text import from_0x, require
from ledger.domain.errors import IncompleteError, VerificationError
from ledger.domain.identity.names import check_code

KIND: Final = "custody-trust-root"
_LIMIT: Final = 1 << 20
_STEP: Final = 7
_MEMBERS: Final = {"v", "kind", "label", "chainId", "genesis", "contracts", "finality", "agencies"}


@dataclass(frozen=True, slots=True)
class Contract:
    """An address (20 bytes) and the keccak-256 of the code there."""

    address: bytes
    code_hash: bytes


@dataclass(frozen=True, slots=True)
class Pinned:
    """Block hashes that the verifier believes in, by number."""

    blocks: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Clique:
    """A signer set in force for headers ``start`` to ``end`` (None: open), and how many distinct
    seals count.
    """

    start: int
    end: int | None
    signers: frozenset[bytes]
    seals: int


@dataclass(frozen=True, slots=True)
class Rpc:
    """An RPC of the verifier's choice, asked with --rpc, judges by this many confirmations."""

    confirmations: int


Finality = Pinned | Clique | Rpc


@dataclass(frozen=True, slots=True)
class TrustRoot:
    """A parsed trust root; ``label`` says in words what the chain is worth."""

    label: str
    chain_id: int
    genesis: bytes
    registry: Contract
    ledger: Contract
    finality: tuple[Finality, ...]
    agencies: tuple[str, ...] = ()

    @property
    def confirmations(self) -> int:
        """Blocks on top of one that make it final on a chain that is asked by RPC."""
        return max(
            (rule.confirmations for rule in self.finality if isinstance(rule, Rpc)), default=12
        )

    def encode(self) -> bytes:
        """The trust root as a file, JSON in its one spelling."""

        def hexed(data: bytes) -> str:
            return "0x" + data.hex()

        def contract(given: Contract) -> dict[str, str]:
            return {"address": hexed(given.address), "codeHash": hexed(given.code_hash)}

        def rule(given: Finality) -> dict[str, Any]:
            if isinstance(given, Pinned):
                return {
                    "kind": "pinned",
                    "blocks": [
                        {"number": n, "hash": hexed(h)} for n, h in sorted(given.blocks.items())
                    ],
                }
            if isinstance(given, Clique):
                signers = sorted(hexed(signer) for signer in given.signers)
                return {
                    "kind": "clique",
                    "from": given.start,
                    "to": given.end,
                    "signers": signers,
                    "seals": given.seals,
                }
            return {"kind": "rpc", "confirmations": given.confirmations}

        value = {
            "v": 1,
            "kind": KIND,
            "label": self.label,
            "chainId": self.chain_id,
            "genesis": hexed(self.genesis),
            "contracts": {"registry": contract(self.registry), "ledger": contract(self.ledger)},
            "finality": [rule(each) for each in self.finality],
            "agencies": list(self.agencies),
        }
        return strict_json.dump(value) + b"\n"


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
        type(value.get("v")) is int and value["v"] == 1,
        f"{what}: version {value.get('v')!r}, expected 1",
    )
    require(set(value) == _MEMBERS, f"{what}: unknown or missing member")
    require(
        isinstance(value["label"], str) and _count(value["chainId"]),
        f"{what}: malformed label or chain id",
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
        _contract(contracts["registry"], f"{what}: registry"),
        _contract(contracts["ledger"], f"{what}: ledger"),
        tuple(_finality(rule, f"{what}: finality") for rule in value["finality"]),
        tuple(check_code(code) for code in value["agencies"]),
    )


def _count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _contract(value: Any, what: str) -> Contract:
    require(
        isinstance(value, dict) and set(value) == {"address", "codeHash"},
        f"{what}: expected address and codeHash",
    )
    return Contract(
        from_0x(value["address"], what=what, size=20),
        from_0x(value["codeHash"], what=what, size=32),
    )


def _finality(value: Any, what: str) -> Finality:
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind == "pinned":
        require(
            set(value) == {"kind", "blocks"} and isinstance(value["blocks"], list),
            f"{what}: malformed pins",
        )
        blocks: dict[int, bytes] = {}
        for pin in value["blocks"]:
            require(
                isinstance(pin, dict) and set(pin) == {"number", "hash"} and _count(pin["number"]),
                f"{what}: malformed pin",
            )
            blocks[pin["number"]] = from_0x(pin["hash"], what=what, size=32)
        return Pinned(blocks)
    if kind == "clique":
        require(
            set(value) == {"kind", "from", "to", "signers", "seals"},
            f"{what}: malformed signer set",
        )
        require(
            _count(value["from"]) and (value["to"] is None or _count(value["to"])),
            f"{what}: malformed block range",
        )
        require(
            isinstance(value["signers"], list) and _count(value["seals"]),
            f"{what}: malformed signer set",
        )
        signers = frozenset(from_0x(signer, what=what, size=20) for signer in value["signers"])
        # Fewer seals than a majority would let a minority write history.
        require(
            len(signers) // 2 < value["seals"] <= len(signers),
            f"{what}: seals must be more than half of the signers",
        )
        return Clique(value["from"], value["to"], signers, value["seals"])
    require(kind == "rpc", f"{what}: unknown rule {kind!r}")
    require(
        set(value) == {"kind", "confirmations"} and _count(value["confirmations"]),
        f"{what}: malformed rule",
    )
    return Rpc(value["confirmations"])


def judge(root: TrustRoot, headers: Sequence[Header], confirmed: set[bytes] | None = None) -> str:
    """Judge the first of ``headers``, the others being its descendants in order.

    Args:
        confirmed: hashes that an RPC of the verifier's choice has called final, where one was
            asked.

    Returns:
        the reason why it is final, for the report.

    Raises:
        VerificationError: the headers do not link, contradict a pin, or carry a stranger's seal.
        IncompleteError: no rule of the trust root can judge it.
    """
    for parent, child in pairwise(headers):
        if child.parent != parent.hash or child.number != parent.number + 1:
            raise VerificationError(
                _STEP, f"header {child.number} does not follow header {parent.number}"
            )
    if confirmed is not None:
        if headers[0].hash not in confirmed:
            raise VerificationError(
                _STEP, f"the chain you asked does not have block {headers[0].number} with this hash"
            )
        return "confirmed by the chain you asked"
    for rule in root.finality:
        reason = _judge_one(rule, headers)
        if reason:
            return reason
    raise IncompleteError(
        _STEP,
        f"no rule of the trust root can judge block {headers[0].number}",
        hint="use a newer trust root, or name a chain of your choice with --rpc",
    )


def _judge_one(rule: Finality, headers: Sequence[Header]) -> str | None:
    if isinstance(rule, Pinned):
        for header in headers:
            if header.number in rule.blocks:
                if rule.blocks[header.number] != header.hash:
                    raise VerificationError(
                        _STEP, f"block {header.number} is not the one that the trust root pins"
                    )
                return f"leads to pinned block {header.number}"
        return None
    if isinstance(rule, Clique):
        covered = [
            h
            for h in headers
            if h.number >= rule.start and (rule.end is None or h.number <= rule.end)
        ]
        if not covered:
            return None
        signers = set()
        for header in covered:
            signer = clique_signer(header)
            if signer not in rule.signers:
                raise VerificationError(
                    _STEP, f"header {header.number} was sealed by a stranger, 0x{signer.hex()}"
                )
            signers.add(signer)
        return (
            f"sealed by {len(signers)} of {len(rule.signers)} signers"
            if len(signers) >= rule.seals
            else None
        )
    return None
