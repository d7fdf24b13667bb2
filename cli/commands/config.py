"""custody config: what is set once instead of typed each time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import configured
from cli.invocation import completion
from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import runnable
from cli.terminal import output, tables
from ledger.app import preferences

_HELP = """What is set once instead of typed each time, for you or for one home. A home's own
setting goes before yours, the environment before both, an option before all.

\b
Example:
  custody config list
  custody config set time-zone Europe/Amsterdam
  custody config set upload-tool "UFED 7" --home-only
  custody config unset time-zone
"""
_LIST = """List what can be set, what holds here, and where that comes from.

\b
Example:
  custody config list
"""
_GET = """Print what holds here under a name; nothing where nothing is set.

\b
Example:
  custody config get time-zone
"""
_SET = """Set something: home, passphrase-file, time-zone, colour, upload-method, upload-tool,
upload-tool-version or upload-place.

\b
Example:
  custody config set colour never
"""
_UNSET = """Take a setting out of the file.

\b
Example:
  custody config unset colour
"""
Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="See: custody config list", autocompletion=completion.settings
    ),
]
HomeOnly = Annotated[
    bool, typer.Option("--home-only", help="For the work in this home, not for you everywhere.")
]


def show_all(as_json: Json = False) -> None:
    found = {name: configured.said(name) for name in preferences.KNOWN}
    files = [str(preferences.user_file())]
    if own := configured.home_file():
        files.insert(0, str(own))
    rows = [[name, one.value or "-", one.by] for name, one in found.items()]
    output.result(
        {"settings": found, "files": files},
        *tables.table(["NAME", "VALUE", "SET BY"], rows, whole=["NAME", "VALUE", "SET BY"]),
        *(f"file: {file}" for file in files),
    )


def get(name: Name, as_json: Json = False) -> None:
    found = configured.said(name)
    output.result({"name": name, "value": found.value, "by": found.by}, found.value)


def set_value(
    name: Name,
    value: Annotated[str, typer.Argument(metavar="VALUE", help="What it is from now on.")],
    home_only: HomeOnly = False,
    as_json: Json = False,
) -> None:
    from ledger.domain.errors import UsageError

    preferences.known(name)
    if name in ("home", "passphrase-file"):
        path = Path(value).expanduser().absolute()
        if not path.exists():
            raise UsageError(f"{path} is not there", hint="give the path of what is there")
        value = str(path)
    path = _file(home_only=home_only)
    preferences.change(path, name, value)
    kept = preferences.read(path)[name]
    now = configured.said(name)
    hidden = [f"here {now.value} holds, which {now.by} says"] if now.value != kept else []
    output.result({"name": name, "value": kept, "file": str(path)}, f"{name} is {kept}", *hidden)


def unset(name: Name, home_only: HomeOnly = False, as_json: Json = False) -> None:
    path = _file(home_only=home_only)
    preferences.change(path, name, None)
    output.result({"name": name, "file": str(path)}, f"{name} is not set in {path}")


def _file(*, home_only: bool) -> Path:
    """The file that is meant.

    Raises:
        UsageError: there is no home here, or it is not followed.
    """
    from ledger.app import settings
    from ledger.domain.errors import UsageError

    if not home_only:
        return preferences.user_file()
    if not STATE.found.by or not STATE.home.is_dir():
        raise UsageError("there is no home here", hint=runnable(settings.BEGIN))
    return STATE.home / preferences.FILE


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help=_HELP, no_args_is_help=True)
    app.add_typer(group, name="config")

    group.command("list", help=_LIST)(show_all)

    group.command(help=_GET)(get)

    group.command("set", help=_SET)(set_value)

    group.command(help=_UNSET)(unset)
