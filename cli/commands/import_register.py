"""custody import: take an existing register over, checked whole before anything is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.invocation import command_line
from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import runnable
from cli.items import exhibits, short_ids
from cli.terminal import output
from cli.wording import record_options
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.client.intake.upload_attempts import UploadResult
    from ledger.client.registers.register_table import Problem, Register, Row

_HELP = """Take an existing register over: a spreadsheet's own file (.xlsx, .ods) or CSV. Its first
row names the columns (docs/intake.md). The whole file is checked first; where anything is wrong,
nothing is recorded, and each row is told with its column.

A row becomes a seized thing, or with a `file` an acquired file, signed by you now, with the time at
which it happened. Started again after an interruption it goes on, and records nothing twice.

\b
Example:
  custody import register.xlsx --late "taken over from paper" --dry-run
  custody import register.xlsx --late "taken over from paper"
"""
_AT_ONCE: Final = 256  # exhibit numbers that a node is asked about
_SHOWN: Final = 50


def import_(
    register: Annotated[
        Path, typer.Argument(metavar="FILE", help="The register: .xlsx, .ods or CSV.")
    ],
    case: Annotated[
        str, typer.Option("-c", "--case", help="Case number of rows that name none.")
    ] = "",
    late: Annotated[
        str, typer.Option(help="Why it is recorded late, for rows that do not say it.")
    ] = "",
    sheet: Annotated[
        str, typer.Option(metavar="NAME", help="The sheet, where more than one holds something.")
    ] = "",
    zone: Annotated[
        str,
        typer.Option(help="Zone of times that name none: Europe/Amsterdam, +01:00 or Z."),
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the whole file, and record nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    from cli.items import arguments
    from cli.node.session import open_session
    from ledger.client.registers import register_table
    from ledger.domain.errors import UsageError

    if STATE.offline:
        raise UsageError(
            "which numbers are taken, the node alone knows",
            hint="import where there is a network",
        )
    found = register_table.read(arguments.read_file(register), case=case.strip(), sheet=sheet)
    with open_session() as session:
        run = _Import(session, found, register.resolve().parent, late.strip(), zone.strip())
        run.check()
        if found.problems:
            _refuse(found)
        recorded = {} if dry_run else run.record()
    known = sum(not new for new in recorded.values())
    done = [number for number, new in recorded.items() if new]
    output.result(
        {"rows": len(found.rows), "recorded": len(done), "known": known},
        f"{counted(len(found.rows), 'row', ('is', 'are'))} good, and nothing was recorded"
        if dry_run
        else f"{counted(len(done), 'row')} recorded, {known} recorded before",
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import", help=_HELP)(import_)


def _refuse(found: Register) -> None:
    """Tell what is wrong, and end."""
    output.result(
        {
            **({"sheet": found.sheet} if found.sheet else {}),
            "problems": [
                {
                    "row": one.row,
                    "column": one.column,
                    **({"letter": one.letter} if found.sheet else {}),
                    "what": one.what,
                }
                for one in found.problems
            ],
        },
        *(f"{_place(found, one)}: {one.what}" for one in found.problems[:_SHOWN]),
        *(["and more"] if len(found.problems) > _SHOWN else []),
        "nothing was recorded",
    )
    raise typer.Exit(2)


def _place(found: Register, problem: Problem) -> str:
    """Where something is wrong, as whoever looks into the file finds it."""
    sheet = [f"sheet {found.sheet[:40]!r}"] if found.sheet else []
    letter = [f"column {problem.letter}"] if problem.letter else []
    name = [problem.column] if problem.column else []
    return ", ".join([*sheet, f"row {problem.row}", *letter, *name])


class _Import:
    """One register under one session."""

    def __init__(
        self, session: Session, found: Register, folder: Path, late: str, zone: str
    ) -> None:
        self._session, self._found, self._folder = session, found, folder
        self._late, self._zone = late, zone
        self._about = session.node.agency()
        self._key = session.keyring.get("journal")

    def check(self) -> None:
        """Check every row, and note what is wrong."""
        from ledger.client import physical_items

        session, bad = self._session, {one.row for one in self._found.problems}
        for row in self._found.rows:
            if row.number in bad:
                continue
            with self._noting(row):
                members = self._members(row)
                if row.get("file"):
                    self._path(row)
                else:
                    body = self._body(row)
                    physical_items.check(self._about, session.person, session.clock, body, members)
        if not self._found.problems:
            self._tell_zones()
        self._check_numbers()
        if not self._found.problems:  # each file is read once for it
            for row in self._found.rows:
                if row.get("file"):
                    with self._noting(row):
                        self._require_same(self._upload(row, preview=True))

    def record(self) -> dict[int, bool]:
        """Record every row; whether each is new, by its number.

        Raises:
            CustodyError: what came in between, with what to do to go on.
        """
        from ledger.client import physical_items
        from ledger.domain.errors import CustodyError

        session, recorded = self._session, dict[int, bool]()
        with output.progress("importing", len(self._found.rows)) as advance:
            for row in self._found.rows:
                try:
                    if row.get("file"):
                        done = self._upload(row)
                        recorded[row.number] = any(item.index is not None for item in done)
                    elif self._is_there(row):
                        recorded[row.number] = False
                    else:
                        physical_items.collect(
                            session.node, session.person, session.clock, self._body(row),
                            self._members(row), self._evidence(row),
                        )  # fmt: skip
                        recorded[row.number] = True
                except CustodyError as error:
                    told = exhibits.shortened(session, error.message)
                    error.message = f"row {row.number}: {told}; the rows before it are recorded"
                    mend = runnable(error.hint or "mend it")
                    error.hint = f"{mend}; then go on: {command_line.again()}"
                    raise
                advance(1)
        return recorded

    @contextmanager
    def _noting(self, row: Row) -> Iterator[None]:
        """Note what is wrong with a row, in the column that says it."""
        from ledger.client.registers.register_table import column_of
        from ledger.domain.errors import BusyError, CustodyError, DemandError, NetworkError

        try:
            yield
        except (NetworkError, BusyError):
            raise
        except DemandError as error:
            for pointer in error.pointers or ("",):
                self._found.wrong(row.number, column_of(pointer), f"{error.message}")
        except _CellError as error:
            self._found.wrong(row.number, error.column, error.message)
        except CustodyError as error:
            words = error.message.split(":")[0].split()
            place = next((word for word in words if word.startswith("/")), "")
            told = exhibits.shortened(self._session, error.message)
            self._found.wrong(row.number, column_of(place) if place else "", told)

    def _body(self, row: Row) -> dict[str, Any]:
        from ledger.client.registers.register_table import body_of

        return body_of(row)

    def _members(self, row: Row) -> dict[str, Any]:
        """Members of a record beside its body.

        Raises:
            _CellError: a cell says what cannot be.
        """
        handling = _told(
            "handling", lambda: record_options.handling_member(row.several("handling"))
        )
        basis = _told(
            "basis",
            lambda: record_options.basis_member(
                row.get("basis"),
                row.get("basis-kind"),
                row.get("authorisation"),
                row.get("authority"),
            ),
        )
        moment = _told("occurred", lambda: self._moment(row))
        _told("case", lambda: record_options.identifier_members(row.get("case"), ""))
        numbers = _told(
            "exhibit",
            lambda: record_options.identifier_members(row.get("case"), row.get("exhibit")),
        )
        return {**numbers, **basis, **moment, **handling}

    def _path(self, row: Row) -> Path:
        """The file of a row, beneath the folder of the register: whoever wrote the register says
        nothing about other files of whoever imports it.

        Raises:
            _CellError: no file there, or one elsewhere.
        """
        named = Path(row.get("file"))
        path = self._folder / named
        try:
            real = path.resolve(strict=True)
        except OSError as error:
            raise _CellError("file", f"cannot be read: {error.strerror}") from error
        if named.is_absolute() or not real.is_relative_to(self._folder):
            raise _CellError("file", "lies outside the folder of the register")
        if not real.is_file():
            raise _CellError("file", "is no file")
        return path

    def _moment(self, row: Row) -> dict[str, Any]:
        late = row.get("late") or self._late
        return record_options.moment_members(row.get("occurred"), late, self._zone, quiet=True)

    def _tell_zones(self) -> None:
        """Say once for all rows how times without a zone are taken."""
        from cli.terminal import moments

        without = [
            row.get("occurred")
            for row in self._found.rows
            if row.get("occurred") and not moments.says_zone(row.get("occurred"))
        ]
        if without and not self._zone:
            first = moments.read(without[0], "--zone", quiet=True).seconds
            output.say(
                f"{counted(len(without), 'row', ('says', 'say'))} no zone; taken as local, "
                f"the first as {moments.told(first)}"
            )

    def _evidence(self, row: Row) -> str:
        return row.evidence(self._key, self._about.log, self._moment(row))

    def _is_there(self, row: Row) -> bool:
        from ledger.domain.errors import NotFoundError

        try:
            self._session.node.item(self._evidence(row))
        except NotFoundError:
            return False
        return True

    def _check_numbers(self) -> None:
        """Note numbers that another item has. Whether a file has its own already, its upload
        knows.
        """
        bad = {one.row for one in self._found.problems}
        things = [
            row
            for row in self._found.rows
            if not row.get("file") and row.get("case") and row.number not in bad
        ]
        things.sort(key=lambda row: row.get("case"))
        for case, grouped in groupby(things, key=lambda row: row.get("case")):
            rows = [row for row in grouped if row.get("exhibit")]
            for start in range(0, len(rows), _AT_ONCE):
                part = rows[start : start + _AT_ONCE]
                borne = self._session.node.numbers(case, [row.get("exhibit") for row in part])
                for row in part:
                    meant = borne[row.get("exhibit")].meant if row.get("exhibit") in borne else ()
                    others = [one for one in meant if one != self._evidence(row)]
                    if others:
                        short = short_ids.shorts(self._session, others[:1])[others[0]]
                        self._found.wrong(row.number, "exhibit", f"is that of item {short}")

    def _require_same(self, looked: Sequence[UploadResult]) -> None:
        """Check that a file which was recorded before has in its record what the row says now:
        else it is told as recorded, and a mark or a time that was mended stands nowhere.

        Raises:
            UsageError: it does not.
        """
        from ledger.domain.errors import UsageError

        for item in looked:
            if item.differs:
                short = short_ids.shorts(self._session, [item.evidence])[item.evidence]
                raise UsageError(
                    f"its file was recorded before, as item {short}, and that says otherwise: "
                    f"{', '.join(item.differs)}"
                )

    def _upload(self, row: Row, *, preview: bool = False) -> list[UploadResult]:
        """Record the file of a row, or only look."""
        from cli.commands.upload import own_places
        from ledger.client.intake.upload import Upload, UploadOptions
        from ledger.client.intake.upload_preview import Preview

        session = self._session
        options = UploadOptions(self._members(row), body=self._body(row))
        kind = Preview if preview else Upload
        run = kind(
            session.person, session.node, session.journal, session.clock, options, own=own_places()
        )
        done = list(run.run([self._path(row)], until_told=not preview))
        if not preview:
            run.told()
        return done


class _CellError(Exception):
    """A cell that says what cannot be."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column, self.message = column, message


def _told(column: str, read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a cell says.

    Raises:
        _CellError: it cannot be.
    """
    from ledger.domain.errors import UsageError

    try:
        return read()
    except UsageError as error:
        raise _CellError(column, error.message) from error
