"""What kind of chain a node shows, by its newest headers: which hash its blocks have, and who seals
them.

Nothing is taken from the node's word that its headers can show. A node that contradicts itself is
refused:

- a header hashes to what the node says, in one way for all of them, and names its parent
- all are of one kind: Clique (extraData with one seal, no mixHash, difficulty 1 or 2), QBFT
  (mixHash of Istanbul, extraData as qbft.parse reads it), or neither
- whoever sealed them is among those who may seal, as the node says, or as somebody else expects
- the newest block of a QBFT chain is final by the validators that it names
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from ledger.domain.chain import clique, finality, qbft
from ledger.domain.chain.clique import Clique
from ledger.domain.chain.evm import Header, parse_header
from ledger.domain.chain.finality import HeaderHash, SealRule
from ledger.domain.chain.qbft import Qbft
from ledger.domain.codecs import rlp
from ledger.domain.codecs.text import counted
from ledger.domain.errors import ChainError, FormatError, VerificationError

#: ``none``: headers carry no seals that a verifier judges.
Kind = Literal["clique", "qbft", "none"]
NAMES: Final[dict[Kind, str]] = {
    "clique": "Clique",
    "qbft": "QBFT",
    "none": "neither Clique nor QBFT",
}
#: Keccak-256 of "Istanbul practical byzantine fault tolerance", as headers of its kinds have it.
_ISTANBUL: Final = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
_NONCES: Final = (bytes(8), b"\xff" * 8)  # a vote to drop a signer, to add one
_VANITY: Final = 32
_SEAL: Final = 65
_ADDRESS: Final = 20
_ASK: Final = "ask another node of the chain"
_CHANGING: Final = f"{_ASK}; where signers are just being changed, wait until that is over"


@dataclass(frozen=True, slots=True)
class ToldBlock:
    """A header, and the hash that a node says its block has."""

    raw: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a chain is; ``genesis`` is the hash of its first block, ``head`` the newest's number.

    ``signers`` is empty where its kind has none, ``silent`` those of them who sealed none of the
    headers that were looked at, ``period`` and ``slowest`` the shortest and the longest time
    between two blocks in seconds.
    """

    chain_id: int
    genesis: bytes
    kind: Kind
    head: int
    signers: frozenset[bytes] = frozenset()
    in_contract: bool = False
    silent: frozenset[bytes] = frozenset()
    period: int | None = None
    slowest: int | None = None

    @property
    def headers(self) -> HeaderHash:
        """How it computes block hashes."""
        return "qbft" if self.kind == "qbft" else "plain"

    def rules(self) -> tuple[SealRule, ...]:
        """How verifiers judge the seals of blocks from now on."""
        start = self.head + 1
        if self.kind == "clique":
            return (Clique(start, None, self.signers, clique.majority(self.signers)),)
        if self.kind == "qbft":
            return (Qbft(start, None, self.signers, self.in_contract),)
        return ()


def kind_of(headers: Sequence[Header]) -> Kind:
    """The kind of chain that headers are of.

    Raises:
        ChainError: they are of several.
    """
    kinds = {_kind_of(header) for header in headers}
    if len(kinds) != 1:
        told = " and ".join(sorted(NAMES[kind] for kind in kinds))
        raise ChainError(f"the newest headers of the chain are {told}, expected one", hint=_ASK)
    return kinds.pop()


def _kind_of(header: Header) -> Kind:
    fields = rlp.decode(header.raw, what="header")
    assert isinstance(fields, list)
    difficulty, mix, nonce = fields[7], fields[13], fields[14]
    if mix == _ISTANBUL:
        try:
            qbft.parse(header.extra)
        except FormatError:
            return "none"
        return "qbft"
    listed = len(header.extra) - _VANITY - _SEAL
    is_clique = (
        mix == bytes(32)
        and nonce in _NONCES
        and difficulty in (b"\x01", b"\x02")
        and listed >= 0
        and listed % _ADDRESS == 0
    )
    return "clique" if is_clique else "none"


def _linked(blocks: Sequence[ToldBlock], how: HeaderHash) -> list[Header]:
    """Parse headers that a node shows, in their order.

    Raises:
        ChainError: one does not hash to what the node says, or does not follow the one before.
    """
    headers = [parse_header(block.raw) for block in blocks]
    for block, header in zip(blocks, headers, strict=True):
        found = finality.block_hash(block.raw, how)
        if found != block.hash:
            raise ChainError(
                f"the header of block {header.number} hashes to 0x{found.hex()}, and its node says "
                f"0x{block.hash.hex()}",
                hint=_ASK,
            )
    for (before, block), after in pairwise(zip(headers, blocks, strict=True)):
        if after[0].parent != block.hash or after[0].number != before.number + 1:
            raise ChainError(
                f"block {after[0].number} does not follow block {before.number}", hint=_ASK
            )
    return headers


def recognise(
    chain_id: int,
    genesis: ToldBlock,
    blocks: Sequence[ToldBlock],
    told: frozenset[bytes] | None,
    expected: frozenset[bytes] | None,
) -> Recognised:
    """What a chain is.

    Args:
        genesis: its first block.
        blocks: the newest ones in their order; the first block of the chain only where it has no
            other.
        told: who may seal the block behind them, as the node says; None where it does not say.
        expected: who should be.

    Raises:
        ChainError: the node contradicts itself, or what is expected. FormatError: no headers.
    """
    kind = kind_of([parse_header(block.raw) for block in blocks])
    how: HeaderHash = "qbft" if kind == "qbft" else "plain"
    [first], headers = _linked([genesis], how), _linked(blocks, how)
    if first.number or (headers[0].number == 1 and headers[0].parent != genesis.hash):
        raise ChainError("the chain does not begin with the block that its node says", hint=_ASK)
    times = [after.time - before.time for before, after in pairwise(headers)]
    period, slowest = min(times, default=None), max(times, default=None)
    head = headers[-1].number
    if kind == "none":
        if expected is not None:
            raise ChainError(
                f"blocks of the chain carry no seals: it is {NAMES[kind]}, expected it to be "
                f"sealed by {_listed(expected)}",
                hint="check the address of the chain, and who seals it",
            )
        return Recognised(chain_id, genesis.hash, kind, head, period=period, slowest=slowest)
    try:
        if kind == "clique":
            found = _clique(headers, told, expected)
        else:
            found = _qbft(headers[-1], told, expected)
    except VerificationError as error:
        raise ChainError(error.message, hint=_CHANGING) from error
    return Recognised(chain_id, genesis.hash, kind, head, *found, period, slowest)


def _clique(
    headers: Sequence[Header], told: frozenset[bytes] | None, expected: frozenset[bytes] | None
) -> tuple[frozenset[bytes], bool, frozenset[bytes]]:
    """Signers; whether a contract names them; those who sealed nothing here."""
    first = headers[0]
    if first.number == 0:  # which nobody seals, and which lists them
        names = first.extra[_VANITY:-_SEAL]
        told_there = frozenset(names[at : at + _ADDRESS] for at in range(0, len(names), _ADDRESS))
        return _agreed(told_there, told, expected), False, frozenset()
    signers = _agreed(told, None, expected)
    # All of them, whatever the rule says is enough.
    clique.judge(Clique(0, first.number + len(headers), signers, len(headers) + 1), headers)
    return signers, False, signers - {clique.signer(header) for header in headers}


def _qbft(
    newest: Header, told: frozenset[bytes] | None, expected: frozenset[bytes] | None
) -> tuple[frozenset[bytes], bool, frozenset[bytes]]:
    named = frozenset(qbft.parse(newest.extra).validators)
    signers = _agreed(named or None, told, expected)
    if newest.number:
        judged = qbft.judge(Qbft(0, newest.number, signers, not named), newest)
        if not judged.is_final:
            raise ChainError(f"the newest block is not final: {judged.told}", hint=_ASK)
    return signers, not named, frozenset()


def _agreed(*said: frozenset[bytes] | None) -> frozenset[bytes]:
    """The signers that headers, the node and whoever asks agree on, as far as they say."""
    known = [signers for signers in said if signers is not None]
    if not known:
        raise ChainError(
            "the node of the chain does not say who seals it",
            hint="have it answer clique_getSigners, or name each with --sealer",
        )
    if len(set(known)) > 1:
        raise ChainError(
            f"the chain is sealed by {_listed(known[0])}, expected {_listed(known[-1])}",
            hint="check the address of the chain, and who seals it",
        )
    return known[0]


def _listed(addresses: frozenset[bytes]) -> str:
    names = ", ".join(sorted("0x" + address.hex() for address in addresses))
    return f"{counted(len(addresses), 'signer')} ({names})"
