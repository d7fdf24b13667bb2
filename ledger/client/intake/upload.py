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
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from ledger import system
from ledger.client.files import folder_walk
from ledger.client.files.segmented_file import SegmentedFile
from ledger.client.files.steady_file import Made, Steady
from ledger.client.images import image_record
from ledger.client.intake import given_source, part_numbers
from ledger.client.intake import upload_request as givens
from ledger.client.intake.attempt_sealing import AttemptSealing
from ledger.client.intake.file_draft import FileDraft
from ledger.client.intake.folder import Gathering, LeftOut
from ledger.client.intake.part_numbers import PartNumbers
from ledger.client.intake.recorded_before import RecordedBefore, differing
from ledger.client.intake.upload_attempts import UploadAttempt, UploadResult
from ledger.client.intake.upload_drafts import described, name_members, rehearse
from ledger.client.intake.upload_queue import UploadQueue
from ledger.client.intake.upload_request import UploadOptions, UploadRequest
from ledger.domain.codecs.text import format_time
from ledger.domain.crypto import content_encryption
from ledger.domain.crypto.content_encryption import Content
from ledger.domain.errors import ConflictError, SourceError
from ledger.domain.event import same_record
from ledger.domain.event.signing import Person, seal_keys, sign_event
from ledger.domain.files.manifest import Folder, Omission
from ledger.domain.ipld import cid as cids
from ledger.domain.ports.client import Journal, NodeApi
from ledger.domain.ports.node_and_chain import Clock

__all__ = ["LeftOut", "Upload", "UploadOptions", "UploadResult"]


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
        self._outbox = UploadQueue(node, journal, person, self._bound)
        #: What this person recorded before.
        self.before = RecordedBefore(person, node)
        self._parts_of: dict[str, PartNumbers] = {}
        #: What was left out, and what is to be said besides: complete when the run has ended.
        self.left_out: list[LeftOut] = []
        self.notices: list[str] = []
        self._sealing = AttemptSealing(self._outbox, progress, self.notices)

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
            given = givens.requests(paths, self._options, self._bound, self._own)
            given = givens.settle(self._outbox, given, self._options.interrupted)
            rehearse(self._node, self._person, self._clock, given)
            for request in given:
                try:
                    yield from self._folder(request) if request.is_folder else self._single(request)
                except SourceError as error:
                    if len(given) == 1:
                        self._outbox.keep()
                        raise
                    kind = "folder" if request.is_folder else "file"
                    lost = LeftOut(str(request.path), kind, error.reason, lost=True)
                    self.left_out.append(lost)
            yield from self._outbox.flush()
            kept = until_told
            if not kept:
                self._outbox.finish()
        finally:
            self._sealing.close()
            if not kept:
                self._outbox.close()

    def told(self) -> None:
        """The person heard what was recorded: the same command from now on records again."""
        try:
            self._outbox.finish()
        finally:
            self._outbox.close()

    def _single(self, given: UploadRequest) -> Iterator[UploadResult]:
        """A file that was given itself, or a disk image by its first segment."""
        with given_source.opened(given) as source:
            said = described(given_source.names(given), given.options.body | given.options.own)
            draft = FileDraft(
                given, given.path, given.place, given.details(), said, self._parts(given),
                given.options.event_type,
            )  # fmt: skip
            self.before.look_for([draft.wanted] if self._may_be_left_out(draft) else [])
            self._file(draft, source)
        yield from self._outbox.ready()

    def _parts(self, given: UploadRequest) -> PartNumbers | None:
        """The numbers of which what was given has the next one; None where it has its own."""
        return self._numbers(given.options.identifiers) if given.options.part else None

    def _numbers(self, identifiers: part_numbers.Identifiers) -> PartNumbers:
        """The numbers of parts of an exhibit, in one order for all that was given."""
        numbers = PartNumbers(self._node, identifiers, self._outbox.attempts.all())
        return self._parts_of.setdefault(numbers.whole, numbers)

    def _may_be_left_out(self, draft: FileDraft) -> bool:
        """Whether it is looked whether a file was recorded before; not of one that an earlier run
        began, which goes on.
        """
        return (
            not draft.given.options.again
            and draft.given.options.event_type in same_record.FOUND
            and not self._outbox.attempts.has(draft.place, draft.details)
        )

    def _file(
        self,
        draft: FileDraft,
        source: Steady | SegmentedFile | Made,
        refusal: ConflictError | None = None,
    ) -> None:
        """Record a file, or leave it out where the person recorded it before.

        Raises:
            ConflictError: ``refusal``, or another item bears its number.
        """
        draft.describe(source)
        if self._may_be_left_out(draft) and self._is_left_out(draft, source):
            return
        if draft.details["path"] is None:
            refusal = self._taken(draft)
        if refusal is not None:
            raise refusal
        attempt = self._outbox.begin(draft.place, draft.given.place, draft.details)
        self._item(draft, source, attempt)

    def _taken(self, draft: FileDraft) -> ConflictError | None:
        own = {attempt.evidence for attempt in self._outbox.attempts.all()}
        return part_numbers.taken_by(self._node, draft.as_said, own)

    def _is_left_out(self, draft: FileDraft, source: Steady | SegmentedFile | Made) -> bool:
        """Whether the person recorded it before; then that is told."""
        found = self.before.same(draft.wanted, source, numbered=draft.parts is None)
        if found is None:
            return False
        body = found["body"]
        draft.compare(body["digests"], image_record.digests_of_segments(body))
        self._progress(source.size)
        self._outbox.tell(
            UploadResult(
                str(draft.path), found["evidence"], source.size, body["digests"],
                body["content"]["cid"], None, (), resumed=False,
                exhibit=part_numbers.number_of(found.get("identifiers", []), "exhibit"),
                differs=differing(found, draft.details), mismatch=draft.mismatch,
            )
        )  # fmt: skip
        return True

    def _item(
        self,
        draft: FileDraft,
        source: Steady | SegmentedFile | Made,
        attempt: UploadAttempt,
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
            self._send_again(attempt, source, draft.path)
            self._progress(source.size)
            return
        try:
            if draft.given.image is not None:
                draft.given.image.compare(self._progress)
            attempt, sealer = self._sealing.seal(
                draft.given.options, source, draft.path, attempt, spare, draft.listed
            )
            digests = sealer.digest.hexdigests()
            source.require_same(digests["sha-256"])
            draft.complete(source, sealer.digest)
        except SourceError:
            self._outbox.abandon(attempt)
            raise
        if attempt.submission is not None:
            self._send_again(attempt, source, draft.path)
            return
        cid = cids.to_text(sealer.root)
        commitment = content_encryption.commit(attempt.content_key, attempt.evidence, attempt.salt)
        content = Content(
            cid, content_encryption.padded_size(source.size), attempt.salt, commitment
        )
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
            draft.type,
            {
                "digests": digests,
                "size": source.size,
                **draft.described,
                "content": content.as_json(),
            },
            evidence=attempt.evidence,
            seq=0,
            prev=None,
            time=now,
            members={"occurred": {"from": format_time(now), "clock": "system"}} | draft.members(),
            sealed_keys=grants,
        )
        done = UploadResult(
            str(draft.path), attempt.evidence, source.size, digests, cid, None, (), attempt.resumed,
            draft.number(), mismatch=draft.mismatch,
        )  # fmt: skip
        self._outbox.queue(signed.submission, done, source.identity)

    def _send_again(
        self, attempt: UploadAttempt, source: Steady | SegmentedFile | Made, path: Path
    ) -> None:
        assert attempt.submission is not None
        assert attempt.done is not None
        done = replace(attempt.done, path=str(path))
        if done.index is not None:
            self._outbox.tell(done)
        else:
            self._outbox.queue(attempt.submission, done, source.identity)

    def _folder(self, given: UploadRequest) -> Iterator[UploadResult]:
        """Every regular file of a folder as an item of its own, then the folder as a gathered
        item.
        """
        # so that everything acknowledged below is a member of the folder
        yield from self._outbox.flush()
        said = described(name_members(given.name, None, {}), given.options.own)
        draft = FileDraft(
            given, given.path, given.place, given.details(), said, self._parts(given), "gathered"
        )
        anew = self._may_be_left_out(draft)
        refusal = self._taken(draft)
        found = self._gathering(draft, look=not given.options.again)
        gathered = self._outbox.begin(given.place, given.place, given.details())
        recorded = self._outbox.is_recorded(gathered)
        spare = (
            uuid.uuid4().urn if recorded else ""
        )  # of a folder that was recorded, and is not any more what it was
        refusal = None if recorded else refusal
        try:
            with closing(given.walk(self._own)) as walk:
                for entry in walk:
                    if isinstance(entry, Folder):
                        found.manifest.folders.append(entry)
                    elif isinstance(entry, Omission):
                        self._omit(found, entry)
                    else:
                        self._member(found, entry, spare or gathered.evidence, refusal)
                        for done in self._outbox.ready():
                            found.acknowledged(done)
                            yield done
            for done in self._outbox.flush():
                found.acknowledged(done)
                yield done
            draft.described |= found.described()
            # The same folder gives the same manifest, and so the same item after a crash.
            made = Made(found.manifest.encode())
            if anew and self._is_left_out(draft, made):
                self._outbox.abandon(gathered)
            elif refusal is not None:
                raise refusal
            else:
                self._item(draft, made, gathered, spare)
        except ConflictError as error:
            if error is refusal:
                raise self._outbox.give_up(gathered, error) from error
            raise
        yield from self._outbox.flush()

    def _gathering(self, draft: FileDraft, *, look: bool) -> Gathering:
        """The folder, with the numbers of its files.

        Args:
            look: whether files of it may have been recorded before. Only where the folder was are
                its files asked for.
        """
        given, whole = draft.given, draft.number()
        identifiers = part_numbers.numbered(given.options.identifiers, whole)
        found = Gathering(given, self._numbers(identifiers) if whole else None)
        self.before.look_for([draft.wanted] if look else [])
        if look and (earlier := self.before.may_be(draft.wanted)):
            found.earlier = part_numbers.number_of(earlier[-1].get("identifiers", []), "exhibit")
            with closing(given.walk(self._own)) as walk:
                self.before.look_for(
                    found.draft(entry.path).wanted
                    for entry in walk
                    if isinstance(entry, folder_walk.File)
                )
        return found

    def _omit(self, gathering: Gathering, omission: Omission) -> None:
        if omission.kind == folder_walk.OWN and not omission.path:
            raise givens.own_files(gathering.given.path, omission.reason.rpartition(": ")[2])
        gathering.manifest.omissions.append(omission)
        self.left_out.append(LeftOut.of(omission, gathering.path(omission.path)))

    def _member(
        self,
        gathering: Gathering,
        one: folder_walk.File,
        part_of: str,
        refusal: ConflictError | None,
    ) -> None:
        """A file of a folder: queued, or left out as recorded before, or an omission."""
        draft = gathering.draft(one.path)
        draft.described["partOf"] = part_of
        try:
            fd = one.open()
        except OSError as error:
            self._omit(gathering, Omission(one.path, "file", folder_walk.reason_of(error)))
            return
        with os.fdopen(fd, "rb", buffering=0) as file:
            try:
                source = Steady(file, draft.path)
                known = (source.before.st_dev, source.before.st_ino)
                if own := folder_walk.why_own(fd, known, self._own):
                    self._omit(gathering, Omission(one.path, folder_walk.OWN, own))
                    return
                self._file(draft, source, refusal)
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
