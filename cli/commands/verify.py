"""custody verify"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.files import beside, given_folder, measured_file
from cli.invocation import command_line
from cli.invocation.global_options import Json
from cli.invocation.hints import runnable
from cli.items import short_ids
from cli.terminal import output
from cli.wording import trust_lines

if TYPE_CHECKING:
    from ledger.domain.bundle.bundle import Bundle
    from ledger.domain.bundle.trust import TrustRoot
    from ledger.domain.verify import VerifiedBeginning
    from ledger.domain.verify.report import VerificationReport

_HELP = """Verify a bundle, and the file it speaks of: with --trust no home, no server, no network,
unless you name a chain with --rpc.

Of a file alone, its bundle is looked for beside it: photo.jpg.bundle, or photo.bundle; of a folder,
both are looked for in it. Without --trust it is judged by the chain of your own home, which needs
no passphrase.

\b
Example:
  custody verify photo.jpg
  custody verify for-the-court --trust for-the-court/trust.json
  custody verify evidence.bundle photo.jpg --trust trust.json
  custody verify evidence.bundle photo.jpg --trust trust.json \\
      --trust-fingerprint "61997 58296 31521 44188 72004 26854 77927 49037"
"""
_MARKS = {
    "passed": "ok",
    "failed": "FAILED",
    "unreadable": "UNREADABLE",
    "not checked": "not checked",
    "not asked": "-",
    "not reached": "-",
}
_UNPROVEN = [
    "    not proven: what happened before collection, that the content is true,",
    "      that nothing was kept from the record",
]
_OWN_TRUST = "note: judged by {}; --trust FILE judges by another trust root"


def verify(
    bundle: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE", help="The bundle, a file with its bundle beside it, or their folder."
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="The evidence itself; it never leaves this machine."),
    ] = None,
    trust: Annotated[
        Path | None,
        typer.Option(
            help="Trust root, obtained by another way than the bundle; else your own home's."
        ),
    ] = None,
    told: trust_lines.Told = "",
    rpc: Annotated[
        str, typer.Option(help="URL of a chain that you trust, to judge the block.")
    ] = "",
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Tell the life of the item, event by event.")
    ] = False,
    until: Annotated[
        int | None,
        typer.Option(
            min=0, help="Number of the last event to judge, where a later one spoils the record."
        ),
    ] = None,
    as_of: Annotated[
        str, typer.Option(help="Time up to which no event may be missing: 2026-11-21T09:14:03Z.")
    ] = "",
    as_json: Json = False,
) -> None:
    from cli.terminal import moments

    wanted = moments.read(as_of, "--as-of").seconds if as_of else None
    asked: dict[str, Any] = {"timeline": timeline, "until": until, "as_of": wanted}
    raise typer.Exit(
        run(bundle, file, trust, rpc, told=told, **asked, typed=command_line.options())
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(verify)


def run(
    bundle: Path,
    file: Path | None,
    trust: Path | None,
    rpc: str,
    *,
    told: str = "",
    timeline: bool = False,
    until: int | None = None,
    as_of: int | None = None,
    typed: Sequence[str] = (),
) -> int:
    """Verify and print; returns the exit code.

    Args:
        until: number of the last event that is judged; all of them otherwise.
        as_of: time up to which no event may be missing.
        told: the trust root's fingerprint, as the verifier got it by another way; empty where they
            got none.
        typed: the options as they were typed, for a command that is told in this one's place.
    """
    from cli.items.arguments import read_trust
    from cli.wording import verdicts
    from ledger.domain import verify as verification

    given, named = read_trust(trust) if trust is not None else None, (bundle, file)
    believed = trust_lines.believed(given, told)
    if file is None and bundle.is_dir():
        bundle, file = given_folder.pair(bundle, typed)
    else:
        bundle, file = beside.pair(bundle, file)
    data = _read(bundle)
    _require_bundle(data, bundle, typed)
    root = believed or beside.trust_root(bundle, file, typed)
    parsed, confirm = _parse(data), _confirm(root, rpc) if rpc else None
    if given is None and parsed is not None and _is_of_others(parsed, root):
        beside.require_own(parsed, bundle, file, typed)
    measured, altered = (
        measured_file.measure(parsed, file) if file is not None else (None, list[str]())
    )
    stands: VerifiedBeginning | None = None
    if parsed is None:  # told as the first step of a report
        report = verification.verify(data, root, file=measured, confirm=confirm)
    else:
        _require_event(parsed, until)
        judged_by: dict[str, Any] = {"size": len(data), "file": measured, "confirm": confirm}
        report = verification.verify_bundle(parsed, root, until=until, as_of=as_of, **judged_by)
        if report.verdict == "failed" and until is None:
            stands = verification.verify_beginning(parsed, root, **judged_by)
    if given is not believed and not rpc:
        _ask_for_pins(report, parsed, given)
    first = verdicts.first_lines(
        report,
        compared=file is not None,
        trusted=given is None or bool(told),
        stands=stands,
        now=int(time.time()),
    )
    lines = [*first, ""]
    told_above = verdicts.hints_told(report)
    lines += [
        line
        for number, step in sorted(report.steps.items())
        for line in _step(number, step, told_above)
    ]
    lines += _likely_cause(parsed, root) if report.steps[6].status == "failed" else []
    for finding in [*report.findings, *altered, *_later(bundle, file, named)]:
        lines += verdicts.told(f"note: {finding}", 4)
    lines += verdicts.left_out(report)
    lines += (
        verdicts.told(_OWN_TRUST.format(beside.own_chain()), 4)
        if given is None
        else trust_lines.judged_by(given, told)
    )
    lines += [*_UNPROVEN, *(["", *_timeline(parsed, report.events), ""] if timeline else [])]
    lines.append(_last_line(report, compared=file is not None))
    told_also = {"stands": stands.as_json()} if stands is not None else {}
    whole = {"documents": _documents(parsed, report.events)} if timeline else {}
    trusted = {"trust": trust_lines.as_json(given or root)}
    output.result(report.as_json() | told_also | whole | trusted, *lines)
    return report.verdict.exit_code


def _later(bundle: Path, file: Path | None, named: tuple[Path, Path | None]) -> list[str]:
    return [] if file is None or bundle in named else beside.later_exports(bundle, file)


def _last_line(report: VerificationReport, *, compared: bool) -> str:
    until = report.facts.get("judgedUntil")
    part = "" if until is None else f" (up to event {until})"
    bare = not compared and report.verdict == "verified"
    return f"verdict: {report.verdict}{part}" + (
        " (the record; no file was compared)" if bare else ""
    )


def _require_event(bundle: Bundle, until: int | None) -> None:
    """Check that the event up to which is judged is there.

    Raises:
        UsageError: it is not.
    """
    from ledger.domain.errors import UsageError
    from ledger.domain.verify.shown_branch import events_of

    if until is not None and until >= (count := events_of(bundle)):
        raise UsageError(
            f"there is no event {until} to judge up to: the bundle has events 0 to {count - 1}",
            hint="leave --until out to judge all of them",
        )


def _parse(data: bytes) -> Bundle | None:
    """The bundle; None where it is malformed, which the verification itself tells."""
    from ledger.domain.bundle import bundle as bundles
    from ledger.domain.errors import CustodyError

    try:
        return bundles.parse(data)
    except CustodyError:
        return None


def _likely_cause(bundle: Bundle | None, root: TrustRoot) -> list[str]:
    """What most likely lies behind a failure of step 6, where the bundle proves nothing about the
    contracts of this trust root: the two were made for different chains. It changes no verdict: a
    forged bundle looks like that, too.
    """
    from cli.wording import verdicts

    if bundle is not None and _is_of_others(bundle, root):
        cause = f"this trust root (chain {root.chain_id}) is of another chain or other contracts"
        remedy = "get that of the agencies that the bundle is from, by another way than the bundle"
        return verdicts.told(f"likely cause: {cause}; {remedy}", 4)
    return []


def _is_of_others(bundle: Bundle, root: TrustRoot) -> bool:
    """Whether a bundle proves nothing about the contracts of a trust root."""
    from ledger.domain.chain import evm
    from ledger.domain.errors import CustodyError

    if bundle.chain is None:
        return False
    try:
        state = evm.parse_header(bundle.chain.header).state_root
        evm.prove_account(state, root.registry.address, bundle.chain.registry)
        evm.prove_account(state, root.ledger.address, bundle.chain.ledger)
    except CustodyError:
        return True
    return False


def _ask_for_pins(
    report: VerificationReport, bundle: Bundle | None, given: TrustRoot | None
) -> None:
    """Where the very block is pinned, by pins that the fingerprint that was told does not cover, no
    newer trust root is wanted: the fingerprint that covers them is.
    """
    from ledger.domain.bundle import trust_fingerprint
    from ledger.domain.chain.evm import parse_header

    step = report.steps[7]
    if given is None or bundle is None or bundle.chain is None or step.status != "not checked":
        return
    number = parse_header(bundle.chain.header).number
    if number in trust_fingerprint.of(given).pinned:
        step.hint = (
            f"ask whoever told you the fingerprint for the one with the pinned block {number}; or "
            "name a chain of your choice with --rpc"
        )


def _documents(bundle: Bundle | None, events: list[dict[str, Any]]) -> list[dict[str, Any] | None]:
    """What each event of a bundle says; None where that is left out."""
    from ledger.domain.event import document

    return [
        None if one.document is None else document.parse(one.document, one.disclosures).value
        for one in (bundle.statements if bundle is not None and events else ())
    ]


def _timeline(bundle: Bundle | None, events: list[dict[str, Any]]) -> list[str]:
    """The life of the item as the bundle tells it, for a court to read."""
    from cli.terminal import moments
    from cli.wording import timeline

    entries = []
    for event, told in zip(events, _documents(bundle, events), strict=True):
        proven = (
            f"on the chain by {event['provenTime']}"
            if event["provenTime"]
            else "not on the chain yet"
        )
        entries.append(
            timeline.Told(
                event["seq"],
                event["time"],
                event["effect"],
                event["agency"],
                event["statement"],
                told,
                proven,
            )
        )
    zone = moments.zone_here(entries[-1].time) if entries else "UTC"
    item = short_ids.short_digest(entries[0].statement) if entries else "-"
    head = f"the life of the item {item}, as signed by those who handled it"
    return [head, f"(times are {zone}):", "", *timeline.Timeline(entries, {}).lines()]


def _step(number: int, step: Any, told_above: set[str]) -> list[str]:
    """A step, with what to do about it where that is not told above already."""
    from cli.wording import verdicts

    more = verdicts.told(step.detail, 6) if step.detail else []
    is_new = step.hint and step.hint not in told_above
    more += [f"      what to do: {runnable(step.hint)}"] if is_new else []
    return [f"{number:>2}  {step.title:<56} {_MARKS[step.status]}", *more]


def _require_bundle(data: bytes, bundle: Path, typed: Sequence[object]) -> None:
    """Say what somebody gave for the bundle instead.

    Raises:
        UnreadableError: it is no bundle: nothing was judged, so nothing was refuted.
    """
    from ledger.domain.errors import UnreadableError
    from ledger.domain.files import file_kind

    if file_kind.is_bundle(data[: file_kind.HEAD]):
        return
    raise UnreadableError(
        f"{bundle} is {file_kind.describe(data[: file_kind.HEAD])}, not an evidence bundle",
        hint=beside.bundle_hint(bundle, typed),
    )


def _read(path: Path) -> bytes:
    from ledger.domain.bundle.bundle import LIMIT
    from ledger.domain.errors import UnreadableError

    if path.is_dir():
        raise UnreadableError(
            f"{path} is a folder, not an evidence bundle",
            hint="a bundle is one file, as `custody bundle` writes it",
        )
    try:
        with path.open("rb") as stream:
            data = stream.read(LIMIT + 1)
    except OSError as error:
        raise UnreadableError(
            f"cannot read {path}: {error.strerror}", hint="check the path and your permissions"
        ) from error
    # What is too long to be a bundle is told by what it is: it is the evidence itself, most likely.
    return data


def _confirm(root: Any, url: str) -> Callable[[int, bytes], set[bytes]]:
    """Ask a chain of the verifier's choice which block is final at a number."""

    @cache  # the beginning of a record that fails is judged by the same block
    def ask(number: int, digest: bytes) -> set[bytes]:
        from ledger.adapters.chain.rpc import RpcChain
        from ledger.domain.errors import CustodyError, IncompleteError

        chain = RpcChain(url, confirmations=root.confirmations, headers=root.headers)
        try:
            if chain.chain_id() != root.chain_id or chain.block(0).hash != root.genesis:
                # Somebody asked the wrong chain: that says nothing about the evidence.
                message = (
                    "the chain that you asked is another one than the trust root names "
                    f"(chain {root.chain_id})"
                )
                raise IncompleteError(7, message, hint="name a node of that chain with --rpc")
            if chain.final() < number:
                raise IncompleteError(
                    7,
                    f"block {number} is not final yet on the chain that you asked",
                    hint="try again later",
                )
            return {chain.block(number).hash}
        except IncompleteError:
            raise
        except CustodyError as error:
            raise IncompleteError(
                7, f"the chain that you asked did not tell: {error.message}", hint=error.hint
            ) from error

    return ask
