"""Trust roots and certificates: what they do not judge is never verified."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.chain.clique import Clique
from ledger.domain.chain.finality import Pinned, Rpc
from ledger.domain.errors import FormatError, IncompleteError, VerificationError
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.verify import Status, Verdict, verify
from ledger.services.node.certificate_authority import Authority
from tests.support.samples import (
    Sample,
    edit_chain,
)


def with_root(sample: Sample, **changes: Any) -> TrustRoot:
    return replace(sample.root, **changes)


def test_trust_roots_of_other_chains_contracts_or_signers_refuse_it(sample: Sample) -> None:
    other_code = replace(sample.root.ledger, code_hash=bytes(32))
    for root, step in (
        (with_root(sample, chain_id=1), None),
        (with_root(sample, ledger=other_code), 6),
        (with_root(sample, registry=sample.root.ledger), 6),
        (with_root(sample, finality=(Clique(0, None, frozenset({bytes(20)}), 1),)), 7),
        (with_root(sample, finality=(Pinned({sample_number(sample): bytes(32)}),)), 7),
    ):
        report = verify(sample.data, root)
        assert report.verdict is Verdict.FAILED
        if step:
            assert report.steps[step].status is Status.FAILED, report.as_json()


def test_a_lone_agency_that_calls_its_chain_shared_is_told_as_alone(sample: Sample) -> None:
    """The label is the word of whoever made the trust root, and no fingerprint covers it."""
    told = verify(sample.data, with_root(sample, label="consortium chain")).steps[7].detail
    assert "consortium chain; one signer alone seals it: not tamper-evident" in told
    assert "one signer alone" not in verify(sample.data, sample.root).steps[7].detail


def sample_number(sample: Sample) -> int:
    from ledger.domain.chain.evm import parse_header

    assert sample.good.chain is not None
    return parse_header(sample.good.chain.header).number


def test_a_block_that_no_rule_judges_is_not_checked_and_a_chosen_chain_can_judge_it(
    sample: Sample,
) -> None:
    root = with_root(sample, finality=(Rpc(3),))
    report = verify(sample.data, root)
    assert (report.verdict, report.steps[7].status) == (Verdict.INCOMPLETE, Status.NOT_CHECKED)
    assert (
        verify(sample.data, root, confirm=lambda number, digest: {digest}).verdict
        is Verdict.VERIFIED
    )
    assert (
        verify(sample.data, root, confirm=lambda number, digest: {bytes(32)}).steps[7].status
        is Status.FAILED
    )


def test_a_pin_on_a_descendant_judges_the_block(sample: Sample) -> None:
    from ledger.domain.chain.evm import parse_header

    assert sample.good.chain is not None
    number = parse_header(sample.good.chain.header).number
    sample.desk.record(sample.good.evidence, "note", {"text": "later"})
    sample.desk.anchor()
    child = sample.desk.node.contracts.chain.block(number + 1)
    bundle = edit_chain(sample.good, descendants=(child.header,))
    assert (
        verify(
            bundle.encode(), with_root(sample, finality=(Pinned({child.number: child.hash}),))
        ).verdict
        is Verdict.VERIFIED
    )


def test_more_descendants_than_any_rule_needs_are_no_bundle(sample: Sample) -> None:
    """Each is hashed, and its seal recovered."""
    from ledger.domain.chain.finality import MOST_DESCENDANTS

    assert sample.good.chain is not None
    many = [sample.good.chain.header] * (MOST_DESCENDANTS + 1)
    assert bundles.parse(edit_chain(sample.good, descendants=tuple(many[1:])).encode())
    with pytest.raises(FormatError, match="513 descendants of its block, expected at most 512"):
        bundles.parse(edit_chain(sample.good, descendants=tuple(many)).encode())


def test_certificates_out_of_time_or_revoked_are_judged_at_the_proven_time(sample: Sample) -> None:
    certificate = sample.desk.person.certificate
    ca = sample.desk.node.keys.authority
    certificates.verify_issued(certificate, [ca.der], certificate.not_before)
    for time in (certificate.not_before - 1, certificate.not_after + 1):
        with pytest.raises(VerificationError):
            certificates.verify_issued(certificate, [ca.der], time)
    with pytest.raises(VerificationError):
        certificates.verify_issued(
            certificate, [Authority.found("NL-POL", 1795252443).der], certificate.not_before
        )
    serial = certificates.load(certificate.der).serial_number
    crl = ca.issue_crl(None, [(serial, 2_000_000_000)], number=5, now=2_000_000_100)
    revocation_lists.verify_not_revoked(certificate, ca.der, [crl], 1_999_999_999)
    revoked = "revoked at 2033-05-18T03:33:20Z, before its use at 2033-05-18T03:33:20Z"
    with pytest.raises(VerificationError, match=revoked):
        revocation_lists.verify_not_revoked(certificate, ca.der, [crl], 2_000_000_000)
    clean = ca.issue_crl(None, [], number=6, now=2_000_000_100)
    with pytest.raises(IncompleteError, match="issued at or after 2033-05-18T03:35:01Z is in"):
        revocation_lists.verify_not_revoked(certificate, ca.der, [clean], 2_000_000_101)
    with pytest.raises(IncompleteError):
        revocation_lists.verify_not_revoked(
            certificate,
            ca.der,
            [Authority.found("NL-POL", 1).issue_crl(None, [], number=1, now=2_000_000_100)],
            5,
        )


@pytest.mark.parametrize(
    "change",
    [
        b'"v":1',
        b'"kind":"other"',
        b'"seals":0',
        b'"chainId":-1',
        b'"headers":"other"',
        b'"headers":1',
    ],
)
def test_malformed_trust_roots_are_refused(sample: Sample, change: bytes) -> None:
    from ledger.domain.bundle import trust

    name = change.split(b":")[0]
    raw = sample.root.encode()
    import re

    changed = re.sub(name + rb':("[^"]*"|\d+)', change, raw, count=1)
    assert changed != raw
    with pytest.raises(FormatError):
        trust.parse(changed)
    assert trust.parse(raw).encode() == raw


def test_a_certificate_is_refused_before_and_after_its_time(sample: Sample) -> None:
    certificate = certificates.parse(sample.good.certificates[0])
    authorities = [sample.desk.node.keys.authority.der]
    assert (
        certificates.verify_issued(certificate, authorities, certificate.not_after)
        == authorities[0]
    )
    for time in (certificate.not_before - 1, certificate.not_after + 1):
        with pytest.raises(VerificationError, match=r"used at|was not valid") as error:
            certificates.verify_issued(certificate, authorities, time)
        assert error.value.step == 3
