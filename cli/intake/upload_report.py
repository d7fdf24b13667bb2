"""What an upload tells of files that were recorded before, and of what it left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from cli.items import short_ids
from cli.terminal import output, tables
from ledger.domain.codecs.text import counted
from ledger.domain.event import same_record

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.client.intake.folder import LeftOut
    from ledger.client.intake.upload import UploadResult

#: Items of an upload that are listed.
LISTED: Final = 20
#: Where something stands that was recorded; left out where there is little room.
IN_LOG: Final = " in the agency's log"


def named(
    session: Session,
    done: Sequence[UploadResult],
    found: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, str]:
    """The items that are listed of an upload, and those named beside them, by short ids.

    Args:
        found: as for ``elsewhere``; None where nothing was recorded, and only what recorded a file
            before is there.
    """
    new = [item for item in done if item.index is not None and found is not None]
    left = [item for item in done if item.index is None]
    same = [_other(item, found or {})[0] for item in new if item.duplicates][:LISTED]
    some = [item.evidence for item in [*new[:LISTED], *left[:1], *left[-1:]]]
    return short_ids.shorts(session, [*some, *same])


def recorded(
    new: Sequence[UploadResult], names: Mapping[str, str], outcome: Callable[[UploadResult], str]
) -> list[str]:
    """What was recorded, a line each, with the exhibit number where there is one.

    Args:
        names: short ids of items. outcome: where in the log it stands.
    """
    columns = {
        "ITEM": [names[item.evidence] for item in new],
        "EXHIBIT": [item.exhibit for item in new],
        "SIZE": [output.size(item.size) for item in new],
        "RECORDED": [outcome(item) for item in new],
        "PATH": [item.path for item in new],
    }
    if not any(columns["EXHIBIT"]):
        del columns["EXHIBIT"]
    rows = [list(row) for row in zip(*columns.values(), strict=True)]
    short = {"RECORDED": lambda cells: [cell.replace(IN_LOG, "") for cell in cells]}
    return tables.table([*columns], rows, whole=("ITEM", "EXHIBIT"), short=short)


def known(left: Sequence[UploadResult], names: Mapping[str, str]) -> list[str]:
    """What was left out, since it was recorded before: how many files, as what."""
    if not left:
        return []
    if len(left) == 1:
        number = f", {left[0].exhibit}" if left[0].exhibit else ""
        return [
            f"already recorded as {names[left[0].evidence]}{number}: {left[0].path}",
            *_differing(left),
            "Left out; --again records it anew.",
        ]
    wholes = Counter(same_record.whole(item.exhibit) for item in left if item.exhibit)
    numbers = ", ".join(number for number, _ in wholes.most_common(3))
    named = (
        f"{numbers}; {left[-1].path} is {names[left[-1].evidence]}"
        if numbers
        else (f"{left[-1].path}, {names[left[-1].evidence]}, and others")
    )
    return [
        f"{counted(len(left), 'file')} already recorded as {named}.",
        *_differing(left),
        "Left out; --again records them anew.",
    ]


def _differing(left: Sequence[UploadResult]) -> list[str]:
    """What was said of files now and is not in their records, which stay as they are."""
    names = sorted({name for item in left for name in item.differs})
    if not names:
        return []
    return [f"NOT recorded, since the earlier record says otherwise: {', '.join(names)}."]


def elsewhere(
    new: Sequence[UploadResult], names: Mapping[str, str], found: Mapping[str, tuple[str, str]]
) -> list[str]:
    """Which of the files that were recorded have the content of another item.

    Args:
        names: short ids of items.
        found: of these, by their items, the other item and its number, where they are proven to.
    """
    same = [item for item in new if item.duplicates]
    lines = []
    for item in same[:LISTED]:
        other, number = _other(item, found)
        where = f"also in {number}, " if number else ""
        says = "" if item.evidence in found else ", as the node says"
        lines.append(f"same content: {item.path} is {where}{names[other]}{says}")
    if len(same) > LISTED:
        wholes = Counter(same_record.whole(number) for _, number in found.values() if number)
        many = ", ".join(f"{count} in {number}" for number, count in wholes.most_common(5))
        lines.append(
            f"same content: {counted(len(same), 'file')} in all" + (f", {many}" if many else "")
        )
    return lines


def left_out(left: Sequence[LeftOut]) -> list[str]:
    """What was left out, by kind with its number; what could not be read, one by one."""
    from ledger.client.files.folder_walk import OWN

    lost = [leftover for leftover in left if leftover.lost]
    excluded = [leftover for leftover in left if leftover.excluded]
    counts: dict[str, int] = {}
    for leftover in left:
        if not leftover.lost and not leftover.excluded:
            counts[leftover.kind] = counts.get(leftover.kind, 0) + 1
    lines = []
    if counts:
        named = ", ".join(
            f"{count} {kind}{'' if count == 1 or kind.endswith('s') else 's'}"
            for kind, count in sorted(counts.items())
        )
        lines.append(
            f"Not recorded, since no files of their own: {named}; the folder's signed manifest "
            "names each."
        )
    if excluded:
        count, folders = len(excluded), sum(one.kind == "folder" for one in excluded)
        below = f" ({counted(folders, 'folder')} with all in it)" if folders else ""
        lines.append(
            f"{count} left out as excluded{below}; the folder's signed manifest names each."
        )
    if lost:
        lines.append(f"{len(lost)} could not be recorded:")
        lines += [f"  {missing.path}: {missing.reason}" for missing in lost[:LISTED]]
        lines += [f"  and {len(lost) - LISTED} more"] if len(lost) > LISTED else []
        if any(missing.kind == OWN for missing in lost):
            lines.append(
                "What looks like custody's own keys is never recorded as it is: look at it, and "
                "pack into an archive what is evidence."
            )
    return lines


def _other(item: UploadResult, found: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """Another item with the content of one, and its number where that is proven."""
    return found.get(item.evidence, (item.duplicates[0], ""))
