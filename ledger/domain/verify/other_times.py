"""Step 10: what others say of the time. It is told beside the proven time, which is the word of
whoever seals the chain, and decides no verdict.

- each time stamp of an authority, with what of it is not checked, or why it counts for nothing
- a block that says a time more than 15 minutes later than an authority says of what it anchors, or
  a time before its parent's
- that nobody else vouches for a record, where one signer alone seals the chain
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final

from ledger.domain.bundle import trust
from ledger.domain.bundle.bundle import BundledCheckpoint
from ledger.domain.chain.evm import parse_header
from ledger.domain.codecs.text import counted, told_time
from ledger.domain.timestamps import judging
from ledger.domain.timestamps.judging import GivenToken, JudgedToken, Stamped
from ledger.domain.timestamps.tokens import Token
from ledger.domain.verify.context import VerificationContext
from ledger.domain.verify.report import VerificationReport

#: Seconds by which a block may be dated later than what an authority saw of it already.
_AHEAD: Final = 900


def tell(case: VerificationContext, report: VerificationReport) -> str:
    """Write down what others say of the time, and what speaks against the chain's own.

    Returns:
        in words, who says of the first event that it was there.
    """
    judged = _judge(case)
    report.facts["timestamps"] = [_row(case, each) for each in judged]
    report.findings += [
        f"a time stamp over {_place(case, each)} counts for nothing: {each.problem}"
        for each in judged
        if each.problem
    ]
    unchecked = Counter(
        each.authority for each in judged if each.counts and not each.revocation_checked
    )
    report.findings += [
        f"{counted(count, 'time stamp')} of {name}: the authority's revocation is not checked"
        for name, count in sorted(unchecked.items())
    ]
    _tell_block_times(case, judged, report)
    alone = _alone(case)
    seen = _seen_by(case, judged)
    report.facts["anchoredAlone"] = alone if not seen else None
    if seen:
        return "; ".join(
            f"{name} saw it no later than {told_time(time)}" for name, time in seen.items()
        )
    return f"anchored by nobody but {alone} itself" if alone else "no time from others is here"


def _judge(case: VerificationContext) -> list[JudgedToken]:
    stamped = [
        Stamped(
            sha256(checkpoint.note).digest(),
            max(
                (
                    statement.claims.time
                    for statement, row in zip(case.statements, case.bundle.statements, strict=True)
                    if row.log == checkpoint.log and row.index < checkpoint.size
                ),
                default=0,
            ),
        )
        for checkpoint in case.bundle.checkpoints
    ]
    given = [GivenToken(row.token, row.checkpoint, row.over) for row in case.bundle.timestamps]
    return judging.judge(given, stamped, case.root.time_authorities, case.bundle.timestamp_lists)


def _row(case: VerificationContext, judged: JudgedToken) -> dict[str, Any]:
    """Stable keys for scripts (docs/format.md, "Verification report")."""
    given, token = judged.given, judged.token
    checkpoint = None if given.of is None else case.bundle.checkpoints[given.of]
    return {
        "authority": judged.authority or None,
        "time": None if token is None else told_time(token.time),
        "latest": None if token is None else told_time(token.latest),
        "agency": None if checkpoint is None else case.bundle.logs[checkpoint.log].agency,
        "size": None if checkpoint is None else checkpoint.size,
        "over": given.token,
        "revocationChecked": judged.revocation_checked,
        "problem": judged.problem or None,
    }


def _place(case: VerificationContext, judged: JudgedToken) -> str:
    if judged.given.of is None:
        return f"time stamp {judged.given.token}"
    checkpoint = case.bundle.checkpoints[judged.given.of]
    agency = case.bundle.logs[checkpoint.log].agency
    return f"the checkpoint of {counted(checkpoint.size, 'entry')} of {agency}"


def _over_checkpoints(
    case: VerificationContext, judged: list[JudgedToken]
) -> Iterator[tuple[str, Token, BundledCheckpoint]]:
    """Tokens that count and are over a checkpoint, each with the name of its authority."""
    for each in judged:
        if each.counts and each.token is not None and each.given.of is not None:
            yield each.authority, each.token, case.bundle.checkpoints[each.given.of]


def _seen_by(case: VerificationContext, judged: list[JudgedToken]) -> dict[str, int]:
    """By name of the authority: the earliest time by which it saw the first event."""
    first, seen = case.bundle.statements[0], dict[str, int]()
    for name, token, checkpoint in _over_checkpoints(case, judged):
        if checkpoint.log == first.log and first.index < checkpoint.size:
            seen[name] = min(seen.get(name, token.latest), token.latest)
    return dict(sorted(seen.items()))


def _alone(case: VerificationContext) -> str | None:
    """Whose word alone the proven time is; None where several seal the chain."""
    if not trust.is_alone(case.root):
        return None
    agencies = {log.agency for log in case.bundle.logs} | set(case.root.agencies)
    return agencies.pop() if len(agencies) == 1 else "the one signer of the chain"


def _tell_block_times(
    case: VerificationContext, judged: list[JudgedToken], report: VerificationReport
) -> None:
    for name, token, block in _over_checkpoints(case, judged):
        if block.time > token.time + _AHEAD:
            report.findings.append(
                f"block {block.block} says {told_time(block.time)}; {name} had seen "
                f"what it anchors by {told_time(token.time)}: the clock of the chain was ahead"
            )
    times = {(block.block, block.time) for block in case.bundle.checkpoints}
    if case.bundle.chain is not None:
        headers = (case.bundle.chain.header, *case.bundle.chain.descendants)
        times |= {(header.number, header.time) for header in map(parse_header, headers)}
    for (before, earlier), (number, later) in pairwise(sorted(times)):
        if later < earlier:
            report.findings.append(
                f"block {number} says {told_time(later)}, which is before {told_time(earlier)} of "
                f"block {before}: the time of this chain is not to be relied on"
            )
