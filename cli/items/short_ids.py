"""Short ids of items and cases, and what somebody named by one.

A short id is how the digest of the statement that opened the item begins, as in git: eight digits
are shown, more where two begin alike. A case is told as case:2026-117.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cli.invocation.global_options import STATE
from cli.terminal import output
from ledger.domain.codecs.text import is_case

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.ports.answers import Item

BEGINNING: Final = re.compile(
    r"(?:urn:uuid:)?([0-9a-fA-F]{4,8}-[0-9a-fA-F-]{0,27}|[0-9a-fA-F]{4,64})"
)


#: How a case itself is named, and not its items.
CASE: Final = "case:"


#: Digits of a short id.
SHORT: Final = 8


_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Named:
    """An item that somebody named, and its case where they named it by that.

    ``numbers``: kinds and values of those by which it was named. ``typed``: digits by which it was
    named, with which the digest of the statement that opened it begins. ``name``: its short id,
    where that is known. ``former``: it bears that number no more, since it was corrected or voided.
    """

    urn: str
    case: str = ""
    numbers: tuple[tuple[str, str], ...] = ()
    typed: str = ""
    name: str = ""
    former: bool = False

    @property
    def short(self) -> str:
        """The item as a person may type it next."""
        return self.name or self.urn.removeprefix("urn:uuid:")


def as_told(session: Session, urns: Iterable[str]) -> dict[str, Item]:
    """Items as the node tells them, many with each request; without those that it tells not."""
    wanted = list(dict.fromkeys(urns))
    found: dict[str, Item] = {}
    for at in range(0, len(wanted), _AT_ONCE):
        among = wanted[at : at + _AT_ONCE]
        found |= {item.evidence: item for item in session.node.find(among=among)}
    return found


def shorts(session: Session, urns: Iterable[str]) -> dict[str, str]:
    """Items by their short ids, as the node tells the statements that opened them; longer ones
    where two of these begin alike. Where it tells none, how the whole id begins.
    """
    wanted = list(dict.fromkeys(urns))
    return short_ids(wanted, as_told(session, wanted))


def short_ids(urns: Iterable[str], told: Mapping[str, Item]) -> dict[str, str]:
    """Short ids of items, of which these were told; see shorts."""
    found = apart({urn: told[urn].opening if urn in told else "" for urn in urns})
    STATE.names = STATE.names | found
    return found


def shorts_of(listed: Sequence[Item]) -> dict[str, str]:
    """Short ids of items that the node just told; see shorts."""
    return short_ids([one.evidence for one in listed], {one.evidence: one for one in listed})


def short_digest(statement: str) -> str:
    """A statement's digest in short, which is the short id of the item that it opened."""
    return statement[:SHORT]


def apart(openings: dict[str, str]) -> dict[str, str]:
    """Short ids of items by the digests of the statements that opened them, or by their whole ids
    where none is known, each with as many digits as tell all of these apart.
    """
    digits = SHORT
    ids = {urn: opening or urn.rpartition(":")[2] for urn, opening in openings.items()}
    known = set(ids.values())
    while len({one[:digits] for one in known}) < len(known):
        digits += 4
    return {urn: (CASE if is_case(urn) else "") + one[:digits] for urn, one in ids.items()}


def beginnings(urns: Iterable[str]) -> dict[str, str]:
    """Items of other agencies, of which no opening statement is known here, by how their ids
    begin.
    """
    return apart(dict.fromkeys(urns, ""))


def tell_former(text: str, urn: str, name: str) -> None:
    """Tell what a number named before, also in a script: who wrote it may mean another one now."""
    STATE.former = {**STATE.former, text: urn}
    if not STATE.json:
        output.say(f"{text[:80]} was the number of {name}")
