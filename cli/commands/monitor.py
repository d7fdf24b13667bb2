"""custody monitor"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.invocation.global_options import Json
from cli.terminal import output
from cli.wording import trust_lines
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from ledger.services.audit.monitor import Round

_HELP = """Follow logs and the contract, and raise an alarm on contradiction, silence, or unusually
many events.

\b
Example:
  custody --home ~/auditor monitor --log https://nl.example \\
      --log https://ro.example --rpc https://chain.example \\
      --trust trust.json --state seen.audit
  custody monitor --once --log /srv/www/log --rpc http://127.0.0.1:8545 \\
      --trust trust.json --state seen.audit
"""


def monitor(
    log: Annotated[list[str], typer.Option(help="URL or folder of a log; may be repeated.")],
    rpc: Annotated[str, typer.Option(help="URL of a chain that you trust.")],
    trust: Annotated[Path, typer.Option(help="Trust root, obtained by another way than the logs.")],
    state: Annotated[Path, typer.Option(help="File that keeps what was seen.")],
    told: trust_lines.Told = "",
    interval: Annotated[float, typer.Option(min=1, help="Seconds between two looks.")] = 60,
    once: Annotated[
        bool,
        typer.Option("--once", help="Look once; exit code of an audit, with an alarm at least 3."),
    ] = False,
    stop: Annotated[
        bool,
        typer.Option("--stop", help="End at the first alarm, with the exit code of --once."),
    ] = False,
    silence: Annotated[
        float, typer.Option(min=0, help="Hours without a checkpoint that raise an alarm.")
    ] = 48,
    volume: Annotated[
        int,
        typer.Option(min=1, help="Events signed by one person in an hour that raise an alarm."),
    ] = 500,
    webhook: Annotated[
        str, typer.Option(help="URL that alarms are posted to.", envvar="CUSTODY_WEBHOOK")
    ] = "",
    allow_network: Annotated[
        list[str],
        typer.Option(help="Network in which the webhook's name may lie, beside public addresses."),
    ] = [],  # noqa: B006
    metrics: Annotated[
        str, typer.Option(help="HOST:PORT to serve metrics for Prometheus at.")
    ] = "",
    as_json: Json = False,
) -> None:
    from cli.items.arguments import read_trust
    from cli.node.session import auditor
    from ledger.app import metrics as measures
    from ledger.app import open_audit
    from ledger.domain.untrusted import hosts
    from ledger.services.audit.monitor import Limits, check, mark_sent

    allowed = hosts.networks(allow_network)
    if webhook:
        hosts.require_tls(
            webhook, what="a webhook"
        )  # now, and not when the first alarm is to be sent
    with ExitStack() as stack:
        opened = stack.enter_context(
            open_audit.opened(
                trust_lines.believed(read_trust(trust), told),
                rpc,
                log,
                state,
                auditor(),
                hasty=True,
            )
        )
        measured = measures.MonitorMetrics()
        if metrics:
            stack.callback(measures.serve(measured.registry, metrics).shutdown)
        judged_by = trust_lines.judged_by(opened.root, told)
        while True:
            found = check(
                opened.contracts,
                opened.root,
                opened.logs,
                opened.state,
                opened.clock,
                Limits(int(silence * 3600), volume),
            )
            measured.saw(found)
            sent = not (webhook and found.fresh) or _notify(webhook, found, allowed)
            _tell(found, judged_by)
            judged_by = []  # once, and not at each look
            if sent:
                mark_sent(opened.state, found)
            if once or (stop and found.fresh):
                raise typer.Exit(found.report.verdict.exit_code or (3 if found.fresh else 0))
            time.sleep(interval)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(monitor)


def _notify(url: str, looked: Round, allowed: tuple[Any, ...]) -> bool:
    """Send alarms, and whether they were taken; that they were not is told, and never ends the
    monitor.
    """
    from ledger.adapters import webhook
    from ledger.domain.errors import CustodyError

    try:
        webhook.send(url, looked.fresh, int(time.time()), allowed)
    except CustodyError as error:
        output.failure(error)
        return False
    return True


def _tell(looked: Round, judged_by: list[str]) -> None:
    """Print what a look found; at the first one also by which trust root, and whether anybody
    compared that.
    """
    value: dict[str, Any] = {
        "verdict": looked.report.verdict.value,
        "alarms": [finding.as_json() for finding in looked.fresh],
        "standing": [one.as_json() for one in looked.standing],
        "reasons": [reason.as_json() for reason in looked.reasons],
        "checkpointAges": looked.ages,
        "facts": looked.report.facts,
    }
    ages = ", ".join(f"{agency} {age} s ago" for agency, age in sorted(looked.ages.items()))
    waiting = looked.report.facts.get("waiting", 0)
    lines = [
        (
            f"{output.moment(int(time.time()))}  {looked.report.verdict.value}; newest "
            f"checkpoints: {ages or 'none'}"
        )
        + (f"; {counted(waiting, 'entry', ('waits', 'wait'))} to be anchored" if waiting else "")
    ]
    for mark, findings in (
        ("ALARM", looked.fresh),
        ("stands", looked.standing),
        ("because", looked.reasons),
    ):
        lines += [
            (
                f"  {mark} {finding.kind.title} ({finding.code}): {finding.place}; expected "
                f"{finding.expected}, found {finding.found}"
            )
            for finding in findings
        ]
    output.result(value, *lines, *judged_by)
