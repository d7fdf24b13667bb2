"""One try at sealing a file under the keys of its attempt, and afresh where the content is not what
an earlier try saw.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ledger.client.files.segmented_file import SegmentedFile
from ledger.client.files.steady_file import Made, Steady
from ledger.client.intake.content_sealer import ContentEncryptor
from ledger.client.intake.upload_attempts import UploadAttempt
from ledger.client.intake.upload_queue import ContentChanged, UploadQueue
from ledger.client.intake.upload_request import UploadOptions
from ledger.domain.codecs.digests import MultiDigest
from ledger.domain.crypto.content_encryption import Pieces
from ledger.domain.ipld import cid as cids


class AttemptSealing:
    """Seals streams into the queue of one run.

    Args:
        notices: what is to be said besides; added to.
    """

    def __init__(
        self, outbox: UploadQueue, progress: Callable[[int], None], notices: list[str]
    ) -> None:
        self._outbox = outbox
        self._progress = progress
        self._notices = notices
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="seal")

    def close(self) -> None:
        """Stop; what was begun ends first."""
        self._pool.shutdown(cancel_futures=True)

    def seal(
        self,
        options: UploadOptions,
        source: Steady | SegmentedFile | Made,
        path: Path,
        attempt: UploadAttempt,
        spare: str,
        stated: Collection[str] = (),
    ) -> tuple[UploadAttempt, ContentEncryptor]:
        """Seal under the attempt's keys; afresh where the content is not what an earlier run
        saw.

        Args:
            stated: algorithms of digests that others stated, which are computed as well.
        """
        names = options.algorithms, stated
        try:
            sealer = self._seal(names, source, path, attempt)
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
                self._notices.append(
                    f"{path} changed since its upload was interrupted; the earlier content is "
                    f"recorded as {attempt.evidence}"
                )
        attempt = self._outbox.afresh(attempt, spare)
        source.file.seek(0)
        return attempt, self._seal(names, source, path, attempt)

    def _seal(
        self,
        names: tuple[Collection[str], Collection[str]],
        source: Steady | SegmentedFile | Made,
        path: Path,
        attempt: UploadAttempt,
    ) -> ContentEncryptor:
        pieces = Pieces(attempt.content_key, attempt.evidence, attempt.salt)
        sealer = ContentEncryptor(
            source.file,
            source.size,
            pieces,
            self._pool,
            MultiDigest(*names),
            self._progress,
            path,
        )
        for block in sealer.blocks():
            self._outbox.add_block(attempt, block)
        return sealer
