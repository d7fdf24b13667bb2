"""The `custody` command: global options, then one file a command, which is imported when it is
asked for (help_groups.py). Heavy imports wait until it runs.
"""

from __future__ import annotations

import sys
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from cli import configured, help_groups, missing
from cli.invocation import command_line, completion, extras, hints, request_words
from cli.invocation.global_options import STATE
from cli.items import exhibits
from cli.node import interrupt
from cli.terminal import logs, output
from cli.wording import previews, record_options
from ledger.domain.errors import ConflictError, DemandError, FormatError, UsageError

app = typer.Typer(
    name="custody",
    cls=help_groups.Grouped,
    help="Evidence that agencies can verify without trusting one another.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=(
        "Exit codes: 0 done or verified, 1 failed, 2 wrong usage, 3 incomplete, 4 unreadable, "
        "5 done but not printed."
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        from ledger import __version__

        output.show(f"custody {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the home; else it is looked for, see: custody home show.",
            envvar="CUSTODY_HOME",
        ),
    ] = None,
    server: Annotated[
        str,
        typer.Option(
            help="URL of a node; without it the home serves itself.", envvar="CUSTODY_SERVER"
        ),
    ] = "",
    passphrase_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the passphrase; else CUSTODY_PASSPHRASE, what is remembered of the "
            "home (custody home keep-passphrase), or a prompt.",
            envvar="CUSTODY_PASSPHRASE_FILE",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print results as JSON.")] = False,
    acting_as: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="ROLE",
            help="Sign in this role; else in the first that may (docs/roles.md).",
        ),
    ] = "",
    offline: Annotated[
        bool, typer.Option("--offline", help="Without network: sign now, custody field send later.")
    ] = False,
    preview: Annotated[
        bool,
        typer.Option("--preview", help="Show in plain words what would be signed; sign nothing."),
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of every command, before it or behind it: custody --home DIR list"""
    STATE.home, STATE.server, STATE.passphrase_file, STATE.offline = (
        home,
        server,
        passphrase_file,
        offline,
    )
    STATE.preview, STATE.agreed, STATE.people = preview, set(), {}
    STATE.acting_as = _role(acting_as)
    STATE.home_by = "--home" if _is_typed(context, "home") else "CUSTODY_HOME"
    STATE.command, STATE.numbers = context.invoked_subcommand or "", ()
    STATE.item, STATE.urn, STATE.opening, STATE.used_case = "", "", "", ""
    if not STATE.help:
        extras.require_for(STATE.command)
        if preview:
            previews.require_signing(STATE.command)
        if acting_as:
            previews.require_acting(STATE.command)


def _role(name: str) -> str:
    """The role of --as, empty where there is none.

    Raises:
        UsageError: no such role.
    """
    if not name:
        return ""
    from ledger.domain.identity.roles import LEAST_FIRST

    if name not in LEAST_FIRST:
        known = ", ".join(LEAST_FIRST)
        raise UsageError(f"no role is called {name!r}", hint=f"--as takes: {known}")
    return name


def _is_typed(context: typer.Context, name: str) -> bool:
    """Whether an option was on the command line, not in the environment."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


hints.learn(help_groups.NAMES)


def main() -> None:
    """Run, with every expected failure as one message and its exit code."""
    if completion.is_asked():
        sys.exit(completion.answer(app))
    interrupt.install()
    logs.install()
    sys.exit(output.finish(run(sys.argv[1:])))


@cache
def tree() -> Any:
    """The commands as a parser has them: made once."""
    return typer.main.get_command(app)


def run(arguments: list[str]) -> int:
    """Run one command in this process; returns its exit code."""
    # Before parsing: what was mistyped is told as JSON too.
    command = tree()
    arguments = command_line.global_first(command_line.parts(command, arguments))
    options = list(takewhile(lambda one: one != "--", arguments))
    STATE.json, STATE.help = "--json" in options, "--help" in options
    STATE.typed, STATE.command = (), ""
    try:
        missing.require_filled(arguments)
        arguments = missing.with_own_words(command_line.parts(command, arguments))
        STATE.typed = command_line.parts(command, arguments)
        return _called(command, arguments, configured.begin(STATE.typed))
    except (interrupt.Stopped, typer.Abort):
        return output.interrupted(interrupt.exit_code(), interrupt.told())
    except Exception as error:  # noqa: BLE001  (the last handler: a defect must not print case data)
        return output.failure(_in_words(error))


def _called(command: Any, arguments: list[str], defaults: dict[str, Any]) -> int:
    """Call a command; what it lacks is asked for, and it is called with that.

    Args:
        defaults: of options, by commands, as the configuration says them.
    """
    try:
        called = command(
            arguments, prog_name="custody", standalone_mode=False, default_map=defaults
        )
        return int(called or 0)
    except TyperException as error:
        if missing.is_lacking(error):
            more = missing.answered(error, arguments)
            return run(more) if more else output.tell(*missing.told(error), code=2)
        return _misused(error, arguments, command)


def _in_words(error: Exception) -> Exception:
    """An error as somebody is told it who typed the command."""
    if isinstance(error, DemandError):  # raised before anything is read or recorded for it
        return record_options.unmet(error)
    if isinstance(error, ModuleNotFoundError):
        return extras.missing_for(error) or error
    if isinstance(error, ConflictError):
        return exhibits.in_words(error)
    return request_words.in_words(error) if isinstance(error, FormatError) else error


def _misused(error: TyperException, arguments: list[str], group: Any) -> int:
    """Tell wrong usage; a group without a command prints its help."""
    from cli import mistyped

    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "custody"
    if (
        context is not None and type(error).__name__ == "NoArgsIsHelpError"
    ):  # typer keeps that class to itself
        output.say(*context.get_help().split("\n"))
        return error.exit_code
    if (unknown := mistyped.told(error, group, arguments)) is not None:
        return output.tell(*unknown, error.exit_code)
    return output.tell(error.format_message(), f"see {path} --help", error.exit_code)
