"""Writes tests/vectors: worked examples of every format, and one bundle a mutation or lie. Run it
only for a new format version, or for what is new with the names of what is to be written.

.venv/bin/python -m tools.make_vectors [examples] [bundle] [lying] [timestamps]
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.app import create_home
from ledger.domain.chain.finality import Pinned
from ledger.domain.codecs.text import b64url, evidence_bytes
from ledger.domain.crypto import content_encryption, grants
from ledger.domain.crypto.grants import HpkePrivateKey
from ledger.domain.event import document as documents
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import login
from ledger.domain.log import merkle
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.domain.timestamps import authorities, judging, tokens
from ledger.domain.timestamps.judging import GivenToken, Stamped
from ledger.services.node.certificate_authority import Authority
from tests.support import clique, lying_cases, qbft_cases
from tests.support.desk import PASSPHRASE, Desk
from tests.support.lying_bundles import LyingItem, measured, prepare
from tests.support.malice import World
from tests.support.time_authority import POLICY, OpensslAuthority
from tests.unit.test_event import BASE, SALTS
from tests.unit.test_verify import MUTATIONS, UNPROVEN, Sample
from tests.vectors.maps import map_root

TARGET = Path(__file__).parents[1] / "tests" / "vectors"
KEY = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
LOG_KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
LOG = bytes(range(32))


def worked_example() -> dict[str, Any]:
    """One item from document to receipt, with keys that are part of the example."""
    authority = Authority.found("NL-POL", 1795000000)
    pseudonym = BASE["actor"]["id"]
    der = authority.issue(
        KEY.public_key(),
        agency="NL-POL",
        pseudonym=pseudonym,
        roles=["officer"],
        service=False,
        now=1795000000,
    )
    event = documents.build(BASE, SALTS)
    ref = documents.compute_ref(BASE["evidence"], bytes(32))
    claims = statements.Claims("NL-POL", BASE["evidence"], LOG, 1795252443, 0, None, "open", ref)
    statement = statements.sign(KEY, claims, event.digest, certificates.parse(der).digest, der)
    sibling = merkle.leaf_hash(b"another entry")
    root = merkle.node_hash(sibling, statement.digest)
    mapped = map_root(LOG, [b"another entry", statement.entry])
    receipt = receipts.issue(
        LOG_KEY, log_id=LOG, subject=BASE["evidence"], size=2, index=1, path=[sibling], root=root
    )
    recipient = HpkePrivateKey("MLKEM768-X25519", bytes(range(96)))
    private = KEY.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {
        "keys": {
            "person": private.hex(),
            "log": LOG_KEY.private_bytes_raw().hex(),
            "recipientSeed": recipient.seed.hex(),
        },
        "certificate": der.hex(),
        "ca": authority.der.hex(),
        "logId": LOG.hex(),
        "document": event.raw.decode(),
        "disclosures": [disclosure.encoded for disclosure in event.disclosures],
        "documentDigest": event.digest.hex(),
        "ref": ref.hex(),
        "statement": statement.message.encode().hex(),
        "entry": statement.entry.hex(),
        "statementDigest": statement.digest.hex(),
        "sibling": sibling.hex(),
        "root": root.hex(),
        "receipt": receipt.encode().hex(),
        "mapRoot": mapped.hex(),
        "checkpoint": receipts.sign_checkpoint(
            LOG_KEY, log_id=LOG, size=2, root=root, map_root=mapped
        ).note.decode(),
        "login": login.sign(
            KEY,
            server="urn:custody:log:" + LOG.hex(),
            nonce=b"\x44" * 32,
            expires=1795252563,
            certificate=der,
        ).hex(),
        "envelope": sealed_example(event.raw, recipient),
    }


def sealed_example(document: bytes, recipient: HpkePrivateKey) -> dict[str, Any]:
    """The content and the record of the item, encrypted, with the keys to it."""
    content_key, record_key, salt = b"\x11" * 32, b"\x22" * 32, b"\x33" * 16
    evidence = BASE["evidence"]
    pieces = content_encryption.Pieces(content_key, evidence, salt)
    plain = b"evidence"
    grant = grants.seal(
        record_key, recipient.public, evidence=evidence_bytes(evidence), scope="record"
    )
    return {
        "evidence": evidence,
        "contentKey": content_key.hex(),
        "recordKey": record_key.hex(),
        "salt": salt.hex(),
        "commitment": content_encryption.commit(content_key, evidence, salt).hex(),
        "plain": plain.hex(),
        "onlyPiece": sha256(
            pieces.seal(0, content_encryption.pad_piece(plain, len(plain), 4096), last=True)
        ).hexdigest(),
        "sealedDocument": sha256(
            content_encryption.seal_document(record_key, document)
        ).hexdigest(),
        "padded": {
            str(size): content_encryption.padded_size(size)
            for size in (0, 4095, 4096, 5000, 10**6, 10**9, 20 * 2**30)
        },
        "grant": b64url(grant.encode()),
    }


def qbft_example() -> dict[str, Any]:
    """A real block, which stays as it is, and headers of a test signer."""
    kept = json.loads((TARGET / "qbft.json").read_text())
    return {
        "source": kept["source"],
        "block": kept["block"],
        "headers": [
            {
                "what": case.what,
                "rule": case.rule,
                "header": case.header.hex(),
                "verdict": case.verdict,
                "says": case.says,
            }
            for case in qbft_cases.cases(kept["block"])
        ],
    }


def clique_example() -> list[dict[str, Any]]:
    """Headers of a test signer."""
    return [
        {
            "what": case.what,
            "rule": case.rule,
            "headers": [raw.hex() for raw in case.headers],
            "verdict": case.verdict,
            "says": case.says,
        }
        for case in clique.cases()
    ]


def examples() -> None:
    """Write examples of every format but bundles."""
    (TARGET / "clique.json").write_text(json.dumps(clique_example(), indent=1) + "\n")
    (TARGET / "qbft.json").write_text(json.dumps(qbft_example(), indent=1) + "\n")
    (TARGET / "worked_example.json").write_text(json.dumps(worked_example(), indent=1) + "\n")


def timestamps() -> None:
    """Write tokens of an `openssl ts` authority, with what a verifier makes of each."""
    note, when = b"a note", 0
    digest = sha256(note).digest()
    with tempfile.TemporaryDirectory() as name:
        first = OpensslAuthority(Path(name) / "first", name="First")
        second = OpensslAuthority(Path(name) / "second", name="Second")
        token, other = first.token(digest), first.token(sha256(b"another").digest())
        cover = second.token(sha256(token).digest())
        lists, when = first.lists(), tokens.parse(token).latest
        cases: dict[str, tuple[list[tuple[bytes, int | None]], dict[str, Any]]] = {
            "a token": ([(token, None)], {}),
            "no revocation list": ([(token, None)], {"lists": []}),
            "a token for another note": ([(other, None)], {}),
            "another policy": ([(token, None)], {"policies": ("1.2.3",)}),
            "an unknown authority": ([(cover, None)], {"known": [first]}),
            "of before it was signed": ([(token, None)], {"signed": when + 301}),
            "distrusted": ([(token, None)], {"until": when + 60}),
            "distrusted, and covered before": ([(token, None), (cover, 0)], {"until": when + 60}),
            "distrusted, and covered after": ([(token, None), (cover, 0)], {"until": when}),
        }
        made = []
        for title, (given, changes) in cases.items():
            own = {"policies": changes.get("policies", (POLICY,))}
            known = [first.trusted(distrusted_from=changes.get("until"), **own)]
            known += [] if "known" in changes else [second.trusted()]
            asked = [GivenToken(der, None if at is not None else 0, at) for der, at in given]
            signed, shown = changes.get("signed", 0), changes.get("lists", lists)
            judged = judging.judge(asked, [Stamped(digest, signed)], known, shown)
            made.append(
                {
                    "what": title,
                    "note": note.hex(),
                    "signed": signed,
                    "tokens": [{"token": one.der.hex(), "over": one.token} for one in asked],
                    "lists": [crl.hex() for crl in shown],
                    "timeAuthorities": [authorities.encode(one) for one in known],
                    "problem": judged[0].problem or None,
                    "revocationChecked": judged[0].revocation_checked,
                }
            )
    (TARGET / "timestamps.json").write_text(json.dumps(made, indent=1) + "\n")


def mutations() -> None:
    """Write a good bundle, and what somebody makes of it who wants another verdict."""
    folder = _emptied("bundle")
    with tempfile.TemporaryDirectory() as name:
        home = Path(name) / "home"
        create_home.found(
            home,
            agency="NL-POL",
            person="4711",
            roles=["officer", "custodian"],
            passphrase=PASSPHRASE,
        )
        with Desk(home) as desk:
            sample = Sample(desk, Path(name))
            (folder / "good.bundle").write_bytes(sample.data)
            (folder / "trust.json").write_bytes(sample.root.encode())
            index: dict[str, Any] = {
                "file": {"size": sample.file.size, "digests": sample.file.digests},
                "mutations": {},
                "unproven": {},
            }
            for title, (step, mutate) in MUTATIONS.items():
                changed = mutate(sample.good, sample)
                file = title.replace(" ", "-") + ".bundle"
                (folder / file).write_bytes(
                    changed if isinstance(changed, bytes) else changed.encode()
                )
                index["mutations"][file] = {"what": title, "step": step}
            for title, unprove in UNPROVEN.items():
                file = title.replace(" ", "-") + ".bundle"
                (folder / file).write_bytes(unprove(sample.good, sample).encode())
                index["unproven"][file] = {"what": title, "step": 8}
    (folder / "index.json").write_text(json.dumps(index, indent=1) + "\n")


def lies() -> None:
    """Write bundles of agencies that lie with all their keys."""
    folder, index = _emptied("lying"), dict[str, dict[str, Any]]()
    pins: dict[int, bytes] = {}
    with tempfile.TemporaryDirectory() as name:
        world = prepare(World(Path(name), random.Random(2), "NL-POL", "RO-POL"))  # noqa: S311  (vectors)
        for title, lie in lying_cases.CASES.items():
            lie.make(item := LyingItem(world, world["NL-POL"]))
            data, root = item.bundle()
            [rule] = root.finality
            pins |= rule.blocks
            file = title.replace(" ", "-") + ".bundle"
            (folder / file).write_bytes(data)
            index[file] = {
                "what": title,
                "verdict": lie.verdict,
                "step": lie.step,
                "says": lie.says,
            }
        (folder / "trust.json").write_bytes(replace(root, finality=(Pinned(pins),)).encode())
        world.close()
    size, digests = len(lying_cases.DATA), measured(lying_cases.DATA).digests
    told = {"file": {"size": size, "digests": digests}, "lies": index}
    (folder / "index.json").write_text(json.dumps(told, indent=1) + "\n")


def _emptied(name: str) -> Path:
    folder = TARGET / name
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.bundle"):
        old.unlink()
    return folder


def main() -> None:
    """Write everything, or what is named."""
    parts = {"examples": examples, "bundle": mutations, "lying": lies, "timestamps": timestamps}
    for name in sys.argv[1:] or parts:
        parts[name]()


if __name__ == "__main__":
    main()
