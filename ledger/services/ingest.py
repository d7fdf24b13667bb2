"""Upload: files and folders are sealed where they are, sent as blocks, and recorded by signed events.

Order of durability: journal -> blocks at the node -> signed statement in the journal -> statement at the node. An upload
that was interrupted goes on with the same item, salt and CIDs; a file that changed in between starts again afresh.
"""

from __future__ import annotations

import mimetypes
import os
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

from ledger.domain import cid as cids
from ledger.domain import envelope, jsontext
from ledger.domain.digests import MultiDigest
from ledger.domain.encoding import b64url, format_time
from ledger.domain.envelope import Content, Pieces
from ledger.domain.errors import UnreadableError, UsageError
from ledger.domain.ports import Clock, Journal, NodeApi
from ledger.services.outbox import Attempt, Outbox, Restarted, Uploaded
from ledger.services.sealing import Sealer
from ledger.services.signing import Person, seal_keys, sign_event

MANIFEST_TYPE: Final = "application/vnd.custody.manifest+json"
_FILE_TYPES: Final = (
    (stat.S_ISLNK, "symbolic link"),
    (stat.S_ISFIFO, "named pipe"),
    (stat.S_ISBLK, "block device"),
    (stat.S_ISCHR, "character device"),
    (stat.S_ISSOCK, "socket"),
)


@dataclass(frozen=True, slots=True)
class Options:
    """What applies to every item of one upload; ``members`` are top-level members of the events, ``body`` those of their bodies.

    ``event_type``: of the opening event of a file, acquired, derived or copied.
    """

    members: dict[str, Any] = field(default_factory=dict)
    algorithms: tuple[str, ...] = ()
    skip_duplicates: bool = False
    body: dict[str, Any] = field(default_factory=dict)
    event_type: str = "acquired"


def measure(paths: list[Path]) -> tuple[int, int]:
    """(number of files, bytes) below ``paths``, for a progress bar."""
    count = size = 0
    for path in paths:
        for file in _walk(path) if path.is_dir() else [path]:
            details = file.lstat()
            if stat.S_ISREG(details.st_mode) or not path.is_dir():
                count, size = count + 1, size + details.st_size
    return count, size


class Upload:
    """One run of uploads over one node.

    Args:
        progress: called with the number of content bytes read.
    """

    def __init__(
        self,
        person: Person,
        node: NodeApi,
        journal: Journal,
        clock: Clock,
        options: Options,
        progress: Callable[[int], None] = lambda count: None,
    ) -> None:
        self._person = person
        self._node = node
        self._clock = clock
        self._options = options
        self._progress = progress
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="seal")
        self._outbox = Outbox(node, journal)

    def run(self, paths: list[Path]) -> Iterator[Uploaded]:
        """Upload every path; items come as soon as the node has acknowledged them.

        Raises:
            UsageError: something that cannot be uploaded. UnreadableError: a file cannot be read, or changed.
        """
        kinds = [(path, _require_uploadable(path)) for path in paths]
        try:
            for path, is_folder in kinds:
                if is_folder:
                    yield from self._outbox.flush()  # so that everything acknowledged below is a member of the folder
                    yield from self._folder(path)
                else:
                    self._file(path, name=path.name)
                    yield from self._outbox.ready()
            yield from self._outbox.flush()
            self._outbox.finish()
        finally:
            self._pool.shutdown(cancel_futures=True)
            self._outbox.close()

    def _file(self, path: Path, *, name: str, relative: str | None = None, part_of: str | None = None) -> None:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            raise UnreadableError(f"cannot read {path}: {error.strerror}", hint="check the path and your permissions") from error
        with os.fdopen(fd, "rb", buffering=0) as file:
            before = os.fstat(fd)
            if not stat.S_ISREG(before.st_mode):
                raise UsageError(f"{path} is not a regular file any more")
            identity = [str(path.absolute()), before.st_size, before.st_mtime_ns, *self._purpose()]
            described = {**_name_members(name, relative), **self._options.body}
            described["mediaType"] = mimetypes.guess_type(name)[0] or "application/octet-stream"
            described["modified"] = format_time(max(int(before.st_mtime), 0))
            if part_of is not None:
                described["partOf"] = part_of
            self._item(path, self._options.event_type, file, before.st_size, identity, described)
            after = os.fstat(fd)
            if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                self._outbox.drop_last()
                raise UnreadableError(f"{path} changed while it was read", hint="stop what writes to it, then upload again")

    def _purpose(self) -> list[str]:
        """What makes another upload of one file another item: it is recorded as something else, or as coming from elsewhere."""
        if self._options.event_type == "acquired" and not self._options.body:
            return []
        return [self._options.event_type, sha256(jsontext.dump(self._options.body)).hexdigest()]

    def _item(
        self,
        path: Path,
        event_type: str,
        file: BinaryIO,
        size: int,
        identity: list[Any],
        members: dict[str, Any],
        evidence: str | None = None,
    ) -> None:
        """Seal a stream and queue its opening event."""
        attempt = self._outbox.begin(identity, evidence=evidence)
        if attempt.submission is not None and attempt.done is not None and self._outbox.is_stored(attempt):
            # Signed and stored before the crash: the very same statement is sent again.
            self._outbox.queue(attempt.submission, attempt.done)
            self._progress(size)
            return
        try:
            sealer = self._seal(attempt, file, size)
        except Restarted:
            file.seek(0)
            attempt = self._outbox.restart(attempt)
            sealer = self._seal(attempt, file, size)
        if attempt.submission is not None and attempt.done is not None:
            self._outbox.queue(attempt.submission, attempt.done)
            return
        digests = sealer.digest.hexdigests()
        cid = cids.to_text(sealer.root)
        commitment = envelope.commit(attempt.content_key, attempt.evidence, attempt.salt)
        content = Content(cid, envelope.padded_size(size), attempt.salt, commitment)
        done = Uploaded(str(path), attempt.evidence, size, digests, cid, None, (), attempt.resumed)
        if self._options.skip_duplicates and event_type == "acquired":
            # The answer to a registration names duplicates too; here they decide whether there is one.
            duplicates = tuple(self._node.duplicates(digests["sha-256"]))
            if duplicates:
                self._outbox.skip(replace(done, evidence=duplicates[0], duplicates=duplicates))
                return
        now = self._clock.now()
        grants = seal_keys(
            self._person, attempt.evidence, record_key=attempt.record_key, content_key=attempt.content_key, commitment=commitment
        )
        signed = sign_event(
            self._person,
            event_type,
            {"digests": digests, "size": size, **members, "content": content.as_json()},
            evidence=attempt.evidence,
            seq=0,
            prev=None,
            time=now,
            members={"occurred": {"from": format_time(now), "clock": "system"}, **self._options.members},
            sealed_keys=grants,
        )
        self._outbox.queue(signed.submission, done)

    def _seal(self, attempt: Attempt, file: BinaryIO, size: int) -> Sealer:
        pieces = Pieces(attempt.content_key, attempt.evidence, attempt.salt)
        sealer = Sealer(file, size, pieces, self._pool, MultiDigest(self._options.algorithms), self._progress)
        for block in sealer.blocks():
            self._outbox.add_block(attempt, block)
        return sealer

    def _folder(self, folder: Path) -> Iterator[Uploaded]:
        """Every regular file of a folder as an item of its own, then the folder as a gathered item."""
        root = folder.absolute()
        gathered = self._outbox.begin([str(root), "folder", 0])
        members: list[dict[str, Any]] = []
        omissions: list[dict[str, str]] = []
        for path in _walk(folder):
            relative = path.relative_to(folder)
            reason = _not_regular(path)
            if reason:
                omissions.append({"path": _printable(str(relative)), "reason": reason})
                continue
            self._file(path, name=path.name, relative=str(relative), part_of=gathered.evidence)
            for done in self._outbox.ready():
                members.append(_manifest_row(done, folder))
                yield done
        for done in self._outbox.flush():
            members.append(_manifest_row(done, folder))
            yield done
        manifest = jsontext.dump({"v": 1, "members": members, "omissions": omissions})
        described = _name_members(root.name or "/", None)
        described |= {"mediaType": MANIFEST_TYPE, "count": len(members), "omissions": omissions[:1000], "omitted": len(omissions)}
        # The same members give the same manifest, and so the same attempt after a crash.
        identity = [str(root), "manifest", sha256(manifest).hexdigest()]
        self._item(folder, "gathered", BytesIO(manifest), len(manifest), identity, described, gathered.evidence)
        yield from self._outbox.flush()


def _manifest_row(done: Uploaded, folder: Path) -> dict[str, Any]:
    relative = _printable(str(Path(done.path).relative_to(folder)))
    return {"evidence": done.evidence, "path": relative, "size": done.size, "digests": done.digests, "cid": done.cid}


def _walk(folder: Path) -> Iterator[Path]:
    """Everything below a folder but folders, in a fixed order; links are not followed."""
    for parent, folders, files in os.walk(folder, followlinks=False, onerror=_raise):
        folders.sort()
        links = [name for name in folders if Path(parent, name).is_symlink()]
        yield from (Path(parent, name) for name in sorted([*files, *links]))


def _raise(error: OSError) -> None:
    raise UnreadableError(f"cannot read {error.filename}: {error.strerror}", hint="check your permissions") from error


def _not_regular(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISREG(mode):
        return ""
    return next((name for test, name in _FILE_TYPES if test(mode)), "special file")


def _require_uploadable(path: Path) -> bool:
    """True for a folder, False for a file.

    Raises:
        UsageError: anything else, with what it is.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UsageError(f"cannot upload {path}: {error.strerror}", hint="check the path") from error
    if stat.S_ISDIR(mode) or stat.S_ISREG(mode):
        return stat.S_ISDIR(mode)
    kind = next((name for test, name in _FILE_TYPES if test(mode)), "special file")
    raise UsageError(f"{path} is a {kind}, expected a file or a folder", hint="image a device first, then upload the image")


def _printable(name: str) -> str:
    """The name as text; bytes that are not UTF-8 are shown as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _name_members(name: str, relative: str | None) -> dict[str, Any]:
    members: dict[str, Any] = {"name": _printable(name)}
    if relative is not None:
        members["path"] = _printable(relative)
    if members["name"] != name:
        members["ext"] = {"nameBytes": b64url(os.fsencode(name))}
    return members
