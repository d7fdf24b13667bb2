"""Headers that follow the block of a bundle's proofs, as many as make it final."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ledger.domain.chain import finality
from ledger.domain.chain.evm import Header, parse_header
from ledger.domain.chain.finality import Finality
from ledger.domain.errors import (
    ConflictError,
    IncompleteError,
    NotFoundError,
    VerificationError,
)
from ledger.domain.ports.node_and_chain import BlockRef, Chain

_MEANWHILE: Final = "the chain was reorganised while the bundle was made"


def choose(chain: Chain, rules: Sequence[Finality], oldest: int) -> BlockRef:
    """The block that a bundle is proven at: the newest final one behind which as many blocks lie as
    its seals need, or the newest final one where that would be too old.

    Args:
        rules: how the seals of the chain are judged.
        oldest: number of the block that has all that the bundle shows.
    """
    final = chain.final()
    if needed := finality.depth(rules):
        judged = min(final, chain.head().number - needed)
        final = judged if judged >= oldest else final
    return chain.block(final)


def collect(chain: Chain, rules: Sequence[Finality], block: BlockRef) -> tuple[bytes, ...]:
    """Headers behind a block, in order.

    Args:
        rules: how the seals of the chain are judged.

    Returns:
        those whose seals make the block final, or all that there are yet; none where one header is
        enough, or no seals are judged.

    Raises:
        ConflictError: they do not follow one another.
    """
    headers, last = [parse_header(block.header)], block
    most = finality.reach(rules, headers[0])
    newest = chain.head().number if most else block.number
    while last.number < min(newest, block.number + most) and not _are_enough(chain, rules, headers):
        try:
            child = chain.block(last.number + 1)
        except NotFoundError as error:
            raise ConflictError(_MEANWHILE, hint="try again in a moment") from error
        headers.append(parse_header(child.header))
        if headers[-1].parent != last.hash:
            raise ConflictError(_MEANWHILE, hint="try again in a moment")
        last = child
    return tuple(header.raw for header in headers[1:])


def _are_enough(chain: Chain, rules: Sequence[Finality], headers: Sequence[Header]) -> bool:
    try:
        finality.judge(rules, chain.headers, headers)
    except (IncompleteError, VerificationError):
        return False  # what a verifier with a newer trust root will judge is collected all the same
    return True
