"""Upload: files and folders are sealed where they are, sent as blocks, and recorded by signed
events.

Order of durability: journal -> blocks at the node -> signed statement in the journal -> statement
at the node. An upload that was interrupted goes on with the same item, salt and CIDs; a file that
changed in between starts again afresh.

What the agency's profile asks for, and what a document must not say, is judged before a byte is
read. A file of a folder that cannot be recorded does not stop the upload: the signed manifest
names it with the reason.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ledger import system
from ledger.client import folder_walk, steady_file
from ledger.client import upload_request as givens
from ledger.client.content_sealer import ContentEncryptor
from ledger.client.folder import Gathering, shown
from ledger.client.steady_file import Made, Steady
from ledger.client.upload_attempts import UploadAttempt, UploadResult
from ledger.client.upload_drafts import extension, name_members, rehearse
from ledger.client.upload_queue import ContentChanged, UploadQueue
from ledger.client.upload_request import UploadOptions, UploadRequest
from ledger.domain.codecs.digests import MultiDigest
from ledger.domain.codecs.text import format_time
from ledger.domain.crypto import content_encryption
from ledger.domain.crypto.content_encryption import Content, Pieces
from ledger.domain.errors import SourceError
from ledger.domain.event.signing import Person, seal_keys, sign_event
from ledger.domain.files import manifest, media_types
from ledger.domain.files.manifest import Folder, Omission
from ledger.domain.ipld import cid as cids
from ledger.domain.ports.client import Journal, NodeApi
from ledger.domain.ports.node_and_chain import Clock

__all__ = ["LeftOut", "Upload", "UploadOptions", "UploadResult"]
#: Seconds since 1970 of the years 1 to 9999, which a time in a document can say.
_CALENDAR: Final = (-62_135_596_800, 253_402_300_799)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that was given, or lies in a given folder, and was not recorded. ``lost``: it would
    have been, but it could not be read, or looks like a file of custody's own.
    """

    path: str
    kind: str
    reason: str
    lost: bool


class Upload:
    """One run of uploads over one node.

    Args:
        progress: called with the number of content bytes read.
        own: files and folders of custody's, by device and inode, that are never taken in.
    """

    def __init__(
        self,
        person: Person,
        node: NodeApi,
        journal: Journal,
        clock: Clock,
        options: UploadOptions,
        progress: Callable[[int], None] = lambda count: None,
        own: folder_walk.Known = (),
    ) -> None:
        self._person = person
        self._node = node
        self._clock = clock
        self._options = options
        self._progress = progress
        self._own = own
        self._bound = {"person": person.certificate.pseudonym, "log": person.log_id.hex()}
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="seal")
        self._outbox = UploadQueue(node, journal, person, self._bound)
        #: What was left out, and what is to be said besides: complete when the run has ended.
        self.left_out: list[LeftOut] = []
        self.notices: list[str] = []

    def run(self, paths: list[Path], *, until_told: bool = False) -> Iterator[UploadResult]:
        """Upload every path; items come as soon as the node has acknowledged them.

        Args:
            until_told: keep the journal until ``told`` is called, so that whoever is stopped before
                they heard of it, and begins again, hears of the same items and does not record
                others.

        Raises:
            UsageError: something that cannot be uploaded, or details that no record can have.
            InterruptedUploadError: an upload with other details was interrupted. DemandError: the
                profile asks for more.
            SourceError: the only file that was given cannot be read, or changes.
        """
        kept = False
        try:
            given = [UploadRequest(path, self._options, self._bound) for path in paths]
            for request in given:  # every one is looked at before any is begun
                request.require_uploadable(self._own)
            given = givens.settle(self._outbox, given, self._options.interrupted)
            rehearse(self._node, self._person, self._clock, given)
            for request in given:
                try:
                    yield from self._folder(request) if request.is_folder else self._single(request)
                except SourceError as error:
                    if len(given) == 1:
                        self._outbox.keep()
                        raise
                    self.left_out.append(
                        LeftOut(
                            str(request.path),
                            "folder" if request.is_folder else "file",
                            error.reason,
                            lost=True,
                        )
                    )
            yield from self._outbox.flush()
            kept = until_told
            if not kept:
                self._outbox.finish()
        finally:
            self._pool.shutdown(cancel_futures=True)
            if not kept:
                self._outbox.close()

    def told(self) -> None:
        """The person heard what was recorded: the same command from now on records again."""
        try:
            self._outbox.finish()
        finally:
            self._outbox.close()

    def _single(self, given: UploadRequest) -> Iterator[UploadResult]:
        """A file that was given itself."""
        try:
            fd = os.open(given.path, os.O_RDONLY | system.CLOEXEC | system.NONBLOCK)
        except OSError as error:
            raise steady_file.unreadable(given.path, error) from error
        with os.fdopen(fd, "rb", buffering=0) as file:
            source = Steady(file, given.path)
            givens.require_no_keys(given.path, folder_walk.head_of(fd))
            more = (
                extension(linkTarget=os.fsencode(given.path.readlink()))
                if given.path.is_symlink()
                else {}
            )
            attempt = self._outbox.begin(given.place, given.place, given.details())
            described = {**name_members(given.name, None, more), **given.options.body}
            self._file(given, source, given.path, attempt, described)
        yield from self._outbox.ready()

    def _file(
        self,
        given: UploadRequest,
        source: Steady,
        path: Path,
        attempt: UploadAttempt,
        described: dict[str, Any],
    ) -> None:
        described["mediaType"] = media_types.of_name(described["name"])
        modified = source.before.st_mtime_ns
        if _CALENDAR[0] <= modified // 10**9 <= _CALENDAR[1]:
            described["modified"] = format_time(modified // 10**9)
        described["ext"] = {**described.get("ext", {}), "modified": manifest.seconds(modified)}
        self._item(given.options, source, path, attempt, given.options.event_type, described)

    def _item(
        self,
        options: UploadOptions,
        source: Steady | Made,
        path: Path,
        attempt: UploadAttempt,
        event_type: str,
        described: dict[str, Any],
        spare: str = "",
    ) -> None:
        """Seal a stream and queue its opening event. ``spare``: id of a new item, for other content
        than what is recorded under the attempt's id already.
        """
        if (
            attempt.submission is not None
            and attempt.file == source.identity
            and self._outbox.is_stored(attempt)
        ):
            # Signed and stored before the crash: the very same statement is sent again.
            self._send_again(attempt, source, path)
            self._progress(source.size)
            return
        try:
            attempt, sealer = self._seal_all(options, source, path, attempt, spare)
            digests = sealer.digest.hexdigests()
            source.require_same(digests["sha-256"])
        except SourceError:
            self._outbox.abandon(attempt)
            raise
        if attempt.submission is not None:
            self._send_again(attempt, source, path)
            return
        cid = cids.to_text(sealer.root)
        commitment = content_encryption.commit(attempt.content_key, attempt.evidence, attempt.salt)
        content = Content(
            cid, content_encryption.padded_size(source.size), attempt.salt, commitment
        )
        done = UploadResult(
            str(path), attempt.evidence, source.size, digests, cid, None, (), attempt.resumed
        )
        if options.skip_duplicates and event_type == "acquired":
            # The answer to a registration names duplicates too; here they decide whether there is
            # one.
            duplicates = tuple(self._node.duplicates(digests["sha-256"]))
            if duplicates:
                self._outbox.tell(replace(done, evidence=duplicates[0], duplicates=duplicates))
                return
        now = self._clock.now()
        grants = seal_keys(
            self._person,
            attempt.evidence,
            record_key=attempt.record_key,
            content_key=attempt.content_key,
            commitment=commitment,
        )
        signed = sign_event(
            self._person,
            event_type,
            {"digests": digests, "size": source.size, **described, "content": content.as_json()},
            evidence=attempt.evidence,
            seq=0,
            prev=None,
            time=now,
            members={"occurred": {"from": format_time(now), "clock": "system"}, **options.members},
            sealed_keys=grants,
        )
        self._outbox.queue(signed.submission, done, source.identity)

    def _send_again(self, attempt: UploadAttempt, source: Steady | Made, path: Path) -> None:
        assert attempt.submission is not None
        assert attempt.done is not None
        done = replace(attempt.done, path=str(path))
        if done.index is not None:
            self._outbox.tell(done)
        else:
            self._outbox.queue(attempt.submission, done, source.identity)

    def _seal_all(
        self,
        options: UploadOptions,
        source: Steady | Made,
        path: Path,
        attempt: UploadAttempt,
        spare: str,
    ) -> tuple[UploadAttempt, ContentEncryptor]:
        """Seal under the attempt's keys; afresh where the content is not what an earlier run
        saw.
        """
        try:
            sealer = self._seal(options, source, path, attempt)
            if attempt.done is None or attempt.done.cid == cids.to_text(sealer.root):
                return attempt, sealer
        except ContentChanged:
            pass
        listed = attempt.submission is not None and (
            bool(spare) or self._outbox.opening(attempt.evidence) is not None
        )
        if listed:
            spare = spare or uuid.uuid4().urn
            if self._outbox.confirmed(attempt) is not None:
                self.notices.append(
                    f"{path} changed since its upload was interrupted; the earlier content is "
                    f"recorded as {attempt.evidence}"
                )
        attempt = self._outbox.afresh(attempt, spare)
        source.file.seek(0)
        return attempt, self._seal(options, source, path, attempt)

    def _seal(
        self, options: UploadOptions, source: Steady | Made, path: Path, attempt: UploadAttempt
    ) -> ContentEncryptor:
        pieces = Pieces(attempt.content_key, attempt.evidence, attempt.salt)
        sealer = ContentEncryptor(
            source.file,
            source.size,
            pieces,
            self._pool,
            MultiDigest(options.algorithms),
            self._progress,
            path,
        )
        for block in sealer.blocks():
            self._outbox.add_block(attempt, block)
        return sealer

    def _folder(self, given: UploadRequest) -> Iterator[UploadResult]:
        """Every regular file of a folder as an item of its own, then the folder as a gathered
        item.
        """
        # so that everything acknowledged below is a member of the folder
        yield from self._outbox.flush()
        gathered = self._outbox.begin(given.place, given.place, given.details())
        recorded = (
            gathered.submission is not None and self._outbox.opening(gathered.evidence) is not None
        )
        spare = (
            uuid.uuid4().urn if recorded else ""
        )  # of a folder that was recorded, and is not any more what it was
        found = Gathering(given)
        with closing(folder_walk.walk(given.path, self._own)) as walk:
            for entry in walk:
                if isinstance(entry, Folder):
                    found.manifest.folders.append(entry)
                elif isinstance(entry, Omission):
                    self._omit(found, entry)
                else:
                    self._member(found, entry, spare or gathered.evidence)
                    for done in self._outbox.ready():
                        found.acknowledged(done)
                        yield done
        for done in self._outbox.flush():
            found.acknowledged(done)
            yield done
        members, omissions = found.manifest.members, found.manifest.omissions
        members.sort(key=lambda member: member.path)
        described = name_members(given.name, None, {})
        described |= {
            "mediaType": manifest.MEDIA_TYPE,
            "count": len(members),
            "omissions": shown(omissions),
            "omitted": len(omissions),
        }
        # The same folder gives the same manifest, and so the same item after a crash.
        self._item(
            given.options,
            Made(found.manifest.encode()),
            given.path,
            gathered,
            "gathered",
            described,
            spare,
        )
        yield from self._outbox.flush()

    def _omit(self, gathering: Gathering, omission: Omission) -> None:
        if omission.kind == folder_walk.OWN and not omission.path:
            raise givens.own_files(gathering.given.path, omission.reason.rpartition(": ")[2])
        gathering.manifest.omissions.append(omission)
        lost = omission.kind in ("file", "folder", "unknown") or (
            omission.kind == folder_walk.OWN and omission.reason != folder_walk.IN_USE
        )
        self.left_out.append(
            LeftOut(str(gathering.path(omission.path)), omission.kind, omission.reason, lost)
        )

    def _member(self, gathering: Gathering, one: folder_walk.File, part_of: str) -> None:
        """A file of a folder: queued, or an omission."""
        path, given = gathering.path(one.path), gathering.given
        try:
            fd = one.open()
        except OSError as error:
            self._omit(gathering, Omission(one.path, "file", folder_walk.reason_of(error)))
            return
        with os.fdopen(fd, "rb", buffering=0) as file:
            try:
                source = Steady(file, path)
                known = (source.before.st_dev, source.before.st_ino)
                if own := folder_walk.why_own(fd, known, self._own):
                    self._omit(gathering, Omission(one.path, folder_walk.OWN, own))
                    return
                attempt = self._outbox.begin(
                    given.place_of(one.path), given.place, given.details_of(one.path)
                )
                described = {
                    **name_members(one.name, one.path, {}),
                    **given.options.body,
                    "partOf": part_of,
                }
                self._file(given, source, path, attempt, described)
            except SourceError as error:
                self._omit(gathering, Omission(one.path, "file", error.reason))
                return
            gathering.expect(
                one.path,
                folder_walk.facts_of(
                    source.before,
                    system.attributes(fd),
                    gathering.first_name(known, one.path),
                ),
            )
