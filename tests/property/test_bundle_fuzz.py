"""Random structural changes to a bundle: never believed, never an exception."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

from ledger.domain import cbor, trust
from ledger.domain.verify import FileDigest, Verdict, verify

FOLDER = Path(__file__).parents[1] / "vectors" / "bundle"
ROUNDS = 1500


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found += places(item, (*path, key))
    return found


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


def encodable(value: Any) -> bytes | None:
    try:
        return cbor.encode(value)
    except (TypeError, RecursionError):
        return None


def test_random_changes_are_never_believed_and_never_raise(rng: random.Random) -> None:
    root = trust.parse((FOLDER / "trust.json").read_bytes())
    index = json.loads((FOLDER / "index.json").read_text())["file"]
    file = FileDigest(index["size"], index["digests"])
    good = (FOLDER / "good.bundle").read_bytes()
    value = cbor.decode(good)
    believed = 0
    for _ in range(ROUNDS):
        data = encodable(edit(rng, value))
        if data is None or data == good:
            continue
        report = verify(data, root, file=file)
        believed += report.verdict is Verdict.VERIFIED and not harmless(data)
    assert believed == 0


def harmless(data: bytes) -> bool:
    """Leaving out disclosures or a document withholds; leaving out the last events is a shorter, still honest bundle."""
    good = cbor.decode((FOLDER / "good.bundle").read_bytes())
    changed = cbor.decode(data)
    for row in (*good["statements"], *changed["statements"]):
        row[3], row[4] = None, []
    count = len(changed["statements"])
    good["statements"] = good["statements"][:count]
    return count > 0 and bool(changed == good)


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
        assert verify(cbor.encode(value), root).verdict is not Verdict.VERIFIED or json.loads(row[3]) == document
