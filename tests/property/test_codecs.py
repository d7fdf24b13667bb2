"""Whatever parses re-encodes to the same bytes; whatever an encoder would not write is refused."""

from __future__ import annotations

import time

import cbor2
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from ledger.domain.codecs import cbor, rlp, strict_json, varint
from ledger.domain.errors import FormatError
from ledger.domain.ipld import car, unixfs
from ledger.domain.ipld import cid as cids
from tests.conftest import SEED

KEYS = st.integers(-(2**63), 2**63) | st.text(max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=300)
    | st.text(max_size=300),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@seed(SEED)
@settings(max_examples=400, deadline=None)
@given(VALUES)
def test_cbor_round_trip_and_a_general_library_reads_the_same(value: object) -> None:
    data = cbor.encode(value)
    assert cbor.decode(data) == value
    assert cbor2.loads(data) == value


@seed(SEED)
@settings(max_examples=3000, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_that_parse_as_cbor_encode_back(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except FormatError:
        return
    assert cbor.encode(value) == data


#: What general CBOR libraries let through (docs/adr/0003); each would give one statement several
#: spellings.
LENIENT = {
    "trailing bytes": "0000",
    "long form of 0": "1800",
    "long form of 255 in two bytes": "1900ff",
    "long length": "580161",
    "duplicate key": "a201000100",
    "keys out of order": "a202000100",
    "indefinite array": "9fff",
    "indefinite bytes": "5f4100ff",
    "float": "f93c00",
    "undefined": "f7",
    "simple value in two bytes": "f814",
    "bytes as key": "a1410000",
    "list as key": "a1800000",
    "truncated": "4261",
    "text that is not UTF-8": "61ff",
    "huge count": "9b7fffffffffffffff",
    "huge length": "5b7fffffffffffffff",
    "boolean as key": "a1f400",
}


@pytest.mark.parametrize("name", LENIENT)
def test_cbor_refuses(name: str) -> None:
    with pytest.raises(FormatError):
        cbor.decode(bytes.fromhex(LENIENT[name]))


def test_deep_nesting_is_refused_without_exhausting_the_stack() -> None:
    with pytest.raises(FormatError):
        cbor.decode(b"\x81" * 100_000 + b"\x00")
    with pytest.raises(FormatError):
        strict_json.parse(b"[" * 100_000 + b"]" * 100_000, what="json", limit=1 << 20)


@pytest.mark.parametrize(
    "text",
    [
        '{"a":1,"a":2}',
        "NaN",
        "[Infinity]",
        '"\\ud800"',
        "{",
        "1 2",
        "\ufeff{}",
        "9007199254740993",
        "[1e999]",
        "123456789012345678901234567890",
    ],
)
def test_json_that_two_parsers_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        strict_json.parse(text.encode(), what="json", limit=1000)


ITEMS = st.recursive(
    st.binary(max_size=80), lambda inner: st.lists(inner, max_size=4), max_leaves=12
)


@pytest.mark.parametrize("part", [b'"\\', b'\\"', b'"', b"[", b'"[\\"', b'{"\\":', b"\\"], ids=repr)
@pytest.mark.parametrize("begin", [b"", b'"'], ids=["text", "string"])
def test_no_json_text_takes_longer_than_its_length(begin: bytes, part: bytes) -> None:
    """Half-open strings were once read anew from each of their quotation marks: 256 KiB of them
    held a node for minutes.
    """
    data = begin + part * (65_536 // len(part))
    before = time.thread_time()
    with pytest.raises(FormatError):
        strict_json.parse(data, what="json", limit=len(data))
    assert time.thread_time() - before < 1.0


@seed(SEED)
@settings(max_examples=400, deadline=None)
@given(ITEMS)
def test_rlp_round_trip(item: rlp.Item) -> None:
    if depth(item) > 7:  # beyond what headers and trie nodes need
        with pytest.raises(FormatError, match="deep"):
            rlp.decode(rlp.encode(item), what="rlp")
    else:
        assert rlp.decode(rlp.encode(item), what="rlp") == item


def depth(item: rlp.Item) -> int:
    return 1 + max(map(depth, item), default=0) if isinstance(item, list) else 0


@seed(SEED)
@settings(max_examples=3000, deadline=None)
@given(st.binary(max_size=70))
def test_any_bytes_that_parse_as_rlp_encode_back(data: bytes) -> None:
    try:
        item = rlp.decode(data, what="rlp")
    except FormatError:
        return
    assert rlp.encode(item) == data


@seed(SEED)
@settings(max_examples=500, deadline=None)
@given(st.integers(0, 2**63 - 1))
def test_varint_round_trip(value: int) -> None:
    data = varint.encode(value)
    assert varint.decode(data, 0) == (value, len(data))


@pytest.mark.parametrize("data", ["8000", "80", "ffffffffffffffffff01", ""])
def test_varints_that_are_long_truncated_or_padded_are_refused(data: str) -> None:
    with pytest.raises(FormatError):
        varint.decode(bytes.fromhex(data), 0)


@seed(SEED)
@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_that_parse_as_a_node_encode_back(data: bytes) -> None:
    try:
        links = unixfs.decode_node(data)
    except FormatError:
        return
    assert unixfs.encode_node(links).data == data


@seed(SEED)
@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=500), max_size=6))
def test_car_round_trip(contents: list[bytes]) -> None:
    blocks = [unixfs.Block(cids.of(data), data) for data in contents]
    data = car.header([block.cid for block in blocks[:1]]) + b"".join(
        car.section(block) for block in blocks
    )
    assert list(car.blocks(data)) == blocks
    if blocks:
        with pytest.raises(FormatError):
            list(car.blocks(data[:-1]))
        if contents[-1]:
            with pytest.raises(FormatError):
                list(car.blocks(data[:-1] + bytes([data[-1] ^ 1])))
