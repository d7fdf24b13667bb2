"""The fingerprint of a trust root: what it covers, what not, and who is fooled by neither."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.domain.bundle import trust_fingerprint
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain.clique import Clique
from ledger.domain.chain.evm import keccak256, parse_header
from ledger.domain.chain.finality import Pinned, Rpc
from ledger.domain.errors import IncompleteError, UsageError
from ledger.domain.verify import Status, Verdict, verify
from tests.support.samples import Sample


def pinning(root: TrustRoot, blocks: dict[int, bytes]) -> TrustRoot:
    return replace(root, finality=(Pinned(blocks), *root.finality))


def test_another_chain_contract_or_signer_has_another_fingerprint(sample: Sample) -> None:
    root = sample.root
    [signers] = [rule for rule in root.finality if isinstance(rule, Clique)]
    others = (
        replace(root, chain_id=root.chain_id + 1),
        replace(root, genesis=bytes(32)),
        replace(root, headers="qbft"),
        replace(root, registry=root.ledger, ledger=root.registry),
        replace(root, ledger=replace(root.ledger, code_hash=bytes(32))),
        replace(root, registry=replace(root.registry, address=bytes(20))),
        replace(root, finality=()),
        replace(root, finality=(replace(signers, signers=frozenset({bytes(20)})),)),
        replace(root, finality=(replace(signers, end=9),)),
        replace(root, finality=(replace(signers, start=0),)),
    )
    found = {trust_fingerprint.of(one).chain for one in (root, *others)}
    assert len(found) == len(others) + 1


def test_agencies_of_one_chain_have_one_fingerprint_whatever_each_of_them_pins_and_waits_for(
    sample: Sample,
) -> None:
    root, own = sample.root, trust_fingerprint.of(sample.root)
    assert (own.with_pins, own.pinned) == ("", ())
    for other in (
        replace(root, agencies=("RO-DIICOT", "US-HSI")),
        replace(root, label="consortium chain"),
        replace(root, finality=(*root.finality[:-1], Rpc(12))),
        pinning(root, {7: bytes(32)}),
        pinning(root, {7: bytes(32), 9: bytes(32)}),
    ):
        assert trust_fingerprint.of(other).chain == own.chain


def test_another_pinned_block_has_another_fingerprint(sample: Sample) -> None:
    given = [{7: bytes(32)}, {7: b"\x01" * 32}, {8: bytes(32)}, {7: bytes(32), 8: bytes(32)}]
    found = {trust_fingerprint.of(pinning(sample.root, blocks)).with_pins for blocks in given}
    assert len(found) == len(given)
    assert trust_fingerprint.of(sample.root).chain not in found


@pytest.mark.parametrize("between", ["", " ", "-", "  -\n", "\u2013", "\u00a0", "\t"])
def test_a_fingerprint_is_taken_with_and_without_blanks_and_hyphens(
    between: str, sample: Sample
) -> None:
    own = trust_fingerprint.of(sample.root).chain
    told = own.replace(" ", between)
    assert trust_fingerprint.typed(f" {told}\n") == own
    assert trust_fingerprint.covered(sample.root, told) == sample.root


@pytest.mark.parametrize(
    "told", ["", "12345", "12345 " * 9, "1234x " * 8, "١٢٣٤٥ " * 8, "²" * 40, "0x" + "1" * 40]
)
def test_what_is_no_fingerprint_is_wrong_usage_and_no_mismatch(told: str, sample: Sample) -> None:
    with pytest.raises(UsageError, match="has 40 digits"):
        trust_fingerprint.covered(sample.root, told)


def test_the_fingerprint_of_another_trust_root_is_told_with_both(sample: Sample) -> None:
    own = trust_fingerprint.of(sample.root).chain
    told = f"{(int(own[0]) + 1) % 10}{own[1:]}"
    with pytest.raises(IncompleteError) as caught:
        trust_fingerprint.covered(sample.root, told)
    assert own in caught.value.message
    assert told in caught.value.message


def test_a_pin_that_the_fingerprint_does_not_cover_is_not_believed(sample: Sample) -> None:
    """Whoever hands a trust root over can pin a block that they made up: the fingerprint that every
    agency reads out is still that of the chain.
    """
    assert sample.good.chain is not None
    header = parse_header(sample.good.chain.header)
    real = replace(sample.root, finality=(Rpc(0),))
    forged = pinning(real, {header.number: keccak256(header.raw)})
    assert verify(sample.data, forged).verdict is Verdict.VERIFIED
    told = trust_fingerprint.of(real).chain
    report = verify(sample.data, trust_fingerprint.covered(forged, told))
    assert (report.verdict, report.steps[7].status) == (Verdict.INCOMPLETE, Status.NOT_CHECKED)
    longer = trust_fingerprint.of(forged).with_pins
    assert trust_fingerprint.covered(forged, longer) == forged
    with pytest.raises(IncompleteError, match="another trust root"):
        trust_fingerprint.covered(real, longer)
