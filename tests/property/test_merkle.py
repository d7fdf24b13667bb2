"""Tree, proofs and tiles against the recursive definitions."""

from __future__ import annotations

import random

import pytest

from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.log import merkle, tiles
from tests.support import oracle

N = 300


@pytest.fixture(scope="module")
def leaves() -> list[bytes]:
    rng = random.Random("leaves")
    return [rng.randbytes(32) for _ in range(N)]


@pytest.fixture(scope="module")
def reader(leaves: list[bytes]) -> merkle.NodeReader:
    stored: dict[tuple[int, int], bytearray] = {}
    frontier = merkle.Frontier()
    for number, leaf in enumerate(leaves, 1):
        for level, index, value in frontier.append(leaf):
            if level % tiles.HEIGHT == 0:
                stored.setdefault(
                    (level // tiles.HEIGHT, index // tiles.WIDTH), bytearray()
                ).extend(value)
        assert frontier.root() == oracle.mth(leaves[:number])
    return tiles.node_reader(lambda level, index: bytes(stored[level, index]))


def test_proofs_from_tiles_are_those_of_the_definition(
    leaves: list[bytes], reader: merkle.NodeReader, rng: random.Random
) -> None:
    for _ in range(400):
        size = rng.randint(1, N)
        index, old = rng.randrange(size), rng.randint(1, size)
        assert merkle.root_of(size, reader) == oracle.mth(leaves[:size])
        assert merkle.inclusion_proof(index, size, reader) == oracle.path(index, leaves[:size])
        assert merkle.consistency_proof(old, size, reader) == oracle.proof(old, leaves[:size])


def test_honest_proofs_verify(leaves: list[bytes], reader: merkle.NodeReader) -> None:
    for size in [*range(1, 40), 255, 256, 257, N]:
        root = oracle.mth(leaves[:size])
        for index in range(0, size, 1 + size // 20):
            merkle.verify_inclusion(
                leaves[index], index, size, merkle.inclusion_proof(index, size, reader), root
            )
        for old in range(1, size + 1, 1 + size // 20):
            merkle.verify_consistency(
                old,
                size,
                oracle.mth(leaves[:old]),
                root,
                merkle.consistency_proof(old, size, reader),
            )


def test_a_forged_inclusion_proof_is_refused(
    leaves: list[bytes], reader: merkle.NodeReader, rng: random.Random
) -> None:
    for _ in range(300):
        size = rng.randint(2, N)
        index = rng.randrange(size)
        path = merkle.inclusion_proof(index, size, reader)
        root = oracle.mth(leaves[:size])
        forged = mutate(rng, path)
        with pytest.raises(VerificationError):
            merkle.verify_inclusion(leaves[index], index, size, forged, root)
        with pytest.raises(VerificationError):
            merkle.verify_inclusion(leaves[index], (index + 1) % size, size, path, root)
        with pytest.raises(VerificationError):
            merkle.verify_inclusion(rng.randbytes(32), index, size, path, root)


def test_a_forged_consistency_proof_is_refused(
    leaves: list[bytes], reader: merkle.NodeReader, rng: random.Random
) -> None:
    for _ in range(300):
        new = rng.randint(2, N)
        old = rng.randint(1, new - 1)
        path = merkle.consistency_proof(old, new, reader)
        roots = oracle.mth(leaves[:old]), oracle.mth(leaves[:new])
        with pytest.raises(VerificationError):
            merkle.verify_consistency(old, new, *roots, mutate(rng, path))
        with pytest.raises(VerificationError):
            merkle.verify_consistency(old, new, rng.randbytes(32), roots[1], path)
        with pytest.raises(VerificationError):
            merkle.verify_consistency(old, new, roots[0], rng.randbytes(32), path)


def mutate(rng: random.Random, path: list[bytes]) -> list[bytes]:
    kind = rng.randrange(4) if path else 1
    if kind == 0:
        at = rng.randrange(len(path))
        return [*path[:at], rng.randbytes(32), *path[at + 1 :]]
    if kind == 1:
        return [*path, rng.randbytes(32)]
    if kind == 2:
        return path[:-1]
    return path[1:] if len(path) > 1 else []


def test_two_trees_of_one_size_must_be_equal() -> None:
    with pytest.raises(VerificationError):
        merkle.verify_consistency(3, 3, b"a" * 32, b"b" * 32, [])


@pytest.mark.parametrize(
    ("path", "level", "index", "width"),
    [
        ("0/000", 0, 0, 256),
        ("0/x001/x234/067", 0, 1234067, 256),
        ("3/999.p/17", 3, 999, 17),
        ("entries/x001/000", None, 1000, 256),
    ],
)
def test_tile_paths_are_those_of_the_specification(
    path: str, level: int | None, index: int, width: int
) -> None:
    assert tiles.parse_path(path) == tiles.TilePath(level, index, width)
    assert tiles.format_path(level, index, width) == path


@pytest.mark.parametrize(
    "path",
    [
        "0/0",
        "0/x000/001",
        "6/000",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/300",
        "../0/000",
        "0/000/",
        "0/1000",
        "0/x001",
    ],
)
def test_other_spellings_of_tile_paths_are_refused(path: str) -> None:
    with pytest.raises(FormatError):
        tiles.parse_path(path)


def test_entry_bundles_split_as_they_were_joined(rng: random.Random) -> None:
    entries = [rng.randbytes(rng.randrange(500)) for _ in range(20)]
    assert tiles.split_bundle(tiles.join_bundle(entries)) == entries
    with pytest.raises(FormatError):
        tiles.split_bundle(tiles.join_bundle(entries)[:-1] if entries[-1] else b"\x00")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_nothing_is_included_in_nothing(size: int) -> None:
    """Of a tree with one leaf the root is the leaf: an empty one was included in an empty root."""
    short = bytes(size)
    with pytest.raises(VerificationError, match="32 bytes"):
        merkle.verify_inclusion(short, 0, 1, [], short)
    with pytest.raises(VerificationError, match="32 bytes"):
        merkle.verify_inclusion(bytes(32), 0, 1, [], short)
    with pytest.raises(VerificationError, match="32 bytes"):
        merkle.verify_consistency(1, 1, short, short, [])
