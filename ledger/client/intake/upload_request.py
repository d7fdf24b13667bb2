"""What a person gave to be recorded, and whether an earlier run that was interrupted was about the
same.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from ledger.client.files import folder_walk
from ledger.client.files.spooled_input import SpooledInput
from ledger.client.images.image_record import ImageRecord
from ledger.client.intake.expected_digests import ExpectedDigests
from ledger.client.intake.upload_attempts import UploadAttempt
from ledger.client.intake.upload_queue import UploadQueue
from ledger.domain.codecs import strict_json
from ledger.domain.errors import InterruptedUploadError, UsageError
from ledger.domain.files import custody_files, path_names
from ledger.domain.files.manifest import Folder, Omission
from ledger.domain.files.path_globs import PathGlobs

#: What to do about an upload of the same file with other details that was interrupted.
REFUSE: Final = "refuse"
RESUME: Final = "resume"
RESTART: Final = "restart"
_TOLD: Final = 5  # files that an error names


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """What applies to every item of one upload; ``members`` are top-level members of the events,
    ``body`` those of their bodies.

    ``own``: members of the body of what was given itself, and not of the files in a folder: what it
    is a part of, or replaces. ``part``: the exhibit number is that of the whole, of which what was
    given becomes the next part. ``again``: record anew what was recorded before.
    ``event_type``: of the opening event of a file, acquired, derived or copied. ``interrupted``:
    REFUSE, RESUME (with the details of then) or RESTART. ``place``, ``name``: of a file that lies
    elsewhere, under another name, at every try. ``images``: disk images, by their first segments
    as they were given. ``exclude``, ``root``: of folders, see folder_walk.walk. ``spooled``: what
    came through a pipe, in the place of a file. ``expected``: what lists say of digests.
    """

    members: dict[str, Any] = field(default_factory=dict)
    algorithms: tuple[str, ...] = ()
    again: bool = False
    part: bool = False
    own: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    event_type: str = "acquired"
    interrupted: str = REFUSE
    place: str = ""
    name: bytes = b""
    images: dict[Path, ImageRecord] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    spooled: SpooledInput | None = None
    expected: ExpectedDigests | None = None
    root: Path | None = None

    @property
    def identifiers(self) -> list[dict[str, Any]]:
        """Case and exhibit numbers, as they were said."""
        return list(self.members.get("identifiers", []))


@dataclass(frozen=True)
class UploadRequest:
    """A file or folder that was given; ``bound``: person and log.

    Raises:
        UsageError: neither, or a folder or file of custody's own.
    """

    path: Path
    options: UploadOptions
    bound: dict[str, str]

    @cached_property
    def is_folder(self) -> bool:
        """Whether it is a folder.

        Raises:
            UsageError: it is neither a file nor a folder.
        """
        if self.options.spooled is not None or self.options.root is not None:
            return self.options.root is not None  # or the walk says what it is
        try:
            mode = self.path.stat().st_mode
        except OSError as error:
            raise UsageError(
                f"cannot upload {self.path}: {error.strerror}", hint="check the path"
            ) from error
        if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
            kind = folder_walk.kind_of(mode)
            raise UsageError(
                f"{self.path} is a {kind}, expected a file or a folder",
                hint="image a device first, then upload the image",
            )
        return stat.S_ISDIR(mode)

    @property
    def image(self) -> ImageRecord | None:
        """The disk image whose first segment it is; None where it is none."""
        return self.options.images.get(self.path)

    @cached_property
    def place(self) -> str:
        """Where it is, however it was spelled; a link that was given is itself, not what it points
        to.
        """
        if self.options.place:
            return self.options.place
        if self.path.name in ("", ".", ".."):
            return os.path.realpath(self.path)
        return os.path.join(os.path.realpath(self.path.parent), self.path.name)  # noqa: PTH118  (a name may hold any byte)

    @cached_property
    def name(self) -> bytes:
        """Its name: never "." or ".."."""
        return self.options.name or os.fsencode(os.path.basename(self.place)) or b"/"  # noqa: PTH119

    @cached_property
    def _said(self) -> dict[str, Any]:
        options = self.options
        said: dict[str, Any] = {
            "members": options.members,
            "algorithms": list(options.algorithms),
            **self.bound,
        }
        said |= {"part": True} if options.part else {}
        of_files = {"type": options.event_type, "body": options.body}
        left = {"exclude": list(options.exclude)} if options.exclude else {}
        value = (
            {**said, **left, "type": "gathered", "body": options.own, "each": of_files}
            if self.is_folder
            else {**said, **of_files, "body": options.body | options.own}
        )
        return dict(json.loads(strict_json.dump(value)))

    def details(self) -> dict[str, Any]:
        """All that is signed of it besides what the file says of itself."""
        listed = {} if self.is_folder else self._listed(None)
        return {**self._said, "name": path_names.encode(self.name), "path": None, **listed}

    def details_of(self, relative: bytes) -> dict[str, Any]:
        """The same of a file in this folder."""
        of_folder = ("each", "exclude")
        said = {name: value for name, value in self._said.items() if name not in of_folder}
        said |= self._said["each"]
        return {
            **said,
            "name": path_names.encode(relative.rpartition(b"/")[2]),
            "path": path_names.encode(relative),
            **self._listed(path_names.encode(relative)),
        }

    def names_in_lists(self, path: str | None) -> list[bytes]:
        """Under which names lists of digests may have a file: the most exact one first.

        Args:
            path: below this folder, as details say it; None of what was given itself.
        """
        if path is None:
            return [os.fsencode(self.path), self.name]
        relative = path_names.decode(path)
        return [self.name + b"/" + relative, relative]

    def _listed(self, path: str | None) -> dict[str, Any]:
        """What lists of digests say of a file, as a member of its details."""
        lists = self.options.expected
        if lists is not None and self.image is not None and self.image.image.is_split:
            return {"segmentsListed": lists.of_each(self.image.image.names_in_lists())}
        found = lists.of(self.names_in_lists(path)) if lists is not None else {}
        return {"listed": found} if found else {}

    def expected(self, place: str) -> dict[str, Any] | None:
        """The details that a file at this place would be recorded with; None where it is none of
        this.
        """
        if place == self.place:
            return self.details()
        below = self.place.rstrip("/") + "/"
        return (
            self.details_of(os.fsencode(place.removeprefix(below)))
            if self.is_folder and place.startswith(below)
            else None
        )

    @property
    def source(self) -> str:
        """What the files of this folder were taken from, for their records: the folder by its name,
        behind the item that the folder itself is a part of. No name of a folder has a stroke.
        """
        name = path_names.encode(self.name)
        part_of = self.options.own.get("partOf", "")
        return f"{part_of}/{name}" if part_of else name

    def place_of(self, relative: bytes) -> str:
        """Where a file in this folder is."""
        return self.place.rstrip("/") + "/" + os.fsdecode(relative)

    def walk(
        self, own: folder_walk.Known
    ) -> Generator[folder_walk.File | Folder | Omission, None, None]:
        """What lies in this folder; see folder_walk.walk."""
        excluded = PathGlobs(self.options.exclude) if self.options.exclude else None
        return folder_walk.walk(self.path, own, excluded, self.options.root)

    def require_uploadable(self, own: folder_walk.Known) -> None:
        """Check that it is a file or folder, and nothing of custody's own: keys and records are no
        evidence.

        Args:
            own: files and folders of custody's by device and inode.

        Raises:
            UsageError: it is not, or lies in such a folder.
        """
        kind = "folder" if self.is_folder else "file"
        if self.options.spooled is not None:
            return
        where = Path(os.path.realpath(self.path))
        for one in (where, *where.parents) if own else ():
            found = one.stat()
            if (found.st_dev, found.st_ino) in own:
                raise own_files(self.path, kind if one == where else "folder")

    def as_before(self, attempt: UploadAttempt) -> UploadRequest:
        """The same with the details of an attempt at it."""
        said = attempt.details
        each = said.get("each", said)
        options = replace(
            self.options,
            members=said["members"],
            algorithms=tuple(said["algorithms"]),
            own=said["body"] if "each" in said else {},
            part=said.get("part", False),
            exclude=tuple(said.get("exclude", ())),
            body=each["body"],
            event_type=each["type"],
        )
        return replace(self, options=options)


def requests(
    paths: list[Path], options: UploadOptions, bound: dict[str, str], own: folder_walk.Known
) -> list[UploadRequest]:
    """What is asked for by paths, each of which is looked at before any is begun. Several of them
    are parts of the exhibit whose number was said: a number stands once in a case.

    Raises:
        UsageError: one is neither a file nor a folder, or custody's own.
    """
    numbered = any(one["scheme"] == "exhibit" for one in options.identifiers)
    options = replace(options, part=options.part or (numbered and len(paths) > 1))
    given = [UploadRequest(path, _of(path, options), bound) for path in paths]
    for request in given:
        request.require_uploadable(own)
    return given


def _of(path: Path, options: UploadOptions) -> UploadOptions:
    """What applies to one of several that were given: of a disk image, what it says besides."""
    image = options.images.get(path)
    return options if image is None else replace(options, own=image.body(options.own, options.body))


def own_files(path: Path, kind: str) -> UsageError:
    """What is told of custody's own files where somebody gives them."""
    return UsageError(
        f"{path} is or lies in a {kind} of custody's own: its keys and records are no evidence",
        hint=(
            "upload the folder beside it; what must be evidence all the same, pack into an "
            "archive first"
        ),
    )


def settle(outbox: UploadQueue, given: list[UploadRequest], mode: str) -> list[UploadRequest]:
    """What is to be recorded, once it is clear what becomes of interrupted attempts at the same
    files with other details.

    Raises:
        InterruptedUploadError: somebody has to decide, or the earlier attempt was recorded after
            all.
        UsageError: RESUME where nothing of it was interrupted.
    """
    if mode == RESUME:
        given = [_resumed(outbox, request) for request in given]
    open_ = []
    others = [*_others(outbox, given)]
    # Of a folder that cannot go on, since its number was taken meanwhile, the files are no part.
    ended = {one.top for one, _ in others if one.details["type"] == "gathered" and one.refused}
    for attempt, differs in others:
        recorded = outbox.is_recorded(attempt)
        if not recorded and (mode == RESTART or attempt.refused):
            outbox.attempts.supersede(attempt)
        elif recorded and mode == RESTART and attempt.top in ended:
            outbox.forget(attempt)
        else:
            open_.append((attempt, differs, recorded))
    if open_:
        raise _interrupted(open_)
    return given


def _resumed(outbox: UploadQueue, given: UploadRequest) -> UploadRequest:
    found = [
        attempt
        for place, attempts in outbox.attempts.ours()
        for attempt in attempts
        if place == given.place
    ]
    if not found:
        raise UsageError(
            f"no upload of {given.path} by you to this node was interrupted",
            hint="give the command without --resume",
        )
    return given.as_before(found[-1])


def _others(
    outbox: UploadQueue, given: list[UploadRequest]
) -> Iterator[tuple[UploadAttempt, list[str]]]:
    """Attempts at the same files with other details, and in what they differ."""
    for place, attempts in outbox.attempts.ours():
        for request in given:
            wanted = request.expected(place)
            if wanted is None or (not request.options.place and not os.path.lexists(place)):
                continue
            part = place != request.place
            left = [
                attempt
                for attempt in attempts
                if not (part and attempt.details["type"] == "gathered")
            ]
            if not any(attempt.details == wanted for attempt in left):
                yield from ((attempt, _differing(attempt.details, wanted)) for attempt in left)
            break


def _differing(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """In which of the details two attempts differ: names, never values, which are case data."""
    found = []
    for group in ("members", "body"):
        names = {*before[group], *now[group]}
        found += [name for name in sorted(names) if before[group].get(name) != now[group].get(name)]
    words = {
        "type": "kind of record",
        "algorithms": "digests",
        "name": "name",
        "path": "the folder that it is part of",
        "each": "method",
        "part": "exhibit number",
        "exclude": "what is excluded",
        "listed": "what a list of digests says",
    }
    return found + [word for name, word in words.items() if before.get(name) != now.get(name)]


def _interrupted(open_: list[tuple[UploadAttempt, list[str], bool]]) -> InterruptedUploadError:
    open_.sort(
        key=lambda opened: not opened[2]
    )  # what is recorded already stands first: it cannot be begun anew
    attempt, differs, recorded = open_[0]
    what = f"an upload of {attempt.path} with other details ({', '.join(differs)}) was interrupted"
    more = f", and of {len(open_) - 1} more" if len(open_) > 1 else ""
    tops = tuple(dict.fromkeys(opened.top for opened, _, _ in open_))[:_TOLD]
    if recorded:
        return InterruptedUploadError(
            f"{what}{more}, after it had been recorded as {attempt.evidence}",
            tops,
            attempt.evidence,
            hint=(
                "go on as before with --resume, which tells what was recorded; then give this "
                "command again for a second item"
            ),
        )
    return InterruptedUploadError(
        f"{what}{more}",
        tops,
        "",
        hint="go on as before with --resume, or begin anew with --restart",
    )


def require_no_keys(path: Path, head: bytes) -> None:
    """Refuse a single file of custody's own.

    Raises:
        UsageError: it is one.
    """
    if kind := custody_files.file_kind(head):
        raise own_files(path, kind)
