"""The mutation campaign: thousands of changes to a good bundle, none believed, none raised, and the
step named is the right one.

Three kinds: one byte of the file, one field of its structure, and splices from a bundle of another
agency on another chain.
What a change may break follows from where it was made: RULES says it by path, apart from the code
that verifies.

    python -m tests.campaigns.mutations --count 100000 --seed 1
"""

from __future__ import annotations

import argparse
import copy
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

from ledger.domain.bundle import trust
from ledger.domain.codecs import cbor
from ledger.domain.errors import FormatError
from ledger.domain.verify import FileDigest, verify
from ledger.domain.verify.report import Status, Verdict, VerificationReport

FOLDER = Path(__file__).parents[1] / "vectors" / "bundle"

#: Path prefix -> steps at which a change there may be found. Step 1, the strict parsing, may find
#: any.
RULES: list[tuple[tuple[Any, ...], set[int]]] = [
    (("statements", None, 0), {3, 5, 6}),  # which log: its signer may be no guest of another's
    (("statements", None, 1), {5, 6}),  # index
    (
        ("statements", None, 2),
        {2, 3},
    ),  # entry: claims against document and neighbours, then the signature
    (("statements", None, 3), {2}),  # document
    (("statements", None, 4), {2}),  # disclosures
    (("statements", None, 5), {5, 6}),  # receipt: its size names a checkpoint
    (("statements", None, 6), {5, 6, 3, 10}),  # first checkpoint; null means not anchored
    (("statements",), {2, 3, 5, 6}),
    (("evidence",), {2}),
    (("origin",), {8}),
    (("logs",), {3, 4, 5, 6}),
    (("certificates",), {3}),
    (("crls",), {3}),
    (("checkpoints", None, 4), {4, 6}),  # descriptor version
    (("checkpoints", None), {4, 5, 6}),
    (("checkpoints",), {4, 5, 6}),
    (("descriptors",), {3, 4, 6}),  # one too few is missed by whoever needs it
    (("hops",), {8}),
    (("lists",), {6, 8}),  # what proves nothing is not checked; at the checkpoint of the receipts
    (("chain", 0), {6, 7}),  # header
    (("chain", 1), {7}),  # descendants
    (("chain", 2), {6}),
    (("chain", 3), {6}),
    (("chain", 4), {4, 6, 8}),  # storage proofs of descriptors, checkpoints and custody
    (("chain",), {4, 6, 7, 8}),
    (("v",), set()),
    (("kind",), set()),
]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every path in a structure."""
    found = [path] if path else []
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        found += places(item, (*path, key))
    return found


def at(value: Any, path: tuple[Any, ...]) -> Any:
    """What lies at a path."""
    for step in path:
        value = value[step]
    return value


def differences(one: Any, two: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The deepest paths at which two structures differ."""
    if isinstance(one, dict) and isinstance(two, dict) and one.keys() == two.keys():
        return [found for key in one for found in differences(one[key], two[key], (*path, key))]
    if isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        return [
            found
            for key in range(len(one))
            for found in differences(one[key], two[key], (*path, key))
        ]
    return [] if type(one) is type(two) and one == two else [path]


def allowed(path: tuple[Any, ...]) -> set[int]:
    """The steps at which a change at a path may be found."""
    for rule, steps in RULES:
        if len(path) >= len(rule) and all(
            want is None or want == have for want, have in zip(rule, path, strict=False)
        ):
            return steps | {1}
    return {1}


def accused(report: VerificationReport) -> set[int]:
    """The steps that the report names: failed or unreadable, or else not checked."""
    failed = {
        number
        for number, step in report.steps.items()
        if step.status in (Status.FAILED, Status.UNREADABLE)
    }
    return failed or {
        number for number, step in report.steps.items() if step.status is Status.NOT_CHECKED
    }


class Campaign:
    """Good bundle, another one to splice from, and a source of randomness."""

    def __init__(self, seed: int, other: bytes | None = None) -> None:
        self.rng = random.Random(seed)
        self.good = (FOLDER / "good.bundle").read_bytes()
        self.root = trust.parse((FOLDER / "trust.json").read_bytes())
        index = json.loads((FOLDER / "index.json").read_text())["file"]
        self.file = FileDigest(index["size"], index["digests"])
        self.value = cbor.decode(self.good)
        self.paths = places(self.value)
        self.other = None if other is None else cbor.decode(other)
        self.shared = (
            []
            if other is None
            else [path for path in places(self.other) if path in set(self.paths)]
        )

    def one_byte(self) -> bytes:
        data = bytearray(self.good)
        kind, where = self.rng.randrange(4), self.rng.randrange(len(data))
        if kind == 0:
            data[where] ^= 1 << self.rng.randrange(8)
        elif kind == 1:
            data[where] = self.rng.randrange(256)
        elif kind == 2:
            data.insert(where, self.rng.randrange(256))
        else:
            del data[where]
        return bytes(data)

    def one_field(self) -> bytes | None:
        changed = copy.deepcopy(self.value)
        path = self.rng.choice(self.paths)
        place, last = at(changed, path[:-1]), path[-1]
        old = place[last]
        kind = self.rng.randrange(9)
        if kind == 0 and isinstance(place, list):
            place.pop(last)
        elif kind == 1 and isinstance(place, list):
            place.insert(self.rng.randrange(len(place) + 1), copy.deepcopy(old))
        elif kind == 2 and isinstance(place, list) and len(place) > 1:
            two = self.rng.randrange(len(place))
            place[last], place[two] = place[two], place[last]
        elif kind == 3:
            place[last] = copy.deepcopy(at(self.value, self.rng.choice(self.paths)))
        elif kind == 4 and isinstance(old, bytes) and old:
            where = self.rng.randrange(len(old))
            place[last] = (
                old[:where] + bytes([old[where] ^ (1 << self.rng.randrange(8))]) + old[where + 1 :]
            )
        elif kind == 5 and isinstance(old, bytes):
            place[last] = self.rng.choice(
                [old[:-1], old + b"\x00", b"", self.rng.randbytes(len(old))]
            )
        elif kind == 6 and isinstance(old, int):
            place[last] = self.rng.choice([old + 1, old - 1, 0, 1, 2**32, 2**63, 2**64 - 1, -1])
        elif kind == 7:
            place[last] = self.rng.choice([None, [], {}, "", b"", 0, True])
        elif kind == 8 and isinstance(place, dict):
            del place[last]
        else:
            return None
        return self.encoded(changed)

    def splice(self) -> bytes | None:
        """A part of the bundle of another agency on another chain."""
        if not self.shared:
            return None
        changed = copy.deepcopy(self.value)
        for _ in range(self.rng.choice([1, 1, 2, 4])):
            path = self.rng.choice(self.shared)
            try:
                at(changed, path[:-1])[path[-1]] = copy.deepcopy(at(self.other, path))
            except (KeyError, IndexError, TypeError):
                continue
        return self.encoded(changed)

    @staticmethod
    def encoded(value: Any) -> bytes | None:
        try:
            return cbor.encode(value)
        except (TypeError, OverflowError, RecursionError):
            return None

    def harmless(self, changed: Any) -> bool:
        """Documents and disclosures left out withhold; events left out at the end make a shorter,
        still honest bundle.
        """
        good, bad = copy.deepcopy(self.value), copy.deepcopy(changed)
        try:
            for row in (*good["statements"], *bad["statements"]):
                if (
                    row[3] is not None
                    and row in bad["statements"]
                    and not any(row[3] == other[3] for other in good["statements"])
                ):
                    return False
            for number, row in enumerate(bad["statements"]):
                if not set(row[4]) <= set(self.value["statements"][number][4]):
                    return False
            for row in (*good["statements"], *bad["statements"]):
                row[3], row[4] = None, []
        except (KeyError, IndexError, TypeError):
            return False
        good["statements"] = good["statements"][: len(bad["statements"])]
        for one in (
            good,
            bad,
        ):  # storage proofs stand each for itself: their order says nothing (docs/format.md)
            if (
                isinstance(one.get("chain"), list)
                and len(one["chain"]) == 5
                and isinstance(one["chain"][4], list)
            ):
                one["chain"][4].sort(key=repr)
        return bool(bad["statements"]) and bool(good == bad)

    def judge(self, data: bytes) -> str | None:
        """None where the change was refused at the right step, else what is wrong."""
        try:
            changed = cbor.decode(data)
        except FormatError:
            changed = None
        if changed is not None and (data == self.good or self.harmless(changed)):
            return None
        try:
            report = verify(data, self.root, file=self.file)
        except Exception as error:  # noqa: BLE001  (this is what the campaign looks for)
            return f"raised {type(error).__name__}: {error}"
        if report.verdict is Verdict.VERIFIED:
            return "was believed"
        where = [()] if changed is None else differences(self.value, changed)
        steps = {1}.union(*(allowed(path) for path in where))
        found = accused(report)
        if not found & steps:
            return f"step {sorted(found)} named, one of {sorted(steps)} expected for a change at {where[:3]}"
        return None


def run(
    count: int, seed: int, other: bytes | None = None, *, stop_at: int = 5
) -> tuple[Counter[str], list[tuple[str, bytes]]]:
    """Try ``count`` changes; what was tried, and (what is wrong, the bundle) for each that went
    wrong.
    """
    campaign = Campaign(seed, other)
    counts: Counter[str] = Counter()
    wrong: list[tuple[str, bytes]] = []
    kinds = [campaign.one_byte, campaign.one_field, campaign.one_field, campaign.splice]
    while sum(counts.values()) < count and len(wrong) < stop_at:
        kind = campaign.rng.choice(kinds)
        data = kind()
        if data is None or data == campaign.good:
            continue
        counts[kind.__name__] += 1
        problem = campaign.judge(data)
        if problem is not None:
            wrong.append((f"{kind.__name__} {problem}", data))
    return counts, wrong


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20261121)
    options = parser.parse_args()
    from tests.campaigns.second import second_bundle

    start = time.monotonic()
    counts, wrong = run(options.count, options.seed, second_bundle())
    for number, (problem, data) in enumerate(wrong):
        path = Path(f"wrong-{number}.bundle")
        path.write_bytes(data)
        print(f"{path}: {problem}")
    print(
        f"{sum(counts.values())} changes in {time.monotonic() - start:.0f} s: {dict(counts)}; {len(wrong)} wrong"
    )
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
