"""The certificate of a disposal in words: of one item, or one for several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from cli.invocation.hints import command, runnable
from cli.items import short_ids
from cli.terminal import output, tables

if TYPE_CHECKING:
    from ledger.domain.ports.answers import Disposal


def certificate(disposal: Disposal, name: str, decided: Sequence[str] = ()) -> list[str]:
    """The certificate in words.

    Args:
        name: short id of the item.
    """
    return [
        *_heading(disposal),
        f"item            {name}",
        f"disposed of     {disposal.disposed} by {disposal.agency}",
        f"statement       {short_ids.short_digest(disposal.statement)}",
        *decided,
        f"keys destroyed  {disposal.destroyed} here",
        *(
            f"confirmed       {one.agency} at {one.time}, "
            f"by {short_ids.short_digest(one.statement)}"
            for one in disposal.confirmed
        ),
        *_left(disposal),
        _backups(disposal.backupsExpire),
        "",
        *_REMAINS,
        f"Check them: {command('bundle', name)}",
        f"Its ids in full: {command('dispose', 'certificate', name, '--json')}",
    ]


def of_several(several: Sequence[tuple[Disposal, str, Sequence[str]]]) -> list[str]:
    """One certificate for items that were disposed of together: a line for each, and once what is
    the same for all of them.

    Args:
        several: disposals, each with the short id of its item, and who decided it on which terms.
    """
    if not several:
        return []
    if len(several) == 1:
        return certificate(*several[0])
    rows = [
        [name, one.disposed, str(one.destroyed), short_ids.short_digest(one.statement)]
        for one, name, _ in several
    ]
    lines = [
        *_heading(several[0][0]),
        f"items           {len(several)}",
        "",
        *tables.table(["ITEM", "DISPOSED OF", "KEYS", "STATEMENT"], rows, whole=["ITEM"]),
    ]
    groups = dict[tuple[str, ...], list[str]]()
    for one, name, decided in several:
        # Asked for and approved one after another: the day is the same for all of a folder.
        days = (_MOMENT.sub(r"\1", line) for line in decided)
        groups.setdefault((*days, *_left(one), _backups(one.backupsExpire)), []).append(name)
    for told, names in groups.items():
        of = "all" if len(groups) == 1 else ", ".join(names)
        lines += ["", f"of              {of}", *told]
    example = command("dispose", "certificate", "ITEM")
    return [*lines, "", *_REMAINS, f"That of one item, with who confirmed it: {example}"]


_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T[\d:]+Z")
_REMAINS: Final = (
    "What remains: opaque entries in the log, which still prove who held the item",
    "and in which order.",
)


def _heading(disposal: Disposal) -> list[str]:
    text = output.wrapped(" ".join(disposal.text.split()), 78, indent=0) if disposal.text else []
    return [disposal.title.upper() or "CERTIFICATE OF DISPOSAL", "", *text, *([""] if text else [])]


def _left(disposal: Disposal) -> list[str]:
    """What lies somewhere still, and who has not confirmed yet."""
    confirmed = {confirmation.agency for confirmation in disposal.confirmed}
    waiting = [agency for agency in disposal.expected if agency not in confirmed]
    return [
        *(f"still expected  {agency}, which held it before" for agency in waiting),
        f"copies pinned   {disposal.pins} still to be removed, at "
        + (", ".join(disposal.pinnedAt) or "nodes of the agency")
        if disposal.pins
        else "copies pinned   none left at the IPFS nodes in use",
        "                (what came to such a node of a sending that broke off, and was",
        "                never pinned, it keeps without a key till `ipfs repo gc` there)",
        *_may_keep(disposal.mayKeep),
        *(
            [
                "ciphertext      some still on the node's own disk, or it may be; to remove",
                f"                what no other item has: {command('collect')}",
            ]
            if disposal.stored
            else ["ciphertext      none left on the node's own disk"]
        ),
    ]


def _may_keep(nodes: tuple[str, ...]) -> list[str]:
    """IPFS nodes that nobody asks any more, and what ends that."""
    lines = [f"may still keep  ciphertext, without a key: IPFS node {name}" for name in nodes]
    name = nodes[0].partition(", removed ")[0] if nodes else ""
    if name.startswith("("):  # of another agency, which does not name its nodes to guests
        return lines
    done = runnable(f"custody ipfs remove {name} --destroyed")
    return [*lines, f"                once it is destroyed there: {done}"] if lines else []


def _backups(expire: str | None) -> str:
    return (
        f"backups         can be opened until {expire}, not after"
        if expire
        else "backups         none were made"
    )
