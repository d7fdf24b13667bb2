"""What becomes of the numbers of several items that are corrected in one command: shown before
anybody agrees, and judged before anything is signed, so that no exhibit is torn in two half-way.

Numbers are sealed, and nothing is opened for a question: which item bears which number the node
says of numbers that are asked for. A part whose number is not found so is shown by its id alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cli.items import short_ids
from cli.items.short_ids import Named
from ledger.domain.errors import ConflictError, UsageError
from ledger.domain.event import same_record
from ledger.domain.event.normalization import form

if TYPE_CHECKING:
    from cli.node.session import Session

_AT_ONCE: Final = 256
#: Numbers whose parts are looked for, so that an exhibit of thousands of files is asked about in a
#: few requests.
_LOOKS: Final = 32


@dataclass(frozen=True, slots=True)
class NewNumber:
    """Case and exhibit number of an item as they stand, and as they will; both None where they are
    not known yet.
    """

    item: Named
    old: tuple[str, str] | None = None
    new: tuple[str, str] | None = None

    @property
    def line(self) -> str:
        """For whoever is asked."""
        if self.old is None or self.new is None:
            return self.item.short
        return f"{self.item.short}  {'/'.join(self.old)} -> {'/'.join(self.new)}"


def plan(session: Session, chosen: Sequence[Named], case: str, exhibit: str) -> list[NewNumber]:
    """What a correction of the case number, or of the exhibit number, of all these items gives
    each.

    Raises:
        UsageError: items of a whole case would get one exhibit number. ConflictError: another item
            bears one of the new numbers.
    """
    planned = list(_planned(session, chosen, case, exhibit))
    _require_free(session, planned)
    return planned


def of_part(named: Named, was: str, new: str) -> str:
    """The new exhibit number of an item that was named with the exhibit that it is, or is a part
    of: the exhibit's new one, with its own count behind it.
    """
    whole = form(dict(named.numbers).get(same_record.PARTS, ""))
    for number in same_record.wholes_of(was):
        if form(number) == whole:  # which may be typed in another length than it was recorded
            return new + was[len(number) :]
    return new


def _planned(
    session: Session, chosen: Sequence[Named], case: str, exhibit: str
) -> Iterator[NewNumber]:
    groups: dict[tuple[str, str], list[Named]] = {}
    for one in chosen:
        numbers = dict(one.numbers)
        whole = numbers.get(same_record.PARTS, "")
        if exhibit and not whole:
            raise UsageError(
                "of a whole case the case number is corrected, and no exhibit number: all of its "
                "items would get the same one",
                hint="name an exhibit with its parts (2026-117/A2/), or give --case NUMBER",
            )
        groups.setdefault((numbers.get(same_record.OF_CASE, ""), whole), []).append(one)
    for (of_case, whole), members in groups.items():
        borne = _numbers(session, of_case, whole, [one.urn for one in members]) if whole else {}
        for one in members:
            old = borne.get(one.urn, "")
            if not old:
                yield NewNumber(one)
                continue
            new = (of_case, of_part(one, old, exhibit)) if exhibit else (case, old)
            yield NewNumber(one, (of_case, old), new)


def _numbers(session: Session, case: str, whole: str, urns: Sequence[str]) -> dict[str, str]:
    """The exhibit numbers of items that are an exhibit or its parts."""
    found: dict[str, str] = {}
    lacking = set(urns)

    def look(numbers: Sequence[str]) -> list[str]:
        borne = session.node.numbers(case, numbers)
        met = []
        for number in numbers:
            bearers = borne[number].evidence if number in borne else ()
            for urn in set(bearers) & lacking:
                found[urn] = number
                lacking.discard(urn)
                met.append(number)
        return met

    look([whole])
    wholes, looks = [whole], 0
    while wholes and lacking and looks < _LOOKS:
        number, count = wholes.pop(0), 1
        while lacking and looks < _LOOKS:
            looks += 1
            met = look([same_record.part(number, count + more) for more in range(_AT_ONCE)])
            wholes += met
            count += _AT_ONCE
            if not met:
                break
    return found


def _require_free(session: Session, planned: Sequence[NewNumber]) -> None:
    own = {one.item.urn for one in planned}
    by_case: dict[str, list[str]] = {}
    for one in planned:
        if one.new is not None and one.old is not None and one.new != one.old:
            by_case.setdefault(one.new[0], []).append(one.new[1])
    for case, numbers in by_case.items():
        for at in range(0, len(numbers), _AT_ONCE):
            borne = session.node.numbers(case, numbers[at : at + _AT_ONCE])
            for number, bearers in borne.items():
                if others := [urn for urn in bearers.evidence if urn not in own]:
                    short = short_ids.shorts(session, others[:1])[others[0]]
                    raise ConflictError(
                        f"{case}/{number} is item {short} already: nothing was corrected",
                        hint="give a number that is free",
                    )
