"""The item map in tiles against its definition, however the entries are divided into batches."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.log import item_map, map_tiles
from ledger.domain.log.map_tiles import Additions
from tests.support import oracle


class Stored:
    """Tiles in memory, as the last batch left them."""

    def __init__(self) -> None:
        self.tiles: dict[bytes, bytes] = {}

    def read(self, prefixes: Sequence[bytes]) -> Mapping[bytes, bytes]:
        return {prefix: self.tiles[prefix] for prefix in prefixes if prefix in self.tiles}

    def add(self, additions: Sequence[tuple[bytes, int, bytes]]) -> bytes:
        new: dict[bytes, Additions] = {}
        for key, index, hashed in additions:
            new.setdefault(key, []).append((index, hashed))
        root, changed = map_tiles.update(self.read, new)
        self.tiles |= changed
        return root


def history(rng: random.Random, size: int) -> list[tuple[bytes, int, bytes]]:
    """Entries of a few subjects, some of whose keys share long beginnings."""
    keys = [rng.randbytes(32) for _ in range(rng.choice((1, 2, 20, 200)))]
    for key in keys[:10]:
        keys.append((int.from_bytes(key, "big") ^ 1 << rng.randrange(256)).to_bytes(32, "big"))
    return [(rng.choice(keys), index, rng.randbytes(32)) for index in range(size)]


def values_of(entries: Sequence[tuple[bytes, int, bytes]]) -> dict[bytes, bytes]:
    values: dict[bytes, bytes] = {}
    for key, index, hashed in entries:
        values[key] = item_map.extend(values.get(key, item_map.EMPTY), index, hashed)
    return values


def test_tiles_give_root_and_proofs_of_the_definition_after_every_batch(
    rng: random.Random,
) -> None:
    for _ in range(25):
        entries, stored, done = history(rng, rng.randrange(300)), Stored(), 0
        while done < len(entries):
            end = rng.randint(done + 1, len(entries))
            root = stored.add(entries[done:end])
            done = end
            values = values_of(entries[:done])
            assert root == oracle.map_root(values) == map_tiles.root(stored.read)
            for key in [*list(values)[:20], entries[-1][0], rng.randbytes(32)]:
                siblings, terminal = oracle.map_proof(values, key)
                proof = map_tiles.prove(stored.read, key)
                assert (proof.siblings, proof.terminal) == (tuple(siblings), terminal)
                item_map.verify(root, key, values.get(key), proof)
        at_once = Stored()
        at_once.add(entries)
        assert at_once.tiles == stored.tiles


def test_a_batch_of_nothing_changes_nothing() -> None:
    stored = Stored()
    assert stored.add([]) == item_map.EMPTY
    root = stored.add([(bytes(32), 0, bytes(32))])
    before = dict(stored.tiles)
    assert stored.add([]) == root
    assert stored.tiles == before


def test_a_flipped_bit_in_a_tile_becomes_no_map_that_is_signed(rng: random.Random) -> None:
    entries = [(rng.randbytes(32), index, rng.randbytes(32)) for index in range(400)]
    sound = Stored()
    root, values = sound.add(entries), values_of(entries)
    for prefix in [b"", *rng.sample([prefix for prefix in sound.tiles if prefix], 20)]:
        altered = Stored()
        tile = bytearray(sound.tiles[prefix])
        tile[rng.randrange(len(tile))] ^= 1 << rng.randrange(8)
        altered.tiles = {**sound.tiles, prefix: bytes(tile)}
        key = next(key for key, _, _ in entries if key.startswith(prefix))
        with pytest.raises((FormatError, VerificationError)):
            item_map.verify(root, key, values[key], map_tiles.prove(altered.read, key))
        if prefix:
            with pytest.raises(FormatError):
                altered.add([(key, 400, bytes(32))])
        else:
            with pytest.raises((FormatError, AssertionError)):
                assert map_tiles.root(altered.read) == root


def test_a_tile_that_is_cut_short_or_lost_is_told(rng: random.Random) -> None:
    entries = [(rng.randbytes(32), index, rng.randbytes(32)) for index in range(400)]
    sound = Stored()
    sound.add(entries)
    prefix = max(sound.tiles)
    for data in (sound.tiles[prefix][:-1], b"", b"\x07" + sound.tiles[prefix]):
        altered = Stored()
        altered.tiles = {**sound.tiles, prefix: data}
        with pytest.raises(FormatError):
            altered.add([(prefix + rng.randbytes(32 - len(prefix)), 400, bytes(32))])
