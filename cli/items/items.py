"""Items as people name them: by case and exhibit number (2026-117/A1), by an exhibit number alone
where one item has it, by the short id that lists show, or by the whole id.

- a short id is how the digest of the statement that opened the item begins, as in git: eight digits
  are shown, and any beginning of at least four that fits one item alone is taken. How the whole id
  begins is taken as well
- a case itself, which has a history of its own, is named as case:2026-117
- a number or a beginning stands for what the node lists for it, as `custody list` does: what is
  signed names the item that was found, and the item is told before anything is signed. Its record,
  where it is read, is held against what was typed (named_numbers.py)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from cli.invocation.global_options import STATE
from cli.invocation.hints import command
from cli.items import named_cases
from cli.items.short_ids import BEGINNING, CASE, Named, beginnings, shorts, tell_former
from cli.terminal import output, questions
from ledger.domain.codecs.text import CASE_URN
from ledger.domain.event import same_record

if TYPE_CHECKING:
    from cli.node.session import Session

_WHOLE: Final = re.compile(r"(?:urn:uuid:)?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_FOUND: Final = 100  # items that a beginning may fit, before the others are no longer looked for
_SHOWN: Final = 5


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
        go_on_with(named)
    return named


def go_on_with(named: Named) -> None:
    """Let hints, and the check of the record against what was typed, be about an item from here
    on.
    """
    STATE.item, STATE.urn = named.short, named.urn
    STATE.numbers, STATE.opening = named.numbers, named.typed


def with_names(session: Session, several: Iterable[Named]) -> list[Named]:
    """Items with their short ids."""
    listed = list(several)
    ids = shorts(session, (one.urn for one in listed))
    return [replace(one, name=ids[one.urn]) for one in listed]


def also(session: Session | None, text: str, *, told: bool = True) -> Named:
    """The item that an option names, or one of several that are named, as `find` finds it; hints
    and the check of the record go on with the item that the command is about.

    Args:
        told: which item it is, as soon as it is found; not where the answer tells it.

    Raises:
        UsageError: none, or several.
    """
    return _found(session, text.strip(), told=told)


def among(urns: Iterable[str], text: str, what: str) -> str:
    """The one of these items whose id somebody names, or how it begins: items that no node of ours
    can look up by a number.

    Args:
        what: these items are, and of which none may have been meant.

    Raises:
        UsageError: none, or several.
    """
    from ledger.domain.errors import UsageError

    match = _WHOLE.fullmatch(text.strip()) or BEGINNING.fullmatch(text.strip())
    begins = match[0].lower().removeprefix("urn:uuid:") if match else ""
    every = dict.fromkeys(urns) if begins else {}
    found = [urn for urn in every if urn.startswith(f"urn:uuid:{begins}")]
    if len(found) == 1:
        return found[0]
    if found:
        raise _unclear(text, found, beginnings(found))
    raise UsageError(f"{text[:80]!r} is not {what}", hint="give its id, or how that begins")


def _found(session: Session | None, text: str, *, told: bool = True) -> Named:
    from cli.items.arguments import evidence_urn

    if session is not None and not STATE.offline and text.startswith((CASE, CASE_URN)):
        return named_cases.find(session, text)
    if _WHOLE.fullmatch(text) or session is None:
        return Named(evidence_urn(text))
    # All that it may stand for: whoever records an item under a number that is another one's case,
    # or the beginning of its id, would have theirs taken for it.
    found = [*([] if STATE.offline else _by_numbers(session, text)), *_by_beginning(session, text)]
    urns = list(dict.fromkeys(named.urn for named in found))
    if STATE.offline and not urns:
        return Named(evidence_urn(text))  # which says that nobody can be asked
    if len(urns) == 1:
        name = shorts(session, urns)[urns[0]]
        if found[0].former:
            tell_former(text, urns[0], f"item {name}")
        elif told:
            output.note(f"{text[:80]} is item {name}")
        return replace(found[0], name=name)
    if not urns:
        raise _unknown(session, text)
    raise _unclear(text, urns, shorts(session, urns[:_SHOWN]))


def is_whole(text: str) -> bool:
    """Whether a name means all of a case, or an exhibit with its parts."""
    return text.strip().endswith("/")


def require_said(basis: str) -> None:
    """Refuse a reason of blanks before anything is opened or asked of a node.

    Raises:
        UsageError: something was given that says nothing.
    """
    from cli.items.arguments import basis as basis_member

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
    from cli.items.arguments import basis as basis_member
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
            # Where none bears it any more, those that did; the case is no reason to read them then.
            if borne is None:
                found += [Named(urn, numbers=numbers, former=True) for urn in both]
            else:
                found += [Named(urn, case, numbers) for urn in borne.meant]
    search, exhibit_alone = session.node.search, (("exhibit", text),)
    alone = [Named(urn, numbers=exhibit_alone) for urn in search("exhibit", text)]
    # An exhibit number alone is one of the case that is worked on here, where that has it.
    used = session.used_case if alone else ""
    found += (_by_numbers(session, f"{used}/{text}") if used else []) or alone
    of_case = set(search(same_record.OF_CASE, text))
    for urn in search("case", text):  # a case that it is of no more is no reason to read it either
        former = urn not in of_case
        found.append(Named(urn, "" if former else text, (("case", text),), former=former))
    return found


def _by_beginning(session: Session, text: str) -> list[Named]:
    """Items whose short or whole id begins so, those that fit it of what the node names."""
    match = BEGINNING.fullmatch(text)
    if match is None:
        return []
    begins = match[1].lower()
    found = []
    for item in islice(session.node.find(beginning=begins), _FOUND):
        by_opening = item.opening.startswith(begins)
        if by_opening or item.evidence.startswith(f"urn:uuid:{begins}"):
            typed = begins if by_opening else ""
            found.append(Named(item.evidence, typed=typed))
    return found


def _unclear(text: str, urns: list[str], told: Mapping[str, str]) -> Exception:
    """Args:
    told: the first of the items as they are told apart.
    """
    from ledger.domain.errors import UsageError

    some = ", ".join(told[urn] for urn in urns[:_SHOWN])
    more = f" and {len(urns) - _SHOWN} more" if len(urns) > _SHOWN else ""
    return UsageError(
        f"{text[:80]!r} may be each of {len(urns)} items: {some}{more}",
        hint="name one of them by its id",
    )


def _unknown(session: Session, text: str) -> Exception:
    """What is said of a name that no item has of those that one may see."""
    from ledger.domain.errors import UsageError

    if is_whole(text):
        parts = text.rstrip("/").split("/")
        cases = ["/".join(parts[:at]) for at in range(len(parts), 0, -1)]
        known = (one for one in cases if not STATE.offline and session.node.search("case", one))
        listed = command("list", "--case", next(known, cases[-1]))
        return UsageError(
            f"{text[:80]!r} may be several items, and one is wanted here",
            hint=f"name one of those that are listed by: {listed}",
        )
    case, _, exhibit = text.rpartition("/")
    if case and exhibit and not STATE.offline and session.node.search("case", case):
        return UsageError(
            f"no item of case {case[:80]} that you may see has the number {exhibit[:80]}",
            hint=f"see: {command('list', '--case', case)}",
        )
    return UsageError(
        f"{text[:80]!r} is not an item that you may see",
        hint="name it by case and exhibit (2026-117/A1) or by its id, see: " + command("list"),
    )
