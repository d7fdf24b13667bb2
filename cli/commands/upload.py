"""custody upload"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.intake import disk_images, expected_lists, standard_input, upload_preview, upload_report
from cli.intake.upload_report import LISTED
from cli.invocation import command_line
from cli.invocation.global_options import STATE, Json
from cli.invocation.hints import command, in_short
from cli.items import exhibits, items, named_cases, short_ids
from cli.terminal import output, questions
from cli.wording import known_codes, record_options
from ledger.domain.codecs.text import counted

if TYPE_CHECKING:
    from cli.node.session import Session
    from ledger.client.intake.upload import UploadOptions

_HELP = """Hash, encrypt, store and record files and folders where they are collected.

Each file becomes an item of its own with a signed record; a folder becomes one more item that lists
them, and says what was left out and why. An upload that was interrupted goes on where it was when
you start it again; with other details you are asked whether to go on as before (--resume) or to
begin anew (--restart). Exit code 3: something could not be read, or details that you give now were
not recorded, since a file was recorded before without them; 1: a file is not what --expect says.

\b
Example:
  custody upload phone.img -c 2026-117 -e A1
  custody upload DCIM -c 2026-117 -e A2 --exclude '*.tmp' --dry-run
  custody upload DCIM -c 2026-117 -e A2 --expect SHA256SUMS
  ssh phone tar c /data | custody upload - --name data.tar -c 2026-117 -e A3
"""


def upload(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Files and folders; - is a pipe.")
    ],
    case: record_options.Case = "",
    exhibit: record_options.Exhibit = "",
    basis: Annotated[
        str, typer.Option(help="Legal basis in words, part of the signed record.")
    ] = "",
    handling: record_options.Handling = None,
    occurred: Annotated[
        str,
        typer.Option(
            help='When it was collected, if not now: "2026-11-20 10:00 Europe/Amsterdam", or with '
            "an offset or Z."
        ),
    ] = "",
    late: record_options.Late = "",
    basis_kind: record_options.BasisKind = "",
    authorisation: record_options.Authorisation = "",
    authority: record_options.Authority = "",
    source: Annotated[
        str, typer.Option("--from", help="Item that it was taken from, such as a seized phone.")
    ] = "",
    method: Annotated[
        str, typer.Option(help="How it was taken: physical, logical, file-system, cloud ...")
    ] = "",
    tool: Annotated[str, typer.Option(help="Tool that it was taken with.")] = "",
    tool_version: Annotated[str, typer.Option(help="Version of that tool.")] = "",
    place: Annotated[str, typer.Option(help="Where it was taken.")] = "",
    clock_shown: Annotated[str, typer.Option(help="Time that the device showed.")] = "",
    clock_reference: Annotated[
        str, typer.Option(help="True time at that moment: 2026-11-20T10:00:00Z.")
    ] = "",
    digest: Annotated[
        list[str] | None, typer.Option(help="Further digests beside sha-256, such as sha-512.")
    ] = None,
    part_of: exhibits.PartOf = "",
    replaces: exhibits.Replaces = "",
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            help="Leave out of folders what this pattern means: a name anywhere ('*.tmp'), or a "
            "path from the top ('cache/'); may be repeated. The signed manifest names each.",
        ),
    ] = None,
    name: standard_input.Name = "",
    expect: expected_lists.Expect = None,
    again: Annotated[
        bool, typer.Option("--again", help="Record anew what you recorded before.")
    ] = False,
    dry_run: upload_preview.DryRun = False,
    check_image: disk_images.CheckImage = False,
    plain_file: disk_images.PlainFile = False,
    resume: record_options.Resume = False,
    restart: record_options.Restart = False,
    as_json: Json = False,
) -> None:
    from dataclasses import replace

    from ledger.client.intake.upload import UploadOptions
    from ledger.domain.errors import UsageError

    piped = standard_input.is_meant(paths)
    looked_at = [] if plain_file or piped else paths
    images = disk_images.given(looked_at, check=check_image, resume=resume)
    said = record_options.identifier_members(case, exhibit) | record_options.basis_member(
        basis, basis_kind, authorisation, authority
    )
    said |= record_options.moment_members(occurred, late)
    said |= record_options.handling_member(handling)
    body = _body(method, (tool, tool_version), place, (clock_shown, clock_reference))
    interrupted = record_options.interruption(resume, restart)
    if source and (part_of or replaces):
        raise UsageError(
            "--from names what it was taken from, and so do --part-of and --replaces",
            hint="give one of them",
        )
    if resume and (said or body or source or digest or part_of or replaces or exclude):
        raise UsageError(
            "--resume goes on with the details that were given then",
            hint="give the paths alone, or --restart for new details",
        )
    options = UploadOptions(
        said, tuple(digest or ()), again, body=body, interrupted=interrupted, images=images.records,
        exclude=_patterns(exclude, paths), expected=expected_lists.read(expect),
    )  # fmt: skip

    def named(session: Session, options: UploadOptions) -> UploadOptions:
        related = bool(part_of or replaces)
        numbers = images.numbers(exhibits.in_use(session, case), exhibit, related=related)
        if source:
            own = {"partOf": items.also(session, source).urn}
            of = record_options.identifier_members(*numbers)
            return replace(options, own=own, members=options.members | of)
        return exhibits.belonging(session, options, *numbers, part_of, replaces)

    given, completed = images.paths if looked_at else paths, None if resume else named
    with standard_input.taken(paths, name) as spooled:
        if spooled is not None:
            options = replace(
                options, spooled=spooled, name=os.fsencode(name),
                place=standard_input.place(name), body=body | {"source": standard_input.SOURCE},
            )  # fmt: skip
        upload_paths(given, options, completed, images, dry=dry_run, lists=expect or ())


def _body(method: str, tool: tuple[str, str], place: str, clock: tuple[str, str]) -> dict[str, Any]:
    """What was said of how it was taken, as members of a body.

    Args:
        tool: name and version. clock: what the device showed, and the true time.

    Raises:
        UsageError: one of the two times is missing, or the true one is none that was.
    """
    from ledger.domain.errors import UsageError

    shown, reference = clock
    if bool(shown) != bool(reference):
        raise UsageError("the clock of a device takes both --clock-shown and --clock-reference")
    if reference:
        reference = record_options.past_time(reference, "--clock-reference").text
    name, version = tool
    return {
        **({"method": known_codes.read(known_codes.METHODS, "--method", method)} if method else {}),
        **({"tool": {"name": name, **({"version": version} if version else {})}} if name else {}),
        **({"place": place} if place else {}),
        **({"deviceClock": {"shown": shown, "reference": reference}} if shown else {}),
    }


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help=_HELP)(upload)


def upload_paths(
    paths: list[Path],
    options: UploadOptions,
    named: Callable[[Session, UploadOptions], UploadOptions] | None = None,
    images: disk_images.GivenImages | None = None,
    *,
    dry: bool = False,
    lists: Sequence[Path] = (),
) -> None:
    """Upload files and folders, and tell what became of them; ends with 3 where something could not
    be read, or was said of a file whose earlier record does not say it, and with 1 where the media
    of a disk image have another digest than it says.

    Args:
        named: completes the options by the items that were named, where some were. images: the
            disk images among the paths. dry: only look, and tell what would be recorded.
        lists: of digests, that were read.
    """
    from dataclasses import asdict

    from cli.node.session import open_session
    from ledger.client.intake.upload_drafts import measure

    own, images = own_places(), images or disk_images.GivenImages(paths)
    spooled = options.spooled
    files = measure(images.files, own, options.exclude)[1] if spooled is None else spooled.size
    total = files + (0 if dry else images.media)
    what = "looking" if dry else "uploading"
    with open_session() as session, output.progress(what, total) as advance:
        options = named(session, options) if named is not None else options
        done, run = _run(session, paths, options, own, advance, dry=dry)
        if dry:
            run.told()
            upload_preview.tell(done, run.left_out, upload_report.named(session, done))
            output.say(*disk_images.lines(images))
            _end(done, run)
            return
        status = session.node.status(chain=False, ipfs=False)
        elsewhere = run.before.elsewhere(done)
        names = upload_report.named(session, done, elsewhere)
        new = [item for item in done if item.index is not None]
        closed = named_cases.closed(session, options.identifiers) if new else []
    expected = options.expected
    lines = expected_lists.first(done, expected)
    lines += upload_report.recorded(new[:LISTED], names, _outcome) if new else []
    recorded, waiting = len(new), status.integrated - status.final
    first, *rest = _next(waiting)
    size = output.size(sum(item.size for item in new))
    lines += upload_report.elsewhere(new, names, elsewhere)
    lines += upload_report.known([item for item in done if item.index is None], names)
    lines += [
        f"{counted(recorded, 'item')} recorded, {size}. {first if new else ''}".strip(),
        *(rest if new else []),
        *closed,
    ]
    value = {"items": [asdict(item) for item in done], "recorded": recorded, "waiting": waiting}
    value["known"] = len(done) - recorded
    value |= {"images": disk_images.as_json(images)}
    value |= expected_lists.as_json(done, expected, lists)
    lines += disk_images.lines(images)
    output.result(
        value | {"leftOut": [asdict(one) for one in run.left_out]},
        *lines,
        *upload_report.left_out(run.left_out),
        *expected_lists.last(done, expected, lists),
    )
    for notice in run.notices:
        output.say(notice)
    run.told()
    if disk_images.differs(images):
        raise typer.Exit(1)
    _end(done, run, expected_lists.code(done, expected))


def _end(done: list[Any], run: Any, code: int = 0) -> None:
    if code == 1:
        raise typer.Exit(1)
    if code or any(one.lost for one in run.left_out) or any(item.differs for item in done):
        raise typer.Exit(3)


def _run(
    session: Any, paths: list[Path], options: Any, own: Any, advance: Any, *, dry: bool
) -> tuple[list[Any], Any]:
    """Upload; where an upload with other details was interrupted, the person at a terminal says
    what becomes of it.
    """
    from dataclasses import replace

    from ledger.client.intake.upload import Upload
    from ledger.client.intake.upload_preview import Preview
    from ledger.domain.errors import DemandError, InterruptedUploadError, UsageError

    kind = Preview if dry else Upload
    run = kind(session.person, session.node, session.journal, session.clock, options, advance, own)
    done, new = [], 0
    try:
        for item in run.run(paths, until_told=True):
            done.append(item)
            new += item.index is not None
            if not dry and not STATE.json and item.index is not None and new == LISTED + 1:
                output.say(f"(more than {LISTED} items: the rest is counted, not listed)")
    except DemandError as error:
        raise record_options.unmet(error) from error
    except InterruptedUploadError as error:
        short_ids.shorts(session, [error.recorded] if error.recorded else [])  # by which it is told
        chosen = None if done else _ask(error)
        if chosen is None:
            raise UsageError(error.message, hint=_commands(error)) from error
        return _run(session, paths, replace(options, interrupted=chosen), own, advance, dry=dry)
    return done, run


def _ask(error: Any) -> str | None:
    """What the person at a terminal chooses; None where nobody is there, or nothing is to be
    chosen.
    """
    from ledger.client.intake.upload_request import RESTART, RESUME

    if error.recorded or not questions.can_ask():
        return None
    output.say(f"{in_short(error.message)}.")
    ways = {"g": RESUME, "a": RESTART}
    letter = questions.choose(
        "[g]o on as before, with the details of then, or begin [a]new with these? [g/a, else stop]",
        ways,
    )
    return ways[letter] if letter else None


def _commands(error: Any) -> str:
    """What to do about an interrupted upload: both commands as they run."""
    first = ["--offline"] if STATE.offline else []
    tops = [
        command(*first, "upload", "--resume", "--name", name, "--", "-")
        if (name := standard_input.name_at(top))
        else command(*first, "upload", "--resume", "--", top)
        for top in error.tops
    ]
    other = ("--restart", "--resume")
    if error.recorded:
        return (
            f"hear what was recorded: {'; '.join(tops)}; for a second item, then: "
            f"{command_line.again(without=other)}"
        )
    anew = command_line.again("--restart", without=other)
    return f"go on as before: {'; '.join(tops)}; or begin anew: {anew}"


def own_places() -> frozenset[tuple[int, int]]:
    """What is custody's own and must not become evidence: the home, and the file with the
    passphrase.
    """
    found = set()
    for path in (STATE.home, STATE.passphrase_file):
        if path is not None and path.exists():
            details = os.stat(path)  # noqa: PTH116
            found.add((details.st_dev, details.st_ino))
    return frozenset(found)


def _patterns(exclude: list[str] | None, paths: list[Path]) -> tuple[str, ...]:
    """What is left out of folders.

    Raises:
        UsageError: a pattern that is none, or no folder is there to leave something out of.
    """
    from ledger.domain.errors import UsageError
    from ledger.domain.files.path_globs import PathGlobs

    patterns = PathGlobs(exclude or []).patterns
    if patterns and not any(path.is_dir() for path in paths):
        raise UsageError(
            "--exclude leaves something out of folders, and no folder was given",
            hint="do not name the files that are to be left out",
        )
    return patterns


def _next(waiting: int) -> list[str]:
    if STATE.offline:
        return [
            f"Signed here; {counted(waiting, 'signed event', ('waits', 'wait'))} for a network.",
            f"Send them then: {command('field', 'send')}",
        ]
    return [
        "Signed and in the log.",
        (
            f"{counted(waiting, 'event', ('waits', 'wait'))} for the chain, and nobody outside "
            f"can check {'it' if waiting == 1 else 'them'}: {command('anchor')}"
        ),
        f"See how far it is: {command('status')}",
    ]


def _outcome(item: Any) -> str:
    where = f"waits as no. {item.index}"
    place = where if STATE.offline else f"number {item.index}{upload_report.IN_LOG}"
    return place + (", resumed" if item.resumed else "")
