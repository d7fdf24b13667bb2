"""Random structural changes to the documents in a bundle: never believed, never an exception."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from ledger.domain.bundle import trust
from ledger.domain.codecs import cbor
from ledger.domain.verify import Verdict, verify
from tests.campaigns.mutations import FOLDER, places

ROUNDS = 1500


def replacement(rng: random.Random, old: Any, pool: list[Any]) -> Any:
    kind = rng.randrange(9)
    if kind == 0:
        return None
    if kind == 1:
        return rng.choice([0, 1, -1, 2**31, 2**63, 2**64 - 1])
    if kind == 2:
        return rng.choice(["", "x", "urn:custody:agency:NL-POL", "\u0000"])
    if kind == 3:
        return rng.randbytes(rng.randrange(40))
    if kind == 4:
        return []
    if kind == 5:
        return {}
    if kind == 6 and isinstance(old, bytes) and old:
        at = rng.randrange(len(old))
        return old[:at] + bytes([old[at] ^ (1 << rng.randrange(8))]) + old[at + 1 :]
    if kind == 7 and isinstance(old, list) and old:
        shuffled = [*old, rng.choice(old)]
        rng.shuffle(shuffled)
        return shuffled
    return copy.deepcopy(rng.choice(pool))


def edit(rng: random.Random, value: Any) -> Any:
    changed = copy.deepcopy(value)
    every = places(changed)
    *path, last = rng.choice(every)
    place = changed
    for step in path:
        place = place[step]
    pool = [place[last]]
    for other in rng.sample(every, min(5, len(every))):
        item = changed
        for step in other:
            item = item[step]
        pool.append(item)
    if rng.randrange(6) == 0:
        del place[last]
    else:
        place[last] = replacement(rng, place[last], pool)
    return changed


def test_random_documents_never_raise(rng: random.Random) -> None:
    """Documents are parsed before they are hashed: whatever stands in them must end in a finding."""
    root = trust.parse((FOLDER / "trust.json").read_bytes())
    value = cbor.decode((FOLDER / "good.bundle").read_bytes())
    row = rng.choice(value["statements"])
    document = json.loads(row[3])
    for _ in range(ROUNDS):
        changed = edit(rng, document)
        try:
            row[3] = json.dumps(changed).encode()
        except TypeError:
            continue
        assert (
            verify(cbor.encode(value), root).verdict is not Verdict.VERIFIED
            or json.loads(row[3]) == document
        )
