"""What strangers send takes little more memory than it has bytes, and little time: refused early,
or judged.
"""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle.bundle import Bundle, BundledStatement, LogRef
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.codecs import cbor
from ledger.domain.codecs.text import b64url
from ledger.domain.errors import CustodyError
from ledger.domain.log import statement
from ledger.domain.log.statement import Claims
from ledger.domain.verify import verify
from tests.support.desk import Desk

EVIDENCE = "urn:uuid:8710c098-cfad-464c-9f95-60c8e85d2007"
COUNT = 60_000
SECONDS = 30.0  # tracing makes it ten times slower, and other tests run beside


def cost(work: Callable[[], object], size: int) -> float:
    """Peak of memory during ``work`` as a multiple of ``size``; fails where it takes for ever."""
    tracemalloc.start()
    begin = time.monotonic()
    try:
        work()
    except CustodyError:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert time.monotonic() - begin < SECONDS
    return peak / size


def array(item: bytes, count: int = COUNT) -> bytes:
    return b"\x9a" + count.to_bytes(4, "big") + item * count


def map_of(item: bytes, count: int = COUNT) -> bytes:
    keys = (b"\x1a" + (65_536 + number).to_bytes(4, "big") for number in range(count))
    return b"\xba" + count.to_bytes(4, "big") + b"".join(key + item for key in keys)


SHAPES = {
    "empty arrays": array(b"\x80"),
    "empty maps": array(b"\xa0"),
    "arrays of one": array(b"\x81\x01"),
    "maps of one": array(b"\xa1\x01\x01"),
    "maps of small ints": map_of(b"\x01"),
    "ints of three bytes": array(b"\x19\x7f\x00"),
    "ints of nine bytes": array(b"\x1b\x7f" + bytes(7)),
    "negative ints": array(b"\x39\x7f\x00"),
    "texts of two letters": array(b"\x62ab"),
    "texts with one wide character each": array(b"\x78\x20" + "\U0001f600".encode() + b"a" * 28),
    "one wide character in a long text": b"\x7a"
    + (COUNT * 4 + 4).to_bytes(4, "big")
    + "\U0001f600".encode()
    + b"a" * (COUNT * 4),
    "strings of two bytes": array(b"\x42ab"),
    "strings of 64 bytes": array(b"\x58\x40" + bytes(64)),
    "deep nesting": array(b"\x81" * 14 + b"\x01", COUNT // 10),
    "tags": array(b"\xc1\x01"),
    "an array in an array of half the size, and so on": b"".join(
        b"\x9a" + (COUNT >> n).to_bytes(4, "big") for n in range(14)
    )
    + b"\x01" * COUNT * 2,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_encoding_of_many_tiny_values_does_not_explode(shape: str) -> None:
    data = SHAPES[shape]
    assert cost(lambda: cbor.decode(data), len(data)) <= 8


def members(**given: Any) -> bytes:
    whole = cbor.decode(bundle([]), what="bundle")
    empty: dict[str, Any] = {name: [] for name in whole if isinstance(whole[name], list)}
    value = {
        "kind": bundles.KIND,
        "v": bundles.VERSION,
        "evidence": EVIDENCE,
        "origin": "NL-POL",
        "chain": None,
        **empty,
        **given,
    }
    return cbor.encode(value)


def entries(count: int, seq: int = 1) -> Iterator[bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    claims = Claims(
        "NL-POL", EVIDENCE, bytes(32), 1_700_000_000, seq, bytes(32), "none", None, None
    )
    signed = statement.sign(key, claims, bytes(32), bytes(32), b"").entry
    for number in range(count):
        yield signed[:-32] + (1 + number).to_bytes(32, "big")


def bundle(rows: list[BundledStatement]) -> bytes:
    return Bundle(
        EVIDENCE, "NL-POL", (LogRef("NL-POL", 0),), tuple(rows), (), (), (), (), (), None
    ).encode()


def spoken(document: bytes, disclosures: tuple[str, ...] = (), count: int = 20) -> bytes:
    return bundle(
        [
            BundledStatement(0, n, entry, document, disclosures, None, None)
            for n, entry in enumerate(entries(count))
        ]
    )


TINY = b'{"v":1,"ext":[' + b"[]," * 30_000 + b"[]]}"
BUNDLES: dict[str, Callable[[], bytes]] = {
    "rows of nothing": lambda: members(
        statements=[[0, 0, b"", None, [], None, None]] * 20_000, logs=[["NL-POL", 0]]
    ),
    "many logs": lambda: members(
        statements=[[0, 0, b"x" * 500, None, [], None, None]],
        logs=[["NL-POL", n] for n in range(40_000)],
    ),
    "one log many times": lambda: members(
        statements=[[0, 0, b"x" * 500, None, [], None, None]] * 500, logs=[["NL-POL", 0]] * 40_000
    ),
    "many certificates": lambda: members(
        statements=[[0, 0, b"x" * 500, None, [], None, None]], certificates=[b"x" * 9] * 90_000
    ),
    "many revocation lists": lambda: members(crls=[n.to_bytes(9, "big") for n in range(60_000)]),
    "many checkpoints": lambda: members(
        checkpoints=[[0, 0, n, bytes(32), bytes(32), 1, 1, 1, b""] for n in range(15_000)]
    ),
    "many links of a list": lambda: members(
        statements=[[0, 0, b"x", None, [], None, None]],
        logs=[["NL-POL", 0]],
        checkpoints=[[0, 0, 1 << 40, bytes(32), bytes(32), 1, 1, 1, b""]],
        lists=[[0, bytes(32), [[n, bytes(32)] for n in range(1, 20_000)], b""]],
    ),
    "many hops": lambda: members(
        hops=[[bytes(32), bytes(32), bytes(32), 1, 1, 1, bytes(32), n] for n in range(6_000)]
    ),
    "many tiny proofs": lambda: members(
        chain=[b"", [], [], [], [["ledger", n.to_bytes(32, "big"), []] for n in range(15_000)]]
    ),
    "many tiny statements": lambda: bundle(
        [
            BundledStatement(0, n, record, None, (), None, None)
            for n, record in enumerate(entries(3_000))
        ]
    ),
    "documents of empty arrays": lambda: spoken(TINY),
    "documents of empty objects": lambda: spoken(TINY.replace(b"[]", b"{}")),
    "documents of small members": lambda: spoken(
        b'{"ext":{' + b",".join(b'"%d":1' % n for n in range(20_000)) + b"}}"
    ),
    "disclosures of empty arrays": lambda: spoken(
        b"{}", (b64url(b'["AAAAAAAAAAAAAAAAAAAAAA","x",[' + b"[]," * 30_000 + b"[]]]"),)
    ),
    "many tiny disclosures": lambda: spoken(b"{}", ("AA",) * 20_000),
}


@pytest.mark.parametrize("shape", BUNDLES)
def test_a_bundle_of_many_tiny_parts_does_not_explode(shape: str, root: TrustRoot) -> None:
    data = BUNDLES[shape]()
    assert cost(lambda: verify(data, root), len(data)) <= 8
    assert verify(data, root).verdict.value == "failed"


@pytest.fixture(scope="module")
def root(shared_desk: Desk) -> TrustRoot:
    return shared_desk.trust()


def test_a_long_record_of_short_events_is_judged_as_ever(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "photo.jpg"
    file.write_bytes(b"evidence")
    [done] = desk.upload(file)
    for number in range(40):
        desk.record(done.evidence, "note", {"text": f"note {number}"})
    desk.anchor()
    data = desk.bundle(done.evidence)
    root = desk.trust()
    assert verify(data, root).verdict.value == "verified"
    assert cost(lambda: verify(data, root), len(data)) <= 8
    bare = bundles.parse(data)
    short = replace(
        bare,
        statements=tuple(replace(signed, receipt=None, first=None) for signed in bare.statements),
        checkpoints=(),
        lists=(),
        chain=None,
    )
    assert verify(short.encode(), root).verdict.value == "incomplete", (
        "shorter still, and not refused for its size"
    )


@pytest.mark.parametrize("junk", [b"[[],[],[]", b'{"a":1},', b"1,", b'"",'])
def test_a_request_of_many_tiny_values_is_refused_before_it_is_parsed(
    junk: bytes, shared_desk: Desk
) -> None:
    body = b'{"bundle":[' + junk * 100_000 + b"0]}"

    def send() -> None:
        answer = shared_desk.transport.handle_request(_request("http://home/v1/verify", body))
        answer.read()
        assert answer.status_code == 400

    assert cost(send, len(body)) <= 8


def test_a_bundle_of_garbage_sent_by_a_stranger_takes_little_memory(shared_desk: Desk) -> None:
    body = b'{"bundle":"' + b64url(SHAPES["empty arrays"] * 10).encode() + b'"}'

    def send() -> None:
        shared_desk.transport.handle_request(_request("http://home/v1/verify", body)).read()

    assert cost(send, len(body)) <= 8


def _request(url: str, body: bytes) -> Any:
    return httpx.Request("POST", url, content=body, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(
    "version", [b"\xff" * (1 << 20), "x" * (1 << 20), ["x" * (1 << 10)] * (1 << 10)]
)
def test_a_bundle_whose_version_is_megabytes_is_not_quoted(version: Any, root: TrustRoot) -> None:
    data = members().replace(
        cbor.encode({"v": bundles.VERSION})[1:], cbor.encode({"v": version})[1:]
    )
    assert cost(lambda: verify(data, root), len(data)) <= 8
    report = verify(data, root)
    assert report.steps[1].detail.startswith("bundle: version ")
    assert len(report.steps[1].detail) < 200
