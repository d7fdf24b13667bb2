"""Committed bytes: if one of these fails, the format has changed, and old evidence would no longer
verify.
"""

from __future__ import annotations

import json
from hashlib import pbkdf2_hmac, sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.domain.bundle import trust, trust_fingerprint
from ledger.domain.bundle.bundle import EntryList
from ledger.domain.chain import evm, finality
from ledger.domain.chain.finality import HeaderHash
from ledger.domain.codecs import cbor, cose
from ledger.domain.codecs.text import from_b64url
from ledger.domain.crypto import content_encryption, grants
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.errors import FormatError, IncompleteError, VerificationError
from ledger.domain.event import document as documents
from ledger.domain.files import manifest
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import login
from ledger.domain.ipld import cid as cids
from ledger.domain.ipld import unixfs
from ledger.domain.log import item_map, merkle
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.domain.timestamps import authorities, judging
from ledger.domain.timestamps.judging import GivenToken, Stamped
from ledger.domain.verify import FileDigest, Status, Verdict, verify

from .maps import map_root

HERE = Path(__file__).parent
EXAMPLE: dict[str, Any] = json.loads((HERE / "worked_example.json").read_text())
BUNDLES: dict[str, Any] = json.loads((HERE / "bundle" / "index.json").read_text())
LYING: dict[str, Any] = json.loads((HERE / "lying" / "index.json").read_text())
CLIQUE: list[dict[str, Any]] = json.loads((HERE / "clique.json").read_text())
STAMPS: list[dict[str, Any]] = json.loads((HERE / "timestamps.json").read_text())
QBFT: dict[str, Any] = json.loads((HERE / "qbft.json").read_text())
ITEM_MAP: dict[str, Any] = json.loads((HERE / "item_map.json").read_text())
UNIXFS: list[dict[str, Any]] = json.loads((HERE / "unixfs.json").read_text())["vectors"]


def raw(name: str) -> bytes:
    return bytes.fromhex(EXAMPLE[name])


def test_document_and_disclosures() -> None:
    event = documents.parse(EXAMPLE["document"].encode(), EXAMPLE["disclosures"])
    documents.require_complete(event)
    assert event.digest == raw("documentDigest")
    assert documents.compute_ref(event.value["evidence"], bytes(32)) == raw("ref")
    assert event.body["name"] == "IMG_1.jpg"


def test_statement_and_entry() -> None:
    statement = statements.parse(raw("statement"))
    certificate = certificates.parse(raw("certificate"))
    assert (statement.entry, statement.digest, statement.payload) == (
        raw("entry"),
        raw("statementDigest"),
        raw("documentDigest"),
    )
    assert statement.certificate == certificate.digest
    statements.verify_signature(statement, certificate.key)
    certificates.verify_issued(certificate, [raw("ca")], statement.claims.time)
    key = serialization.load_der_private_key(bytes.fromhex(EXAMPLE["keys"]["person"]), None)
    again = statements.sign(
        key, statement.claims, statement.payload, certificate.digest, certificate.der
    )  # type: ignore[arg-type]
    assert again.message.encode() == raw("statement")


def test_receipt_and_checkpoint() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(EXAMPLE["keys"]["log"]))
    public, root = (
        key.public_key().public_bytes_raw(),
        merkle.node_hash(raw("sibling"), raw("statementDigest")),
    )
    receipt = receipts.parse(raw("receipt"))
    assert root == raw("root")
    assert (
        receipts.verify(
            receipt,
            leaf=raw("statementDigest"),
            log_id=raw("logId"),
            subject=receipt.subject,
            key=public,
        )
        == root
    )
    note = receipts.parse_checkpoint(EXAMPLE["checkpoint"].encode())
    receipts.verify_checkpoint(note, public)
    mapped = map_root(raw("logId"), [b"another entry", raw("entry")])
    assert (note.size, note.root, note.map_root) == (2, root, mapped)
    assert mapped == raw("mapRoot")
    again = receipts.sign_checkpoint(key, log_id=raw("logId"), size=2, root=root, map_root=mapped)
    assert again.note == note.note


def test_login() -> None:
    parsed = login.parse(raw("login"))
    cose.verify(parsed.message, certificates.parse(parsed.certificate).key, step=3, what="login")
    assert (parsed.nonce, parsed.expires) == (b"\x44" * 32, 1795252563)


def test_envelope() -> None:
    found = EXAMPLE["envelope"]
    content_key, record_key, salt, plain = (
        bytes.fromhex(found[name]) for name in ("contentKey", "recordKey", "salt", "plain")
    )
    sealed = content_encryption.Pieces(content_key, found["evidence"], salt).seal(
        0, content_encryption.pad_piece(plain, len(plain), 4096), last=True
    )
    assert sha256(sealed).hexdigest() == found["onlyPiece"]
    assert (
        content_encryption.commit(content_key, found["evidence"], salt).hex() == found["commitment"]
    )
    assert (
        sha256(
            content_encryption.seal_document(record_key, EXAMPLE["document"].encode())
        ).hexdigest()
        == found["sealedDocument"]
    )
    assert {size: content_encryption.padded_size(int(size)) for size in found["padded"]} == found[
        "padded"
    ]
    recipient = HpkePrivateKey("MLKEM768-X25519", bytes.fromhex(EXAMPLE["keys"]["recipientSeed"]))
    grant = grants.parse(from_b64url(found["grant"], what="grant"))
    assert recipient.open(grant) == record_key


@pytest.mark.parametrize("vector", UNIXFS, ids=[f"{one['size']}/{one['chunk']}" for one in UNIXFS])
def test_cids_are_those_of_the_reference_importer(vector: dict[str, Any]) -> None:
    data = bytes((7 * index + (index >> 8)) & 255 for index in range(vector["size"]))
    builder = unixfs.Builder()
    for at in range(0, len(data), vector["chunk"]):
        leaf = data[at : at + vector["chunk"]]
        builder.add(cids.of(leaf), len(leaf))
    assert cids.to_text(builder.finish()[0]) == vector["cid"]


@pytest.mark.parametrize("case", STAMPS, ids=lambda case: case["what"])
def test_a_time_stamp_is_judged_as_it_was(case: dict[str, Any]) -> None:
    given = [
        GivenToken(bytes.fromhex(row["token"]), None if row["over"] is not None else 0, row["over"])
        for row in case["tokens"]
    ]
    note = Stamped(sha256(bytes.fromhex(case["note"])).digest(), case["signed"])
    known = authorities.parse(case["timeAuthorities"], "vector")
    lists = [bytes.fromhex(crl) for crl in case["lists"]]
    judged = judging.judge(given, [note], known, lists)[0]
    assert (judged.problem or None, judged.revocation_checked) == (
        case["problem"],
        case["revocationChecked"],
    )


def test_the_fingerprint_of_a_trust_root_is_what_the_format_page_says() -> None:
    """As another program computes it: from the text that is covered, by four library calls."""
    vector = json.loads((HERE / "trust_fingerprint.json").read_text())
    found = trust_fingerprint.of(trust.parse(vector["trustRoot"].encode()))
    assert (found.chain, found.with_pins) == (
        vector["fingerprint"],
        vector["fingerprintWithPins"],
    )
    for covered, fingerprint in (
        (vector["covered"], found.chain),
        (vector["coveredWithPins"], found.with_pins),
    ):
        digest = pbkdf2_hmac("sha256", covered.encode(), b"custody-trust-root-v2", 131_072)
        digits = str(int.from_bytes(digest, "big") % 10**40).zfill(40)
        assert fingerprint == " ".join(digits[at : at + 5] for at in range(0, 40, 5))


def check(name: str, folder: str = "bundle", index: dict[str, Any] = BUNDLES) -> Any:
    root = trust.parse((HERE / folder / "trust.json").read_bytes())
    file = FileDigest(index["file"]["size"], index["file"]["digests"])
    return verify((HERE / folder / name).read_bytes(), root, file=file)


def test_the_bundle_of_this_format_version_verifies_for_ever() -> None:
    assert check("good.bundle").verdict is Verdict.VERIFIED


UNREADABLE = {"empty.bundle", "truncated.bundle", "later-version.bundle"}


@pytest.mark.parametrize("name", sorted(BUNDLES["mutations"]))
def test_a_mutated_bundle_is_refused_at_its_step(name: str) -> None:
    report, step = check(name), BUNDLES["mutations"][name]["step"]
    if name in UNREADABLE:  # nothing in it was judged, so nothing was refuted
        assert (report.verdict, report.steps[step].status) == (
            Verdict.UNREADABLE,
            Status.UNREADABLE,
        )
        return
    failed = [one.number for one in report.steps.values() if one.status is Status.FAILED]
    assert (report.verdict, failed) == (Verdict.FAILED, [step])


@pytest.mark.parametrize("name", sorted(BUNDLES["unproven"]))
def test_a_list_that_proves_nothing_leaves_its_step_open(name: str) -> None:
    report, step = check(name), BUNDLES["unproven"][name]["step"]
    opened = [one.number for one in report.steps.values() if one.status is Status.NOT_CHECKED]
    assert (report.verdict, opened) == (Verdict.INCOMPLETE, [step])
    assert report.facts["completeAsOf"] is None


def test_the_example_of_a_list_is_the_one_in_the_description() -> None:
    """docs/format.md, "Lists of entries"."""
    [log] = [one for one in ITEM_MAP["good"] if one["logId"].startswith("9494ec7c")]
    proof = log["proofs"][0]["proof"]
    row = EntryList(0, bytes(32), (), bytes.fromhex(proof))
    shown = cbor.encode([row.checkpoint, row.before, [], row.proof]).hex()
    assert shown == "84005820" + "00" * 32 + "805849" + proof
    assert proof.startswith("8400408082" + "5820d31ca3fc")
    assert "582069b301b5" in proof
    hashed = item_map.entry_hash(bytes.fromhex("29133a1624"))
    link = cbor.encode([[0, hashed]]).hex()
    assert link.startswith("8182005820" + "48f52b35")


@pytest.mark.parametrize("name", sorted(LYING["lies"]))
def test_what_lying_agencies_prove_is_judged_as_it_was(name: str) -> None:
    report, lie = check(name, "lying", LYING), LYING["lies"][name]
    step, verdict = report.steps[lie["step"]], lie["verdict"]
    failed = [one.number for one in report.steps.values() if one.status is Status.FAILED]
    assert (report.verdict, failed) == (verdict, [step.number] if verdict == "failed" else [])
    assert (step.status is Status.NOT_CHECKED) == (verdict == "incomplete")
    said = report.findings if verdict == "verified" else [step.detail]
    assert any(lie["says"] in one for one in said), said


@pytest.mark.parametrize("vector", QBFT["headers"], ids=lambda vector: vector["what"])
def test_a_header_of_a_qbft_chain_is_judged_as_it_was(vector: dict[str, Any]) -> None:
    require_judged(vector, "qbft", [vector["header"]])


@pytest.mark.parametrize("vector", CLIQUE, ids=lambda vector: vector["what"])
def test_headers_of_a_clique_chain_are_judged_as_they_were(vector: dict[str, Any]) -> None:
    require_judged(vector, "plain", vector["headers"])


def require_judged(vector: dict[str, Any], how: HeaderHash, headers: list[str]) -> None:
    rules = finality.parse_rules([vector["rule"]], how, "vector")
    try:
        parsed = [evm.parse_header(bytes.fromhex(header)) for header in headers]
        verdict, told = "final", finality.judge(rules, how, parsed)
    except IncompleteError as error:
        verdict, told = "not checked", error.message
    except (FormatError, VerificationError) as error:
        verdict, told = "refused", error.message
    assert verdict == vector["verdict"], told
    assert vector["says"] in told


def test_a_real_block_of_four_validators_is_final() -> None:
    real = QBFT["headers"][0]
    raw = bytes.fromhex(real["header"])
    header = evm.parse_header(raw)
    assert "0x" + header.extra.hex() == QBFT["block"]["extraData"]
    assert "0x" + finality.block_hash(raw, "qbft").hex() == QBFT["block"]["hash"]
    rules = finality.parse_rules([real["rule"]], "qbft", "vector")
    assert finality.judge(rules, "qbft", [header]) == "sealed by 3 of 4 validators"


def test_the_manifest_of_this_format_version_parses_for_ever() -> None:
    data = (HERE / "manifest.json").read_bytes()
    assert (
        sha256(data).hexdigest()
        == "eea88bcb35e2f8ee15464af7f510c8fd4c43fccc1c4c41271b657ac025e34f32"
    )
    found = manifest.parse(data)
    assert (found.encode(), found.members[0].path, found.folders[0].facts.modified) == (
        data,
        b"caf\xe9/photo.jpg",
        -14_182_980 * 10**9,
    )


@pytest.mark.parametrize("case", ITEM_MAP["good"], ids=lambda case: len(case["history"]))
def test_an_item_map_written_by_another_program_is_derived_and_verified(
    case: dict[str, Any],
) -> None:
    log, root = bytes.fromhex(case["logId"]), bytes.fromhex(case["root"])
    values: dict[bytes, bytes] = {}
    for index, (subject, entry) in enumerate(case["history"]):
        key, hashed = item_map.key_of(log, subject), item_map.entry_hash(bytes.fromhex(entry))
        values[key] = item_map.extend(values.get(key, item_map.EMPTY), index, hashed)
    assert item_map.subtree(sorted(values.items()), 0) == root
    for shown in case["proofs"]:
        key = item_map.key_of(log, shown["subject"])
        value = bytes.fromhex(shown["value"]) if shown["value"] else None
        assert (key.hex(), values.get(key)) == (shown["key"], value)
        written = bytes.fromhex(shown["proof"])
        proof = item_map.parse_proof(written)
        assert proof.encode() == written
        item_map.verify(root, key, value, proof)


@pytest.mark.parametrize("case", ITEM_MAP["bad"], ids=lambda case: case["why"])
def test_a_bad_proof_of_an_item_map_is_refused(case: dict[str, Any]) -> None:
    key = item_map.key_of(bytes.fromhex(case["logId"]), case["subject"])
    value = bytes.fromhex(case["value"]) if case["value"] else None
    with pytest.raises((FormatError, VerificationError)):
        item_map.verify(
            bytes.fromhex(case["root"]),
            key,
            value,
            item_map.parse_proof(bytes.fromhex(case["proof"])),
        )
