"""What a verification means, in plain words: for the first lines of `custody verify`, which a
person in a hurry reads alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cli.invocation import command_line
from cli.invocation.hints import runnable
from cli.terminal import output
from ledger.domain.codecs.text import counted, parse_time

if TYPE_CHECKING:
    from ledger.domain.verify import VerifiedBeginning
    from ledger.domain.verify.report import Step, VerificationReport

_WIDE: Final = 79
_DAY: Final = 86_400  # seconds
_OLD: Final = 30  # days after which a bundle is likely not the newest one
_RECORD: Final = 8  # steps that judge the record alone
_FILE: Final = 9
_WHOLE: Final = ": the whole document"
#: Whoever made up a record could have made up a trust root that fits it.
UNCOMPARED: Final = "as far as the trust root is right: its fingerprint was not compared yet"
#: Steps that hold the record against the trust root, and what else may be wrong where they fail.
_BY_TRUST_ROOT: Final = frozenset({5, 6, 7})
_OR_THE_TRUST_ROOT: Final = (
    "or the trust root that you gave was changed, or is another one: compare its fingerprint, "
    "which stands below, with the agencies before you blame the record"
)
_MEASURED: Final = ("/body/digests", "/body/size")
#: By step: what failed, and what that means for whoever has the bundle.
_FAILED: Final = {
    1: (
        "the bundle is damaged, or was altered",
        "this bundle proves nothing: ask the agency for it again",
    ),
    2: (
        "the record is not what was signed, or a part of it is missing",
        "somebody altered the record, left something out or put something in",
    ),
    3: (
        "a signature or a certificate is not good",
        (
            "something in the record was not signed by the person it names, or by nobody who was "
            "allowed to then"
        ),
    ),
    4: (
        "a key of the log is not the agency's own",
        "somebody else may have made a log in the agency's name",
    ),
    5: (
        "an event is not in the agency's log",
        "the record shows something that the agency never took into its log",
    ),
    6: (
        "the chain does not confirm this record",
        "the bundle is of another chain than your trust root, or somebody made it up",
    ),
    7: (
        "the block is not one of the chain that you trust",
        "the bundle is of another chain than your trust root, or somebody made it up",
    ),
    8: (
        "custody did not pass by the rules",
        "a handover is missing, made up, or was signed by somebody who did not hold the item",
    ),
    9: (
        "this file is not the one that was recorded",
        "it was changed after it was recorded, or is another file",
    ),
    10: ("the time of the record is not proven", "do not rely on any time that it states"),
}


def told(text: str, indent: int) -> list[str]:
    """A sentence of the report, indented so far. It goes on further in, where no line of ours
    begins: a value that is padded until its rest stands in a line looks like none.
    """
    return output.wrapped(text, _WIDE, indent=indent, further=6)


def hints_told(report: VerificationReport) -> set[str]:
    """What to do, as the first lines tell it: it is not told again under each step."""
    marks = {"failed": "failed", "unreadable": "unreadable", "incomplete": "not checked"}
    steps = [s for s in report.steps.values() if s.status == marks.get(str(report.verdict))]
    return {step.hint for step in (steps if str(report.verdict) == "failed" else steps[:1])}


def first_lines(
    report: VerificationReport,
    *,
    compared: bool,
    trusted: bool = True,
    stands: VerifiedBeginning | None = None,
    now: int = 0,
) -> list[str]:
    """The verdict with what failed or is open, and what that means.

    Args:
        compared: whether a file was given. trusted: the trust root is one's own, or its fingerprint
            was compared. stands: what is verified of a record that fails.
        now: by the verifier's clock.
    """
    by_status: dict[str, list[Step]] = {}
    for step in report.steps.values():
        by_status.setdefault(step.status, []).append(step)
    verdict = str(report.verdict)
    if verdict == "verified":
        until = report.facts["judgedUntil"]
        part = "" if until is None else f"up to event {until}, and no later one was judged: "
        verified = f"VERIFIED: {part}{_verified(report, compared=compared)}"
        condition = [] if trusted else told(UNCOMPARED, 2)
        return [*told(verified, 0), *condition, *_corrected(report), *_complete(report, now)]
    if verdict == "failed":
        failed = by_status["failed"]
        whole = len(by_status.get("passed", [])) == _RECORD and [failed[0].number] == [_FILE]
        record = ["  the record itself is good: steps 1 to 8 hold"] if whole else []
        said = [line for step in failed for line in _failed(step)]
        if not trusted and _BY_TRUST_ROOT & {step.number for step in failed}:
            said += told(_OR_THE_TRUST_ROOT, 2)
        return said + record + _stands(stands) + _corrected(report)
    if verdict == "unreadable":
        [step, *_] = by_status["unreadable"]
        return [
            *told(f"UNREADABLE: {step.detail}", 0),
            "  what it means: nothing was judged: nothing is proven, and nothing refuted",
            *_todo(step),
        ]
    opened = by_status.get("not checked", [])
    numbers = ", ".join(str(step.number) for step in opened)
    return [
        "INCOMPLETE: nothing contradicts the record, but it is not all proven yet",
        f"  still open: step{'s' if len(opened) > 1 else ''} {numbers}, marked below",
        *(_todo(opened[0]) if opened else []),
    ]


def left_out(report: VerificationReport) -> list[str]:
    """What is not in the bundle. Of an item that is closed nobody can tell by the bundle whether
    a document was withheld or went with the item's keys.
    """
    gone = [one for one in report.withheld if one.endswith(_WHOLE)] if _is_closed(report) else []
    lines = [f"    withheld from you: {one}" for one in report.withheld if one not in gone]
    if gone:
        events = counted(len(gone), "event")
        lines += told(
            f"not in the bundle: what {events} said. The item is closed: that was destroyed with "
            "its keys, or is withheld from you",
            4,
        )
    return lines


def _is_closed(report: VerificationReport) -> bool:
    return bool(report.facts.get("closed"))


def _verified(report: VerificationReport, *, compared: bool) -> str:
    origin = report.facts["origin"]
    unsaid = len([one for one in report.withheld if one.endswith(_WHOLE)])
    if unsaid == report.facts["events"]:
        return (
            f"the record of {origin} is unchanged and no event of it is missing; what the events "
            "said is not in this bundle"
        )
    lacks = f"; what {counted(unsaid, 'event')} of it said is not in this bundle" if unsaid else ""
    if not compared:
        return f"the record of {origin} is whole and unchanged{lacks}; no file was compared with it"
    return (
        f"this file is, bit for bit, the one that {origin} recorded, and its record is whole and "
        f"unchanged{lacks}"
    )


def _complete(report: VerificationReport, now: int) -> list[str]:
    """To which time nothing is missing, and by whose word: nothing else in a bundle tells that it
    is an old one.
    """
    facts = report.facts
    if not facts["completeAsOf"]:
        return []
    by = " and ".join(facts["completeBy"])
    lines = told(f"complete as of {facts['completeAsOf']}, by the signed word of {by}", 2)
    if "askedAsOf" in facts:
        lines += told(f"asked: none missing up to {facts['askedAsOf']}", 2)
    days = (now - parse_time(facts["completeAsOf"], what="as of")) // _DAY
    if days > _OLD:
        old = f"that was {days} days ago: ask {facts['custodian']} for a newer bundle"
        lines += told(old, 2)
    return lines


def _stands(beginning: VerifiedBeginning | None) -> list[str]:
    """What nobody spoils who had the item later."""
    if beginning is None:
        return []
    until, facts = beginning.until, beginning.report.facts
    return [
        f"  what stands: verified up to event {until}, held by {facts['custodian']}",
        f"  the first event that is wrong: {until + 1}, in the log of {beginning.next_agency}",
        f"  to judge what stands alone: {command_line.again('--until', str(until))}",
    ]


def _corrected(report: VerificationReport) -> list[str]:
    """That somebody called the recorded size or digest wrong, which the file was compared with."""
    events = [
        f"event {one['event']}"
        for one in report.corrections
        if one["target"] == 0 and one["pointer"].startswith(_MEASURED)
    ]
    first = "the file was compared with the size and digests that were recorded first"
    return told(f"corrected later, by {', '.join(events)}: {first}", 2) if events else []


def _failed(step: Step) -> list[str]:
    what, meaning = _FAILED[step.number]
    return [
        f"FAILED: {what} (step {step.number})",
        *told(f"found: {step.detail}", 2),
        *told(f"what it means: {meaning}", 2),
        *_todo(step),
    ]


def _todo(step: Step) -> list[str]:
    return [f"  what to do: {runnable(step.hint)}"] if step.hint else []
