"""custody list"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from cli.invocation import command_line
from cli.invocation.global_options import Json
from cli.items import sealed_names, short_ids
from cli.node import people
from cli.terminal import moments, output, tables
from cli.wording import labels, person_words
from ledger.domain.codecs.text import counted
from ledger.domain.event import same_record
from ledger.domain.item.participation import ROLES_BY_PART, Part

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.domain.ports.answers import Item
    from ledger.domain.ports.case_listing import SealedName

_HELP = """List the items that you may see; what is in them stays sealed. Several filters leave what
fits all of them. With --case and --basis also what the items of an open case are called.

\b
Example:
  custody --home ~/evidence list --case 2026-117
  custody list --case 2026-117 --basis "preparing the hearing"
  custody --home ~/evidence list --by 4711 --since "2026-11-20 Europe/Rome"
"""
_AGENCY: Final = re.compile(r"[A-Z]{2}-[A-Z0-9-]{1,32}")


#: What an item is, as far as that is clear; where it stands; in which order items are listed.
Kind = Literal["file", "thing", "derived", "copy", "part"]
Standing = Literal["open", "offered", "closed", "destroyed"]
Order = Literal["oldest", "newest", "latest", "holder", "kind"]
_BRIEF: Final = {"keys destroyed": "destroyed", "on its way to the chain": "on its way"}
#: By what items are put in order here; the node knows only that in which they were recorded.
_KEYS: Final[dict[str, Callable[[Item], str]]] = {
    "latest": lambda item: item.time,
    "holder": lambda item: f"{item.custodian} {item.holder}",
    "kind": lambda item: item.kind,
}


def list_items(
    case: Annotated[
        str, typer.Option("-c", "--case", help="Only items with this case number.")
    ] = "",
    exhibit: Annotated[
        str,
        typer.Option("-e", "--exhibit", help="Only items with this exhibit number, and its parts."),
    ] = "",
    text: Annotated[
        str, typer.Option(help="Only items with this number, of a case or an exhibit.")
    ] = "",
    kind: Annotated[
        Kind | None, typer.Option(help="Files, things, derived items, copies or parts.")
    ] = None,
    state: Annotated[
        Standing | None, typer.Option(help="Open, offered, closed, or with keys destroyed.")
    ] = None,
    by: Annotated[
        str, typer.Option(help="Recorded by this person: service number or pseudonym.")
    ] = "",
    holder: Annotated[str, typer.Option(help="Held by this person, or this agency.")] = "",
    since: Annotated[
        str, typer.Option(help='Recorded since: a time, or "2026-11-20 Europe/Amsterdam".')
    ] = "",
    sort: Annotated[
        Order, typer.Option(help="By when recorded, by the latest event, by holder or kind.")
    ] = "oldest",
    limit: Annotated[
        int, typer.Option(min=0, help="At most so many; 0 for all.", show_default=False)
    ] = 0,
    page: Annotated[int, typer.Option(min=1, help="With --limit: which page of them.")] = 1,
    basis: Annotated[
        str,
        typer.Option(
            help="With --case: why you read the sealed names; signed once a day and case."
        ),
    ] = "",
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.domain.errors import UsageError

    if page > 1 and not limit:
        raise UsageError(
            "--page needs --limit, which says how many items a page has",
            hint=command_line.again("--limit", "50", without=("--limit",)),
        )
    start = moments.read(since, "--since", day=True).seconds if since else None
    wanted: dict[str, Any] = {"case": case, "exhibit": exhibit, "text": text, "since": start}
    wanted |= {"kind": kind, "standing": state, "newest": sort == "newest"}
    with open_session() as session:
        wanted |= _people(session, by, holder)
        found = session.node.find(**{name: value for name, value in wanted.items() if value})
        shown, more = _page(found, sort, limit, page)
        borne = session.node.numbers(case, [exhibit]) if case and exhibit else {}
        of_case = set(session.node.search(same_record.OF_CASE, case) if case else ())
        ids = short_ids.apart({item.evidence: item.opening for item in shown})
        several = {number: one.meant for number, one in borne.items() if len(one.meant) > 1}
        bearers = (
            short_ids.shorts(session, chain.from_iterable(several.values())) if several else {}
        )
        own = session.person.certificate.agency
        called = people.named(session, people.of_items(shown, own))
        sealed = sealed_names.of_case(session, case, basis, shown)
        finds = bool(session.person.certificate.roles - ROLES_BY_PART[Part.WATCHER])
    filtered = any(wanted[name] for name in wanted if name != "newest")
    none = "no items that you may see" + (" fit that" if filtered else "")
    if not finds and (case or exhibit or text):
        none = "as administrator or auditor you find no item by a number, not even where it is"
    lines = _table(shown, ids, own, called, sealed.names) if shown else [none]
    if more:
        following = command_line.again("--page", str(page + 1), without=("--page",))
        lines.append(f"more: {following}")
    former = [item.evidence for item in shown if case and item.evidence not in of_case]
    lines += [*_bearers(several, bearers), *_former(case, [ids[urn] for urn in former])]
    lines += sealed.lines
    said = {"names": [*sealed.names.values()]} if sealed.names else {}
    output.result({"items": shown, "former": former, "more": more, **said}, *lines)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("list", help=_HELP)(list_items)


def _people(session: Session, by: str, holder: str) -> dict[str, str]:
    """Whom filters name, as the node asks for them.

    Raises:
        UsageError: nobody.
    """
    found = {"opener": people.reference(session, by)} if by else {}
    if _AGENCY.fullmatch(holder):
        return found | {"custodian": holder}
    return found | ({"holder": people.reference(session, holder)} if holder else {})


def _page(found: Iterator[Item], sort: Order, limit: int, page: int) -> tuple[list[Item], bool]:
    """A page of items in an order, and whether others follow."""
    if sort in _KEYS:
        found = iter(sorted(found, key=_KEYS[sort], reverse=sort == "latest"))
    if not limit:
        return list(found), False
    first = (page - 1) * limit
    shown = list(islice(found, first, first + limit + 1))
    return shown[:limit], len(shown) > limit


def _table(
    shown: Sequence[Item],
    ids: dict[str, str],
    own: str,
    called: person_words.Names,
    sealed: Mapping[str, SealedName],
) -> list[str]:
    """A row for each item, with what its sealed record says of it where that was read."""
    columns = {
        "ITEM": [ids[item.evidence] for item in shown],
        **(_sealed(shown, sealed) if sealed else {}),
        "KIND": [_kind(item, sealed.get(item.evidence)) for item in shown],
        **({"SIZE": [_size(sealed.get(item.evidence)) for item in shown]} if sealed else {}),
        "RECORDED": [moments.here(item.recorded or item.time) for item in shown],
        "BY": [_by(item, own, called, sealed.get(item.evidence)) for item in shown],
        "HELD BY": [labels.holder(item, called) for item in shown],
        "STATE": [_state(item) for item in shown],
    }
    short = {"RECORDED": tables.minutes, "STATE": _brief, "HELD BY": _holders(own)}
    return tables.table(
        [*columns],
        [list(row) for row in zip(*columns.values(), strict=True)],
        whole=[header for header in columns if header != "NAME"],
        short=short,
        below=("RECORDED", "BY", "HELD BY"),
    )


def _sealed(shown: Sequence[Item], sealed: Mapping[str, SealedName]) -> dict[str, list[str]]:
    """What the items are called; of those whose record was not read that it is sealed."""
    read = [sealed.get(item.evidence) for item in shown]
    return {
        "EXHIBIT": ["(sealed)" if one is None else one.exhibit for one in read],
        "NAME": ["(sealed)" if one is None else one.name for one in read],
    }


def _kind(item: Item, read: SealedName | None) -> str:
    """What an item is: that a file is the list of a folder, its sealed record alone says."""
    return "folder" if read is not None and read.files is not None else item.kind


def _size(read: SealedName | None) -> str:
    """The size of the content; of a folder how many files it has, which are items of their own."""
    if read is not None and read.files is not None:
        return counted(read.files, "file")
    return "" if read is None or read.size is None else output.size(read.size)


def _by(item: Item, own: str, called: person_words.Names, read: SealedName | None) -> str:
    """Who recorded an item, and as what, where its record was read."""
    if not item.opener:
        return item.origin
    who = person_words.shown(called, item.opener, own)
    return who if read is None else f"{who} ({read.role})"


def _state(item: Item) -> str:
    """Where an item stands, and how far it is on the chain."""
    standing = (
        "keys destroyed, "
        if item.erased
        else "closed, "
        if item.closed
        else "offered, "
        if item.offer is not None
        else ""
    )
    return standing + labels.SHORT_STATES.get(item.state, item.state)


def _brief(cells: list[str]) -> list[str]:
    """States in few letters."""
    for word, short in _BRIEF.items():
        cells = [cell.replace(word, short) for cell in cells]
    return cells


def _holders(own: str) -> tables.Shorter:
    """Colleagues without the agency, and of others the agency alone, which is all that is known of
    them here.
    """
    return lambda cells: [
        cell.removesuffix(f" of {own}") if cell.endswith(f" of {own}") else cell.split(" of ")[-1]
        for cell in cells
    ]


def _former(case: str, ids: Sequence[str]) -> list[str]:
    """Items that were corrected to another case: they stay found by the one that they had."""
    if not ids:
        return []
    said = f"{counted(len(ids), 'item', ('was', 'were'))} corrected to another case than {case}"
    return [f"{said}: {', '.join(ids)}"]


def _bearers(several: Mapping[str, Collection[str]], ids: Mapping[str, str]) -> list[str]:
    """Numbers that several items bear."""
    return [
        f"{len(urns)} items bear the number {number}: {', '.join(ids[urn] for urn in urns)}"
        for number, urns in several.items()
    ]
