"""custody audit"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.invocation.global_options import Json
from cli.invocation.hints import runnable
from cli.terminal import outfile, output, part_progress
from cli.wording import auditreport, trust_lines

if TYPE_CHECKING:
    from ledger.domain.audit.report import AuditReport
    from ledger.services.audit.fetching import Submit

_LOOK: Final = 0.5  # seconds between two looks at how far a node is
_HELP = """Check everything again: whole logs against the contract from outside, or a home from
inside, also while it is served. With --server the node audits itself for an auditor, and sends its
findings.

\b
Example:
  custody --home ~/auditor audit --log https://node.nl.example \\
      --rpc https://chain.example --trust trust.json --state nl.audit
  custody --home ~/evidence audit --sample 10 --report audit.html
  custody --home ~/auditor --server https://node.nl.example audit
"""


def audit(
    log: Annotated[
        list[str] | None,
        typer.Option(help="URL or folder of a log; may be repeated to compare logs."),
    ] = None,
    rpc: Annotated[str, typer.Option(help="URL of a chain that you trust.")] = "",
    trust: Annotated[
        Path | None, typer.Option(help="Trust root, obtained by another way than the log.")
    ] = None,
    told: trust_lines.Told = "",
    state: Annotated[
        Path | None,
        typer.Option(help="File to keep what was checked: the next run goes on from there."),
    ] = None,
    seen: Annotated[
        list[Path] | None,
        typer.Option(help="Checkpoint or bundle that others got, to compare."),
    ] = None,
    most: Annotated[
        int | None,
        typer.Option(min=1, help="Entries of a log that one run reads; without it 16 million."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=0, help="Processes; 0: as many as there are cores.")
    ] = 0,
    sample: Annotated[
        float | None,
        typer.Option(
            min=0, max=100, help="Percent of items to re-hash; without it 10 %, or 95 % ± 3 %."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Draw the sample that an earlier report names.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write the report as a page to print.")
    ] = None,
    force: outfile.Force = False,
    as_json: Json = False,
) -> None:
    other = (
        {"--sample": sample, "--seed": seed}
        if log
        else {
            "--rpc": rpc,
            "--trust": trust,
            "--trust-fingerprint": told,
            "--state": state,
            "--seen": seen,
            "--most": most,
        }
    )
    _require_none(other, from_outside=bool(log))
    compared = told if log else None
    inputs = [trust, state, *(seen or []), *map(Path, log or [])]
    with (
        outfile.writing(report, force=force, inputs=inputs)
        if report is not None
        else nullcontext() as page
    ):
        if log:
            value = _outside(log, rpc, (trust, told), state, seen or [], workers, most).as_json()
            heading = "Audit of " + ", ".join(log)
        elif _is_elsewhere():
            value = _elsewhere(sample, seed)
            heading = "Audit of a node"
        else:
            value = _own(_inside(sample, seed, workers))
            heading = "Audit of a home"
        if page is not None:
            code = (
                _exit_code(value) or output.UNPRINTED
            )  # a verdict never depends on whether there is room for its page
            page.otherwise(
                value,
                *auditreport.text(value, told=compared),
                hint="keep what was printed; --json prints all of it",
                code=code,
            )
            page.write(_page(value, heading, compared))
    output.result(value, *auditreport.text(value, told=compared))
    raise typer.Exit(_exit_code(value))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(audit)


def _require_none(other: dict[str, Any], *, from_outside: bool) -> None:
    """Refuse options of the other kind of audit: what was asked and not compared would be called
    verified.
    """
    from ledger.domain.errors import UsageError

    given = " and ".join(name for name, value in other.items() if value not in (None, "", []))
    if given and from_outside:
        raise UsageError(
            f"{given}: content is re-hashed where it lies, not from a log",
            hint="leave out --log to audit a home",
        )
    if given:
        raise UsageError(
            f"{given}: only for an audit from outside",
            hint="name the log to audit: --log URL, or a folder",
        )


def _own(report: AuditReport) -> dict[str, Any]:
    """A report on this home, in which what is to be done is to be done here."""
    value = report.as_json()
    for finding in value["findings"]:
        finding["todo"] = runnable(finding["todo"])
    return value


def _exit_code(value: dict[str, Any]) -> int:
    from ledger.domain.verify.report import Verdict

    return Verdict(value["verdict"]).exit_code


def _is_elsewhere() -> bool:
    """Whether the node is somebody else's process: --server names it, or the folder is one of a
    person who works with it.
    """
    from cli.invocation.global_options import STATE
    from ledger.app import settings

    return bool(STATE.server) or settings.is_client(STATE.home)


def _elsewhere(sample: float | None, seed: int | None) -> dict[str, Any]:
    """Let the node audit itself, and wait for its report: nothing but findings leaves it."""
    import time

    from cli.node.session import open_session
    from ledger.domain.errors import StorageError

    with open_session() as session, ExitStack() as parts:
        job = session.node.start_audit(sample=sample, seed=seed)
        begin, part, seen = part_progress.one_at_a_time(parts), "", 0
        advance = begin("waiting for the node", 0)
        while job.state == "running":
            if job.part != part:
                part, seen, advance = job.part, 0, begin(job.part, job.total)
            advance(job.done - seen)
            seen = job.done
            time.sleep(_LOOK)
            job = session.node.audit(job.id)
    if job.report is None:
        raise StorageError(
            f"the node could not be audited: {job.problem}",
            hint="ask its administrator to look at its log",
        )
    return dict(job.report)


def _page(value: dict[str, Any], heading: str, told: str | None) -> bytes:
    """The report to print."""
    import time

    from ledger.domain.codecs.text import format_time

    return auditreport.page(value, heading, format_time(int(time.time())), told=told).encode()


def _inside(sample: float | None, seed: int | None, workers: int) -> AuditReport:
    import secrets

    from cli.node.session import open_beside
    from ledger.app import open_audit
    from ledger.services.audit import internal
    from ledger.services.bundles import agency_trust

    with open_beside() as home, ExitStack() as stack, ExitStack() as parts:
        root = agency_trust.trust_root(home.node, confirmations=home.settings.chain.confirmations)
        state = stack.enter_context(open_audit.temporary(root))
        known = home.keyring.names()
        options = internal.InternalOptions(
            keys=[
                home.keyring.hpke_key(name)
                for name in ("hpke-person", "hpke-custody")
                if name in known
            ],
            share=None if sample is None else sample / 100,
            seed=secrets.randbelow(2**32) if seed is None else seed,
            submit=_examiner(stack, workers),
            progress=part_progress.one_at_a_time(parts),
        )
        return internal.audit(home.node, root, state, options)


def _examiner(stack: ExitStack, workers: int) -> Submit:
    """Where entries are examined: in so many processes, or for one in this."""
    from ledger.adapters import parallel_decoding
    from ledger.services.audit.fetching import at_once

    return stack.enter_context(parallel_decoding.pool(workers or None)) if workers != 1 else at_once


def _outside(
    logs: list[str],
    rpc: str,
    trust: tuple[Path | None, str],
    state: Path | None,
    seen: list[Path],
    workers: int,
    most: int | None,
) -> AuditReport:
    from cli.items.arguments import read_file, read_trust
    from cli.node.session import auditor
    from ledger.app import open_audit
    from ledger.domain.errors import UsageError
    from ledger.services.audit import external, run_bounds

    path, told = trust
    if path is None or not rpc:
        raise UsageError(
            "an audit needs --trust FILE and --rpc URL",
            hint="the trust root comes from the agencies, the chain is your choice",
        )
    views = [read_file(path) for path in seen]
    with ExitStack() as stack, ExitStack() as parts:
        opened = stack.enter_context(
            open_audit.opened(
                trust_lines.believed(read_trust(path), told), rpc, logs, state, auditor()
            )
        )
        options = external.ExternalOptions(
            _examiner(stack, workers),
            views,
            part_progress.one_at_a_time(parts),
            most or run_bounds.MOST,
        )
        found = external.audit(
            opened.contracts, opened.root, opened.logs, opened.state, opened.clock, options
        )
    _require_unswapped(found, logs, rpc)
    return found


def _require_unswapped(found: AuditReport, logs: list[str], rpc: str) -> None:
    """Where an address did not answer as what it was given for, see whether it is the other.

    Raises:
        UsageError: it is.
    """
    from ledger.app import open_audit
    from ledger.domain.errors import UsageError

    hint = (
        "--log is the address of a custody node, or of an exported log, and --rpc that of a chain"
    )
    if "chain-silent" in found.counts and open_audit.is_log(rpc):
        raise UsageError(f"--rpc {rpc} looks like a custody node, and not like a chain", hint=hint)
    if "unreachable" not in found.counts:
        return
    for one in logs:
        if one.startswith(("http://", "https://")) and open_audit.is_chain(one):
            raise UsageError(f"--log {one} looks like a chain, and not like a log", hint=hint)
