"""What `upload --dry-run` tells: what would be recorded, under which number, and what would not."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.intake import upload_report
from cli.terminal import output, tables
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ledger.client.intake.folder import LeftOut
    from ledger.client.intake.upload import UploadResult

DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Tell what would be recorded, under which number, and what not: nothing is signed, "
        "sent or written.",
    ),
]


def tell(done: Sequence[UploadResult], left: Sequence[LeftOut], names: Mapping[str, str]) -> None:
    """Print it.

    Args:
        names: short ids of items that recorded a file before.
    """
    planned = [item for item in done if item.index is not None]
    known = [item for item in done if item.index is None]
    value = {
        "dryRun": True,
        "items": [_row(item) for item in planned],
        "known": [asdict(item) for item in known],
        "leftOut": [asdict(one) for one in left],
    }
    size = output.size(sum(item.size for item in planned))
    resumed = sum(item.resumed for item in planned)
    lines = _table(planned[: upload_report.LISTED])
    if len(planned) > upload_report.LISTED:
        lines.append(f"and {len(planned) - upload_report.LISTED} more; --json has all")
    lines += upload_report.known(known, names)
    lines.append(
        f"{counted(len(planned), 'item')} would be recorded, {size}"
        + (f"; {resumed} of an upload that was interrupted" if resumed else "")
    )
    lines += upload_report.left_out(left)
    output.result(value, *lines, "Nothing was signed, sent or written.")


def _row(item: UploadResult) -> dict[str, Any]:
    return {
        "path": item.path,
        "size": item.size,
        "exhibit": item.exhibit,
        "resumed": item.resumed,
    }


def _table(planned: Sequence[UploadResult]) -> list[str]:
    if not planned:
        return []
    columns = {
        "EXHIBIT": [item.exhibit for item in planned],
        "SIZE": [output.size(item.size) for item in planned],
        "PATH": [item.path for item in planned],
    }
    if not any(columns["EXHIBIT"]):
        del columns["EXHIBIT"]
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    return tables.table([*columns], rows, whole=("EXHIBIT",))
