"""custody label: labels to print, with a barcode that a scanner types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.invocation import completion
from cli.invocation.global_options import STATE, Json
from cli.items import items, short_ids
from cli.terminal import code128, outfile, output, pages
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.items.short_ids import Named
    from ledger.domain.ports.answers import Item

_HELP = """Write labels to print (SVG, 62 x 29 mm each): the case and exhibit number by which you
name the item, and a barcode of its short id, which every command takes. Nothing else of the item
stands on it.

\b
Example:
  custody label 2026-117/A1 -o label.svg
  custody label 2026-117/A1 2026-117/A2 -o labels.svg
"""
#: Digits of a short id on a label: labels stay right while an agency records millions.
_DIGITS: Final = 12
#: Millimetres of a label, of its margin, of a module of the barcode and of the bars' height.
_WIDE, _HIGH, _EDGE, _MODULE, _BARS = 62.0, 29.0, 2.0, 0.33, 11.0
_MOST: Final = 500


def label(
    named: Annotated[
        list[str],
        typer.Argument(
            metavar="ITEM...",
            help="The items: case/exhibit (2026-117/A1), or ids.",
            autocompletion=completion.items,
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--output", help="File of the labels, one below the other.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.domain.errors import UsageError

    if STATE.offline:
        raise UsageError(
            "the short id of an item, the node alone knows", hint="print labels with a network"
        )
    if len(named) > _MOST:
        raise UsageError(f"more than {_MOST} labels in one file", hint="print them in parts")
    with outfile.writing(out, force=force) as file, open_session() as session:
        found = [items.find(session, text) for text in named]
        if former := [(text, one) for text, one in zip(named, found, strict=True) if one.former]:
            text, one = former[0]
            raise UsageError(
                f"{text} was the number of item {one.short}, and no label says so any more",
                hint="name it by the number that stands: custody show "
                f"{one.short} --basis WHY; or by its id, for a label without a number",
            )
        told = short_ids.as_told(session, (one.urn for one in found))
        labels = [(_number(one), _id(one.urn, told)) for one in found]
        for line in _sheet(labels):
            file.write(line.encode() + b"\n")
    bare = [short for number, short in labels if not number]
    output.result(
        {"labels": [{"number": number, "id": short} for number, short in labels]},
        f"{out}: {counted(len(labels), 'label')}",
        *(
            [f"without a number, since they were named by id: {', '.join(bare[:5])}"]
            if bare
            else []
        ),
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(label)


def _id(urn: str, told: Mapping[str, Item]) -> str:
    """The short id of an item; the whole one where the node tells no statement that opened it."""
    opening = told[urn].opening[:_DIGITS] if urn in told else ""
    return opening or urn.removeprefix("urn:uuid:")


def _number(one: Named) -> str:
    """Case and exhibit, as far as the item was named by them."""
    return "/".join(value for _, value in one.numbers)


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
