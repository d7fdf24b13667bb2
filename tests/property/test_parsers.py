"""Every parser against hostile bytes: our error or a value that re-encodes to the same bytes, in
bounded time and memory.

Seeds are real; mutations are blind ones and those that parsers have died of: truncated, repeated
and spliced parts, huge counts, long numbers, deep nesting. Whatever made a parser fail lies in
tests/vectors/found and is tried for ever. CUSTODY_FUZZ_ROUNDS sets how many inputs each parser
gets.
"""

from __future__ import annotations

import copy
import json
import os
import random
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import trust
from ledger.domain.chain import evm, qbft
from ledger.domain.codecs import cbor, rlp, strict_json, varint
from ledger.domain.codecs.text import b64url, from_b64url, parse_time
from ledger.domain.crypto import grants
from ledger.domain.errors import CustodyError
from ledger.domain.event import disclosure
from ledger.domain.event import document as documents
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import descriptor as descriptors
from ledger.domain.identity import enrolment, login
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.ipld import car, unixfs
from ledger.domain.ipld import cid as cids
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.domain.log import tiles

VECTORS = Path(__file__).parents[1] / "vectors"
FOUND = VECTORS / "found"
ROUNDS = int(os.environ.get("CUSTODY_FUZZ_ROUNDS", "1200"))
BLOW_UP = 5.0  # seconds for one input: a hundred times what the slowest honest one takes

GOOD = (VECTORS / "bundle" / "good.bundle").read_bytes()
BUNDLE = bundles.parse(GOOD)
EXAMPLE: dict[str, Any] = json.loads((VECTORS / "worked_example.json").read_text())
CHAIN = BUNDLE.chain
NODE_KEY = descriptors.parse(BUNDLE.descriptors[0].document).node
assert CHAIN is not None
BLOCKS = [unixfs.Block(cids.of(data), data) for data in (b"one", b"two" * 100)]
NODE = unixfs.encode_node(
    [unixfs.Link(block.cid, len(block.data), len(block.data)) for block in BLOCKS]
)
QBFT = [bytes.fromhex(json.loads((VECTORS / "qbft.json").read_text())["block"]["extraData"][2:])]
CAR = car.header([BLOCKS[0].cid]) + b"".join(car.section(block) for block in BLOCKS)
DOCUMENT = EXAMPLE["document"].encode()
SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(32))
ENROLMENT = enrolment.sign(SIGNER, server="urn:custody:log:" + "0" * 64, hpke=NODE_KEY)


def joined(nodes: tuple[bytes, ...]) -> bytes:
    return cbor.encode(list(nodes))


def proof(data: bytes, check: Callable[[tuple[bytes, ...]], Any]) -> None:
    nodes = cbor.decode(data)
    if isinstance(nodes, list) and all(isinstance(node, bytes) for node in nodes):
        check(tuple(nodes))


def text(parse: Callable[[str], Any]) -> Callable[[bytes], Any]:
    return lambda data: parse(data.decode("utf-8", "replace"))


#: Name -> (parser of bytes, seeds, how a value is written again or None).
PARSERS: dict[str, tuple[Callable[[bytes], Any], list[bytes], Callable[[Any], bytes] | None]] = {
    "bundle": (bundles.parse, [GOOD], lambda value: value.encode()),
    "statement": (
        statements.parse,
        [
            bytes.fromhex(EXAMPLE["statement"]),
            *(statement.entry for statement in BUNDLE.statements),
        ],
        lambda value: value.message.encode(),
    ),
    "entry": (
        statements.parse_entry,
        [statement.entry for statement in BUNDLE.statements],
        lambda value: value.entry,
    ),
    "receipt": (receipts.parse, [bytes.fromhex(EXAMPLE["receipt"])], lambda value: value.encode()),
    "checkpoint": (
        receipts.parse_checkpoint,
        [EXAMPLE["checkpoint"].encode(), BUNDLE.checkpoints[0].note],
        lambda value: value.note,
    ),
    "document": (lambda data: documents.parse(data, EXAMPLE["disclosures"]), [DOCUMENT], None),
    "document_alone": (
        documents.parse,
        [DOCUMENT, *(statement.document for statement in BUNDLE.statements if statement.document)],
        lambda value: value.raw,
    ),
    "disclosure": (text(disclosure.parse), [one.encode() for one in EXAMPLE["disclosures"]], None),
    "disclosure_value": (
        lambda data: disclosure.parse(b64url(data)),
        [from_b64url(one, what="") for one in EXAMPLE["disclosures"]],
        None,
    ),
    "car": (lambda data: list(car.blocks(data)), [CAR], None),
    "unixfs_node": (
        unixfs.decode_node,
        [NODE.data],
        lambda value: bytes(unixfs.encode_node(value).data),
    ),
    "trust_root": (trust.parse, [(VECTORS / "bundle" / "trust.json").read_bytes()], None),
    "header": (evm.parse_header, [CHAIN.header], None),
    "qbft_extra_data": (qbft.parse, QBFT, lambda value: value.encode()),
    "account_proof": (
        lambda data: proof(
            data,
            lambda nodes: evm.prove_account(
                evm.parse_header(CHAIN.header).state_root, bytes(20), nodes
            ),
        ),
        [joined(CHAIN.ledger), joined(CHAIN.registry)],
        None,
    ),
    "storage_proof": (
        lambda data: proof(
            data,
            lambda nodes: evm.prove_storage(
                evm.keccak256(nodes[0]) if nodes else bytes(32), bytes(32), nodes
            ),
        ),
        [joined(one.nodes) for one in CHAIN.storage],
        None,
    ),
    "rlp": (
        lambda data: rlp.decode(data, what="rlp"),
        [CHAIN.header, *CHAIN.storage[0].nodes],
        rlp.encode,
    ),
    "cbor": (
        cbor.decode,
        [GOOD, cbor.encode({"a": [1, b"x", None], "b": {"c": True}})],
        cbor.encode,
    ),
    "json": (lambda data: strict_json.parse(data, what="json", limit=1 << 20), [DOCUMENT], None),
    "varint": (
        lambda data: varint.decode(data, 0),
        [varint.encode(300), varint.encode(2**62)],
        None,
    ),
    "cid": (
        text(cids.from_text),
        [cids.to_text(NODE.cid).encode()],
        lambda value: cids.to_text(value).encode(),
    ),
    "grant": (
        grants.parse,
        [from_b64url(EXAMPLE["envelope"]["grant"], what="")],
        lambda value: value.encode(),
    ),
    "login": (login.parse, [bytes.fromhex(EXAMPLE["login"])], None),
    "enrolment": (enrolment.parse, [ENROLMENT], None),
    "descriptor": (descriptors.parse, [BUNDLE.descriptors[0].document], None),
    "certificate": (
        certificates.parse,
        [bytes.fromhex(EXAMPLE["certificate"]), *BUNDLE.certificates],
        lambda value: value.der,
    ),
    "authority": (certificates.check_authority, [bytes.fromhex(EXAMPLE["ca"])], None),
    "revocation_list": (revocation_lists.load_crl, list(BUNDLE.crls), None),
    "entry_bundle": (
        tiles.split_bundle,
        [tiles.join_bundle([statement.entry for statement in BUNDLE.statements])],
        tiles.join_bundle,
    ),
    "tile_path": (text(tiles.parse_path), [b"0/x001/x234/067", b"entries/000.p/12"], None),
    "time": (text(lambda value: parse_time(value, what="time")), [b"2026-11-21T09:14:03Z"], None),
}

BOMBS = {
    "deep cbor lists": b"\x81" * 100_000,
    "deep cbor maps": b"\xa1\x00" * 100_000,
    "deep cbor tags": b"\xd2" * 100_000,
    "huge cbor list": b"\x9b\x7f" + b"\xff" * 7,
    "huge cbor map": b"\xbb\x7f" + b"\xff" * 7,
    "huge cbor bytes": b"\x5b\x7f" + b"\xff" * 7 + b"x",
    "deep json": b"[" * 200_000,
    "deep json objects": b'{"a":' * 100_000,
    "long json number": b'{"v":' + b"9" * 900_000 + b"}",
    "long json float": b"1." + b"1" * 900_000 + b"e" + b"9" * 50_000,
    "half-open json strings": b'"\\' * 32_768,
    "json escapes": b'"' + b"\\u0041" * 150_000 + b'"',
    "deep rlp": b"\xc1" * 100_000,
    "huge rlp": b"\xff" + b"\xff" * 8,
    "long varint": b"\xff" * 1_000_000,
    "zeros": bytes(1 << 20),
    "ones": b"\xff" * (1 << 20),
    "spaces": b" " * (1 << 20),
    "empty": b"",
    "long text": b"a" * (1 << 20),
    "der lengths": b"0\x84\x7f\xff\xff\xff" * 10_000,
}


def mutated(rng: random.Random, seeds: list[bytes]) -> bytes:
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
        size = len(data)
        where = rng.randrange(size + 1)
        kind = rng.randrange(8)
        if kind == 0 and size:
            data[where % size] ^= 1 << rng.randrange(8)
        elif kind == 1 and size:
            data[where % size] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif kind == 2:
            data[where:where] = rng.randbytes(rng.randrange(1, 9))
        elif kind == 3:
            del data[where : where + rng.randrange(1, 9)]
        elif kind == 4:
            end = min(size, where + rng.randrange(1, 64))
            data[end:end] = data[where:end] * rng.choice([1, 2, 50])
        elif kind == 5:
            del data[where:]
        elif kind == 6:
            other = rng.choice(seeds)
            start = rng.randrange(len(other) + 1)
            data[where:] = other[start:]
        else:
            data[where:where] = rng.choice(
                [
                    b"\xff" * 9,
                    b"\x9b" + b"\xff" * 8,
                    b"\x80" * 12,
                    b"[[[[",
                    b'{"_sd":',
                    b'{"_sd_names":',
                    b"\xf8\xff",
                    b"\x00" * 40,
                ]
            )
    return bytes(data)


def attempt(name: str, data: bytes) -> None:
    parse, _, encode = PARSERS[name]
    start = time.monotonic()
    try:
        value = parse(data)
    except CustodyError as error:
        assert error.message  # noqa: PT017
    else:
        if encode is not None:
            assert encode(value) == data, "it parsed, and is written otherwise"
    assert time.monotonic() - start < BLOW_UP, "one input took too long"


@pytest.mark.parametrize("name", PARSERS)
def test_seeds_parse(name: str) -> None:
    for data in PARSERS[name][1]:
        if name not in ("account_proof", "storage_proof"):  # they lead elsewhere, and say so
            PARSERS[name][0](data)
        attempt(name, data)


@pytest.mark.parametrize("name", PARSERS)
def test_hostile_bytes_end_in_our_error(name: str, rng: random.Random) -> None:
    for _ in range(ROUNDS):
        data = mutated(rng, PARSERS[name][1])
        try:
            attempt(name, data)
        except BaseException:
            print(f"input that failed: {data.hex()}")
            raise


OTHERS: list[Any] = [None, True, -1, 2**53, "", "x", b"", b"x", [], {}, [[]], [{}], {"v": []}]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of a value and of all in it; of a list of the first few."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value[:4])
    for name, member in inner:
        if isinstance(member, dict | list):
            yield from places(member, (*path, name))
        else:
            yield (*path, name)


def replaced(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    made = copy.copy(value)
    made[path[0]] = replaced(value[path[0]], path[1:], other)
    return made


@pytest.mark.parametrize("name", ["grant", "bundle", "descriptor", "trust_root", "document"])
def test_a_member_of_any_type_ends_in_our_error(name: str) -> None:
    """A list where a number stands was once looked up among numbers: an error of the node."""
    data = PARSERS[name][1][0]
    is_json = data.startswith(b"{")
    value = json.loads(data) if is_json else cbor.decode(data)
    write = (lambda one: json.dumps(one).encode()) if is_json else cbor.encode
    for path in places(value):
        for other in OTHERS:
            if not (is_json and isinstance(other, bytes)):
                attempt(name, write(replaced(value, path, other)))


@pytest.mark.parametrize("name", PARSERS)
def test_bombs_cost_nothing(name: str) -> None:
    for title, data in BOMBS.items():
        tracemalloc.start()
        try:
            attempt(name, data)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 40 << 20, f"{title}: {peak} bytes for {len(data)}"


@pytest.mark.parametrize("path", sorted(FOUND.iterdir()), ids=lambda path: path.name)
def test_what_once_failed_is_refused(path: Path) -> None:
    with pytest.raises(CustodyError):
        PARSERS[path.name.partition(".")[0]][0](path.read_bytes())
