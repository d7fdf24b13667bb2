"""custody watch: take in what a forensic workstation writes, one folder an exhibit."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.invocation.global_options import STATE, Json
from cli.node.interrupt import Stopped
from cli.terminal import output
from cli.wording import record_options
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.client.intake.watched_folder import Said
    from ledger.client.intake.watching import Ready, Watching

_HELP = """Watch a folder and record each exhibit in it, a folder of its own, once it is complete:
nothing in it has changed for --quiet seconds, or the file --marker lies in it.

Case and exhibit are read from the folder's name by --rule, or from a form beside it
(NAME.custody.json). What cannot be taken is told and left; links are not followed. What was taken
is never recorded twice, and an interrupted upload goes on. Ends with Ctrl-C.

\b
Example:
  custody watch /srv/exports --rule '{case}/{exhibit}'
  custody watch /srv/exports --rule '{case}_{exhibit}' --marker done --once
"""
_LONGEST: Final = 300.0  # seconds between two tries while a node does not answer


class _Run:
    """What one run took and left."""

    def __init__(self, session: Session, watching: Watching, log: str) -> None:
        self.taken: list[dict[str, Any]] = []
        self.left: dict[str, str] = {}
        self.failures = 0
        self._session, self._watching, self._log = session, watching, log

    def round(self) -> None:
        """Look once, and take what is complete."""
        from ledger.client.intake.watched_folder import UNREAD
        from ledger.domain.errors import BusyError, CustodyError, NetworkError

        watching = self._watching
        try:
            complete = watching.round(time.monotonic(), self._leave)
        except OSError as error:  # a share that is not there for a while
            self.failures += 1
            watching.leave(watching.root, f"{UNREAD}: {error.strerror}; tried again", self._leave)
            return
        self.left.pop(".", None)
        for ready in complete:
            try:
                self._take(ready)
            except (NetworkError, BusyError) as error:
                self.failures += 1
                watching.leave(ready.path, f"{error.message}; tried again", self._leave)
                return
            except CustodyError as error:
                watching.leave(ready.path, error.message, self._leave)
                watching.give_up(ready)
        self.failures = 0

    def _leave(self, path: Path, problem: str) -> None:
        name = str(path.relative_to(self._watching.root))
        self.left[name] = problem
        output.say(f"left   {path if name == '.' else name}: {problem}")

    def _take(self, ready: Ready) -> None:
        from cli.commands import upload
        from ledger.app import watch_marks
        from ledger.client.intake.upload import Upload

        session = self._session
        # Asked again each time: keys of the agency may have given way to others meanwhile.
        session.look_again()
        run = Upload(
            session.person, session.node, session.journal, session.clock,
            _options(ready.said, self._watching.root),
            own=upload.own_places(),
        )  # fmt: skip
        done = list(run.run([ready.path], until_told=True))
        self._watching.took(ready)
        watch_marks.keep(STATE.home, self._log, self._watching.taken)
        name = str(ready.path.relative_to(self._watching.root))
        self.left.pop(name, None)
        new = [item for item in done if item.index is not None]
        lost = [one for one in run.left_out if one.lost]
        self.taken.append(
            {
                "folder": name,
                "items": [item.evidence for item in new],
                "known": len(done) - len(new),
                "lost": [one.path for one in lost],
            }
        )
        told = counted(len(new), "item") + " recorded"
        told += f", {counted(len(done) - len(new), 'file')} recorded before" * (
            len(done) > len(new)
        )
        told += f", {counted(len(lost), 'file')} NOT READ" * bool(lost)
        output.say(f"taken  {name}: {told}", *(f"  {one.path}: {one.reason}" for one in lost))
        run.told()


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that is watched.")],
    rule: Annotated[
        str,
        typer.Option(
            help="How names say case and exhibit: '{case}/{exhibit}', '{case}_{exhibit}'."
        ),
    ] = "",
    quiet: Annotated[
        float, typer.Option(help="Seconds without a change that make a folder complete.", min=1)
    ] = 60,
    marker: Annotated[
        str,
        typer.Option(help="Name of a file that makes its folder complete, in place of --quiet."),
    ] = "",
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.1)] = 10,
    once: Annotated[
        bool, typer.Option("--once", help="Take what is complete, and end; 3: something was left.")
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.node.session import open_session
    from ledger.app import watch_marks
    from ledger.client.intake.watched_folder import Rule
    from ledger.client.intake.watching import Watching
    from ledger.domain.errors import UsageError

    read = Rule(rule)
    if STATE.offline:
        raise UsageError(
            "whether something was recorded before, the node alone knows",
            hint="watch where there is a network; upload by hand until then",
        )
    if marker and Path(marker).name != marker:
        raise UsageError(f"{marker[:80]!r} is no name of a file", hint="for example done.txt")
    root = _root(folder)
    run: _Run | None = None
    with suppress(Stopped), open_session() as session:
        log = session.node.agency().log
        taken = watch_marks.read(STATE.home, log)
        key = session.keyring.get("journal")
        run = _Run(session, Watching(root, read, quiet, marker, key, taken), log)
        if not once:
            output.say(f"watching {root}; Ctrl-C ends it" + ("" if session.served else _HOLDS))
        _look(run, once=once, quiet=0 if marker else quiet, every=every)
    if run is None:
        output.say("stopped before it looked")
        return
    left = [{"folder": name, "problem": problem} for name, problem in run.left.items()]
    output.result(
        {"taken": run.taken, "left": left},
        f"{counted(len(run.taken), 'folder')} taken, {len(left)} left",
    )
    if once and (left or any(one["lost"] for one in run.taken)):
        raise typer.Exit(3)


_HOLDS: Final = "; other commands of this home wait meanwhile, unless a node serves it"


def _look(run: _Run, *, once: bool, quiet: float, every: float) -> None:
    """Look until somebody stops it; once: twice, with the time between that makes a folder
    complete.
    """
    run.round()
    if once:
        if quiet:
            time.sleep(quiet)
            run.round()
        return
    while True:
        time.sleep(min(every * 2.0 ** min(run.failures, 16), _LONGEST))
        run.round()


def _root(folder: Path) -> Path:
    """The folder that is watched, without a link in its path.

    Raises:
        UsageError: it is none.
    """
    from ledger.domain.errors import UsageError

    try:
        root = folder.resolve(strict=True)
    except OSError as error:
        raise UsageError(
            f"cannot watch {folder}: {error.strerror}", hint="check the path"
        ) from error
    if not root.is_dir():
        raise UsageError(f"{folder} is no folder", hint="name the folder that exports come into")
    return root


def _options(said: Said, root: Path) -> Any:
    from ledger.client.intake.upload import UploadOptions

    tool = {"name": said.tool, **({"version": said.toolVersion} if said.toolVersion else {})}
    body: dict[str, Any] = {
        **({"method": said.method} if said.method else {}),
        **({"tool": tool} if said.tool else {}),
        **({"place": said.place} if said.place else {}),
    }
    members = record_options.identifier_members(said.case, said.exhibit)
    members |= record_options.basis_member(said.basis, "", said.authorisation, "")
    return UploadOptions(members, body=body, root=root)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(watch)
