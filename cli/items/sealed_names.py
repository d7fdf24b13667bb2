"""What the items of a case are called, in lists: read under a purpose that is signed once a day and
case, and remembered by the node until then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cli.invocation.hints import command
from cli.items import named_cases, short_ids
from cli.terminal import output

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.errors import UsageError
    from ledger.domain.ports.answers import Item
    from ledger.domain.ports.case_listing import SealedName

_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class SealedNames:
    """The sealed names of items by their URNs, as far as they were read, and what is said of it."""

    names: Mapping[str, SealedName] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def of_case(session: Session, case: str, basis: str, shown: Sequence[Item]) -> SealedNames:
    """The names of items of a case that are shown, where it was opened and somebody said today why
    they read them, or says so now. Of none that is not shown a name is read.

    Args:
        basis: why; empty where nothing is signed now.
        shown: items whose names could follow; nothing is signed for none.

    Raises:
        UsageError: a purpose without a case to sign it about.
    """
    from cli.items.arguments import basis as basis_member
    from ledger.client.reading import retrieval
    from ledger.domain.errors import DeniedError, UsageError

    if not case:
        if basis:
            raise UsageError(
                "names are read case by case",
                hint=command("list", "--case", "CASE", "--basis", "WHY"),
            )
        return SealedNames()
    several, _ = named_cases.bearing(session, case)
    still_open = [one for one in several if not one.closed]
    if len(still_open) > 1:
        return _unclear(case, still_open, basis)
    if not several:
        if basis:
            raise _not_opened(session, case)
        return SealedNames()
    if not shown:
        return SealedNames(lines=("nothing was signed, since no name would follow",) * bool(basis))
    evidence = (still_open or several[-1:])[0].evidence
    said = {"basis": basis_member(basis)} if basis else {}
    try:
        # Nothing is read under a purpose that is another than the one that is typed.
        if not basis or _holds(session, evidence, shown[0], said["basis"]["purpose"]):
            return _read(session, evidence, shown)
    except DeniedError:
        if not basis:
            why = command("list", "--case", case, "--basis", "WHY")
            return SealedNames(lines=(f"their names are sealed; to read them, say why: {why}",))
    retrieval.record(session.node, session.person, session.clock, evidence, "listed", {}, said)
    return _read(session, evidence, shown)


def _not_opened(session: Session, case: str) -> UsageError:
    """That no case of this number was opened; of the id of one, which its items do not bear, that a
    number is wanted.
    """
    from ledger.domain.errors import UsageError

    try:
        named = named_cases.find(session, case)
    except UsageError as error:
        return error
    return UsageError(
        f"{named.short} is how a case is named, and its items are listed by its number",
        hint=f"see it: {command('case', 'show', named.short, '--basis', 'WHY')}",
    )


def _unclear(case: str, several: Sequence[Item], basis: str) -> SealedNames:
    """Nothing is signed about one of several open cases: whoever opened another one under the same
    number, who did not see the first, would be told who reads its names, and why.

    Raises:
        UsageError: a purpose was given.
    """
    from ledger.domain.errors import UsageError

    ids = short_ids.shorts_of(several)
    named = [ids[one.evidence] for one in several]
    told = f"{case[:80]!r} is the number of {len(named)} cases: {', '.join(named[:_SHOWN])}"
    way = command("correct", named[-1], "--case", "NUMBER", "--reason", "WHY")
    if basis:
        raise UsageError(told, hint=f"give all but one of them another number, or close it: {way}")
    return SealedNames(lines=(f"{told}: their names are read once one alone has it",))


def _holds(session: Session, case: str, one: Item, purpose: str) -> bool:
    """Whether this purpose is the one that was signed last, as the node tells it with a name."""
    return all(page.purpose == purpose for page in session.node.listing(case, [one.evidence]))


def _read(session: Session, case: str, shown: Sequence[Item]) -> SealedNames:
    names: dict[str, SealedName] = {}
    purpose = since = ""
    for page in session.node.listing(case, [item.evidence for item in shown]):
        names |= {one.evidence: one for one in page.items}
        purpose, since = page.purpose, page.since
    output.note(f"names are read for: {purpose}")
    return SealedNames(names, (f"names: the node's word, read under what you signed at {since}",))
