"""Tokens of time authorities that a home keeps: each says by itself what it is over and when, and
is judged as a verifier judges it.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any, Final

from ledger.domain.codecs.text import counted
from ledger.domain.identity.revocation_list import crl_issued
from ledger.domain.timestamps import tokens
from ledger.rows.timestamps import TimeAuthorityListRow, TimeStampRow
from ledger.rows.unit_of_work import UnitOfWork
from ledger.services.audit.rebuilding import Rebuild
from ledger.services.audit.self_check_findings import SelfChecked, SelfCheckWarning
from ledger.services.node.context import Node
from ledger.services.timestamps import stamping

_PART: Final = "time stamps"
_TODO: Final = "see docs/time-stamps.md; who is asked: custody stamp status"


def rebuild_timestamps(book: Rebuild) -> None:
    """Tokens over checkpoints that the chain has, and lists, as they say themselves."""
    for _, into, page in book.pages("time_stamp"):
        for row in page:
            with book.guarded(f"time_stamp of {row['authority']}"):
                _rebuild_token(into, row)
    for _, into, page in book.pages("time_authority_list"):
        for row in page:
            with book.guarded("time_authority_list"):
                crl = row["crl"]
                made = TimeAuthorityListRow(sha256(crl).digest(), crl_issued(crl), crl)
                into.timestamps.keep_list(made)


def _rebuild_token(into: UnitOfWork, row: dict[str, Any]) -> None:
    token = tokens.parse(row["token"])
    checkpoint = into.checkpoints.covering(row["log"], row["size"] - 1)
    if checkpoint is None or sha256(checkpoint.note).digest() != token.imprint:
        return  # nothing calls for it
    into.timestamps.keep(
        TimeStampRow(
            token.imprint,
            row["authority"],
            checkpoint.log,
            checkpoint.size,
            token.time,
            token.der,
        )
    )


def check_timestamps(node: Node) -> Iterator[SelfCheckWarning | SelfChecked]:
    """Every token of an authority that is asked counts; one that does not, for it was revoked or is
    distrusted, is nobody's proof of time any more.
    """
    known = {api.authority.name: api.authority for api in node.time_authorities}
    count, after, bad = 0, -1, dict[str, str]()
    while True:
        with node.records.read() as unit:
            page = unit.timestamps.page(after=after)
            for row in page:
                if row.authority not in known:
                    continue
                judged = stamping.judged(unit, row, known[row.authority])
                count += judged.counts
                if judged.problem:
                    bad[row.authority] = judged.problem
        if not page or page[-1].size == after:
            break
        after = page[-1].size
    for name, problem in bad.items():
        yield SelfCheckWarning(_PART, f"a token of {name} counts for nothing: {problem}", _TODO)
    if count:
        yield SelfChecked(_PART, f"{counted(count, 'token', ('counts', 'count'))}", count)
