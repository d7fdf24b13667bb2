"""Items, sealed documents and disclosures, grants, and the blind index."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import ColumnElement, and_, func, or_, select

from ledger.adapters.database import item_lists
from ledger.adapters.database.unit import Part, blob
from ledger.domain.identity.person import PersonId
from ledger.rows.handovers import ErasureRow, InheritedRow, LinkRow, TransferStepRow
from ledger.rows.items import BlindTokenRow, IndexFormRow, ItemFilter, ItemRow, ShareRow
from ledger.rows.logs import EntryRow
from ledger.rows.records import DisclosureRow, DocumentRow, GrantRow
from ledger.rows.storage import DisclosureWindowRow

_I = ItemRow.__table__.c
_G = GrantRow.__table__.c
_O = DisclosureWindowRow.__table__.c
_D = DocumentRow.__table__.c
_S = DisclosureRow.__table__.c
_T = BlindTokenRow.__table__.c
_H = ShareRow.__table__.c
_L = LinkRow.__table__.c
_AT_ONCE: Final = 500  # tokens of one query


class Items(Part):
    """Items: where each stands, who has a part in it, and what it is found by."""

    def get(self, evidence: str) -> ItemRow | None:
        return self._one(ItemRow, evidence=evidence)

    def named(self, evidence: Sequence[str]) -> dict[str, ItemRow]:
        return {row.evidence: row for row in self._rows(ItemRow, _I.evidence.in_(evidence))}

    def put(self, row: ItemRow) -> None:
        if row.seq == 0:
            self._add(row)
        else:
            self._put(row)

    def newest_place(self) -> int:
        rows = self._rows(ItemRow, order=_I.opened.desc(), limit=1)
        return int(rows[0].opened) if rows else -1

    def drop_secrets(self, evidence: str, scopes: Sequence[str], *, record: bool) -> int:
        gone = self._drop(GrantRow, _G.evidence == evidence, _G.scope.in_(scopes))
        if record:
            self.flush(DocumentRow)
            mine = select(_D.digest).where(_D.evidence == evidence)
            self._drop(DisclosureRow, _S.document.in_(mine))
            self._drop(DocumentRow, _D.evidence == evidence)
            self._drop(BlindTokenRow, _T.evidence == evidence)
        return gone

    def forget(self, evidence: str) -> None:
        self.drop_secrets(evidence, ["content", "record", "document", "disclosure"], record=True)
        self._drop(LinkRow, _L.child == evidence)
        for kind in (EntryRow, TransferStepRow, InheritedRow, ItemRow):
            self._drop(kind, kind.__table__.c.evidence == evidence)

    def page(
        self,
        *,
        after: int,
        limit: int,
        person: PersonId | None,
        evidence: Sequence[str] | None,
        recipient: bytes | None = None,
        token: bytes | None = None,
        cases: bool = True,
    ) -> list[ItemRow]:
        conditions = [_I.opened > after]
        if not cases:
            conditions.append(~item_lists.is_case())
        if person is not None:
            conditions.append(or_(*self._own(person, recipient)))
        if evidence is not None:
            conditions.append(_I.evidence.in_(evidence))
        if token is not None:
            # A case may have thousands of items: beginning with them would take somebody who sees
            # their own alone so much longer that they could count those of others.
            found = select(_T.evidence).where(_T.token == token)
            conditions.append(
                _I.evidence.in_(found)
                if person is None
                else found.where(_T.evidence == _I.evidence).exists()
            )
            self.flush(BlindTokenRow)
        return self._rows(ItemRow, *conditions, order=_I.opened, limit=limit)

    def filtered(
        self,
        wanted: ItemFilter,
        *,
        after: int | None,
        newest: bool,
        limit: int,
        person: PersonId | None,
        recipient: bytes | None = None,
        asked: PersonId | None = None,
    ) -> tuple[list[ItemRow], int | None]:
        self.flush(BlindTokenRow, EntryRow, LinkRow, ErasureRow, ShareRow)
        conditions = item_lists.by_index(wanted, owned=person is not None)
        if person is not None:
            own = self._own(person, recipient)
            conditions.append(or_(*own, *([item_lists.asked_of(asked)] if asked else [])))
        if after is not None:
            conditions.append(_I.opened < after if newest else _I.opened > after)
        order = _I.opened.desc() if newest else _I.opened
        judged = item_lists.by_row(wanted)
        end: int | None = None
        if judged:
            looked = select(_I.opened).where(*conditions).order_by(order)
            behind = looked.offset(item_lists.LOOKED_AT - 1).limit(1)
            end = self._db.execute(behind).scalar_one_or_none()
            if end is not None:
                judged.append(_I.opened >= end if newest else _I.opened <= end)
        rows = self._rows(ItemRow, *conditions, *judged, order=order, limit=limit)
        return rows, rows[-1].opened if len(rows) == limit else end

    def found_by(
        self,
        tokens: Sequence[bytes],
        *,
        each: int,
        person: PersonId | None,
        recipient: bytes | None = None,
    ) -> dict[bytes, list[ItemRow]]:
        self.flush(BlindTokenRow, ItemRow)
        conditions = [_T.evidence == _I.evidence]
        if person is not None:
            conditions.append(or_(*self._own(person, recipient)))
        place = func.row_number().over(partition_by=_T.token, order_by=_I.opened)
        found: dict[bytes, list[ItemRow]] = {}
        for start in range(0, len(tokens), _AT_ONCE):
            asked = _T.token.in_(tokens[start : start + _AT_ONCE])
            ranked = (
                select(_T.token.label("by"), place.label("place"), *_I)
                .where(asked, *conditions)
                .subquery()
            )
            first = select(ranked).where(ranked.c.place <= each).order_by(ranked.c.opened)
            for by, _, *record in self._db.execute(first):
                found.setdefault(by, []).append(ItemRow(*record))
        return found

    def offered(
        self,
        *,
        after: int = -1,
        limit: int | None = None,
        person: PersonId | None = None,
        recipient: bytes | None = None,
    ) -> list[ItemRow]:
        conditions = [_I.offer_to.is_not(None), _I.opened > after]
        if person is not None:
            asked = and_(_I.offer_to == person.agency, _I.custodian != person.agency)
            mine = [asked, _I.offer_person == person.pseudonym, *self._own(person, recipient)]
            conditions.append(or_(*mine))
        return self._rows(ItemRow, *conditions, order=_I.opened, limit=limit)

    def _own(self, person: PersonId, recipient: bytes | None) -> list[ColumnElement[bool]]:
        """Items that somebody opened, holds, was given a part in, or has a key of: not one that
        came with an offer which is open still, and which they may decline.
        """
        self.flush(ShareRow, GrantRow)
        own = [
            _I.opener == person,
            _I.holder == person,
            _I.evidence.in_(select(_H.evidence).where(_H.person == person)),
        ]
        if recipient is not None:
            keyed = _I.evidence.in_(select(_G.evidence).where(_G.recipient == recipient))
            elsewhere = _I.offer_to.is_distinct_from(person.agency)
            others = _I.offer_person.is_distinct_from(person.pseudonym)
            own.append(and_(keyed, or_(elsewhere, others)))
        return own

    def disclosed(self, now: int) -> list[ItemRow]:
        disclosed = select(_O.evidence).where(_O.until > now)
        return self._rows(ItemRow, _I.evidence.in_(disclosed), order=_I.opened)

    def put_share(self, row: ShareRow) -> None:
        self._put(row)

    def share(self, evidence: str, person: PersonId) -> ShareRow | None:
        return self._one(ShareRow, evidence=evidence, person=person)

    def put_token(self, token: bytes, evidence: str) -> None:
        self._put(BlindTokenRow(token, evidence))

    def drop_tokens(self, evidence: str) -> None:
        self._drop(BlindTokenRow, _T.evidence == evidence)

    def index_form(self) -> int:
        row = self._one(IndexFormRow, id=0)
        return int(row.version) if row else 0

    def put_index_form(self, version: int) -> None:
        self._put(IndexFormRow(0, version))

    def tokens(self, token: bytes, limit: int) -> list[str]:
        rows = self._find(BlindTokenRow, order="evidence", limit=limit, token=token)
        return [str(row.evidence) for row in rows]


class Documents(Part):
    """Sealed documents and disclosures."""

    def put(self, digest: bytes, evidence: str, sealed: bytes) -> None:
        self._add(DocumentRow(digest, evidence, sealed))

    def keep(self, digest: bytes, evidence: str, sealed: bytes) -> None:
        self._keep(DocumentRow(digest, evidence, sealed))

    def get(self, digest: bytes) -> bytes | None:
        row = self._one(DocumentRow, digest=digest)
        return blob(row.sealed) if row else None

    def named(self, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        rows = self._rows(DocumentRow, _D.digest.in_(digests))
        return {blob(row.digest): blob(row.sealed) for row in rows}

    def put_disclosure(self, digest: bytes, document: bytes, position: int, sealed: bytes) -> None:
        self._add(DisclosureRow(document, digest, position, sealed))

    def keep_disclosure(self, digest: bytes, document: bytes, position: int, sealed: bytes) -> None:
        self._keep(DisclosureRow(document, digest, position, sealed))

    def disclosures(self, document: bytes) -> list[tuple[bytes, bytes]]:
        rows = self._find(DisclosureRow, order="position", document=document)
        return [(blob(row.digest), blob(row.sealed)) for row in rows]

    def disclosures_of(self, documents: Sequence[bytes]) -> dict[bytes, list[tuple[bytes, bytes]]]:
        found: dict[bytes, list[tuple[bytes, bytes]]] = {}
        mine = _S.document.in_(documents)
        for row in self._rows(DisclosureRow, mine, order=(_S.document, _S.position)):
            found.setdefault(blob(row.document), []).append((blob(row.digest), blob(row.sealed)))
        return found


class Grants(Part):
    """Keys of items, each sealed to one recipient."""

    def put(self, evidence: str, scope: str, recipient: bytes, binding: bytes, data: bytes) -> None:
        self._put(GrantRow(evidence, scope, recipient, binding, data))

    def keep(
        self, evidence: str, scope: str, recipient: bytes, binding: bytes, data: bytes
    ) -> None:
        self._keep(GrantRow(evidence, scope, recipient, binding, data))

    def sealed_to(self, evidence: str, scope: str, recipient: bytes) -> list[bytes]:
        rows = self._find(GrantRow, limit=100, evidence=evidence, scope=scope, recipient=recipient)
        return [blob(row.data) for row in rows]

    def page_to(self, recipient: bytes, scope: str, limit: int) -> list[tuple[str, bytes]]:
        rows = self._find(GrantRow, order="evidence", limit=limit, scope=scope, recipient=recipient)
        return [(row.evidence, blob(row.data)) for row in rows]

    def named(
        self, evidence: Sequence[str], scope: str, recipients: Collection[bytes]
    ) -> dict[str, bytes]:
        mine = (_G.scope == scope, _G.recipient.in_(recipients))
        rows = self._rows(GrantRow, _G.evidence.in_(evidence), *mine)
        return {str(row.evidence): blob(row.data) for row in rows}

    def are_left(self, evidence: str, scope: str) -> bool:
        return self._one(GrantRow, evidence=evidence, scope=scope) is not None

    def drop(self, evidence: str, scope: str, recipient: bytes) -> None:
        mine = (_G.scope == scope, _G.recipient == recipient)
        self._drop(GrantRow, _G.evidence == evidence, *mine)

    def drop_all_to(self, recipient: bytes) -> None:
        self._drop(GrantRow, _G.recipient == recipient)
