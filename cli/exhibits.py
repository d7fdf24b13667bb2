"""How a new item belongs to one that the case has: what `--part-of` and `--replaces` say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from ledger.client.upload import UploadOptions

PartOf = Annotated[
    str,
    typer.Option(
        "--part-of",
        help="Exhibit that it is a part of, by number (with --case) or item: it gets the next "
        "number of its parts.",
    ),
]
Replaces = Annotated[
    str,
    typer.Option(
        "--replaces",
        help="Exhibit whose number it takes over, by number (with --case) or item.",
    ),
]
_ITEM: Final = re.compile(
    r"(?:urn:uuid:)?[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.IGNORECASE
)


def item_named(session: Any, case: str, name: str, option: str) -> str:
    """The item that a person named by its exhibit number in a case, or by itself.

    Raises:
        UsageError: no item that they may see bears the number, or several do.
    """
    from cli.arguments import evidence_urn
    from ledger.domain.errors import UsageError

    if _ITEM.fullmatch(name):
        return evidence_urn(name)
    if not case:
        raise UsageError(
            f"{option} {name} is an exhibit number, and of no case",
            hint="say which one: --case NUMBER; or give the item itself",
        )
    borne = session.node.numbers(case, [name]).get(name)
    found = list(borne.meant) if borne is not None else []
    if len(found) != 1:
        several = f"{len(found)} items bear it: {', '.join(found)}"
        raise UsageError(
            f"{option} {name}: {several if found else 'no item that you may see bears it'}",
            hint=f"see: custody list --case {case}",
        )
    return str(found[0])


def related(
    session: Any, case: str, exhibit: str, part_of: str, replaces: str
) -> tuple[dict[str, Any], str, bool]:
    """What a record says of the exhibit that it belongs to: members of its body, its number, and
    whether that is the number of the whole.

    Raises:
        UsageError: both, or an exhibit that is not there.
    """
    from ledger.domain.errors import UsageError

    if part_of and replaces:
        raise UsageError(
            "a part of an exhibit does not take its place",
            hint="give one of --part-of and --replaces",
        )
    if part_of:
        body: dict[str, Any] = {"partOf": item_named(session, case, part_of, "--part-of")}
        number = exhibit or ("" if _ITEM.fullmatch(part_of) else part_of)
        return body, number, bool(number) and not exhibit
    if replaces:
        body = {"ext": {"replaces": item_named(session, case, replaces, "--replaces")}}
        return body, exhibit or ("" if _ITEM.fullmatch(replaces) else replaces), False
    return {}, exhibit, False


def belonging(
    session: Any, options: UploadOptions, case: str, exhibit: str, part_of: str, replaces: str
) -> UploadOptions:
    """An upload with what ``related`` says of it."""
    from dataclasses import replace

    from cli import record_options

    body, number, part = related(session, case, exhibit, part_of, replaces)
    return replace(
        options,
        own=options.own | body,
        part=part,
        members=options.members | record_options.identifier_members(case, number),
    )


def of_thing(
    session: Any, case: str, exhibit: str, part_of: str, replaces: str
) -> tuple[dict[str, Any], str]:
    """What the record of a thing says of the exhibit that it belongs to, and its own number."""
    from cli import record_options
    from ledger.client.part_numbers import PartNumbers

    body, number, part = related(session, case, exhibit, part_of, replaces)
    if part:
        said = record_options.identifier_members(case, number)["identifiers"]
        number = PartNumbers(session.node, said, ()).next()
    return body, number
