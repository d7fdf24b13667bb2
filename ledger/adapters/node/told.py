"""The records of items as a node tells them: each document in its one strict form before anything
is shown of it, asked about it or signed for it.
"""

from __future__ import annotations

from typing import Any

from ledger.adapters.web.client import WebError
from ledger.domain.errors import CustodyError
from ledger.domain.event import document as documents
from ledger.domain.ports.answers import CopyRecord


def events(rows: list[dict[str, Any]], evidence: str, who: str) -> list[dict[str, Any]]:
    """The events of an item, of which the first opens it.

    Returns:
        the same rows.

    Raises:
        WebError: they are not those of this item, or a document is not what the format allows.
    """
    if not rows or rows[0]["seq"] != 0:
        raise _nonsense(who, "a record without its beginning")
    for row in rows:
        if row["document"] is not None:
            _require_document(row["document"], evidence, who, seq=row["seq"])
    return rows


def copy(found: CopyRecord, evidence: str, who: str) -> CopyRecord:
    """What came with a copy of an item.

    Returns:
        the same.

    Raises:
        WebError: a document in it is not what the format allows.
    """
    for document in (found.opening, found.disclosed):
        _require_document(document, evidence, who)
    return found


def _require_document(
    value: dict[str, Any], evidence: str, who: str, *, seq: int | None = None
) -> None:
    try:
        documents.require_completed(value)
    except CustodyError as error:
        raise _nonsense(who, error.message) from error
    if value["evidence"] != evidence or (seq is not None and value["seq"] != seq):
        raise _nonsense(who, "a document of something else")
    body = value["body"]
    if "content" in body and not {"size", "digests"} <= set(body):
        raise _nonsense(who, "content without the size and digests that it was recorded with")


def _nonsense(who: str, what: str) -> WebError:
    return WebError(who, f"answered nonsense: {what}", hint="is this the right address?")
