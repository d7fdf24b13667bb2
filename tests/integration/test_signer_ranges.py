"""Since which block others seal, found out of headers that anybody can count through."""

from __future__ import annotations

import random
from itertools import groupby

import pytest

from ledger.app import changed_signers
from ledger.app.chain_settings import ChainSettings
from ledger.app.settings import HomeSettings
from ledger.domain.bundle.trust import Contract, TrustRoot
from ledger.domain.chain import finality
from ledger.domain.chain.clique import Clique, majority
from ledger.domain.chain.finality import HeaderHash, SealRule
from ledger.domain.chain.qbft import Qbft
from ledger.domain.errors import ChainError, UsageError
from tests.adapters.test_probing import ID, ISTANBUL, MIX, clique_blocks
from tests.support import qbft
from tests.support.clique import KEYS, NAMES, following
from tests.support.telling_node import HeaderChain, TellingNode, telling

BEHIND = 33  # blocks of the last signers: more than are looked at


def history(rng: random.Random) -> list[list[int]]:
    """Numbers of the signers of each block from 1 on."""
    sets = [[0, 1, 2, 3]]
    for _ in range(rng.randrange(4)):
        known = [one for one in range(8) if one not in sets[-1]]
        sets.append(sorted({*sets[-1][1:], rng.choice(known)}))
    return [
        held
        for at, held in enumerate(sets)
        for _ in range(BEHIND if at == len(sets) - 1 else rng.randrange(1, 12))
    ]


def qbft_chain(story: list[list[int]]) -> list[bytes]:
    made: list[bytes] = []
    for number, held in enumerate([story[0], *story]):
        given = qbft.fields(number, finality.block_hash(made[-1], "qbft") if made else bytes(32))
        given[MIX] = ISTANBUL
        names = sorted(NAMES[one] for one in held)
        sealing = [KEYS[one] for one in held[:3]] if number else []
        made.append(qbft.sealed(given, sealing, validators=names))
    return made


def clique_chain(story: list[list[int]]) -> list[bytes]:
    """Whoever of the signers sealed nothing for the longest time seals."""
    last = dict.fromkeys(range(8), -8)
    turns = []
    for number, held in enumerate(story):
        one = min(held, key=lambda signer: last[signer])
        last[one] = number
        turns.append(KEYS[one])
    begin = clique_blocks(listed=[NAMES[one] for one in story[0]])
    return [*begin, *following(begin[0], turns)]


def looked(kind: str, story: list[list[int]], held: SealRule) -> tuple[SealRule, ...]:
    how: HeaderHash = "qbft" if kind == "qbft" else "plain"
    blocks = qbft_chain(story) if kind == "qbft" else clique_chain(story)
    pairs = [(raw, finality.block_hash(raw, how)) for raw in blocks]

    def told(number: int) -> list[bytes]:
        return [NAMES[one] for one in story[min(number, len(story) - 1)]]

    node = TellingNode(HeaderChain(ID, pairs), {"clique_getSigners": told})  # type: ignore[arg-type]
    contract = Contract(bytes(20), bytes(32))
    root = TrustRoot("", ID, pairs[0][1], how, contract, contract, (held,))
    with telling(node) as url:
        chain = ChainSettings("rpc", ID, url, 1, how, (finality.encode(held),))
        found = changed_signers.look(HomeSettings(1, "NL-POL", 0, chain, "0x00", "0x00"), root)
    assert found.is_news == (changed_signers.rules_of(found.after) != (held,))
    return changed_signers.rules_of(found.after)


@pytest.mark.parametrize("kind", ["clique", "qbft"])
def test_every_range_is_the_one_that_counting_gives(kind: str, rng: random.Random) -> None:
    for _ in range(12):
        story = history(rng)
        counted, start = list[SealRule](), 1
        for held, blocks in groupby(story):
            signers, count = frozenset(NAMES[one] for one in held), len(list(blocks))
            end = None if start + count > len(story) else start + count - 1
            counted.append(
                Qbft(start, end, signers)
                if kind == "qbft"
                else Clique(start, end, signers, majority(signers))
            )
            start += count
        first = counted[0]
        held_rule = (
            Qbft(1, None, finality.sealers(first))
            if kind == "qbft"
            else Clique(1, None, finality.sealers(first), majority(finality.sealers(first)))
        )
        assert looked(kind, story, held_rule) == tuple(counted)


def test_signers_of_before_who_are_none_of_the_homes_are_refused() -> None:
    story = [[0, 1, 2, 3]] * 40
    with pytest.raises(ChainError, match="names others for block 1 than this home"):
        looked("qbft", story, Qbft(1, None, frozenset(NAMES[1:5])))


def test_validators_whom_a_contract_names_are_taken_of_a_trust_root_alone() -> None:
    story = [[0, 1, 2, 3]] * 2
    with pytest.raises(UsageError, match="a contract names the validators"):
        looked("qbft", story, Qbft(1, None, frozenset(NAMES[:4]), in_contract=True))
