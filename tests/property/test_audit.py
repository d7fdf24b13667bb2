"""Nothing honest raises an alarm, and the quick reading of entries never sees more than the strict
one.
"""

from __future__ import annotations

import random
import uuid
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.domain.audit import log_entry as entries
from ledger.domain.codecs import cose
from ledger.domain.errors import FormatError
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Claims
from ledger.domain.verify.report import Verdict
from tests.support.malice import World
from tests.support.malice_agency import Agency, Item

_KEYS = [
    ec.derive_private_key(7, ec.SECP256R1()),
    Ed25519PrivateKey.from_private_bytes(bytes(range(32))),
]
_CODES = ["NL-P", "NL-POL", "RO-DIICOT", "US-ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"]


@st.composite
def signed(draw: st.DrawFn) -> bytes:
    """An entry of any honest kind."""
    effect = draw(
        st.sampled_from(["open", "none", "offer", "accept", "decline", "withdraw", "close"])
    )
    seq = (
        0
        if effect == "open"
        else draw(st.sampled_from([1, 2, 23, 24, 255, 256, 65535, 65536, 2**40]))
    )
    claims = Claims(
        draw(st.sampled_from(_CODES)),
        uuid.UUID(bytes=draw(st.binary(min_size=16, max_size=16)), version=4).urn,
        draw(st.binary(min_size=32, max_size=32)),
        draw(st.sampled_from([0, 65535, 65536, 2**24 - 1, 2**24, 1_790_000_000, 2**32 - 1, 2**32])),
        seq,
        None if effect == "open" else draw(st.binary(min_size=32, max_size=32)),
        effect,
        draw(st.binary(min_size=32, max_size=32)) if effect == "open" else None,
        draw(st.sampled_from(_CODES)) if effect == "offer" else None,
    )
    return statements.sign(
        draw(st.sampled_from(_KEYS)),
        claims,
        draw(st.binary(min_size=32, max_size=32)),
        bytes(32),
        b"x",
    ).entry


def _same(entry: bytes) -> None:
    """The quick reading is the strict one, or none at all."""
    quick = entries.quick(entry)
    try:
        strict = statements.parse_entry(entry)
    except FormatError:
        assert quick is None
        return
    read = entries.parse(entry)
    expected = (
        strict.claims,
        strict.certificate,
        strict.payload,
        cose.sig_structure(strict.message.protected, strict.payload),
    )
    assert read[:4] == expected
    assert (read.signature, read.algorithm) == (
        strict.message.signature,
        strict.message.headers[cose.ALG],
    )
    assert quick is None or quick == read


@given(signed())
@settings(deadline=None, max_examples=200)
def test_an_entry_is_read_alike_by_the_quick_and_the_strict_parser(entry: bytes) -> None:
    _same(entry)


@given(signed(), st.data())
@settings(deadline=None, max_examples=400)
def test_a_mutated_entry_that_the_strict_parser_refuses_is_never_read_quickly(
    entry: bytes, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(entry) - 1))
    how = data.draw(st.sampled_from(["flip", "drop", "add", "swap"]))
    byte = bytes([data.draw(st.integers(0, 255))])
    other = data.draw(st.integers(0, len(entry) - 1))
    mutated = {
        "flip": entry[:place] + byte + entry[place + 1 :],
        "drop": entry[:place] + entry[place + 1 :],
        "add": entry[:place] + byte + entry[place:],
        "swap": entry[: min(place, other)] + entry[max(place, other) :],
    }[how]
    _same(mutated)


def test_the_usual_entry_is_read_quickly() -> None:
    claims = Claims(
        "NL-POL", uuid.UUID(int=5, version=4).urn, bytes(32), 1_790_000_000, 3, bytes(32), "none"
    )
    assert (
        entries.quick(statements.sign(_KEYS[0], claims, bytes(32), bytes(32), b"x").entry)
        is not None
    )


def _hand_over(
    world: World, rng: random.Random, items: list[tuple[Item, Agency]], number: int, other: Agency
) -> None:
    """An offer to another agency, and how it ends."""
    item, holder = items[number]
    outcome = rng.choice(["accept", "accept", "decline", "withdraw", "lapse"])
    holder.offer(item, other, on_chain=outcome != "lapse")
    world.clock.time += 60
    if outcome in {"withdraw", "lapse"}:
        holder.conclude(item, "withdraw", on_chain=outcome == "withdraw")
        return
    if rng.random() < 0.3:  # a withdrawal that comes too late
        holder.log(holder.statement(item, "withdraw", who=holder.people["custodian"]))
    other.conclude(item, outcome)
    if outcome == "accept":
        items[number] = (item, other)


def _act(world: World, rng: random.Random, items: list[tuple[Item, Agency]]) -> None:
    """One honest act of somebody."""
    world.clock.time += rng.randrange(0, 300)
    act = rng.choice(
        [
            "open",
            "open",
            "none",
            "none",
            "none",
            "inside",
            "handover",
            "handover",
            "close",
            "guest",
            "crl",
            "renew",
            "anchor",
        ]
    )
    agency = rng.choice(list(world.agencies.values()))
    number = rng.randrange(len(items)) if items else -1
    if act == "open" or number < 0:
        items.append((agency.open(), agency))
        return
    item, holder = items[number]
    other = rng.choice([partner for partner in world.agencies.values() if partner is not holder])
    if act == "none":
        holder.say(item, "none")
    elif act == "guest":
        holder.say(item, "none", issuer=other.code, who=other.people["examiner"])
        holder.certificates[other.people["examiner"].digest] = other.people["examiner"].der
    elif act == "inside":
        holder.say(item, "offer", to=holder.code)
        holder.say(
            item, rng.choice(["accept", "decline", "withdraw"]), who=holder.people["custodian"]
        )
    elif act == "close":
        holder.say(item, "close", who=holder.people["custodian"])
        del items[number]
    elif act == "handover":
        _hand_over(world, rng, items, number, other)
    elif act == "crl":
        agency.publish_crl()
    elif act == "renew":
        old = agency.people["officer"]
        agency.people["officer"] = agency.certify(["officer"])
        world.settle()
        agency.publish_crl(old)
    else:
        agency.anchor()


@pytest.mark.parametrize("run", range(2))
def test_a_long_honest_history_audits_clean_however_often_it_is_looked_at(
    tmp_path: Path, rng: random.Random, run: int
) -> None:
    world = World(tmp_path, rng, "NL-POL", "RO-DIICOT", "US-HSI")
    try:
        items: list[tuple[Item, Agency]] = []
        state = tmp_path / "kept.audit"
        for _ in range(4):
            for _ in range(40):
                _act(world, rng, items)
            report = world.audit_all(state=state)
            assert report.codes() <= {"handover-void", "overdue", "waiting", "late"}, (
                report.as_json()
            )
            world.settle()
        for kept in (state, None):  # piece by piece, and in one go
            report = world.audit_all(state=kept)
            assert report.verdict is Verdict.VERIFIED, report.as_json()
            assert report.codes() <= {"handover-void", "late"}, report.as_json()
    finally:
        world.close()
