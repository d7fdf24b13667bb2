"""Statements, entries, receipts and checkpoints: strict forms, and what other people's libraries
make of them.
"""

from __future__ import annotations

from hashlib import sha256

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pycose.keys import EC2Key, OKPKey
from pycose.keys.curves import P256, Ed25519
from pycose.messages import Sign1Message

from ledger.domain.codecs import cbor, cose
from ledger.domain.errors import FormatError, VerificationError
from ledger.domain.identity import login
from ledger.domain.log import merkle
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.domain.log.statement import Claims

LOG = bytes(range(32))
EVIDENCE = "urn:uuid:3f0c1d2e-5b6a-4c7d-8e9f-0a1b2c3d4e5f"
CERTIFICATE = b"certificate"
KEY = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
LOG_KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


def make(key: cose.PrivateKey = KEY, **changes: object) -> statements.Statement:
    values = {
        "issuer": "NL-POL",
        "subject": EVIDENCE,
        "log_id": LOG,
        "time": 1795252443,
        "seq": 0,
        "prev": None,
        "effect": "open",
        "ref": b"r" * 32,
    }
    claims = Claims(**{**values, **changes})  # type: ignore[arg-type]
    return statements.sign(
        key, claims, sha256(b"document").digest(), sha256(CERTIFICATE).digest(), CERTIFICATE
    )


def test_an_entry_is_the_statement_without_its_unprotected_header_byte_for_byte() -> None:
    statement = make()
    protected = cbor.encode(statement.message.protected)
    assert statement.entry == b"\xd2\x84" + protected + b"\xa0" + cbor.encode(
        statement.payload
    ) + cbor.encode(statement.message.signature)
    assert statement.digest == sha256(b"\x00" + statement.entry).digest()
    assert statements.parse_entry(statement.entry).entry == statement.entry
    assert (
        statements.parse(statement.message.encode()).message.encode() == statement.message.encode()
    )


@pytest.mark.parametrize(
    "key", [KEY, Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)], ids=["ES256", "EdDSA"]
)
def test_anyones_cose_library_verifies_a_statement(key: cose.PrivateKey) -> None:
    statement = make(key)
    message = Sign1Message.decode(statement.message.encode())
    public = key.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        numbers = public.public_numbers()
        message.key = EC2Key(
            crv=P256, x=numbers.x.to_bytes(32, "big"), y=numbers.y.to_bytes(32, "big")
        )
    else:
        message.key = OKPKey(crv=Ed25519, x=public.public_bytes_raw())
    assert message.verify_signature()


def test_anyones_rfc_9942_verifier_accepts_a_receipt() -> None:
    """Written from RFC 9942 section 5.2 with a general CBOR library, without our code."""
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(5)]
    left = merkle.node_hash(
        merkle.node_hash(leaves[0], leaves[1]), merkle.node_hash(leaves[2], leaves[3])
    )
    root = merkle.node_hash(left, leaves[4])
    path = [leaves[3], merkle.node_hash(leaves[0], leaves[1]), leaves[4]]
    receipt = receipts.issue(
        LOG_KEY, log_id=LOG, subject=EVIDENCE, size=5, index=2, path=path, root=root
    )

    tag = cbor2.loads(receipt.encode())
    protected, unprotected, payload, signature = tag.value
    header = cbor2.loads(protected)
    assert (tag.tag, payload, header[1], header[395]) == (18, None, -8, 1)
    size, index, nodes = cbor2.loads(unprotected[396][-1][0])
    found, fn, sn = leaves[2], index, size - 1
    for node in nodes:
        if fn & 1 or fn == sn:
            found = sha256(b"\x01" + node + found).digest()
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            found = sha256(b"\x01" + found + node).digest()
        fn, sn = fn >> 1, sn >> 1
    assert (sn, found) == (0, root)
    LOG_KEY.public_key().verify(signature, cbor2.dumps(["Signature1", protected, b"", found]))


def test_anyones_note_verifier_accepts_a_checkpoint() -> None:
    """Written from C2SP signed-note and tlog-checkpoint, without our code."""
    import base64

    note = receipts.sign_checkpoint(LOG_KEY, log_id=LOG, size=7, root=b"r" * 32).note
    text, _, tail = note.partition(b"\n\n")
    origin, size, root = text.split(b"\n")
    assert (origin, size, base64.b64decode(root)) == (
        b"urn:custody:log:" + LOG.hex().encode(),
        b"7",
        b"r" * 32,
    )
    dash, name, blob = tail.decode().rstrip("\n").split(" ")
    raw = base64.b64decode(blob)
    public = LOG_KEY.public_key().public_bytes_raw()
    assert (dash, name.encode(), raw[:4]) == (
        "\u2014",
        origin,
        sha256(origin + b"\n\x01" + public).digest()[:4],
    )
    LOG_KEY.public_key().verify(raw[4:], text + b"\n")


def test_a_high_s_signature_is_another_spelling_and_is_refused() -> None:
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    statement = make()
    signature = statement.message.signature
    high = signature[:32] + (order - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
    message = cose.Sign1(
        statement.message.protected, statement.message.headers, statement.payload, high
    )
    with pytest.raises(VerificationError, match="low-S"):
        cose.verify(message, KEY.public_key(), step=3, what="statement")


def test_a_signature_by_another_key_or_over_other_bytes_is_refused() -> None:
    statement = make()
    with pytest.raises(VerificationError):
        statements.verify_signature(
            statement, ec.derive_private_key(5, ec.SECP256R1()).public_key()
        )
    with pytest.raises(VerificationError, match="algorithm"):
        statements.verify_signature(statement, LOG_KEY.public_key())
    changed = cose.Sign1(
        statement.message.protected,
        statement.message.headers,
        b"x" * 32,
        statement.message.signature,
    )
    with pytest.raises(VerificationError):
        cose.verify(changed, KEY.public_key(), step=3, what="statement")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("no ref at seq 0", {"ref": None}),
        ("ref after seq 0", {"seq": 1, "prev": b"p" * 32, "effect": "none"}),
        ("prev at seq 0", {"prev": b"p" * 32}),
        ("no prev after seq 0", {"seq": 1, "effect": "none", "ref": None}),
        ("opening twice", {"seq": 1, "prev": b"p" * 32}),
        ("unknown effect", {"effect": "erase"}),
        ("offer to nobody", {"seq": 1, "prev": b"p" * 32, "effect": "offer", "ref": None}),
        (
            "addressee without offer",
            {"seq": 1, "prev": b"p" * 32, "effect": "none", "ref": None, "to": "RO-DIICOT"},
        ),
        ("not a version 4 UUID", {"subject": "urn:uuid:3f0c1d2e-5b6a-1c7d-8e9f-0a1b2c3d4e5f"}),
        ("upper-case UUID", {"subject": EVIDENCE.upper()}),
        (
            "an agency speaks for another",
            {"effect": "agency", "subject": "urn:custody:agency:RO-DIICOT", "ref": None},
        ),
        ("negative time", {"time": -1}),
        ("year 10000", {"time": 253402300800}),
        ("lower-case agency", {"issuer": "nl-pol"}),
    ],
)
def test_claims_outside_the_profile_are_refused(name: str, changes: dict[str, object]) -> None:
    with pytest.raises(FormatError):
        make(**changes)


def _reencode(
    statement: statements.Statement, change: dict[object, object], drop: object = None
) -> bytes:
    headers = {**statement.message.headers, **change}
    headers.pop(drop, None)
    return cose.Sign1(
        cbor.encode(headers), headers, statement.payload, statement.message.signature
    ).encode()


@pytest.mark.parametrize(
    ("change", "drop"),
    [
        ({1: -37}, None),
        ({16: "application/other"}, None),
        ({258: -44}, None),
        ({259: "text/plain"}, None),
        ({3: "text/plain"}, None),
        ({34: [-16, b"x"]}, None),
        ({}, 34),
        ({}, 258),
        ({99: 1}, None),
    ],
)
def test_headers_outside_the_profile_are_refused(
    change: dict[object, object], drop: object
) -> None:
    with pytest.raises(FormatError):
        statements.parse(_reencode(make(), change, drop))


def test_other_cose_objects_never_pass_for_statements_or_receipts() -> None:
    answer = login.sign(KEY, server="s", nonce=b"n" * 32, expires=1, certificate=CERTIFICATE)
    for parse in (statements.parse, receipts.parse):
        with pytest.raises(FormatError):
            parse(answer)
    with pytest.raises(FormatError):
        login.parse(make().message.encode())
    with pytest.raises(FormatError):
        statements.parse_entry(make().message.encode())


def test_a_receipt_for_another_log_subject_or_key_is_refused() -> None:
    leaf = merkle.leaf_hash(b"e")
    receipt = receipts.issue(
        LOG_KEY, log_id=LOG, subject=EVIDENCE, size=1, index=0, path=[], root=leaf
    )
    public = LOG_KEY.public_key().public_bytes_raw()
    assert receipts.verify(receipt, leaf=leaf, log_id=LOG, subject=EVIDENCE, key=public) == leaf
    good = {"leaf": leaf, "log_id": LOG, "subject": EVIDENCE, "key": public}
    for change in (
        {"leaf": b"x" * 32},
        {"log_id": b"x" * 32},
        {"subject": "other"},
        {"key": b"x" * 32},
    ):
        with pytest.raises(VerificationError) as error:
            receipts.verify(receipt, **{**good, **change})  # type: ignore[arg-type]
        assert error.value.step == 5


#: A note with the root of an item map, whose base64 ends in bW0=.
MAPPED = receipts.sign_checkpoint(
    LOG_KEY, log_id=LOG, size=7, root=b"r" * 32, map_root=b"m" * 32
).note


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"urn:custody:log:" + b"0" * 64 + b"\n1\nAAAA\n\n",
        b"urn:custody:log:" + b"0" * 64 + b"\n01\n" + b"A" * 43 + b"=\n\n\xe2\x80\x94 x AAAA\n",
        MAPPED.replace(b"custody-map/1 ", b"custody-map/2 "),
        MAPPED.replace(b"custody-map/1 ", b"custody-map/1"),
        MAPPED.replace(b"\n\n", b"\nanother line\n\n"),
        MAPPED.replace(b"\n\n", b"\n" + MAPPED.split(b"\n")[3] + b"\n\n"),
        MAPPED.replace(b"bW0=", b"bW1="),
    ],
)
def test_malformed_checkpoints_are_refused(note: bytes) -> None:
    with pytest.raises(FormatError):
        receipts.parse_checkpoint(note)


@pytest.mark.parametrize("map_root", [None, b"m" * 32])
def test_a_checkpoint_with_one_character_changed_is_refused(map_root: bytes | None) -> None:
    signed = receipts.sign_checkpoint(
        LOG_KEY, log_id=LOG, size=7, root=b"r" * 32, map_root=map_root
    )
    note = signed.note
    assert signed.map_root == map_root
    public = LOG_KEY.public_key().public_bytes_raw()
    receipts.verify_checkpoint(receipts.parse_checkpoint(note), public)
    for at in range(len(note)):
        changed = note[:at] + bytes([note[at] ^ 1]) + note[at + 1 :]
        with pytest.raises((FormatError, VerificationError)):
            receipts.verify_checkpoint(receipts.parse_checkpoint(changed), public)
