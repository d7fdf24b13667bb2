"""Within a bundle: what points to something points to what is there, and nothing stands twice."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from ledger.domain.codecs.text import require
from ledger.domain.timestamps.authorities import LIST_LIMIT
from ledger.domain.timestamps.tokens import LIMIT as TOKEN_LIMIT

if TYPE_CHECKING:
    from ledger.domain.bundle.bundle import Bundle


def check(bundle: Bundle) -> None:
    """Check what a bundle says about its own parts.

    Raises:
        FormatError: something points to nothing, is used by nothing, or stands twice.
    """
    count = len(bundle.checkpoints)
    require(
        all(row.checkpoint < count for row in bundle.lists),
        "bundle: a list of entries points to no checkpoint",
    )
    _check_rows(bundle)
    _check_lists(bundle)
    _check_timestamps(bundle)


def _check_lists(bundle: Bundle) -> None:
    """One list a log. Its links stand in order, below its size, and none in the place of a
    statement that is shown: a list has one spelling.
    """
    logs = [bundle.checkpoints[row.checkpoint].log for row in bundle.lists]
    require(len(set(logs)) == len(logs), "bundle: a log has two lists of entries")
    shown = {(row.log, row.index) for row in bundle.statements}
    for row, log in zip(bundle.lists, logs, strict=True):
        places = [link.index for link in row.links]
        require(
            all(one < other for one, other in pairwise(places))
            and all(place < bundle.checkpoints[row.checkpoint].size for place in places),
            "bundle: links of a list of entries are out of order, or beyond its checkpoint",
        )
        require(
            not any((log, place) in shown for place in places),
            "bundle: a list of entries has a link in the place of a statement",
        )


def _check_rows(bundle: Bundle) -> None:
    """Statements and checkpoints point to what is there, every log is used, and nothing stands
    twice.
    """
    statements, logs = bundle.statements, len(bundle.logs)
    listed = {bundle.checkpoints[row.checkpoint].log for row in bundle.lists}
    require(bool(statements), "bundle: holds no event")
    require(all(row.log < logs for row in statements), "bundle: a statement points to no log")
    require(
        all(row.log < logs for row in bundle.checkpoints), "bundle: a checkpoint points to no log"
    )
    require(
        {row.log for row in statements} | listed == set(range(logs)),
        "bundle: a log that no statement is in",
    )
    require(
        all(row.first is None or row.first < len(bundle.checkpoints) for row in statements),
        "bundle: a statement points to no checkpoint",
    )
    for name, rows in (
        ("log", bundle.logs),
        ("certificate", bundle.certificates),
        ("revocation list", bundle.crls),
        ("checkpoint", bundle.checkpoints),
    ):
        require(len(set(rows)) == len(rows), f"bundle: a {name} stands twice")


def _check_timestamps(bundle: Bundle) -> None:
    """Each is over one thing that is there, and as small as its kind is."""
    for number, row in enumerate(bundle.timestamps):
        require(
            (row.checkpoint is None) is not (row.over is None)
            and (row.checkpoint is None or row.checkpoint < len(bundle.checkpoints))
            and (row.over is None or row.over < number),
            "bundle: a timestamp points to nothing, or to two things",
        )
        require(len(row.token) <= TOKEN_LIMIT, "bundle: a timestamp is larger than a token is")
    require(
        all(len(crl) <= LIST_LIMIT for crl in bundle.timestamp_lists),
        "bundle: a revocation list of a time authority is larger than we read",
    )
    for name, given in (("timestamp", bundle.timestamps), ("list", bundle.timestamp_lists)):
        require(len(set(given)) == len(given), f"bundle: a {name} of timestamps stands twice")
