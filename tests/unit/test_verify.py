"""Verification of bundles under attack: every change is refused, and the step named is the one at
fault.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle.bundle import Bundle, BundledTimestamp, EntryLink
from ledger.domain.codecs import cbor
from ledger.domain.event import disclosure as sd
from ledger.domain.log import statement as statements
from ledger.domain.verify import Status, Verdict, verify
from tests.support.mutations import (
    edit_checkpoint,
    edit_header,
    edit_list,
    edit_proof,
    edit_statement,
    edit_storage,
    flip,
    forged_note,
    forged_receipt,
    resigned,
    revoked_list,
    stranger,
    swapped,
)
from tests.support.samples import (
    Sample,
    edit_chain,
)

Mutation = Callable[[Bundle, Sample], Bundle | bytes]


MUTATIONS: dict[str, tuple[int, Mutation]] = {
    "trailing byte": (1, lambda b, s: b.encode() + b"\x00"),
    "truncated": (1, lambda b, s: b.encode()[:-1]),
    "empty": (1, lambda b, s: b""),
    "later version": (1, lambda b, s: b.encode().replace(b"\x61v\x02", b"\x61v\x03")),
    "unknown member": (1, lambda b, s: cbor.encode({**cbor.decode(b.encode()), "x": 1})),
    "no events": (1, lambda b, s: replace(b, statements=())),
    "a certificate twice": (1, lambda b, s: replace(b, certificates=b.certificates * 2)),
    "a time stamp of nothing": (
        1,
        lambda b, s: replace(b, timestamps=(BundledTimestamp(None, None, b"x"),)),
    ),
    "a time stamp over itself": (
        1,
        lambda b, s: replace(b, timestamps=(BundledTimestamp(None, 0, b"x"),)),
    ),
    "certificate cut": (1, lambda b, s: replace(b, certificates=(b.certificates[0][:-1],))),
    "a list of no checkpoint": (1, lambda b, s: edit_list(b, checkpoint=9)),
    "a log with two lists": (1, lambda b, s: replace(b, lists=b.lists * 2)),
    "a list with a cut proof": (1, lambda b, s: edit_list(b, proof=b.lists[0].proof[:-1])),
    "a link in the place of an event": (
        1,
        lambda b, s: edit_list(b, links=(EntryLink(b.statements[0].index, bytes(32)),)),
    ),
    "a link beyond the checkpoint": (
        1,
        lambda b, s: edit_list(b, links=(EntryLink(b.checkpoints[-1].size, bytes(32)),)),
    ),
    "a link twice": (1, lambda b, s: edit_list(b, links=(EntryLink(0, bytes(32)),) * 2)),
    "a list at another checkpoint than its receipts": (6, lambda b, s: edit_list(b, checkpoint=0)),
    "header cut": (1, lambda b, s: edit_chain(b, header=(b.chain.header[:-1] if b.chain else b""))),
    "disclosure cut": (
        1,
        lambda b, s: edit_statement(
            b,
            0,
            disclosures=(b.statements[0].disclosures[0][:-2], *b.statements[0].disclosures[1:]),
        ),
    ),
    "disclosure of another": (
        2,
        lambda b, s: edit_statement(
            b,
            0,
            disclosures=(sd.make("name", "x", b"s" * 16).encoded, *b.statements[0].disclosures[1:]),
        ),
    ),
    "document changed": (
        2,
        lambda b, s: edit_statement(
            b, 1, document=(b.statements[1].document or b"").replace(b"first", b"forst")
        ),
    ),
    "document of another event": (
        2,
        lambda b, s: edit_statement(b, 1, document=b.statements[2].document),
    ),
    "first event dropped": (2, lambda b, s: replace(b, statements=b.statements[1:])),
    "middle event dropped": (
        2,
        lambda b, s: replace(b, statements=(b.statements[0], b.statements[2])),
    ),
    "two events swapped": (2, swapped),
    "an event twice": (2, lambda b, s: replace(b, statements=(*b.statements, b.statements[-1]))),
    "events of another item": (2, lambda b, s: replace(b, statements=s.other.statements)),
    "payload changed": (
        2,
        lambda b, s: edit_statement(
            b,
            -1,
            entry=b.statements[-1].entry.replace(
                statements.parse_entry(b.statements[-1].entry).payload, bytes(32)
            ),
        ),
    ),
    "signature changed": (
        3,
        lambda b, s: edit_statement(b, -1, entry=flip(b.statements[-1].entry)),
    ),
    "certificate missing": (3, lambda b, s: replace(b, certificates=())),
    "certificate spare": (
        3,
        lambda b, s: replace(
            b, certificates=(*b.certificates, s.desk.node.keys.service_certificate.der)
        ),
    ),
    "signed by another person": (3, resigned),
    "certificate revoked": (3, revoked_list),
    "descriptor changed": (
        4,
        lambda b, s: replace(
            b,
            descriptors=(
                replace(
                    b.descriptors[0],
                    document=b.descriptors[0].document.replace(
                        b'"maxAnchoringDelay":86400', b'"maxAnchoringDelay":86401'
                    ),
                ),
            ),
        ),
    ),
    "descriptor from another time": (
        4,
        lambda b, s: replace(b, descriptors=(replace(b.descriptors[0], active_from=1),)),
    ),
    "receipt changed": (
        5,
        lambda b, s: edit_statement(b, -1, receipt=flip(b.statements[-1].receipt or b"")),
    ),
    "receipt of another event": (
        5,
        lambda b, s: edit_statement(b, -1, receipt=b.statements[1].receipt),
    ),
    "receipt of another item": (
        5,
        lambda b, s: edit_statement(b, -1, receipt=s.other.statements[0].receipt),
    ),
    "receipt by another key": (5, lambda b, s: edit_statement(b, -1, receipt=forged_receipt(b, s))),
    "index changed": (6, lambda b, s: edit_statement(b, 0, index=b.statements[0].index + 100)),
    "another CA": (5, stranger),
    "checkpoint root changed": (
        6,
        lambda b, s: edit_checkpoint(b, 0, root=bytes(32), note=forged_note(b, s, root=bytes(32))),
    ),
    "checkpoint time changed": (
        6,
        lambda b, s: edit_checkpoint(b, 0, time=b.checkpoints[0].time - 3600),
    ),
    "checkpoint map root changed": (
        6,
        lambda b, s: edit_checkpoint(
            b, 0, map_root=bytes(32), note=forged_note(b, s, map_root=bytes(32))
        ),
    ),
    "checkpoint note changed": (
        6,
        lambda b, s: edit_checkpoint(b, 0, note=forged_note(b, s, root=bytes(32))),
    ),
    "checkpoint covers more": (6, lambda b, s: edit_checkpoint(b, 1, prev=0)),
    "covered by a later checkpoint": (6, lambda b, s: edit_statement(b, 0, first=1)),
    "account proof changed": (
        6,
        lambda b, s: edit_chain(
            b, ledger=(flip(b.chain.ledger[0]), *b.chain.ledger[1:]) if b.chain else ()
        ),
    ),
    "account proof missing": (6, lambda b, s: edit_chain(b, registry=())),
    "account proofs swapped": (
        6,
        lambda b, s: (
            edit_chain(b, registry=b.chain.ledger, ledger=b.chain.registry) if b.chain else b
        ),
    ),
    "storage proof changed": (
        6,
        lambda b, s: edit_storage(b, "ledger", lambda nodes: (*nodes[:-1], flip(nodes[-1]))),
    ),
    "storage proof cut": (6, lambda b, s: edit_storage(b, "ledger", lambda nodes: nodes[:-1])),
    "storage proof padded": (
        6,
        lambda b, s: edit_storage(b, "ledger", lambda nodes: (*nodes, nodes[-1])),
    ),
    "header with another state": (
        6,
        lambda b, s: edit_chain(
            b, header=edit_header(b.chain.header, 3, bytes(32)) if b.chain else b""
        ),
    ),
    "header with another time": (
        7,
        lambda b, s: edit_chain(
            b, header=edit_header(b.chain.header, 11, b"\x01") if b.chain else b""
        ),
    ),
    "descendant that does not follow": (
        7,
        lambda b, s: edit_chain(b, descendants=(b.chain.header,) if b.chain else ()),
    ),
    "hop that the contract does not know": (
        8,
        lambda b, s: replace(
            b, hops=(bundles.Hop(bytes(32), bytes(32), bytes(32), 0, 0, 1, bytes(32), 0),)
        ),
    ),
    "another origin": (8, lambda b, s: replace(b, origin="RO-DIICOT")),
}


def test_the_sample_verifies(sample: Sample) -> None:
    report = verify(sample.data, sample.root, file=sample.file)
    assert report.verdict is Verdict.VERIFIED, report.as_json()
    assert len(sample.good.checkpoints) == 3
    assert bundles.parse(sample.data).encode() == sample.data


#: No bundle that this version can read: nothing in it is judged, so nothing is refuted.
UNREADABLE = {"empty", "truncated", "later version"}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_changed_bundle_is_refused_at_the_step_at_fault(sample: Sample, name: str) -> None:
    step, mutate = MUTATIONS[name]
    changed = mutate(sample.good, sample)
    data = changed if isinstance(changed, bytes) else changed.encode()
    assert data != sample.data
    report = verify(data, sample.root, file=sample.file)
    if name in UNREADABLE:
        assert (report.verdict, report.steps[step].status) == (
            Verdict.UNREADABLE,
            Status.UNREADABLE,
        ), report.as_json()
        return
    failed = [one.number for one in report.steps.values() if one.status is Status.FAILED]
    assert (report.verdict, failed) == (Verdict.FAILED, [step]), report.as_json()


#: Lists of entries that prove nothing: no later event is ruled out, and nothing is refuted.
UNPROVEN: dict[str, Callable[[Bundle, Sample], Bundle]] = {
    "no list": lambda b, s: replace(b, lists=()),
    "a list that begins elsewhere": lambda b, s: edit_list(b, before=b"\x01" * 32),
    "a link to nothing": lambda b, s: edit_list(b, links=(EntryLink(0, b"\x01" * 32),)),
    "a proof of another item": lambda b, s: edit_list(b, proof=s.other.lists[0].proof),
    "a proof with another sibling": lambda b, s: edit_proof(
        b, siblings=(b"\x01" * 32, *s.proof.siblings[1:])
    ),
    "a proof with another value": lambda b, s: edit_proof(
        b, terminal=(s.proof.terminal[0], b"\x01" * 32)
    ),
    "a proof with another key": lambda b, s: edit_proof(
        b, terminal=(b"\x01" * 32, s.proof.terminal[1])
    ),
    "a proof of an empty map": lambda b, s: edit_proof(b, siblings=(), terminal=None),
    "a note of the list that names no map": lambda b, s: edit_checkpoint(
        b, -1, note=forged_note(b, s, at=-1, map_root=None)
    ),
}


@pytest.mark.parametrize("name", UNPROVEN)
def test_a_list_that_proves_nothing_leaves_it_open_whether_events_are_missing(
    sample: Sample, name: str
) -> None:
    changed = UNPROVEN[name](sample.good, sample).encode()
    report = verify(changed, sample.root, file=sample.file)
    opened = [one.number for one in report.steps.values() if one.status is Status.NOT_CHECKED]
    assert (report.verdict, opened) == (Verdict.INCOMPLETE, [8]), report.as_json()
    assert report.facts["completeAsOf"] is None


def test_single_flipped_bits_are_never_believed(sample: Sample, rng: random.Random) -> None:
    for _ in range(600):
        data = bytearray(sample.data)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        assert verify(bytes(data), sample.root, file=sample.file).verdict is not Verdict.VERIFIED


@pytest.mark.parametrize("change", [{"size": 1}, {"digests": {"sha-256": "0" * 64}}])
def test_another_file_is_refused_at_step_9(sample: Sample, change: dict[str, Any]) -> None:
    report = verify(sample.data, sample.root, file=replace(sample.file, **change))
    assert (report.verdict, report.steps[9].status) == (Verdict.FAILED, Status.FAILED)


def test_a_file_measured_with_no_recorded_digest_is_undecided(sample: Sample) -> None:
    for digests in ({}, {"sha-512": "0" * 128}):
        report = verify(sample.data, sample.root, file=replace(sample.file, digests=digests))
        assert (report.verdict, report.steps[9].status) == (Verdict.INCOMPLETE, Status.NOT_CHECKED)


def test_withheld_digests_make_the_file_undecided_and_the_rest_verified(sample: Sample) -> None:
    row = sample.good.statements[0]
    shown = tuple(
        disclosure for disclosure in row.disclosures if sd.parse(disclosure).name != "digests"
    )
    report = verify(
        edit_statement(sample.good, 0, disclosures=shown).encode(), sample.root, file=sample.file
    )
    assert (report.verdict, report.steps[9].status) == (Verdict.INCOMPLETE, Status.NOT_CHECKED)
    assert any("digests" in one for one in report.withheld)
    assert (
        verify(edit_statement(sample.good, 0, disclosures=shown).encode(), sample.root).verdict
        is Verdict.VERIFIED
    )


def test_a_note_that_names_no_map_or_another_one_proves_all_else(sample: Sample) -> None:
    for other in (None, bytes(32)):
        note = forged_note(sample.good, sample, map_root=other)
        report = verify(
            edit_checkpoint(sample.good, 0, note=note).encode(), sample.root, file=sample.file
        )
        assert report.verdict is Verdict.VERIFIED
        assert any("names another item map" in finding for finding in report.findings)


def test_a_destroyed_document_leaves_signature_order_and_time_verified(sample: Sample) -> None:
    bundle = edit_statement(sample.good, 1, document=None, disclosures=())
    report = verify(bundle.encode(), sample.root, file=sample.file)
    assert report.verdict is Verdict.VERIFIED
    assert "event 1: the whole document" in report.withheld


def test_without_revocation_list_chain_section_or_descriptor_it_is_incomplete(
    sample: Sample,
) -> None:
    for bundle in (
        replace(sample.good, crls=()),
        sample.good.with_chain(None),
        replace(sample.good, descriptors=()),
    ):
        report = verify(bundle.encode(), sample.root)
        assert report.verdict is Verdict.INCOMPLETE, report.as_json()


def test_a_list_that_was_altered_is_told_as_altered_and_not_as_missing(sample: Sample) -> None:
    """Whoever has a damaged copy was told to wait for the agency's next list."""
    [crl] = sample.good.crls
    altered = crl[:-1] + bytes([crl[-1] ^ 1])
    report = verify(replace(sample.good, crls=(altered,)).encode(), sample.root)
    assert report.verdict is Verdict.INCOMPLETE, "anybody can put such a list into a bundle"
    assert "it was altered, or damaged on its way" in str(report.as_json())
    beside = replace(sample.good, crls=tuple(sorted((altered, crl))))
    assert verify(beside.encode(), sample.root).verdict is Verdict.VERIFIED


def test_a_key_that_stands_twice_is_refused_at_step_1(sample: Sample) -> None:
    """One reader would take the first, another the last."""
    head, pair = sample.data[0], b"\x61v\x02"
    assert sample.data[1:4] == pair
    for again in (pair, b"\x61v\x03"):
        report = verify(
            bytes([head + 1]) + pair + again + sample.data[4:], sample.root, file=sample.file
        )
        assert report.steps[1].status is Status.FAILED
        assert "repeated or out of order" in report.steps[1].detail


def test_an_older_checkpoint_replayed_as_the_newest_is_refused(sample: Sample) -> None:
    """Receipts at an older size lead to an older root: believed only for what that checkpoint
    covers.
    """
    first = sample.good.checkpoints[0]
    cut = replace(
        sample.good,
        checkpoints=(first,),
        lists=(),
        statements=tuple(replace(statement, first=0) for statement in sample.good.statements),
    )
    report = verify(cut.encode(), sample.root, file=sample.file)
    assert report.verdict is Verdict.FAILED
    assert {number for number, step in report.steps.items() if step.status is Status.FAILED} <= {
        5,
        6,
    }
