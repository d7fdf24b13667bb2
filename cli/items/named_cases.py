"""Cases as somebody names them: by number, by short id, or by whole one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cli.invocation.global_options import STATE
from cli.invocation.hints import command
from cli.items import short_ids
from cli.items.short_ids import Named
from ledger.domain.codecs.text import CASE_URN
from ledger.domain.event import same_record

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.ports.answers import Item

_SHOWN: Final = 5


def bearing(session: Session, number: str) -> tuple[list[Item], bool]:
    """The cases that have a number as their records stand; where none has, those that had it, and
    True.
    """
    found = list(session.node.find(kind="case", case=number)) if number else []
    now = set(session.node.search(same_record.CASE_NOW, number)) if found else set[str]()
    having = [one for one in found if one.evidence in now]
    return having or found, bool(found) and not having


def find(session: Session, text: str) -> Named:
    """The case of a number, or of an id, with ``case:`` before it or without; the one that is open
    where others of that number were closed.

    A number may be how the id of another case begins: whoever opened a case under it would have
    theirs taken for that one, which lists call so.

    Raises:
        UsageError: none that the person may see, or several.
    """
    from ledger.domain.errors import UsageError

    text = text.strip()
    if text.startswith(CASE_URN):
        return Named(text)
    number = text.removeprefix(short_ids.CASE).removesuffix("/")
    found, former = bearing(session, number)
    by_number = {one.evidence for one in found}
    begun = [one for one in _begun(session, number) if one.evidence not in by_number]
    still_open = [one for one in found if not one.closed]
    meant = (still_open or ([] if begun else found)) + begun
    if len(meant) == 1:
        return _named(meant[0], number, by_number=bool(by_number) and not begun, former=former)
    if meant:
        names = short_ids.shorts_of(meant)
        told = [one.evidence if begun else names[one.evidence] for one in meant[:_SHOWN]]
        raise UsageError(
            f"{number[:80]!r} {'may be each' if begun else 'is the number'} of {len(meant)} cases: "
            + ", ".join(told),
            hint="name one of them by its id",
        )
    raise UsageError(
        f"no case {number[:80]!r} was opened that you may see",
        hint=f"open it: {command('case', 'open', number or 'NUMBER')}",
    )


def closed(session: Session, identifiers: Sequence[Mapping[str, str]]) -> list[str]:
    """A line for whoever records something under the number of a case that was closed.

    Args:
        identifiers: of what is recorded.
    """
    number = next((one["value"] for one in identifiers if one["scheme"] == "case"), "")
    if STATE.offline or not number:
        return []
    found, former = bearing(session, number)
    if not found or former or not all(one.closed for one in found):
        return []
    return [f"case {number} was closed: by its number, what is recorded now is of it all the same"]


def items_of(session: Session, number: str, **limits: Any) -> Iterator[Item]:
    """The items of a case as their records stand, and none that was corrected to another one."""
    of_case = set(session.node.search(same_record.OF_CASE, number))
    for one in session.node.find(case=number, **limits):
        if one.evidence in of_case:
            yield one


def _begun(session: Session, number: str) -> list[Item]:
    """Cases whose short or whole id begins so."""
    match = short_ids.BEGINNING.fullmatch(number)
    if match is None:
        return []
    return list(session.node.find(kind="case", beginning=match[1].lower()))


def _named(one: Item, number: str, *, by_number: bool, former: bool) -> Named:
    name = short_ids.shorts_of([one])[one.evidence]
    if not by_number:
        begins = number.lower()
        return Named(
            one.evidence, typed=begins if one.opening.startswith(begins) else "", name=name
        )
    if former:
        short_ids.tell_former(number, one.evidence, name)
    numbers = (("case", number),)
    return Named(one.evidence, "" if former else number, numbers, name=name, former=former)
