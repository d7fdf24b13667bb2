"""Signers of a shared chain who were changed since a home joined it: what its node and its headers
show of that, or what a newer trust root says. Whom a home names is what its agency vouches for, so
nothing is taken from a chain alone: a person compares, and says so.

- ranges are closed where others begin to seal, and stay known: bundles from before still verify
- each begin and end that is new is held against the seals of the blocks around it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Final

from ledger.adapters.chain import probing
from ledger.adapters.chain.rpc import RpcChain
from ledger.app import joined_chain, settings
from ledger.app.settings import HomeSettings
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain import clique, finality, qbft
from ledger.domain.chain.clique import Clique
from ledger.domain.chain.evm import Header, parse_header
from ledger.domain.chain.finality import SealRule
from ledger.domain.chain.qbft import Qbft
from ledger.domain.codecs.text import counted
from ledger.domain.errors import ChainError, UsageError, VerificationError

_MOST: Final = 64  # changes between two looks, each of some dozen calls
_ASK: Final = "ask another node of the chain, or take a trust root that others compared: --trust"


@dataclass(frozen=True, slots=True)
class Sealing:
    """Who seals a chain: as a home names them, and as it would name them.

    Attributes:
        before, after: trust roots of the home's chain.
    """

    before: TrustRoot
    after: TrustRoot

    @property
    def is_news(self) -> bool:
        """Whether they differ."""
        return rules_of(self.before) != rules_of(self.after)


def rules_of(root: TrustRoot) -> tuple[SealRule, ...]:
    """The rules of a trust root about seals, in the order of their blocks."""
    found = [rule for rule in root.finality if isinstance(rule, SealRule)]
    return tuple(sorted(found, key=lambda rule: rule.start))


def look(config: HomeSettings, own: TrustRoot) -> Sealing:
    """Ask the chain of a home who seals it by now, and from which block on.

    Args:
        own: the trust root of the home.

    Raises:
        UsageError: its chain has no seals that are judged by several, or a contract names them.
        ChainError: its node contradicts itself or the headers, or does not tell.
    """
    *ended, held = _require_judged(config, own)
    if isinstance(held, Qbft) and held.in_contract:
        raise UsageError(
            "a contract names the validators of this chain, and its headers do not show since when",
            hint="take a trust root that names them, and compare its fingerprint: --trust FILE",
        )
    with closing(RpcChain(config.chain.url, headers=own.headers)) as chain:
        found = probing.probe(chain, None)
        if (found.chain_id, found.genesis) != (own.chain_id, own.genesis):
            raise ChainError(
                f"the chain there is not chain {own.chain_id} of this home",
                hint="check the address of the chain in home.json",
            )
        if held.start > found.head:  # nothing was sealed since
            return Sealing(own, own)
        rules = [*ended, *_ranges(chain, held, found.head, found.signers)]
    return _require_sealed(config, own, rules)


def given(config: HomeSettings, own: TrustRoot, newer: TrustRoot) -> Sealing:
    """Hold a trust root that names other signers against the chain of a home.

    Raises:
        UsageError: it is about another chain, or other contracts. ChainError: the chain is sealed
            by others than it names.
    """
    _require_judged(config, own)
    for what, ours, theirs in (
        ("chain", (own.chain_id, own.genesis), (newer.chain_id, newer.genesis)),
        ("way to compute block hashes", own.headers, newer.headers),
        ("contracts", (own.registry, own.ledger), (newer.registry, newer.ledger)),
    ):
        if ours != theirs:
            raise UsageError(
                f"the trust root names another {what} than this home", hint="check --trust"
            )
    _require_kept(rules_of(own), rules_of(newer))
    return _require_sealed(config, own, rules_of(newer))


def write(home: Path, config: HomeSettings, root: TrustRoot) -> HomeSettings:
    """Let a home name the signers of a trust root from now on.

    Returns:
        its settings, with as many confirmations as these signers need.
    """
    rules = rules_of(root)
    confirmations = max(config.chain.confirmations, finality.depth(rules))
    encoded = tuple(map(finality.encode, rules))
    chain = replace(config.chain, rules=encoded, confirmations=confirmations)
    changed = replace(config, chain=chain)
    settings.write(home, changed)
    return changed


def _require_judged(config: HomeSettings, own: TrustRoot) -> tuple[SealRule, ...]:
    """The rules of a home whose chain others seal as well, the one in force last."""
    if config.chain.kind == "local":
        raise UsageError(
            "this home has a chain of its own, which nobody else seals",
            hint="this is for agencies that share a chain: docs/consortium.md",
        )
    if not (rules := rules_of(own)) or rules[-1].end is not None:
        raise UsageError(
            "the trust root that this home joined with names nobody who seals blocks from now on",
            hint="have an agency pin the block of a bundle: `custody trust -o FILE --pin BUNDLE`",
        )
    return rules


def _require_kept(known: Sequence[SealRule], rules: Sequence[SealRule]) -> None:
    """Check that rules say of the blocks that a home has rules for what these say: an older trust
    root, or another's, would take back what was final. The range in force may have ended since.

    Raises:
        UsageError: they name others, or other ranges.
    """
    *ended, held = known
    of_known = [rule for rule in rules if known[0].start <= rule.start <= held.start]
    if [*of_known[:-1], *(replace(rule, end=None) for rule in of_known[-1:])] != [*ended, held]:
        raise UsageError(
            f"the trust root says otherwise who sealed blocks {known[0].start} to {held.start}: "
            f"expected {_told(known)}, found {_told(of_known)}",
            hint="it may be older than this home: ask for the newest one, and compare it",
        )
    since = [rule for rule in rules if rule.start >= held.start]
    for before, after in pairwise(since):  # the first one has an end, or it would cover the next
        if before.end is not None and after.start != before.end + 1:
            raise UsageError(
                f"the trust root names nobody who sealed blocks {before.end + 1} to "
                f"{after.start - 1}, which this home has signers for",
                hint="ask for one without a gap, and compare it",
            )


def _told(rules: Sequence[SealRule]) -> str:
    return (
        "; ".join(
            f"{counted(len(finality.sealers(rule)), 'signer')} from block {rule.start}"
            + (f" to {rule.end}" if rule.end is not None else "")
            for rule in rules
        )
        or "nobody"
    )


def _require_sealed(config: HomeSettings, own: TrustRoot, rules: Sequence[SealRule]) -> Sealing:
    """Check rules against the chain, which names no others now, and where they begin and end."""
    others = [rule for rule in own.finality if not isinstance(rule, SealRule)]
    after = replace(own, finality=(*rules, *others))
    joined_chain.require(config.chain.url, after)
    known = rules_of(own)
    with closing(RpcChain(config.chain.url, headers=own.headers)) as chain:
        head = chain.head().number
        for rule in rules:
            if rule not in known:
                _require_edges(chain, rule, head)
    return Sealing(own, after)


def _require_edges(chain: RpcChain, rule: SealRule, head: int) -> None:
    """Check that those whom a rule names sealed the first and the last blocks of its range.

    Raises:
        ChainError: others did.
    """
    last = head if rule.end is None else min(rule.end, head)
    width = 2 * len(finality.sealers(rule))
    for first in {max(rule.start, 1), max(rule.start, 1, last - width + 1)}:
        window = range(first, min(first + width, last + 1))
        headers = [parse_header(chain.block(number).header) for number in window]
        try:
            if isinstance(rule, Clique) and headers:
                # All of them are looked at, whatever number of seals is enough.
                clique.judge(replace(rule, end=last, seals=len(headers) + 1), headers)
            judged = [
                qbft.judge(replace(rule, end=last), header)
                for header in headers
                if isinstance(rule, Qbft)
            ]
        except VerificationError as error:
            told = f"{error.message}, of blocks {rule.start} to {last}"
            raise ChainError(told, hint=_ASK) from error
        if lacking := [found.told for found in judged if not found.is_final]:
            raise ChainError(lacking[0], hint=_ASK)
        if isinstance(rule, Clique) or rule.in_contract:
            _require_all(chain, rule, headers)


def _require_all(chain: RpcChain, rule: SealRule, headers: Sequence[Header]) -> None:
    """Check that whoever a rule names may seal, where headers show only who did: one more in it
    could write blocks of its range, then or years later.

    Raises:
        ChainError: the node names others, or names nobody while some of these sealed nothing.
    """
    named = finality.sealers(rule)
    for number in {header.number for header in (*headers[:1], *headers[-1:])}:
        told = chain.signers("clique" if isinstance(rule, Clique) else "qbft", number - 1)
        if told is None:
            told = frozenset[bytes]().union(*(_sealed_by(rule, header) for header in headers))
        if told != named:
            raise ChainError(
                f"the trust root names {counted(len(named), 'signer')} for block {number}; the "
                f"chain shows {len(told)}, of whom {len(told & named)} are named",
                hint=_ASK,
            )


def _sealed_by(rule: SealRule, header: Header) -> frozenset[bytes]:
    if isinstance(rule, Clique):
        return frozenset((clique.signer(header),))
    return frozenset(qbft.signers_of(qbft.parse(header.extra), header))


def _ranges(
    chain: RpcChain, held: SealRule, head: int, now: frozenset[bytes]
) -> Iterator[SealRule]:
    """The rule in force, ended where others began to seal, and those that came since."""
    sealing = _sealing(chain, held)
    newest = head + 1 if isinstance(held, Clique) else head
    start, signers = held.start, sealing(held.start)
    if signers != finality.sealers(held):
        raise ChainError(
            f"the node of the chain names others for block {start} than this home", hint=_ASK
        )
    for _ in range(_MOST):
        if signers == now:
            yield _rule(held, start, None, signers)
            return
        last = _last(sealing, start, newest, signers)
        yield _rule(held, start, last, signers)
        start, signers = last + 1, sealing(last + 1)
    raise ChainError(f"signers were changed more than {_MOST} times", hint=_ASK)


def _sealing(chain: RpcChain, held: SealRule) -> Callable[[int], frozenset[bytes]]:
    """Who may seal a block by its number: as the headers of a QBFT chain say, and the node of a
    Clique chain.
    """

    def named(number: int) -> frozenset[bytes]:
        if isinstance(held, Qbft):
            return frozenset(qbft.parse(parse_header(chain.block(number).header).extra).validators)
        told = chain.signers("clique", number - 1)
        if told is None:
            raise ChainError(
                "the node of the chain does not say who sealed it",
                hint="have it answer clique_getSigners, or take a trust root that others compared",
            )
        return told

    return named


def _last(
    sealing: Callable[[int], frozenset[bytes]], low: int, high: int, signers: frozenset[bytes]
) -> int:
    """A block that these signers may seal, and others the next: between ``low``, which they may,
    and ``high``.
    """
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if sealing(middle) == signers else (low, middle)
    return low


def _rule(held: SealRule, start: int, end: int | None, signers: frozenset[bytes]) -> SealRule:
    if isinstance(held, Qbft):
        return Qbft(start, end, signers)
    if signers == held.signers:  # which may ask for more seals than a majority
        return replace(held, start=start, end=end)
    return Clique(start, end, signers, clique.majority(signers))
