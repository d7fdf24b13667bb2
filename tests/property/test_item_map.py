"""The item map against its definition, and every way to write a proof of it otherwise."""

from __future__ import annotations

import random
from hashlib import sha256
from typing import Any

import pytest

from ledger.domain.codecs import cbor
from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.log import item_map
from ledger.domain.log.item_map import MapProof
from tests.support import oracle

LOG = sha256(b"log").digest()


def entry(
    subject: object, *, headers: object = None, payload: bytes = bytes(32), signature: int = 64
) -> bytes:
    """An entry by hand, with whatever headers."""
    claims = {15: {2: subject}, 16: "x"} if headers is None else headers
    protected = claims if isinstance(claims, bytes) else cbor.encode(claims)
    parts = (cbor.encode(protected), b"\xa0", cbor.encode(payload), cbor.encode(bytes(signature)))
    return b"\xd2\x84" + b"".join(parts)


def proof_of(values: dict[bytes, bytes], key: bytes) -> MapProof:
    siblings, terminal = oracle.map_proof(values, key)
    return MapProof(tuple(siblings), terminal)


def sorted_root(values: dict[bytes, bytes]) -> bytes:
    return item_map.subtree(sorted(values.items()), 0)


def close_to(key: bytes, shared: int, rng: random.Random) -> bytes:
    """A random key that shares exactly this many first bits."""
    number = int.from_bytes(key, "big") ^ 1 << (255 - shared)
    rest = 255 - shared
    return (number >> rest << rest | rng.getrandbits(rest + 1) >> 1).to_bytes(32, "big")


def random_map(rng: random.Random) -> dict[bytes, bytes]:
    """Keys at random, and some that share long beginnings: the tree goes deep there."""
    keys = [rng.randbytes(32) for _ in range(rng.choice((0, 1, 2, 3, 30)))]
    for _ in range(rng.randrange(6) if keys else 0):
        keys.append(close_to(rng.choice(keys), rng.randrange(256), rng))
    return {key: rng.randbytes(32) for key in keys}


def test_membership_and_absence_are_proven_as_the_definition_says(rng: random.Random) -> None:
    for _ in range(120):
        values = random_map(rng)
        root = oracle.map_root(values)
        assert sorted_root(values) == root
        asked = [*values, rng.randbytes(32)]
        asked += [close_to(key, rng.randrange(256), rng) for key in list(values)[:5]]
        for key in asked:
            written = proof_of(values, key).encode()
            proof = item_map.parse_proof(written)
            assert proof.encode() == written
            assert item_map.proven_value(root, key, proof) == values.get(key)
            item_map.verify(root, key, values.get(key), proof)


def test_no_proof_shows_another_value_or_hides_a_key(rng: random.Random) -> None:
    for _ in range(60):
        values = random_map(rng)
        root, absent = oracle.map_root(values), rng.randbytes(32)
        with pytest.raises(VerificationError, match="no entry"):
            item_map.verify(root, absent, rng.randbytes(32), proof_of(values, absent))
        for key in values:
            proof = proof_of(values, key)
            with pytest.raises(VerificationError, match="expected"):
                item_map.verify(root, key, rng.randbytes(32), proof)
            with pytest.raises(VerificationError, match="to have entries"):
                item_map.verify(root, key, None, proof)
            older = dict(values)
            del older[key]
            with pytest.raises(VerificationError):
                item_map.verify(root, key, None, proof_of(older, key))


def _mutated(item: list[Any], rng: random.Random) -> list[Any]:
    """One member of a proof changed into another of the same type."""
    depth, bitmap, siblings, terminal = item[0], bytearray(item[1]), list(item[2]), item[3]
    kind = rng.randrange(8)
    if kind == 0:
        depth = max(0, depth + rng.choice((-8, -1, 1, 8)))
    elif kind == 1 and bitmap:
        bitmap[rng.randrange(len(bitmap))] ^= 1 << rng.randrange(8)
    elif kind == 2 and siblings:
        at = rng.randrange(len(siblings))
        siblings[at] = rng.choice((rng.randbytes(32), bytes(32), siblings[at][:31], siblings[0]))
    elif kind == 3 and siblings:
        del siblings[rng.randrange(len(siblings))]
    elif kind == 4:
        siblings.insert(rng.randint(0, len(siblings)), rng.randbytes(32))
    elif kind == 5 and terminal:
        terminal = [rng.randbytes(32), terminal[1]]
    elif kind == 6 and terminal:
        terminal = [terminal[0], rng.choice((rng.randbytes(32), bytes(32)))]
    elif kind == 7:
        terminal = None if terminal else [rng.randbytes(32), rng.randbytes(32)]
    return [depth, bytes(bitmap), siblings, terminal]


def test_every_member_of_a_proof_counts(rng: random.Random) -> None:
    tried = 0
    for _ in range(60):
        values = random_map(rng)
        root = oracle.map_root(values)
        for key in [*values, rng.randbytes(32)]:
            written = proof_of(values, key).encode()
            for _ in range(12):
                changed = cbor.encode(_mutated(cbor.decode(written), rng))
                if changed == written:
                    continue
                tried += 1
                with pytest.raises((FormatError, VerificationError)):
                    item_map.verify(root, key, values.get(key), item_map.parse_proof(changed))
    assert tried > 1000


def test_a_flipped_byte_or_a_byte_more_is_refused(rng: random.Random) -> None:
    values = {rng.randbytes(32): rng.randbytes(32) for _ in range(30)}
    root = oracle.map_root(values)
    for key in [*list(values)[:4], rng.randbytes(32)]:
        written = proof_of(values, key).encode()
        for at in range(len(written)):
            changed = bytearray(written)
            changed[at] ^= 1 << rng.randrange(8)
            with pytest.raises((FormatError, VerificationError)):
                item_map.verify(root, key, values.get(key), item_map.parse_proof(bytes(changed)))
        for longer in (written + b"\0", b"\0" + written, written[:-1]):
            with pytest.raises(FormatError):
                item_map.parse_proof(longer)


def test_two_keys_that_differ_in_their_last_bit_alone_stand_at_depth_256(
    rng: random.Random,
) -> None:
    one = rng.randbytes(31) + b"\x40"
    other = one[:31] + b"\x41"
    values = {one: rng.randbytes(32), other: rng.randbytes(32)}
    root = oracle.map_root(values)
    assert sorted_root(values) == root
    for key, value in values.items():
        proof = proof_of(values, key)
        assert len(proof.siblings) == 256
        assert item_map.parse_proof(proof.encode()) == proof
        item_map.verify(root, key, value, proof)
    # At the end of a path of 256 bits no foreign key can stand: it would be the one asked for.
    with pytest.raises(VerificationError, match="another path"):
        item_map.proven_value(root, rng.randbytes(32), proof_of(values, one))
    alone = item_map.parse_proof(MapProof((None,) * 255 + (rng.randbytes(32),), None).encode())
    with pytest.raises(VerificationError, match="leads to root"):
        item_map.proven_value(root, one, alone)


def test_a_path_longer_than_a_key_is_refused(rng: random.Random) -> None:
    siblings = [rng.randbytes(32)] * 257
    written = cbor.encode([257, b"\xff" * 32 + b"\x80", siblings, None])
    with pytest.raises(FormatError, match="depth is not"):
        item_map.parse_proof(written)
    assert len(MapProof((rng.randbytes(32),) * 256, (bytes(32), b"\1" * 32)).encode()) < 9000


def test_true_and_text_are_no_depth() -> None:
    for depth in (True, "0", -1, None):
        with pytest.raises(FormatError):
            item_map.parse_proof(cbor.encode([depth, b"", [], None]))
    for item in ([0, b"", []], {}, 0, [0, b"", {}, None], [0, b"", [], [bytes(32)]]):
        with pytest.raises(FormatError):
            item_map.parse_proof(cbor.encode(item))


def test_the_subject_is_that_of_the_claims() -> None:
    assert item_map.subject_of(entry("urn:uuid:x")) == "urn:uuid:x"
    assert item_map.subject_of(entry("é" * 127)) == "é" * 127
    assert item_map.subject_of(entry("a" * 255)) == "a" * 255


@pytest.mark.parametrize(
    "strange",
    [
        b"",
        b"\xd2\x84",
        entry(""),
        entry("a" * 256),
        entry("é" * 128),
        entry(7),
        entry(b"urn:uuid:x"),
        entry("x", headers={15: [2, "x"]}),
        entry("x", headers={16: {2: "x"}}),
        entry("x", headers=[15, {2: "x"}]),
        entry("x", headers={15: {2: "x"}, 16: cbor.Tagged(1, 2)}),
        entry("x", headers={15: {2: "x", 3: [[cbor.Tagged(1, 2)]]}}),
        entry("x", headers=bytes.fromhex("a10fa1026178") + b"\0"),
        entry("x", headers=bytes.fromhex("a2 0f a1 02 61 78 0f a1 02 61 79".replace(" ", ""))),
        entry("x", headers=bytes.fromhex("a1180fa1026178")),
        entry("x", headers=bytes.fromhex("a10fa10261ff")),
        entry("x", payload=bytes(31)),
        entry("x", signature=63),
        entry("x") + b"\0",
        b"\xd1" + entry("x")[1:],
        entry("x").replace(b"\xa0\x58\x20", b"\xa1\x58\x20"),
    ],
    ids=range(21),
)
def test_what_is_not_written_as_an_entry_has_the_empty_subject(strange: bytes) -> None:
    assert item_map.subject_of(strange) == ""


def test_an_entry_made_to_take_much_memory_has_its_subject_all_the_same() -> None:
    """An implementation that refused it would derive another map from the same log."""
    costly = entry("x", headers={15: {2: "x"}, 17: [[] for _ in range(60_000)]})
    assert len(costly) < 65_536
    assert item_map.subject_of(costly) == "x"


def test_the_same_subject_has_another_key_in_another_log() -> None:
    assert item_map.key_of(LOG, "x") != item_map.key_of(sha256(LOG).digest(), "x")


def test_an_index_that_is_in_no_log_extends_nothing() -> None:
    for index in (-1, 2**48):
        with pytest.raises(FormatError, match="is in no log"):
            item_map.extend(item_map.EMPTY, index, bytes(32))
    with pytest.raises(FormatError, match="32 bytes"):
        item_map.extend(item_map.EMPTY, 0, bytes(31))
