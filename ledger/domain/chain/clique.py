"""What headers of a Clique chain say (EIP-225, geth): who sealed each.

A header carries one seal, the last 65 bytes of extraData. One is final that enough distinct signers
of the trust root sealed, or sealed a descendant of: whoever seals a block stands behind all that
precede it.

- a signer of N seals at most one of N // 2 + 1 blocks in a row: nodes take no more
- a rule of one signer is that of an embedded chain, which nobody else ever seals
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.domain.chain import seals
from ledger.domain.chain.evm import Header, hash_with
from ledger.domain.chain.seals import Judgement
from ledger.domain.codecs.text import counted
from ledger.domain.errors import VerificationError

_STEP: Final = 7
_VANITY: Final = 32
_SEAL: Final = 65


@dataclass(frozen=True, slots=True)
class Clique:
    """A signer set in force for headers ``start`` to ``end`` (None: open), and how many distinct
    seals count.
    """

    start: int
    end: int | None
    signers: frozenset[bytes]
    seals: int

    @property
    def apart(self) -> int:
        """How far apart the blocks of one signer are at least."""
        return majority(self.signers)


def majority(signers: frozenset[bytes]) -> int:
    """More than half of them."""
    return len(signers) // 2 + 1


def alone(signer: bytes) -> Clique:
    """The rule of an embedded chain, whose every block one signer seals."""
    return Clique(1, None, frozenset({signer}), 1)


def signer(header: Header) -> bytes:
    """The address that sealed a header.

    Raises:
        VerificationError: no seal, or a malformed one.
    """
    if len(header.extra) < _VANITY + _SEAL:
        raise VerificationError(_STEP, f"header {header.number} carries no seal")
    digest = hash_with(header, header.extra[:-_SEAL])
    return seals.signer_of(header.extra[-_SEAL:], digest, header)


def judge(rule: Clique, headers: Sequence[Header]) -> Judgement:
    """Judge a header by its seal and those of the descendants behind it.

    Args:
        headers: those in the range of the rule, each the parent of the next one.

    Returns:
        whether the first one is final, and who sealed it.

    Raises:
        VerificationError: a header carries no seal; or one of a range that has ended carries a
            stranger's, or that of a signer whose turn it cannot be.
    """
    ended = rule.end is not None or len(rule.signers) == 1
    last: dict[bytes, int] = {}
    for header in headers:
        found, number = signer(header), header.number
        if found not in rule.signers:
            return seals.of_others(
                f"header {number} was sealed by a stranger, 0x{found.hex()}", ended=ended
            )
        if found in last and number - last[found] < rule.apart:
            return seals.of_others(
                f"0x{found.hex()} sealed header {last[found]} and header {number}, expected one "
                f"of {rule.apart} in a row",
                ended=ended,
            )
        last[found] = number
        if len(last) >= rule.seals:
            break
    named = f"sealed by {len(last)} of {counted(len(rule.signers), 'signer')}"
    if len(last) >= rule.seals:
        return Judgement(True, named)
    return Judgement(
        False,
        f"{named}, expected {rule.seals}",
        f"wait until the chain has {counted(rule.seals - len(last), 'more block')}, then export "
        "the bundle again",
    )
