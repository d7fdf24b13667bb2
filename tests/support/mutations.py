"""One change each of a bundle, as somebody would make it who wants another verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.domain.bundle.bundle import Bundle
from ledger.domain.codecs import rlp
from ledger.domain.identity import certificate as certificates
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.log import item_map
from ledger.domain.log import receipt as receipts
from ledger.domain.log import statement as statements
from ledger.services.node.certificate_authority import Authority, new_pseudonym
from tests.support.samples import (
    Sample,
    edit_chain,
)


def flip(data: bytes, at: int = -1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def edit_statement(bundle: Bundle, number: int, **changes: Any) -> Bundle:
    rows = list(bundle.statements)
    rows[number] = replace(rows[number], **changes)
    return replace(bundle, statements=tuple(rows))


def edit_checkpoint(bundle: Bundle, number: int, **changes: Any) -> Bundle:
    rows = list(bundle.checkpoints)
    rows[number] = replace(rows[number], **changes)
    return replace(bundle, checkpoints=tuple(rows))


def edit_list(bundle: Bundle, **changes: Any) -> Bundle:
    [one] = bundle.lists
    return replace(bundle, lists=(replace(one, **changes),))


def edit_proof(bundle: Bundle, **changes: Any) -> Bundle:
    """With another proof of the item map."""
    proof = item_map.parse_proof(bundle.lists[0].proof)
    return edit_list(bundle, proof=replace(proof, **changes).encode())


def edit_storage(
    bundle: Bundle, contract: str, edit: Callable[[tuple[bytes, ...]], tuple[bytes, ...]]
) -> Bundle:
    assert bundle.chain is not None
    rows = list(bundle.chain.storage)
    at = next(number for number, row in enumerate(rows) if row.contract == contract)
    rows[at] = replace(rows[at], nodes=edit(rows[at].nodes))
    return edit_chain(bundle, storage=tuple(rows))


def edit_header(raw: bytes, field: int, value: bytes) -> bytes:
    fields = rlp.decode(raw, what="header")
    assert isinstance(fields, list)
    fields[field] = value
    return rlp.encode(fields)


def forged_receipt(bundle: Bundle, sample: Sample) -> bytes:
    row, newest = bundle.statements[-1], bundle.checkpoints[-1]
    old = receipts.parse(row.receipt or b"")
    key = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
    return receipts.issue(
        key,
        log_id=old.log_id,
        subject=old.subject,
        size=old.size,
        index=old.index,
        path=list(old.path),
        root=newest.root,
    ).encode()


def forged_note(bundle: Bundle, sample: Sample, at: int = 0, **changes: Any) -> bytes:
    one = replace(bundle.checkpoints[at], **changes)
    return receipts.sign_checkpoint(
        sample.desk.node.keys.logs[0],
        log_id=sample.desk.node.log_id,
        size=one.size,
        root=one.root,
        map_root=one.map_root,
    ).note


def swapped(bundle: Bundle, sample: Sample) -> Bundle:
    first, second, third = bundle.statements
    return replace(bundle, statements=(first, third, second))


def revoked_list(bundle: Bundle, sample: Sample) -> Bundle:
    authority = sample.desk.node.keys.authority
    serial = certificates.load(bundle.certificates[0]).serial_number
    crl = authority.issue_crl(
        bundle.crls[0], [(serial, 1)], number=99, now=revocation_lists.crl_issued(bundle.crls[0])
    )
    return replace(bundle, crls=(crl,))


def resigned(bundle: Bundle, sample: Sample) -> Bundle:
    """The last event signed anew by a certificate of the same agency that is not the actor's."""
    authority = sample.desk.node.keys.authority
    key = sample.desk.node.keys.service
    pseudonym = new_pseudonym()
    der = authority.issue(
        key.public_key(),
        agency="NL-POL",
        pseudonym=pseudonym,
        roles=["officer"],
        service=False,
        now=sample.desk.clock.now(),
    )
    old = statements.parse_entry(bundle.statements[-1].entry)
    new = statements.sign(key, old.claims, old.payload, certificates.parse(der).digest, der)
    return replace(
        edit_statement(bundle, -1, entry=new.entry), certificates=(*bundle.certificates, der)
    )


def stranger(bundle: Bundle, sample: Sample) -> Bundle:
    """The last event signed by the same name and key under a CA of somebody's own."""
    now = sample.desk.clock.now()
    authority = Authority.found("NL-POL", now)
    real = sample.desk.person.certificate
    der = authority.issue(
        real.key,
        agency="NL-POL",
        pseudonym=real.pseudonym,
        roles=["officer", "custodian"],
        service=False,
        now=now,
    )
    old = statements.parse_entry(bundle.statements[-1].entry)
    new = statements.sign(
        sample.desk.person.key, old.claims, old.payload, certificates.parse(der).digest, der
    )
    return replace(
        edit_statement(bundle, -1, entry=new.entry), certificates=(*bundle.certificates, der)
    )
