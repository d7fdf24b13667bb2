"""The trust root of an agency's chain, as its node gives it: with the blocks of bundles pinned, and
compared with one that somebody else was given.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Protocol

from ledger.domain.bundle import trust
from ledger.domain.bundle.bundle import Bundle
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain import seals
from ledger.domain.chain.evm import parse_header
from ledger.domain.chain.finality import Pinned, SealRule, block_hash, judge
from ledger.domain.errors import ConflictError, IncompleteError, VerificationError

_STEP: Final = 7


class TrustApi(Protocol):
    """What this asks of a node; see NodeClient."""

    def trust_root(self, pin: int | None = None) -> bytes: ...


def pins(root: TrustRoot) -> dict[int, bytes]:
    """The blocks that a trust root pins, by number."""
    return {
        number: digest
        for rule in root.finality
        if isinstance(rule, Pinned)
        for number, digest in rule.blocks.items()
    }


def pinned(node: TrustApi, root: TrustRoot, bundle: Bundle, what: str) -> TrustRoot:
    """A trust root that pins the block of a bundle as well, as the node's chain has it.

    Args:
        what: names the bundle, for errors.

    Raises:
        IncompleteError: nothing of it is anchored. VerificationError: the chain has another block
            there.
    """
    if bundle.chain is None:
        raise IncompleteError(
            _STEP,
            f"{what}: nothing of it is anchored, so there is no block to pin",
            hint="custody anchor, then export it again",
        )
    number = parse_header(bundle.chain.header).number
    digest = block_hash(bundle.chain.header, root.headers)
    told = pins(trust.parse(node.trust_root(number))).get(number)
    if told != digest:
        raise VerificationError(
            _STEP,
            f"{what}: the chain has another block {number}",
            hint="export the bundle again",
        )
    found = pins(root) | {number: digest}
    return replace(root, finality=(Pinned(found), *without_pins(root).finality))


def require_sealed(root: TrustRoot, bundle: Bundle) -> None:
    """Check that a bundle carries the seals by which a trust root judges its chain, where it judges
    any: a bundle that was made too early verifies as incomplete for ever.

    Raises:
        IncompleteError: with what to wait for. VerificationError: with what is wrong.
    """
    rules = [rule for rule in root.finality if isinstance(rule, SealRule)]
    if bundle.chain is None or not rules:
        return
    headers = [parse_header(raw) for raw in (bundle.chain.header, *bundle.chain.descendants)]
    try:
        judge(rules, root.headers, headers)
    except IncompleteError as error:
        if error.hint == seals.NEWER:  # of whoever verifies: here it is the agency that is behind
            error.hint = "whoever runs the node compares them: `custody chain signers`"
        raise


def without_pins(root: TrustRoot) -> TrustRoot:
    """A trust root that believes no block for its own sake."""
    rules = tuple(rule for rule in root.finality if not isinstance(rule, Pinned))
    return replace(root, finality=rules)


def require_same(node: TrustApi, given: TrustRoot) -> None:
    """Check all that a trust root makes a verifier believe against the node's own chain. Label,
    agencies and confirmations make nobody believe anything, and are compared with nothing.

    Raises:
        VerificationError: the chain says something else. IncompleteError: the node cannot tell, for
            a block that is not final yet, or for signers of a chain whose seals it does not judge.
    """
    own = trust.parse(node.trust_root())
    for what, theirs, ours in (
        ("chain", given.chain_id, own.chain_id),
        ("first block", "0x" + given.genesis.hex(), "0x" + own.genesis.hex()),
        ("way to compute block hashes", given.headers, own.headers),
        ("registry contract", given.registry, own.registry),
        ("ledger contract", given.ledger, own.ledger),
    ):
        if theirs != ours:
            raise _differs(f"it names another {what} than your node's")
    signers = [rule for rule in own.finality if isinstance(rule, SealRule)]
    for rule in given.finality:
        if isinstance(rule, SealRule) and rule not in signers:
            if signers:
                raise _differs("it names other signers of blocks than your node knows")
            raise IncompleteError(
                _STEP,
                "it names signers of blocks, and your node was told of none: they were not "
                "compared, and everything else agrees as far as it was",
                hint="compare them with whoever runs the chain",
            )
    # Of every rule: of two that pin one number, a verifier believes the first.
    pinned_blocks = [
        pin for rule in given.finality if isinstance(rule, Pinned) for pin in rule.blocks.items()
    ]
    for number, digest in sorted(pinned_blocks):
        try:
            found = pins(trust.parse(node.trust_root(number)))
        except ConflictError as error:
            raise IncompleteError(_STEP, error.message, hint=error.hint) from error
        if found.get(number) != digest:
            raise _differs(f"block {number} of your node's chain is another one than it pins")


def _differs(message: str) -> VerificationError:
    return VerificationError(
        _STEP, message, hint="nobody should verify by it: ask whoever gave it out"
    )
