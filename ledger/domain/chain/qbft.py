"""What a header of a QBFT chain says (Besu, GoQuorum): the hash of its block, and who sealed it.

extraData is RLP [vanity, validators, vote, round, seals], parsed strictly.

- the block hash is that of the header with round 0 and without seals: validators agree on a block
  in some round, and each node keeps the seals that it saw
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ledger.domain.chain.evm import Header, hash_with
from ledger.domain.codecs import rlp
from ledger.domain.codecs.text import require
from ledger.domain.errors import FormatError

_WHAT: Final = "extraData"
_VANITY: Final = 32
_ADDRESS: Final = 20
_SEAL: Final = 65
_VOTES: Final = (b"\xff", b"")  # to add a validator, to drop one


@dataclass(frozen=True, slots=True)
class ExtraData:
    """The extraData of a QBFT header: addresses of ``validators``; ``vote`` empty, or an address
    and what is voted for.
    """

    vanity: bytes
    validators: tuple[bytes, ...]
    vote: tuple[bytes, ...]
    round: int
    seals: tuple[bytes, ...]

    def encode(self) -> bytes:
        """As it stands in a header."""
        return rlp.encode(
            [
                self.vanity,
                [*self.validators],
                [*self.vote],
                rlp.encode_number(self.round),
                [*self.seals],
            ]
        )


def parse(extra: bytes) -> ExtraData:
    """Parse the extraData of a QBFT header.

    Returns:
        what parses, which encodes to the same bytes.

    Raises:
        FormatError: anything else.
    """
    members = rlp.decode(extra, what=_WHAT)
    if not isinstance(members, list) or len(members) != 5:
        raise FormatError(f"{_WHAT}: not that of a QBFT header")
    vote = _strings(members[2])
    require(
        not vote or (len(vote) == 2 and len(vote[0]) == _ADDRESS and vote[1] in _VOTES),
        f"{_WHAT}: malformed vote",
    )
    return ExtraData(
        _strings([members[0]], _VANITY)[0],
        _strings(members[1], _ADDRESS),
        vote,
        rlp.number(members[3], what=_WHAT),
        _strings(members[4], _SEAL),
    )


def block_hash(header: Header) -> bytes:
    """The hash of the block.

    Raises:
        FormatError: no header of a QBFT chain.
    """
    return hash_with(header, replace(parse(header.extra), round=0, seals=()).encode())


def _strings(item: rlp.Item, size: int | None = None) -> tuple[bytes, ...]:
    """A list of byte strings, all of one size where it is given."""
    strings = tuple(part for part in item if isinstance(part, bytes))
    require(
        isinstance(item, list)
        and len(strings) == len(item)
        and all(size is None or len(string) == size for string in strings),
        f"{_WHAT}: malformed member",
    )
    return strings
