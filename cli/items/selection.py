"""Several items in one command: named one by one, all of a case (2026-117/), or an exhibit with its
parts (2026-117/A2/).

Each item gets a signature of its own. What is refused for one of them does not keep the others from
being recorded; what would be refused for all of them, as by a node that is gone, ends the command.
Whatever was done is told at the end, and so is what was not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.invocation import completion
from cli.invocation.global_options import STATE
from cli.invocation.hints import command
from cli.items import items, short_ids
from cli.items.short_ids import Named
from cli.terminal import output, questions
from cli.wording import labels, previews
from ledger.domain.codecs.text import counted
from ledger.domain.errors import (
    CustodyError,
    DeniedError,
    NotFoundError,
    RoleError,
    RuleError,
    UsageError,
)
from ledger.domain.event import same_record

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.ports.answers import Item

Several = Annotated[
    list[str],
    typer.Argument(
        metavar="ITEM...",
        help="The items: case/exhibit (2026-117/A1) or ids; all of a case (2026-117/), or an "
        "exhibit with its parts (2026-117/A2/).",
        autocompletion=completion.items,
    ),
]
#: What speaks against one item, and not against the others.
OF_ONE: Final = (RuleError, DeniedError, NotFoundError)
_SHOWN: Final = 20
#: Exit code where some items were done and others were not.
INCOMPLETE: Final = 3


@dataclass(frozen=True, slots=True)
class Chosen:
    """Items that somebody means, and how many closed ones of a whole case were left out.

    ``whole``: at least one was not named by itself, so that they are shown before anything is
    signed. ``said``: what each name of several items means, in words. ``several``: others were
    named that are left out.
    """

    items: tuple[Named, ...]
    whole: bool = False
    closed: int = 0
    said: tuple[str, ...] = ()
    several: bool = False

    @property
    def alone(self) -> bool:
        """Whether one item was named: it is told as it always was."""
        return len(self.items) == 1 and not (self.whole or self.several)


@dataclass
class Done:
    """What became of each item, in their order; ``stopped`` by what ends a command."""

    answers: list[tuple[Named, Any]] = field(default_factory=list)
    refused: list[tuple[Named, CustodyError]] = field(default_factory=list)
    left: list[Named] = field(default_factory=list)
    stopped: CustodyError | None = None


def find(session: Session, typed: Sequence[str]) -> Chosen:
    """The items that somebody means, each once.

    Raises:
        UsageError: a name means no item, or may mean several.
    """
    if len(typed) == 1 and not items.is_whole(typed[0]):
        return Chosen((items.find(session, typed[0]),))
    if STATE.offline and any(map(items.is_whole, typed)):
        raise UsageError(
            "what belongs to a case is not known without network",
            hint="name each item by its id",
        )
    found, closed, said = dict[str, Named](), 0, list[str]()
    for text in typed:
        if not items.is_whole(text):
            one = items.also(session, text)
            found.setdefault(one.urn, one)
            continue
        belonging = _belonging(session, text.strip())
        told = short_ids.as_told(session, (one.urn for one in belonging))
        ids = short_ids.short_ids((one.urn for one in belonging), told)
        open_ = [one for one in belonging if one.urn not in told or not told[one.urn].closed]
        closed += len(belonging) - len(open_)
        for one in open_:
            found.setdefault(one.urn, replace(one, name=ids[one.urn]))
        said.append(_said(text, open_, told))
    return Chosen(tuple(found.values()), any(map(items.is_whole, typed)), closed, tuple(said))


def _said(text: str, meant: Sequence[Named], told: Mapping[str, Item]) -> str:
    """What a case, or an exhibit with its parts, means here: such as "2026-117/A2 with its 3
    parts", where that is a folder of three files.
    """
    name, numbers = text.strip().rstrip("/"), dict(meant[0].numbers if meant else ())
    if same_record.PARTS not in numbers:
        return f"of case {name}"
    name = f"{numbers[same_record.OF_CASE]}/{numbers[same_record.PARTS]}"
    parts = sum(one.urn in told and told[one.urn].kind == "part" for one in meant)
    if not parts:
        return name
    count = counted(parts, "part")
    return f"{name} with its {count}" if parts < len(meant) else f"{count} of {name}"


def reasons(chosen: Chosen, basis: str, *words: str) -> dict[str, dict[str, Any]]:
    """Why each item is read, by its URN: asked once for all that were not named by their case.

    Args:
        basis: of the command line. words: the command, for whoever can be asked nothing.

    Raises:
        UsageError: nothing was said.
    """
    of_case = dict[str, dict[str, Any]]()
    for one in chosen.items:
        if one.case not in of_case:
            of_case[one.case] = items.reason(basis, one, one.short, *words)
    return {one.urn: of_case[one.case] for one in chosen.items}


def require_some(chosen: Chosen) -> None:
    """Refuse a case, or an exhibit with its parts, in which everything is closed.

    Raises:
        UsageError: it is.
    """
    if not chosen.items:
        raise UsageError(
            "nothing in there can be recorded for: "
            f"{counted(chosen.closed, 'item', ('is', 'are'))} closed",
            hint="see: custody list",
        )


def agree(chosen: Chosen, question: str, *, yes: bool, lines: Sequence[str] | None = None) -> None:
    """Show a whole case, or a whole exhibit, and ask: who types it has not named its items.

    Args:
        question: with "{}" for how many there are. lines: what is shown of each item; its short id
            otherwise.

    Raises:
        UsageError: they do not agree, cannot be asked, or there is nothing.
    """
    if not chosen.whole:
        return
    require_some(chosen)
    if not STATE.json:
        names = lines if lines is not None else [one.short for one in chosen.items]
        more = [f"and {len(names) - _SHOWN:,} more"] if len(names) > _SHOWN else []
        left = [f"{counted(chosen.closed, 'closed item')} left out"] if chosen.closed else []
        several = chosen.said if len(chosen.said) > 1 else ()
        output.say(*several, *names[:_SHOWN], *more, *left)
    if STATE.preview:  # what would be signed of the first of them is shown, and nothing is signed
        return
    which = f" ({chosen.said[0]})" if len(chosen.said) == 1 else ""
    questions.agree(
        # Not format: what somebody typed may stand behind it, braces too.
        question.replace("{}", f"{counted(len(chosen.items), 'item')}{which}", 1),
        yes=yes,
        otherwise="all of them are as before",
    )
    # Agreed to for all of them: nobody is asked the same of each once more.
    STATE.agreed |= {(one.urn, kind) for one in chosen.items for kind in previews.ASKED}


def each(chosen: Chosen, act: Callable[[Named], Any], what: str) -> Done:
    """Do something for each item, with one progress bar.

    Args:
        what: is done, for the bar.

    Raises:
        CustodyError: one item alone was named, and it is refused; or what ends the command struck
            before anything was done.
    """
    done = Done()
    with output.progress(what, len(chosen.items), unit="items") as advance:
        for one in _about(chosen):
            if done.stopped is not None:
                done.left.append(one)
                continue
            try:
                done.answers.append((one, act(one)))
            except OF_ONE as error:
                if chosen.alone:
                    raise
                done.refused.append((one, error))
            except CustodyError as error:
                if not done.answers:
                    raise
                done.stopped = error
                done.left.append(one)
            advance(1)
    return done


def tell_recorded(chosen: Chosen, done: Done) -> None:
    """Print what became of a statement about each item; see tell."""
    if chosen.alone:
        [(_, answer)] = done.answers
        return output.result(answer, labels.recorded(answer))
    states = Counter(answer.state for _, answer in done.answers)
    return tell(
        done,
        *(
            f"recorded for {counted(count, 'item')}: {labels.STATES.get(state, state)}"
            for state, count in states.items()
        ),
    )


def tell(
    done: Done,
    *lines: str,
    beside: Mapping[str, Any] | None = None,
    before: Sequence[str] = (),
    behind: Sequence[str] = (),
) -> None:
    """Print what became of several items, and end with 3 where it is not the same for all.

    Args:
        lines: of what was done.
        beside: what else a script is told; before, behind: what else a person is.
    """
    value = {
        **(beside or {}),
        "items": [{"evidence": one.urn, "answer": answer} for one, answer in done.answers],
        "refused": [
            {"evidence": one.urn, "message": error.message, "hint": error.hint}
            for one, error in done.refused
        ],
        "left": [one.urn for one in done.left],
    }
    output.result(value, *before, *(lines if done.answers else ()), *_refused(done), *behind)
    if done.stopped is not None:
        code = INCOMPLETE if done.answers else output.exit_code(done.stopped)
        raise typer.Exit(output.failure(done.stopped, code))
    if done.refused:
        raise typer.Exit(INCOMPLETE if done.answers else 1)


def _refused(done: Done) -> Iterator[str]:
    """What was not done, by its reason: a whole case is mostly refused for one and the same."""
    reasons = dict[tuple[str, str], list[str]]()
    for one, error in done.refused:
        # What is to be done may name the item; who may do it is the same for all.
        whom = error.hint or "" if isinstance(error, RoleError) else ""
        reasons.setdefault((error.message, whom), []).append(one.short)
    for (reason, whom), names in reasons.items():
        yield f"not done for {counted(len(names), 'item')}: {reason}"
        if whom:
            yield f"  what to do: {whom}"
        yield from (f"  {name}" for name in names[:_SHOWN])
        if len(names) > _SHOWN:
            yield f"  and {len(names) - _SHOWN:,} more"
    if done.left:
        yield f"not tried for {counted(len(done.left), 'item')}, beginning with:"
        yield f"  {done.left[0].short}"


def _about(chosen: Chosen) -> Iterator[Named]:
    """Each item in turn, as the one that hints and the check of numbers are about."""
    for one in chosen.items:
        items.go_on_with(one)
        yield one


def _belonging(session: Session, text: str) -> list[Named]:
    """The items of a case, or of an exhibit with its parts, whichever a name means; none that were
    corrected to another case or number.

    Raises:
        UsageError: it means nothing, or both; or several exhibits of the case bear the number, as
            those of officers who may not see each other's, and one of them was meant.
    """
    name, search = text.rstrip("/"), session.node.search
    numbers = ((same_record.OF_CASE, name),)
    found = [[Named(urn, name, numbers) for urn in search(same_record.OF_CASE, name)]]
    parts = name.split("/")
    exhibits = [("/".join(parts[:at]), "/".join(parts[at:])) for at in range(1, len(parts))]
    if used := session.used_case:
        exhibits.append((used, name))
    for case, exhibit in ((case.strip(), exhibit.strip()) for case, exhibit in exhibits):
        if case and exhibit and (of_case := set(search(same_record.OF_CASE, case))):
            wholes, parts_of = search("exhibit", exhibit), search(same_record.PARTS, exhibit)
            borne = session.node.numbers(case, [exhibit]).get(exhibit)
            if borne is not None and len(borne.meant) > 1:
                raise _two_exhibits(session, text, case, exhibit, borne.meant)
            bearers = {*borne.evidence, *borne.meant} if borne is not None else set()
            wholes = [urn for urn in wholes if urn in bearers]
            numbers_of = ((same_record.OF_CASE, case), (same_record.PARTS, exhibit))
            there = [urn for urn in dict.fromkeys([*wholes, *parts_of]) if urn in of_case]
            found.append([Named(urn, case, numbers_of) for urn in there])
    meant = [one for one in found if one]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise UsageError(
            f"{text[:80]!r} may be a case or an exhibit of one",
            hint="name the items one by one, see: custody list",
        )
    raise UsageError(
        f"{text[:80]!r} is no case, and no exhibit of one, of which you may see an item",
        hint="all of a case: 2026-117/, an exhibit with its parts: 2026-117/A2/, see: custody list",
    )


def _two_exhibits(
    session: Session, text: str, case: str, exhibit: str, urns: Sequence[str]
) -> UsageError:
    told = short_ids.shorts(session, urns[:_SHOWN])
    return UsageError(
        f"{text[:80]!r} may be each of {len(urns)} exhibits: {', '.join(told.values())}",
        hint="name the items of one by their ids, see: "
        + command("list", "--case", case, "--exhibit", exhibit),
    )
