"""Who seals the newest blocks of a chain, held against whom a trust root names: once they were
changed, bundles from behind that verify by no trust root of before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ledger.domain.chain import clique, finality, qbft
from ledger.domain.chain.clique import Clique
from ledger.domain.chain.evm import parse_header
from ledger.domain.chain.finality import Finality, SealRule
from ledger.domain.chain.qbft import Qbft
from ledger.domain.codecs.text import counted
from ledger.domain.ports.node_and_chain import Chain

#: What whoever keeps a home does about it.
HINT: Final = "stop the node, then compare who came and who went: custody chain signers"
_LOOK: Final = 32  # newest blocks, where the node does not say who may seal


def changed(chain: Chain, rules: Iterable[Finality]) -> str:
    """How those who seal a chain now differ from those whom rules name, in words; empty where they
    do not, or nothing tells.

    Raises:
        NetworkError, ChainError, FormatError, VerificationError: the chain does not tell its
            newest blocks, or shows some that are none.
    """
    held = next(
        (rule for rule in rules if isinstance(rule, SealRule) and rule.end is None),
        None,
    )
    if held is None:
        return ""
    head = chain.head()
    if head.number < max(held.start, 1):
        return ""
    named = finality.sealers(held)
    told = chain.signers("clique" if isinstance(held, Clique) else "qbft", head.number)
    if told is None:
        told = _shown(chain, held, head.number)
    came, went = len(told - named), len(named - told)
    if not came and not went:
        return ""
    return (
        f"the chain is sealed by {counted(len(told), 'signer')}, of whom the trust root does not "
        f"name {came}, and not by {went} whom it names"
    )


def _shown(chain: Chain, held: SealRule, head: int) -> frozenset[bytes]:
    """Who may seal as headers show it: of a Clique chain, and where a contract names them, whoever
    sealed lately besides those that are named, since a signer may be silent for a while.
    """
    if isinstance(held, Qbft) and not held.in_contract:
        extra = qbft.parse(parse_header(chain.block(head).header).extra)
        return frozenset(extra.validators)
    sealed = set(finality.sealers(held))
    for number in range(max(held.start, 1, head - _LOOK + 1), head + 1):
        header = parse_header(chain.block(number).header)
        if isinstance(held, Clique):
            sealed.add(clique.signer(header))
        else:
            sealed |= qbft.signers_of(qbft.parse(header.extra), header)
    return frozenset(sealed)
