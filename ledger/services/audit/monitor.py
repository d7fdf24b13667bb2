"""The monitor: follows logs and the contract, keeps what it saw, and says what is new and must be
looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Final

from ledger.domain.audit.checklist import Severity
from ledger.domain.audit.findings import AuditFinding
from ledger.domain.audit.ports import AuditState, LogFiles
from ledger.domain.audit.report import AuditReport
from ledger.domain.bundle.trust import TrustRoot
from ledger.domain.codecs.text import counted
from ledger.domain.errors import ChainError, FormatError, NetworkError, VerificationError
from ledger.domain.ports.node_and_chain import Clock, Contracts
from ledger.services.audit import external
from ledger.services.audit.run_bounds import Pace
from ledger.services.node import transfer_progress
from ledger.services.onchain import changed_seals

_HOUR: Final = 3600
#: Alarms though nothing is proven wrong, at the first look: somebody must look.
_LOUD: Final = frozenset({"volume", "late", "overdue", "silence", "signers-changed", "view-longer"})
_UNREAD: Final = frozenset({"unreachable", "log-older", "copy-lacks"})
#: What is so on any day. All else that was not judged is an alarm when it is so at two looks, one
#: after the other.
_USUAL: Final = frozenset({"waiting", "nothing-anchored"})


_NUMBER: Final = re.compile(r"\b\d+\b", re.ASCII)


@dataclass(frozen=True, slots=True)
class Limits:
    """When to raise an alarm: seconds without a new checkpoint, and events that one person signs
    within an hour.
    """

    silence: int = 2 * 86400
    volume: int = 500


@dataclass
class Round:
    """One look: the report, alarms that are due, others that stand, what else keeps it from being
    verified, and the age of each log's newest checkpoint, in seconds by agency.
    """

    report: AuditReport
    fresh: list[AuditFinding] = field(default_factory=list)
    standing: list[AuditFinding] = field(default_factory=list)
    reasons: list[AuditFinding] = field(default_factory=list)
    ages: dict[str, int] = field(default_factory=dict)


def check(
    contracts: Contracts,
    root: TrustRoot,
    logs: Sequence[LogFiles],
    state: AuditState,
    clock: Clock,
    limits: Limits,
    options: external.ExternalOptions | None = None,
) -> Round:
    """Audit what is new, and compare everything with what was seen before.

    An alarm is fresh until ``mark_sent`` says that it was sent, and again only after it was gone
    for a while; what could not be reached counts as such only when it happens twice in a row.
    """
    pace = Pace(transfer_progress.GRACE, transfer_progress.RATE)
    paced = replace(options or external.ExternalOptions(), pace=pace)
    report = external.audit(contracts, root, logs, state, clock, paced)
    with suppress(
        NetworkError, ChainError, FormatError, VerificationError
    ):  # a chain that is silent was told
        if changed := changed_seals.changed(contracts.chain, root.finality):
            report.find("signers-changed", f"chain {root.chain_id}", "those it names", changed)
    ages: dict[str, int] = {}
    for log, agency in report.logs.items():
        last, opened = state.last_checkpoint(log), state.opened(log)
        began = last or opened  # a log that has no checkpoint yet is silent since it was opened
        if began is None:
            continue
        age = clock.now() - began.time
        if last is not None:
            ages[agency] = age
        if age > limits.silence:
            silence = (
                f"the newest is {age} s old"
                if last is not None
                else f"none since it was opened {age} s ago"
            )
            report.find(
                "silence",
                f"log of {agency}",
                f"a checkpoint within {limits.silence} s",
                silence,
            )
        for certificate, hour, count in state.volumes(log, limits.volume):
            place = f"certificate {certificate.hex()[:16]} of {agency}, from {hour * _HOUR}"
            report.find(
                "volume",
                place,
                f"fewer than {limits.volume} events in an hour",
                counted(count, "event"),
            )
    fresh, standing = _sorted(state, report)
    reasons = [
        finding
        for finding in report.findings
        if finding.kind.severity is Severity.INCOMPLETE and not is_alarm(finding)
    ]
    return Round(report, fresh, standing, reasons, ages)


def mark_sent(state: AuditState, result: Round) -> None:
    """Keep that these alarms reached everybody who was to hear of them: an alarm that a webhook
    refused is due again.
    """
    with state.transaction():
        for finding in result.fresh:
            state.put_blob("alarm", _key(finding), b"told")


def is_alarm(finding: AuditFinding) -> bool:
    """Whether somebody must be told at once."""
    severe = finding.kind.severity in {Severity.FAILED, Severity.UNREADABLE, Severity.INCOMPLETE}
    return (severe or finding.code in _LOUD) and finding.code not in _USUAL


def _is_patient(finding: AuditFinding) -> bool:
    """Whether it may be over by itself at the next look."""
    return finding.code not in _LOUD and (
        finding.kind.severity is Severity.INCOMPLETE or finding.code in _UNREAD
    )


def _key(finding: AuditFinding) -> bytes:
    """What an alarm is known by.

    - What could not be read, by whose it is: a log that fails at another file at each look was not
      judged at any.
    - A contradiction, by its code, its place and what contradicts what: a second one in the same
      place is news. Numbers move on while a thing stays the same, and do not count; digests do.
    - All others by code and place.
    """
    if finding.code in _UNREAD:
        known_by = ["not read", re.split(" (?:of|at) ", finding.place)[-1]]
    else:
        known_by = [finding.code, finding.place]
        if finding.kind.severity == Severity.FAILED:
            known_by += [_NUMBER.sub("", one) for one in (finding.expected, finding.found)]
    return sha256("\x00".join(known_by).encode()).digest()


def _sorted(
    state: AuditState, report: AuditReport
) -> tuple[list[AuditFinding], list[AuditFinding]]:
    """Alarms that are due, and those that were told already or must stay for another look first."""
    alarms: dict[bytes, AuditFinding] = {}
    for finding in report.findings:
        if is_alarm(finding):
            alarms.setdefault(_key(finding), finding)
    fresh: list[AuditFinding] = []
    standing: list[AuditFinding] = []
    with state.transaction():
        for key, alarm in alarms.items():
            before = state.blob("alarm", key)
            if before is None:
                state.put_blob("alarm", key, b"seen")
            due = before != b"told" and (before is not None or not _is_patient(alarm))
            (fresh if due else standing).append(alarm)
        if "chain-silent" not in report.counts:  # else no log was looked at, and nothing is over
            state.keep_blobs("alarm", list(alarms))
    return fresh, standing
