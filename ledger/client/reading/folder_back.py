"""A recorded folder brought back onto a disk: each file is an item of its own, for which an access
is signed, and is compared with its own signed record and with the folder's manifest.

- what stands there already is compared, and left where it is the file: so a run goes on where one
  ended, and signs no access for what it need not read
- times and rights are those that were recorded; owner, attributes, and set-user-id are not given
- what cannot be brought does not stop the rest, unless nothing further could come: no network, no
  space
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

from ledger.client.files.written_folder import WrittenFolder
from ledger.client.reading import retrieval
from ledger.client.reading.retrieval import ReaderApi
from ledger.domain.codecs.digests import MultiDigest
from ledger.domain.errors import CustodyError, LockedError, NetworkError, VerificationError
from ledger.domain.event.signing import Person
from ledger.domain.files import path_names, restored_names
from ledger.domain.files.manifest import Facts, Folder, Manifest, Member
from ledger.domain.ports.node_and_chain import Clock

_CHUNK: Final = 1 << 20
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@dataclass(frozen=True, slots=True)
class NotBack:
    """A file or folder that is not there as it was recorded. ``contradicts``: what the node sent
    is not what was signed, or the manifest and the file's own record differ.
    """

    path: bytes
    evidence: str
    reason: str
    hint: str | None = None
    contradicts: bool = False


@dataclass(slots=True)
class BroughtBack:
    """What became of a folder: files fetched, files that were there already, what failed, and how
    many were not tried any more.
    """

    fetched: int = 0
    kept: int = 0
    failed: list[NotBack] = field(default_factory=list)
    untried: int = 0

    @property
    def whole(self) -> bool:
        """Whether all of it is there."""
        return not self.failed and not self.untried


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file as it is to be: size, digests, and what the file system said of it, where that was
    recorded beside.
    """

    size: int
    digests: dict[str, str]
    facts: Facts | None


class _OtherError(Exception):
    """Why a file is not there as it was recorded."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads from which node, and why, as each signed access says it."""

    node: ReaderApi
    person: Person
    clock: Clock
    basis: dict[str, Any]


class FolderBack:
    """One folder on its way back.

    Args:
        top: the folder to write into. force: other files that stand there are written over.
        progress: called with the bytes of the files as they come, or with their number.
        count: which of the two, "bytes" or "files".
    """

    def __init__(
        self,
        reading: Reading,
        top: WrittenFolder,
        *,
        force: bool = False,
        progress: Callable[[int], None] = lambda count: None,
        count: str = "bytes",
    ) -> None:
        self._reading = reading
        self._top = top
        self._force = force
        self._bytes = progress if count == "bytes" else lambda count: None
        self._files = progress if count == "files" else lambda count: None
        self._made: set[tuple[int, int]] = set()  # files that are there, by device and inode
        self.done = BroughtBack()

    def bring(self, manifest: Manifest, *, top_mode: bool = False) -> BroughtBack:
        """Bring back what a manifest lists.

        Args:
            top_mode: whether the top folder gets its recorded mode, too; else it keeps the one
                that it has.
        """
        members = sorted(manifest.members, key=lambda member: member.path)
        folders = sorted(manifest.folders, key=lambda folder: folder.path)
        refused = restored_names.refused(
            [member.path for member in members],
            [folder.path for folder in folders],
            self._top.disk(),
        )
        owners = {member.path: member.evidence for member in members}
        for path, reason in refused.items():
            self._fail(path, owners.get(path, ""), reason)
        self._make(folders, refused)
        self._members([member for member in members if member.path not in refused])
        self._settle(folders, refused, top_mode=top_mode)
        return self.done

    def _fail(self, path: bytes, evidence: str, reason: str, **more: Any) -> None:
        self.done.failed.append(NotBack(path, evidence, reason, **more))

    def _make(self, folders: list[Folder], refused: Collection[bytes]) -> None:
        for folder in folders:
            if folder.path and folder.path not in refused:
                try:
                    with self._top.below(folder.path.split(b"/")):
                        pass
                except OSError as error:
                    self._fail(folder.path, "", _why(error))

    def _settle(self, folders: list[Folder], refused: Collection[bytes], *, top_mode: bool) -> None:
        """Give the folders their times and modes, those within others first: what is written into a
        folder changes its time.
        """
        gone = {failed.path for failed in self.done.failed} | set(refused)
        for folder in reversed(folders):
            if folder.path in gone:
                continue
            names = folder.path.split(b"/") if folder.path else []
            mode = folder.facts.rights if names or top_mode else None
            try:
                with self._top.below(names) as opened:
                    opened.settle(mode, folder.facts.modified)
            except OSError as error:
                self._fail(
                    folder.path, "", f"it is there, with another time or mode: {_why(error)}"
                )

    def _members(self, members: list[Member]) -> None:
        for at, member in enumerate(members):
            self._files(1)
            try:
                self._member(member)
            except _OtherError as error:
                self._fail(member.path, member.evidence, str(error))
            except OSError as error:
                self._fail(member.path, member.evidence, _why(error))
                if is_over(error):
                    self.done.untried = len(members) - at - 1
                    return
            except CustodyError as error:
                contradicts = isinstance(error, VerificationError)
                self._fail(
                    member.path,
                    member.evidence,
                    error.message,
                    hint=error.hint,
                    contradicts=contradicts,
                )
                if is_over(error):
                    self.done.untried = len(members) - at - 1
                    return

    def bring_file(self, evidence: str, access: str, body: dict[str, Any], name: bytes) -> bytes:
        """Bring an item that is a file itself into the folder, under its name or that name with a
        number, where other files stand.

        Args:
            access: to it, which was signed. body: what its record says.

        Returns:
            the name that it has.

        Raises:
            CustodyError: as for ``retrieval.fetch``. OSError: the disk refused.
        """
        reading, wanted = self._reading, _Wanted(body["size"], body["digests"], None)
        for candidate in _numbered(name):
            try:
                there = self._is_there(wanted, self._top, candidate)
            except _OtherError:
                continue
            except OSError as error:
                if error.errno != errno.EEXIST:
                    raise
                continue
            if there:
                self.done.kept += 1
                self._bytes(wanted.size)
                return candidate
            break
        self._write(
            wanted,
            lambda file: retrieval.fetch(
                reading.node, reading.person, evidence, access, file, self._bytes, recorded=body
            ),
            self._top,
            candidate,
        )
        return candidate

    def _member(self, member: Member) -> None:
        """Bring back one file, where it is not there already."""
        *above, name = member.path.split(b"/")
        wanted = _Wanted(member.size, member.digests, member.facts)
        with self._top.below(above) as folder:
            if self._is_there(wanted, folder, name):
                self.done.kept += 1
                self._bytes(member.size)
            else:
                folder.require_writable()
                self._write(wanted, lambda file: self._fetch(member, file), folder, name)

    def _write(
        self,
        wanted: _Wanted,
        fetch: Callable[[BinaryIO], object],
        folder: WrittenFolder,
        name: bytes,
    ) -> None:
        """Write a file that appears under its name when all of it was compared."""
        with self._top.new() as (file, made):
            fetch(file)
            file.flush()
            late = _settled(file, self._top, made, wanted)
            file.close()
            self._top.put(made, folder, name, force=self._force)
        found = folder.found(name)
        if found is not None:
            self._made.add((found.st_dev, found.st_ino))
        self.done.fetched += 1
        if late:
            raise _OtherError(late)

    def _is_there(self, wanted: _Wanted, folder: WrittenFolder, name: bytes) -> bool:
        """Whether the very file stands there; it gets the time and mode that were recorded.

        Raises:
            _OtherError: another file does, and is not to be written over. OSError: no file does.
        """
        try:
            file = folder.open(name)
        except OSError as error:
            if not self._force or error.errno not in (errno.EEXIST, errno.EACCES):
                raise
            return False  # a link is replaced, and never followed
        if file is None:
            return False
        with file:
            found = folder.found(name)
            if found is not None and (found.st_dev, found.st_ino) in self._made:
                raise _OtherError("this disk takes it for another file of the folder")
            if _digests(file, wanted) == (wanted.size, wanted.digests):
                if found is not None:
                    self._made.add((found.st_dev, found.st_ino))
                if late := _settled(file, folder, name, wanted):
                    raise _OtherError(late)
                return True
        if not self._force:
            raise _OtherError("another file stands there; --force writes over it")
        return False

    def _fetch(self, member: Member, file: BinaryIO) -> None:
        """Sign an access to a file, and write its content, compared with its record and with the
        manifest.

        Raises:
            VerificationError: one of them differs.
        """
        reading = self._reading
        who = (reading.node, reading.person, reading.clock)
        access = retrieval.record_access(*who, member.evidence, mode="copy", basis=reading.basis)
        body = retrieval.content_record(reading.node.details(member.evidence, access))
        _require_listed(member, body)
        left = member.size

        def advance(count: int) -> None:
            nonlocal left
            self._bytes(min(left, count))  # what was sent is padded
            left -= min(left, count)

        retrieval.fetch(
            reading.node, reading.person, member.evidence, access, file, advance, recorded=body
        )


def is_over(error: Exception) -> bool:
    """Whether nothing further could come either: no access is signed for it."""
    if isinstance(error, OSError):
        return error.errno in _FULL
    return isinstance(error, NetworkError | LockedError)


def _require_listed(member: Member, body: dict[str, Any]) -> None:
    """Check that a file's own record says what the folder's manifest says of it.

    Raises:
        VerificationError: it does not.
    """
    differing = [
        word
        for word, recorded, listed in (
            ("size", body.get("size"), member.size),
            ("digests", body.get("digests"), member.digests),
            ("CID", body["content"].get("cid"), member.cid),
            ("path", body.get("path"), path_names.encode(member.path)),
        )
        if recorded != listed
    ]
    if differing:
        raise VerificationError(
            9,
            "its own record and the folder's manifest differ: " + ", ".join(differing),
            hint="tell an auditor: both are signed, and one of them is not true",
        )


def _digests(file: BinaryIO, wanted: _Wanted) -> tuple[int, dict[str, str]]:
    """Size and digests of a file, by the algorithms of its record."""
    digest = MultiDigest(wanted.digests)
    while data := file.read(_CHUNK):
        digest.update(data)
        if digest.size > wanted.size:
            break  # it is another one, however long
    found = digest.hexdigests()
    return digest.size, {name: found[name] for name in wanted.digests}


def _settled(file: BinaryIO, folder: WrittenFolder, name: bytes, wanted: _Wanted) -> str:
    """Give a file its time and mode; why it has others, where the disk refuses."""
    facts = wanted.facts
    if facts is None:
        return ""
    try:
        folder.settle_file(file, name, facts.rights, facts.modified)
    except OSError as error:
        return f"it is there, with another time or mode: {_why(error)}"
    return ""


def _numbered(name: bytes) -> Iterator[bytes]:
    """A name, then the same with a number before its ending, from 2 on."""
    stem, dot, ending = name.rpartition(b".")
    stem, ending = (stem, dot + ending) if stem else (name, b"")
    yield name
    for number in itertools.count(2):
        yield b"%s-%d%s" % (stem, number, ending)


def _why(error: OSError) -> str:
    return error.strerror or str(error)
