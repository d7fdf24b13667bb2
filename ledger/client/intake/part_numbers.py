"""The numbers of an upload: what was given has the exhibit number that was said, and its parts have
that number with a stroke and a number of their own, the next that the case does not have.

The node decides (`ledger/services/registration/exhibit_numbers.py`). Here a taken number is told
before anything is read that takes hours, and a free one is found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from ledger.client.intake.upload_attempts import UploadAttempt
from ledger.domain.errors import ConflictError
from ledger.domain.event import same_record
from ledger.domain.ports.client import NodeApi

_AT_ONCE: Final = 256
Identifiers = list[dict[str, Any]]


def number_of(identifiers: Identifiers, scheme: str) -> str:
    """The first number of a scheme, as it was said; empty where there is none."""
    return next((str(one["value"]) for one in identifiers if one["scheme"] == scheme), "")


def numbered(identifiers: Identifiers, number: str) -> Identifiers:
    """Identifiers with another exhibit number in the place of theirs."""
    return [{**one, "value": number} if one["scheme"] == "exhibit" else one for one in identifiers]


def taken_by(node: NodeApi, document: dict[str, Any], own: Collection[str]) -> ConflictError | None:
    """What is to be told where the case has the number of a record already, unless the record says
    how it belongs to the item that bears it.

    Args:
        own: items of an earlier try at the same upload.
    """
    identifiers = document.get("identifiers", [])
    case, exhibit = (number_of(identifiers, scheme) for scheme in ("case", "exhibit"))
    if not case or not exhibit or document["type"] in same_record.GIVEN:
        return None
    borne = node.numbers(case, [exhibit]).get(exhibit)
    known = {*same_record.related(document), *own}
    if borne is None or not borne.evidence or {*borne.evidence, *borne.meant} & known:
        return None
    own = [one for one in borne.meant if one in borne.evidence]
    return same_record.taken((own or borne.evidence)[0])


class PartNumbers:
    """The next numbers of parts of one exhibit.

    Args:
        identifiers: with the case, and the number of the exhibit.
        left: attempts of an earlier run, whose numbers are theirs.
    """

    def __init__(
        self, node: NodeApi, identifiers: Identifiers, left: Collection[UploadAttempt]
    ) -> None:
        self._node = node
        self._case = number_of(identifiers, "case")
        self.whole = number_of(identifiers, "exhibit")
        self._reserved = {attempt.done.exhibit for attempt in left if attempt.done is not None}
        self._free = self._numbers()

    def next(self) -> str:
        """The next free number; empty where the exhibit has none itself."""
        return next(self._free) if self.whole else ""

    def _numbers(self) -> Iterator[str]:
        count = 1
        while True:
            asked = [same_record.part(self.whole, count + more) for more in range(_AT_ONCE)]
            taken = self._node.numbers(self._case, asked) if self._case else {}
            yield from (
                number for number in asked if number not in taken and number not in self._reserved
            )
            count += _AT_ONCE
