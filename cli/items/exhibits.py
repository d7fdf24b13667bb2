"""How a new item belongs to one that the case has: what `--part-of` and `--replaces` say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.invocation import command_line
from cli.invocation.global_options import STATE
from cli.invocation.hints import in_short
from cli.items import items, short_ids
from cli.terminal import output
from ledger.domain.codecs.text import counted, is_case
from ledger.domain.event import same_record

if TYPE_CHECKING:
    from cli.items.short_ids import Named
    from cli.node.session import Session
    from ledger.client.intake.upload import UploadOptions
    from ledger.domain.errors import ConflictError

PartOf = Annotated[
    str,
    typer.Option(
        "--part-of",
        help="Exhibit that it is a part of, by number (with --case) or as 2026-117/A1, or by its "
        "id: it gets the next number of its parts.",
    ),
]
Replaces = Annotated[
    str,
    typer.Option(
        "--replaces",
        help="Exhibit whose number it takes over, by number (with --case) or as 2026-117/A1, or "
        "by its id.",
    ),
]


@dataclass(frozen=True, slots=True)
class Belonging:
    """What a record says of the exhibit that it belongs to: members of its body, the case and the
    number of the new item, and whether that is the number of the whole.
    """

    body: dict[str, Any]
    case: str
    number: str
    part: bool = False


_WHOLE_ID: Final = re.compile(r"urn:uuid:[0-9a-f-]{36}(?= bears it)")
#: Options that say under which number something is recorded, and how it belongs to another exhibit.
_NUMBERING: Final = ("--exhibit", "--part-of", "--replaces")


def in_words(error: ConflictError) -> ConflictError:
    """An error with the commands that go on, where it is about a number that the case has already;
    else the error as it is.
    """
    number = command_line.said("--exhibit")
    if not number or not error.message.startswith(same_record.NUMBER_TAKEN):
        return error
    anew = ["--restart"] if same_record.INTERRUPTED in error.message else []
    case, told = command_line.said("--case") or STATE.used_case, error.message
    if case:  # the item is called by what was typed, and not by an id of 36 digits
        told = _WHOLE_ID.sub(f"{case}/{number}", told, count=1)
    ways = [f"another number: {_again('--exhibit', 'NUMBER', *anew)}"]
    if case:
        ways += [
            f"a part of that one: {_again('--part-of', number, *anew)}",
            f"in its place: {_again('--replaces', number, *anew)}",
        ]
    return type(error)(told, hint="; ".join(ways))


def shortened(session: Session, message: str) -> str:
    """A message with the item that bears a number by its short id, for who did not type one."""
    short_ids.shorts(session, [match[0] for match in _WHOLE_ID.finditer(message)])
    return in_short(message)


def _again(*instead: str) -> str:
    """The command line with another way to number what it records."""
    return command_line.again(*instead, without=(*_NUMBERING, "--resume", *instead))


def bearers(session: Session, case: str, exhibit: str) -> int:
    """How many exhibits a number of a case means: several where those who recorded them may not
    see each other's, for example.
    """
    borne = session.node.numbers(case, [exhibit]).get(exhibit)
    return len(borne.meant) if borne is not None else 0


def parts(session: Session, urn: str, case: str, exhibit: str) -> set[str]:
    """Items that have numbers of parts of an exhibit, as their records stand. Where other exhibits
    bear its number too, those that say of themselves that they are parts of this one.
    """
    search = session.node.search
    found = {*search(same_record.PARTS, exhibit)} & {*search(same_record.OF_CASE, case)}
    if found and bearers(session, case, exhibit) > 1:
        found &= {link.child for link in session.node.lineage(urn).links if link.parent == urn}
    return found


def beside(session: Session, named: Sequence[Named]) -> Iterator[tuple[Named, set[str]]]:
    """Those of several items that have parts which are none of the several: files of a folder are
    items of their own, and what is done to the folder is not done to them.
    """
    urns = {one.urn for one in named}
    for one in named:
        links = session.node.lineage(one.urn).links
        parts = {link.child for link in links if link.parent == one.urn and link.kind == "part"}
        if left := parts - urns:
            yield one, left


def in_use(session: Any, case: str) -> str:
    """The case that was said, or the one that is worked on in this folder, which is told: it is
    signed like one that was typed.
    """
    if case or not (used := session.used_case):
        return case
    output.say(f"case {used}, which this folder uses")
    STATE.used_case = str(used)
    return STATE.used_case


def related(session: Any, case: str, exhibit: str, part_of: str, replaces: str) -> Belonging:
    """What `--part-of` and `--replaces` say.

    Raises:
        UsageError: both, or an exhibit that is not there.
    """
    from ledger.domain.errors import UsageError

    case = in_use(session, case)
    if part_of and replaces:
        raise UsageError(
            "a part of an exhibit does not take its place",
            hint="give one of --part-of and --replaces",
        )
    if part_of:
        named, of_case, whole = _named(session, case, part_of, "--part-of")
        if exhibit and exhibit.strip() == whole:
            raise UsageError(
                f"a part does not bear the number of its whole, {whole}",
                hint="it gets the next number of its parts: " + _again("--part-of", part_of),
            )
        part = bool(whole) and not exhibit
        return Belonging({"partOf": named}, of_case, exhibit or whole, part)
    if replaces:
        named, of_case, whole = _named(session, case, replaces, "--replaces")
        return Belonging({"ext": {"replaces": named}}, of_case, exhibit or whole)
    return Belonging({}, case, exhibit)


def _named(session: Any, case: str, name: str, option: str) -> tuple[str, str, str]:
    """The item that an option names, by its exhibit number in the case or as items are named
    elsewhere; the case of the new item, and the number that the name gives it.

    Raises:
        UsageError: no item that they may see is named so, or several are.
    """
    from ledger.domain.errors import UsageError

    borne = session.node.numbers(case, [name]).get(name) if case else None
    if borne is not None:
        if len(borne.meant) != 1:
            raise UsageError(
                f"{option} {name}: {counted(len(borne.meant), 'item', ('bears', 'bear'))} it: "
                f"{', '.join(borne.meant)}",
                hint=f"see: custody list --case {case}",
            )
        return str(borne.meant[0]), case, name
    found = items.also(session, name)
    if is_case(found.urn):
        raise UsageError(
            f"{option} {name[:80]}: a case is no exhibit", hint="name an exhibit of it"
        )
    numbers = dict(found.numbers)
    if "exhibit" in numbers and "case" not in numbers:
        raise UsageError(
            f"{option} {name} is an exhibit number, and "
            + (f"no item of case {case} bears it" if case else "of no case"),
            hint="say which one: --case NUMBER; or name it by both: 2026-117/A1",
        )
    # A number of another case stands there alone, and a case alone gives none.
    same = "exhibit" in numbers and case in ("", found.case)
    return found.urn, case or found.case, numbers["exhibit"] if same else ""


def belonging(
    session: Any, options: UploadOptions, case: str, exhibit: str, part_of: str, replaces: str
) -> UploadOptions:
    """An upload with what ``related`` says of it."""
    from dataclasses import replace

    from cli.wording import record_options

    said = related(session, case, exhibit, part_of, replaces)
    return replace(
        options,
        own=options.own | said.body,
        part=said.part,
        members=options.members | record_options.identifier_members(said.case, said.number),
    )


def of_thing(
    session: Any, case: str, exhibit: str, part_of: str, replaces: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the record of a thing says of the exhibit that it belongs to: members of its body, and
    its own numbers as members of its record.
    """
    from cli.wording import record_options
    from ledger.client.intake.part_numbers import PartNumbers

    said = related(session, case, exhibit, part_of, replaces)
    members = record_options.identifier_members(said.case, said.number)
    if said.part:
        number = PartNumbers(session.node, members["identifiers"], ()).next()
        members = record_options.identifier_members(said.case, number)
    return said.body, members
