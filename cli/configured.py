"""What the user's and the home's configuration says for a command, and from where."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cli.invocation.global_options import STATE, Part
from cli.terminal import output
from ledger.app import preferences
from ledger.app.find_home import FoundHome
from ledger.domain.errors import UsageError

_UPLOAD: Final = "upload"
#: Options beside which no command is run.
_ALONE: Final = {"--install-completion", "--show-completion", "--version"}


@dataclass(frozen=True, slots=True)
class Said:
    """A value, and where it comes from in words."""

    value: str
    by: str


def home_file() -> Path | None:
    """The file of the home that commands work in here; None where there is no home."""
    home = _home()
    return home.path / preferences.FILE if home is not None else None


def said(name: str) -> Said:
    """What holds for a command that does not say it itself.

    Raises:
        UsageError: see preferences.read.
    """
    kind = preferences.known(name)
    if name == "home" and (home := _home()) is not None:
        return Said(str(home.path), home.by)
    if kind.environment and (value := os.environ.get(kind.environment)):
        return Said("never" if name == "colour" else value, kind.environment)
    own = home_file() if kind.in_home else None
    for path, whose in ((own, "this home"), (preferences.user_file(), "you")):
        if path is not None and name in (found := preferences.read(path)):
            return Said(found[name], whose)
    return Said(kind.default, "default")


def _home() -> FoundHome | None:
    try:
        found = STATE.found
    except UsageError:  # whoever needs the home is told why it is not followed
        return None
    return found if found.by else None


def begin(typed: Sequence[Part]) -> dict[str, Any]:
    """Let the configuration hold for a command before it is parsed.

    Returns:
        defaults of options, by commands, as click takes them.

    Raises:
        UsageError: see preferences.read.
    """
    words = [part.words[0] for part in typed if not part.option]
    home = next((part.value for part in typed if part.option == "--home"), "")
    named = home or os.environ.get("CUSTODY_HOME", "")
    STATE.home = Path(named) if named else None
    alone = not _ALONE.isdisjoint(part.words[0] for part in typed)
    if alone or words[:1] == ["config"] or STATE.help:
        return {}  # what is wrong there is put right with these
    _show_as_wanted()
    if words[:1] != [_UPLOAD]:
        return {}
    return {_UPLOAD: dict(_defaults({part.option for part in typed}))}


def _show_as_wanted() -> None:
    if said("colour").value == "never":
        os.environ["NO_COLOR"] = "1"
    zone = said("time-zone").value
    if zone and hasattr(time, "tzset") and os.environ.get("TZ") != zone:
        os.environ["TZ"] = zone
        time.tzset()


def _defaults(typed: set[str]) -> Iterator[tuple[str, str]]:
    """Options of upload that were set. They are signed like typed ones, so they are told."""
    if "--resume" in typed:
        return  # it goes on with what was said then
    for name in preferences.KNOWN:
        option = name.removeprefix(f"{_UPLOAD}-")
        # The version of another tool than the one that was typed would be signed for this one.
        if option == name or f"--{option}" in typed:
            continue
        if option == "tool-version" and "--tool" in typed:
            continue
        if value := said(name).value:
            output.say(f"--{option} {value}, as your configuration says")
            yield option.replace("-", "_"), value
