"""The port to an authority that says what time it is."""

from __future__ import annotations

from typing import Protocol

from ledger.domain.timestamps.authorities import TimeAuthority
from ledger.domain.timestamps.tokens import Token


class TimeAuthorityApi(Protocol):
    """An authority (RFC 3161) as it is reached. Nothing here is repeated by itself."""

    @property
    def authority(self) -> TimeAuthority:
        """Whose answers it takes: name, roots and policies."""
        ...

    def stamp(self, digest: bytes) -> Token:
        """Ask for a token over a SHA-256; that and a random number are all that it learns.

        Raises:
            NetworkError: it does not answer in time, or gives none. FormatError: what it answers
                is no token for this request.
        """
        ...

    def revocation_list(self, url: str) -> bytes:
        """The revocation list (DER) at an address that a certificate of the authority names.

        Raises:
            NetworkError: it cannot be had. FormatError, UsageError: that is no list or no address.
        """
        ...
