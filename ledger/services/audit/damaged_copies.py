"""Files of a copy, each whole by itself: what happened to a copy on its way accuses nobody."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from hashlib import sha256
from typing import Final

from ledger.domain.audit.ports import LogFiles
from ledger.domain.errors import CustodyError, UnreadableError
from ledger.domain.identity import revocation_list as revocation_lists
from ledger.domain.log import receipt as receipts
from ledger.domain.log import tiles

#: Folders whose files are named by their SHA-256.
_DIGESTS: Final = frozenset({"certs", "descriptors", "documents"})


class SoundFiles:
    """The files of a log, of which a damaged one cannot be read where they are a copy. A node
    answers for what it serves. See domain.audit.ports.LogFiles.
    """

    def __init__(self, files: LogFiles) -> None:
        self._files = files
        self.where = files.where

    @property
    def is_node(self) -> bool:
        """Whether a node of the agency shows them."""
        return self._files.is_node

    def known_at(self, services: AbstractSet[str]) -> None:
        """Where the agency's own node is."""
        self._files.known_at(services)

    def get(self, path: str) -> bytes:
        """A file.

        Raises:
            UnreadableError: a file of a copy is not what its name says.
        """
        data = self._files.get(path)
        if not self._files.is_node and not _is_sound(path, data):
            raise UnreadableError(
                f"{path} is damaged in this copy",
                hint="get the copy again (whoever keeps the log: `custody log export DIR "
                "--entries`)",
            )
        return data

    def close(self) -> None:
        """Release connections."""
        self._files.close()


def _is_sound(path: str, data: bytes) -> bool:
    folder, _, name = path.partition("/")
    try:
        if folder in _DIGESTS:
            return sha256(data).hexdigest() == name
        if folder in {"checkpoint", "checkpoints"}:
            receipts.parse_checkpoint(data)
        elif folder in {"crl", "crls"}:
            revocation_lists.load_crl(data)
        elif folder == "tile":
            place = tiles.parse_path(name)
            if place.level is None:
                return len(tiles.split_bundle(data)) == place.width
            return len(data) == 32 * place.width
    except receipts.SizeError:
        return True  # whole, and told as what it claims
    except CustodyError:
        return False
    return True
