"""A partner's node that lies, for tests of what it could bring about here."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ledger.domain.bundle import bundle as bundles
from ledger.domain.bundle import parcel
from ledger.domain.bundle.bundle import Bundle
from ledger.domain.bundle.parcel import Parcel
from ledger.domain.codecs.text import evidence_bytes
from ledger.domain.crypto import grants
from ledger.services.node.backoff import Backoff
from ledger.services.node.context import Node
from tests.support import consortium
from tests.support.desk import Desk

TABLES = (
    "entry",
    "document",
    "disclosure",
    "grant",
    "item",
    "crossing",
    "inherited",
    "link",
    "blind_index",
    "certificate",
    "erasure",
    "given",
)


def rows(node: Node) -> dict[str, list[dict[str, Any]]]:
    """All that partners' answers could touch."""
    with node.records.read() as unit:
        return {table: unit.tables.rows(table) for table in TABLES}


class Lying:
    """A partner's node whose answers go through ``lies``, by method."""

    def __init__(self, api: Any, lies: dict[str, Callable[..., Any]]) -> None:
        self._api, self._lies = api, lies

    def __getattr__(self, name: str) -> Any:
        honest = getattr(self._api, name)
        lie = self._lies.get(name)
        return (
            honest if lie is None else lambda *given, **named: lie(honest(*given, **named), *given)
        )


@contextmanager
def lying(desk: Desk, code: str, **lies: Callable[..., Any]) -> Iterator[None]:
    """What an agency's node says to ``desk``, altered."""
    honest = desk.node.reach
    desk.node.reach = lambda url: (
        Lying(honest(url), lies) if url == consortium.address(code) else honest(url)
    )
    try:
        yield
    finally:
        desk.node.reach = honest
        desk.node.backoff = Backoff()


def repacked(data: bytes, change: Callable[[Parcel, Bundle], tuple[Parcel, Bundle]]) -> bytes:
    one, bundle = change(parcel.parse(data), bundles.parse(parcel.parse(data).bundle))
    return replace(one, bundle=bundle.encode()).encode()


def own_keys(desk: Desk, evidence: str) -> list[bytes]:
    """Keys made anew for an item and sealed to a desk's own node and custodians, where those that
    count lie.
    """
    with desk.node.records.read() as unit:
        ours = desk.node.descriptor(unit)
        bindings = [
            grants.parse(one).binding
            for one in unit.grants.sealed_to(evidence, "content", ours.custody.digest)
        ]
    item = evidence_bytes(evidence)
    made = [grants.seal(os.urandom(32), ours.node, evidence=item, scope="record")]
    made += [
        grants.seal(os.urandom(32), ours.custody, evidence=item, scope="content", binding=binding)
        for binding in bindings
    ]
    return [one.encode() for one in made]


def with_last(bundle: Bundle, **changes: Any) -> Bundle:
    return replace(
        bundle, statements=(*bundle.statements[:-1], replace(bundle.statements[-1], **changes))
    )
