"""An item's record key on the node, and the blind index under which sealed records are found."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from ledger.domain.codecs.text import is_case
from ledger.domain.crypto import grants
from ledger.domain.errors import DeniedError
from ledger.domain.event import normalization, same_record
from ledger.domain.event.document import Event
from ledger.domain.event.same_record import CASE
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.node.context import Node


def record_key(node: Node, unit: UnitOfWork, evidence: str) -> bytes:
    """The item's record key, from the grant made to this node.

    Raises:
        DeniedError: the grant was destroyed, or never made.
    """
    sealed = unit.grants.named([evidence], "record", node.keys.recipients)
    return open_record_key(node, sealed.get(evidence))


def open_record_key(node: Node, grant: bytes | None) -> bytes:
    """The key in a grant made to this node.

    Raises:
        DeniedError: there is none.
    """
    if grant is None:
        raise DeniedError("the keys of this item were destroyed, or this node never had them")
    return node.keys.open(grants.parse(grant))


def index_token(node: Node, kind: str, *parts: str) -> bytes:
    """A blind index token: HMAC-SHA256 under the index key, so that the database alone cannot be
    searched by guessing.
    """
    message = b"".join(
        len(part.encode()).to_bytes(4, "big") + part.encode() for part in (kind, *parts)
    )
    return hmac.new(node.keys.index, message, sha256).digest()


def identifier_token(node: Node, scheme: str, value: str) -> bytes:
    """The token of a number that a document says, the same for every way of writing it."""
    return index_token(node, "identifier", normalization.form(scheme), normalization.form(value))


def derived_token(node: Node, scheme: str, value: str) -> bytes:
    """The token of what follows from a whole record; see ``same_record.DERIVED``."""
    return index_token(node, scheme, normalization.form(value))


def searched_token(node: Node, scheme: str, value: str) -> bytes:
    """The token that somebody looks for by a scheme, be it said in documents or derived."""
    derived = scheme in same_record.DERIVED
    return (derived_token if derived else identifier_token)(node, scheme, value)


def number_token(node: Node, case: str, exhibit: str) -> bytes:
    """The token of an exhibit number in a case, both in the form in which they are compared."""
    return index_token(node, "number", case, exhibit)


def mark_token(node: Node, mark: str) -> bytes:
    """The token of the mark by which a file is known that was recorded before."""
    return index_token(node, "mark", mark)


def tokens(node: Node, event: Event, standing: Mapping[str, Any] | None = None) -> list[bytes]:
    """What an event can be found by: its identifiers (a part also by the number of what it is a
    part of), the digest of its content; an opening also by its exhibit number in its case, and by
    the mark of its file.

    Args:
        standing: its document after corrections of it, where there may be some.
    """
    document = dict(standing or event.value)
    identifiers = same_record.identifiers(document)
    if is_case(document["evidence"]):
        return [
            derived_token(node, scheme, one)
            for one in same_record.numbers_of(identifiers, CASE)
            for scheme in (same_record.CASE_ITSELF, same_record.CASE_NOW)
        ]
    found = [
        identifier_token(node, identifier["scheme"], identifier["value"])
        for identifier in identifiers
    ]
    if "digests" in event.body and "content" in event.body:
        found.append(index_token(node, "sha-256", event.body["digests"]["sha-256"]))
    if event.value["seq"] == 0:
        found += [
            derived_token(node, same_record.PARTS, whole)
            for exhibit in same_record.numbers_of(identifiers, "exhibit")
            for whole in same_record.wholes_of(exhibit)[1:]
        ]
        found += [number_token(node, *number) for number in same_record.borne(document)]
        found += [
            derived_token(node, same_record.OF_CASE, case)
            for case in same_record.numbers_of(identifiers, same_record.CASE)
        ]
        mark = same_record.mark(event.value)
        found += [mark_token(node, mark)] if mark is not None else []
    return list(dict.fromkeys(found))
