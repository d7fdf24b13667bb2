"""An item that is read: its access is signed first, then its content is fetched. Of a folder that
is its manifest, which is kept to be gone by.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cli.items import items
from cli.terminal import output

if TYPE_CHECKING:
    from cli.items.short_ids import Named
    from cli.node.session import Session
    from ledger.client.reading.retrieval import Opened, Sink
    from ledger.domain.files.manifest import Manifest


class Read:
    """An item that somebody named, with the access to it that was signed.

    ``listed``: what the manifest of a folder lists, once its content was read; ``problem``: why
    there is none, though the item was recorded as a folder.

    Args:
        typed: how the item was named. basis: why it is read, as far as the command line said it.

    Raises:
        NotFoundError: the item has no content; nothing was signed.
    """

    def __init__(self, session: Session, named: Named, typed: str, basis: str) -> None:
        from ledger.client.reading import retrieval
        from ledger.domain.errors import NotFoundError
        from ledger.domain.files.manifest import MEDIA_TYPE

        self.session = session
        self.named = named
        self.urn = self.named.urn
        if not session.node.readable(self.urn, "copy").content:
            raise NotFoundError(
                "this item has no content", hint="see its record: custody show ID --basis WHY"
            )
        self.said = items.reason(basis, self.named, typed, "get")
        self.access = retrieval.record_access(
            session.node, session.person, session.clock, self.urn, mode="copy", basis=self.said
        )
        self.body = retrieval.content_record(session.node.details(self.urn, self.access))
        self.is_folder = self.body.get("mediaType") == MEDIA_TYPE
        self.listed: Manifest | None = None
        self.problem = ""

    def content(self, out: Sink | None) -> Opened:
        """Fetch the content, compared with the record; a manifest is parsed as well.

        Raises:
            VerificationError: it is not what was recorded.
        """
        from ledger.client.reading import retrieval
        from ledger.domain.files import manifest

        is_kept = self.is_folder and self.body["size"] <= manifest.AT_ONCE
        session, kept = self.session, _Kept(out, is_kept)
        with output.progress("decrypting", self.body["size"]) as advance:
            opened = retrieval.fetch(
                session.node,
                session.person,
                self.urn,
                self.access,
                kept,
                advance,
                recorded=self.body,
            )
        if self.is_folder:
            self._parse(kept)
        return opened

    def _parse(self, kept: _Kept) -> None:
        from ledger.domain.errors import FormatError
        from ledger.domain.files import manifest

        if kept.data is None:
            self.problem = (
                "it says to be the manifest of a folder, and is too long to be read at once"
            )
            return
        try:
            self.listed = manifest.parse(bytes(kept.data))
        except FormatError as error:
            self.problem = (
                f"it was recorded as the manifest of a folder, and is none: {error.message}"
            )


class _Kept:
    """Content on its way into a file, and kept besides where it is to be read here: whoever
    recorded it chose its size and its bytes.
    """

    def __init__(self, file: Sink | None, keep: bool) -> None:
        self._file = file
        self.data = bytearray() if keep else None

    def write(self, data: bytes) -> int:
        """Write more of it."""
        if self.data is not None:
            self.data += data
        if self._file is not None:
            self._file.write(data)
        return len(data)


def same_as_recorded(what: str, digests: Mapping[str, str]) -> list[str]:
    """That content which was written is what was recorded, with its digest whole on a line of its
    own: somebody may compare it.
    """
    return [f"{what}, same sha-256 as recorded", f"  {digests['sha-256']}"]
