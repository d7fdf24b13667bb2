"""Which hash a block has, and when it is final: the rules by which a trust root believes a header
(DESIGN section 12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

from ledger.domain.chain import qbft
from ledger.domain.chain.evm import Header, clique_signer, keccak256, parse_header
from ledger.domain.codecs.text import from_0x, quoted, require
from ledger.domain.errors import IncompleteError, VerificationError

_STEP: Final = 7

#: How a chain computes the hash of a block: over the whole header, or as QBFT does.
HeaderHash = Literal["plain", "qbft"]


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


def encode(rule: Finality) -> dict[str, Any]:
    """A rule as a trust root writes it; see parse."""
    if isinstance(rule, Pinned):
        pins = [{"number": n, "hash": "0x" + h.hex()} for n, h in sorted(rule.blocks.items())]
        return {"kind": "pinned", "blocks": pins}
    if isinstance(rule, Clique):
        return {
            "kind": "clique",
            "from": rule.start,
            "to": rule.end,
            "signers": sorted("0x" + signer.hex() for signer in rule.signers),
            "seals": rule.seals,
        }
    return {"kind": "rpc", "confirmations": rule.confirmations}


def parse(value: Any, what: str) -> Finality:
    """A rule as a trust root writes it.

    Args:
        what: is parsed, for errors.

    Raises:
        FormatError: an unknown rule, or a member of it that is malformed.
    """
    kind = value.get("kind") if isinstance(value, dict) else None
    if kind == "pinned":
        require(
            set(value) == {"kind", "blocks"} and isinstance(value["blocks"], list),
            f"{what}: malformed pins",
        )
        blocks: dict[int, bytes] = {}
        for pin in value["blocks"]:
            require(
                isinstance(pin, dict)
                and set(pin) == {"number", "hash"}
                and is_count(pin["number"]),
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
            is_count(value["from"]) and (value["to"] is None or is_count(value["to"])),
            f"{what}: malformed block range",
        )
        require(
            isinstance(value["signers"], list) and is_count(value["seals"]),
            f"{what}: malformed signer set",
        )
        signers = frozenset(from_0x(signer, what=what, size=20) for signer in value["signers"])
        # Fewer seals than a majority would let a minority write history.
        require(
            len(signers) // 2 < value["seals"] <= len(signers),
            f"{what}: seals must be more than half of the signers",
        )
        return Clique(value["from"], value["to"], signers, value["seals"])
    require(kind == "rpc", f"{what}: unknown rule {quoted(kind)}")
    require(
        set(value) == {"kind", "confirmations"} and is_count(value["confirmations"]),
        f"{what}: malformed rule",
    )
    return Rpc(value["confirmations"])


def is_count(value: Any) -> bool:
    """Whether a member of a trust root is a number from zero on; a truth value is none."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def block_hash(raw: bytes, how: HeaderHash) -> bytes:
    """The hash of the block with a header, which pins, its child and a chain that is asked name.

    Raises:
        FormatError: no header of such a chain.
    """
    return keccak256(raw) if how == "plain" else qbft.block_hash(parse_header(raw))


def judge(
    rules: Sequence[Finality],
    how: HeaderHash,
    headers: Sequence[Header],
    confirmed: set[bytes] | None = None,
) -> str:
    """Judge the first of ``headers``, the others being its descendants in order.

    Args:
        rules: of the trust root, of which the first one that can judge counts.
        how: the chain computes block hashes.
        confirmed: hashes that an RPC of the verifier's choice has called final, where one was
            asked.

    Returns:
        the reason why it is final, for the report.

    Raises:
        VerificationError: the headers do not link, contradict a pin, or carry a stranger's seal.
        FormatError: no headers of such a chain.
        IncompleteError: no rule of the trust root can judge it.
    """
    hashes = [block_hash(header.raw, how) for header in headers]
    for (parent, named), child in pairwise(zip(headers, hashes, strict=True)):
        if child[0].parent != named or child[0].number != parent.number + 1:
            raise VerificationError(
                _STEP, f"header {child[0].number} does not follow header {parent.number}"
            )
    if confirmed is not None:
        if hashes[0] not in confirmed:
            raise VerificationError(
                _STEP, f"the chain you asked does not have block {headers[0].number} with this hash"
            )
        return "confirmed by the chain you asked"
    for rule in rules:
        reason = _judge_one(rule, headers, hashes)
        if reason:
            return reason
    raise IncompleteError(
        _STEP,
        f"no rule of the trust root can judge block {headers[0].number}",
        hint="use a newer trust root, or name a chain of your choice with --rpc",
    )


def _judge_one(rule: Finality, headers: Sequence[Header], hashes: Sequence[bytes]) -> str | None:
    if isinstance(rule, Pinned):
        for header, digest in zip(headers, hashes, strict=True):
            if header.number in rule.blocks:
                if rule.blocks[header.number] != digest:
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
