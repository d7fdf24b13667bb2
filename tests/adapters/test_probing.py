"""A chain that is asked what it is: what its headers show is believed, and no node that contradicts
them, itself, or what was said to expect.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest
import rlp
from coincurve import PrivateKey

from ledger.adapters.chain import probing
from ledger.adapters.chain.rpc import RpcChain
from ledger.domain.chain import finality
from ledger.domain.chain.clique import Clique
from ledger.domain.chain.qbft import Qbft
from ledger.domain.chain.recognition import Recognised
from ledger.domain.errors import ChainError, CustodyError, NetworkError
from tests.support import clique, qbft
from tests.support.chains import running
from tests.support.clique import KEYS, NAMES, STRANGER
from tests.support.hostile import SLOW, hostile
from tests.support.telling_node import HeaderChain, Lie, TellingNode, telling

ID = 1337
THREE = frozenset(NAMES[:3])
ISTANBUL = bytes.fromhex("63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365")
MIX = 13  # place in a header


def clique_blocks(*signers: PrivateKey, listed: Sequence[bytes] = NAMES[:3]) -> list[bytes]:
    """A first block that lists its signers, and one sealed by each of these in turn."""
    first = qbft.fields(0)
    first[qbft.EXTRA] = clique.VANITY + b"".join(sorted(listed)) + bytes(65)
    begin = bytes(rlp.encode(first))
    return [begin, *clique.following(begin, signers)]


def qbft_blocks(
    count: int, validators: Sequence[bytes] = NAMES[:4], sealing: int = 3, stated: bool = True
) -> list[bytes]:
    """A first block and ``count`` more; ``stated``: headers name the validators, and no contract."""
    made: list[bytes] = []
    for number in range(count + 1):
        parent = finality.block_hash(made[-1], "qbft") if made else bytes(32)
        given = qbft.fields(number, parent)
        given[MIX] = ISTANBUL
        named = sorted(validators) if stated else []
        made.append(qbft.sealed(given, KEYS[: sealing if number else 0], validators=named))
    return made


def node_of(blocks: list[bytes], how: finality.HeaderHash = "plain", **signers: Any) -> TellingNode:
    pairs = [(raw, finality.block_hash(raw, how)) for raw in blocks]
    return TellingNode(HeaderChain(ID, pairs), signers)  # type: ignore[arg-type]


def asked(
    node: TellingNode, lie: Lie | None = None, expected: frozenset[bytes] | None = None
) -> Recognised:
    node.lie = lie or node.lie
    with telling(node) as url, closing(RpcChain(url, timeout=2)) as chain:
        return probing.probe(chain, expected)


def three_signers(**more: Any) -> TellingNode:
    """A Clique chain whose third signer has sealed nothing yet."""
    return node_of(clique_blocks(*KEYS[:2], *KEYS[:2]), clique_getSigners=NAMES[:3], **more)


def test_a_clique_chain_is_found_out_with_signers_period_and_who_is_away() -> None:
    found = asked(three_signers())
    assert (found.kind, found.headers, found.signers) == ("clique", "plain", THREE)
    assert (found.chain_id, found.head, found.period) == (ID, 4, 1)
    assert found.silent == {NAMES[2]}
    assert found.rules() == (Clique(5, None, THREE, 2),)


def test_a_qbft_chain_is_found_out_with_its_validators() -> None:
    found = asked(node_of(qbft_blocks(3), "qbft", qbft_getValidatorsByBlockNumber=NAMES[:4]))
    assert (found.kind, found.headers) == ("qbft", "qbft")
    assert found.rules() == (Qbft(4, None, frozenset(NAMES[:4])),)
    assert asked(node_of(qbft_blocks(3), "qbft")) == found  # its headers name them
    old = node_of(qbft_blocks(3), "qbft", istanbul_getValidators=NAMES[:4])
    assert asked(old) == found


def test_validators_whom_a_contract_names_are_asked_for_and_held_against_the_seals() -> None:
    told = {"qbft_getValidatorsByBlockNumber": NAMES[:4]}
    found = asked(node_of(qbft_blocks(3, stated=False), "qbft", **told))
    assert found.rules() == (Qbft(4, None, frozenset(NAMES[:4]), in_contract=True),)
    with pytest.raises(ChainError, match="does not say who seals it"):
        asked(node_of(qbft_blocks(3, stated=False), "qbft"))
    false = {"qbft_getValidatorsByBlockNumber": NAMES[1:5]}
    with pytest.raises(ChainError, match="sealed by a stranger"):
        asked(node_of(qbft_blocks(3, stated=False), "qbft", **false))


def test_a_chain_that_has_its_first_block_alone_is_found_out_by_that() -> None:
    assert asked(node_of(clique_blocks())).rules() == (Clique(1, None, THREE, 2),)
    assert asked(node_of(qbft_blocks(0), "qbft")).rules() == (Qbft(1, None, frozenset(NAMES[:4])),)


def test_a_development_chain_has_no_seals_to_judge() -> None:
    with running("anvil") as url, closing(RpcChain(url)) as chain:
        found = probing.probe(chain, None)
        assert (found.kind, found.headers, found.rules()) == ("none", "plain", ())
        with pytest.raises(
            ChainError, match="neither Clique nor QBFT, expected it to be sealed by"
        ):
            probing.probe(chain, THREE)


def test_signers_whom_the_node_does_not_tell_are_taken_from_whoever_says_them() -> None:
    blocks = clique_blocks(*KEYS[:2])
    with pytest.raises(ChainError, match="does not say who seals it") as caught:
        asked(node_of(blocks))
    assert "--sealer" in (caught.value.hint or "")
    assert asked(node_of(blocks), expected=THREE).signers == THREE
    with pytest.raises(ChainError, match="by a stranger"):
        asked(node_of(blocks), expected=frozenset(NAMES[1:4]))


@pytest.mark.parametrize(
    ("expected", "node"),
    [
        (frozenset(NAMES[:2]), three_signers()),
        (frozenset(NAMES[:4]), three_signers()),
        (frozenset(NAMES[:3]), node_of(qbft_blocks(3), "qbft")),
        (frozenset(NAMES[:2]), node_of(clique_blocks())),
    ],
)
def test_signers_that_were_said_and_are_not_those_of_the_chain_are_refused(
    expected: frozenset[bytes], node: TellingNode
) -> None:
    with pytest.raises(ChainError, match=r"is sealed by .*0x.*, expected \d signers") as caught:
        asked(node, expected=expected)
    assert all(name.hex() in str(caught.value) for name in expected)


def block(change: dict[str, Any], at: str = "0x3") -> Lie:
    """A node that tells one block with other members."""

    def lie(method: str, params: list[Any], true: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == at:
            return {**true, **change}
        return true

    return lie


def another(blocks: list[bytes], at: int) -> Lie:
    """A node that shows a block of another chain in the place of one of its own."""

    def lie(method: str, params: list[Any], true: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == hex(at):
            shown = node_of(blocks)
            return shown.answer(method, [hex(at), False])
        return true

    return lie


def turning(method: str, *answers: Any) -> Lie:
    """A node that answers a method with these in turn, and then with the last one."""
    left = list(answers)

    def lie(name: str, _params: list[Any], true: Any) -> Any:
        if name != method:
            return true
        return left.pop(0) if len(left) > 1 else left[0]

    return lie


WORD = "0x" + "11" * 32
LIES: dict[str, tuple[Lie, str]] = {
    "a hash that is not the header's": (block({"hash": WORD}), "block 3 hashes to 0x.* says 0x1111"),
    "a header with another state": (block({"stateRoot": WORD}), "block 3 hashes to"),
    "a first block of another chain": (block({"hash": WORD}, "0x0"), "block 0 hashes to"),
    "a first block that is not the first": (another(clique_blocks(listed=NAMES[3:5]), 0), "does not begin with"),
    "a parent that is not there": (another(clique_blocks(KEYS[1], KEYS[2], KEYS[1], KEYS[0]), 3), "block 3 does not follow block 2"),
    "another number than was asked for": (block({"number": "0x7"}), "shows other blocks than 1 to 4"),
    "a block of another kind": (block({"difficulty": "0x0"}), "Clique and neither Clique nor QBFT, expected one"),
    "no block": (lambda method, params, true: None if params[:1] == ["0x3"] else true, "no block 0x3"),
    "a newest block beyond any": (block({"number": "0x7fffffffffffff"}, "latest"), "no block 0x"),
    "another chain id half-way": (turning("eth_chainId", hex(ID), hex(7)), "the chain that answers is 7, and was 1337"),
    "signers of whom one sealed nothing and one who sealed is none": (turning("clique_getSigners", ["0x" + name.hex() for name in NAMES[1:4]]), "by a stranger"),
    "fewer signers than sealed": (turning("clique_getSigners", ["0x" + NAMES[0].hex()]), "by a stranger"),
    "more signers than can take turns like that": (turning("clique_getSigners", ["0x" + name.hex() for name in NAMES[:5]]), "expected one of 3 in a row"),
    "no signers": (turning("clique_getSigners", []), "by a stranger"),
    "signers that are no addresses": (turning("clique_getSigners", ["0x00"]), "nonsense to clique_getSigners"),
    "words for a block": (block({"extraData": "none"}), "nonsense"),
    "a header that is none": (block({"parentHash": "0x00"}), "a block that is none"),
    "a chain id in words": (turning("eth_chainId", "mainnet"), "nonsense to eth_chainId"),
}  # fmt: skip


@pytest.mark.parametrize("what", LIES)
def test_a_node_that_lies_is_refused(what: str) -> None:
    lie, says = LIES[what]
    with pytest.raises(CustodyError, match=says):
        asked(three_signers(), lie)


def test_a_validator_set_that_did_not_seal_the_newest_block_is_refused() -> None:
    with pytest.raises(ChainError, match="2 of 4 validators sealed header 3, expected 3"):
        asked(node_of(qbft_blocks(3, sealing=2), "qbft"))
    other = {"qbft_getValidatorsByBlockNumber": NAMES[:5]}
    with pytest.raises(ChainError, match=r"is sealed by 4 signers .* expected 5 signers"):
        asked(node_of(qbft_blocks(3), "qbft", **other))
    strange = qbft_blocks(3)
    header = rlp.decode(strange[-1])
    strange[-1] = qbft.sealed(header, [*KEYS[:2], STRANGER], validators=sorted(NAMES[:4]))
    with pytest.raises(ChainError, match="by a stranger"):
        asked(node_of(strange, "qbft"))


@pytest.mark.parametrize("kind", ["silence", "a trickle of a body"])
def test_a_node_that_is_silent_is_not_waited_for_without_end(kind: str) -> None:
    with (
        hostile(SLOW[kind]) as server,
        closing(RpcChain(server.url, timeout=0.3)) as chain,
        pytest.raises(NetworkError),
    ):
        probing.probe(chain, None)


def test_a_node_that_adds_signers_adds_no_majority() -> None:
    """Those who seal take turns, as far apart as the number of signers says: whoever makes up more
    than there are could have history written by them alone.
    """
    blocks = clique_blocks(*KEYS[:3], *KEYS[:3], *KEYS[:3])
    for added in range(1, 5):
        node = node_of(blocks, clique_getSigners=NAMES[: 3 + added])
        if added < 3:
            found = asked(node)
            assert found.silent == set(NAMES[3 : 3 + added])
            [rule] = found.rules()
            assert isinstance(rule, Clique)
            assert added < rule.seals
        else:
            with pytest.raises(ChainError, match="in a row"):
                asked(node)
