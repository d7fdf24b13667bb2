"""What an upload would record, found out by the very steps of an upload, but for those that seal,
sign, send or write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from ledger.client.files import folder_walk
from ledger.client.files.segmented_file import SegmentedFile
from ledger.client.files.steady_file import Made, Steady
from ledger.client.intake.file_draft import FileDraft
from ledger.client.intake.upload import Upload
from ledger.client.intake.upload_attempts import UploadAttempt, UploadResult
from ledger.client.intake.upload_request import UploadOptions
from ledger.domain.errors import RuleError
from ledger.domain.event.signing import Person
from ledger.domain.ports.client import Journal, NodeApi
from ledger.domain.ports.node_and_chain import Clock

#: The place in the log of what is not there yet.
PLANNED: Final = -1
# As long as those that a manifest would have, which then has the size that it will have.
_DIGESTS: Final = {"sha-256": "0" * 64}
_CID: Final = "b" + "a" * 58


class Preview(Upload):
    """One run that only looks. Items that would be recorded come with the index ``PLANNED``, and
    with an id, digests and a CID that say nothing.
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
        looking: Any = _Looking(node)
        super().__init__(person, looking, _Unwritten(journal), clock, options, progress, own)

    def _item(
        self,
        draft: FileDraft,
        source: Steady | SegmentedFile | Made,
        attempt: UploadAttempt,
        spare: str = "",
    ) -> None:
        """Tell an item where an upload would seal and sign it."""
        self._progress(source.size)
        self._outbox.tell(
            UploadResult(
                str(draft.path), spare or attempt.evidence, source.size, _DIGESTS, _CID, PLANNED,
                (), attempt.resumed, draft.number(),
            )
        )  # fmt: skip


class _Looking:
    """A node that is asked, and given nothing."""

    def __init__(self, node: NodeApi) -> None:
        self._node = node

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)

    def put_blocks(self, _: Sequence[Any]) -> None:
        """Refused: nothing is sent."""
        raise _not_settled()

    def register(self, _: Sequence[Any]) -> Any:
        """Refused: nothing is sent, also nothing that an earlier run signed."""
        raise _not_settled()


def _not_settled() -> RuleError:
    return RuleError(
        "whether an earlier upload of this was recorded is not known before it is sent once more",
        hint="start the upload itself, without --dry-run",
    )


class _Unwritten:
    """A journal that is read, and not written to."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def leftovers(self) -> list[dict[str, Any]]:
        """See clientports.Journal."""
        return self._journal.leftovers()

    def append(self, record: dict[str, Any]) -> None:
        """Nothing is added."""

    def sync(self) -> None:
        """Nothing is made durable."""

    def finish(self, keep: Sequence[dict[str, Any]] = ()) -> None:
        """Nothing is dropped."""

    def close(self) -> None:
        """See clientports.Journal."""
        self._journal.close()
