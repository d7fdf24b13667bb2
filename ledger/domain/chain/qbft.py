"""What a header of a QBFT chain says (Besu, GoQuorum): the hash of its block, and who sealed it.

extraData is RLP [vanity, validators, vote, round, seals], parsed strictly.

- the block hash is that of the header with round 0 and without seals: validators agree on a block
  in some round, and each node keeps the seals that it saw
- a seal covers the round: one that was made in another round is that of a stranger
- one header is final that ceil(2N/3) distinct validators of the trust root sealed; it names them
  and nobody else, or nobody where a contract does
- seals lie outside the block hash, so that whoever shows a header can alter them: what no node of
  the chain would take (a seal of nobody whom the header names, two of one validator) refutes it
- a header that names others than the trust root, and that nobody else sealed, refutes nothing while
  the range is in force: validators may have changed since. It is never final
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ledger.domain.chain import seals
from ledger.domain.chain.evm import Header, hash_with
from ledger.domain.chain.seals import Judgement
from ledger.domain.codecs import rlp
from ledger.domain.codecs.text import counted, require
from ledger.domain.errors import FormatError, VerificationError

_STEP: Final = 7
_WHAT: Final = "extraData"
_VANITY: Final = 32
_ADDRESS: Final = 20
_SEAL: Final = 65
_VOTES: Final = (b"\xff", b"")  # to add a validator, to drop one
#: Of the order of secp256k1, half: whoever has a seal can make its twin with the other s.
_HALF: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
#: Of N validators (N - 1) // 3 may lie: of fewer than these nobody.
TOLERANT: Final = 4


@dataclass(frozen=True, slots=True)
class Qbft:
    """The validators in force for headers ``start`` to ``end`` (None: still); ``in_contract``: a
    contract names them, and headers do not.
    """

    start: int
    end: int | None
    validators: frozenset[bytes]
    in_contract: bool = False

    @property
    def quorum(self) -> int:
        """Validators whose seals make a header final."""
        return (2 * len(self.validators) + 2) // 3


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


def judge(rule: Qbft, header: Header) -> Judgement:
    """Judge a header in the range of a rule.

    Returns:
        whether it is final, and who sealed it.

    Raises:
        FormatError: no header of a QBFT chain.
        VerificationError: it has seals that no node would take, or names other validators than a
            range that has ended.
    """
    extra, number, ended = parse(header.extra), header.number, rule.end is not None
    if len(set(extra.validators)) < len(extra.validators):
        raise VerificationError(_STEP, f"header {number} names a validator twice")
    if extra.vote and not extra.validators:
        raise VerificationError(
            _STEP, f"header {number} has a vote on validators, whom a contract names"
        )
    signers = signers_of(extra, header)
    named = frozenset(extra.validators)
    for signer in sorted(signers - (named or rule.validators)):
        told = f"header {number} was sealed by a stranger, 0x{signer.hex()}"
        # Where a contract names the validators, the header does not say who they are by now.
        return seals.of_others(told, ended=ended or bool(named))
    if named != (frozenset() if rule.in_contract else rule.validators):
        return seals.of_others(
            f"header {number} names {counted(len(named), 'validator')}, and not those of the "
            "trust root",
            ended=ended,
        )
    counting = f"{len(signers)} of {counted(len(rule.validators), 'validator')}"
    if len(signers) < rule.quorum:
        return Judgement(
            False,
            f"{counting} sealed header {number}, expected {rule.quorum}",
            "ask another agency of the chain for the bundle",
        )
    told = f"sealed by {counting}"
    if rule.end is not None:
        told += f" replaced at block {rule.end + 1}"
    if len(rule.validators) < TOLERANT:
        told += f"; fewer than {TOLERANT} tolerate none that lies"
    return Judgement(True, told)


def signers_of(extra: ExtraData, header: Header) -> set[bytes]:
    """Whoever sealed a header."""
    digest = hash_with(header, replace(extra, seals=()).encode())
    signers = set[bytes]()
    for seal in extra.seals:
        # Nodes take the twin too. One validator who signs like that spoils nobody's header.
        if int.from_bytes(seal[32:64], "big") > _HALF:
            continue
        signer = seals.signer_of(seal, digest, header)
        if signer in signers:
            raise VerificationError(_STEP, f"0x{signer.hex()} sealed header {header.number} twice")
        signers.add(signer)
    return signers


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
