"""The recursive definitions of RFC 9162 sections 2.1.1, 2.1.3.1 and 2.1.4.1, word for word: slow,
and obvious.
"""

from __future__ import annotations

from hashlib import sha256


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def mth(leaves: list[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(mth(leaves[:k]), mth(leaves[k:]))


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    return (
        [*path(m, leaves[:k]), mth(leaves[k:])]
        if m < k
        else [*path(m - k, leaves[k:]), mth(leaves[:k])]
    )


def proof(m: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*proof(m, leaves[:k], whole), mth(leaves[k:])]
    return [*proof(m - k, leaves[k:], False), mth(leaves[:k])]


def map_root(values: dict[bytes, bytes], depth: int = 0) -> bytes:
    """Root of an item map, key by key and bit by bit as its definition reads."""
    if not values:
        return bytes(32)
    if len(values) == 1:
        ((key, value),) = values.items()
        return sha256(b"\x04" + key + value).digest()
    halves: tuple[dict[bytes, bytes], dict[bytes, bytes]] = {}, {}
    for key, value in values.items():
        bits = f"{int.from_bytes(key, 'big'):0256b}"
        halves[int(bits[depth])][key] = value
    left, right = map_root(halves[0], depth + 1), map_root(halves[1], depth + 1)
    return sha256(b"\x05" + left + right).digest()


def map_proof(
    values: dict[bytes, bytes], wanted: bytes, depth: int = 0
) -> tuple[list[bytes | None], tuple[bytes, bytes] | None]:
    """Siblings from the root down, and the leaf at the end of a key's path."""
    if len(values) < 2:
        return [], next(iter(values.items()), None)
    halves: tuple[dict[bytes, bytes], dict[bytes, bytes]] = {}, {}
    for key, value in values.items():
        halves[int(f"{int.from_bytes(key, 'big'):0256b}"[depth])][key] = value
    side = int(f"{int.from_bytes(wanted, 'big'):0256b}"[depth])
    siblings, terminal = map_proof(halves[side], wanted, depth + 1)
    other = map_root(halves[1 - side], depth + 1) if halves[1 - side] else None
    return [other, *siblings], terminal
