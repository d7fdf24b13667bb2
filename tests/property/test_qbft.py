"""Seals of QBFT headers against a slow and obvious oracle: pyrlp, and secp256k1 in plain Python."""

from __future__ import annotations

from typing import Any

import pytest
import rlp
from eth_keys.backends import NativeECCBackend
from eth_keys.datatypes import Signature
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.chain import evm, finality
from ledger.domain.chain.qbft import Qbft
from ledger.domain.errors import FormatError, IncompleteError, VerificationError
from tests.support import qbft
from tests.support.qbft_cases import KEYS, NAMES, ORDER, joined, of_four, parts, rule, twin

SLOW = NativeECCBackend()
MANY = settings(max_examples=150, deadline=None)


def is_list(item: Any, *sizes: int) -> bool:
    """A list of byte strings of these sizes, or of any number of one."""
    wanted = sizes if len(sizes) != 1 or not isinstance(item, list) else sizes * len(item)
    return isinstance(item, list | tuple) and [
        len(part) if isinstance(part, bytes) else -1 for part in item
    ] == list(wanted)


def oracle(raw: bytes, validators: list[bytes], in_contract: bool) -> str:
    """Whether a header is final, as the format page says it, word for word."""
    header = rlp.decode(raw)
    extra = rlp.decode(header[12])
    vanity, names, vote, turn, seals = extra
    assert rlp.encode(header) == raw
    assert rlp.encode(extra) == header[12]
    assert is_list([vanity], 32)
    assert is_list(names, 20)
    assert is_list(vote) or (is_list(vote[:1], 20) and vote[1:] in ([b"\xff"], [b""]))
    assert isinstance(turn, bytes)
    assert not turn.startswith(b"\x00")
    assert is_list(seals, 65)
    assert len(set(names)) == len(names)
    assert names or not vote
    signed = rlp.encode([vanity, names, vote, turn, []])
    digest = keccak(rlp.encode([*header[:12], signed, *header[13:]]))
    who = []
    for seal in seals:
        if 2 * int.from_bytes(seal[32:64], "big") < ORDER:
            key = SLOW.ecdsa_recover(digest, Signature(seal, backend=SLOW))
            who.append(key.to_canonical_address())
    assert len(who) == len(set(who))
    if names:
        assert set(who) <= set(names)
    if set(names) != set(() if in_contract else validators) or not set(who) <= set(validators):
        return "not checked"  # validators may have changed since
    return "final" if 3 * len(who) >= 2 * len(validators) else "not checked"


def judged(raw: bytes, validators: list[bytes], in_contract: bool) -> str:
    held = Qbft(0, None, frozenset(validators), in_contract)
    try:
        finality.judge([held], "qbft", [evm.parse_header(raw)])
    except IncompleteError:
        return "not checked"
    except (FormatError, VerificationError):
        return "refused"
    return "final"


def expected(raw: bytes, validators: list[bytes], in_contract: bool) -> str:
    try:
        return oracle(raw, validators, in_contract)
    except Exception:  # noqa: BLE001  (whatever it is, the header is none)
        return "refused"


@MANY
@given(st.data())
def test_a_header_is_final_exactly_where_enough_of_its_validators_sealed_it(
    data: st.DataObject,
) -> None:
    many = data.draw(st.integers(1, 7))
    names = sorted(NAMES[:many])
    in_contract = data.draw(st.booleans())
    listed = data.draw(
        st.sampled_from([names, names, names, [], names[1:], sorted(NAMES[: many + 1])])
    )
    shown = data.draw(st.sampled_from([listed, [] if in_contract else listed]))
    sealing = data.draw(
        st.one_of(
            st.permutations(KEYS[:many]).flatmap(
                lambda keys: st.integers(0, many).map(lambda count: keys[:count])
            ),
            st.lists(st.sampled_from(KEYS), max_size=many + 1),
        )
    )
    turn = data.draw(st.sampled_from([0, 0, 1, 300]))
    signed = data.draw(st.sampled_from([turn, turn, turn, 0, 1]))
    vote = data.draw(st.sampled_from([[], [], [NAMES[7], b"\xff"], [NAMES[0], b""]]))
    raw = qbft.sealed(
        qbft.fields(), sealing, validators=shown, vote=vote, turn=turn, signed_turn=signed
    )
    header, extra = parts(raw)
    seals = [twin(seal) if data.draw(st.integers(0, 7)) == 0 else seal for seal in extra[4]]
    raw = joined(header, [*extra[:4], seals])
    assert judged(raw, names, in_contract) == expected(raw, names, in_contract)


@MANY
@given(st.data())
def test_a_header_that_was_altered_anywhere_is_judged_as_the_oracle_does(
    data: st.DataObject,
) -> None:
    raw = bytearray(of_four())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    names = NAMES[:4]
    found = judged(bytes(raw), names, in_contract=False)
    assert found == expected(bytes(raw), names, in_contract=False)
    assert (found == "final") == (raw == of_four())


@pytest.mark.parametrize("place", [at for at in range(15) if at != qbft.EXTRA])
def test_no_member_of_a_header_can_be_altered_under_its_seals(place: int) -> None:
    header, extra = parts(of_four())
    for other in (b"\x01" * len(header[place]) or b"\x01", b"", header[place] + b"\x01"):
        if other != header[place]:
            raw = joined([*header[:place], other, *header[place + 1 :]], extra)
            assert judged(raw, NAMES[:4], in_contract=False) == "refused"


@pytest.mark.parametrize("place", range(4))
def test_no_member_of_the_extra_data_can_be_altered_under_its_seals(place: int) -> None:
    header, extra = parts(of_four())
    others: list[list[Any]] = [
        [bytes(32), b"\x01" * 32],
        [list(reversed(extra[1])), extra[1][1:], [*extra[1], NAMES[5]], []],
        [[NAMES[5], b"\xff"], [NAMES[5], b""], [NAMES[0], b""]],
        [b"\x01", b"\x02", b"\xff" * 4],
    ]
    for other in others[place]:
        raw = joined(header, [*extra[:place], other, *extra[place + 1 :]])
        found = judged(raw, NAMES[:4], in_contract=False)
        assert found == ("refused" if other else "not checked")


def test_any_order_of_the_same_seals_is_as_good() -> None:
    header, extra = parts(of_four())
    for seals in (extra[4][::-1], [extra[4][1], extra[4][0], extra[4][2]]):
        raw = joined(header, [*extra[:4], seals])
        assert judged(raw, NAMES[:4], in_contract=False) == "final"


@MANY
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.one_of(st.none(), st.integers(0, 12))),
        min_size=1,
        max_size=4,
    )
)
def test_rules_are_taken_exactly_where_no_block_has_two(
    ranges: list[tuple[int, int | None]],
) -> None:
    held = [
        [at for at in range(14) if at >= start and (end is None or at <= end)]
        for start, end in ranges
    ]
    apart = all(held) and sum(map(len, held)) == len({at for blocks in held for at in blocks})
    try:
        finality.parse_rules([rule(NAMES[:4], *range_) for range_ in ranges], "qbft", "rules")
    except FormatError:
        assert not apart
    else:
        assert apart
