"""An item that was named by a number of its case has that number in its record, and one that was
named by a short id was opened by the statement whose digest begins so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli.invocation.global_options import STATE
from ledger.domain.errors import VerificationError
from ledger.domain.event import same_record
from ledger.domain.event.normalization import form
from ledger.domain.ports.answers import documents_of
from ledger.domain.verify.signed_events import DISTRUST

if TYPE_CHECKING:
    from ledger.domain.ports.answers import RecordedDocument


def require_named(evidence: str, events: Sequence[RecordedDocument]) -> None:
    """Check that the record of an item is that of the one which was named, by how the digest of its
    opening begins or by a number: which item these stand for is the node's word, and another one
    would be read, given on or decided upon.

    Args:
        events: of the item, in their order, held against what was signed.

    Raises:
        VerificationError: it is not.
    """
    if evidence != STATE.urn:
        return
    if events and not events[0].statement.startswith(STATE.opening):
        raise VerificationError(
            2,
            f"the node names another item for {STATE.opening}: the statement that opened it has "
            "another digest",
            hint=DISTRUST,
        )
    documents = documents_of(events)
    require_numbers(evidence, documents)


def require_numbers(evidence: str, documents: Mapping[str, dict[str, Any]]) -> None:
    """Check that the record of the item that was named by a number has that number, as it stands
    after corrections, or was ever of that case.

    Args:
        documents: of the item's events, in their order, by their statement digests in hex; they
            are destroyed together, and then say nothing.

    Raises:
        VerificationError: it has not.
    """
    if evidence != STATE.urn or not documents:
        return
    versions = [*same_record.versions(documents)]
    standing = dict(versions).values()
    found = {
        (form(number["scheme"]), form(number["value"]))
        for document in standing
        for number in same_record.identifiers(document)
        if form(number["scheme"]) not in same_record.DERIVED
    } | {
        (same_record.CASE, case)
        for _, document in versions
        for case in same_record.numbers_of(same_record.identifiers(document), same_record.CASE)
    }
    # What is done to a whole case is done to those that are of it, and to none that ever was.
    found |= {(same_record.OF_CASE, case) for case in same_record.found_by(documents)[0]}
    # An exhibit that was named with its parts has its number, or is a part of it.
    found |= {
        (same_record.PARTS, whole)
        for scheme, value in found
        if scheme == "exhibit"
        for whole in same_record.wholes_of(value)
    }
    for scheme, value in STATE.numbers:
        if (form(scheme), form(value)) not in found:
            raise VerificationError(
                2,
                f"the node names item {STATE.item} for {scheme} {value}, and the record of that "
                "item does not have this number",
                hint=DISTRUST,
            )
