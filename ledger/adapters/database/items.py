"""Items, sealed documents and disclosures, grants, and the blind index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, or_, select

from ledger.adapters.database.columns import blob
from ledger.adapters.database.tables import (
    BlindToken,
    DisclosureRecord,
    DisclosureWindow,
    Document,
    Entry,
    GrantRecord,
    IndexForm,
    Inherited,
    Item,
    Link,
    Share,
    TransferStep,
)
from ledger.adapters.database.unit import Part, values
from ledger.domain.identity.person import PersonId
from ledger.domain.item.custody import ItemState, Offer
from ledger.domain.ports.rows import ItemRow, ShareRow

_I: Any = Item
_G: Any = GrantRecord
_O: Any = DisclosureWindow
_D: Any = Document
_S: Any = DisclosureRecord
_T: Any = BlindToken
_H: Any = Share
_L: Any = Link


def _item(row: Any) -> ItemRow:
    offer = (
        Offer(row.offer, row.offer_to, row.offer_expires, row.offer_person) if row.offer else None
    )
    state = ItemState(
        row.evidence,
        row.origin,
        row.ref,
        row.custodian,
        row.seq,
        row.head,
        row.time,
        row.closed,
        offer,
    )
    return ItemRow(
        state, row.cid, row.opener, row.opened, row.latest_log, row.latest_index, row.holder
    )


class Items(Part):
    """Items: where each stands, who has a part in it, and what it is found by."""

    def get(self, evidence: str) -> ItemRow | None:
        row = self._one(Item, evidence=evidence)
        return _item(row) if row else None

    def named(self, evidence: Sequence[str]) -> dict[str, ItemRow]:
        """Those of the items that exist, in one query."""
        return {row.evidence: _item(row) for row in self._rows(Item, _I.evidence.in_(evidence))}

    def put(self, row: ItemRow) -> None:
        state, offer = row.state, row.state.offer
        values = {
            "evidence": state.evidence,
            "origin": state.origin,
            "ref": state.ref,
            "custodian": state.custodian,
            "seq": state.seq,
            "head": state.head,
            "time": state.time,
            "closed": state.closed,
            "offer": offer.digest if offer else None,
            "offer_to": offer.to if offer else None,
            "offer_expires": offer.expires if offer else None,
            "offer_person": offer.person if offer else None,
            "cid": row.cid,
            "opener": row.opener,
            "opened": row.opened,
            "latest_log": row.latest_log,
            "latest_index": row.latest_index,
            "holder": row.holder,
        }
        if state.seq == 0:
            self._add(Item, values)
        else:
            self._put(Item, ("evidence",), values)

    def newest_place(self) -> int:
        """Place of the last item in the order of lists; -1 before the first."""
        rows = self._rows(Item, order=_I.opened.desc(), limit=1)
        return int(rows[0].opened) if rows else -1

    def drop_secrets(self, evidence: str, scopes: Sequence[str], *, record: bool) -> int:
        """Destroy the grants of an item in these scopes, and with ``record`` its documents and what
        it is found by; grants destroyed.
        """
        for table in (GrantRecord, Document, DisclosureRecord, BlindToken):
            self.flush(table)
        gone = self._db.execute(
            delete(GrantRecord).where(_G.evidence == evidence, _G.scope.in_(scopes))
        )
        if record:
            mine = select(_D.digest).where(_D.evidence == evidence)
            self._db.execute(delete(DisclosureRecord).where(_S.document.in_(mine)))
            self._db.execute(delete(Document).where(_D.evidence == evidence))
            self._db.execute(delete(BlindToken).where(_T.evidence == evidence))
        return int(gone.rowcount)

    def forget(self, evidence: str) -> None:
        """See ItemsRepository."""
        self.flush()
        self.drop_secrets(evidence, ["content", "record", "document", "disclosure"], record=True)
        self._db.execute(delete(Link).where(_L.child == evidence))
        for table in (Entry, TransferStep, Inherited, Item):
            named: Any = table
            self._db.execute(delete(table).where(named.evidence == evidence))

    def page(
        self,
        *,
        after: int,
        limit: int,
        person: PersonId | None,
        evidence: Sequence[str] | None,
        recipient: bytes | None = None,
        token: bytes | None = None,
        beside: str = "",
    ) -> list[ItemRow]:
        """A page of items in the order in which they were opened.

        Args:
            person: who opened or holds them, or was given a part in them. recipient: also those of
                which a key is sealed to this one.
            token: by which the blind index finds them. beside: one that is left out.
        """
        conditions = [_I.opened > after]
        if person is not None:
            mine = [
                _I.opener == person,
                _I.holder == person,
                _I.evidence.in_(select(_H.evidence).where(_H.person == person)),
            ]
            if recipient is not None:
                mine.append(_I.evidence.in_(select(_G.evidence).where(_G.recipient == recipient)))
            conditions.append(or_(*mine))
            self.flush(Share)
            self.flush(GrantRecord)
        if evidence is not None:
            conditions.append(_I.evidence.in_(evidence))
        if token is not None:
            conditions.append(_I.evidence.in_(select(_T.evidence).where(_T.token == token)))
            self.flush(BlindToken)
        if beside:
            conditions.append(_I.evidence != beside)
        return [_item(row) for row in self._rows(Item, *conditions, order=_I.opened, limit=limit)]

    def offered(self) -> list[ItemRow]:
        """Items with an open offer: as many as are on their way between agencies just now."""
        return [_item(row) for row in self._rows(Item, _I.offer_to.is_not(None), order=_I.opened)]

    def disclosed(self, now: int) -> list[ItemRow]:
        """Items disclosed as a copy to somebody outside who may still fetch it."""
        return [
            _item(row)
            for row in self._rows(
                Item, _I.evidence.in_(select(_O.evidence).where(_O.until > now)), order=_I.opened
            )
        ]

    def put_share(self, row: ShareRow) -> None:
        self._put(Share, ("evidence", "person"), values(row))

    def share(self, evidence: str, person: PersonId) -> ShareRow | None:
        row = self._one(Share, evidence=evidence, person=person)
        return ShareRow(**row._mapping) if row else None

    def put_token(self, token: bytes, evidence: str) -> None:
        self._put(BlindToken, ("token", "evidence"), {"token": token, "evidence": evidence})

    def drop_tokens(self, evidence: str) -> None:
        self.flush(BlindToken)
        self._db.execute(delete(BlindToken).where(_T.evidence == evidence))

    def index_form(self) -> int:
        """Under which form of numbers the index was made; 0 where that was never said."""
        row = self._one(IndexForm, id=0)
        return int(row.version) if row else 0

    def put_index_form(self, version: int) -> None:
        self._put(IndexForm, ("id",), {"id": 0, "version": version})

    def tokens(self, token: bytes, limit: int) -> list[str]:
        return [
            str(row.evidence)
            for row in self._find(BlindToken, order="evidence", limit=limit, token=token)
        ]


class Documents(Part):
    """Sealed documents and disclosures."""

    def put(self, digest: bytes, evidence: str, sealed: bytes) -> None:
        self._add(Document, {"digest": digest, "evidence": evidence, "sealed": sealed})

    def keep(self, digest: bytes, evidence: str, sealed: bytes) -> None:
        self._keep(
            Document, ("digest",), {"digest": digest, "evidence": evidence, "sealed": sealed}
        )

    def get(self, digest: bytes) -> bytes | None:
        row = self._one(Document, digest=digest)
        return blob(row.sealed) if row else None

    def put_disclosure(self, digest: bytes, document: bytes, position: int, sealed: bytes) -> None:
        self._add(
            DisclosureRecord,
            {"digest": digest, "document": document, "position": position, "sealed": sealed},
        )

    def keep_disclosure(self, digest: bytes, document: bytes, position: int, sealed: bytes) -> None:
        row = {"digest": digest, "document": document, "position": position, "sealed": sealed}
        self._keep(DisclosureRecord, ("document", "digest"), row)

    def disclosures(self, document: bytes) -> list[tuple[bytes, bytes]]:
        rows = self._find(DisclosureRecord, order="position", document=document)
        return [(blob(row.digest), blob(row.sealed)) for row in rows]


class Grants(Part):
    """Keys of items, each sealed to one recipient."""

    def put(self, evidence: str, scope: str, recipient: bytes, binding: bytes, data: bytes) -> None:
        row = {
            "evidence": evidence,
            "scope": scope,
            "recipient": recipient,
            "binding": binding,
            "data": data,
        }
        self._put(GrantRecord, ("evidence", "scope", "recipient", "binding"), row)

    def keep(
        self, evidence: str, scope: str, recipient: bytes, binding: bytes, data: bytes
    ) -> None:
        row = {
            "evidence": evidence,
            "scope": scope,
            "recipient": recipient,
            "binding": binding,
            "data": data,
        }
        self._keep(GrantRecord, ("evidence", "scope", "recipient", "binding"), row)

    def sealed_to(self, evidence: str, scope: str, recipient: bytes) -> list[bytes]:
        rows = self._find(
            GrantRecord, limit=100, evidence=evidence, scope=scope, recipient=recipient
        )
        return [blob(row.data) for row in rows]

    def named(self, evidence: Sequence[str], scope: str, recipient: bytes) -> dict[str, bytes]:
        """The grant of each item to one recipient, in one query; for scopes that have one alone."""
        rows = self._rows(
            GrantRecord, _G.evidence.in_(evidence), _G.scope == scope, _G.recipient == recipient
        )
        return {str(row.evidence): blob(row.data) for row in rows}

    def are_left(self, evidence: str, scope: str) -> bool:
        return self._one(GrantRecord, evidence=evidence, scope=scope) is not None

    def drop(self, evidence: str, scope: str, recipient: bytes) -> None:
        self.flush(GrantRecord)
        self._db.execute(
            delete(GrantRecord).where(
                _G.evidence == evidence, _G.scope == scope, _G.recipient == recipient
            )
        )

    def drop_all_to(self, recipient: bytes) -> None:
        """Drop whatever was sealed to a key."""
        self.flush(GrantRecord)
        self._db.execute(delete(GrantRecord).where(_G.recipient == recipient))
