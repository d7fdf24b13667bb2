"""Conditions of lists of items: those by which a database looks items up, and those by which it
judges each.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, func, or_, select

from ledger.domain.codecs.text import CASE_URN
from ledger.domain.identity.person import PersonId
from ledger.rows.handovers import ErasureRow, LinkRow
from ledger.rows.items import BlindTokenRow, ItemFilter, ItemKind, ItemRow, ShareRow
from ledger.rows.logs import EntryRow

_I = ItemRow.__table__.c
_E = EntryRow.__table__.c
_T = BlindTokenRow.__table__.c
_L = LinkRow.__table__.c
_X = ErasureRow.__table__.c
_H = ShareRow.__table__.c
_DIGITS: Final = 64

#: Items that one page looks at, where what it is limited to stands in no index: with the next page
#: the look goes on.
LOOKED_AT: Final = 10_000


def by_index(wanted: ItemFilter, *, owned: bool) -> list[ColumnElement[bool]]:
    """Conditions that an index answers.

    Args:
        owned: the list is limited to somebody's own items. What finds an item is then asked of each
            of these: beginning with it would take longer where others have many that it finds, so
            that they could be counted.
    """
    conditions: list[ColumnElement[bool]] = []
    for group in wanted.tokens:
        found = select(_T.evidence).where(_T.token.in_(group))
        conditions.append(_among(found, _T.evidence, owned=owned))
    if wanted.beginning:
        conditions.append(_begins(wanted.beginning, owned=owned))
    if wanted.among:
        conditions.append(_I.evidence.in_(wanted.among))
    if wanted.kind == "case":
        conditions.append(is_case())
    elif not wanted.among:  # whoever names a case by its whole id means it
        conditions.append(~is_case())
    if wanted.opener is not None:
        conditions.append(_I.opener == wanted.opener)
    if wanted.holder is not None:
        conditions.append(_I.holder == wanted.holder)
    if wanted.shared is not None:
        given = select(_H.evidence).where(_H.person == wanted.shared)
        conditions.append(_I.evidence.in_(given))
    return conditions


def is_case() -> ColumnElement[bool]:
    """Whether a row is that of a case and not of an item."""
    return _I.evidence.startswith(CASE_URN)


def by_row(wanted: ItemFilter) -> list[ColumnElement[bool]]:
    """Conditions that each item is judged by."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.custodian:
        conditions.append(_I.custodian == wanted.custodian)
    opening = select(_E.index).where(_E.evidence == _I.evidence, _E.seq == 0, _E.void.is_(False))
    if wanted.since is not None:
        conditions.append(opening.where(_E.time >= wanted.since).exists())
    if wanted.until is not None:
        conditions.append(opening.where(_E.time < wanted.until).exists())
    if wanted.kind not in (None, "case"):
        conditions.append(_of_kind(wanted.kind))
    if wanted.standing is not None:
        conditions.append(_stands(wanted.standing))
    return conditions


def asked_of(person: PersonId) -> ColumnElement[bool]:
    """Items on offer to somebody, or from another agency to theirs."""
    to_agency = and_(_I.offer_to == person.agency, _I.custodian != person.agency)
    to_them = and_(_I.offer_to == person.agency, _I.offer_person == person.pseudonym)
    return or_(to_agency, to_them)


def _among(found: Any, evidence: Any, *, owned: bool) -> ColumnElement[bool]:
    if owned:
        return found.where(evidence == _I.evidence).exists()  # type: ignore[no-any-return]
    return _I.evidence.in_(found)


def _begins(digits: str, *, owned: bool) -> ColumnElement[bool]:
    urn = f"urn:uuid:{digits}"
    # Within a function no index is used: what others have in it costs steps that could be counted.
    item: Any = func.coalesce(_I.evidence, "") if owned else _I.evidence
    by_id = and_(item >= urn, item < urn + "g")  # behind every hexadecimal digit
    if "-" in digits:
        return by_id
    first, last = (bytes.fromhex(digits.ljust(_DIGITS, end)) for end in "0f")
    digest: Any = func.coalesce(_E.digest, b"") if owned else _E.digest
    opened = select(_E.evidence).where(
        digest.between(first, last), _E.seq == 0, _E.effect == "open", _E.void.is_(False)
    )
    return or_(by_id, _among(opened, _E.evidence, owned=owned))


def _of_kind(kind: ItemKind) -> ColumnElement[bool]:
    links = select(_L.child).where(_L.child == _I.evidence)
    if kind in ("derived", "copy", "part"):
        return links.where(_L.kind == kind).exists()
    has_content = _I.cid.is_not(None) if kind == "file" else _I.cid.is_(None)
    return and_(has_content, ~links.exists())


def _stands(standing: str) -> ColumnElement[bool]:
    if standing == "destroyed":
        return select(_X.evidence).where(_X.evidence == _I.evidence).exists()
    if standing == "offered":
        return _I.offer_to.is_not(None)
    return _I.closed.is_(standing == "closed")
