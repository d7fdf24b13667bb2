"""Trust roots of QBFT chains: a whole bundle judged by seals, and which rules are none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import rlp

from ledger.app import settings
from ledger.app.chain_settings import ChainSettings
from ledger.app.settings import HomeSettings
from ledger.client import trust_roots
from ledger.domain.bundle import trust, trust_fingerprint
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain import evm, finality
from ledger.domain.chain.clique import Clique
from ledger.domain.chain.finality import Pinned, Rpc
from ledger.domain.chain.qbft import Qbft
from ledger.domain.codecs import strict_json
from ledger.domain.errors import FormatError, IncompleteError, StorageError, VerificationError
from ledger.domain.verify import Status, Verdict, VerificationReport, verify
from tests.support import qbft
from tests.support.qbft_cases import KEYS, NAMES, rule
from tests.support.samples import Sample, edit_chain

FOUR = frozenset(NAMES[:4])


def resealed(sample: Sample, sealing: int = 3, many: int = 4, **more: Any) -> bytes:
    """The header of a bundle as validators of a QBFT chain would seal it, state and all."""
    assert sample.good.chain is not None
    names = {"validators": sorted(NAMES[:many])} | more
    return qbft.sealed(rlp.decode(sample.good.chain.header), KEYS[:sealing], **names)


def judged(
    sample: Sample, header: bytes, *rules: finality.Finality, descendants: Sequence[bytes] = ()
) -> VerificationReport:
    root = replace(sample.root, headers="qbft", finality=rules)
    bundle = edit_chain(sample.good, header=header, descendants=tuple(descendants))
    return verify(bundle.encode(), trust.parse(root.encode()))


def test_a_bundle_verifies_offline_by_the_seals_of_its_validators(sample: Sample) -> None:
    report = judged(sample, resealed(sample, turn=2), Qbft(1, None, FOUR))
    assert report.verdict is Verdict.VERIFIED
    assert "sealed by 3 of 4 validators (local" in report.steps[7].detail


def test_a_header_that_too_few_sealed_is_not_checked_and_a_descendant_makes_it_final(
    sample: Sample,
) -> None:
    held, few = Qbft(1, None, FOUR), resealed(sample, 2)
    report = judged(sample, few, held)
    assert (report.verdict, report.steps[7].status) == (Verdict.INCOMPLETE, Status.NOT_CHECKED)
    assert "2 of 4 validators sealed header" in report.steps[7].detail
    number, named = evm.parse_header(few).number, finality.block_hash(few, "qbft")
    child = qbft.sealed(
        qbft.fields(number + 1, named), KEYS[:3], validators=sorted(NAMES[:4]), turn=1
    )
    assert judged(sample, few, held, descendants=[child]).verdict is Verdict.VERIFIED
    assert judged(sample, few, Pinned({number: named})).verdict is Verdict.VERIFIED


def test_seals_of_validators_who_were_replaced_are_told(sample: Sample) -> None:
    header = resealed(sample)
    number = evm.parse_header(header).number
    ended = Qbft(1, number + 8, FOUR), Qbft(number + 9, None, frozenset(NAMES[4:]))
    told = judged(sample, header, *ended).steps[7].detail
    assert f"validators replaced at block {number + 9}" in told
    later = Qbft(number + 1, None, FOUR)
    assert judged(sample, header, later).steps[7].status is Status.NOT_CHECKED


def test_a_forged_state_under_seals_of_others_fails(sample: Sample) -> None:
    held = Qbft(1, None, FOUR)
    for header in (
        resealed(sample, signed_turn=1),
        resealed(sample, validators=sorted(NAMES[1:5])),
    ):
        report = judged(sample, header, held)
        assert (report.verdict, report.steps[7].status) == (Verdict.FAILED, Status.FAILED)
    assert sample.good.chain is not None
    clique = judged(sample, sample.good.chain.header, held)
    assert (clique.verdict, clique.steps[7].status) == (Verdict.FAILED, Status.FAILED)


def test_validators_changed_since_an_old_trust_root_refute_nothing_and_are_never_verified(
    sample: Sample,
) -> None:
    """An honest bundle from behind a change failed by the trust root of before; whoever forges one
    that looks like it gets no further than that it cannot be told.
    """
    old, number = Qbft(1, None, FOUR), evm.parse_header(resealed(sample)).number
    report = judged(sample, resealed(sample, 4, 5), old)
    step = report.steps[7]
    assert (report.verdict, step.status) == (Verdict.INCOMPLETE, Status.NOT_CHECKED)
    assert "names 5 validators, and not those of the trust root" in step.detail
    assert step.hint.startswith("get a newer trust root from an agency of the chain")
    newer = replace(old, end=number - 1), Qbft(number, None, frozenset(NAMES[:5]))
    assert judged(sample, resealed(sample, 4, 5), *newer).verdict is Verdict.VERIFIED
    # Nor do those of before count behind a change that the trust root knows of.
    late = judged(sample, resealed(sample), *newer)
    assert (late.verdict, late.steps[7].status) == (Verdict.INCOMPLETE, Status.NOT_CHECKED)
    closed = replace(old, end=number), Qbft(number + 1, None, frozenset(NAMES[:5]))
    assert judged(sample, resealed(sample, 4, 5), *closed).verdict is Verdict.FAILED


def test_one_validator_alone_and_fewer_than_four_are_told_whatever_the_label_says(
    sample: Sample,
) -> None:
    shared = replace(sample.root, label="consortium chain", headers="qbft")
    alone = replace(shared, finality=(Qbft(1, None, frozenset(NAMES[:1])),))
    assert trust.is_alone(alone)
    assert "one signer alone seals it" in trust.worth(alone)
    assert not trust.is_alone(replace(shared, finality=(Qbft(1, None, FOUR),)))
    three = judged(sample, resealed(sample, 2, 3), Qbft(1, None, frozenset(NAMES[:3])))
    assert "2 of 3 validators; fewer than 4 tolerate none that lies" in three.steps[7].detail


def test_other_validators_or_ranges_have_another_fingerprint(sample: Sample) -> None:
    own = Qbft(1, None, FOUR)
    rules = (
        own,
        replace(own, validators=frozenset(NAMES[:3])),
        replace(own, start=2),
        replace(own, end=9),
        replace(own, in_contract=True),
    )
    roots = [replace(sample.root, headers="qbft", finality=(held,)) for held in rules]
    assert len({trust_fingerprint.of(root).chain for root in roots}) == len(rules)


class Teller:
    """A node that tells a trust root of its own."""

    def __init__(self, root: TrustRoot) -> None:
        self.root = root

    def trust_root(self, pin: int | None = None) -> bytes:
        return self.root.encode()


def test_validators_that_a_node_does_not_know_are_confirmed_by_no_agency(sample: Sample) -> None:
    held = Qbft(1, None, FOUR)
    own = replace(sample.root, headers="qbft", finality=(held,))
    trust_roots.require_same(Teller(own), own)
    for other in (
        replace(own, finality=(replace(held, validators=frozenset(NAMES[1:5])),)),
        replace(own, finality=(replace(held, in_contract=True),)),
        replace(own, headers="plain", finality=(Clique(1, None, FOUR, 3),)),
    ):
        with pytest.raises(VerificationError, match=r"names (another|other)"):
            trust_roots.require_same(Teller(own), other)
    with pytest.raises(IncompleteError, match="told of none"):
        trust_roots.require_same(Teller(replace(own, finality=(Rpc(0),))), own)


def test_a_home_knows_the_validators_of_the_trust_root_that_it_joined_with(tmp_path: Path) -> None:
    """It gives them out to whoever shall verify; signers of Clique alone were kept."""
    held = Qbft(1, 9, FOUR), Qbft(10, None, FOUR, in_contract=True)
    chain = ChainSettings("rpc", 7, "http://x", 1, "qbft", tuple(map(finality.encode, held)))
    tmp_path.chmod(0o700)
    home = HomeSettings(1, "NL-POL", 0, chain, "0x00", "0x00")
    settings.write(tmp_path, home)
    assert settings.read(tmp_path) == home
    assert settings.read(tmp_path).chain.seal_rules() == held
    for altered in ({"headers": "plain"}, {"headers": "other"}, {"rules": [{"kind": "qbft"}]}):
        value = json.loads((tmp_path / settings.CONFIG).read_bytes())
        value["chain"] |= altered
        (tmp_path / settings.CONFIG).write_text(json.dumps(value))
        with pytest.raises(StorageError, match="cannot be read"):
            settings.read(tmp_path)
        settings.write(tmp_path, home)


def clique(
    names: Sequence[bytes], start: int = 1, end: int | None = None, seals: int = 1
) -> dict[str, Any]:
    signers = ["0x" + name.hex() for name in names]
    return {"kind": "clique", "from": start, "to": end, "signers": signers, "seals": seals}


ONE = NAMES[:1]
SPELLED = {"validators": ["0x" + NAMES[0].hex().upper()]}


@pytest.mark.parametrize(
    ("headers", "rules", "says"),
    [
        ("plain", [clique(ONE), clique(NAMES[1:2], 7)], "two rules about the seals of block 7"),
        ("plain", [clique(ONE, 5, 9), clique(ONE, 1, 5)], "two rules about the seals of block 5"),
        ("plain", [clique(ONE, 5, 4)], "malformed block range"),
        ("plain", [clique([*ONE, *ONE, NAMES[1]], seals=2)], "an address stands twice"),
        ("plain", [clique([], seals=0)], "1 to 256 addresses"),
        ("plain", [rule(NAMES[:4])], "seals are of another kind of chain"),
        ("qbft", [clique(ONE)], "seals are of another kind of chain"),
        ("qbft", [rule(ONE), rule(ONE)], "two rules about the seals of block 1"),
        ("qbft", [rule(ONE, 1, 9), rule(ONE, 9)], "two rules about the seals of block 9"),
        ("qbft", [rule(ONE, 1, 9), rule(ONE, 3, 4)], "two rules about the seals of block 3"),
        ("qbft", [rule(ONE, 9, 8)], "malformed block range"),
        ("qbft", [rule(ONE, -1)], "malformed block range"),
        ("qbft", [rule(ONE) | {"from": True}], "malformed block range"),
        ("qbft", [rule(ONE) | {"to": "9"}], "malformed block range"),
        ("qbft", [rule([*ONE, *ONE])], "an address stands twice"),
        ("qbft", [rule([])], "1 to 256 addresses"),
        ("qbft", [rule([at.to_bytes(20, "big") for at in range(257)])], "1 to 256 addresses"),
        ("qbft", [rule([NAMES[0][1:]])], "19 bytes"),
        ("qbft", [rule(ONE) | SPELLED], "lower-case hex"),
        ("qbft", [rule(ONE) | {"validators": "0x00"}], "1 to 256 addresses"),
        ("qbft", [rule(ONE) | {"in": "header"}], "malformed validator set"),
        ("qbft", [rule(ONE) | {"in": None}], "malformed validator set"),
        ("qbft", [rule(ONE) | {"seals": 1}], "malformed validator set"),
        ("qbft", [{"kind": "qbft", "from": 1, "to": None}], "malformed validator set"),
    ],
)
def test_rules_that_are_none_are_refused(
    sample: Sample, headers: str, rules: list[dict[str, Any]], says: str
) -> None:
    value = strict_json.lenient(sample.root.encode()) | {"headers": headers, "finality": rules}
    with pytest.raises(FormatError, match=says):
        trust.parse(strict_json.dump(value))


def test_rules_about_ranges_that_meet_are_taken_and_written_as_they_were(sample: Sample) -> None:
    contract = {"in": "contract"}
    many = [at.to_bytes(20, "big") for at in range(256)]
    rules = [rule(ONE, 10, **contract), rule(many, 4, 9), rule(NAMES[:4], 0, 3)]
    value = strict_json.lenient(sample.root.encode()) | {"headers": "qbft", "finality": rules}
    raw = strict_json.dump(value) + b"\n"
    root = trust.parse(raw)
    assert root.encode() == raw
    assert [held.in_contract for held in root.finality if isinstance(held, Qbft)] == [
        True,
        False,
        False,
    ]
