"""Blocks of QBFT chains: which hash they have, whatever round and seals a header shows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.domain.chain import evm, finality, qbft
from ledger.domain.chain.finality import Pinned
from ledger.domain.errors import FormatError, IncompleteError, VerificationError
from tests.support import qbft as signer

REAL = json.loads((Path(__file__).parents[1] / "vectors" / "qbft.json").read_text())["block"]
KEYS = [signer.key(number) for number in range(4)]
VALIDATORS = sorted(map(signer.address, KEYS))


def test_a_real_block_has_the_hash_that_its_network_gave_it() -> None:
    raw = signer.of_block(REAL)
    assert finality.block_hash(raw, "qbft").hex() == REAL["hash"][2:]
    assert finality.block_hash(raw, "plain").hex() != REAL["hash"][2:]


def test_a_block_keeps_its_hash_whatever_round_and_seals_its_header_shows() -> None:
    given = signer.fields()
    shown = [
        signer.sealed(given, KEYS[:seals], validators=VALIDATORS, turn=turn)
        for seals in range(5)
        for turn in (0, 1, 255, 2**31)
    ]
    assert len(set(shown)) == 20
    assert len({finality.block_hash(raw, "qbft") for raw in shown}) == 1
    unsealed = signer.sealed(given, [], validators=VALIDATORS)
    assert finality.block_hash(shown[-1], "qbft") == evm.keccak256(unsealed)


def test_a_pin_and_a_parent_are_held_against_the_hash_that_the_chain_computes() -> None:
    parent = signer.sealed(signer.fields(6), KEYS, validators=VALIDATORS, turn=2)
    named = finality.block_hash(parent, "qbft")
    child = signer.sealed(signer.fields(7, named), KEYS[:3], validators=VALIDATORS)
    headers = [evm.parse_header(raw) for raw in (parent, child)]
    pin = Pinned({7: finality.block_hash(child, "qbft")})
    assert finality.judge([pin], "qbft", headers) == "leads to pinned block 7"
    assert "confirmed" in finality.judge([], "qbft", headers, {named})
    with pytest.raises(VerificationError, match="does not follow"):
        finality.judge([pin], "plain", headers)
    with pytest.raises(VerificationError, match="trust root pins"):
        finality.judge([Pinned({6: evm.keccak256(parent)})], "qbft", headers)
    with pytest.raises(VerificationError, match="with this hash"):
        finality.judge([], "qbft", headers, {evm.keccak256(parent)})


def test_a_header_of_another_kind_of_chain_has_no_hash_here() -> None:
    clique = signer.fields()
    clique[signer.EXTRA] = bytes(32 + 65)
    raw = signer.rlp.encode(clique)
    with pytest.raises(FormatError, match="extraData"):
        finality.block_hash(raw, "qbft")
    with pytest.raises(FormatError, match="extraData"):
        finality.judge([], "qbft", [evm.parse_header(raw)])
    with pytest.raises(IncompleteError):
        finality.judge([], "plain", [evm.parse_header(raw)])


def test_a_header_that_256_validators_sealed_is_read() -> None:
    many = [signer.key(number) for number in range(256)]
    given = signer.fields()
    given[7:12] = [b"\xff" * 32] * 5  # members at their longest
    given += [b"\xff" * 32] * 9  # and as many as a header may have
    names = sorted(map(signer.address, many))
    vote = [names[0], b"\xff"]
    raw = signer.sealed(given, many, validators=names, vote=vote, turn=2**32 - 1)
    assert len(raw) > 23_000
    assert len(qbft.parse(evm.parse_header(raw).extra).seals) == 256


VANITY, ROUND = signer.VANITY, b"\x01"
SEAL = bytes(65)


@pytest.mark.parametrize(
    "members",
    [
        [],
        [VANITY, VALIDATORS, [], ROUND],
        [VANITY, VALIDATORS, [], ROUND, [SEAL], b""],
        [VANITY[1:], VALIDATORS, [], ROUND, [SEAL]],
        [VANITY + b"\x00", VALIDATORS, [], ROUND, [SEAL]],
        [[VANITY], VALIDATORS, [], ROUND, [SEAL]],
        [VANITY, VALIDATORS[0], [], ROUND, [SEAL]],
        [VANITY, [VALIDATORS[0][1:]], [], ROUND, [SEAL]],
        [VANITY, [[VALIDATORS[0]]], [], ROUND, [SEAL]],
        [VANITY, VALIDATORS, b"", ROUND, [SEAL]],
        [VANITY, VALIDATORS, [VALIDATORS[0]], ROUND, [SEAL]],
        [VANITY, VALIDATORS, [VALIDATORS[0], b"\x01"], ROUND, [SEAL]],
        [VANITY, VALIDATORS, [VALIDATORS[0], b"\x00"], ROUND, [SEAL]],
        [VANITY, VALIDATORS, [VALIDATORS[0], [b"\xff"]], ROUND, [SEAL]],
        [VANITY, VALIDATORS, [b"\xff", VALIDATORS[0]], ROUND, [SEAL]],
        [VANITY, VALIDATORS, [VALIDATORS[0], b"\xff", b""], ROUND, [SEAL]],
        [VANITY, VALIDATORS, [], b"\x00", [SEAL]],
        [VANITY, VALIDATORS, [], b"\x00\x01", [SEAL]],
        [VANITY, VALIDATORS, [], [], [SEAL]],
        [VANITY, VALIDATORS, [], ROUND, SEAL],
        [VANITY, VALIDATORS, [], ROUND, [SEAL[1:]]],
        [VANITY, VALIDATORS, [], ROUND, [SEAL + b"\x00"]],
        [VANITY, VALIDATORS, [], ROUND, [[SEAL]]],
    ],
)
def test_extra_data_of_another_form_is_refused(members: list[object]) -> None:
    with pytest.raises(FormatError, match="extraData"):
        qbft.parse(signer.rlp.encode(members))


def test_extra_data_has_one_spelling() -> None:
    good = signer.rlp.encode([VANITY, VALIDATORS, [VALIDATORS[0], b""], ROUND, [SEAL]])
    assert qbft.parse(good).encode() == good
    assert good[0] == 0xF8  # one byte of length
    behind_a_zero = b"\xf9\x00" + good[1:]
    longer = bytes([good[1] + 1])  # by the byte that stands before the round
    round_with_a_length = b"\xf8" + longer + good[2:].replace(ROUND + b"\xf8", b"\x81\x01\xf8")
    for other in (good + b"\x00", good[:-1], behind_a_zero, round_with_a_length):
        with pytest.raises(FormatError):
            qbft.parse(other)
