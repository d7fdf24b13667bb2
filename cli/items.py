"""Items as people name them: by case and exhibit number (2026-117/A1), by an exhibit number alone
where one item has it, by an id, or by the beginning of an id.

A number or a beginning stands for what the node lists for it, as `custody list` does: what is
signed names the item that was found, and the item is told before anything is signed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from cli import output, questions
from cli.global_options import STATE
from cli.hints import command

if TYPE_CHECKING:
    from cli.session import Session

_WHOLE: Final = re.compile(r"(?:urn:uuid:)?[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_BEGINNING: Final = re.compile(r"(?:urn:uuid:)?([0-9a-fA-F]{4,8}(?:-[0-9a-fA-F-]{0,27})?)")
_LISTED: Final = 20_000  # items among which a beginning is looked for
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Named:
    """An item that somebody named, and its case where they named it by that.

    ``numbers``: kinds and values of those by which it was named.
    """

    urn: str
    case: str = ""
    numbers: tuple[tuple[str, str], ...] = ()

    @property
    def short(self) -> str:
        """The item as a person may type it next."""
        return self.urn.removeprefix("urn:uuid:")


def urn_of(session: Session | None, text: str) -> str:
    """The URN of an item as somebody names it; see find."""
    return find(session, text).urn


def find(session: Session | None, text: str) -> Named:
    """The item that somebody names, among those that they may see. From here on hints name it.

    Raises:
        UsageError: none, or several.
    """
    named = _found(session, text.strip())
    if session is not None:
        STATE.item, STATE.numbers = named.short, named.numbers
    return named


def also(session: Session | None, text: str) -> Named:
    """The item that an option names, or one of several that are named, as `find` finds it; hints
    and the check of the record go on with the item that the command is about.

    Raises:
        UsageError: none, or several.
    """
    return _found(session, text.strip())


def among(urns: Iterable[str], text: str, what: str) -> str:
    """The one of these items whose id somebody names, or how it begins: items that no node of ours
    can look up by a number.

    Args:
        what: these items are, and of which none may have been meant.

    Raises:
        UsageError: none, or several.
    """
    from ledger.domain.errors import UsageError

    match = _WHOLE.fullmatch(text.strip()) or _BEGINNING.fullmatch(text.strip())
    begins = match[0].lower().removeprefix("urn:uuid:") if match else ""
    found = _all(urns, (), f"urn:uuid:{begins}") if begins else []
    if len(found) == 1:
        return found[0]
    if found:
        raise _unclear(text, found)
    raise UsageError(f"{text[:80]!r} is not {what}", hint="give its id, or how that begins")


def _found(session: Session | None, text: str) -> Named:
    from cli.arguments import evidence_urn

    # Without a session, or without network, nobody can be asked.
    if _WHOLE.fullmatch(text) or STATE.offline or session is None:
        return Named(evidence_urn(text))
    # All that it may stand for: whoever records an item under a number that is another one's case,
    # or the beginning of its id, would have theirs taken for it.
    found = [*_by_numbers(session, text), *_by_beginning(session, text)]
    urns = list(dict.fromkeys(named.urn for named in found))
    if len(urns) == 1:
        output.note(f"{text[:80]} is item {found[0].short}")
        return found[0]
    raise _unclear(text, urns)


def require_said(basis: str) -> None:
    """Refuse a reason of blanks before anything is opened or asked of a node.

    Raises:
        UsageError: something was given that says nothing.
    """
    from cli.arguments import basis as basis_member

    if basis:
        basis_member(basis)


def reason(basis: str, named: Named, typed: str, *words: str) -> dict[str, Any]:
    """Why an item is read, as the signed record says it: what was said, the case by which the item
    was named, or what somebody at the terminal answers.

    Args:
        basis: of the command line. typed: how the item was named there.
        words: the command, for whoever can be asked nothing.

    Raises:
        UsageError: nothing was said.
    """
    from cli.arguments import basis as basis_member
    from ledger.domain.errors import UsageError

    if basis:
        return basis_member(basis)
    if named.case:
        why = f"case {named.case}"
        output.note(f"read for: {why}")
        return basis_member(why)
    if answer := questions.text("Why? Your words are signed and recorded:"):
        return basis_member(answer)
    raise UsageError(
        "say why: the reason is signed and recorded first",
        hint=command(*words, typed, "--basis", "WHY"),
    )


def _by_numbers(session: Session, text: str) -> list[Named]:
    """Items with a case and an exhibit number, with an exhibit number alone, or of a case."""
    parts = text.split("/")
    found = []
    for at in range(1, len(parts)):
        case, exhibit = "/".join(parts[:at]).strip(), "/".join(parts[at:]).strip()
        if case and exhibit and (of_case := set(session.node.search("case", case))):
            both = [urn for urn in session.node.search("exhibit", exhibit) if urn in of_case]
            borne = session.node.numbers(case, [exhibit]).get(exhibit)
            numbers = (("case", case), ("exhibit", exhibit))
            # Several may bear the number: it means what is no part of another one, nor replaced.
            meant = both if borne is None else borne.meant
            found += [Named(urn, case, numbers) for urn in meant]
    search, exhibit_alone = session.node.search, (("exhibit", text),)
    found += [Named(urn, numbers=exhibit_alone) for urn in search("exhibit", text)]
    found += [Named(urn, text, (("case", text),)) for urn in search("case", text)]
    return found


def _by_beginning(session: Session, text: str) -> list[Named]:
    from ledger.domain.errors import UsageError

    match = _BEGINNING.fullmatch(text)
    if match is None:
        return []
    begins = f"urn:uuid:{match[1].lower()}"
    listed = list(islice(session.node.items(), _LISTED + 1))
    if len(listed) > _LISTED:
        raise UsageError(
            f"among more than {_LISTED:,} items a beginning is not looked for",
            hint="give the whole id, or case and exhibit: 2026-117/A1",
        )
    offered = (handover.evidence for handover in session.node.handovers())
    return [Named(urn) for urn in _all([item.evidence for item in listed], offered, begins)]


def _all(listed: Iterable[str], offered: Iterable[str], begins: str) -> list[str]:
    return [urn for urn in dict.fromkeys([*listed, *offered]) if urn.startswith(begins)]


def _unclear(text: str, urns: list[str]) -> Exception:
    from ledger.domain.errors import UsageError

    if not urns:
        return UsageError(
            f"{text[:80]!r} is not an item that you may see",
            hint="name it by case and exhibit (2026-117/A1) or by its id, see: custody list",
        )
    some = ", ".join(urn.removeprefix("urn:uuid:") for urn in urns[:_SHOWN])
    more = f" and {len(urns) - _SHOWN} more" if len(urns) > _SHOWN else ""
    return UsageError(
        f"{text[:80]!r} may be each of {len(urns)} items: {some}{more}",
        hint="name one of them by its id",
    )
