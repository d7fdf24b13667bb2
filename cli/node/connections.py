"""Connections of a server by peer: one address cannot take the places of all others, and whoever is
silent goes first.

Beyond the limits it is never the newcomer who is turned away while somebody else only sits there:
of the peer's own connections, or of all where the whole server is full, the one goes that has been
silent longest among those that wait for their client (for a head, a further part of a body, or a
reader of the answer). Only where all are being answered the newcomer goes. A reverse proxy that the
operator named speaks for many, so its connections have no limit of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

from api.proxies import Trusted, counted

EACH: Final = 128  # connections of one address; browsers open six, a client of ours eight
MOST: Final = (
    512  # of all; each is a file descriptor, and 1,024 of those is what a process gets by default
)


class Connection(Protocol):
    """What is asked of a connection."""

    heard: float  # when the client last gave a sign of life

    def waits(self) -> bool:
        """Whether it is the client's turn."""

    def abort(self) -> None:
        """End it at once, whatever was not sent yet."""


class Connections:
    """Those of one server, on its event loop alone."""

    def __init__(
        self, trusted: Trusted | None = None, *, each: int = EACH, most: int = MOST
    ) -> None:
        self._trusted = trusted
        self._each, self._most = each, most
        self._peers: dict[Connection, str] = {}
        self._by_peer: dict[str, set[Connection]] = {}

    def admit(self, newcomer: Connection, peer: str) -> bool:
        """Whether there is a place, if need be somebody else's."""
        key = counted({"client": (peer, 0)})
        if self._trusted is None or not self._trusted.speaks(peer):
            mine = self._by_peer.get(key, set())
            if len(mine) >= self._each and not self._cut(mine):
                return False
        if len(self._peers) >= self._most and not self._cut(self._peers):
            return False
        self._peers[newcomer] = key
        self._by_peer.setdefault(key, set()).add(newcomer)
        return True

    def leave(self, connection: Connection) -> None:
        """It is over."""
        key = self._peers.pop(connection, None)
        if key is not None:
            self._by_peer[key].discard(connection)
            if not self._by_peer[key]:
                del self._by_peer[key]

    def _cut(self, among: Iterable[Connection]) -> bool:
        silent = min((one for one in among if one.waits()), key=lambda one: one.heard, default=None)
        if silent is None:
            return False
        self.leave(silent)
        silent.abort()
        return True
