"""Which hash a block has, and when it is final: the rules by which a trust root believes a header
(DESIGN section 12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Literal

from ledger.domain.chain import clique, qbft
from ledger.domain.chain.clique import Clique
from ledger.domain.chain.evm import Header, keccak256, parse_header
from ledger.domain.chain.qbft import Qbft
from ledger.domain.chain.seals import Judgement
from ledger.domain.codecs.text import from_0x, quoted, require
from ledger.domain.errors import IncompleteError, UsageError, VerificationError

_STEP: Final = 7

#: How a chain computes the hash of a block: over the whole header, or as QBFT does.
HeaderHash = Literal["plain", "qbft"]


@dataclass(frozen=True, slots=True)
class Pinned:
    """Block hashes that the verifier believes in, by number."""

    blocks: dict[int, bytes]


@dataclass(frozen=True, slots=True)
class Rpc:
    """An RPC of the verifier's choice, asked with --rpc, judges by this many confirmations."""

    confirmations: int


#: Rules by which seals in headers are judged.
SealRule = Clique | Qbft
Finality = Pinned | SealRule | Rpc
#: Addresses in a rule: as many as a header has room for (see evm).
_MOST: Final = 256
#: Headers that a bundle may hold behind that of its proofs. Of N signers N // 2 + 1 seal as many
#: blocks in a row; where a rule wants more, each had a turn in twice as many blocks as there are
#: signers.
MOST_DESCENDANTS: Final = 2 * _MOST
_SILENT: Final = Judgement(False, "")


def encode(rule: Finality) -> dict[str, Any]:
    """A rule as a trust root writes it; see parse_rules."""
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
    if isinstance(rule, Qbft):
        return {
            "kind": "qbft",
            "from": rule.start,
            "to": rule.end,
            "validators": sorted("0x" + validator.hex() for validator in rule.validators),
            **({"in": "contract"} if rule.in_contract else {}),
        }
    return {"kind": "rpc", "confirmations": rule.confirmations}


def parse_rules(values: Sequence[Any], how: HeaderHash, what: str) -> tuple[Finality, ...]:
    """Rules as a trust root writes them.

    Args:
        how: the chain computes block hashes.
        what: is parsed, for errors.

    Raises:
        FormatError: an unknown rule, a member of one that is malformed, seals of another kind of
            chain, or two rules about the seals of one block.
    """
    rules = tuple(_parse(value, what) for value in values)
    sealed = sorted(
        (rule for rule in rules if isinstance(rule, SealRule)), key=lambda rule: rule.start
    )
    for rule in sealed:
        require(
            isinstance(rule, Qbft) == (how == "qbft"),
            f"{what}: block hashes are {how}, and the seals are of another kind of chain",
        )
    for before, after in pairwise(sealed):
        # Of two sets of signers for one block the weaker one would decide.
        require(
            before.end is not None and before.end < after.start,
            f"{what}: two rules about the seals of block {after.start}",
        )
    return rules


def _parse(value: Any, what: str) -> Finality:
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
        signers = _addresses(value["signers"], what)
        # Fewer seals than a majority would let a minority write history.
        require(
            is_count(value["seals"]) and len(signers) // 2 < value["seals"] <= len(signers),
            f"{what}: seals must be more than half of the signers",
        )
        return Clique(*_range(value, what), signers, value["seals"])
    if kind == "qbft":
        require(
            set(value) - {"in"} == {"kind", "from", "to", "validators"}
            and value.get("in", "contract") == "contract",
            f"{what}: malformed validator set",
        )
        validators = _addresses(value["validators"], what)
        return Qbft(*_range(value, what), validators, "in" in value)
    require(kind == "rpc", f"{what}: unknown rule {quoted(kind)}")
    require(
        set(value) == {"kind", "confirmations"} and is_count(value["confirmations"]),
        f"{what}: malformed rule",
    )
    return Rpc(value["confirmations"])


def _range(value: dict[str, Any], what: str) -> tuple[int, int | None]:
    """From which block to which a rule holds, both included."""
    start, end = value["from"], value["to"]
    require(
        is_count(start) and (end is None or (is_count(end) and start <= end)),
        f"{what}: malformed block range",
    )
    return start, end


def _addresses(value: Any, what: str) -> frozenset[bytes]:
    """Those of a rule, each of which counts once."""
    require(
        isinstance(value, list) and 0 < len(value) <= _MOST,
        f"{what}: expected a list of 1 to {_MOST} addresses",
    )
    found = frozenset(from_0x(address, what=what, size=20) for address in value)
    require(len(found) == len(value), f"{what}: an address stands twice")
    return found


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
        VerificationError: the headers do not link, contradict a pin or a range that has ended, or
            carry seals that no node of the chain would take.
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
    lacking, hint = "", "get a newer trust root"
    for rule in rules:
        found = _judge_one(rule, headers, hashes)
        if found.is_final:
            return found.told
        lacking += f"; {found.told}" if found.told else ""
        hint = found.hint or hint
    raise IncompleteError(
        _STEP,
        f"no rule of the trust root can judge block {headers[0].number}{lacking}",
        hint=hint,
    )


def _judge_one(rule: Finality, headers: Sequence[Header], hashes: Sequence[bytes]) -> Judgement:
    """Whether a rule makes the first header final."""
    if isinstance(rule, Pinned):
        for header, digest in zip(headers, hashes, strict=True):
            if header.number in rule.blocks:
                if rule.blocks[header.number] != digest:
                    raise VerificationError(
                        _STEP, f"block {header.number} is not the one that the trust root pins"
                    )
                return Judgement(True, f"leads to pinned block {header.number}")
        return _SILENT
    covered = (
        [] if isinstance(rule, Rpc) else [header for header in headers if covers(rule, header)]
    )
    if isinstance(rule, Rpc) or not covered:
        return _SILENT
    if isinstance(rule, Clique):
        return clique.judge(rule, covered)
    # Whoever seals a block stands behind all that precede it: one that is final is enough.
    found = [qbft.judge(rule, header) for header in covered]
    return next((judgement for judgement in found if judgement.is_final), found[0])


def sealers(rule: SealRule) -> frozenset[bytes]:
    """Who seals blocks by a rule."""
    return rule.signers if isinstance(rule, Clique) else rule.validators


def depth(rules: Sequence[Finality]) -> int:
    """How many blocks must lie behind one for its seals to be enough, at least."""
    return max(
        (rule.seals - 1 for rule in rules if isinstance(rule, Clique) and rule.end is None),
        default=0,
    )


def require_depth(rules: Sequence[Finality], confirmations: int) -> None:
    """Check that a block which is called final can be judged by seals.

    Raises:
        UsageError: fewer blocks are waited for than its seals need.
    """
    if confirmations < (needed := depth(rules)):
        raise UsageError(
            f"--confirmations {confirmations}, expected at least {needed}: before that too few "
            "signers stand behind a block",
            hint=f"leave --confirmations away, or give {needed} or more",
        )


def reach(rules: Sequence[Finality], header: Header) -> int:
    """How many descendants of a header are worth having for its seals to be judged, at most."""
    return max(
        (
            2 * len(rule.signers)
            for rule in rules
            if isinstance(rule, Clique) and covers(rule, header) and len(rule.signers) > 1
        ),
        default=0,
    )


def covers(rule: SealRule, header: Header) -> bool:
    """Whether a header lies in the range of a rule."""
    return header.number >= rule.start and (rule.end is None or header.number <= rule.end)
