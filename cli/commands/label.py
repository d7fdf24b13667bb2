"""custody label: labels to print, with a barcode that a scanner types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.invocation import command_line
from cli.invocation.global_options import STATE, Json
from cli.items import sealed_names, selection, short_ids
from cli.terminal import code128, outfile, output, pages
from ledger.domain.codecs.text import counted
from ledger.domain.event import same_record

if TYPE_CHECKING:
    from cli.items.short_ids import Named
    from cli.node.session import Session
    from ledger.domain.ports.answers import Item

_HELP = """Write labels to print (SVG, 62 x 29 mm each) on one sheet: the case and exhibit number,
and a barcode of the item's short id, which every command takes. Nothing else of the item stands on
it.

\b
Example:
  custody label 2026-117/A1 -o label.svg
  custody label 2026-117/A2/ -o folder.svg
  custody label 2026-117/ -o case.svg --limit 20 --page 2
"""
#: Digits of a short id on a label: labels stay right while an agency records millions.
_DIGITS: Final = 12
#: Millimetres of a label, of its margin, of a module of the barcode and of the bars' height.
_WIDE, _HIGH, _EDGE, _MODULE, _BARS = 62.0, 29.0, 2.0, 0.33, 11.0
_MOST: Final = 500
_AT_ONCE: Final = 256  # numbers that a node is asked for


def label(
    named: selection.Several,
    out: Annotated[
        Path, typer.Option("-o", "--output", help="File of the labels, one below the other.")
    ],
    limit: Annotated[int, typer.Option(min=1, max=_MOST, help="Labels on a sheet.")] = _MOST,
    page: Annotated[int, typer.Option(min=1, help="Which sheet of them.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.domain.errors import UsageError

    if STATE.offline:
        raise UsageError(
            "the short id of an item, the node alone knows", hint="print labels with a network"
        )
    with outfile.writing(out, force=force) as file, open_session() as session:
        chosen = selection.find(session, named)
        selection.require_some(chosen)
        shown = chosen.items[(page - 1) * limit : page * limit]
        if not shown:
            raise UsageError(f"there are {counted(len(chosen.items), 'label')}, and no such page")
        for one in shown:
            _require_standing(one)
        told = short_ids.as_told(session, (one.urn for one in shown))
        numbers, lines = _numbers(session, shown, told)
        labels = [(numbers[one.urn], _id(one.urn, told)) for one in shown]
        for line in _sheet(labels):
            file.write(line.encode() + b"\n")
    more = len(chosen.items) > page * limit
    bare = [short for number, short in labels if not number]
    if bare:
        lines.append(f"without a number, since they were named by id: {', '.join(bare[:5])}")
    if chosen.closed:
        lines.append(f"{counted(chosen.closed, 'closed item')} left out")
    if more:
        other = ("--page", str(page + 1), "-o", out.with_stem(f"{out.stem}-{page + 1}"))
        lines.append(f"more: {command_line.again(*other, without=('--page', '--output'))}")
    output.result(
        {"labels": [{"number": number, "id": short} for number, short in labels], "more": more},
        f"{out}: {counted(len(labels), 'label')}",
        *lines,
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(label)


def _id(urn: str, told: Mapping[str, Item]) -> str:
    """The short id of an item; the whole one where the node tells no statement that opened it."""
    opening = told[urn].opening[:_DIGITS] if urn in told else ""
    return opening or urn.removeprefix("urn:uuid:")


def _require_standing(one: Named) -> None:
    """Check that an item bears the number by which it was named.

    Raises:
        UsageError: it had that number before.
    """
    from ledger.domain.errors import UsageError

    if one.former:
        was = "/".join(value for _, value in one.numbers)
        raise UsageError(
            f"{was} was the number of item {one.short}, and no label says so any more",
            hint="name it by the number that stands: custody show "
            f"{one.short} --basis WHY; or by its id, for a label without a number",
        )


def _numbers(
    session: Session, shown: Sequence[Named], told: Mapping[str, Item]
) -> tuple[dict[str, str], list[str]]:
    """Case and exhibit of each item, as far as whoever names them knows or may read them, and what
    is said of those that lack one. Of a whole case the sealed numbers are read as a list reads
    them; parts of an exhibit are found by the numbers that parts are given.
    """
    found = dict[str, str]()
    cases: dict[str, list[Item]] = {}
    wholes = dict[tuple[str, str], set[str]]()
    for one in shown:
        numbers = dict(one.numbers)
        # Of what belongs to a whole, the case alone is known by its name.
        found[one.urn] = numbers.get(same_record.OF_CASE) or "/".join(numbers.values())
        if same_record.PARTS in numbers:
            whole = (numbers[same_record.OF_CASE], numbers[same_record.PARTS])
            wholes.setdefault(whole, set()).add(one.urn)
        elif same_record.OF_CASE in numbers and one.urn in told:
            cases.setdefault(numbers[same_record.OF_CASE], []).append(told[one.urn])
    lines = list[str]()
    for (case, exhibit), urns in sorted(wholes.items()):
        read = _of_parts(session, case, exhibit, urns)
        found |= read
        if lacking := len(urns - read.keys()):
            lines.append(f"without an exhibit number: {counted(lacking, 'label')}")
    for case, of_case in cases.items():
        sealed = sealed_names.of_case(session, case, "", of_case)
        read = {urn: name.exhibit for urn, name in sealed.names.items() if name.exhibit}
        found |= {urn: f"{case}/{exhibit}" for urn, exhibit in read.items()}
        if lacking := len(of_case) - len(read):
            lines.append(f"without an exhibit number, which is sealed: {counted(lacking, 'label')}")
            lines += sealed.lines if not read else ()
    return found, lines


def _of_parts(session: Session, case: str, exhibit: str, urns: set[str]) -> dict[str, str]:
    """The numbers of an exhibit, of its parts and of theirs, which are counted from one: found as
    long as there are others to find, by the numbers themselves, so that nothing is read.
    """
    found, wholes = dict[str, str](), [exhibit]
    while wholes and not urns <= found.keys():
        parts = list[str]()
        for whole in wholes:
            first, borne = 0, True
            while borne:
                ats = range(first, first + _AT_ONCE)
                told = _borne(session, case, [f"{whole}/{at}" if at else whole for at in ats])
                found |= {
                    urn: f"{case}/{number}"
                    for number, bearers in told.items()
                    for urn in bearers & urns
                }
                parts += [number for number in told if number != whole]
                first, borne = first + _AT_ONCE, bool(told)
        # Only what has a first part is asked for the others.
        firsts = [f"{number}/1" for number in parts]
        wholes = []
        for start in range(0, len(firsts), _AT_ONCE):
            told = _borne(session, case, firsts[start : start + _AT_ONCE])
            wholes += [number.removesuffix("/1") for number in told]
    return found


def _borne(session: Session, case: str, numbers: list[str]) -> dict[str, set[str]]:
    """Which items bear each of these numbers, of those that one bears."""
    borne = session.node.numbers(case, numbers)
    return {number: {*one.evidence, *one.meant} for number, one in borne.items()}


def _sheet(labels: list[tuple[str, str]]) -> Iterator[str]:
    """Labels one below the other, in millimetres, as an image that loads nothing: its lines."""
    high = _HIGH * len(labels)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDE}mm" height="{high}mm" '
        f'viewBox="0 0 {_WIDE} {high}">'
    )
    yield '<rect width="100%" height="100%" fill="white"/>'
    for place, one in enumerate(labels):
        yield from _label(place, *one)
    yield "</svg>"


def _label(place: int, number: str, short: str) -> list[str]:
    across, bars = 0.0, []
    widths = code128.widths(short)
    module = min(_MODULE, (_WIDE - 2 * _EDGE) / (sum(widths) + 20))
    left = (_WIDE - sum(widths) * module) / 2
    for at, width in enumerate(widths):
        if at % 2 == 0:
            bars.append(
                f'<rect x="{left + across * module:.3f}" y="10" width="{width * module:.3f}" '
                f'height="{_BARS}"/>'
            )
        across += width
    middle, text = _WIDE / 2, 'text-anchor="middle" font-family="monospace"'
    size = min(5.0, (_WIDE - 2 * _EDGE) / (0.62 * max(len(number), 1)))
    return [
        f'<g transform="translate(0 {place * _HIGH})">',
        f'<text x="{middle}" y="7.5" {text} font-size="{size:.2f}">{pages.shown(number)}</text>',
        "".join(bars),
        f'<text x="{middle}" y="26" {text} font-size="4">{pages.shown(short)}</text>',
        "</g>",
    ]
